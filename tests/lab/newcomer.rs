//! A new runner, right from the start: what `manifest` makes of Bitbucket's command passes `lint` and
//! the API server, starts by its own command lines, and `check` finds no error in it.

use crate::cures::{check, commands, doctor, in_a_line, pods};
use crate::lab;
use crate::scenario::{Scenario, Truth};
use crate::stage::{self, Stage};
use crate::step_engines::Service;
use crate::truth;
use anyhow::{Context, Result, ensure};
use serde_json::json;

const COMMAND: &str = "docker container run -it -v /tmp:/tmp -v /var/run/docker.sock:/var/run/docker.sock \\
  -e ACCOUNT_UUID={3f1c9c55-0a3d-4d0e-9a53-4cf0a3c0f6b1} -e RUNNER_UUID={7deb7740-f86b-50d0-9c85-671fcb3c9038} \\
  -e OAUTH_CLIENT_ID=lab-client-id -e OAUTH_CLIENT_SECRET='lab_client-s$ecret\"' -e WORKING_DIRECTORY=/tmp \\
  --name runner-7deb7740-f86b-50d0-9c85-671fcb3c9038 \\
  docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1
";
/// Before anything is made; the Secret is for the kind that refers to one.
const NOTHING: &str = "
about: A namespace for a new runner.
manifest:
  - { apiVersion: v1, kind: Secret, metadata: { name: mine }, stringData: { oauthClientId: id, oauthClientSecret: secret } }
until: []
expect: { exit: 0 }
";
const ENGINE: &str = "docker-in-docker";

pub fn as_job() -> Result<()> {
    examine("job", &[])
}

pub fn as_deployment() -> Result<()> {
    examine("deployment", &["--secret-from", "mine"])
}

fn examine(kind: &str, more: &[&str]) -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(NOTHING)?;
    let stage = Stage::set(&format!("newcomer-{kind}"), &scenario)?;
    let path = |name: &str| anyhow::Ok(stage.file(name)?.display().to_string());
    let (command, manifest, pipelines) = (
        path("command")?,
        path("yaml")?,
        path("bitbucket-pipelines.yml")?,
    );
    std::fs::write(&command, COMMAND)?;
    let namespace = stage.namespace.as_str();
    // The images are the lab's; a step of theirs needs little memory.
    let mut words = vec!["manifest", &command, "-n", namespace, "--kind", kind];
    words.extend(["--engine-image", "docker:20.10.24-dind", "--memory", "1Gi"]);
    words.extend(["--output-file", &manifest, "--pipelines-file", &pipelines]);
    // What an earlier run left there.
    words.push("--overwrite");
    words.extend(more);
    let (exit, _, said) = doctor(&words)?;
    ensure!(exit == 0, "manifest ends with {exit}: {said}");
    for files in [&[manifest.as_str()][..], &[&manifest, &pipelines]] {
        let (exit, found, _) = doctor(&[&["lint", "-o", "short"], files].concat())?;
        ensure!(exit == 0, "lint of {files:?} ends with {exit}: {found}");
    }
    lab::kubectl(&[
        "-n",
        namespace,
        "apply",
        "--dry-run=server",
        "-f",
        &manifest,
    ])?;
    let lines = commands(said.lines());
    let (ends, starts): (Vec<&str>, Vec<&str>) = lines
        .into_iter()
        .partition(|line| line.contains(" delete "));
    ensure!(
        !ends.is_empty() && !starts.is_empty(),
        "it does not say what to run: {said}"
    );
    // The namespace is there, and `check` is run below.
    for line in starts
        .iter()
        .filter(|line| line.starts_with("kubectl") && !line.contains(" create "))
    {
        lab::shell_line(line).with_context(|| format!("what manifest says: {line}"))?;
    }
    stage::until(|| is_ready(&stage))?;
    runs_builds(&stage, &pipelines)?;
    for line in ends {
        lab::shell_line(line).with_context(|| format!("what manifest says: {line}"))?;
    }
    let left = lab::kubectl(&[
        "-n",
        namespace,
        "get",
        "job,deployment,secret",
        "-o",
        "name",
    ])?;
    let ours = left.lines().filter(|name| !name.ends_with("/mine"));
    ensure!(
        ours.count() == 0,
        "after the delete command there is {left}"
    );
    Ok(())
}

fn is_ready(stage: &Stage) -> Result<()> {
    let pods = pods(stage)?;
    ensure!(pods.len() == 1, "there are {} pods", pods.len());
    let line = format!(
        "kubectl -n {} wait --timeout=1s --for=condition=Ready pod --all",
        stage.namespace
    );
    let (ready, said) = lab::try_lab(&line)?;
    ensure!(ready, "{said}");
    Ok(())
}

/// A step as the printed part of bitbucket-pipelines.yml has it.
fn runs_builds(stage: &Stage, pipelines: &str) -> Result<()> {
    let pod = stage.pod("")?;
    let text = std::fs::read_to_string(pipelines)?;
    lab::lab(&format!("nested load {pod} {ENGINE} docker:20.10.24-dind"))?;
    lab::lab(&format!("nested build {pod} {ENGINE} build"))?;
    let mut truths: Vec<Truth> = serde_json::from_value(json!([
        { "download": format!("{ENGINE}/build"), "outcome": "completes" },
        { "docker_run": ENGINE, "outcome": "works" },
    ]))?;
    truths.extend(Service::read_pipelines(&text)?.start(&pod, "bb_docker")?);
    let measured = truth::measure(&truths, stage)?;
    let (exit, well) = check(stage, &["--strict".to_owned()])?;
    ensure!(
        exit == 0,
        "check ends with {exit}: {} {:?}",
        in_a_line(&well),
        well.unknowns
    );
    eprintln!(
        "{}: {} => {}",
        stage.name,
        truth::in_a_line(&measured),
        in_a_line(&well)
    );
    Ok(())
}
