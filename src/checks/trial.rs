//! Runs the cases in a check file: only this check judges each case's runner.

use super::case::Case;
use super::definition::{Expected, ExpectedFinding};
use super::judge::{Judgement, judge_by};
use super::rule::Check;
use crate::diagnosis::{Confidence, Finding, Severity, Unknown};
use std::borrow::Cow;
use std::fmt::{self, Debug};

/// The result of a case.
#[derive(Clone, Debug)]
pub struct CaseReport {
    pub check: String,
    pub case: String,
    /// `checks/network/mtu-inversion.yaml:31`.
    pub place: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub judgement: Judgement,
    /// Where the result differs from the case, as text; empty if it passed.
    pub mismatches: Vec<String>,
}

impl Outcome {
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// The mismatches; empty if the case passed.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mismatches.join("\n"))
    }
}

pub fn run_cases(check: &Check) -> Vec<CaseReport> {
    let report = |case: &Case| CaseReport {
        check: check.id.clone(),
        case: case.name.clone(),
        place: format!("{}:{}", check.file, case.line),
        outcome: run(check, case),
    };
    check.cases.iter().map(report).collect()
}

fn run(check: &Check, case: &Case) -> Outcome {
    let evidence = match case.evidence() {
        Ok(evidence) => evidence,
        Err(error) => {
            return Outcome {
                mismatches: vec![format!("{error:#}")],
                ..Outcome::default()
            };
        }
    };
    let judgement = judge_by(&[check], &evidence);
    let mut mismatches = judgement.defects.clone();
    let found: Vec<Seen> = judgement.findings.iter().map(Seen::from).collect();
    let unknown: Vec<Seen> = judgement.unknowns.iter().map(Seen::from).collect();
    mismatches.extend(compare("finds", &case.finds, &found));
    mismatches.extend(compare("unknown", &case.unknown, &unknown));
    Outcome {
        judgement,
        mismatches,
    }
}

/// The parts of a finding or unknown that cases can expect.
struct Seen<'a> {
    subject: &'a str,
    engine: Option<&'a str>,
    severity: Option<Severity>,
    confidence: Option<Confidence>,
    text: Cow<'a, str>,
}

impl<'a> From<&'a Finding> for Seen<'a> {
    fn from(finding: &'a Finding) -> Self {
        Seen {
            subject: &finding.subject,
            engine: finding.engine.as_deref(),
            severity: Some(finding.severity),
            confidence: Some(finding.confidence),
            text: finding.message.as_str().into(),
        }
    }
}

impl<'a> From<&'a Unknown> for Seen<'a> {
    fn from(unknown: &'a Unknown) -> Self {
        let subject = unknown.subject.as_ref().or(unknown.engine.as_ref());
        Seen {
            subject: subject.unwrap_or(&unknown.runner),
            engine: unknown.engine.as_deref(),
            severity: None,
            confidence: None,
            text: unknown.reason().into(),
        }
    }
}

fn compare(word: &str, expected: &[Expected], seen: &[Seen]) -> Option<String> {
    let alike = expected.len() == seen.len()
        && expected
            .iter()
            .zip(seen)
            .all(|(expected, seen)| seen.is(expected));
    if alike {
        return None;
    }
    let expected: Vec<String> = expected.iter().map(describe).collect();
    let seen: Vec<String> = seen.iter().map(Seen::describe).collect();
    Some(format!(
        "the case expects  {word}: [{}]\nbut the check returns {}",
        expected.join(", "),
        if seen.is_empty() {
            "none".to_owned()
        } else {
            format!("{}:\n  {}", seen.len(), seen.join("\n  "))
        }
    ))
}

impl Seen<'_> {
    fn is(&self, expected: &Expected) -> bool {
        match expected {
            Expected::Subject(subject) => self.subject == subject,
            Expected::Finding(expected) => {
                self.subject == expected.subject
                    && agrees(expected.engine.as_deref(), self.engine)
                    && agrees(expected.severity, self.severity)
                    && agrees(expected.confidence, self.confidence)
            }
        }
    }

    fn describe(&self) -> String {
        let mut words = vec![self.subject.to_owned()];
        words.extend(self.engine.map(|engine| format!("engine: {engine}")));
        words.extend(self.severity.map(word));
        words.extend(self.confidence.map(word));
        format!("{} ({})", words.join(", "), self.text)
    }
}

fn agrees<T: PartialEq>(expected: Option<T>, seen: Option<T>) -> bool {
    expected.is_none() || expected == seen
}

fn describe(expected: &Expected) -> String {
    match expected {
        Expected::Subject(subject) => subject.clone(),
        Expected::Finding(ExpectedFinding {
            subject,
            engine,
            severity,
            confidence,
        }) => {
            let mut words = vec![format!("subject: {subject}")];
            words.extend(engine.as_ref().map(|engine| format!("engine: {engine}")));
            words.extend(severity.map(|severity| format!("severity: {}", word(severity))));
            words.extend(confidence.map(|c| format!("confidence: {}", word(c))));
            format!("{{{}}}", words.join(", "))
        }
    }
}

fn word(value: impl Debug) -> String {
    format!("{value:?}").to_lowercase()
}
