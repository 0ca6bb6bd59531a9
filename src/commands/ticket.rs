//! `ticket`: writes everything needed for a support request into one archive.

use super::archive::Ticket;
use super::{Exit, keep_existing, library, source, tell, write_out};
use crate::checks::judge;
use crate::cli;
use crate::config::Config;
use crate::diagnosis::{Diagnosis, Severity};
use crate::redact::{Redacted, redact};
use crate::report::clean;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;

pub fn run(options: &cli::Ticket, settings: &Config) -> Result<Exit> {
    let file = &options.output_file;
    if !options.preview {
        keep_existing(file, options.overwrite, "--output-file")?;
    }
    let library = library::chosen(&options.checks, settings)?;
    let asked = library::questions(&library, &options.source, options.checks.allow_probes)?;
    let evidence = source::evidence_with(&options.source, asked)?;
    if evidence.runners.is_empty() {
        tell("runner-doctor: no runners found: name pods, or choose a namespace with -n or -A");
        return Ok(Exit::CouldNotExamine);
    }
    let Redacted { evidence, key } = match options.no_redact {
        true => Redacted {
            evidence,
            key: BTreeMap::new(),
        },
        false => redact(&evidence)?,
    };
    let judgement = judge(&library, &evidence);
    let fail_on = Some(Severity::Error);
    let diagnosis = Diagnosis::new(&evidence, judgement.findings, judgement.unknowns, fail_on);
    let ticket = Ticket::new(&evidence, &diagnosis)?;
    match options.preview {
        true => {
            write_out(&ticket.preview(), None)?;
            tell_key(&key);
        }
        false => write(options, &ticket)?,
    }
    let interrupted = diagnosis.incomplete.as_deref() == Some(source::INTERRUPTED);
    Ok(if interrupted {
        Exit::Interrupted
    } else {
        Exit::Fine
    })
}

fn write(options: &cli::Ticket, ticket: &Ticket) -> Result<()> {
    let file = &options.output_file;
    let wrong = || {
        format!(
            "cannot write {}: name another with --output-file",
            file.display()
        )
    };
    let archive = ticket.archive().with_context(wrong)?;
    let mut open = OpenOptions::new();
    open.write(true).truncate(true);
    // What appeared meanwhile is not written over either.
    match options.overwrite {
        true => open.create(true),
        false => open.create_new(true),
    };
    let mut out = open.open(file).with_context(wrong)?;
    out.write_all(&archive).with_context(wrong)?;
    tell(&format!("{}: {}", file.display(), ticket.in_a_line()));
    tell("Review its contents with --preview before you send it.");
    Ok(())
}

/// For whoever sends the ticket, to understand the answer.
fn tell_key(key: &BTreeMap<String, String>) {
    if key.is_empty() {
        return;
    }
    tell("\nNot in the archive: what the tokens stand for.");
    for (token, name) in key {
        tell(&format!("  {token}  {}", clean(name)));
    }
}
