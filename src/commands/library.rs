//! The checks that a command line asks for, as the settings want them.

use crate::check::Library;
use crate::cli::{CheckFiles, Checks};
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
