//! End-to-end tests: sets up the patients of scenarios/ in the lab, measures what is true of them,
//! and compares the results of the real `runner-doctor` with that.
//!
//! `cargo test --test lab`, after `tests/lab/lab up`; `-- NAME` for one scenario. `LAB_KEEP=1` keeps
//! the namespaces for inspection, `LAB_WORLD=NAME` runs another world.

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
mod watched;
mod watcher;
mod world;

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use stage::Stage;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use world::World;

/// Scenarios run in parallel: they wait more than they work.
const AT_A_TIME: usize = 4;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_A_TIME));
    let (world, trials) = match World::chosen().and_then(trials) {
        Ok(chosen) => chosen,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::exit(101);
        }
    };
    if arguments.list {
        libtest_mimic::run(&arguments, trials).exit();
    }
    let ready = lab::must_be_up().and_then(|()| world.make());
    let black_hole = match ready.and_then(|()| lab::black_hole()) {
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

fn trials(world: World) -> Result<(Arc<World>, Vec<Trial>)> {
    let world = Arc::new(world);
    let scenarios = world.scenarios()?.into_iter();
    let scenarios = scenarios.map(|(name, path)| trial(world.clone(), name, path));
    if !world.is_default() {
        let again = world.trials.iter().map(|name| {
            let known = PROOFS.iter().find(|(known, _)| known == name);
            let (_, examine) = known.with_context(|| format!("there is no trial {name}"))?;
            Ok(proof(&format!("{}-{name}", world.name), *examine))
        });
        let again: Result<Vec<Trial>> = again.collect();
        return Ok((world.clone(), again?.into_iter().chain(scenarios).collect()));
    }
    let cures = cures::all()?.into_iter().map(|cure| {
        proof(&format!("cure-{}", cure.name), move || {
            cures::examine(&cure)
        })
    });
    // The slowest first, so that none runs alone at the end.
    let proofs = PROOFS.iter().map(|(name, examine)| proof(name, *examine));
    let all = proofs.chain(cures).chain(scenarios);
    Ok((world.clone(), all.collect()))
}

fn trial(world: Arc<World>, name: String, path: PathBuf) -> Trial {
    let title = name.clone();
    proof(&title, move || examine(&world, &name, &path))
}

fn proof(name: &str, examine: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        examine().map_err(|error| Failed::from(format!("{error:#}")))
    })
}

type Examine = fn() -> Result<()>;

/// Properties of runner-doctor itself.
static PROOFS: [(&str, Examine); 20] = [
    ("crowded-engine", extent::crowded),
    ("twelve-deep", extent::deep),
    ("kubelet-misbehaves", fleet::examine),
    ("hostile-containers", hostile::examine),
    ("hostile-build", builds::examine),
    ("interrupted-walk", interrupted::examine),
    ("least-rights", rights::examine),
    ("nothing-is-touched", untouched::examine),
    ("cure-step-engines", step_engines::examine),
    ("printed-rights", access::rights),
    ("printed-job", access::job),
    ("printed-watcher", watcher::examine),
    ("refused-by-the-cluster", access::refused),
    ("newcomer-as-job", newcomer::as_job),
    ("newcomer-as-deployment", newcomer::as_deployment),
    ("nothing-leaks", leaks::examine),
    ("nothing-is-left", left::examine),
    ("watched-runner", watched::examine),
    ("recreated-pods", recreated::examine),
    ("cure-by-policy", policy::examine),
];

fn examine(world: &World, name: &str, path: &Path) -> Result<()> {
    let started = Instant::now();
    let scenario = world.read(path)?;
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
