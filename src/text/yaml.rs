//! YAML for people: multi-line texts stay multi-line, and control characters are escaped.

use super::clean::obeyed;
use serde_json::Value;
use std::fmt::Write;

pub(crate) fn write(document: &Value) -> String {
    let mut out = String::new();
    write_block(document, 0, &mut out);
    out
}

/// Writes a value on its own lines.
fn write_block(value: &Value, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                // Writing into a String cannot fail, here and below.
                let _ = write!(out, "{margin}{}:", scalar(key));
                write_after(value, indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut block = String::new();
                write_block(item, indent + 2, &mut block);
                let _ = write!(
                    out,
                    "{margin}- {}",
                    block.get(indent + 2..).unwrap_or_default()
                );
            }
        }
        Value::String(text) if is_literal(text) => write_literal(text, indent, &margin, out),
        other => {
            let _ = writeln!(out, "{margin}{}", plain(other));
        }
    }
}

/// Writes a value after its key.
fn write_after(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            write_block(value, indent + 2, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_block(value, indent, out);
        }
        Value::String(text) if is_literal(text) => write_literal(text, indent + 2, " ", out),
        other => {
            let _ = writeln!(out, " {}", plain(other));
        }
    }
}

fn write_literal(text: &str, indent: usize, lead: &str, out: &mut String) {
    let keep = if text.ends_with('\n') { "|" } else { "|-" };
    let _ = writeln!(out, "{lead}{keep}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        match line.is_empty() {
            true => out.push('\n'),
            false => _ = writeln!(out, "{:indent$}{line}", ""),
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// Text that can be written as is in a literal block.
fn is_literal(text: &str) -> bool {
    let clean = obeyed(text).all(|(c, obeyed)| c == '\n' || !obeyed);
    let first = text.chars().next();
    clean
        && text.contains('\n')
        && !text.ends_with("\n\n")
        && text != "\n"
        && !first.is_some_and(|c| c == ' ' || c == '\n')
}

/// Unquoted only if the text cannot be read as anything else.
fn scalar(text: &str) -> String {
    let first = text.chars().next();
    let harmless = |c: char| c.is_ascii_alphanumeric() || " _./-,()+=@".contains(c);
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = first.is_some_and(|c| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(harmless)
        && !text.ends_with(' ')
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for (c, obeyed) in obeyed(text) {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if !obeyed => quoted.push(c),
            c if c.is_ascii_punctuation() => _ = write!(quoted, "\\x{:02x}", u32::from(c)),
            c if u32::from(c) > 0xffff => _ = write!(quoted, "\\U{:08x}", u32::from(c)),
            c => _ = write!(quoted, "\\u{:04x}", u32::from(c)),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::clean::is_unsafe;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_comes_back(key in any::<String>(), text in any::<String>(), lines in "[ a:#'\"|>%@`{}\\[\\]\n-]{0,30}") {
            let value = serde_json::json!({
                "text": text, "list": [lines, [text, {}], { "deep": { "lines": lines } }],
                "keys": { key: [] },
            });
            let out = write(&value);
            prop_assert!(!out.chars().any(|c| c != '\n' && is_unsafe(c)), "{out:?}");
            let back: Value = serde_saphyr::from_str(&out).expect(&out);
            prop_assert_eq!(back, value, "{}", out);
        }
    }
}
