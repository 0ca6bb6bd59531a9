//! `man`: man pages, generated from `--help`.

use super::{Exit, write_out};
use crate::cli::{Cli, Man};
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man as Page;

pub fn run(options: &Man) -> Result<Exit> {
    match &options.folder {
        Some(folder) => {
            let wrong = || {
                format!(
                    "cannot write to {}: name another directory",
                    folder.display()
                )
            };
            std::fs::create_dir_all(folder).with_context(wrong)?;
            clap_mangen::generate_to(Cli::command(), folder).with_context(wrong)?;
        }
        None => {
            let mut text = Vec::new();
            let page = Page::new(Cli::command());
            page.render(&mut text)
                .context("cannot create the man page")?;
            write_out(&String::from_utf8_lossy(&text), None)?;
        }
    }
    Ok(Exit::Fine)
}
