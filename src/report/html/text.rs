//! Untrusted text in HTML, always escaped.

use crate::text::clean::clean;

/// One line; white space collapses in HTML anyway.
pub(super) fn text(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(clean).collect();
    escape(&words.join(" "))
}

/// Sentences; text in backticks becomes code.
pub(super) fn prose(text_of: &str) -> String {
    let parts: Vec<&str> = text_of.split('`').collect();
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        let is_code = at % 2 == 1 && at + 1 < parts.len();
        let lead = if part.starts_with(char::is_whitespace) {
            " "
        } else {
            ""
        };
        let end = if part.ends_with(char::is_whitespace) {
            " "
        } else {
            ""
        };
        let part = text(part);
        match is_code {
            _ if part.is_empty() => out += lead,
            true => out += &format!("<code>{part}</code>"),
            false => out += &format!("{lead}{part}{end}"),
        }
    }
    out.trim().to_owned()
}

/// Text with significant line breaks and spaces.
pub(super) fn lines(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().map(clean).collect();
    escape(&lines.join("\n"))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(text("<script>\n\"x'&"), "&lt;script&gt; &quot;x&#39;&amp;");
        assert_eq!(text("a\u{202e}b\u{1b}"), "a\\u{202e}b\\x1b");
        assert_eq!(
            prose("`docker run` fails, `"),
            "<code>docker run</code> fails,"
        );
        assert_eq!(prose("use `<b>`, or"), "use <code>&lt;b&gt;</code>, or");
        assert_eq!(lines("a:\n  - <b>\n\n"), "a:\n  - &lt;b&gt;");
    }
}
