//! `lint`: judges files before they are deployed.

use super::gate::Gate;
use super::output::Destinations;
use super::{Exit, library, tell, tell_passed, tell_suppressed, tell_unmatched};
use crate::cli::Lint;
use crate::config::{self, Config};
use crate::diagnosis::Diagnosis;
use crate::lint::network::PodNetwork;
use crate::lint::{self, Linted, UNDERSTOOD, files};
use crate::report;
use anyhow::{Result, bail};
use clap::ColorChoice;

/// What VXLAN leaves of an ethernet of 1500: `--help` argues for it.
const USUAL_POD_MTU: i64 = 1450;

pub fn run(options: &Lint, settings: &Config, color: ColorChoice) -> Result<Exit> {
    let destinations = Destinations::of(&options.outputs)?;
    let library = library::chosen(&options.checks, settings)?;
    let inputs = files::gather(&options.paths)?;
    let network = PodNetwork {
        mtu: options.pod_mtu.unwrap_or(USUAL_POD_MTU),
        told: options.pod_mtu.is_some(),
    };
    let linted = lint::lint(inputs, network, &library)?;
    refuse(&linted)?;
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
    .with_passed(linted.judgement.passed)
    .with_settings(settings.applied());
    tell_passed(&diagnosis);
    tell_unmatched(settings, &diagnosis);
    destinations.write(color, |format, style| {
        report::render_files(format, &diagnosis, style)
    })?;
    destinations.tell(&diagnosis);
    Ok(exit(&diagnosis, options))
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
            "{first}{more} is of no kind that can be judged: leave it out, or name one of {UNDERSTOOD}"
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
        tracing::info!("passed over {} files of other kinds", linted.passed_over);
    }
    for unknown in &linted.untold {
        let place = unknown.engine.as_ref().or(unknown.subject.as_ref());
        let place = place.map(|place| format!(", {place}")).unwrap_or_default();
        tracing::info!(
            "a file cannot tell: {} on {}{place}: {}",
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
            "runner-doctor: no file tells of a runner or a pipeline for one, so nothing was judged: name others, or accept this with --allow-empty",
        );
    }
    exit
}
