//! What of a file must not be shown: values of Secrets, and of whatever is called like one.

use super::yaml::{Node, Span, Value};
use crate::discover::pod::holds_secret;

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

/// Wider than what is a finding: what is only hidden costs nothing.
fn sounds_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let words = [
        "password",
        "passwd",
        "apikey",
        "api_key",
        "api-key",
        "credential",
        "access_key",
    ];
    // `secretName`, `secretKeyRef` and `key` say where a secret is, not what it is.
    holds_secret(name)
        || words.iter().any(|word| lower.contains(word))
        || matches!(lower.as_str(), "token" | "secret" | "auth")
        || lower.ends_with("secret") && lower != "imagepullsecret"
        || lower.ends_with("token") && lower != "automountserviceaccounttoken"
}

/// Hides what a line gives away by itself: `NAME_TOKEN=value`, `--password=value`, and the user of
/// an URL.
pub(crate) fn without_inline_secrets(line: &str) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ']' | '}');
    let mut at = 0;
    while at < chars.len() {
        let rest: String = chars[at..].iter().take(3).collect();
        let from = match chars[at] {
            '=' if sounds_secret(&name_before(&chars, at)) => Some(at + 1),
            ':' if rest == "://" => Some(at + 3),
            _ => None,
        };
        if let Some(from) = from {
            let length = chars[from..].iter().take_while(|c| !ends(**c)).count();
            let to = match chars[at] {
                '=' => Some(from + length),
                // Only what stands before an @ is a user.
                _ => {
                    let host = chars[from..from + length].iter().take_while(|c| **c != '/');
                    let host: Vec<_> = host.collect();
                    host.iter().rposition(|c| **c == '@').map(|at| from + at)
                }
            };
            if let Some(to) = to {
                chars[from..to].fill('*');
            }
        }
        at += 1;
    }
    chars.into_iter().collect()
}

/// The name that ends before a position: of a variable, or of a flag.
fn name_before(chars: &[char], at: usize) -> String {
    let is_name = |c: &&char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let length = chars[..at].iter().rev().take_while(is_name).count();
    chars[at - length..at].iter().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hiding_keeps_the_columns(line in ".{0,60}") {
            prop_assert_eq!(without_inline_secrets(&line).chars().count(), line.chars().count());
        }
    }
}
