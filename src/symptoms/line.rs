//! One line of a log made fit to keep and to show: plain text, short, without credentials.

use crate::collect::walk::text::legible;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What is shown before and after the known words.
const BEFORE: usize = 120;
const AFTER: usize = 360;

/// Escape sequences of a terminal: colours, titles, links.
static ESCAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\^_])").ok()
});

/// dockerd writes the time before each line, and so does Kubernetes.
static TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^\s*time="[^"]{0,40}" +"#).ok());

/// Where credentials stand, and what is left of each such place.
static CREDENTIALS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        // scheme://user:password@host
        (r"://[^/\s@]*@", "://***@"),
        // The query of an address: signatures, tokens.
        (r#"(://[^\s?"']*)\?[^\s"'<>]+"#, "$1?***"),
        (r"(?i)\b(bearer|basic) +[a-z0-9._~+/=-]{8,}", "$1 ***"),
        (
            r#"(?i)([a-z0-9_-]*(?:passw(?:or)?d|secret|token|api[_-]?key|credentials?|authorization|private[_-]?key)\\?["']?(?: *[:=] *| +is +)\\?["']?)[^\s"'\\,;&]+"#,
            "$1***",
        ),
        // Flags whose value stands apart.
        (
            r"(?i)(--?[a-z0-9-]*(?:passw(?:or)?d|secret|token|api-?key)[a-z0-9-]*|\blogin\b.* -p) +\S+",
            "$1 ***",
        ),
        // Tokens that are known by their looks: GitHub's, GitLab's, Atlassian's, AWS', JWTs.
        (
            r"\b(?:gh[pousr]_|github_pat_|glpat-|glrt-|ATBB|ATCTT|ATATT|dckr_pat_|AKIA|ASIA|eyJ)[A-Za-z0-9_.=/+-]{12,}",
            "***",
        ),
    ]
    .into_iter()
    .filter_map(|(pattern, left)| Some((Regex::new(pattern).ok()?, left)))
    .collect()
});

/// The text of a line, without what only a terminal needs.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    match &*ESCAPES {
        Some(escapes) if text.contains('\x1b') => {
            Cow::Owned(escapes.replace_all(&text, "").into_owned())
        }
        _ => text,
    }
}

/// The words that a pattern knows with what stands around them.
pub(super) fn excerpt(line: &str, pattern: &regex::bytes::Regex) -> String {
    let time = TIME.as_ref().and_then(|time| time.find(line));
    let line = &line[time.map_or(0, |time| time.end())..];
    // Of the whole line, for half a credential no longer looks like one.
    let mut line = Cow::Borrowed(line);
    for (credentials, left) in CREDENTIALS.iter() {
        if let Cow::Owned(without) = credentials.replace_all(&line, *left) {
            line = Cow::Owned(without);
        }
    }
    // Of a long match, which begins with the whole line before the words, its end.
    let found = pattern.find(line.as_bytes());
    let known = found.map_or(0, |found| {
        found.start().max(found.end().saturating_sub(AFTER / 2))
    });
    let known = line.floor_char_boundary(known);
    let before = line[..known].char_indices().rev();
    let from = before.take(BEFORE).last().map_or(known, |(at, _)| at);
    let mut after = line[known..].char_indices();
    let to = after.nth(AFTER).map_or(line.len(), |(at, _)| known + at);
    let mark = |cut: bool| if cut { "…" } else { "" };
    let (begins, ends) = (mark(from > 0), mark(to < line.len()));
    format!("{begins}{}{ends}", legible(&line[from..to]))
}
