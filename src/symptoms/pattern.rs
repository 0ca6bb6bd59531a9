//! A pattern of a log's line, compiled when the first line comes: 160 of them take longer than
//! everything else that a check needs.

use regex::bytes::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// A pattern is a few words; a longer one is a mistake.
const LONGEST: usize = 300;
/// The bytes that a pattern may take when it is compiled.
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

    /// The pattern for a search that looks everywhere: without the `.*` at its start, which says no
    /// more there and costs a set of patterns most of its time.
    pub(super) fn anywhere(&self) -> String {
        let source = self.source.as_str();
        let (flags, rest) = match source.strip_prefix("(?i)") {
            Some(rest) => ("(?i)", rest),
            None => ("", source),
        };
        format!("{flags}{}", rest.strip_prefix(".*").unwrap_or(rest))
    }

    /// None for a pattern that is not valid, which no check file is accepted with.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compiled = self.compiled.get_or_init(|| compile(&self.source).ok());
        compiled.as_ref()
    }
}

/// A pattern as a check writes it; what is wrong with it, and what to do, where it cannot be used.
pub(crate) fn compile(source: &str) -> Result<Regex, (String, String)> {
    if source.len() > LONGEST {
        return Err((
            format!("the pattern is longer than {LONGEST} bytes"),
            "keep only the words that are specific to this error".into(),
        ));
    }
    // Without Unicode's classes, which no error text needs and which take most of the time.
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
