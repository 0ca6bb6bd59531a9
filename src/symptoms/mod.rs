//! Known error texts: which checks a line of a log points to.

mod line;
mod log;

pub(crate) use log::{Known, last, read};

use regex::{Regex, RegexBuilder};

/// A pattern is a few words; a longer one is a mistake.
const LONGEST_PATTERN: usize = 300;
/// The bytes that a pattern may take when it is compiled.
const LARGEST_PATTERN: usize = 1 << 19;

/// The patterns of all checks.
#[derive(Clone, Debug, Default)]
pub struct Symptoms(Vec<(String, Regex)>);

impl Symptoms {
    /// Patterns by the ids of their checks.
    pub fn new(patterns: impl IntoIterator<Item = (String, Regex)>) -> Self {
        Symptoms(patterns.into_iter().collect())
    }

    /// No check knows any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The checks that know a line.
    pub fn checks(&self, line: &str) -> Vec<&str> {
        self.in_line(line).map(|(check, _)| check).collect()
    }

    /// The same, with the pattern by which they do: once each.
    fn in_line<'a>(&'a self, line: &str) -> impl Iterator<Item = (&'a str, &'a Regex)> {
        let mut known = "";
        let found = self.0.iter().filter(|(_, pattern)| pattern.is_match(line));
        found.filter_map(move |(check, pattern)| {
            let new = check != known;
            known = check;
            new.then_some((check.as_str(), pattern))
        })
    }
}

/// A pattern as a check writes it; what is wrong with it, and what to do, where it cannot be used.
pub(crate) fn compile(source: &str) -> Result<Regex, (String, String)> {
    if source.len() > LONGEST_PATTERN {
        return Err((
            format!("this pattern is longer than {LONGEST_PATTERN} bytes"),
            "the few words that only this error has are enough".into(),
        ));
    }
    let pattern = RegexBuilder::new(source)
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| {
            let said = error.to_string();
            let reason = said.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            (
                format!("`{source}` is no pattern: {reason}"),
                "write a regular expression, like `no space left on (device|disk)`".into(),
            )
        })?;
    match pattern.is_match("") {
        true => Err((
            format!("`{source}` matches every line"),
            "name the words that only this error has".into(),
        )),
        false => Ok(pattern),
    }
}

#[cfg(test)]
mod tests;
