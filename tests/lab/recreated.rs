//! Stable findings: a recreated pod, with a step of another UUID, has the same findings, so that an old
//! baseline still applies and `diff` reports no change.

use crate::lab;
use crate::scenario::Scenario;
use crate::stage::Stage;
use anyhow::{Context, Result, ensure};
use runner_doctor::diagnosis::Diagnosis;
use std::process::Output;

const PATIENT: &str = include_str!("recreated.yaml");
const STEPS: [&str; 2] = [
    "4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6",
    "0d9c3b7e-77aa-4c41-9b1e-5f60718293a4",
];

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("recreated", &scenario)?;
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name).display().to_string();
    let namespace = stage.namespace.as_str();
    let check = ["check", "-n", namespace, "-o", "json", "--output-file"];

    let first = step(&stage, STEPS[0])?;
    let (before, after) = (file("before.json"), file("after.json"));
    exits(&doctor(&[&check[..], &[&before]].concat())?, 1)?;
    let name = first.rsplit('/').next().context("a pod has a name")?;
    lab::kubectl(&["-n", namespace, "delete", "pod", name])?;
    stage.wait("pod -l job-name=runner --for=condition=Ready")?;
    let second = step(&stage, STEPS[1])?;
    ensure!(first != second, "the pod was not made anew");
    exits(&doctor(&[&check[..], &[&after]].concat())?, 1)?;

    let (old, new) = (prints(&before)?, prints(&after)?);
    ensure!(old == new && old.len() > 2, "{old:?} became {new:?}");
    let diff = doctor(&["diff", &before, &after])?;
    exits(&diff, 0)?;
    let said = String::from_utf8_lossy(&diff.stdout).into_owned();
    ensure!(
        said.contains("0 new, 0 fixed") && said.contains("no layer changed"),
        "{said}"
    );
    let gate = [
        "check",
        "-n",
        namespace,
        "--baseline",
        &before,
        "-o",
        "short",
    ];
    let gate = doctor(&gate)?;
    exits(&gate, 0)?;
    let said = String::from_utf8_lossy(&gate.stdout).into_owned();
    ensure!(
        said.lines().count() >= old.len() && said.contains("(known)"),
        "{said}"
    );
    Ok(())
}

/// Starts an engine as Bitbucket does for a step: its container is named after the step's UUID.
fn step(stage: &Stage, uuid: &str) -> Result<String> {
    let pod = stage.pod("runner")?;
    let engine = format!("{uuid}_docker");
    lab::lab(&format!(
        "nested engine {pod} docker-in-docker {engine} docker:20.10.24-dind"
    ))?;
    lab::lab(&format!(
        "nested build {pod} docker-in-docker/{engine} build"
    ))?;
    Ok(pod)
}

fn prints(file: &str) -> Result<Vec<String>> {
    let diagnosis: Diagnosis = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let mut prints: Vec<String> = diagnosis
        .findings
        .into_iter()
        .map(|f| f.fingerprint)
        .collect();
    prints.sort();
    Ok(prints)
}

fn doctor(line: &[&str]) -> Result<Output> {
    Ok(lab::doctor().args(line).output()?)
}

fn exits(output: &Output, code: i32) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    let (exit, out) = (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
    );
    ensure!(
        exit == Some(code),
        "it ended with {exit:?}, not {code}: {said}{out}"
    );
    Ok(())
}
