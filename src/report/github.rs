//! Workflow commands of GitHub Actions: printed by a step, they become its annotations.
//! See <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use super::groups::{first_why, place, reasons, remarks};
use super::page::cut_at as cut;
use super::verdict::outcome;
use crate::diagnosis::{Diagnosis, Finding, Severity};
use crate::text::clean::clean_in_command;

/// What GitHub takes: 64 KiB of text, at up to four bytes each.
const MOST_TEXT: usize = 16_000;
const MOST_TITLE: usize = 255;

/// GitHub shows ten of a kind for each step: the worst come first.
pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let mut findings: Vec<&Finding> = diagnosis.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut out: String = findings.into_iter().map(annotation).collect();
    for reason in reasons(&diagnosis.unknowns.iter().collect::<Vec<_>>()) {
        let title = format!("unknown: {}", reason.checks().join(", "));
        out += &command("notice", &[("title", &title)], &reason.reason);
    }
    if let Some(reason) = &diagnosis.incomplete {
        out += &command("warning", &[("title", "incomplete")], reason);
    }
    let outcome = outcome(diagnosis);
    let text = format!("{}: {} ({})", outcome.word, outcome.found, outcome.scope);
    out + &command("notice", &[("title", "runner-doctor")], &text)
}

fn annotation(finding: &Finding) -> String {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let title = format!("{}{}", finding.check, remarks(finding));
    let mut properties: Vec<(&str, String)> = Vec::new();
    if let Some(at) = &finding.location {
        properties.extend([
            ("file", at.file.clone()),
            ("line", at.line.to_string()),
            ("endLine", at.end_line.to_string()),
        ]);
        // Columns go with a single line only.
        if at.line == at.end_line {
            properties.extend([
                ("col", at.column.to_string()),
                ("endColumn", at.end_column.to_string()),
            ]);
        }
    }
    properties.push(("title", title));
    let properties: Vec<(&str, &str)> = properties.iter().map(|(k, v)| (*k, &**v)).collect();
    command(kind, &properties, &message(finding))
}

fn message(finding: &Finding) -> String {
    let mut text = finding.message.trim().to_owned();
    text += &format!("\n{}: {}", finding.runner, place(finding));
    let why = first_why(finding);
    if !why.is_empty() {
        text += &format!("\n\n{why}");
    }
    if let Some(cure) = finding.remedies.first() {
        let title = cure.title.trim_end_matches(':');
        text += &format!("\n\ncure: {title}\n\n{}", cure.snippet.trim_end());
    }
    text
}

fn command(kind: &str, properties: &[(&str, &str)], message: &str) -> String {
    let properties: Vec<String> = properties
        .iter()
        .map(|(key, value)| format!("{key}={}", property(&cut(value, MOST_TITLE))))
        .collect();
    let message = data(&cut(message, MOST_TEXT));
    format!("::{kind} {}::{message}\n", properties.join(","))
}

/// As the runner reads it back: nothing in it can end the line, and so begin another command.
fn data(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(clean_in_command).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_forges_a_command() {
        let forged = "a\n::set-env name=X::1\r\n%0A::error::x";
        let line = command(
            "error",
            &[("title", "a::b,c=d\n::e"), ("file", "x")],
            forged,
        );
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(
            line,
            "::error title=a%3A%3Ab%2Cc=d%0A%3A%3Ae,file=x::a%0A::set-env name=X::1\\r%0A%250A::error::x\n"
        );
    }
}
