//! `lint`: judges files before they are deployed.

use super::output::Destinations;
use super::{Exit, library, tell, tell_suppressed, tell_unmatched, write_out};
use crate::checks::Library;
use crate::cli::{FixFiles, Lint, PodMtu};
use crate::config::{self, Config};
use crate::diagnosis::{Confidence, Diagnosis};
use crate::lint::network::PodNetwork;
use crate::lint::{self, Linted, files};
use crate::report;
use crate::systems;
use anyhow::{Result, bail};
use clap::ColorChoice;
use std::collections::BTreeMap;

mod fix;

/// An Ethernet MTU of 1500 minus VXLAN's overhead: `--help` explains why.
const USUAL_POD_MTU: i64 = 1450;

pub fn run(options: &Lint, settings: &Config, color: ColorChoice) -> Result<Exit> {
    let destinations = Destinations::of(&options.outputs, &options.checks.files, String::new())?;
    let library = library::chosen(&options.checks, settings)?;
    if options.fix.is_some() && options.paths.iter().any(|path| path.as_os_str() == "-") {
        bail!("cannot edit standard input: name files with --fix");
    }
    let network = pod_network(options)?;
    let judge = |edited: &Edited| judge(options, network, edited, &library);
    let mut linted = judge(&Edited::new())?;
    if let Some(how) = options.fix {
        let suppress = |findings| settings.suppress(findings, config::today()).0;
        let edited = fix::edit(&linted, &judge, &suppress)?;
        match how {
            FixFiles::Diff => {
                write_out(&fix::differences(&edited), None)?;
                if edited.is_empty() {
                    tell("runner-doctor: no finding has a fix that can be made in these files");
                }
            }
            FixFiles::Write => {
                fix::write(&edited)?;
                linted = judge(&Edited::new())?;
            }
        }
    }
    remark(&linted);
    let depends: Vec<String> = library.checks_that_assume().collect();
    let (findings, suppressed) = settings.suppress(linted.judgement.findings, config::today());
    tell_suppressed(&suppressed);
    let on_mtu = findings.iter().filter(|finding| {
        finding.confidence == Confidence::Predicted && depends.contains(&finding.check)
    });
    let on_mtu = on_mtu.count();
    let diagnosis = Diagnosis::new(
        &linted.evidence,
        findings,
        linted.judgement.unknowns,
        options.gate.fail_on.severity(),
    )
    .with_suppressed(suppressed)
    .with_settings(settings.applied());
    tell_unmatched(settings, &diagnosis);
    if options.fix != Some(FixFiles::Diff) {
        destinations.write(color, |format, style| {
            report::render_files(format, &diagnosis, style)
        })?;
        destinations.tell(&diagnosis);
    }
    // If they contain a Docker engine, they were reported above.
    let passed_over = linted.passed_over.summary();
    let passed_over = passed_over.filter(|_| !linted.passed_over.has_engines());
    let exit = exit(&diagnosis, options, passed_over);
    if !network.told && on_mtu > 0 {
        let depend = if on_mtu == 1 {
            "finding depends"
        } else {
            "findings depend"
        };
        tell(&format!(
            "runner-doctor: {on_mtu} {depend} on the pod network's MTU; set --pod-mtu to gate on them"
        ));
    }
    Ok(exit)
}

/// The fixed contents of files, by name.
type Edited = BTreeMap<String, String>;

fn judge(
    options: &Lint,
    network: PodNetwork,
    edited: &Edited,
    library: &Library,
) -> Result<Linted> {
    let inputs = files::gather(&options.paths)?.into_iter();
    let inputs = inputs.map(|input| match edited.get(&input.name) {
        Some(text) => input.with_text(text),
        None => input,
    });
    let linted = lint::lint(inputs.collect(), network, library)?;
    refuse(&linted)?;
    Ok(linted)
}

fn pod_network(options: &Lint) -> Result<PodNetwork> {
    let mtu = match options.pod_mtu {
        None => None,
        Some(PodMtu::Bytes(mtu)) => Some(mtu),
        Some(PodMtu::Auto) => {
            let around = super::manifest::around(None, None);
            let Some((mtu, source)) = around.pod_mtu else {
                bail!(
                    "cannot read the pod network's MTU from the cluster of the current context: set --pod-mtu to the number that `runner-doctor check` shows"
                );
            };
            tell(&format!(
                "runner-doctor: the pod network carries {mtu} bytes ({source})"
            ));
            Some(mtu)
        }
    };
    Ok(PodNetwork {
        mtu: mtu.unwrap_or(USUAL_POD_MTU),
        told: mtu.is_some(),
    })
}

/// Fails on a named file that cannot be linted: a CI gate must not pass unchecked files.
fn refuse(linted: &Linted) -> Result<()> {
    if !linted.broken.is_empty() {
        bail!("cannot read: {}", linted.broken.join("\n"));
    }
    if let Some((first, looks_like)) = linted.strange.first() {
        let looks_like = looks_like.map(|words| format!(", it looks like {words}"));
        let looks_like = looks_like.unwrap_or_default();
        let more = match linted.strange.len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        bail!(
            "{first}{more} is not a supported kind of file{looks_like}: leave it out of the command, or name one of {}",
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
    if let Some(summary) = linted.passed_over.summary() {
        match linted.passed_over.has_engines() {
            true => tell(&format!("runner-doctor: {summary}")),
            false => tracing::info!("{summary}"),
        }
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

fn exit(diagnosis: &Diagnosis, options: &Lint, passed_over: Option<String>) -> Exit {
    let exit = options.gate.exit(diagnosis);
    if exit == Exit::CouldNotExamine {
        let passed_over = passed_over.map(|summary| format!(" ({summary})"));
        tell(&format!(
            "runner-doctor: no file contains a runner or a pipeline for one{}: name other files, or use --allow-empty",
            passed_over.unwrap_or_default()
        ));
    }
    exit
}
