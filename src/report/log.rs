//! The errors in a job's log, and how the examination explains them.

use super::page::Page;
use super::terminal::{Ink, Mark};
use super::verdict::{count, few};
use crate::diagnosis::{Diagnosis, LogError, LogReading, LogState};

pub(super) fn write(page: &mut Page<'_>, diagnosis: &Diagnosis) {
    let Some(log) = &diagnosis.log else {
        return;
    };
    page.gap();
    page.prose(0, Ink::Bold, &heading(log));
    for error in shown(log) {
        let (mark, ink) = match error.state {
            LogState::Found => (Mark::Wrong, Ink::Bad),
            // The error did occur, so it gets no tick.
            LogState::NotFound => (Mark::Info, Ink::Dim),
            LogState::Unknown | LogState::NotJudged => (Mark::Unknown, Ink::Doubtful),
        };
        let lead = format!("{} ", page.style.mark(mark));
        page.heading(2, (ink, &lead), (Ink::Bold, &error.check), &state(error));
        page.prose(4, Ink::Dim, &quoted(error));
    }
}

/// Drops ambiguous matches of a log line if the examination found one of the line's faults.
pub(super) fn shown(log: &LogReading) -> impl Iterator<Item = &LogError> {
    let found = |line: u64| {
        let mut of_line = log.known.iter().filter(move |error| error.line == line);
        of_line.any(|error| error.state == LogState::Found)
    };
    let shown = move |error: &&LogError| {
        !error.possible || error.state == LogState::Found || !found(error.line)
    };
    log.known.iter().filter(shown)
}

pub(super) fn heading(log: &LogReading) -> String {
    let LogReading { file, lines, known } = log;
    let lines = count(usize::try_from(*lines).unwrap_or(usize::MAX), "line");
    match known.is_empty() {
        true => format!("Log {file}: no known error in {lines}."),
        false => format!("Log {file}: known errors in {lines}, likeliest cause first"),
    }
}

/// The examination's result for an error, and the reason.
pub(super) fn state(error: &LogError) -> String {
    let state = match error.state {
        LogState::Found => format!(
            "found on {}",
            few(error.runners.iter().map(String::as_str), 3)
        ),
        LogState::NotFound if error.possible => "possible, but not found".to_owned(),
        LogState::NotFound => "not present now".to_owned(),
        LogState::Unknown => "could not be checked".to_owned(),
        LogState::NotJudged => {
            format!(
                "not checked; meaning and fix: runner-doctor explain {}",
                error.check
            )
        }
    };
    match &error.follows_from {
        Some(cause) => format!("{state}; follows from {cause}"),
        None => state,
    }
}

pub(super) fn quoted(error: &LogError) -> String {
    format!("line {}: {}", error.line, error.text)
}
