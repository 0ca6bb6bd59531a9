//! `explain`: what a check means, offline, in the width of a terminal.

use super::{Exit, write_out};
use crate::check::{Check, Library};
use crate::cli::Explain;
use crate::diagnosis::{Finding, Severity};
use crate::report::{Links, Style, clean, wrap};
use anyhow::Result;
use clap::ColorChoice;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};

pub fn run(options: &Explain, color: ColorChoice) -> Result<Exit> {
    let library =
        Library::load(&options.checks_dir)?.select(std::slice::from_ref(&options.id), &[])?;
    let style = Style::detect(color, io::stdout().is_terminal());
    let mut text = String::new();
    for check in library.checks() {
        text.push_str(&explanation(check, style.width, Links::detect(color)));
    }
    write_out(&text, None)?;
    Ok(Exit::Fine)
}

fn explanation(check: &Check, width: usize, links: Links) -> String {
    let severity = match check.severity {
        Severity::Error => "error: builds fail or hang",
        Severity::Warning => "warning: one day builds will fail",
        Severity::Info => "info: context",
    };
    let mut text = format!("{}\n{}\n{severity}\n\n", check.id, check.title);
    for paragraph in check.why.trim().split("\n\n") {
        let _ = writeln!(text, "{}\n", wrapped(paragraph, width));
    }
    let _ = writeln!(
        text,
        "Found where, for any of the {}:\n  {}\n",
        check.for_each,
        clean(check.rule())
    );
    if let Some((case, finding)) = example(check) {
        let _ = writeln!(
            text,
            "For example, {}:\n{}\n",
            clean(&case),
            indented(&wrapped(&finding.message, width - 2))
        );
        for (rank, remedy) in finding.remedies.iter().enumerate() {
            let word = match (rank, remedy.together) {
                (0, _) => "Cure",
                (_, true) => "And",
                (_, false) => "Or",
            };
            let _ = writeln!(
                text,
                "{word}: {}\n\n{}\n",
                wrapped(&remedy.title, width),
                indented(&remedy.snippet)
            );
        }
    }
    if !check.references.is_empty() {
        text.push_str("References:\n");
        for reference in &check.references {
            let _ = writeln!(text, "  {}", links.write(&clean(reference)));
        }
    }
    text
}

/// The first case that finds something, told in full.
fn example(check: &Check) -> Option<(String, Finding)> {
    check.cases.iter().find_map(|case| {
        let outcome = crate::check::case::run(check, case);
        let finding = outcome.judgement.findings.into_iter().next()?;
        Some((case.name.clone(), finding))
    })
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("  {}", clean(line)))
        .collect();
    lines.join("\n")
}

/// Words in lines of at most `width`, of text that came from a file.
fn wrapped(text: &str, width: usize) -> String {
    let words: Vec<_> = text.split_whitespace().map(clean).collect();
    wrap(&words.join(" "), width, 0).join("\n")
}
