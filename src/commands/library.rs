//! The checks that a command line asks for, as the settings want them.

use crate::check::Library;
use crate::cli::{CheckFiles, Checks, Source};
use crate::config::Config;
use crate::evidence::Probe;
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

/// The commands that they run in what is looked at; in a recording none is run.
pub(super) fn probes(library: &Library, source: &Source, allowed: bool) -> Result<Vec<Probe>> {
    let recorded = source.evidence.is_some() || source.demo.is_some();
    library.probes(allowed || recorded)
}
