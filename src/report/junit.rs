//! JUnit XML for CI systems: a suite for each runner, a test case for each finding, unknown result
//! or passed check.

use crate::diagnosis::{Confidence, Diagnosis, Finding, Severity, Unknown, Verdict};
use crate::text::clean::obeyed;
use jiff::Timestamp;
use std::fmt::Write;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let mut names: Vec<&str> = diagnosis.runners.iter().map(|r| r.name.as_str()).collect();
    names.extend(diagnosis.findings.iter().map(|f| f.runner.as_str()));
    names.extend(diagnosis.unknowns.iter().map(|u| u.runner.as_str()));
    let mut suites: Vec<&str> = Vec::new();
    for name in names {
        if !suites.contains(&name) {
            suites.push(name);
        }
    }
    let least = failing_from(diagnosis);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (mut tests, mut failures, mut body) = (0, 0, String::new());
    for name in suites {
        let suite = Suite::new(diagnosis, name, least);
        tests += suite.tests();
        failures += suite.failures();
        suite.write(&mut body);
    }
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "<testsuites name=\"runner-doctor\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{body}</testsuites>"
    );
    out
}

/// The lowest severity that fails a test case: the worst one among new findings, if the run fails.
fn failing_from(diagnosis: &Diagnosis) -> Option<Severity> {
    if diagnosis.verdict != Verdict::Failing {
        return None;
    }
    let new = diagnosis.findings.iter().filter(|f| !f.known);
    let worst = new.map(|f| f.severity).max();
    Some(worst.unwrap_or(Severity::Error))
}

struct Suite<'a> {
    name: &'a str,
    findings: Vec<&'a Finding>,
    unknowns: Vec<&'a Unknown>,
    passed: &'a [String],
    examined_at: Option<Timestamp>,
    least: Option<Severity>,
}

impl<'a> Suite<'a> {
    fn new(diagnosis: &'a Diagnosis, name: &'a str, least: Option<Severity>) -> Self {
        let findings = diagnosis.findings.iter().filter(|f| f.runner == name);
        let unknowns = diagnosis.unknowns.iter().filter(|u| u.runner == name);
        let runner = diagnosis.runners.iter().find(|runner| runner.name == name);
        Suite {
            name,
            findings: findings.collect(),
            unknowns: unknowns.collect(),
            examined_at: diagnosis.environment.examined_at,
            passed: runner.map_or(&[], |runner| &runner.passed),
            least,
        }
    }

    fn fails(&self, finding: &Finding) -> bool {
        !finding.known && self.least.is_some_and(|least| finding.severity >= least)
    }

    fn failures(&self) -> usize {
        self.findings.iter().filter(|f| self.fails(f)).count()
    }

    /// CI systems treat an empty suite as one that did not run.
    fn tests(&self) -> usize {
        (self.findings.len() + self.unknowns.len() + self.passed.len()).max(1)
    }

    fn write(&self, out: &mut String) {
        let at = self.examined_at;
        let at = at.map(|at| at.strftime(" timestamp=\"%Y-%m-%dT%H:%M:%S\"").to_string());
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\"{} tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
            xml(self.name),
            at.unwrap_or_default(),
            self.tests(),
            self.failures(),
            self.unknowns.len()
        );
        for finding in &self.findings {
            self.write_finding(finding, out);
        }
        for unknown in &self.unknowns {
            let place = unknown.engine.as_ref().or(unknown.subject.as_ref());
            let place = place.unwrap_or(&unknown.runner);
            let _ = writeln!(
                out,
                "    <testcase classname=\"{}\" name=\"{}: {}\">\n      <skipped message=\"{}\"/>\n    </testcase>",
                xml(self.name),
                xml(&unknown.check),
                xml(place),
                xml(&unknown.reason())
            );
        }
        // Reports from before 0.2.0 do not list passed checks.
        let nothing = ["nothing found".to_owned()];
        let passed = match self.findings.is_empty() && self.unknowns.is_empty() {
            true if self.passed.is_empty() => &nothing,
            _ => self.passed,
        };
        for check in passed {
            let (class, name) = (xml(self.name), xml(check));
            let _ = writeln!(out, "    <testcase classname=\"{class}\" name=\"{name}\"/>");
        }
        out.push_str("  </testsuite>\n");
    }

    fn write_finding(&self, finding: &Finding, out: &mut String) {
        let at = finding.location.as_ref();
        let file = at.map(|at| format!(" file=\"{}\" line=\"{}\"", xml(&at.file), at.line));
        let engine = finding.engine.as_deref().filter(|e| *e != finding.subject);
        let engine = engine
            .map(|engine| format!("{engine}, "))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "    <testcase classname=\"{}\" name=\"{}: {}\"{}>",
            xml(self.name),
            xml(&finding.check),
            xml(&format!("{engine}{}", finding.subject)),
            file.unwrap_or_default()
        );
        let text = xml(&details(finding));
        let _ = match self.fails(finding) {
            true => writeln!(
                out,
                "      <failure type=\"{}\" message=\"{}\">{text}</failure>",
                finding.severity.word(),
                xml(&finding.message)
            ),
            false => writeln!(out, "      <system-out>{text}</system-out>"),
        };
        out.push_str("    </testcase>\n");
    }
}

fn details(finding: &Finding) -> String {
    let predicted = match finding.confidence {
        Confidence::Proven => "",
        Confidence::Predicted => " (predicted)",
    };
    let known = if finding.known { " (known)" } else { "" };
    let mut text = format!(
        "{}{predicted}{known}: {}\n",
        finding.severity.word(),
        finding.message
    );
    if let Some(at) = &finding.location {
        let _ = writeln!(text, "{}:{}:{}", at.file, at.line, at.column);
    }
    let _ = write!(text, "\n{}\n", finding.why.trim());
    for remedy in &finding.remedies {
        let title = remedy.title.trim_end_matches(':');
        let _ = write!(text, "\n{title}:\n\n{}\n", remedy.snippet.trim_end());
    }
    text
}

/// Text valid in XML 1.0, which forbids most control characters even if escaped.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, obeyed) in obeyed(text) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c if obeyed => {
                let _ = write!(out, "&#x{:x};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn nothing_breaks_out_of_the_text() {
        assert_eq!(xml("</a> & \"b\""), "&lt;/a&gt; &amp; &quot;b&quot;");
        assert_eq!(xml("a\u{1b}[31m\u{0}"), "a\u{fffd}[31m\u{fffd}");
        assert_eq!(xml("x\u{202e}y"), "x&#x202e;y");
        assert_eq!(xml("::error::x ##[y]"), "&#x3a;:error::x &#x23;#[y]");
    }
}
