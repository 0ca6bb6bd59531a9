//! Scale: many networks and containers in one engine, and deeply nested engines.

use crate::cures;
use crate::lab;
use crate::scenario::Scenario;
use crate::stage::Stage;
use anyhow::{Result, ensure};
use runner_doctor::diagnosis::Diagnosis;
use std::time::{Duration, Instant};

const PATIENT: &str = "about: an engine\nmanifest: dind.yaml\nexpect: { exit: 1 }";
const NETWORKS: usize = 300;
const CONTAINERS: usize = 200;
const LEVELS: usize = 12;
const LIMIT: Duration = Duration::from_secs(60);

/// Every network of an engine with many is checked exactly once.
pub fn crowded() -> Result<()> {
    let stage = stage("crowded")?;
    let pod = stage.pod("")?;
    lab::lab(&format!("nested load {pod} dind busybox:1"))?;
    let each = |count: usize, what: &str| {
        let line = format!(
            "in {pod} dind sh -c 'seq {count} | xargs -P 4 -I N sh -c \"{what} >/dev/null\"'"
        );
        lab::make(&line)
    };
    each(
        NETWORKS,
        r"docker network create --subnet 10.\$((N / 250)).\$((N % 250)).0/24 n-N",
    )?;
    each(
        CONTAINERS,
        "docker run -d --network none busybox:1 sleep 100000",
    )?;
    let (said, took) = checked(&stage, &[])?;
    let inverted = inverted(&said).count();
    eprintln!("crowded-engine: {NETWORKS} networks, {CONTAINERS} containers: {took:.1?}");
    // Plus the engine's default bridge network.
    ensure!(
        inverted == NETWORKS + 1 && said.findings.len() == inverted,
        "{inverted} networks of {} findings",
        said.findings.len()
    );
    ensure!(said.unknowns.is_empty(), "{:?}", said.unknowns);
    ensure!(took < LIMIT, "it took {took:?}");
    Ok(())
}

/// Each level has a smaller MTU than its parent, except the outermost and the innermost: only these have
/// findings. A walk limited by --max-depth reports where it stopped.
pub fn deep() -> Result<()> {
    let stage = stage("deep")?;
    let pod = stage.pod("")?;
    let mut path = "dind".to_owned();
    for level in 1..=LEVELS {
        let mtu = match level {
            LEVELS => 1450,
            level => 1450 - 10 * level,
        };
        lab::make(&format!(
            "nested engine {pod} {path} e{level} docker:20.10.24-dind --mtu={mtu} --bip=10.99.{level}.1/24"
        ))?;
        path += &format!("/e{level}");
    }
    let (said, took) = checked(&stage, &["--max-depth", "20"])?;
    eprintln!("twelve-deep: {took:.1?}");
    let found: Vec<&str> = inverted(&said).collect();
    ensure!(found == ["dind", path.as_str()], "{found:?}");
    ensure!(said.unknowns.is_empty(), "{:?}", said.unknowns);
    ensure!(took < LIMIT, "it took {took:?}");
    let (said, _) = checked(&stage, &[])?;
    let mut unknowns = said.unknowns.iter();
    ensure!(
        unknowns.any(|u| u
            .reason()
            .contains("/e8 is nested deeper than --max-depth 8: raise it")),
        "{:?}",
        said.unknowns
    );
    Ok(())
}

fn stage(name: &str) -> Result<Stage> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set(name, &scenario)?;
    let pod = stage.pod("")?;
    lab::lab(&format!("nested wait {pod} dind"))?;
    Ok(stage)
}

fn checked(stage: &Stage, more: &[&str]) -> Result<(Diagnosis, Duration)> {
    // Other tests run on the machine at the same time.
    let arguments = [&["--timeout", "60s"], more].concat();
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let started = Instant::now();
    let (exit, diagnosis) = cures::check(stage, &arguments)?;
    ensure!(exit == 1, "it ended with {exit}");
    Ok((diagnosis, started.elapsed()))
}

/// The engines with an MTU finding.
fn inverted(diagnosis: &Diagnosis) -> impl Iterator<Item = &str> {
    let found = diagnosis.findings.iter();
    found
        .filter(|finding| finding.check == "mtu-inversion")
        .filter_map(|finding| finding.engine.as_deref())
}
