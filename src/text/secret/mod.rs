//! Finds and hides secrets in the text of other programs: by name, by position and by shape.

mod assigned;
mod name;
mod place;
mod random;
mod shape;

pub(crate) use name::{holds_secret, sounds_secret};

use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;

/// Replaces a secret.
const HIDDEN: &str = "***";
/// Text that still changes after this many passes is hidden completely, so that hiding is linear and
/// idempotent.
const PASSES: usize = 4;

/// The text with `***` for every secret in it.
pub(crate) fn hide(text: &str) -> Cow<'_, str> {
    filtered(text, |_, out| out.push_str(HIDDEN))
}

/// The same with one `*` for each character, so that columns and lines stay where they are.
pub(crate) fn mask(text: &str) -> Cow<'_, str> {
    filtered(text, |secret, out| {
        out.extend(secret.chars().map(|c| if c == '\n' { c } else { '*' }));
    })
}

/// Hides the secrets in every text of a document; returns false if there are none.
pub(crate) fn hide_in(document: &mut Value) -> bool {
    match document {
        Value::String(text) => {
            let hidden = match hide(text) {
                Cow::Owned(hidden) => hidden,
                Cow::Borrowed(_) => return false,
            };
            *text = hidden;
            true
        }
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, item| hide_in(item) | any),
        Value::Object(fields) => fields
            .values_mut()
            .fold(false, |any, value| hide_in(value) | any),
        _ => false,
    }
}

fn filtered(text: &str, replace: impl Fn(&str, &mut String)) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..PASSES {
        let secrets = secrets(&text);
        if secrets.is_empty() {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for secret in secrets {
            out.push_str(&text[at..secret.start]);
            replace(&text[secret.clone()], &mut out);
            at = secret.end;
        }
        out.push_str(&text[at..]);
        text = Cow::Owned(out);
    }
    if secrets(&text).is_empty() {
        return text;
    }
    let mut out = String::new();
    replace(&text, &mut out);
    Cow::Owned(out)
}

/// The ranges of a text's secrets: in order, without overlaps, without those already hidden.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if is_harmless(text) {
        return found;
    }
    if has_sign(text) {
        assigned::find(text, &mut found);
        place::find(text, &mut found);
    }
    shape::find(text, &mut found);
    random::find(text, &mut found);
    found.retain(|secret| text[secret.clone()].chars().any(|c| c != '*' && c != '\n'));
    found.sort_by_key(|secret| secret.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for secret in found {
        match apart.last_mut() {
            Some(last) if secret.start <= last.end => last.end = last.end.max(secret.end),
            _ => apart.push(secret),
        }
    }
    apart
}

/// Most texts are an id, or one short word, which names nothing and is too short to be a token itself.
fn is_harmless(text: &str) -> bool {
    let is_short = text.len() < shape::SHORTEST && !has_sign(text);
    is_short || matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether one part of the text may mark another as a secret.
fn has_sign(text: &str) -> bool {
    let is_sign = |b: u8| b.is_ascii_whitespace() || matches!(b, b':' | b'=' | b'>' | b'@');
    text.bytes().any(is_sign) || text.contains("-----BEGIN")
}

#[cfg(test)]
mod tests;
