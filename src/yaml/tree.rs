//! The tree of a YAML text: where each value is, by line and column for people and by byte for the
//! editor.
//!
//! Uses serde-saphyr's own parser below serde, because findings point at a place, texts must stay as
//! written (`20.10` is a tag, not a number), and text that multiplies through aliases must be rejected
//! before it exhausts memory.

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// More than any real file needs; limits hostile ones.
const MOST_NODES: usize = 300_000;
const MOST_DOCUMENTS: usize = 1_000;
const DEEPEST: usize = 200;

/// A range in a text, from 1; columns count characters, and the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
    /// Its bytes, without what follows it.
    pub(crate) bytes: Range<usize>,
    /// For a list or a map: where its last part ends.
    pub(super) tail: usize,
    /// In brackets, on one line or several.
    pub(super) flow: bool,
    /// Its text is in a block scalar, `|` or `>`.
    pub(super) block: bool,
    /// It has the tag `!reference`: it names another place in the file, and is not a list.
    pub(crate) reference: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// As written, without its quotes; a text in quotes or a block is never null or a number.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys are nodes too: most findings point at one.
    Map(Vec<(Node, Node)>),
}

/// Why and where a text is not valid YAML.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) what: String,
}

/// The position of a text inside another one: the lines above it, and its indentation.
#[derive(Clone, Copy, Default)]
pub(crate) struct Offset {
    pub(crate) lines: usize,
    pub(crate) columns: usize,
}

impl Node {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        let mut entries = self.entries().iter();
        let (key, value) = entries.find(|(name, _)| name.text() == Some(key))?;
        Some((key, value))
    }

    /// `at(&["spec", "template"])`: the node at this path, if all of it exists.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    pub(crate) fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Without a value: `key:`.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.text()
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// Unquoted text: it may also be a number or a boolean.
    pub(crate) fn is_word(&self) -> bool {
        matches!(&self.value, Value::Scalar { plain: true, .. })
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text.eq_ignore_ascii_case("true"))
    }

    /// The texts of a list, or the single text in place of a list.
    pub(crate) fn words(&self) -> impl Iterator<Item = &Node> {
        let single = std::slice::from_ref(self);
        let all = if self.is_list() { self.items() } else { single };
        all.iter().filter(|node| node.text().is_some())
    }
}

/// Every non-empty document of a text.
pub(crate) fn load(text: &str, offset: Offset) -> Result<Vec<Node>, Broken> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader = Loader {
        text,
        start: text.len() - body.len(),
        offset,
        documents: Vec::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut options = Options::default();
    // Its parser keeps at most 96 comments in a row, and none are needed here.
    options.set_emit_comments(false);
    for next in Parser::new_from_str_with_options(body, options) {
        let (event, span) = next.map_err(|error| {
            let at = error.marker();
            let what = error.info().to_owned();
            loader.broken(at.line(), at.col() + 1, what)
        })?;
        let (place, bytes) = (loader.span(&span), loader.bytes(&span));
        loader.take(event, place, bytes)?;
    }
    Ok(loader.documents)
}

struct Loader<'a> {
    text: &'a str,
    /// Bytes of the byte order mark.
    start: usize,
    offset: Offset,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Sized>,
    nodes: usize,
}

/// A list or a map that has not ended yet; a map's keys and values alternate.
struct Open {
    is_map: bool,
    flow: bool,
    bytes: Range<usize>,
    parts: Vec<Node>,
    anchor: usize,
    size: usize,
    depth: usize,
    start: Span,
    reference: bool,
}

/// A node, the number of nodes in it, and its depth.
#[derive(Clone)]
struct Sized {
    node: Node,
    size: usize,
    depth: usize,
}

impl Loader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span, bytes: Range<usize>) -> Result<(), Broken> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = Value::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                };
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let node = Node {
                    value,
                    span,
                    tail: bytes.end,
                    bytes: match block {
                        true => self.trimmed(bytes),
                        false => bytes,
                    },
                    flow: false,
                    block,
                    reference: is_reference(tag.as_ref()),
                };
                self.close(leaf(node), anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(false, style == StructureStyle::Flow, anchor, (span, bytes))?;
                if let Some(open) = self.open.last_mut() {
                    open.reference = is_reference(tag.as_ref());
                }
                Ok(())
            }
            Event::MappingStart(style, anchor, _) => {
                self.open(true, style == StructureStyle::Flow, anchor, (span, bytes))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let anchor = open.anchor;
                    let mut done = open.finish(span, bytes.end);
                    self.include_dash(&mut done.node);
                    self.close(done, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(mut target) => {
                    self.nodes += target.size;
                    target.node.tail = bytes.end;
                    target.node.bytes = bytes;
                    self.close(target, 0)
                }
                None => Err(self.refuse(span, "an alias inside its own anchor")),
            },
            Event::DocumentStart(..) if self.documents.len() >= MOST_DOCUMENTS => {
                Err(self.refuse(span, &format!("more than {MOST_DOCUMENTS} documents")))
            }
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        is_map: bool,
        flow: bool,
        anchor: usize,
        (start, bytes): (Span, Range<usize>),
    ) -> Result<(), Broken> {
        if self.open.len() >= DEEPEST {
            return Err(self.refuse(start, &format!("nested deeper than {DEEPEST} levels")));
        }
        self.open.push(Open {
            is_map,
            flow,
            bytes,
            parts: Vec::new(),
            anchor,
            size: 1,
            depth: 1,
            start,
            reference: false,
        });
        Ok(())
    }

    /// Adds a finished node to its parent.
    fn close(&mut self, done: Sized, anchor: usize) -> Result<(), Broken> {
        let span = done.node.span;
        // What is kept for an alias, or expanded by one, counts again.
        self.nodes += if anchor > 0 { done.size } else { 1 };
        if self.nodes > MOST_NODES || done.size > MOST_NODES {
            let what = format!("more than {MOST_NODES} values, counting each use of an alias");
            return Err(self.refuse(span, &what));
        }
        if self.open.len() + done.depth > DEEPEST {
            return Err(self.refuse(span, &format!("nested deeper than {DEEPEST} levels")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, done.clone());
        }
        match self.open.last_mut() {
            Some(parent) => {
                parent.size += done.size;
                parent.depth = parent.depth.max(done.depth + 1);
                parent.parts.push(done.node);
            }
            None if done.node.is_null() => {}
            None => self.documents.push(done.node),
        }
        Ok(())
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let place = |mark: granit_parser::Marker| {
            (
                mark.line() + self.offset.lines,
                mark.col() + 1 + self.offset.columns,
            )
        };
        let ((line, column), (end_line, end_column)) = (place(span.start), place(span.end));
        Span {
            line,
            column,
            end_line,
            end_column,
        }
    }

    fn bytes(&self, span: &granit_parser::Span) -> Range<usize> {
        let at = |mark: granit_parser::Marker| mark.byte_offset().unwrap_or_default() + self.start;
        at(span.start)..at(span.end)
    }

    /// A block scalar ends with its last visible character.
    fn trimmed(&self, bytes: Range<usize>) -> Range<usize> {
        let body = self.text.get(bytes.clone()).unwrap_or_default();
        bytes.start..bytes.start + body.trim_end().len()
    }

    /// For a list that is not indented under its key, the parser reports only what follows its first
    /// dash.
    fn include_dash(&self, list: &mut Node) {
        let key = self
            .open
            .last()
            .filter(|open| open.is_map && open.parts.len() % 2 == 1);
        let Some(key) = key
            .and_then(|open| open.parts.last())
            .filter(|_| list.is_list() && !list.flow)
        else {
            return;
        };
        let mut at = key.bytes.end;
        let between = self.text.get(at..list.bytes.start).unwrap_or_default();
        for line in between.split_inclusive('\n') {
            let words = line.trim_start();
            if words.starts_with("- ") || words.trim_end() == "-" {
                list.bytes.start = at + line.len() - words.len();
                return;
            }
            at += line.len();
        }
    }

    fn broken(&self, line: usize, column: usize, what: String) -> Broken {
        Broken {
            line: line + self.offset.lines,
            column: column + self.offset.columns,
            what,
        }
    }

    fn refuse(&self, span: Span, what: &str) -> Broken {
        Broken {
            line: span.line,
            column: span.column,
            what: what.to_owned(),
        }
    }
}

/// GitLab's `!reference [job, key]`.
fn is_reference(tag: Option<&Cow<'_, Tag>>) -> bool {
    tag.is_some_and(|tag| tag.parts() == ("!", "reference"))
}

fn leaf(node: Node) -> Sized {
    Sized {
        node,
        size: 1,
        depth: 1,
    }
}

impl Open {
    /// Flow style ends where the parser reports it; a block ends with its last item.
    fn finish(self, end: Span, closed: usize) -> Sized {
        let ends = self.parts.iter().rev().take(2).map(|part| part.bytes.end);
        let tail = ends.max().unwrap_or(self.bytes.start);
        let bytes = self.bytes.start..if self.flow { closed } else { tail };
        let span = Span {
            end_line: end.end_line,
            end_column: end.end_column,
            ..self.start
        };
        let value = match self.is_map {
            false => Value::List(self.parts),
            true => Value::Map(merged(self.parts)),
        };
        Sized {
            node: Node {
                value,
                span,
                bytes,
                tail,
                flow: self.flow,
                block: false,
                reference: self.reference,
            },
            size: self.size,
            depth: self.depth,
        }
    }
}

/// The entries of a map, then those merged by `<<`: its own take precedence.
fn merged(parts: Vec<Node>) -> Vec<(Node, Node)> {
    let mut entries: Vec<(Node, Node)> = Vec::new();
    let mut brought = Vec::new();
    let mut parts = parts.into_iter();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        if !matches!(&key.value, Value::Scalar { text, plain: true } if text == "<<") {
            entries.push((key, value));
            continue;
        }
        match value.value {
            Value::Map(more) => brought.extend(more),
            Value::List(maps) => {
                for map in maps {
                    if let Value::Map(more) = map.value {
                        brought.extend(more);
                    }
                }
            }
            Value::Scalar { .. } => {}
        }
    }
    let mut known: std::collections::HashSet<String> = entries
        .iter()
        .filter_map(|(key, _)| key.text().map(str::to_owned))
        .collect();
    for (key, value) in brought {
        if key.text().is_some_and(|name| known.insert(name.to_owned())) {
            entries.push((key, value));
        }
    }
    entries
}

#[cfg(test)]
mod tests;
