//! The printed RBAC rules and Job, applied unchanged: the account sees what the administrator sees, and
//! `rbac --verify` reports missing permissions and the checks that they make unknown.

use crate::cures::doctor;
use crate::lab;
use crate::scenario::Scenario;
use crate::stage::{self, Stage};
use crate::step_engines::quoted;
use anyhow::{Context, Result, ensure};
use runner_doctor::diagnosis::{Diagnosis, Severity};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENT: &str = include_str!("rights.yaml");
const DOCKERFILE: &str = include_str!("../../Dockerfile");
const IMAGE: &str = "registry.example/runner-doctor:lab";
/// Every scope that `rbac` prints, and the arguments of `check` for it.
const SCOPES: [(&str, &[&str], &[&str]); 4] = [
    ("alone", &[], &[]),
    ("facts", &["--cluster-facts"], &[]),
    (
        "shy",
        &["--cluster-facts", "--no-node-exec"],
        &["--no-node-exec"],
    ),
    ("everywhere", &["-A"], &[]),
];

pub fn rights() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("access", &scenario)?;
    let namespace = stage.namespace.as_str();
    let whole = errors(&doctor(&["check", "-n", namespace, "-o", "json"])?.1)?;
    for (name, flags, of_check) in SCOPES {
        let account = format!("{namespace}-{name}");
        let rbac = [&["rbac", "-n", namespace, "--name", &account], flags].concat();
        let (_, printed, _) = doctor(&rbac)?;
        lab::kubectl_told(&["apply", "-f", "-"], &printed)?;
        let kubeconfig = stage.kubeconfig(Some(&account))?;
        let verify = || as_account(&kubeconfig, &[&rbac[..], &["--verify"]].concat());
        let seen = stage::until(|| {
            let (exit, said) = verify()?;
            ensure!(exit == 0 && !said.contains("MISSING"), "{name}: {said}");
            Ok(())
        })
        .and_then(|()| {
            let check = [&["check", "-n", namespace, "-o", "json"], of_check].concat();
            errors(&as_account(&kubeconfig, &check)?.1)
        });
        lab::kubectl_told(
            &["delete", "--ignore-not-found", "-f", "-"],
            &without_account(&printed),
        )?;
        ensure!(
            seen? == whole,
            "with {name} it finds other errors than the administrator"
        );
        stage::until(|| {
            let (exit, said) = verify()?;
            ensure!(
                exit == 1
                    && said.contains("MISSING  get pods/exec")
                    && said.contains("mtu-inversion"),
                "{name}: {said}"
            );
            Ok(())
        })?;
    }
    Ok(())
}

/// Requests that a real API server denies: each run ends in time, with what to do.
pub fn refused() -> Result<()> {
    let good = lab::configuration()?;
    let file = tempfile::NamedTempFile::new()?;
    let refusals: [(&str, Change, &str); 3] = [
        (
            "a certificate of an authority that is not trusted",
            |config| {
                let cluster = config["clusters"][0]["cluster"].as_object_mut();
                cluster.map(|cluster| cluster.remove("certificate-authority-data"));
            },
            "check `server`, `certificate-authority-data`",
        ),
        (
            "a token that is none",
            |config| config["users"][0]["user"] = json!({ "token": "none" }),
            "rejects these credentials: log in again",
        ),
        (
            "a port where nobody listens",
            |config| config["clusters"][0]["cluster"]["server"] = json!("https://198.18.96.1:1"),
            "Connection refused",
        ),
    ];
    for (name, change, answer) in refusals {
        let mut config = good.clone();
        change(&mut config);
        std::fs::write(file.path(), config.to_string())?;
        let started = Instant::now();
        let (exit, said) = as_account(file.path(), &["check", "-o", "json"])?;
        let took = started.elapsed();
        eprintln!("{name}: exit {exit}, {took:.1?}: {}", said.trim());
        ensure!(exit == 2 && said.contains(answer), "{name}: {said}");
        ensure!(took < Duration::from_secs(10), "{name}: {took:?}");
    }
    Ok(())
}

type Change = fn(&mut Value);

/// Only the roles and bindings: the account stays, so that its token remains valid.
fn without_account(printed: &str) -> String {
    let documents = printed.split("---\n");
    documents
        .filter(|d| !d.contains("kind: ServiceAccount\nmetadata"))
        .collect::<Vec<_>>()
        .join("---\n")
}

pub fn job() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("access-job", &scenario)?;
    let namespace = stage.namespace.as_str();
    let whole = errors(&doctor(&["check", "-n", namespace, "-o", "json"])?.1)?;
    build_image(&stage, IMAGE)?;
    let outcome = in_cluster(&stage, &whole);
    lab::lab(&format!("ctr images rm {IMAGE}"))?;
    outcome
}

fn in_cluster(stage: &Stage, whole: &[String]) -> Result<()> {
    let namespace = stage.namespace.as_str();
    let scheduled = [
        "job", "-n", namespace, "--image", IMAGE, "--kind", "cronjob",
    ];
    lab::kubectl_told(
        &["apply", "--dry-run=server", "-f", "-"],
        &doctor(&scheduled)?.1,
    )?;
    let once = ["job", "-n", namespace, "--image", IMAGE, "--", "-o", "json"];
    lab::kubectl_told(&["apply", "-f", "-"], &doctor(&once)?.1)?;
    // The Job fails because this runner has errors.
    let failed = [
        "-n",
        namespace,
        "wait",
        "--for=condition=Failed",
        "job/runner-doctor",
        "--timeout=60s",
    ];
    lab::kubectl(&failed)?;
    let log = lab::kubectl(&["-n", namespace, "logs", "job/runner-doctor"])?;
    ensure!(
        errors(&log)? == whole,
        "the Job finds other errors than the administrator: {log}"
    );
    Ok(())
}

/// Builds the image from the repository's Dockerfile with the patient's own Docker, and imports it on
/// the node. The test binary is not static, so its libraries are added to the image.
pub fn build_image(stage: &Stage, image: &str) -> Result<()> {
    let pod = stage.pod("")?;
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("Dockerfile"),
        format!("{DOCKERFILE}COPY libraries/ /\n"),
    )?;
    let line = format!(
        "cd {folder}; mkdir libraries; strip -o runner-doctor {program};
        ldd {program} | grep -o '/[^ ]*' | tar -chf - -C / -T - 2>/dev/null | tar -xf - -C libraries;
        docker() {{ \"$LAB\" in {pod} docker-in-docker docker \"$@\"; }};
        tar -cf - . | docker build -q -t {image} --build-arg BINARY=runner-doctor - >/dev/null;
        docker save {image} | \"$LAB\" ctr images import - >/dev/null",
        folder = quoted(&folder.path().to_string_lossy()),
        program = quoted(env!("CARGO_BIN_EXE_runner-doctor")),
    );
    lab::shell_line(&line).context("the image cannot be built")?;
    Ok(())
}

fn as_account(kubeconfig: &Path, arguments: &[&str]) -> Result<(i32, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner-doctor"));
    let output = command
        .env("KUBECONFIG", kubeconfig)
        .args(arguments)
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    let exit = output.status.code().context("it was killed")?;
    Ok((exit, String::from_utf8_lossy(&said).into_owned()))
}

/// The fingerprints of the errors. Missing permissions cause unknowns, not errors.
pub fn errors(json: &str) -> Result<Vec<String>> {
    let json = json
        .get(..=json.rfind('}').unwrap_or_default())
        .unwrap_or_default();
    let diagnosis: Diagnosis = serde_json::from_str(json).with_context(|| json.to_owned())?;
    let errors = diagnosis
        .findings
        .into_iter()
        .filter(|f| f.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|finding| finding.fingerprint).collect();
    ensure!(!errors.is_empty(), "it finds no error");
    Ok(errors)
}
