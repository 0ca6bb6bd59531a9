//! What the program does, tested from outside: one test program, because each would be linked by itself.
#![allow(clippy::unwrap_used)]

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
mod rbac;
mod reasons;
mod reports;
mod schemas;
mod words;
