//! `check --log`: diagnoses a job's log and the runners together.

use crate::checks::Library;
use crate::commands::log_file;
use crate::diagnosis::{LogError, LogReading, LogState};
use crate::symptoms::{self, Ranked};
use anyhow::{Context, Result};
use std::io::{self, BufRead};
use std::path::Path;

/// The known errors of the log, before they are compared with the findings.
pub(super) fn read(file: &Path, library: &Library) -> Result<LogReading> {
    let log = log_file::open(file)?;
    read_from(log, log_file::name(file), library).with_context(|| log_file::unreadable(file))
}

pub(in crate::commands) fn read_from(
    log: impl BufRead,
    name: String,
    library: &Library,
) -> io::Result<LogReading> {
    let symptoms = library.symptoms();
    let (known, lines) = symptoms::read(log, &symptoms, |_| ())?;
    let ranked = symptoms::rank(&known, library);
    Ok(LogReading {
        file: name,
        lines,
        known: ranked
            .iter()
            .filter_map(|row| error(library, row))
            .collect(),
    })
}

fn error(library: &Library, row: &Ranked) -> Option<LogError> {
    let check = library.get(row.check).map(|c| (&c.title, c.severity));
    let entry = || library.entry(row.check).map(|e| (&e.title, e.severity));
    let (title, severity) = check.or_else(entry)?;
    Some(LogError {
        check: row.check.to_owned(),
        title: title.clone(),
        severity,
        line: row.line.first,
        text: row.line.text.clone(),
        times: row.times,
        possible: row.possible,
        follows_from: row.follows_from.map(str::to_owned),
        state: LogState::NotJudged,
        runners: Vec::new(),
    })
}
