//! Workflow commands of GitHub Actions: printed by a step, they become its annotations.
//! See <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use super::grouped_findings::{first_why, place, reasons, remarks};
use super::page::cut_at as cut;
use super::verdict::few;
use super::verdict_line;
use crate::diagnosis::{Diagnosis, Finding, Severity};
use crate::text::clean::clean_in_command;

/// What GitHub takes: 64 KiB of text, at up to four bytes each.
const MOST_TEXT: usize = 16_000;
const MOST_TITLE: usize = 255;
const MOST_PLACES: usize = 20;

/// GitHub shows ten of a kind for each step, and fifty for each job.
const MOST: usize = 10;

/// The verdict comes first, so that it is never among those that are not shown.
pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let verdict = command(
        "notice",
        &[("title", "runner-doctor")],
        &verdict_line(diagnosis),
    );
    let (mut errors, mut warnings, mut notices) = (Vec::new(), Vec::new(), vec![verdict]);
    if let Some(reason) = &diagnosis.incomplete {
        warnings.push(command("warning", &[("title", "incomplete")], reason));
    }
    for (severity, shown) in [
        (Severity::Error, &mut errors),
        (Severity::Warning, &mut warnings),
        (Severity::Info, &mut notices),
    ] {
        let findings = diagnosis.findings.iter();
        let findings: Vec<&Finding> = findings.filter(|f| f.severity == severity).collect();
        shown.extend(annotations(&findings, MOST - shown.len()));
    }
    for reason in reasons(&diagnosis.unknowns.iter().collect::<Vec<_>>()) {
        let title = format!("unknown: {}", reason.checks().join(", "));
        notices.push(command("notice", &[("title", &title)], &reason.reason));
    }
    if notices.len() > MOST {
        let more = format!(
            "{} more: see the report in another format",
            notices.len() - MOST + 1
        );
        notices.truncate(MOST - 1);
        notices.push(command("notice", &[("title", "not shown")], &more));
    }
    [errors, warnings, notices].concat().concat()
}

/// One a finding where there is room for all of them; else one a check, those with most findings.
fn annotations(findings: &[&Finding], room: usize) -> Vec<String> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|g| g[0].check == finding.check) {
            Some(group) if findings.len() > room => group.push(finding),
            _ => groups.push(vec![finding]),
        }
    }
    // Stable: of groups of one size, the one that strikes first.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let hidden = groups.split_off(room.min(groups.len()));
    let last = hidden.iter().map(|group| group[0].check.as_str());
    let mut annotations: Vec<String> = groups.iter().map(|group| annotation(group)).collect();
    if let (false, Some(group)) = (hidden.is_empty(), groups.last()) {
        let more = few(last.chain([group[0].check.as_str()]), 40);
        annotations.pop();
        let text = format!("Also found, not shown here: {more}");
        annotations.push(command(
            kind(group[0]),
            &[("title", "more findings")],
            &text,
        ));
    }
    annotations
}

fn kind(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    }
}

/// Of the first of a check's findings, with the places of the others.
fn annotation(group: &[&Finding]) -> String {
    let finding = group[0];
    let title = match group.len() {
        1 => format!("{}{}", finding.check, remarks(finding)),
        many => format!("{} ({many} findings)", finding.check),
    };
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
    command(kind(finding), &properties, &message(group))
}

fn message(group: &[&Finding]) -> String {
    let finding = group[0];
    let mut text = finding.message.trim().to_owned();
    let places = group
        .iter()
        .map(|f| format!("\n{}: {}", f.runner, place(f)));
    text.extend(places.take(MOST_PLACES));
    if group.len() > MOST_PLACES {
        text += &format!("\nand in {} more places", group.len() - MOST_PLACES);
    }
    let why = first_why(finding);
    if !why.is_empty() {
        text += &format!("\n\n{why}");
    }
    if let Some(fix) = finding.remedies.first() {
        let title = fix.title.trim_end_matches(':');
        text += &format!("\n\ncure: {title}\n\n{}", fix.snippet.trim_end());
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
