//! What of a file must not be shown: values of Secrets, and of whatever is called like one.

use crate::text::secret::sounds_secret;
use crate::yaml::{Node, Span, Value};

/// Every value that must not be shown: of Secrets, and of what is called like one.
pub(crate) fn collect<'a>(node: &'a Node, secret: bool, found: &mut Vec<&'a Node>) {
    match &node.value {
        Value::Scalar { text, plain } => {
            // `true` or a number betrays nothing, and hiding it everywhere would hide the file.
            let harmless = *plain && (text.len() < 4 || text == "true" || text == "false");
            if secret && !harmless {
                found.push(node);
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, secret, found)),
        Value::Map(entries) => {
            let is_secret = node.text_at(&["kind"]) == Some("Secret");
            let named = node.text_at(&["name"]).is_some_and(sounds_secret);
            for (key, value) in entries {
                let key = key.text().unwrap_or_default();
                let inside = secret
                    || is_secret && matches!(key, "data" | "stringData")
                    || named && key == "value"
                    || sounds_secret(key) && !value.is_map();
                collect(value, inside, found);
                // GitLab's variables may have a description beside their value.
                if let Some(value) = value.get("value").filter(|_| sounds_secret(key)) {
                    collect(value, true, found);
                }
            }
        }
    }
}

/// The values in texts like `DB_PASSWORD=two words`, which no quotes of the line's own end.
pub(crate) fn collect_inline<'a>(node: &'a Node, found: &mut Vec<&'a str>) {
    match &node.value {
        Value::Scalar { text, .. } => {
            let assigned = text.split_once('=');
            found.extend(
                assigned
                    .filter(|(name, _)| sounds_secret(name))
                    .map(|(_, value)| value),
            );
        }
        Value::List(items) => items.iter().for_each(|item| collect_inline(item, found)),
        Value::Map(entries) => entries
            .iter()
            .for_each(|(_, value)| collect_inline(value, found)),
    }
}

pub(crate) fn hide_place(lines: &mut [String], span: Span) {
    let last = span.end_line.min(lines.len());
    for number in span.line..=last.max(span.line) {
        let Some(line) = lines.get_mut(number.saturating_sub(1)) else {
            return;
        };
        let length = line.chars().count();
        let from = if number == span.line {
            span.column - 1
        } else {
            0
        };
        let to = if number == span.end_line {
            span.end_column.saturating_sub(1)
        } else {
            length
        };
        if from >= to.min(length) {
            continue;
        }
        // One character for one: columns stay what they are.
        let hidden = |(at, c): (usize, char)| {
            let inside = (from..to).contains(&at) && !c.is_whitespace();
            if inside { '*' } else { c }
        };
        *line = line.chars().enumerate().map(hidden).collect();
    }
}
