//! Proves the fixes end to end: `check` finds the fault, the command lines that `fix` prints are run as
//! they are, the download then completes, and `check` reports no errors.

use crate::lab;
use crate::manifest;
use crate::scenario::{Scenario, Truth};
use crate::stage::{self, Stage};
use crate::truth;
use anyhow::{Context, Result, bail, ensure};
use runner_doctor::diagnosis::{Diagnosis, Finding};
use serde::Deserialize;
use serde_json::{Value, json};

const CURES: &str = include_str!("cures.yaml");
const NO_ERROR: i32 = 0;
const STILL_IDLE: &str = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cure {
    pub name: String,
    /// The faulty setup; its `truth` is measured before the fix.
    patient: Scenario,
    #[serde(default)]
    by: By,
    /// More arguments of `fix`. `{file}` is the patient's manifest as a file, `{file:KIND}` the
    /// documents of that kind alone.
    #[serde(default)]
    fix: Vec<String>,
    /// Lines for `lab` in the new pod; by default those of the patient.
    anew: Option<Vec<String>>,
    /// What must be true after the fix.
    cured: Vec<Truth>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    /// The command lines that `fix` prints.
    #[default]
    Kubectl,
    /// The Helm values of the remedy that contains this text: applies the pod rendered from their template.
    Values(String),
}

pub fn all() -> Result<Vec<Cure>> {
    serde_saphyr::from_str(CURES).context("cures.yaml cannot be read")
}

pub fn examine(cure: &Cure) -> Result<()> {
    let patient = &cure.patient;
    let stage = Stage::set(&format!("cure-{}", cure.name), patient)?;
    let before = truth::measure(&patient.truth, &stage)?;
    let (exit, sick) = check(&stage, &patient.check.args)?;
    ensure!(exit == patient.expect.exit, "check ends with {exit} before");
    let old = pods(&stage)?;
    match &cure.by {
        By::Kubectl => apply_fix(cure, &stage)?,
        By::Values(text) => apply_values(&stage, remedy(&sick.findings, text)?)?,
    }
    stage::until(|| renewed(&stage, &old))?;
    for line in cure.anew.as_ref().unwrap_or(&patient.inside) {
        lab::lab(&stage.fill_in(line)?)?;
    }
    let after = truth::measure(&cure.cured, &stage)?;
    let (exit, well) = check(&stage, &patient.check.args)?;
    ensure!(
        exit == NO_ERROR && well.summary.error == 0,
        "check ends with {exit} after: {}",
        in_a_line(&well)
    );
    eprintln!(
        "cure-{}: {} => {} => {}",
        cure.name,
        truth::in_a_line(&before),
        truth::in_a_line(&after),
        in_a_line(&well)
    );
    Ok(())
}

pub fn doctor(arguments: &[&str]) -> Result<(i32, String, String)> {
    let output = lab::doctor().args(arguments).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let exit = output.status.code().context("it was killed")?;
    Ok((exit, text(&output.stdout), text(&output.stderr)))
}

pub fn check(stage: &Stage, more: &[String]) -> Result<(i32, Diagnosis)> {
    let mut arguments = vec!["check", "-n", &stage.namespace, "-o", "json"];
    arguments.extend(more.iter().map(String::as_str));
    let (exit, out, err) = doctor(&arguments)?;
    let diagnosis = serde_json::from_str(&out).with_context(|| format!("check says: {err}"))?;
    Ok((exit, diagnosis))
}

pub fn in_a_line(diagnosis: &Diagnosis) -> String {
    let each = diagnosis.findings.iter().map(|finding| {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        format!("{severity} {}", finding.check)
    });
    let all: Vec<String> = each.collect();
    format!("found [{}]", all.join(", "))
}

/// Runs `fix`, then exactly the commands that it prints.
fn apply_fix(cure: &Cure, stage: &Stage) -> Result<()> {
    let printed = stage.file("fix.yaml")?;
    let mut words: Vec<String> = ["fix", "-n", &stage.namespace, "--output-file"]
        .map(str::to_owned)
        .into();
    words.push(printed.display().to_string());
    words.extend(cure.patient.check.args.clone());
    for word in &cure.fix {
        words.push(
            match word.strip_prefix("{file").and_then(|w| w.strip_suffix('}')) {
                Some(kind) => file(cure, stage, kind.trim_start_matches(':'))?,
                None => word.clone(),
            },
        );
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (exit, _, said) = doctor(&words)?;
    ensure!(exit == NO_ERROR, "fix ends with {exit}: {said}");
    let sheet = std::fs::read_to_string(&printed)?;
    let comments = sheet.lines().filter_map(|line| line.strip_prefix("# "));
    let lines = commands(comments.chain(said.lines()));
    ensure!(!lines.is_empty(), "fix says no command: {said}{sheet}");
    lab::shell_line(&lines.join("\n")).with_context(|| format!("what fix says: {lines:?}"))?;
    Ok(())
}

/// The indented lines below one that ends with "run:" or "it:".
pub fn commands<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut below = false;
    for line in lines {
        match line.strip_prefix("  ") {
            Some(command) if below => found.push(command),
            _ => below = line.ends_with("run:") || line.ends_with("it:"),
        }
    }
    found
}

/// The patient's manifest as its owner keeps it, comments included, moved to this stage's namespace.
fn file(cure: &Cure, stage: &Stage, kind: &str) -> Result<String> {
    let text = manifest::moved(&cure.patient, &stage.namespace)?;
    let documents = text.split("---\n");
    let wanted = documents.filter(|document| document.contains(&format!("\nkind: {kind}")));
    let path = stage.file(&format!("manifest{kind}.yaml"))?;
    std::fs::write(&path, wanted.collect::<Vec<_>>().join("---\n"))?;
    Ok(path.display().to_string())
}

fn remedy<'a>(findings: &'a [Finding], text: &str) -> Result<&'a str> {
    let mut snippets = findings
        .iter()
        .flat_map(|finding| &finding.remedies)
        .map(|r| r.snippet.as_str());
    snippets
        .find(|snippet| snippet.contains(text))
        .with_context(|| format!("no remedy has {text:?}"))
}

/// Creates the pod as the scale set's chart would, with placeholders for images missing from the lab.
fn apply_values(stage: &Stage, values: &str) -> Result<()> {
    let values: Value = serde_saphyr::from_str(values)?;
    let mut spec = values["template"]["spec"].clone();
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            if container["image"]
                .as_str()
                .is_some_and(|image| image.contains("actions-runner"))
            {
                container["image"] = json!("busybox:1");
                container["command"] = match list {
                    "containers" => json!(["sh", "-c", STILL_IDLE]),
                    _ => json!(["true"]),
                };
            }
        }
    }
    spec["terminationGracePeriodSeconds"] = json!(2);
    let namespace = stage.namespace.as_str();
    lab::kubectl(&["-n", namespace, "delete", "pod", "--all"])?;
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "spec": spec,
        "metadata": { "name": "runner-of-values", "namespace": namespace } });
    lab::kubectl_told(&["apply", "-f", "-"], &pod.to_string())
}

/// The stage's pods. A new pod may have the same name as the old one.
pub fn pods(stage: &Stage) -> Result<Vec<Value>> {
    let list = lab::kubectl(&["-n", &stage.namespace, "get", "pods", "-o", "json"])?;
    let list: Value = serde_json::from_str(&list)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// Exactly one pod, which is new and ready.
fn renewed(stage: &Stage, old: &[Value]) -> Result<()> {
    let now = pods(stage)?;
    let [pod] = now.as_slice() else {
        bail!("there are {} pods", now.len());
    };
    let uid = |pod: &Value| pod["metadata"]["uid"].clone();
    ensure!(
        !old.iter().any(|other| uid(other) == uid(pod)),
        "the pod is the old one"
    );
    let conditions = pod["status"]["conditions"].as_array();
    let ready = |c: &Value| c["type"] == "Ready" && c["status"] == "True";
    ensure!(
        conditions.is_some_and(|all| all.iter().any(ready)),
        "the new pod is not ready: {}",
        pod["status"]
    );
    Ok(())
}
