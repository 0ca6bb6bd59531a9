//! Tests of the program from outside, in a single binary, because each binary is linked separately.
#![allow(clippy::unwrap_used)]

mod chart;
mod checks;
mod cli;
mod config;
mod diagnoses;
mod documents;
mod edits;
#[cfg(unix)]
mod faults;
mod fix;
mod kinds;
mod lint;
mod manifest;
#[cfg(unix)]
mod printed;
mod rbac;
mod reasons;
mod reports;
mod rooms;
#[cfg(unix)]
mod run;
mod schemas;
mod site;
#[cfg(unix)]
mod watcher;
mod words;
mod worlds;

use std::fs;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a directory of the repository, sorted.
fn files(below: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(below)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|end| end == extension) {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "{below} has no *.{extension}");
    found.sort();
    found
}
