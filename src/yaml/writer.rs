//! Writes YAML as people do: lists not indented under their key, no folded lines, and quotes only
//! where needed.

use serde_json::Value;
use std::fmt::{Display, Write};

/// The document with its final newline.
pub(crate) fn write(value: &Value) -> String {
    write_as(value, true, false)
}

/// The same with texts of several lines as blocks.
pub(crate) fn write_blocks(value: &Value) -> String {
    write_as(value, true, true)
}

/// The same with lists indented under their key, or not.
pub(crate) fn write_lists(value: &Value, compact: bool) -> String {
    write_as(value, compact, false)
}

fn write_as(value: &Value, compact: bool, blocks: bool) -> String {
    let mut options = serde_saphyr::SerializerOptions::default();
    options.prefer_block_scalars = blocks;
    options.compact_list_indent = compact;
    match serde_saphyr::to_string_with_options(value, options) {
        Ok(text) => text,
        // A document of plain values can always be written; JSON is YAML too.
        Err(_) => format!("{value}\n"),
    }
}

/// A value on one line, `[a, b]` or `{a: b}`, with texts quoted where they need it.
pub(crate) fn write_flow(value: &Value) -> String {
    write_line(value, &scalar)
}

/// The same with all texts quoted, as in JSON.
pub(crate) fn write_json(value: &Value) -> String {
    write_line(value, &|text| Value::from(text).to_string())
}

fn write_line(value: &Value, quoted: &dyn Fn(&str) -> String) -> String {
    match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| write_line(item, quoted));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<String> = fields
                .map(|(key, value)| format!("{}: {}", quoted(key), write_line(value, quoted)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::String(text) => quoted(text),
        plain => plain.to_string(),
    }
}

/// A YAML document under way.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn line(&mut self, indent: usize, text: impl Display) -> &mut Self {
        // Writing into a String cannot fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "");
        self
    }

    /// Words of ours, wrapped; never text from elsewhere, which could end the comment.
    pub(crate) fn comment(&mut self, indent: usize, text: &str) -> &mut Self {
        const WIDTH: usize = 98;
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.len() > 1 && indent + line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(indent, std::mem::replace(&mut line, String::from("#")));
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(indent, line)
    }

    /// A key with a text, quoted where YAML would read something else.
    pub(crate) fn field(&mut self, indent: usize, key: &str, value: &str) -> &mut Self {
        self.line(indent, format_args!("{key}: {}", scalar(value)))
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// A text as YAML takes it: as it is where that is safe, else quoted, with whatever is not plain
/// ASCII written as an escape.
pub(crate) fn scalar(text: &str) -> String {
    const MEANT: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(plain)
        && !text.ends_with(':')
        && !MEANT.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(c),
            c => _ = write!(quoted, "\\U{:08X}", u32::from(c)),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn lists_and_flags_read_well() {
        let value = json!({"containers": [{"name": "a", "args": ["--mtu=1450"], "v": {}}]});
        assert_eq!(
            write(&value),
            "containers:\n- name: a\n  args:\n  - --mtu=1450\n  v: {}\n"
        );
        assert_eq!(
            write_flow(&value),
            r#"{containers: [{name: a, args: ["--mtu=1450"], v: {}}]}"#
        );
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in "(?s).{0,30}|[a-z0-9~.:/#&*!|>%@`'\" \\\\{}-]{0,12}|0x1f|1e3|~|yes|2021-09-08", key in "[ -~]{1,9}") {
            let mut page = Page::default();
            page.field(2, "key", &text);
            let read: Value = serde_saphyr::from_str(&page.finish()).unwrap();
            prop_assert_eq!(&read["key"], &Value::String(text.clone()));
            let value = json!({ key: [text] });
            for written in [write(&value), write_lists(&value, false), write_flow(&value)] {
                let read: Value = serde_saphyr::from_str(&written).unwrap();
                prop_assert_eq!(&read, &value, "{}", written);
            }
        }
    }
}
