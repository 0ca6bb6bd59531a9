//! `collect`: writes a recording.

use super::{Exit, library, source, tell, write_out};
use crate::cli::{CheckFiles, Collect, DocumentFormat};
use crate::config::Config;
use crate::redact::redact;
use crate::report;
use anyhow::{Context, Result};

pub fn run(options: &Collect) -> Result<Exit> {
    let files = CheckFiles {
        checks_dir: options.checks_dir.clone(),
        overrides: Vec::new(),
    };
    let library = library::all(&files, &Config::default())?;
    let asked = library::questions(&library, &options.source, options.allow_probes)?;
    let mut evidence = source::evidence_with(&options.source, asked)?;
    if options.redact {
        evidence = redact(&evidence)?.evidence;
    }
    let text = match options.output {
        DocumentFormat::Yaml => evidence.to_yaml().context("try -o json")?,
        DocumentFormat::Json => report::json(&evidence),
    };
    write_out(&text, options.output_file.as_deref())?;
    if evidence.incomplete.as_deref() == Some(source::INTERRUPTED) {
        return Ok(Exit::Interrupted);
    }
    if evidence.runners.is_empty() {
        tell("runner-doctor: no runners found: name pods, or choose a namespace with -n or -A");
        return Ok(Exit::CouldNotExamine);
    }
    Ok(Exit::Fine)
}
