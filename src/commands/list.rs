//! `list`: all checks, one per line.

use super::{Exit, library, write_out};
use crate::checks::{Check, Library};
use crate::cli::{List, ListFormat};
use crate::config::Config;
use crate::diagnosis::Severity;
use anyhow::{Context, Result};
use serde::Serialize;

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    severity: Severity,
    group: &'a str,
    /// Errors in logs that it causes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    symptoms: Vec<&'a str>,
}

pub fn run(options: &List, settings: &Config) -> Result<Exit> {
    let library = library::all(&options.files, settings)?;
    let text = match options.output {
        ListFormat::Table => table(&library),
        ListFormat::Json => {
            let rows: Vec<Row> = library.checks().map(row).collect();
            let mut text = serde_json::to_string_pretty(&rows)
                .context("cannot write the list as JSON: try -o table")?;
            text.push('\n');
            text
        }
    };
    write_out(&text, None)?;
    Ok(Exit::Fine)
}

fn row(check: &Check) -> Row<'_> {
    Row {
        id: &check.id,
        title: &check.title,
        severity: check.severity,
        group: &check.group,
        symptoms: check.symptoms.iter().map(|s| s.error()).collect(),
    }
}

fn table(library: &Library) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    for check in library.checks() {
        let severity = format!("{:?}", check.severity).to_lowercase();
        let symptom = check.symptoms.first().map(|symptom| symptom.error());
        let error = symptom.unwrap_or_default();
        table.add_row([check.id.as_str(), &severity, &check.title, error]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join("\n") + "\n"
}
