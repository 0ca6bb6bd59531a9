//! Known error texts: which faults a log points to.

mod line;
mod log;
mod pattern;
mod ranking;
mod scan;
mod statement;

pub(crate) use log::{Told, last, read};
pub use pattern::Pattern;
pub(crate) use pattern::compile;
pub(crate) use ranking::{Ranked, Relations, rank};

use regex::bytes::{Regex, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use std::ops::Range;
use std::sync::OnceLock;

/// The maximum size of all compiled patterns.
const LARGEST_SET: usize = 64 << 20;

/// How to recognize a fault in a log line.
#[derive(Clone, Debug)]
pub struct Symptom {
    /// The fault's id.
    pub check: String,
    pub pattern: Pattern,
    /// A line that the pattern matches.
    pub example: String,
    /// Required in one of the few lines before it.
    pub after: Option<Pattern>,
    /// It does not count if this line or one of the few before it contains this.
    pub unless: Option<Pattern>,
    /// It counts even at log level info.
    pub at_info: bool,
    /// The program retries: in a container's log it counts from the second occurrence on.
    pub transient: bool,
    /// Other faults with the same message, the likeliest first.
    pub or: Vec<String>,
    /// Faults that follow from this one if both are in a log.
    pub causes: Vec<String>,
    /// How `check` decides between them.
    pub decided_by: Option<String>,
    /// The recoveries after which it no longer counts.
    pub taken_back_by: Vec<String>,
}

impl Symptom {
    /// The line of its example that states the error.
    pub fn error(&self) -> &str {
        let last = self.example.lines().next_back().unwrap_or_default();
        last.trim_start_matches([' ', '>'])
    }
}

/// A line after which errors before it no longer count.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    pub name: String,
    pub patterns: Vec<String>,
}

/// Discards everything before it: a job that succeeded has no failure to explain.
const JOB_SUCCEEDED: &str = "job-succeeded";

/// The symptoms of all faults, and the recoveries that cancel them.
#[derive(Debug, Default)]
pub struct Symptoms {
    symptoms: Vec<Symptom>,
    recoveries: Vec<(String, Pattern)>,
    /// All patterns in one set; compiled at the first line.
    set: OnceLock<RegexSet>,
}

impl Symptoms {
    pub fn new(symptoms: impl IntoIterator<Item = Symptom>, recoveries: &[Recovery]) -> Self {
        let each = recoveries.iter().flat_map(|recovery| {
            let patterns = recovery.patterns.iter();
            patterns.map(|pattern| (recovery.name.clone(), Pattern::new(pattern)))
        });
        Symptoms {
            symptoms: symptoms.into_iter().collect(),
            recoveries: each.collect(),
            set: OnceLock::new(),
        }
    }

    /// Whether no fault has a symptom.
    pub(crate) fn is_empty(&self) -> bool {
        self.symptoms.is_empty()
    }

    /// The faults that a log points to, after all recoveries.
    pub fn checks(&self, log: &str) -> Vec<&str> {
        let Ok((known, _)) = read(log.as_bytes(), self, |_| ()) else {
            return Vec::new();
        };
        let mut checks: Vec<&str> = Vec::new();
        for known in known {
            if !checks.contains(&&*known.symptom.check) {
                checks.push(&known.symptom.check);
            }
        }
        checks
    }

    /// The symptoms that match at the start of a statement, with their position. If some are
    /// unambiguous, an ambiguous one counts only if it causes all of them.
    fn matches(
        &self,
        text: &str,
        fits: impl Fn(&Symptom) -> bool,
    ) -> Vec<(&Symptom, Range<usize>)> {
        let hits = self.set().matches(text.as_bytes());
        let found: Vec<(&Symptom, Range<usize>)> = hits
            .iter()
            .filter_map(|at| self.symptoms.get(at))
            .filter_map(|symptom| Some((symptom, place(symptom.pattern.regex()?, text)?)))
            .filter(|(symptom, _)| fits(symptom))
            .collect();
        let (mut certain, possible): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|(symptom, _)| symptom.or.is_empty());
        let explains = |(symptom, _): &(&Symptom, Range<usize>)| {
            let mut effects = certain.iter().map(|(symptom, _)| &symptom.check);
            effects.all(|effect| symptom.causes.contains(effect))
        };
        // Of several matches, the one that starts earliest covers the most of the line.
        let best = possible.into_iter().min_by_key(|(_, place)| place.start);
        let best = best.filter(explains);
        certain.extend(best);
        certain
    }

    /// The recoveries that a statement shows.
    fn recovered(&self, text: &str) -> Vec<&str> {
        let hits = self.set().matches(text.as_bytes());
        let of_recovery = hits.iter().filter_map(|at| {
            let (name, pattern) = self.recoveries.get(at.checked_sub(self.symptoms.len())?)?;
            place(pattern.regex()?, text).map(|_| name.as_str())
        });
        of_recovery.collect()
    }

    fn set(&self) -> &RegexSet {
        self.set.get_or_init(|| {
            let symptoms = self.symptoms.iter().map(|symptom| &symptom.pattern);
            let recoveries = self.recoveries.iter().map(|(_, pattern)| pattern);
            // Each pattern compiled alone, so only their combined size could fail.
            RegexSetBuilder::new(symptoms.chain(recoveries).map(Pattern::anywhere))
                .unicode(false)
                .size_limit(LARGEST_SET)
                .dfa_size_limit(LARGEST_SET)
                .build()
                .unwrap_or_default()
        })
    }
}

/// Whether a line of the text states what the pattern matches.
pub(crate) fn states(text: &str, pattern: &Regex) -> bool {
    let mut statements = text.lines().flat_map(statement::statements);
    statements.any(|statement| !statement.quotes && place(pattern, &statement.text).is_some())
}

/// Where a pattern matches at the start of a statement.
fn place(pattern: &Regex, text: &str) -> Option<Range<usize>> {
    let mut found = pattern.find_iter(text.as_bytes());
    let found = found.find(|found| statement::begins(text, found.start()))?;
    Some(found.range())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wordings;
