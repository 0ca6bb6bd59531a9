//! `explain`: what a check means, offline, in the width of a terminal.

mod entry;
mod explanation;
mod log;
mod markdown;
mod text;

use super::{Exit, library, write_out};
use crate::cli::{Explain, ExplainFormat};
use crate::config::Config;
use crate::report::{Links, Style};
use anyhow::{Context, Result};
use clap::ColorChoice;
use explanation::Explanation;
use std::io::{self, IsTerminal};

pub fn run(options: &Explain, settings: &Config, color: ColorChoice) -> Result<Exit> {
    let library = library::all(&options.files, settings)?;
    let style = Style::detect(color, io::stdout().is_terminal());
    if let Some(file) = &options.log {
        return log::run(file, &library, options.output, &style);
    }
    if let Some(entry) = options.id.as_ref().and_then(|id| library.entry(id)) {
        return write_out(
            &entry::explained(entry, options.output, &style, color)?,
            None,
        )
        .map(|()| Exit::Fine);
    }
    let library = library.select(options.id.as_slice(), &[])?;
    for check in library.checks() {
        let told = Explanation::of(check);
        let text = match options.output {
            ExplainFormat::Text => text::render(&told, style.width, Links::detect(color)),
            ExplainFormat::Markdown => markdown::render(&told),
            ExplainFormat::Json => {
                let text = serde_json::to_string_pretty(&told);
                text.context("cannot write the explanation as JSON: try -o text")? + "\n"
            }
        };
        write_out(&text, None)?;
    }
    Ok(Exit::Fine)
}
