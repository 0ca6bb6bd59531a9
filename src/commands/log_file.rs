//! A job's log given as an argument: a file of any size, or standard input.

use crate::files;
use crate::report::clean;
use anyhow::Result;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Standard input, which may stay open for hours.
pub(super) fn is_stream(file: &Path) -> bool {
    file == Path::new("-")
}

pub(super) fn open(file: &Path) -> Result<Box<dyn BufRead>> {
    if is_stream(file) {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(files::open(file)?)))
}

/// How messages call the log.
pub(super) fn name(file: &Path) -> String {
    match is_stream(file) {
        true => "standard input".to_owned(),
        false => clean(&file.display().to_string()).into_owned(),
    }
}

/// The error if the log cannot be read.
pub(super) fn unreadable(file: &Path) -> String {
    format!("cannot read the log {}: is it a file?", file.display())
}
