//! One line of a log made fit to keep and to show: plain text, short, without credentials.

use super::Pattern;
use crate::text::plain::legible;
use crate::text::secret;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What is shown before and after the known words.
const BEFORE: usize = 120;
const AFTER: usize = 360;

/// Escape sequences of a terminal: colors, titles, links; as syslog writes them, too.
static ESCAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:\x1b|#033)(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\^_])").ok()
});

/// dockerd writes the time before each line, and so does Kubernetes.
static TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^\s*time="[^"]{0,40}" +"#).ok());

/// The text of a line, without what only a terminal needs.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    match &*ESCAPES {
        Some(escapes) if text.contains('\x1b') || text.contains("#033[") => {
            Cow::Owned(escapes.replace_all(&text, "").into_owned())
        }
        _ => text,
    }
}

/// The words that a pattern knows with what stands around them.
pub(super) fn excerpt(line: &str, pattern: &Pattern) -> String {
    let time = TIME.as_ref().and_then(|time| time.find(line));
    let line = &line[time.map_or(0, |time| time.end())..];
    // Of the whole line, for half a credential no longer looks like one.
    let line = secret::hide(line);
    // Of a long match, which begins with the whole line before the words, its end.
    let found = pattern.regex().and_then(|p| p.find(line.as_bytes()));
    let known = found.map_or(0, |found| {
        let near = found.end().saturating_sub(AFTER / 2);
        let near = (near..=found.end()).find(|at| line.is_char_boundary(*at));
        found.start().max(near.unwrap_or(0))
    });
    let before = line[..known].char_indices().rev();
    let from = before.take(BEFORE).last().map_or(known, |(at, _)| at);
    let mut after = line[known..].char_indices();
    let to = after.nth(AFTER).map_or(line.len(), |(at, _)| known + at);
    let mark = |cut: bool| if cut { "…" } else { "" };
    let (begins, ends) = (mark(from > 0), mark(to < line.len()));
    format!("{begins}{}{ends}", legible(&line[from..to]))
}
