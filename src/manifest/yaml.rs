//! Writes YAML with comments, line by line; whatever text is put in stays the value it was.

use std::fmt::{Display, Write};

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
        const WIDTH: usize = 96;
        for line in crate::report::wrap(text, WIDTH - indent, 0) {
            self.line(indent, format_args!("# {line}"));
        }
        self
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

    proptest! {
        #[test]
        fn every_text_is_read_back(text in "(?s).{0,30}|[a-z0-9~.:/#&*!|>%@`'\" \\\\{}-]{0,12}|0x1f|1e3|~|yes|2021-09-08") {
            let mut page = Page::default();
            page.field(2, "key", &text);
            let read: std::collections::BTreeMap<String, serde_json::Value> =
                serde_saphyr::from_str(&page.finish()).unwrap();
            prop_assert_eq!(&read["key"], &serde_json::Value::String(text));
        }
    }
}
