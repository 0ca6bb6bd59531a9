//! `check`: examines runners and reports what is wrong.

use super::output::Destinations;
use super::{Exit, source, tell};
use crate::check::{Library, judge};
use crate::cli::Check;
use crate::diagnosis::{Diagnosis, Verdict};
use crate::evidence::Evidence;
use crate::report;
use anyhow::Result;
use clap::ColorChoice;

pub fn run(options: &Check, color: ColorChoice) -> Result<Exit> {
    // A report that cannot be written and a check file that is wrong are told before the cluster is
    // touched.
    let destinations = Destinations::of(&options.outputs)?;
    let checks = &options.checks;
    let library = Library::load(&checks.checks_dir)?.select(&checks.only, &checks.skip)?;
    let evidence = source::evidence(&options.source)?;
    let diagnosis = diagnose(&library, &evidence, options);
    destinations.write(color, |format, style| {
        report::render(format, &diagnosis, style)
    })?;
    Ok(exit(&diagnosis, options))
}

fn diagnose(library: &Library, evidence: &Evidence, options: &Check) -> Diagnosis {
    let judgement = judge(library, evidence);
    for defect in &judgement.defects {
        tracing::warn!("{defect}");
    }
    let fail_on = options.fail_on.severity();
    Diagnosis::new(evidence, judgement.findings, judgement.unknowns, fail_on)
}

fn exit(diagnosis: &Diagnosis, options: &Check) -> Exit {
    if diagnosis.incomplete.as_deref() == Some(source::INTERRUPTED) {
        return Exit::Interrupted;
    }
    if diagnosis.verdict == Verdict::Failing {
        return Exit::Findings;
    }
    if diagnosis.runners.is_empty() {
        if options.allow_empty {
            return Exit::Fine;
        }
        tell(
            "runner-doctor: no runner was found, so nothing was examined: name pods, choose a namespace with -n or -A, or accept this with --allow-empty",
        );
        return Exit::CouldNotExamine;
    }
    let unseen: Vec<&str> = diagnosis
        .runners
        .iter()
        .filter(|r| r.unseen)
        .map(|r| r.name.as_str())
        .collect();
    if !unseen.is_empty() {
        let names = report::clean(&unseen.join(", ")).into_owned();
        tell(&format!(
            "runner-doctor: neither a Docker engine nor the pod network could be seen of {names}: the reasons stand under the unknowns"
        ));
        return Exit::CouldNotExamine;
    }
    if diagnosis.incomplete.is_some() {
        return Exit::CouldNotExamine;
    }
    match options.strict && diagnosis.verdict == Verdict::Incomplete {
        true => Exit::Unknown,
        false => Exit::Fine,
    }
}
