//! `lint`: judges files before they are deployed.

use super::gate::Gate;
use super::output::Destinations;
use super::{Exit, library, tell, tell_suppressed, tell_unmatched, write_out};
use crate::checks::Library;
use crate::cli::Lint;
use crate::config::{self, Config};
use crate::diagnosis::{Diagnosis, Finding};
use crate::fix::File;
use crate::lint::network::PodNetwork;
use crate::lint::{self, Linted, files};
use crate::remedy;
use crate::report;
use crate::systems;
use anyhow::{Result, bail};
use clap::ColorChoice;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

/// What VXLAN leaves of an ethernet of 1500: `--help` argues for it.
const USUAL_POD_MTU: i64 = 1450;

pub fn run(options: &Lint, settings: &Config, color: ColorChoice) -> Result<Exit> {
    let destinations = Destinations::of(&options.outputs)?;
    let library = library::chosen(&options.checks, settings)?;
    if options.fix && options.paths.iter().any(|path| path.as_os_str() == "-") {
        bail!("cannot edit standard input: name files with --fix");
    }
    let mut linted = judge(options, &library)?;
    if options.fix {
        linted = fix_files(linted, options, settings, &library)?;
    }
    remark(&linted);
    let (findings, suppressed) = settings.suppress(linted.judgement.findings, config::today());
    tell_suppressed(&suppressed);
    let diagnosis = Diagnosis::new(
        &linted.evidence,
        findings,
        linted.judgement.unknowns,
        options.fail_on.severity(),
    )
    .with_suppressed(suppressed)
    .with_settings(settings.applied());
    tell_unmatched(settings, &diagnosis);
    destinations.write(color, |format, style| {
        report::render_files(format, &diagnosis, style)
    })?;
    destinations.tell(&diagnosis);
    Ok(exit(&diagnosis, options))
}

fn judge(options: &Lint, library: &Library) -> Result<Linted> {
    let inputs = files::gather(&options.paths)?;
    let network = PodNetwork {
        mtu: options.pod_mtu.unwrap_or(USUAL_POD_MTU),
        told: options.pod_mtu.is_some(),
    };
    let linted = lint::lint(inputs, network, library)?;
    refuse(&linted)?;
    Ok(linted)
}

/// A fix may show what another hid; after so many rounds something is fixed back and forth.
const MOST_ROUNDS: usize = 8;

/// Edits the files until no fix is left that needs no input.
fn fix_files(
    linted: Linted,
    options: &Lint,
    settings: &Config,
    library: &Library,
) -> Result<Linted> {
    let mut linted = linted;
    for _ in 0..MOST_ROUNDS {
        let findings = linted.judgement.findings.clone();
        let (findings, _) = settings.suppress(findings, config::today());
        if !edit_files(&findings)? {
            break;
        }
        linted = judge(options, library)?;
    }
    Ok(linted)
}

/// Applies to each file the first fix of each of its findings that a program can apply; whether any
/// file is another then.
fn edit_files(findings: &[Finding]) -> Result<bool> {
    let mut files: BTreeMap<&str, File> = BTreeMap::new();
    for finding in findings {
        let Some(location) = &finding.location else {
            continue;
        };
        let file = match files.entry(&location.file) {
            Entry::Occupied(known) => known.into_mut(),
            // A template is judged, but cannot be edited.
            Entry::Vacant(new) => match File::read(Path::new(&location.file)) {
                Ok(file) => new.insert(file),
                Err(_) => continue,
            },
        };
        let changes = finding.remedies.iter().filter_map(|r| r.change.as_ref());
        let mut changes = changes.filter(|change| !remedy::needs_input(change));
        changes.find_map(|change| file.make(change));
    }
    let mut any = false;
    for (name, file) in files {
        if file.edited() != file.text {
            write_out(file.edited(), Some(&file.path))?;
            tell(&format!("runner-doctor: edited {}", report::clean(name)));
            any = true;
        }
    }
    Ok(any)
}

/// A file that was named must be one that can be judged: a gate is never green blind.
fn refuse(linted: &Linted) -> Result<()> {
    if !linted.broken.is_empty() {
        bail!("cannot read: {}", linted.broken.join("\n"));
    }
    if let Some(first) = linted.strange.first() {
        let more = match linted.strange.len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        bail!(
            "{first}{more} is not a supported kind of file: remove it, or name one of {}",
            systems::files()
        );
    }
    Ok(())
}

fn remark(linted: &Linted) {
    for defect in &linted.judgement.defects {
        tracing::warn!("{defect}");
    }
    for remark in &linted.remarks {
        tell(&format!("runner-doctor: {}", report::clean(remark)));
    }
    if linted.passed_over > 0 {
        tracing::info!("skipped {} files of other kinds", linted.passed_over);
    }
    for unknown in &linted.untold {
        let place = unknown.engine.as_ref().or(unknown.subject.as_ref());
        let place = place.map(|place| format!(", {place}")).unwrap_or_default();
        tracing::info!(
            "unknown in files: {} on {}{place}: {}",
            unknown.check,
            report::clean(&unknown.runner),
            report::clean(&unknown.reason())
        );
    }
}

fn exit(diagnosis: &Diagnosis, options: &Lint) -> Exit {
    let gate = Gate {
        strict: options.strict,
        allow_unknown: options.allow_unknown,
        allow_empty: options.allow_empty,
    };
    let exit = gate.exit(diagnosis);
    if exit == Exit::CouldNotExamine {
        tell(
            "runner-doctor: no file contains a runner or a pipeline for one: name other files, or use --allow-empty",
        );
    }
    exit
}
