//! The checks selected by the command line and the settings.

use super::source::Questions;
use crate::checks::Library;
use crate::cli::{CheckFiles, Checks, Source};
use crate::config::Config;
use anyhow::Result;

/// Every check there is.
pub(super) fn all(files: &CheckFiles, config: &Config) -> Result<Library> {
    let library = Library::load(&files.checks_dir)?.replace(&files.overrides)?;
    config.apply(library)
}

/// Those that are to judge.
pub(super) fn chosen(checks: &Checks, config: &Config) -> Result<Library> {
    all(&checks.files, config)?.select(&checks.only, &checks.skip)
}

/// What they ask beside what is seen anyway; in a recording no command is run.
pub(super) fn questions(library: &Library, source: &Source, allowed: bool) -> Result<Questions> {
    let recorded = source.evidence.is_some() || source.demo.is_some();
    Ok(Questions {
        probes: library.probes(allowed || recorded)?,
        symptoms: library.symptoms(),
        allow_empty: false,
    })
}
