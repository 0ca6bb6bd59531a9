//! Edits the text of a YAML stream: bytes outside the edited values do not change.

use super::edit::{Edit, Step, apply};
use super::tree::{Node, Offset, Value as Shape, load};
use super::writer;
use anyhow::{Context, Result, bail};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::ops::Range;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The non-empty documents of a stream.
pub fn documents(text: &str) -> Result<Vec<Value>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let documents: Vec<Option<Value>> = serde_saphyr::from_multiple(text)?;
    let documents = documents.into_iter().flatten();
    Ok(documents.filter(|document| !document.is_null()).collect())
}

/// The text with edits in one of its documents. The result is parsed and compared with the same
/// edits to the value, so text that this code cannot handle is rejected, never corrupted.
pub fn edit(text: &str, document: usize, edits: &[Edit]) -> Result<String> {
    let mut expected = documents(text)?;
    let mut new = text.to_owned();
    for edit in edits {
        let read = load(&new, Offset::default());
        let mut trees =
            read.map_err(|broken| anyhow::anyhow!("line {}: {}", broken.line, broken.what))?;
        if trees.len() != expected.len() || document >= trees.len() {
            bail!("its documents cannot be separated");
        }
        let root = trees.swap_remove(document);
        let page = Page::new(&new, &root);
        let (bytes, insertion) = match edit {
            Edit::Set(path, value) => page.set(&root, path, value)?,
            Edit::Append(path, value) => page.append(&root, path, value)?,
            Edit::Remove(path) => (page.removed(&root, path)?, String::new()),
        };
        new.replace_range(bytes, &insertion);
    }
    if let Some(document) = expected.get_mut(document) {
        apply(document, edits);
    }
    let read = documents(&new).context("the edited text is not valid YAML")?;
    if read != expected || is_json(text) && !is_json(&new) {
        bail!("its formatting cannot be edited without changing more than intended");
    }
    Ok(new)
}

fn is_json(text: &str) -> bool {
    let text = text.trim_start_matches(BYTE_ORDER_MARK).trim_start();
    text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The text with a comment after the key or element at a path.
pub fn annotate(text: &str, path: &[Step], comment: &str) -> String {
    let place = || {
        let root = load(text, Offset::default()).ok()?.into_iter().next()?;
        let (owner, node) = find(&root, path)?;
        let at = owner.map_or(node.bytes.start, |key| key.bytes.end);
        Some(line_end(text, at))
    };
    match place() {
        Some(at) => format!("{} # {comment}{}", &text[..at], &text[at..]),
        None => text.to_owned(),
    }
}

/// The node at a path, and its key if it has one.
fn find<'a>(root: &'a Node, path: &[Step]) -> Option<(Option<&'a Node>, &'a Node)> {
    path.iter()
        .try_fold((None, root), |(_, node), step| match step {
            Step::Key(key) => node.entry(key).map(|(key, value)| (Some(key), value)),
            Step::Item(index) => node.items().get(*index).map(|item| (None, item)),
        })
}

/// The bytes to replace, and their replacement.
type Splice = (Range<usize>, String);

const CHANGED: &str = "it does not contain the value to edit";
const STRANGE: &str = "its formatting cannot be edited";

struct Page<'a> {
    text: &'a str,
    newline: &'static str,
    /// Lists are not indented relative to their key.
    compact: bool,
    json: bool,
}

impl Page<'_> {
    fn new<'a>(text: &'a str, root: &Node) -> Page<'a> {
        Page {
            text,
            newline: match text.contains("\r\n") {
                true => "\r\n",
                false => "\n",
            },
            compact: lists_are_compact(text, root).unwrap_or(true),
            json: is_json(text),
        }
    }

    fn set(&self, root: &Node, path: &[Step], value: &Value) -> Result<Splice> {
        let mut node = root;
        let mut owner: Option<&Node> = None;
        for (depth, step) in path.iter().enumerate() {
            let missing = nested(&path[depth..], value);
            match step {
                Step::Item(index) => {
                    node = node.items().get(*index).context(CHANGED)?;
                    owner = None;
                }
                Step::Key(key) => match node.entry(key) {
                    Some((name, found)) => (owner, node) = (Some(name), found),
                    None if node.is_null() => return self.replace(node, owner, &missing),
                    None => return self.insert(node, &missing),
                },
            }
        }
        self.replace(node, owner, value)
    }

    fn append(&self, root: &Node, path: &[Step], value: &Value) -> Result<Splice> {
        let list = match find(root, path) {
            Some((_, node)) if node.is_list() => node,
            _ => return self.set(root, path, &Value::Array(vec![value.clone()])),
        };
        let like = list.items().last();
        let whole = Value::Array(vec![value.clone()]);
        let written = match value.as_str() {
            Some(text) => like.and_then(|item| self.quoted_like(item, text)),
            None => None,
        };
        if list.flow {
            let inner = written.unwrap_or_else(|| self.line(value));
            return Ok(match list.items().first() {
                Some(first) => (list.tail..list.tail, self.beside(list, first, &inner)),
                None => (list.bytes.clone(), format!("[{inner}]")),
            });
        }
        let column = self.column(list.bytes.start);
        let lines = match written {
            Some(text) => format!("{}- {text}", " ".repeat(column)),
            None => self.block(&whole, column),
        };
        let at = self.line_end(list.tail);
        Ok((at..at, format!("{}{lines}", self.newline)))
    }

    /// Adds a key at the end of a map.
    fn insert(&self, map: &Node, entry: &Value) -> Result<Splice> {
        if !map.is_map() {
            bail!(STRANGE);
        }
        if map.flow {
            let inner = self.line(entry);
            let inner = inner.trim_start_matches('{').strip_suffix('}');
            let inner = inner.unwrap_or_default();
            return Ok(match map.entries().first() {
                Some((first, _)) => (map.tail..map.tail, self.beside(map, first, inner)),
                None => (map.bytes.clone(), format!("{{{inner}}}")),
            });
        }
        let first = map.entries().first().context(STRANGE)?;
        let lines = self.block(entry, self.column(first.0.bytes.start));
        let at = self.line_end(map.tail);
        Ok((at..at, format!("{}{lines}", self.newline)))
    }

    /// A value on one line, in the document's format.
    fn line(&self, value: &Value) -> String {
        match self.json {
            true => writer::write_json(value),
            false => writer::write_flow(value),
        }
    }

    /// Adds text after the last item in brackets: on its own line if the first item is.
    fn beside(&self, brackets: &Node, first: &Node, inner: &str) -> String {
        let before = &self.text[brackets.bytes.start..first.bytes.start];
        match before.rsplit_once('\n') {
            Some((_, margin)) if margin.trim().is_empty() => {
                format!(",{}{margin}{inner}", self.newline)
            }
            _ => format!(", {inner}"),
        }
    }

    fn replace(&self, node: &Node, key: Option<&Node>, value: &Value) -> Result<Splice> {
        let in_flow = self.text[..node.bytes.start]
            .trim_end()
            .ends_with(['[', '{', ',']);
        let line = match value {
            Value::Array(_) | Value::Object(_) => None,
            Value::String(text) => Some(self.quoted_like(node, text)),
            _ => Some(None),
        };
        let line = line.map(|quoted| {
            quoted.unwrap_or_else(|| match in_flow || self.json {
                true => self.line(value),
                false => writer::write(value).trim_end().to_owned(),
            })
        });
        if node.is_empty() {
            let at = self.after_colon(key.context(STRANGE)?)?;
            return Ok(match line {
                Some(text) => (at..at, format!(" {text}")),
                None => {
                    let column = key.map_or(0, |key| self.column(key.bytes.start));
                    let flat = value.is_array() && self.compact;
                    let lines = self.block(value, if flat { column } else { column + 2 });
                    let end = self.line_end(at);
                    (end..end, format!("{}{lines}", self.newline))
                }
            });
        }
        let text = value.as_str().unwrap_or_default().trim_matches('\n');
        if node.block && text.contains('\n') {
            return Ok((node.bytes.clone(), self.indented(node, text)));
        }
        let bytes = match node.block {
            true => self.header(node)?..node.bytes.end,
            false => node.bytes.clone(),
        };
        let stands_in_block = (node.is_list() || node.is_map()) && !node.flow;
        Ok(match line {
            Some(text) => (bytes, text),
            None if stands_in_block => {
                let column = self.column(node.bytes.start);
                (bytes, self.block(value, column)[column..].to_owned())
            }
            None => (bytes, self.line(value)),
        })
    }

    /// A text in the same quotes as another; none if that has no quotes.
    fn quoted_like(&self, other: &Node, text: &str) -> Option<String> {
        match self.text.as_bytes().get(other.bytes.start) {
            Some(b'"') => Some(Value::from(text).to_string()),
            Some(b'\'') if !text.contains(['\n', '\r', '\t']) => {
                Some(format!("'{}'", text.replace('\'', "''")))
            }
            _ => None,
        }
    }

    /// A multi-line text as a block scalar with the existing indentation.
    fn indented(&self, scalar: &Node, text: &str) -> String {
        let margin = " ".repeat(self.column(scalar.bytes.start));
        let lines = text.lines().enumerate().map(|(at, line)| match line {
            line if at == 0 || line.is_empty() => line.to_owned(),
            line => format!("{margin}{line}"),
        });
        lines.collect::<Vec<_>>().join(self.newline)
    }

    /// The position of a block scalar's `|` or `>`.
    fn header(&self, scalar: &Node) -> Result<usize> {
        let before = self.text[..scalar.bytes.start].trim_end();
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let at = before[line..].rfind(['|', '>']).context(STRANGE)?;
        Ok(line + at)
    }

    /// The bytes of a key or element to remove: its lines in a block, its comma in brackets.
    fn removed(&self, root: &Node, path: &[Step]) -> Result<Range<usize>> {
        let (last, parents) = path.split_last().context(STRANGE)?;
        let (_, parent) = find(root, parents).context(CHANGED)?;
        let (starts, index): (Vec<(usize, usize)>, usize) = match last {
            Step::Item(index) => {
                let items = parent.items().iter();
                (
                    items.map(|i| (i.bytes.start, i.bytes.end)).collect(),
                    *index,
                )
            }
            Step::Key(name) => {
                let entries = parent.entries().iter();
                let index = entries
                    .clone()
                    .position(|(key, _)| key.text() == Some(name));
                let ends = |(key, value): &(Node, Node)| {
                    (key.bytes.start, value.bytes.end.max(key.bytes.end))
                };
                (entries.map(ends).collect(), index.context(CHANGED)?)
            }
        };
        let (start, end) = *starts.get(index).context(CHANGED)?;
        if parent.flow {
            return Ok(match (starts.get(index + 1), index.checked_sub(1)) {
                (Some((next, _)), _) => start..*next,
                (None, Some(before)) => starts[before].1..end,
                (None, None) => start..end,
            });
        }
        if starts.len() == 1 {
            bail!("it is the only one of its kind there");
        }
        let line = self.text[..start].rfind('\n').map_or(0, |end| end + 1);
        let lead = self.text[line..start].trim_start();
        let alone = match last {
            Step::Item(_) => lead.trim_end() == "-",
            Step::Key(_) => lead.is_empty(),
        };
        if !alone {
            bail!(STRANGE);
        }
        let end = self.text[end..].find('\n').map(|after| end + after + 1);
        Ok(line..end.context(STRANGE)?)
    }

    fn block(&self, value: &Value, column: usize) -> String {
        let margin = " ".repeat(column);
        let text = writer::write_lists(value, self.compact);
        // The serializer also indents top-level lists if lists are indented; here the column
        // already includes it.
        let text = text.trim_end();
        let own = text.len() - text.trim_start_matches(' ').len();
        let lines: Vec<String> = text
            .lines()
            .map(|line| format!("{margin}{}", line.get(own..).unwrap_or(line)))
            .collect();
        lines.join(self.newline)
    }

    fn column(&self, at: usize) -> usize {
        column(self.text, at)
    }

    fn line_end(&self, at: usize) -> usize {
        line_end(self.text, at)
    }

    fn after_colon(&self, key: &Node) -> Result<usize> {
        let colon = self.text[key.bytes.end..].find(':').context(CHANGED)?;
        Ok(key.bytes.end + colon + 1)
    }
}

fn column(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
    let line = text[line..at].trim_start_matches(BYTE_ORDER_MARK);
    line.len()
}

fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    at + text[at..end].trim_end_matches('\r').len()
}

/// Nested maps for the remaining keys of a path, with the value in the last.
fn nested(path: &[Step], value: &Value) -> Value {
    path.iter()
        .rev()
        .fold(value.clone(), |inner, step| match step {
            Step::Key(key) => Value::Object(Map::from_iter([(key.clone(), inner)])),
            Step::Item(_) => inner,
        })
}

/// Whether this text indents lists: decided by the first one under a key.
fn lists_are_compact(text: &str, node: &Node) -> Option<bool> {
    match &node.value {
        Shape::Map(entries) if !node.flow => entries.iter().find_map(|(key, value)| {
            match value.is_list() && !value.flow && !value.items().is_empty() {
                true => Some(column(text, key.bytes.start) == column(text, value.bytes.start)),
                false => lists_are_compact(text, value),
            }
        }),
        Shape::List(items) => items.iter().find_map(|item| lists_are_compact(text, item)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
