//! `completions`: shell completion scripts.

use super::{Exit, source, write_out};
use crate::checks::Library;
use crate::cli::{Cli, Completions};
use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};

pub fn run(options: &Completions) -> Result<Exit> {
    let mut text = Vec::new();
    let mut command = with_names(Cli::command(), &Library::load(&[])?);
    clap_complete::generate(options.shell, &mut command, "runner-doctor", &mut text);
    write_out(&String::from_utf8_lossy(&text), None)?;
    Ok(Exit::Fine)
}

/// Offers the ids of built-in checks and the names of recordings: both take others too, so that the
/// command line itself cannot list them.
fn with_names(command: Command, library: &Library) -> Command {
    let checks: Vec<String> = library.checks().map(|check| check.id.clone()).collect();
    let faults: Vec<String> = library.ids().into_iter().map(str::to_owned).collect();
    let offer = |command: Command, id: &str, names: &[String]| {
        let known = command
            .get_arguments()
            .any(|argument| argument.get_id() == id);
        match known {
            true => {
                let names = PossibleValuesParser::new(names.to_owned());
                command.mut_arg(id, |argument| argument.value_parser(names))
            }
            false => command,
        }
    };
    command.mut_subcommands(|command| {
        let command = match command.get_name() {
            "explain" => offer(command, "id", &faults),
            _ => command,
        };
        let command = offer(command, "only", &checks);
        let command = offer(command, "skip", &checks);
        offer(command, "demo", &source::demos())
    })
}
