//! `explain ID` of a fault that only logs show.

use super::explanation::severity;
use super::text::{indented, wrapped};
use crate::checks::{Entry, page};
use crate::cli::ExplainFormat;
use crate::diagnosis::Severity;
use crate::report::{Links, Style, clean};
use anyhow::{Context, Result};
use clap::ColorChoice;
use serde::Serialize;
use std::fmt::Write as _;

const NOT_JUDGED: &str = "`explain --log` finds it in logs; `check` does not detect it.";

#[derive(Serialize)]
struct Explained<'a> {
    id: &'a str,
    title: &'a str,
    severity: Severity,
    group: &'a str,
    why: &'a str,
    in_logs: Vec<&'a str>,
    references: &'a [String],
    file: &'a str,
    /// The address of its page. Absent for custom files.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
}

pub(super) fn explained(
    entry: &Entry,
    output: ExplainFormat,
    style: &Style,
    color: ColorChoice,
) -> Result<String> {
    let explained = Explained {
        id: &entry.id,
        title: &entry.title,
        severity: entry.severity,
        group: &entry.group,
        why: &entry.why,
        in_logs: entry.symptoms.iter().map(|s| s.example.as_str()).collect(),
        references: &entry.references,
        file: &entry.file,
        page: page(&entry.id),
    };
    Ok(match output {
        ExplainFormat::Text => text(&explained, style.width, Links::detect(color)),
        ExplainFormat::Markdown => markdown(&explained),
        ExplainFormat::Json => {
            let text = serde_json::to_string_pretty(&explained);
            text.context("cannot write the explanation as JSON: try -o text")? + "\n"
        }
    })
}

fn text(entry: &Explained, width: usize, links: Links) -> String {
    let title = wrapped(entry.title, width);
    let mut text = format!("{}\n{title}\n{}\n\n", entry.id, severity(entry.severity));
    // Writing to a String cannot fail, here and below.
    for paragraph in entry.why.split("\n\n").chain([NOT_JUDGED]) {
        let _ = writeln!(text, "{}\n", wrapped(paragraph, width));
    }
    text.push_str("Log lines that identify it:\n");
    for line in &entry.in_logs {
        let _ = writeln!(
            text,
            "{}",
            indented(&wrapped(line, width.saturating_sub(2)))
        );
    }
    text.push_str("\nReferences:\n");
    for reference in entry.references {
        let _ = writeln!(text, "  {}", links.write(&clean(reference)));
    }
    if let Some(page) = &entry.page {
        let _ = writeln!(text, "\nMore:\n  {}", links.write(page));
    }
    text
}

fn markdown(entry: &Explained) -> String {
    let mut text = format!(
        "# {}: {}\n\n{}\n\n{NOT_JUDGED}\n",
        entry.id, entry.title, entry.why
    );
    text.push_str("\n## In logs\n\n```\n");
    for line in &entry.in_logs {
        let _ = writeln!(text, "{line}");
    }
    text.push_str("```\n\n## References\n\n");
    for reference in entry.references {
        let _ = writeln!(text, "- <{reference}>");
    }
    text
}
