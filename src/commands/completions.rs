//! `completions`: what a shell needs to complete commands.

use super::{Exit, write_out};
use crate::cli::{Cli, Completions};
use anyhow::Result;
use clap::CommandFactory;

pub fn run(options: &Completions) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut Cli::command(),
        "runner-doctor",
        &mut text,
    );
    write_out(&String::from_utf8_lossy(&text), None)?;
    Ok(Exit::Fine)
}
