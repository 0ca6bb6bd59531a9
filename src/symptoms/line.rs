//! Prepares a log line for storage and display: plain text, short, without credentials.

use super::Pattern;
use crate::text::plain::legible;
use crate::text::secret;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The number of characters shown before the match, and from its start.
const BEFORE: usize = 120;
const AFTER: usize = 360;

/// Terminal escape sequences (colors, titles, links), including in syslog's notation.
static ESCAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:\x1b|#033)(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\^_])").ok()
});

/// dockerd's timestamp at the start of a line: redundant, as Kubernetes adds one too.
static TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^\s*time="[^"]{0,40}" +"#).ok());

/// The text of a line without terminal escape sequences.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    match &*ESCAPES {
        Some(escapes) if text.contains('\x1b') || text.contains("#033[") => {
            Cow::Owned(escapes.replace_all(&text, "").into_owned())
        }
        _ => text,
    }
}

/// The match of a pattern with its context.
pub(super) fn excerpt(line: &str, pattern: &Pattern) -> String {
    let time = TIME.as_ref().and_then(|time| time.find(line));
    let line = &line[time.map_or(0, |time| time.end())..];
    // Redact the whole line: a truncated credential may not be recognized.
    let line = secret::hide(line);
    // A long match starts at the beginning of the line: show its end.
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
