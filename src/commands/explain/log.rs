//! `explain --log`: which faults a job's log points to, the likeliest first, and what to run next.

use super::text::indented;
use crate::checks::Library;
use crate::cli::ExplainFormat;
use crate::commands::{Exit, log_file, tell, write_out};
use crate::diagnosis::Severity;
use crate::report::{Style, clean, wrap};
use crate::symptoms::{self, Ranked, Told};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

const SCHEMA: &str = "runner-doctor/log/v1";
const CHECK: &str = "runner-doctor check";

/// Everything that is known in a log, the likeliest cause first.
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
    text: &'a str,
    /// On how many lines.
    times: u64,
    /// The words fit several faults, of which this is one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    possible: bool,
    /// How `check` decides between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<&'a str>,
    /// The fault named above that it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    follows_from: Option<&'a str>,
    /// What to run: what it means, and, where `check` judges it, whether it is present.
    next: Vec<String>,
}

pub(super) fn run(
    file: &Path,
    library: &Library,
    output: ExplainFormat,
    style: &Style,
) -> Result<Exit> {
    let symptoms = library.symptoms();
    let follows = log_file::is_stream(file);
    let (known, lines) = symptoms::read(log_file::open(file)?, &symptoms, |told| {
        if follows {
            tell_now(&told);
        }
    })
    .with_context(|| log_file::unreadable(file))?;
    let ranked = symptoms::rank(&known, library);
    let reading = Reading {
        schema: SCHEMA,
        log: log_file::name(file),
        lines,
        known: ranked
            .iter()
            .filter_map(|ranked| row(library, ranked))
            .collect(),
    };
    let text = match output {
        ExplainFormat::Text => told(&reading, style.width),
        ExplainFormat::Markdown => {
            bail!("cannot write the faults in a log as Markdown: use -o text or -o json")
        }
        ExplainFormat::Json => {
            let mut text = serde_json::to_string_pretty(&reading)
                .context("cannot write the faults in the log as JSON: try -o text")?;
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

/// A stream may run for hours: errors are printed as they come, the ranking at its end.
fn tell_now(told: &Told) {
    match told {
        Told::Known(known) => {
            let sure = if known.symptom.or.is_empty() {
                ""
            } else {
                " (possible)"
            };
            let (line, check) = (known.first, &known.symptom.check);
            tell(&format!(
                "line {line}: {check}{sure}: {}",
                clean(&known.text)
            ));
        }
        Told::Over(check) => tell(&format!(
            "{check} is over: a later line shows that it works"
        )),
    }
}

fn row<'a>(library: &'a Library, ranked: &Ranked<'a>) -> Option<Row<'a>> {
    let id = ranked.check;
    let mut next = vec![format!("runner-doctor explain {id}")];
    let (title, severity) = match library.get(id) {
        Some(check) => {
            next.push(format!("{CHECK} --check {id}"));
            (&check.title, check.severity)
        }
        None => library
            .entry(id)
            .map(|entry| (&entry.title, entry.severity))?,
    };
    Some(Row {
        check: id,
        title,
        severity,
        line: ranked.line.first,
        text: &ranked.line.text,
        times: ranked.times,
        possible: ranked.possible,
        decided_by: ranked
            .line
            .symptom
            .decided_by
            .as_deref()
            .filter(|_| ranked.possible),
        follows_from: ranked.follows_from,
        next,
    })
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
            "{log}: no known error in {counted}. A build that hangs writes no error, and not every error is known. Run `{CHECK}` to examine the runner itself."
        );
        return wrap(&says, width, 0).join("\n") + "\n";
    }
    let mut text = format!("{log}: known errors in {counted}, likeliest cause first\n");
    let mut decided: Option<&str> = None;
    for row in known {
        let more = match row.times {
            1 => String::new(),
            2 => " and 1 more".to_owned(),
            times => format!(" and {} more", times - 1),
        };
        let severity = row.severity.word();
        let note = match (row.follows_from, row.possible) {
            (Some(cause), _) => format!("{severity}, follows from {cause}"),
            (None, true) => format!("{severity}, possible"),
            (None, false) => severity.to_owned(),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\n{}  ({note})", row.check);
        // Candidates for one line share it.
        if row.decided_by.is_none() || row.decided_by != decided {
            let _ = writeln!(text, "  line {}{more}:", row.line);
            let quoted = wrap(&clean(row.text), width.saturating_sub(4), 0).join("\n");
            let _ = writeln!(text, "{}", indented(&indented(&quoted)));
            if let Some(decided_by) = row.decided_by {
                let lines = wrap(decided_by, width.saturating_sub(2), 0).join("\n");
                let _ = writeln!(text, "{}", indented(&lines));
            }
        }
        decided = row.decided_by;
        let _ = writeln!(text, "  meaning and fix:  {}", row.next[0]);
        if let Some(check) = row.next.get(1) {
            let _ = writeln!(text, "  is it present:    {check}");
        }
    }
    text
}
