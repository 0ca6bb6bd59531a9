//! One line per finding, and one per reason for unknown results, for grep and logs.

use super::grouped_findings::by_reason;
use super::log;
use super::terminal::{Ink, Style};
use super::verdict::few;
use crate::diagnosis::{Confidence, Diagnosis, Finding, Severity, Unknown};

pub(super) fn render(diagnosis: &Diagnosis, style: &Style) -> String {
    let mut out = String::new();
    let mut push = |line: Line<'_>| out.push_str(&line.render(style));
    for finding in &diagnosis.findings {
        push(Line {
            word: finding.severity.word(),
            ink: severity_ink(finding.severity),
            check: &finding.check,
            runner: &place(finding),
            engine: finding.engine.as_deref(),
            subject: Some(&finding.subject),
            text: &remarked(finding),
        });
    }
    let unknowns: Vec<&Unknown> = diagnosis.unknowns.iter().collect();
    for blind in by_reason(&unknowns) {
        let same = &blind.unknowns;
        let first = same[0];
        let alike = |of: fn(&Unknown) -> Option<&str>| {
            let one = of(first);
            one.filter(|_| same.iter().all(|unknown| of(unknown) == one))
        };
        push(Line {
            word: "unknown",
            ink: Ink::Doubtful,
            check: &blind.checks().join(","),
            runner: &first.runner,
            engine: alike(|unknown| unknown.engine.as_deref()),
            subject: alike(|unknown| unknown.subject.as_deref()),
            text: &blind.reason,
        });
    }
    for error in diagnosis.log.iter().flat_map(log::shown) {
        let runners = few(error.runners.iter().map(String::as_str), 3);
        push(Line {
            word: "log",
            ink: Ink::Plain,
            check: &error.check,
            runner: if runners.is_empty() { "-" } else { &runners },
            engine: None,
            subject: None,
            text: &format!("{}; {}", log::state(error), log::quoted(error)),
        });
    }
    if let Some(reason) = &diagnosis.incomplete {
        let word = style.paint(Ink::Doubtful, "incomplete");
        out.push_str(&format!("{word} {}\n", style.text(reason)));
    }
    out
}

struct Line<'a> {
    word: &'static str,
    ink: Ink,
    check: &'a str,
    runner: &'a str,
    engine: Option<&'a str>,
    subject: Option<&'a str>,
    text: &'a str,
}

impl Line<'_> {
    fn render(&self, style: &Style) -> String {
        let or_dash =
            |text: Option<&str>| style.text(text.filter(|t| !t.is_empty()).unwrap_or("-"));
        format!(
            "{} {} {} {} {}: {}\n",
            style.paint(self.ink, self.word),
            style.text(self.check),
            style.text(self.runner),
            or_dash(self.engine),
            or_dash(self.subject),
            style.text(self.text),
        )
    }
}

/// Of a finding in a file, as editors and problem matchers know it: `job.yaml:42:11`.
fn place(finding: &Finding) -> String {
    match &finding.location {
        Some(at) => format!("{}:{}:{}", at.file, at.line, at.column),
        None => finding.runner.clone(),
    }
}

fn remarked(finding: &Finding) -> String {
    let message = finding.message.trim();
    let remarks = [
        (finding.confidence == Confidence::Predicted, "predicted"),
        (finding.caused_by.is_some(), "a consequence"),
        (finding.known, "known"),
    ];
    let remarks: Vec<&str> = remarks.iter().filter(|r| r.0).map(|r| r.1).collect();
    match remarks.is_empty() {
        true => message.to_owned(),
        false => format!("{message} ({})", remarks.join(", ")),
    }
}

pub(super) fn severity_ink(severity: Severity) -> Ink {
    match severity {
        Severity::Error => Ink::Bad,
        Severity::Warning => Ink::Doubtful,
        Severity::Info => Ink::Dim,
    }
}
