//! Proves that nothing leaks: secrets planted wherever the lab can hold one appear in no output format,
//! and redacted output contains none of the lab's names.

use crate::lab;
use crate::scenario::Scenario;
use crate::stage::Stage;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use runner_doctor::report::Format;
use std::path::Path;
use std::process::Command;

const PATIENT: &str = include_str!("leaks.yaml");
const CANARY: &str = "CANARY";
/// Where kubectl shows a planted secret.
const PLANTED: [&str; 8] = [
    "CANARY-env",
    "CANARY-annotation",
    "CANARY-label",
    "CANARY-opts",
    "CANARY-image",
    "CANARY-mirror",
    "CANARY-daemon-json",
    "CANARY-docker-host",
];

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("leaks", &scenario)?;
    planted(&stage)?;
    let names = names(&stage)?;
    let folder = tempfile::tempdir()?;
    for redact in [false, true] {
        let flag: &[&str] = if redact { &["--redact"] } else { &[] };
        for arguments in lines(folder.path()) {
            let line = [
                &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..],
                flag,
            ]
            .concat();
            // Tickets are redacted by default; fixes need the real names.
            let line = match (arguments[0].as_str(), redact) {
                ("fix", true) => continue,
                ("ticket", true) => arguments.iter().map(String::as_str).collect(),
                ("ticket", false) => [&line[..], &["--no-redact"]].concat(),
                _ => line,
            };
            let said = doctor(&stage, &line, folder.path())?;
            without(&said, &[CANARY, "Q0FOQVJZ"], &line)?;
            // `-vv` logs API requests with real names: it is for the user and is not sent.
            if redact && !line.contains(&"-vv") {
                without(
                    &said,
                    &names.iter().map(String::as_str).collect::<Vec<_>>(),
                    &line,
                )?;
            }
        }
    }
    replays(&stage, folder.path())?;
    own_proxy()
}

/// Checks that the secrets are really there: otherwise the test would prove nothing.
fn planted(stage: &Stage) -> Result<()> {
    let objects = lab::kubectl(&[
        "-n",
        &stage.namespace,
        "get",
        "jobs,pods,configmaps",
        "-o",
        "yaml",
    ])?;
    for canary in PLANTED {
        ensure!(objects.contains(canary), "{canary} is not in the cluster");
    }
    let pod = stage.pod("runner")?;
    for (line, canary) in [
        (
            format!("nested docker {pod} docker-in-docker inspect bb_docker"),
            "CANARY-engine-env",
        ),
        (
            format!("nested docker {pod} docker-in-docker info"),
            "CANARY-daemon-json",
        ),
        (
            format!(
                "kubectl -n {} logs {} -c docker-in-docker",
                stage.namespace,
                pod.rsplit('/').next().unwrap_or_default()
            ),
            "CANARY-log",
        ),
    ] {
        ensure!(
            lab::lab(&line)?.contains(canary),
            "{line} does not show {canary}"
        );
    }
    Ok(())
}

/// The lab's names that must be redacted.
fn names(stage: &Stage) -> Result<Vec<String>> {
    let mut names = vec![stage.namespace.clone(), "registry.example".to_owned()];
    let get = |what: &str, path: &str| {
        let path = format!("jsonpath={path}");
        lab::kubectl(&["-n", &stage.namespace, "get", what, "-o", &path])
    };
    for (what, path) in [
        ("nodes", "{.items[*].metadata.name}"),
        ("pods", "{.items[*].metadata.name}"),
        ("pods", "{.items[*].status.podIP}"),
    ] {
        names.extend(get(what, path)?.split_whitespace().map(str::to_owned));
    }
    // Words that runner-doctor itself prints.
    names.retain(|name| !matches!(name.as_str(), "credentials" | "refused" | "vm"));
    ensure!(names.len() > 3, "too few names to look for: {names:?}");
    Ok(names)
}

/// Every command that reports on a cluster, in each of its formats.
fn lines(folder: &Path) -> Vec<Vec<String>> {
    let formats = Format::value_variants()
        .iter()
        .filter_map(|f| f.to_possible_value());
    let mut lines: Vec<Vec<&str>> = vec![
        vec!["collect", "-o", "yaml"],
        vec!["collect", "-o", "json"],
        vec!["fix", "-o", "patch"],
        vec!["fix", "-o", "yaml"],
        vec!["fix", "-o", "diff"],
        vec!["ticket", "--preview"],
        vec!["check", "-vv"],
        vec![
            "check",
            "--confirm",
            "http://198.18.0.2/download?token=CANARY-url",
        ],
    ];
    let names: Vec<String> = formats.map(|format| format.get_name().to_owned()).collect();
    lines.extend(names.iter().map(|name| vec!["check", "-o", name]));
    let mut lines: Vec<Vec<String>> = lines
        .into_iter()
        .map(|line| line.into_iter().map(str::to_owned).collect())
        .collect();
    let archive = folder.join("ticket.tar.gz").display().to_string();
    lines.push(
        ["ticket", "--overwrite", "--output-file", &archive]
            .map(str::to_owned)
            .to_vec(),
    );
    lines
}

/// All output of a command line: both streams, and the content of an archive.
fn doctor(stage: &Stage, line: &[&str], folder: &Path) -> Result<String> {
    let output = lab::doctor()
        .args(line)
        .args(["-n", &stage.namespace])
        .output()?;
    let mut said = output.stdout;
    said.extend(&output.stderr);
    let archive = folder.join("ticket.tar.gz");
    if line[0] == "ticket" && archive.exists() {
        let listed = Command::new("tar").arg("xzOf").arg(&archive).output()?;
        ensure!(listed.status.success(), "the archive cannot be read");
        said.extend(listed.stdout);
    }
    // The list of redacted names stays with the sender.
    let said = String::from_utf8_lossy(&said).into_owned();
    let sent = said
        .split("Not in the archive:")
        .next()
        .unwrap_or_default()
        .to_owned();
    ensure!(!sent.is_empty(), "{line:?} said nothing");
    Ok(if line[0] == "ticket" && line.contains(&"--no-redact") {
        said
    } else {
        sent
    })
}

fn without(said: &str, words: &[&str], line: &[&str]) -> Result<()> {
    for word in words {
        let found = said.lines().find(|line| line.contains(word));
        ensure!(
            found.is_none(),
            "{line:?} tells {word}: {}",
            found.unwrap_or_default()
        );
    }
    Ok(())
}

/// A redacted recording yields the same checks, severities and engines as the cluster.
fn replays(stage: &Stage, folder: &Path) -> Result<()> {
    let recording = folder.join("recording.yaml");
    let file = recording.to_str().context("the folder has an odd name")?;
    let judged = |line: &[&str]| -> Result<Vec<String>> {
        let report = lab::doctor().args(line).output()?;
        let report: serde_json::Value = serde_json::from_slice(&report.stdout)?;
        let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
        let mut found: Vec<String> = list("findings")
            .iter()
            .chain(&list("unknowns"))
            .map(|f| format!("{} {} {}", f["check"], f["severity"], f["engine"]))
            .collect();
        found.sort();
        Ok(found)
    };
    doctor(
        stage,
        &["collect", "--output-file", file, "--redact", "-v"],
        folder,
    )
    .ok();
    let with = judged(&["check", "-n", &stage.namespace, "-o", "json"])?;
    let without = judged(&["check", "--evidence", file, "-o", "json"])?;
    ensure!(
        with == without && !with.is_empty(),
        "{with:?} became {without:?}"
    );
    Ok(())
}

/// The password in the URL of an unreachable proxy must not be printed.
fn own_proxy() -> Result<()> {
    let output = lab::doctor()
        .env("HTTPS_PROXY", "http://user:CANARY-own@127.0.0.1:1")
        .args(["-vv", "check"])
        .output()?;
    ensure!(
        output.status.code() == Some(2),
        "it reached the cluster through no proxy"
    );
    let said = [output.stdout, output.stderr].concat();
    without(
        &String::from_utf8_lossy(&said),
        &[CANARY],
        &["check through a proxy"],
    )
}
