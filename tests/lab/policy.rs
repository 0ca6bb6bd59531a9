//! The fix at the cluster's side: after the policy that `fix` prints is applied, new pods of the
//! selected runners are healthy, by a download, and others are as they were.

use crate::cures::{check, commands, doctor, in_a_line};
use crate::lab;
use crate::scenario::{Scenario, Truth};
use crate::stage::{self, Stage};
use crate::truth;
use anyhow::{Context, Result, ensure};
use serde_json::json;

const PATIENTS: &str = include_str!("policy.yaml");
const SELECTED: &str = "ci=runner";

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENTS)?;
    let stage = Stage::set("policy", &scenario)?;
    truth::measure(&scenario.truth, &stage)?;
    let after: Vec<Truth> = serde_json::from_value(json!([
        { "pod": "bitbucket", "download": "docker-in-docker/build", "outcome": "completes" },
        { "pod": "arc", "download": "dind/build", "outcome": "completes" },
        { "pod": "outside", "download": "docker-in-docker/build", "outcome": "hangs" },
    ]))?;
    for (more, sign) in [(&[][..], "--mtu="), (&["--prefer", "clamp"], "clamp-mss")] {
        // Without a policy they are as they were.
        if sign != "--mtu=" {
            renew(&stage, &scenario)?;
        }
        let policy = stage.file("policy.yaml")?.display().to_string();
        let namespace = stage.namespace.as_str();
        let words = [
            "fix",
            "-n",
            namespace,
            "-l",
            SELECTED,
            "--kind",
            "admission-policy",
        ];
        let (exit, _, said) = doctor(&[&words[..], &["--output-file", &policy], more].concat())?;
        ensure!(exit == 0, "fix ends with {exit}: {said}");
        let sheet = std::fs::read_to_string(&policy)?;
        let lines = commands(sheet.lines().filter_map(|line| line.strip_prefix("# ")));
        let [validate, apply, show, undo] = lines.as_slice() else {
            anyhow::bail!("fix says {lines:?}");
        };
        lab::shell_line(validate).with_context(|| validate.to_string())?;
        lab::shell_line(apply).with_context(|| apply.to_string())?;
        let measured = stage::until(|| {
            let shown = lab::shell_line(show)?;
            ensure!(
                shown.contains(sign),
                "the policy does not work yet: {shown}"
            );
            Ok(())
        })
        .and_then(|()| renew(&stage, &scenario))
        .and_then(|()| truth::measure(&after, &stage));
        lab::shell_line(undo).with_context(|| undo.to_string())?;
        let (exit, well) = check(&stage, &["-l".to_owned(), SELECTED.to_owned()])?;
        eprintln!(
            "policy {sign}: {} => {}",
            truth::in_a_line(&measured?),
            in_a_line(&well)
        );
        ensure!(
            exit == 0,
            "check ends with {exit} after: {}",
            in_a_line(&well)
        );
    }
    Ok(())
}

/// The Jobs make new pods.
fn renew(stage: &Stage, scenario: &Scenario) -> Result<()> {
    lab::kubectl(&["-n", &stage.namespace, "delete", "pod", "--all"])?;
    for job in ["bitbucket", "arc", "outside"] {
        stage.wait(&format!("pod -l job-name={job} --for=condition=Ready"))?;
    }
    for line in &scenario.inside {
        lab::lab(&stage.fill_in(line)?)?;
    }
    Ok(())
}
