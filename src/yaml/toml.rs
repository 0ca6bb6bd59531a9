//! TOML as the same tree: GitLab Runner's config.toml is written in it.

use super::tree::{Broken, Node, Offset, Span, Value};
use std::ops::Range;
use toml_edit::{Document, Item, Key, TableLike, Value as Toml};

/// No configuration goes deeper, and no list of it is longer.
const DEEPEST: usize = 32;

/// The one document of a text.
pub(crate) fn load_toml(text: &str, offset: Offset) -> Result<Node, Broken> {
    let lines = Lines::of(text, offset);
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        let Span { line, column, .. } = lines.span(at);
        Broken {
            line,
            column,
            what: error.message().to_owned(),
        }
    })?;
    Ok(lines.table(document.as_table(), 0..text.len(), 0))
}

/// Where each line of a text begins.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    offset: Offset,
}

impl Lines<'_> {
    fn of(text: &str, offset: Offset) -> Lines<'_> {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines {
            text,
            starts: std::iter::once(0).chain(after).collect(),
            offset,
        }
    }

    fn place(&self, byte: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let before = self.text.get(start.unwrap_or_default()..byte);
        let column = before.map_or(0, |before| before.chars().count());
        (line + self.offset.lines, column + 1 + self.offset.columns)
    }

    fn span(&self, bytes: Range<usize>) -> Span {
        let ((line, column), (end_line, end_column)) =
            (self.place(bytes.start), self.place(bytes.end));
        Span {
            line,
            column,
            end_line,
            end_column,
        }
    }

    fn node(&self, value: Value, bytes: Range<usize>) -> Node {
        Node {
            value,
            span: self.span(bytes.clone()),
            tail: bytes.end,
            bytes,
            flow: true,
            block: false,
            reference: false,
        }
    }

    fn table(&self, table: &dyn TableLike, bytes: Range<usize>, depth: usize) -> Node {
        let mut entries = Vec::new();
        for (name, item) in table.iter().filter(|_| depth < DEEPEST) {
            let own = table.key(name).and_then(Key::span);
            let own = own.or_else(|| item.span()).unwrap_or(bytes.clone());
            let key = Value::Scalar {
                text: name.to_owned(),
                plain: true,
            };
            let key = self.node(key, own.clone());
            entries.push((key, self.item(item, own, depth + 1)));
        }
        self.node(Value::Map(entries), bytes)
    }

    fn item(&self, item: &Item, near: Range<usize>, depth: usize) -> Node {
        let bytes = item.span().unwrap_or(near);
        match item {
            Item::None => self.node(Value::List(Vec::new()), bytes),
            Item::Value(value) => self.value(value, bytes, depth),
            Item::Table(table) => self.table(table, bytes, depth),
            Item::ArrayOfTables(tables) => {
                let each = tables.iter().map(|table| {
                    let own = table.span().unwrap_or(bytes.clone());
                    self.table(table, own, depth + 1)
                });
                let each = each.collect();
                self.node(Value::List(each), bytes)
            }
        }
    }

    fn value(&self, value: &Toml, near: Range<usize>, depth: usize) -> Node {
        let bytes = value.span().unwrap_or(near);
        let scalar = |text: String, plain: bool| Value::Scalar { text, plain };
        let value = match value {
            Toml::String(text) => scalar(text.value().clone(), false),
            Toml::Integer(number) => scalar(number.value().to_string(), true),
            Toml::Float(number) => scalar(number.value().to_string(), true),
            Toml::Boolean(truth) => scalar(truth.value().to_string(), true),
            Toml::Datetime(time) => scalar(time.value().to_string(), true),
            Toml::Array(items) if depth < DEEPEST => {
                let each = items.iter();
                Value::List(each.map(|v| self.value(v, bytes.clone(), depth + 1)).collect())
            }
            Toml::InlineTable(table) => return self.table(table, bytes, depth),
            Toml::Array(_) => Value::List(Vec::new()),
        };
        self.node(value, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tables_are_maps_and_know_their_places() {
        let text = "concurrent = 4\n[[runners]]\n  name = \"a\"\n  [runners.kubernetes]\n    privileged = true\n    [[runners.kubernetes.services]]\n      command = [\"--mtu=1400\", \"é\"]\n";
        let offset = Offset {
            lines: 10,
            columns: 2,
        };
        let node = load_toml(text, offset).unwrap();
        let runner = &node.get("runners").unwrap().items()[0];
        let kubernetes = runner.get("kubernetes").unwrap();
        assert!(kubernetes.get("privileged").unwrap().is_true());
        let command = kubernetes.get("services").unwrap().items()[0].get("command");
        let second = &command.unwrap().items()[1];
        assert_eq!(second.text(), Some("é"));
        assert_eq!((second.span.line, second.span.column), (17, 34));
        let broken = load_toml("a = 1\nb = [", offset).unwrap_err();
        assert_eq!(broken.line, 12);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s)[\\[\\]{}=.\"'a-c1,#\n ]{0,80}") {
            let _ = load_toml(&text, Offset::default());
        }
        #[test]
        fn nor_any_other(text in any::<String>()) {
            let _ = load_toml(&text, Offset::default());
        }
    }
}
