//! `check --watch`: repeats the check and prints changes.

use crate::commands::{Exit, complain, source, write_out};
use crate::compare::History;
use crate::diagnosis::Diagnosis;
use crate::report::{self, Format, Style};
use anyhow::Result;
use jiff::Timestamp;
use std::time::Duration;

/// Repeats until interrupted. A failed check, such as an unreachable cluster, is reported as an error,
/// not as a change.
pub fn run(
    first: Diagnosis,
    interval: Duration,
    format: Format,
    style: &Style,
    examine: impl Fn() -> Result<Diagnosis>,
) -> Result<Exit> {
    let mut history = History::new(first);
    loop {
        if source::pause(interval)? {
            return Ok(Exit::Interrupted);
        }
        let now = match examine() {
            Ok(now) => now,
            Err(error) => {
                complain(&error);
                continue;
            }
        };
        if now.incomplete.as_deref() == Some(source::INTERRUPTED) {
            return Ok(Exit::Interrupted);
        }
        let comparison = history.add(now);
        if !comparison.is_empty() {
            let text = match format {
                Format::Json => report::json(&comparison),
                _ => format!(
                    "\n{}\n{}",
                    time(),
                    report::render_comparison(&comparison, style)
                ),
            };
            write_out(&text, None)?;
        }
    }
}

/// The time of day, UTC.
fn time() -> String {
    Timestamp::now().strftime("%H:%M:%S UTC").to_string()
}
