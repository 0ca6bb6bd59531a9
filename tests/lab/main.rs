//! End-to-end tests: sets up the patients of scenarios/ on the lab, measures what is true of them,
//! and holds what the real `runner-doctor` says against that.
//!
//! `cargo test --test lab`, after `tests/lab/lab up`; `-- NAME` for one scenario. `LAB_KEEP=1` leaves
//! the namespaces there to look at.

#![allow(clippy::print_stderr)]

mod access;
mod builds;
mod cures;
mod examination;
mod extent;
mod fleet;
mod hostile;
mod interrupted;
mod lab;
mod leaks;
mod left;
mod manifest;
mod measured;
mod newcomer;
mod policy;
mod recreated;
mod rights;
mod scenario;
mod stage;
mod step_engines;
mod truth;
mod untouched;

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use scenario::Scenario;
use stage::Stage;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Scenarios that stand side by side: they wait more than they work.
const AT_A_TIME: usize = 4;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_A_TIME));
    let trials: Vec<Trial> = match trials() {
        Ok(trials) => trials,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::exit(101);
        }
    };
    if arguments.list {
        libtest_mimic::run(&arguments, trials).exit();
    }
    let black_hole = match lab::must_be_up().and_then(|()| lab::black_hole()) {
        Ok(state) => state,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::exit(101);
        }
    };
    let conclusion = libtest_mimic::run(&arguments, trials);
    stage::wait_until_clean();
    lab::set_black_hole(&black_hole);
    conclusion.exit();
}

fn trials() -> Result<Vec<Trial>> {
    let scenarios = scenarios()?.into_iter().map(trial);
    let cures = cures::all()?.into_iter().map(|cure| {
        proof(&format!("cure-{}", cure.name), move || {
            cures::examine(&cure)
        })
    });
    // Those that take long first, so that none is left alone at the end.
    Ok(proofs().into_iter().chain(cures).chain(scenarios).collect())
}

/// Every file of scenarios/, by name.
fn scenarios() -> Result<Vec<(String, PathBuf)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/scenarios");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).context("tests/lab/scenarios cannot be listed")? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(stem), true) = (stem, path.extension().is_some_and(|e| e == "yaml")) {
            files.push((stem.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

fn trial((name, path): (String, PathBuf)) -> Trial {
    let title = name.clone();
    proof(&title, move || examine(&name, &path))
}

fn proof(name: &str, examine: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        examine().map_err(|error| Failed::from(format!("{error:#}")))
    })
}

/// What is shown of the doctor itself.
fn proofs() -> Vec<Trial> {
    vec![
        proof("crowded-engine", extent::crowded),
        proof("twelve-deep", extent::deep),
        proof("kubelet-misbehaves", fleet::examine),
        proof("hostile-containers", hostile::examine),
        proof("hostile-build", builds::examine),
        proof("interrupted-walk", interrupted::examine),
        proof("least-rights", rights::examine),
        proof("nothing-is-touched", untouched::examine),
        proof("cure-step-engines", step_engines::examine),
        proof("printed-rights", access::rights),
        proof("printed-job", access::job),
        proof("refused-by-the-cluster", access::refused),
        proof("newcomer-as-job", newcomer::as_job),
        proof("newcomer-as-deployment", newcomer::as_deployment),
        proof("nothing-leaks", leaks::examine),
        proof("nothing-is-left", left::examine),
        proof("recreated-pods", recreated::examine),
        proof("cure-by-policy", policy::examine),
    ]
}

fn examine(name: &str, path: &Path) -> Result<()> {
    let started = Instant::now();
    let scenario = Scenario::read(path)?;
    let stage = Stage::set(name, &scenario)?;
    let truths = truth::measure(&scenario.truth, &stage)?;
    let outcome = examination::examine(&scenario, &stage)
        .and_then(|found| found.compare(&scenario, &truths).map(|()| found));
    let verdict = match &outcome {
        Ok(found) => found.in_a_line(),
        Err(_) => "WRONG".to_owned(),
    };
    let truth = truth::in_a_line(&truths);
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{name}: {truth} => {verdict} ({seconds:.1} s)");
    outcome.map(drop)
}
