//! `explain --log`: which checks know an error in a job's log, and what to run next.

use super::text::indented;
use crate::checks::{Check, Library};
use crate::cli::ExplainFormat;
use crate::commands::{Exit, write_out};
use crate::diagnosis::Severity;
use crate::files;
use crate::report::{Style, clean, wrap};
use crate::symptoms::{self, Known};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

const SCHEMA: &str = "runner-doctor/log/v1";
const CHECK: &str = "runner-doctor check";

/// Everything that is known in a log, in its order.
#[derive(Serialize)]
struct Reading<'a> {
    schema: &'static str,
    log: String,
    lines: u64,
    known: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    check: &'a str,
    title: &'a str,
    severity: Severity,
    /// Of the first such line.
    line: u64,
    text: String,
    /// On how many lines.
    times: u64,
    /// What to run: what it means, and whether it is so.
    next: [String; 2],
}

pub(super) fn run(
    file: &Path,
    library: &Library,
    output: ExplainFormat,
    style: &Style,
) -> Result<Exit> {
    let (known, lines) = symptoms::read(open(file)?, &library.symptoms())
        .with_context(|| format!("cannot read the log {}: is it a file?", file.display()))?;
    let named = known
        .into_iter()
        .filter_map(|(id, known)| Some(row(library.get(&id)?, known)));
    let mut reading = Reading {
        schema: SCHEMA,
        log: match file == Path::new("-") {
            true => "standard input".to_owned(),
            false => clean(&file.display().to_string()).into_owned(),
        },
        lines,
        known: named.collect(),
    };
    reading.known.sort_by_key(|row| row.line);
    let text = match output {
        ExplainFormat::Text => told(&reading, style.width),
        ExplainFormat::Markdown => {
            bail!("what is known in a log is not told as Markdown: use -o text or -o json")
        }
        ExplainFormat::Json => {
            let mut text = serde_json::to_string_pretty(&reading)
                .context("cannot write what is known as JSON: try -o text")?;
            text.push('\n');
            text
        }
    };
    write_out(&text, None)?;
    Ok(match reading.known.is_empty() {
        true => Exit::Unknown,
        false => Exit::Fine,
    })
}

fn open(file: &Path) -> Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(files::open(file)?)))
}

fn row(check: &Check, known: Known) -> Row<'_> {
    Row {
        check: &check.id,
        title: &check.title,
        severity: check.severity,
        line: known.first,
        text: known.text,
        times: known.times,
        next: [
            format!("runner-doctor explain {}", check.id),
            format!("{CHECK} --check {}", check.id),
        ],
    }
}

fn told(reading: &Reading, width: usize) -> String {
    let Reading {
        log, lines, known, ..
    } = reading;
    let counted = match lines {
        1 => "1 line".to_owned(),
        lines => format!("{lines} lines"),
    };
    if known.is_empty() {
        let says = format!(
            "{log}: no known error in {counted}. That does not mean that nothing is wrong: a build that hangs writes none, and not every error is known here. What the runner itself shows, `{CHECK}` tells."
        );
        return wrap(&says, width, 0).join("\n") + "\n";
    }
    let mut text = format!("{log}: known in {counted}\n");
    for row in known {
        let more = match row.times {
            1 => String::new(),
            times => format!(", and {} more like it", times - 1),
        };
        let severity = row.severity.word();
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "\n{}  ({severity})\n  line {}{more}:",
            row.check, row.line
        );
        let quoted = wrap(&clean(&row.text), width.saturating_sub(4), 0).join("\n");
        let _ = writeln!(text, "{}", indented(&indented(&quoted)));
        let _ = writeln!(text, "  what it means, and the cure:  {}", row.next[0]);
        let _ = writeln!(text, "  whether it is so now:         {}", row.next[1]);
    }
    text
}
