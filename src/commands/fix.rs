//! `fix`: prints fixes for the findings and changes nothing.

mod objects;
mod output;
mod policy;

use super::{Exit, library, source, tell, tell_suppressed};
use crate::checks::judge;
use crate::cli::Fix;
use crate::config::{self, Config};
use crate::diagnosis::{Diagnosis, Finding, Severity};
use crate::evidence::{Evidence, Owner};
use crate::fix::{self, File};
use crate::remedy::{self, Plan};
use crate::report::clean;
use anyhow::Result;
use clap::ValueEnum;
use objects::{Objects, resolve};
use output::Output;
use std::collections::HashMap;

pub fn run(options: &Fix, settings: &Config) -> Result<Exit> {
    let admission = policy::admission(options)?;
    let mut files: Vec<File> = options
        .files
        .iter()
        .map(|file| File::read(file))
        .collect::<Result<_>>()?;
    let Examined { diagnosis, owners } = examine(options, settings)?;
    if diagnosis.incomplete.as_deref() == Some(source::INTERRUPTED) {
        return Ok(Exit::Interrupted);
    }
    if let Some(exit) = nothing_to_fix(&diagnosis) {
        return Ok(exit);
    }
    if let Some(admission) = admission {
        return policy::print(options, &diagnosis, admission);
    }
    let Plan {
        mut parts,
        left,
        unused,
    } = remedy::plan(&diagnosis.findings, &options.prefer);
    for kind in unused {
        let name = kind
            .to_possible_value()
            .map_or(String::new(), |value| value.get_name().to_owned());
        tell(&format!(
            "runner-doctor: --prefer {name} has no effect: no fix of this kind applies, so others are printed"
        ));
    }
    let mut left: Vec<(&Finding, String)> = left.into_iter().map(|f| (f, by_hand(f))).collect();
    let mut objects = Objects::new();
    if is_live(options) {
        objects = source::with_cluster(&options.source, async |cluster| {
            resolve(&cluster, &mut parts, &owners).await
        })?;
    }
    let object_plans = fix::object_plans(parts);
    let mut output = Output::new(options, &objects, &object_plans);
    for object_plan in &object_plans {
        left.extend(output.add(object_plan, &mut files)?);
    }
    output.add_files(&files, options);
    output.print(options)?;
    Ok(tell_left(&left, output.is_empty()))
}

struct Examined {
    diagnosis: Diagnosis,
    /// Who made each runner's pod, by the runner's name.
    owners: HashMap<String, Owner>,
}

fn examine(options: &Fix, settings: &Config) -> Result<Examined> {
    if let Some(file) = &options.report {
        let name = file.display();
        let text = source::read(file)?;
        let diagnosis = Diagnosis::parse(&text, &name.to_string())?;
        return Ok(Examined {
            diagnosis,
            owners: HashMap::new(),
        });
    }
    let library = library::chosen(&options.checks, settings)?;
    let asked = library::questions(&library, &options.source, options.checks.allow_probes)?;
    let evidence: Evidence = source::evidence_with(&options.source, asked)?;
    let judgement = judge(&library, &evidence);
    for defect in &judgement.defects {
        tracing::warn!("{defect}");
    }
    let owners = evidence.runners.iter();
    let owners = owners
        .filter_map(|r| Some((r.full_name(), r.owner.clone()?)))
        .collect();
    let fail_on = Some(Severity::Error);
    let (findings, suppressed) = settings.suppress(judgement.findings, config::today());
    tell_suppressed(&suppressed);
    let diagnosis = Diagnosis::new(&evidence, findings, judgement.unknowns, fail_on)
        .with_suppressed(suppressed);
    Ok(Examined { diagnosis, owners })
}

fn nothing_to_fix(diagnosis: &Diagnosis) -> Option<Exit> {
    if !diagnosis.findings.is_empty() {
        return None;
    }
    if diagnosis.runners.is_empty() {
        tell("runner-doctor: no runners found: name pods, or choose a namespace with -n or -A");
        return Some(Exit::CouldNotExamine);
    }
    let unseen = diagnosis.runners.iter().any(|runner| runner.unseen);
    if unseen || diagnosis.incomplete.is_some() {
        tell(
            "runner-doctor: nothing to fix in the parts that could be examined: `runner-doctor check` shows what could not, and why",
        );
        return Some(Exit::CouldNotExamine);
    }
    let unknown = match diagnosis.unknowns.len() {
        0 => String::new(),
        count => format!(" ({count} unknown: `runner-doctor check` shows the reasons)"),
    };
    tell(&format!("nothing to fix: no findings{unknown}"));
    Some(Exit::Fine)
}

/// The cluster is asked for its objects only where it was asked for the evidence.
fn is_live(options: &Fix) -> bool {
    let source = &options.source;
    options.report.is_none() && source.evidence.is_none() && source.demo.is_none()
}

/// What people can do where a program cannot.
fn by_hand(finding: &Finding) -> String {
    match finding.remedies.first() {
        Some(remedy) => format!("{} (see `runner-doctor check`)", remedy.title),
        None => format!("see `runner-doctor explain {}`", finding.check),
    }
}

/// Tells of what is left, and how it ends.
fn tell_left(left: &[(&Finding, String)], nothing_printed: bool) -> Exit {
    for (finding, why) in left {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let text = format!(
            "not fixed: {severity} {} ({}): {why}",
            finding.check, finding.runner
        );
        tell(&clean(&text));
    }
    let worst = left.iter().map(|(finding, _)| finding.severity).max();
    match worst {
        Some(Severity::Error) => Exit::Findings,
        _ => {
            if nothing_printed {
                tell("nothing to fix: no finding can be fixed by changing manifests");
            }
            Exit::Fine
        }
    }
}
