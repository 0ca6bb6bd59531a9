//! Edits in the text of a YAML document: comments, order and quotes stay as they are.

use super::tree::{self, Node, Shape};
use crate::remedy::template::{Edit, Step, apply};
use crate::remedy::yaml;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// The text with the edits in it. What comes out is read again and held against the edits made in
/// the document itself, so that a text which this does not understand is refused, never spoilt.
pub fn rewrite(text: &str, edits: &[Edit]) -> Result<String> {
    let dos = text.contains("\r\n");
    let mut new = text.replace("\r\n", "\n");
    let mut expected: Value = serde_saphyr::from_str(&new).context("it is no YAML")?;
    for edit in edits {
        let root = tree::parse(&new)?.context("it is empty")?;
        let page = Page {
            text: &new,
            compact: lists_are_compact(&new, &root),
        };
        let (at, cut, insertion) = match edit {
            Edit::Set(path, value) => page.set(&root, path, value)?,
            Edit::Append(path, value) => page.append(&root, path, value)?,
        };
        new.replace_range(at..cut, &insertion);
    }
    apply(&mut expected, edits);
    let read: Value = serde_saphyr::from_str(&new).context("the edited text is no YAML")?;
    if read != expected {
        bail!("it is written in a way that cannot be edited without changing more than is meant");
    }
    Ok(match dos {
        true => new.replace('\n', "\r\n"),
        false => new,
    })
}

/// What to put in place of which bytes.
type Splice = (usize, usize, String);

struct Page<'a> {
    text: &'a str,
    /// Lists stand under their key, not to the right of it.
    compact: bool,
}

impl Page<'_> {
    fn set(&self, root: &Node, path: &[Step], value: &Value) -> Result<Splice> {
        let mut node = root;
        let mut owner: Option<&Node> = None;
        for (depth, step) in path.iter().enumerate() {
            let missing = nested(&path[depth..], value);
            match step {
                Step::Item(index) => {
                    node = node.item(*index).context("it has changed")?;
                    owner = None;
                }
                Step::Key(key) => match node.entry(key) {
                    Some((name, found)) => (owner, node) = (Some(name), found),
                    None if node.is_empty_text() || is_null(node) => {
                        return self.replace(node, owner, &missing);
                    }
                    None => return self.insert(node, &missing),
                },
            }
        }
        self.replace(node, owner, value)
    }

    fn append(&self, root: &Node, path: &[Step], value: &Value) -> Result<Splice> {
        let found = path.iter().try_fold(root, |node, step| match step {
            Step::Key(key) => node.entry(key).map(|(_, value)| value),
            Step::Item(index) => node.item(*index),
        });
        let list = match found.map(|node| (&node.shape, node)) {
            Some((Shape::List { .. }, node)) => node,
            _ => return self.set(root, path, &Value::Array(vec![value.clone()])),
        };
        self.add_items(list, std::slice::from_ref(value))
    }

    /// More items at the end of a list.
    fn add_items(&self, list: &Node, values: &[Value]) -> Result<Splice> {
        let Shape::List { flow, items } = &list.shape else {
            bail!("it has changed");
        };
        let whole = Value::Array(values.to_vec());
        if *flow {
            let inner = yaml::write_flow(&whole);
            let inner = inner
                .trim_start_matches('[')
                .strip_suffix(']')
                .unwrap_or_default();
            return Ok(match items.last() {
                Some(last) => (last.end, last.end, format!(", {inner}")),
                None => (list.start, list.end, format!("[{inner}]")),
            });
        }
        let lines = self.block(&whole, self.column(list.start));
        let at = self.line_end(list.end);
        Ok((at, at, format!("\n{lines}")))
    }

    /// A new key at the end of a map.
    fn insert(&self, map: &Node, entry: &Value) -> Result<Splice> {
        let Shape::Map { flow, entries } = &map.shape else {
            bail!("it is written in a way that cannot be edited");
        };
        if *flow {
            let inner = yaml::write_flow(entry);
            let inner = inner
                .strip_prefix('{')
                .and_then(|text| text.strip_suffix('}'));
            let inner = inner.unwrap_or_default();
            return Ok(match entries.last() {
                Some((key, last)) => {
                    let end = last.end.max(key.end);
                    (end, end, format!(", {inner}"))
                }
                None => (map.start, map.end, format!("{{{inner}}}")),
            });
        }
        let lines = self.block(entry, self.column(map.start));
        let at = self.line_end(map.end);
        Ok((at, at, format!("\n{lines}")))
    }

    fn replace(&self, node: &Node, key: Option<&Node>, value: &Value) -> Result<Splice> {
        if let (Shape::List { flow, items }, Value::Array(new)) = (&node.shape, value)
            && let Some(splice) = self.edit_list(node, *flow, items, new)
        {
            return splice;
        }
        let in_flow = self.text[..node.start]
            .trim_end()
            .ends_with(['[', '{', ',']);
        let one_line = match value {
            Value::Array(_) | Value::Object(_) => None,
            _ if in_flow => Some(yaml::write_flow(value)),
            _ => Some(yaml::write(value).trim_end().to_owned()),
        };
        let nothing = node.is_empty_text();
        match (one_line, nothing, &node.shape) {
            (Some(text), false, _) => Ok((node.start, node.end, text)),
            (Some(text), true, _) => {
                let at = self.after_colon(key)?;
                Ok((at, at, format!(" {text}")))
            }
            (None, true, _) => {
                let at = self.after_colon(key)?;
                let key = key.map_or(0, |key| self.column(key.start));
                let lines = self.block(value, self.under(key, value));
                let end = self.line_end(at);
                Ok((end, end, format!("\n{lines}")))
            }
            (None, false, Shape::List { flow: false, .. } | Shape::Map { flow: false, .. }) => {
                let column = self.column(node.start);
                let lines = self.block(value, column);
                Ok((node.start, node.end, lines[column..].to_owned()))
            }
            (None, false, _) => Ok((node.start, node.end, yaml::write_flow(value))),
        }
    }

    /// A list that loses some items and gets some at its end, the others untouched; none where the
    /// change is of another kind.
    fn edit_list(
        &self,
        list: &Node,
        flow: bool,
        items: &[Node],
        new: &[Value],
    ) -> Option<Result<Splice>> {
        let texts: Vec<&str> = items
            .iter()
            .map(|item| match &item.shape {
                Shape::Scalar(text) => Some(text.as_str()),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let kept: Vec<bool> = keeps(&texts, new);
        let count = kept.iter().filter(|kept| **kept).count();
        if count == items.len() {
            return Some(self.add_items(list, &new[count..]));
        }
        let gone = kept.iter().filter(|kept| !**kept).count();
        // One for one: the new stands where the old stood, with the comment beside it.
        if gone == 1 && new.len() == items.len() {
            let at = kept.iter().position(|kept| !kept)?;
            let moved = new.last()?;
            let stands_last = at + 1 == items.len();
            let item = &items[at];
            let text = match flow {
                true => yaml::write_flow(moved),
                false => yaml::write(moved).trim_end().to_owned(),
            };
            return stands_last.then_some(Ok((item.start, item.end, text)));
        }
        None
    }

    fn block(&self, value: &Value, column: usize) -> String {
        let margin = " ".repeat(column);
        let text = yaml::write_lists(value, self.compact);
        // A list by itself is indented too where lists are; here the column says it all.
        let text = text.trim_end();
        let own = text.len() - text.trim_start_matches(' ').len();
        let lines: Vec<String> = text
            .lines()
            .map(|line| format!("{margin}{}", line.get(own..).unwrap_or(line)))
            .collect();
        lines.join("\n")
    }

    fn under(&self, key: usize, value: &Value) -> usize {
        match value.is_array() && self.compact {
            true => key,
            false => key + 2,
        }
    }

    fn column(&self, at: usize) -> usize {
        column(self.text, at)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end)
    }

    fn after_colon(&self, key: Option<&Node>) -> Result<usize> {
        let key = key.context("it is written in a way that cannot be edited")?;
        let colon = self.text[key.end..].find(':').context("it has changed")?;
        Ok(key.end + colon + 1)
    }
}

fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |line| line + 1)
}

fn is_null(node: &Node) -> bool {
    matches!(&node.shape, Shape::Scalar(text) if matches!(text.as_str(), "" | "~" | "null"))
}

/// The keys that are left of a path, and the value in the last.
fn nested(path: &[Step], value: &Value) -> Value {
    path.iter()
        .rev()
        .fold(value.clone(), |inner, step| match step {
            Step::Key(key) => Value::Object(Map::from_iter([(key.clone(), inner)])),
            Step::Item(_) => inner,
        })
}

/// Which of the old items come first in the new list, in their order.
fn keeps(old: &[&str], new: &[Value]) -> Vec<bool> {
    let mut new = new.iter().peekable();
    old.iter()
        .map(|text| new.next_if(|value| value.as_str() == Some(*text)).is_some())
        .collect()
}

/// How this text writes lists: by the first that stands under a key.
fn lists_are_compact(text: &str, node: &Node) -> bool {
    fn first(text: &str, node: &Node) -> Option<bool> {
        match &node.shape {
            Shape::Map {
                flow: false,
                entries,
            } => entries.iter().find_map(|(key, value)| match &value.shape {
                Shape::List { flow: false, items } if !items.is_empty() => {
                    Some(column(text, key.start) == column(text, value.start))
                }
                _ => first(text, value),
            }),
            Shape::List { items, .. } => items.iter().find_map(|item| first(text, item)),
            _ => None,
        }
    }
    first(text, node).unwrap_or(true)
}

#[cfg(test)]
mod tests;
