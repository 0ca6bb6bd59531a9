//! Where in a YAML text each value stands: the text's own tree, with byte offsets.

use anyhow::{Context, Result, bail};
use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

/// Deeper documents are nobody's manifests.
const DEEPEST: usize = 200;

/// A value and where it stands: `start` inclusive, `end` exclusive, without what follows it.
#[derive(Debug)]
pub struct Node {
    pub start: usize,
    pub end: usize,
    pub shape: Shape,
}

#[derive(Debug)]
pub enum Shape {
    Scalar(String),
    /// A reference to a value that stands elsewhere.
    Alias,
    List {
        flow: bool,
        items: Vec<Node>,
    },
    Map {
        flow: bool,
        entries: Vec<(Node, Node)>,
    },
}

/// The tree of a text that holds one document; none where it is empty.
pub fn parse(text: &str) -> Result<Option<Node>> {
    let mut open: Vec<Node> = Vec::new();
    let mut keys: Vec<Option<Node>> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.context("it is no YAML")?;
        let start = span.start.byte_offset().context("it is no UTF-8")?;
        let end = span.end.byte_offset().context("it is no UTF-8")?;
        let shape = match event {
            Event::Scalar(value, style, ..) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let end = if block { trim(text, start, end) } else { end };
                Some((Shape::Scalar(value.into_owned()), end))
            }
            Event::Alias(_) => Some((Shape::Alias, end)),
            Event::SequenceStart(style, ..) => {
                let flow = style == StructureStyle::Flow;
                open.push(Node {
                    start,
                    end,
                    shape: Shape::List {
                        flow,
                        items: Vec::new(),
                    },
                });
                keys.push(None);
                None
            }
            Event::MappingStart(style, ..) => {
                let flow = style == StructureStyle::Flow;
                open.push(Node {
                    start,
                    end,
                    shape: Shape::Map {
                        flow,
                        entries: Vec::new(),
                    },
                });
                keys.push(None);
                None
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (Some(mut done), Some(_)) = (open.pop(), keys.pop()) else {
                    bail!("it is no YAML");
                };
                done.end = done.last(end);
                if let (Some(Some(key)), Shape::List { flow: false, .. }) =
                    (keys.last(), &done.shape)
                {
                    done.start = first_dash(text, key, done.start);
                }
                attach(done, &mut open, &mut keys, &mut root);
                None
            }
            _ => None,
        };
        if open.len() > DEEPEST {
            bail!("it is nested too deep");
        }
        if let Some((shape, end)) = shape {
            attach(Node { start, end, shape }, &mut open, &mut keys, &mut root);
        }
    }
    Ok(root)
}

/// Puts a finished value into what it stands in.
fn attach(node: Node, open: &mut [Node], keys: &mut [Option<Node>], root: &mut Option<Node>) {
    let (Some(parent), Some(key)) = (open.last_mut(), keys.last_mut()) else {
        root.get_or_insert(node);
        return;
    };
    match (&mut parent.shape, key.take()) {
        (Shape::Map { entries, .. }, Some(key)) => entries.push((key, node)),
        (Shape::Map { .. }, None) => *key = Some(node),
        (Shape::List { items, .. }, _) => items.push(node),
        _ => {}
    }
}

/// The first dash of the list under a key: of one that is not indented, the parser tells only what
/// stands behind it.
fn first_dash(text: &str, key: &Node, list: usize) -> usize {
    let mut at = key.end;
    for line in text
        .get(key.end..list)
        .unwrap_or_default()
        .split_inclusive('\n')
    {
        let words = line.trim_start();
        if words.starts_with("- ") || words.trim_end() == "-" {
            return at + line.len() - words.len();
        }
        at += line.len();
    }
    list
}

/// A block scalar ends with its last visible character.
fn trim(text: &str, start: usize, end: usize) -> usize {
    let body = text.get(start..end).unwrap_or_default();
    start + body.trim_end().len()
}

impl Node {
    /// Brackets end where the parser says; a block ends with the last thing in it.
    fn last(&self, end: usize) -> usize {
        match &self.shape {
            Shape::List { flow: false, items } => items.last().map_or(self.start, |n| n.end),
            Shape::Map {
                flow: false,
                entries,
            } => {
                let last = entries.last();
                last.map_or(self.start, |(key, value)| value.end.max(key.end))
            }
            _ => end,
        }
    }

    pub fn is_empty_text(&self) -> bool {
        self.start >= self.end
    }

    /// The value of a key, and the key.
    pub fn entry(&self, name: &str) -> Option<(&Node, &Node)> {
        let Shape::Map { entries, .. } = &self.shape else {
            return None;
        };
        let found = entries
            .iter()
            .find(|(key, _)| matches!(&key.shape, Shape::Scalar(text) if text == name));
        found.map(|(key, value)| (key, value))
    }

    pub fn item(&self, index: usize) -> Option<&Node> {
        match &self.shape {
            Shape::List { items, .. } => items.get(index),
            _ => None,
        }
    }
}
