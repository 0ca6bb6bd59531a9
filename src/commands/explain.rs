//! `explain`: what a check means, offline, in the width of a terminal.

mod entry;
mod explanation;
mod log;
mod markdown;
mod text;

use super::{Exit, library, source, write_out};
use crate::checks::Library;
use crate::cli::{Explain, ExplainFormat};
use crate::config::Config;
use crate::evidence::Provider;
use crate::report::{Links, Style};
use anyhow::{Context, Result};
use clap::ColorChoice;
use explanation::Explanation;
use std::io::{self, IsTerminal};
use text::Reader;

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
    let recording = options.evidence.as_deref().map(source::recording);
    let recording = recording.transpose()?;
    for check in library.checks() {
        let mut told = Explanation::of(check, recording.as_ref());
        let own = told.is_of_recording;
        let of_recording = recording.as_ref().and_then(|seen| seen.runners.first());
        let asked = options
            .system
            .or(of_recording.map(|runner| runner.provider));
        let provider = asked.unwrap_or(Provider::Bitbucket);
        if !own && (asked.is_some() || options.output == ExplainFormat::Text) {
            told.only(provider);
        }
        let text = match options.output {
            ExplainFormat::Text => {
                let (width, links) = (style.width, Links::detect(color));
                let reader = Reader {
                    provider,
                    own,
                    width,
                    links,
                };
                text::render(&told, &reader)
            }
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

/// The page of every check and fault, as Markdown by id, for the site. Not a stable API.
#[doc(hidden)]
pub fn pages(library: &Library) -> Result<Vec<(String, String)>> {
    let plain = |entry| {
        entry::explained(
            entry,
            ExplainFormat::Markdown,
            &Style::PLAIN,
            ColorChoice::Never,
        )
    };
    let checks = library.checks().map(|check| {
        let text = markdown::render(&Explanation::of(check, None));
        Ok((check.id.clone(), text))
    });
    let entries = library
        .entries()
        .map(|entry| Ok((entry.id.clone(), plain(entry)?)));
    checks.chain(entries).collect()
}

#[cfg(test)]
mod tests;
