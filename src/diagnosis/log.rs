//! Combines the errors in a job's log with the findings of a diagnosis.

use super::{Diagnosis, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The known errors in a job's log (`check --log`), the likeliest cause first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogReading {
    pub file: String,
    pub lines: u64,
    pub known: Vec<LogError>,
}

/// A fault that the log points to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogError {
    pub check: String,
    pub title: String,
    pub severity: Severity,
    /// Of the first such line.
    pub line: u64,
    pub text: String,
    /// On how many lines.
    pub times: u64,
    /// The words fit several faults, of which this is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub possible: bool,
    /// The fault in the same log that it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows_from: Option<String>,
    pub state: LogState,
    /// The runners on which it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runners: Vec<String>,
}

/// The result of the examination for a fault that the log points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogState {
    Found,
    NotFound,
    /// It could not be judged on every runner, and was found on none.
    Unknown,
    /// Only logs show it, or its check was left out.
    NotJudged,
}

impl LogState {
    /// Faults that were found are the likeliest causes, those not found the least likely.
    fn rank(self) -> u8 {
        match self {
            LogState::Found => 0,
            LogState::Unknown | LogState::NotJudged => 1,
            LogState::NotFound => 2,
        }
    }
}

impl Diagnosis {
    /// Adds a job's log to the diagnosis. `judged` returns whether a check was run.
    pub fn with_log(mut self, mut log: LogReading, judged: impl Fn(&str) -> bool) -> Self {
        for error in &mut log.known {
            let suppressed = self.suppressed.iter().map(|one| &one.finding);
            let findings = self.findings.iter().chain(suppressed);
            let of_check = findings.filter(|finding| finding.check == error.check);
            for finding in of_check {
                if !error.runners.contains(&finding.runner) {
                    error.runners.push(finding.runner.clone());
                }
            }
            let unknown = || self.unknowns.iter().any(|one| one.check == error.check);
            let passed = |check| self.runners.iter().any(|one| one.passed.contains(check));
            error.state = match () {
                () if !error.runners.is_empty() => LogState::Found,
                () if !judged(&error.check) => LogState::NotJudged,
                () if unknown() || !passed(&error.check) => LogState::Unknown,
                () => LogState::NotFound,
            };
        }
        log.known = ordered(log.known);
        self.log = Some(log);
        self
    }
}

/// Causes by state, each followed by its consequences.
fn ordered(known: Vec<LogError>) -> Vec<LogError> {
    let names: Vec<String> = known.iter().map(|error| error.check.clone()).collect();
    let above = |error: &LogError| error.follows_from.clone().filter(|f| names.contains(f));
    let mut groups: Vec<Vec<LogError>> = Vec::new();
    for error in known {
        let cause = above(&error);
        let group = groups.iter_mut().find(|group| {
            let of_group = |check: &String| group.iter().any(|one| one.check == *check);
            cause.as_ref().is_some_and(of_group)
        });
        match group {
            Some(group) => group.push(error),
            None => groups.push(vec![error]),
        }
    }
    groups.sort_by_key(|group| group.iter().map(|one| one.state.rank()).min());
    groups.into_iter().flatten().collect()
}
