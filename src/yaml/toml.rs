//! TOML as the same tree, for GitLab Runner's config.toml.

use super::edit::{Edit, Step};
use super::tree::{Broken, Node, Offset, Span, Value};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value as Json};
use std::ops::Range;
use toml_edit::{Array, Decor, Document, DocumentMut, Item, Key, Table, TableLike, Value as Toml};

/// No configuration is nested deeper.
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
                Value::List(
                    each.map(|v| self.value(v, bytes.clone(), depth + 1))
                        .collect(),
                )
            }
            Toml::InlineTable(table) => return self.table(table, bytes, depth),
            Toml::Array(_) => Value::List(Vec::new()),
        };
        self.node(value, bytes)
    }
}

/// The document as a value, for editing.
pub(crate) fn toml_value(text: &str) -> Option<Json> {
    let node = load_toml(text, Offset::default()).ok()?;
    Some(plain(&node))
}

fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, plain: true } => match text.parse::<i64>() {
            Ok(number) => Json::from(number),
            Err(_) if text == "true" || text == "false" => Json::from(text == "true"),
            Err(_) => Json::from(text.as_str()),
        },
        Value::Scalar { text, .. } => Json::from(text.as_str()),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(entries) => {
            let fields = entries.iter();
            let fields =
                fields.filter_map(|(key, value)| Some((key.text()?.to_owned(), plain(value))));
            Json::Object(Map::from_iter(fields))
        }
    }
}

/// The text with edits applied; comments and order are kept.
pub(crate) fn edit_toml(text: &str, edits: &[Edit]) -> Result<String> {
    let mut document: DocumentMut = text.parse().context("invalid TOML")?;
    for edit in edits {
        let (path, value, append) = match edit {
            Edit::Set(path, value) => (path, value, false),
            Edit::Append(path, value) => (path, value, true),
            Edit::Remove(_) => bail!("its formatting cannot be edited"),
        };
        let item = place(document.as_item_mut(), path, append && value.is_object())
            .context("it does not contain the setting to edit")?;
        match (append, item) {
            (false, item) => set(item, value)?,
            (true, Item::ArrayOfTables(tables)) => tables.push(table(value)?),
            (true, Item::Value(Toml::Array(list))) => list.push(toml(value)?),
            (true, item @ Item::None) if value.is_object() => {
                let mut tables = toml_edit::ArrayOfTables::new();
                tables.push(table(value)?);
                *item = Item::ArrayOfTables(tables);
            }
            (true, item @ Item::None) => {
                let mut list = Array::new();
                list.push(toml(value)?);
                *item = toml_edit::value(list);
            }
            _ => bail!("its formatting cannot be edited"),
        }
    }
    let new = document.to_string();
    let mut expected = toml_value(text).context("invalid TOML")?;
    super::edit::apply(&mut expected, edits);
    match toml_value(&new) == Some(expected) {
        true => Ok(new),
        false => bail!("its formatting cannot be edited without changing more than intended"),
    }
}

/// The item at a path; a missing key is created, indented like its neighbors.
fn place<'a>(root: &'a mut Item, path: &[Step], heads: bool) -> Option<&'a mut Item> {
    let Some((step, rest)) = path.split_first() else {
        return Some(root);
    };
    match (step, root) {
        (Step::Key(key), Item::Table(table)) => place(entry(table, key, heads)?, rest, heads),
        (Step::Key(key), item @ Item::None) => {
            let mut table = Table::new();
            table.set_implicit(true);
            *item = Item::Table(table);
            place(entry(item.as_table_mut()?, key, heads)?, rest, heads)
        }
        (Step::Key(key), item) => place(item.get_mut(key.as_str())?, rest, heads),
        // An element of an array of tables is a table, not an item.
        (Step::Item(index), Item::ArrayOfTables(tables)) => match rest.split_first() {
            Some((Step::Key(key), rest)) => {
                place(entry(tables.get_mut(*index)?, key, heads)?, rest, heads)
            }
            _ => None,
        },
        (Step::Item(_), _) => None,
    }
}

/// A key that becomes a table header is written in brackets, which take no indentation.
fn entry<'a>(table: &'a mut Table, key: &str, heads: bool) -> Option<&'a mut Item> {
    if heads {
        return Some(table.entry(key).or_insert(Item::None));
    }
    let first = table.iter().next().map(|(name, _)| name.to_owned());
    let first = first.and_then(|name| table.key(&name).cloned());
    let before = first
        .as_ref()
        .and_then(|first| first.leaf_decor().prefix()?.as_str());
    let indent = before.unwrap_or_default().rsplit('\n').next();
    let new = Key::new(key).with_leaf_decor(Decor::new(indent.unwrap_or_default(), " "));
    Some(table.entry_format(&new).or_insert(Item::None))
}

fn set(item: &mut Item, value: &Json) -> Result<()> {
    let mut new = toml(value)?;
    if let Some(old) = item.as_value() {
        *new.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(new);
    Ok(())
}

fn toml(value: &Json) -> Result<Toml> {
    Ok(match value {
        Json::String(text) => Toml::from(text.as_str()),
        Json::Bool(truth) => Toml::from(*truth),
        Json::Number(number) => Toml::from(
            number
                .as_i64()
                .context("a number that TOML does not support")?,
        ),
        Json::Array(items) => {
            let items: Result<Vec<Toml>> = items.iter().map(toml).collect();
            Toml::Array(items?.into_iter().collect())
        }
        Json::Null | Json::Object(_) => bail!("a value that TOML does not support"),
    })
}

fn table(value: &Json) -> Result<Table> {
    let mut table = Table::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        table.insert(key, Item::Value(toml(value)?));
    }
    Ok(table)
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

    #[test]
    fn edits_keep_comments_and_indentation() {
        let text = "# ours\n[[runners]]\n  name = \"a\" # mine\n  [runners.kubernetes]\n    image = \"x\"\n    [[runners.kubernetes.services]]\n      name = \"docker:24-dind\"\n      command = [\"--debug\"]\n";
        let runner = [Step::Key("runners".to_owned()), Step::Item(0)];
        let kubernetes = crate::yaml::at(&runner, ["kubernetes"]);
        let mut service = crate::yaml::at(&kubernetes, ["services"]);
        service.push(Step::Item(0));
        let edits = [
            Edit::Append(
                crate::yaml::at(&service, ["command"]),
                Json::from("--mtu=1400"),
            ),
            Edit::Append(
                crate::yaml::at(&service, ["entrypoint"]),
                Json::from("dockerd"),
            ),
            Edit::Set(
                crate::yaml::at(&kubernetes, ["privileged"]),
                Json::from(true),
            ),
            Edit::Append(
                crate::yaml::at(&kubernetes, ["volumes", "empty_dir"]),
                serde_json::json!({"name": "x"}),
            ),
        ];
        let new = edit_toml(text, &edits).unwrap();
        let expected = "# ours\n[[runners]]\n  name = \"a\" # mine\n  [runners.kubernetes]\n    image = \"x\"\n    privileged = true\n    [[runners.kubernetes.services]]\n      name = \"docker:24-dind\"\n      command = [\"--debug\", \"--mtu=1400\"]\n      entrypoint = [\"dockerd\"]\n\n[[runners.kubernetes.volumes.empty_dir]]\nname = \"x\"\n";
        assert_eq!(new, expected);
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
