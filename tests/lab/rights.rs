//! Least rights: with exactly the role that docs/rbac.md prints the diagnosis is the administrator's;
//! with a rule of it taken away, what the rule gave is unknown, and the rule is named.

use crate::lab;
use crate::scenario::Scenario;
use crate::stage::Stage;
use anyhow::{Context, Result, bail, ensure};
use runner_doctor::diagnosis::Diagnosis;
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

const RIGHTS: &str = include_str!("../../docs/rbac.md");
const PATIENT: &str = include_str!("rights.yaml");
const ACCOUNT: &str = "doctor";
const PROPAGATES: Duration = Duration::from_secs(20);

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("rights", &scenario)?;
    let role = Role::of_readme(&stage)?;
    let outcome = every_rule(&role, &stage);
    role.remove()?;
    outcome
}

fn every_rule(role: &Role, stage: &Stage) -> Result<()> {
    let whole = check(stage, None)?;
    role.give(&role.rules)?;
    until(|| {
        let mine = check(stage, Some(ACCOUNT))?;
        ensure!(
            mine == whole,
            "with the role of docs/rbac.md: {}",
            mine.in_a_line()
        );
        Ok(())
    })?;
    for (at, rule) in role.rules.iter().enumerate() {
        let mut rest = role.rules.clone();
        rest.remove(at);
        match rule["resources"][0] == "jobs" {
            true => without_jobs(role, &rest, stage)?,
            false => {
                role.give(&rest)?;
                until(|| less(rule, &check(stage, Some(ACCOUNT))?, &whole))?;
            }
        }
    }
    Ok(())
}

/// A Job that has given up has no pod: only who may list Jobs finds it.
fn without_jobs(role: &Role, rest: &[Value], stage: &Stage) -> Result<()> {
    let on = |line: &str| lab::lab(&line.replace("{}", &format!("kubectl -n {}", stage.namespace)));
    on("{} create job lost --image=docker:20.10.24-dind -- dockerd --no-such-flag")?;
    on(r#"{} patch job lost -p '{"spec": {"activeDeadlineSeconds": 1}}'"#)?;
    on("{} wait job lost --for=condition=Failed --timeout=60s")?;
    let found = |seen: &Seen| seen.findings.len();
    let whole = check(stage, None)?;
    role.give(&role.rules)?;
    until(|| {
        let mine = check(stage, Some(ACCOUNT))?;
        ensure!(
            mine == whole,
            "with the role of docs/rbac.md: {}",
            mine.in_a_line()
        );
        Ok(())
    })?;
    role.give(rest)?;
    until(|| {
        let mine = check(stage, Some(ACCOUNT))?;
        let lacks = found(&mine) < found(&whole);
        ensure!(lacks, "without jobs: {}", mine.in_a_line());
        Ok(())
    })?;
    on("{} delete job lost").map(drop)
}

/// What a check must be without a rule.
fn less(rule: &Value, seen: &Seen, whole: &Seen) -> Result<()> {
    let resource = rule["resources"][0]
        .as_str()
        .context("a rule without resource")?;
    // Of no effect where there is no Calico operator and every container has started, as here.
    if rule["apiGroups"][0] != "" || resource == "events" {
        ensure!(seen == whole, "without {resource}: {}", seen.in_a_line());
        return Ok(());
    }
    let blind = matches!(resource, "pods" | "pods/exec");
    let expected = if blind { 2 } else { whole.exit };
    ensure!(
        seen.exit == expected && seen.says(resource),
        "without {resource}: {}",
        seen.in_a_line()
    );
    for finding in &seen.findings {
        ensure!(
            whole.findings.contains(finding),
            "without {resource} there is a finding that was none: {finding}"
        );
    }
    if resource == "pods/log" {
        let mut more = seen.unknowns.iter().filter(|u| !whole.unknowns.contains(u));
        ensure!(
            seen.findings == whole.findings && more.all(|unknown| unknown.contains(resource)),
            "without {resource} more is unknown than what logs tell: {}",
            seen.in_a_line()
        );
    }
    Ok(())
}

/// A change of a role takes a moment to reach the one who decides.
fn until(holds: impl Fn() -> Result<()>) -> Result<()> {
    let ends = Instant::now() + PROPAGATES;
    loop {
        match holds() {
            Err(error) if Instant::now() > ends => return Err(error),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
    }
}

#[derive(PartialEq)]
struct Seen {
    exit: i32,
    findings: Vec<String>,
    unknowns: Vec<String>,
    said: String,
}

impl Seen {
    fn says(&self, resource: &str) -> bool {
        let all = self.unknowns.iter().chain([&self.said]);
        all.into_iter().any(|text| text.contains(resource))
    }

    fn in_a_line(&self) -> String {
        let Seen {
            exit,
            findings,
            unknowns,
            said,
        } = self;
        format!("exit {exit}, found {findings:?}, unknown {unknowns:?}, said {said:?}")
    }
}

fn check(stage: &Stage, account: Option<&str>) -> Result<Seen> {
    let output = Command::new(env!("CARGO_BIN_EXE_runner-doctor"))
        .env("KUBECONFIG", stage.kubeconfig(account)?)
        .args(["check", "-n", &stage.namespace, "-o", "json"])
        .output()?;
    let diagnosis: Option<Diagnosis> = serde_json::from_slice(&output.stdout).ok();
    let (findings, unknowns) = diagnosis
        .map(|d| (d.findings, d.unknowns))
        .unwrap_or_default();
    Ok(Seen {
        exit: output.status.code().context("it was killed")?,
        findings: findings.into_iter().map(|f| f.fingerprint).collect(),
        unknowns: unknowns
            .into_iter()
            .map(|u| format!("{}: {}", u.check, u.reason()))
            .collect(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The role of docs/rbac.md, under a name of this run's own.
struct Role {
    name: String,
    namespace: String,
    rules: Vec<Value>,
}

impl Role {
    fn of_readme(stage: &Stage) -> Result<Role> {
        let text = RIGHTS
            .split("```yaml\n")
            .filter_map(|block| block.split("```").next())
            .find(|block| block.contains("kind: ClusterRole"))
            .context("docs/rbac.md prints no ClusterRole")?;
        let document: Value = serde_saphyr::from_str(text)?;
        let rules = document["rules"].as_array().cloned();
        Ok(Role {
            name: stage.namespace.clone(),
            namespace: stage.namespace.clone(),
            rules: rules.context("docs/rbac.md's ClusterRole has no rules")?,
        })
    }

    fn give(&self, rules: &[Value]) -> Result<()> {
        let group = "rbac.authorization.k8s.io";
        let version = format!("{group}/v1");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [
            { "apiVersion": "v1", "kind": "ServiceAccount",
              "metadata": { "name": ACCOUNT, "namespace": self.namespace } },
            { "apiVersion": version, "kind": "ClusterRole",
              "metadata": { "name": self.name }, "rules": rules },
            { "apiVersion": version, "kind": "ClusterRoleBinding", "metadata": { "name": self.name },
              "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": self.name },
              "subjects": [
                { "kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace } ] },
        ] });
        lab::kubectl_told(&["apply", "-f", "-"], &list.to_string())
    }

    fn remove(&self) -> Result<()> {
        for kind in ["clusterrole", "clusterrolebinding"] {
            lab::kubectl(&["delete", "--ignore-not-found", kind, &self.name])?;
        }
        if self.rules.len() < 2 {
            bail!("README.md's role has one rule: there is nothing to take away");
        }
        Ok(())
    }
}
