//! `diff`: compares two examinations.

use super::{Exit, library, source, write_out};
use crate::cli::{Diff, DiffFormat};
use crate::compare::Comparison;
use crate::config::Config;
use crate::report::{self, Style};
use anyhow::{Result, bail};
use clap::ColorChoice;
use std::io::{self, IsTerminal};

pub fn run(options: &Diff, settings: &Config, color: ColorChoice) -> Result<Exit> {
    if options.old.as_os_str() == "-" && options.new.as_os_str() == "-" {
        bail!("only one of the two can be standard input: name a file for the other");
    }
    let library = library::chosen(&options.checks, settings)?;
    let old = source::diagnosis(&options.old, &library)?;
    let new = source::diagnosis(&options.new, &library)?;
    source::must_fit(&old, &new)?;
    let comparison = Comparison::new(&old, &new);
    let text = match options.output {
        DiffFormat::Json => report::json(&comparison),
        DiffFormat::Table => {
            let to_terminal = options.output_file.is_none() && io::stdout().is_terminal();
            report::render_comparison(&comparison, &Style::detect(color, to_terminal))
        }
    };
    write_out(&text, options.output_file.as_deref())?;
    Ok(match comparison.fails(options.fail_on.severity()) {
        true => Exit::Findings,
        false => Exit::Fine,
    })
}
