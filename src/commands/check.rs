//! `check`: examines runners and reports what is wrong.

pub(super) mod log;
mod watch;

use super::gate;
use super::output::Destinations;
use super::{Exit, library, log_file, source, tell, tell_passed, tell_suppressed, tell_unmatched};
use crate::checks::{Library, judge};
use crate::cli::Check;
use crate::config::{self, Config};
use crate::diagnosis::Diagnosis;
use crate::evidence::Evidence;
use crate::redact::redact;
use crate::report::{self, Style};
use anyhow::{Result, bail};
use clap::ColorChoice;
use std::io::{self, IsTerminal};

pub fn run(options: &Check, settings: &Config, color: ColorChoice) -> Result<Exit> {
    // Fail on an unwritable report or an invalid check file before querying the cluster.
    let again = match options.redact {
        // The arguments contain names that a redacted report must not.
        true => String::new(),
        false => options.source.arguments(),
    };
    let destinations = Destinations::of(&options.outputs, &options.checks.files, again)?;
    let printed = destinations.only_printed();
    if options.watch.is_some() && printed.is_none() {
        bail!("--watch prints one format to standard output: remove the other -o");
    }
    let library = library::chosen(&options.checks, settings)?;
    let baseline = options.baseline.as_ref();
    let baseline = baseline
        .map(|file| source::diagnosis(file, &library))
        .transpose()?;
    if options.log.as_deref().is_some_and(log_file::is_stream)
        && options
            .source
            .evidence
            .as_deref()
            .is_some_and(log_file::is_stream)
    {
        bail!("--log and --evidence cannot both read standard input: name a file for one of them");
    }
    // Before the cluster is queried, so that an unreadable log fails at once.
    let log = options.log.as_ref();
    let log = log
        .map(|file| log::read(file, &library::all(&options.checks.files, settings)?))
        .transpose()?;
    let mut diagnosis = examine(&library, baseline.as_ref(), options, settings)?;
    if let Some(log) = log {
        diagnosis = diagnosis.with_log(log, |check| library.get(check).is_some());
    }
    tell_passed(&diagnosis);
    tell_unmatched(settings, &diagnosis);
    destinations.write(color, |format, style| {
        report::render(format, &diagnosis, style)
    })?;
    destinations.tell(&diagnosis);
    match options.watch.zip(printed) {
        Some((interval, format))
            if diagnosis.incomplete.as_deref() != Some(source::INTERRUPTED) =>
        {
            let style = Style::detect(color, io::stdout().is_terminal());
            let again = || examine(&library, baseline.as_ref(), options, settings);
            watch::run(diagnosis, interval, format, &style, again)
        }
        _ => Ok(exit(&diagnosis, options)),
    }
}

pub(super) fn examine(
    library: &Library,
    baseline: Option<&Diagnosis>,
    options: &Check,
    settings: &Config,
) -> Result<Diagnosis> {
    let mut asked = library::questions(library, &options.source, options.checks.allow_probes)?;
    asked.allow_empty = options.gate.allow_empty;
    let mut evidence = source::evidence_with(&options.source, asked)?;
    if options.redact {
        evidence = redact(&evidence)?.evidence;
    }
    let diagnosis = diagnose(library, &evidence, options, settings);
    Ok(match baseline {
        Some(old) => {
            source::must_fit(old, &diagnosis)?;
            diagnosis.with_baseline(old, options.gate.fail_on.severity())
        }
        None => diagnosis,
    })
}

fn diagnose(
    library: &Library,
    evidence: &Evidence,
    options: &Check,
    settings: &Config,
) -> Diagnosis {
    let judgement = judge(library, evidence);
    for defect in &judgement.defects {
        tracing::warn!("{defect}");
    }
    let fail_on = options.gate.fail_on.severity();
    let (findings, suppressed) = settings.suppress(judgement.findings, config::today());
    tell_suppressed(&suppressed);
    Diagnosis::new(evidence, findings, judgement.unknowns, fail_on)
        .with_suppressed(suppressed)
        .with_passed(judgement.passed)
        .with_settings(settings.applied())
}

fn exit(diagnosis: &Diagnosis, options: &Check) -> Exit {
    if diagnosis.incomplete.as_deref() == Some(source::INTERRUPTED) {
        return Exit::Interrupted;
    }
    let exit = options.gate.exit(diagnosis);
    if exit == Exit::CouldNotExamine && diagnosis.runners.is_empty() {
        tell(
            "runner-doctor: no runners found: name pods, choose a namespace with -n or -A, or use --allow-empty",
        );
    }
    let unseen = gate::unseen(diagnosis).join(", ");
    if matches!(exit, Exit::CouldNotExamine | Exit::Unknown) && !unseen.is_empty() {
        tell(&format!(
            "runner-doctor: neither a Docker engine nor the pod network could be examined for {}: see the unknown results for the reasons",
            report::clean(&unseen)
        ));
    }
    exit
}
