//! Escapes foreign text in Markdown. A word that GitHub, GitLab or Jira might interpret (a mention, a
//! link, an issue number, HTML) becomes code.

use crate::report::page::cut_at;
use crate::text::clean::clean;

/// No real name or sentence is longer; a longer one must not crowd out the rest.
const MOST_NAME: usize = 500;
const MOST_PROSE: usize = 4000;

/// A name: code, on one line. Also inside a table.
pub(super) fn code(text: &str) -> String {
    let text = cut_at(text, MOST_NAME);
    let words: Vec<_> = text.split_whitespace().map(clean).collect();
    // Neither can be escaped in code everywhere that this is pasted.
    let text = words.join(" ").replace('`', "'").replace('|', "¦");
    match text.is_empty() {
        true => String::new(),
        false => format!("`{text}`"),
    }
}

/// Sentences in one paragraph. Text in backticks stays code.
pub(super) fn prose(text: &str) -> String {
    let mut line = Line::default();
    let text = cut_at(text, MOST_PROSE);
    let parts: Vec<&str> = text.split('`').collect();
    for (at, part) in parts.iter().enumerate() {
        // An unpaired backtick opens nothing.
        let is_code = at % 2 == 1 && at + 1 < parts.len();
        if is_code {
            line.code(part.trim());
        } else {
            line.glued &= !part.starts_with(char::is_whitespace);
            for word in part.split_whitespace() {
                line.word(word);
            }
            line.flush();
            line.glued = !part.is_empty() && !part.ends_with(char::is_whitespace);
        }
        if is_code {
            line.glued = true;
        }
    }
    line.end()
}

#[derive(Default)]
struct Line {
    out: String,
    /// Code words that are not written yet: consecutive ones become one code span.
    code: Vec<String>,
    /// No space before what comes next.
    glued: bool,
}

impl Line {
    fn word(&mut self, word: &str) {
        let opening = |c: char| "(\"'".contains(c);
        let closing = |c: char| ")\"'.,;:?".contains(c);
        let rest = word.trim_start_matches(opening);
        let core = rest.trim_end_matches(closing);
        let lead = &word[..word.len() - rest.len()];
        let trail = &rest[core.len()..];
        let starts_list = self.is_at_start() && is_numbered(word);
        if (core.is_empty() || is_harmless(core) && !self.is_value(core)) && !starts_list {
            self.flush();
            self.push(word);
            return;
        }
        if !lead.is_empty() || self.glued {
            self.flush();
        }
        if !lead.is_empty() {
            self.push(lead);
            self.glued = true;
        }
        self.code.push(core.to_owned());
        if !trail.is_empty() {
            self.flush();
            self.glued = true;
            self.push(trail);
        }
    }

    fn code(&mut self, text: &str) {
        self.flush();
        self.code.push(text.to_owned());
        self.flush();
    }

    /// The value of a flag: `--wait-nested 10m`, `--confirm URL`.
    fn is_value(&self, core: &str) -> bool {
        let flag = self.code.last().filter(|word| word.starts_with("--"));
        let value = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
        flag.is_some() && core.starts_with(value)
    }

    fn is_at_start(&self) -> bool {
        self.out.is_empty() && self.code.is_empty()
    }

    fn flush(&mut self) {
        let text = code(&std::mem::take(&mut self.code).join(" "));
        if !text.is_empty() {
            self.push(&text);
        }
    }

    fn push(&mut self, text: &str) {
        // Two adjacent code spans would merge.
        let touching = self.out.ends_with('`') && text.starts_with('`');
        if (!self.glued || touching) && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(&match text.starts_with('`') {
            true => text.to_owned(),
            false => clean(text).into_owned(),
        });
        self.glued = false;
    }

    fn end(mut self) -> String {
        self.flush();
        // A leading dash would start a list.
        match self.out.starts_with(['-', '–']) {
            true => format!("\\{}", self.out),
            false => self.out,
        }
    }
}

/// No renderer interprets it as more than a word.
fn is_harmless(core: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-./,:+=%'".contains(c);
    let linked = core.starts_with("www.") || core.contains("//");
    let commit = core.len() >= 7 && core.bytes().all(|b| b.is_ascii_hexdigit());
    let word = core.starts_with(char::is_alphanumeric) && core.chars().all(plain);
    (word && !linked && !commit) || matches!(core, "-" | "–")
}

/// `1.` and `1)` start a list.
fn is_numbered(text: &str) -> bool {
    text.strip_suffix(['.', ')'])
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Text to paste, in a fence that is longer than any in it.
pub(super) fn fence(text: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let lines: Vec<_> = text.trim_end().lines().map(clean).collect();
    format!("{fence}\n{}\n{fence}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_be_obeyed_is_code() {
        assert_eq!(
            prose("sends 1500-byte packets, (eth0)."),
            "sends 1500-byte packets, (eth0)."
        );
        assert_eq!(prose("ask @admin now"), "ask `@admin` now");
        assert_eq!(
            prose("<img src=x> see #12, !4"),
            "`<img src=x>` see `#12`, `!4`"
        );
        assert_eq!(
            prose("at http://x.example or www.x.example"),
            "at `http://x.example` or `www.x.example`"
        );
        assert_eq!(prose("[click](x) **b** _c_"), "`[click](x`) `**b** _c_`");
        assert_eq!(
            prose("with --wait-nested 10m, or --docker at Bitbucket"),
            "with `--wait-nested 10m`, or `--docker` at Bitbucket"
        );
        assert_eq!(prose("`docker run` fails"), "`docker run` fails");
        assert_eq!(prose("the tag (`latest`), or"), "the tag (`latest`), or");
        assert_eq!(
            prose("(kubectl --force -f), then"),
            "(kubectl `--force -f`), then"
        );
        assert_eq!(prose("1. carries 1450."), "`1`. carries 1450.");
        assert_eq!(prose("a lonely ` b"), "a lonely b");
        assert_eq!(prose("- x\n# y"), "\\- x `#` y");
        assert_eq!(code("a|b`c\nd"), "`a¦b'c d`");
        assert_eq!(fence("a\n````\nb"), "`````\na\n````\nb\n`````\n");
    }

    proptest! {
        #[test]
        fn outside_of_code_nothing_acts(text in "[a-z`@#<>|*_\\[\\]()!~$\\\\\n -]{0,40}") {
            let out = prose(&text);
            prop_assert!(!out.contains('\n') && !out.contains("``"), "{out}");
            let outside: String = out.split('`').step_by(2).collect();
            let acts = |c: char| "@#<>|*_[]!~$".contains(c);
            prop_assert!(!outside.contains(acts), "{out}");
            prop_assert!(out.matches('`').count().is_multiple_of(2), "{out}");
        }
    }
}
