//! An explanation for a terminal.

use super::explanation::{Explanation, Fix, severity, word};
use crate::report::{Links, clean, wrap};
use std::fmt::Write as _;

pub(super) fn render(told: &Explanation, width: usize, links: Links) -> String {
    // Writing to a String cannot fail, here and below.
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}\n{}\n{}\n",
        told.id,
        wrapped(told.title, width),
        severity(told.severity)
    );
    for paragraph in told.why.split("\n\n") {
        let _ = writeln!(text, "{}\n", wrapped(paragraph, width));
    }
    detection(&mut text, told, width);
    if let Some(example) = &told.example {
        let lead = format!("For example, {}:", clean(example.name));
        let _ = writeln!(
            text,
            "{}\n{}\n",
            wrapped(&lead, width),
            prose(&example.message, width)
        );
    }
    for fix in &told.fixes {
        write_fix(&mut text, fix, width);
    }
    if !told.caused_by.is_empty() {
        let lead = format!(
            "Fixing one of these also fixes it: {}",
            told.caused_by.join(", ")
        );
        let _ = writeln!(text, "{}\n", wrapped(&lead, width));
    }
    if !told.in_logs.is_empty() {
        text.push_str("Log lines that identify it:\n");
        for line in &told.in_logs {
            let _ = writeln!(text, "{}", prose(line, width));
        }
        text.push('\n');
    }
    if !told.references.is_empty() {
        text.push_str("References:\n");
        for reference in told.references {
            let _ = writeln!(text, "  {}", links.write(&clean(reference)));
        }
    }
    text
}

fn detection(text: &mut String, told: &Explanation, width: usize) {
    let how = &told.detected;
    let _ = writeln!(
        text,
        "Found if, for any of the {}:\n{}\n",
        how.for_each,
        prose(how.fails_when, width)
    );
    for (lead, condition) in [
        ("Applies only to runners if:", how.applies_when),
        ("Proven (otherwise predicted) if:", how.proven_when),
        ("`probe` is the output of this command:", how.probe),
    ] {
        if let Some(condition) = condition {
            let _ = writeln!(text, "{lead}\n{}\n", prose(condition, width));
        }
    }
}

fn write_fix(text: &mut String, fix: &Fix, width: usize) {
    let scope = fix.scope();
    for (rank, remedy) in fix.remedies.iter().enumerate() {
        let on = if rank == 0 { scope.as_str() } else { "" };
        let lead = format!(
            "{}{on}: {}",
            word(rank, remedy),
            remedy.title.trim_end_matches(':')
        );
        let _ = writeln!(text, "{}\n", wrapped(&lead, width));
        if !remedy.snippet.trim().is_empty() {
            let _ = writeln!(text, "{}\n", indented(&remedy.snippet));
        }
    }
}

/// Text of a file or of a finding, wrapped and set in.
fn prose(text: &str, width: usize) -> String {
    indented(&wrapped(text, width.saturating_sub(2)))
}

pub(super) fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("  {}", clean(line)).trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Words in lines of at most `width`, of text that came from a file.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let words: Vec<_> = text.split_whitespace().map(clean).collect();
    wrap(&words.join(" "), width, 0).join("\n")
}
