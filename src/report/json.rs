//! The report for programs: `runner-doctor/report/v1`, with stable keys.

use crate::diagnosis::Diagnosis;
use crate::text::clean::obeyed;
use std::fmt::Write;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    write(diagnosis)
}

pub(super) fn write<T: serde::Serialize>(document: &T) -> String {
    match serde_json::to_string_pretty(document) {
        Ok(text) => escape(&text) + "\n",
        // Such a document has string keys and plain values only; this cannot happen.
        Err(error) => format!("{}\n", serde_json::json!({ "error": error.to_string() })),
    }
}

/// Writes what a terminal or a CI system would obey as `\uXXXX`: the values stay what they are, and
/// a report can be looked at with `cat`. Outside of strings JSON has only ASCII, line breaks of its
/// own, and neither `#` nor `::`.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, obeyed) in obeyed(text) {
        if c == '\n' || !obeyed {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing into a String cannot fail.
            _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}
