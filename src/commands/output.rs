//! Writes the requested reports to their files.

use super::write_out;
use crate::cli::{CheckFiles, Outputs, is_plugin};
use crate::diagnosis::Diagnosis;
use crate::report::{self, Format, Style};
use anyhow::{Result, bail};
use clap::{ColorChoice, ValueEnum};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

/// Where the reports go.
pub struct Destinations {
    /// Formats, and the file of each; none is standard output.
    all: Vec<(Format, Option<PathBuf>)>,
    full: bool,
    /// The arguments by which another command examines the same.
    source: String,
    /// The arguments by which another command has the same checks.
    check_files: String,
}

impl Destinations {
    /// Refuses what could not be written, before anything is examined.
    pub fn of(outputs: &Outputs, files: &CheckFiles, source: String) -> Result<Destinations> {
        let plain = |file: &Option<PathBuf>| file.clone().or(outputs.output_file.clone());
        let all = outputs.outputs.iter();
        let all: Vec<_> = all.map(|o| (o.format, plain(&o.file))).collect();
        if outputs.output_file.is_some() && outputs.outputs.iter().all(|o| o.file.is_some()) {
            bail!("--output-file needs an -o format without =FILE: remove one of them");
        }
        for (at, (format, file)) in all.iter().enumerate() {
            if all[..at].iter().any(|(_, earlier)| earlier == file) {
                let name = format.to_possible_value();
                let name = name.as_ref().map_or("json", |name| name.get_name());
                bail!(
                    "two reports cannot go to {}: name a file for one of them, -o {name}=FILE",
                    file.as_ref()
                        .map_or("standard output".into(), |f| f.display().to_string())
                );
            }
            if let Some(file) = file {
                refuse_without_folder(file)?;
            }
        }
        Ok(Destinations {
            all,
            full: outputs.full,
            source,
            check_files: files.arguments(),
        })
    }

    /// The one format that there is, where it goes to standard output.
    pub fn only_printed(&self) -> Option<Format> {
        match self.all.as_slice() {
            [(format, None)] => Some(*format),
            _ => None,
        }
    }

    /// Writes all that can be written; the first that cannot is the error.
    pub fn write(
        &self,
        color: ColorChoice,
        render: impl Fn(Format, &Style) -> String,
    ) -> Result<()> {
        let print = |text: &str| write_out(text, None);
        self.write_to(io::stdout().is_terminal(), print, color, render)
    }

    /// The same with another place for what goes to no file.
    pub fn write_to(
        &self,
        terminal: bool,
        print: impl Fn(&str) -> Result<()>,
        color: ColorChoice,
        render: impl Fn(Format, &Style) -> String,
    ) -> Result<()> {
        let mut outcome = Ok(());
        for (format, file) in &self.all {
            let to_terminal = file.is_none() && terminal;
            let mut style = Style::detect(color, to_terminal);
            style.full = self.full;
            style.source = &self.source;
            style.check_files = &self.check_files;
            if is_plugin(std::env::args_os().next().as_ref()) {
                style.program = "kubectl runner-doctor";
            }
            let text = render(*format, &style);
            let written = match file {
                Some(file) => write_out(&text, Some(file)),
                None => print(&text),
            };
            outcome = outcome.and(written);
        }
        outcome
    }
}

impl Destinations {
    /// Where everything went to files, the verdict and their names.
    pub fn tell(&self, diagnosis: &Diagnosis) {
        let files = self.all.iter().map(|(_, file)| file.as_deref());
        let Some(files) = files.collect::<Option<Vec<&Path>>>() else {
            return;
        };
        let files: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let verdict = report::verdict_line(diagnosis);
        super::tell(&format!("{verdict}\nWritten to {}", files.join(", ")));
    }
}

fn refuse_without_folder(file: &Path) -> Result<()> {
    match file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) if !folder.is_dir() => bail!(
            "cannot write {}: directory {} does not exist",
            file.display(),
            folder.display()
        ),
        _ => Ok(()),
    }
}
