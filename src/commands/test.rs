//! `test`: runs the cases in check files, for check authors.

use super::{Exit, write_out};
use crate::checks::{Library, run_cases};
use crate::cli::Test;
use anyhow::{Result, bail};
use std::fmt::Write as _;

pub fn run(options: &Test) -> Result<Exit> {
    let library = Library::only(&options.paths)?;
    let mut text = String::new();
    let (mut passed, mut failed) = (0, 0);
    for check in library.checks() {
        if Library::is_taken(check) {
            let _ = writeln!(
                text,
                "note    {}: a built-in check has this id: load it with --override, or choose another id for --checks-dir",
                check.id
            );
        }
        for report in run_cases(check) {
            // Writing to a String cannot fail.
            match report.outcome.passed() {
                true => {
                    passed += 1;
                    let _ = writeln!(text, "ok      {}: {}", check.id, report.case);
                }
                false => {
                    failed += 1;
                    let _ = writeln!(
                        text,
                        "FAILED  {}: {} ({})",
                        check.id, report.case, report.place
                    );
                    for line in report.outcome.to_string().lines() {
                        let _ = writeln!(text, "        {line}");
                    }
                }
            }
        }
    }
    if passed + failed == 0 {
        bail!("no test case found: name a check file, or a directory of check files");
    }
    let _ = writeln!(text, "\n{passed} passed, {failed} failed");
    write_out(&text, None)?;
    Ok(match failed {
        0 => Exit::Fine,
        _ => Exit::Findings,
    })
}
