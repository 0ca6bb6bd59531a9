//! A pattern for log lines, compiled when the first line arrives: compiling all 160 takes longer
//! than the rest of a check.

use regex::bytes::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// A pattern is a few words; a longer one is a mistake.
const LONGEST: usize = 300;
/// The maximum size of a compiled pattern in bytes.
const LARGEST: usize = 1 << 19;

#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub fn new(source: &str) -> Pattern {
        Pattern {
            source: source.to_owned(),
            compiled: OnceLock::new(),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The pattern for an unanchored search: without the leading `.*`, which is redundant there and
    /// dominates the run time of a regex set.
    pub(super) fn anywhere(&self) -> String {
        let source = self.source.as_str();
        let (flags, rest) = match source.strip_prefix("(?i)") {
            Some(rest) => ("(?i)", rest),
            None => ("", source),
        };
        format!("{flags}{}", rest.strip_prefix(".*").unwrap_or(rest))
    }

    /// None if the pattern is invalid; check files with such a pattern are rejected.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compiled = self.compiled.get_or_init(|| compile(&self.source).ok());
        compiled.as_ref()
    }
}

/// Compiles a pattern from a check file; the error is what is wrong, and what to do.
pub(crate) fn compile(source: &str) -> Result<Regex, (String, String)> {
    if source.len() > LONGEST {
        return Err((
            format!("the pattern is longer than {LONGEST} bytes"),
            "keep only the words that are specific to this error".into(),
        ));
    }
    // Without Unicode classes: error texts do not need them, and they dominate the compile time.
    let pattern = RegexBuilder::new(source)
        .unicode(false)
        .size_limit(LARGEST)
        .build()
        .map_err(|error| {
            let said = error.to_string();
            let reason = said.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            (
                format!("invalid pattern `{source}`: {reason}"),
                "write a regular expression, like `no space left on (device|disk)`".into(),
            )
        })?;
    match pattern.is_match(b"") {
        true => Err((
            format!("`{source}` matches every line"),
            "name the words that are specific to this error".into(),
        )),
        false => Ok(pattern),
    }
}
