//! A scenario's patient: set up in a namespace of its own, and taken away again.

use crate::lab;
use crate::manifest;
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// On namespaces: the process that made them.
const LABEL: &str = "runner-doctor.lab/run";
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Stage {
    pub namespace: String,
    pub name: String,
    objects: Vec<Value>,
    afterwards: Vec<String>,
    keep: bool,
}

impl Stage {
    pub fn set(name: &str, scenario: &Scenario) -> Result<Stage> {
        // A version in a name has dots, which a namespace must not have.
        let namespace = format!("lab-{}", name.replace('.', "-"));
        let stage = Stage {
            objects: manifest::objects(scenario, &namespace)?,
            name: name.to_owned(),
            namespace,
            afterwards: scenario.afterwards.clone(),
            keep: std::env::var_os("LAB_KEEP").is_some(),
        };
        for line in &scenario.before {
            lab::make(line)?;
        }
        stage.make_namespace()?;
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": stage.objects });
        lab::kubectl_told(&["apply", "-f", "-"], &list.to_string())?;
        for what in &scenario.until {
            stage.wait(what)?;
        }
        for line in &scenario.inside {
            lab::lab(&stage.fill_in(line)?)?;
        }
        Ok(stage)
    }

    /// An interrupted run may have left one of this name.
    fn make_namespace(&self) -> Result<()> {
        let name = self.namespace.as_str();
        lab::kubectl(&["delete", "namespace", name, "--ignore-not-found"])?;
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": { LABEL: std::process::id().to_string() } },
        });
        lab::kubectl_told(&["create", "-f", "-"], &namespace.to_string())?;
        // A pod is refused before its service account is there.
        self.wait("serviceaccount default --for=create")
    }

    /// `kubectl wait`, again while what it waits for is not even there.
    pub fn wait(&self, what: &str) -> Result<()> {
        let line = format!("kubectl -n {} wait --timeout=10s {what}", self.namespace);
        until(|| {
            let (done, said) = lab::try_lab(&line)?;
            ensure!(done, "{line}: {said}");
            Ok(())
        })
    }

    /// Puts the pods' names into a line.
    pub fn fill_in(&self, line: &str) -> Result<String> {
        let mut filled = line
            .replace("{namespace}", &self.namespace)
            .replace("{kubeconfig}", &lab::kubeconfig().to_string_lossy());
        while let Some(start) = filled.find("{pod") {
            let length = filled[start..].find('}').context("a { without }")?;
            let name = filled[start + 4..start + length].trim_start_matches(':');
            let pod = self.pod(name)?;
            filled.replace_range(start..=start + length, &pod);
        }
        Ok(filled)
    }

    /// The pod whose name begins with `prefix`, as NAMESPACE/NAME.
    pub fn pod(&self, prefix: &str) -> Result<String> {
        let names = lab::kubectl(&["-n", &self.namespace, "get", "pods", "-o", "name"])?;
        let mut names = names.lines().filter_map(|name| name.strip_prefix("pod/"));
        let pod = names
            .find(|name| name.starts_with(prefix))
            .with_context(|| format!("there is no pod {prefix}*"))?;
        Ok(format!("{}/{pod}", self.namespace))
    }

    /// A kubeconfig with the token of a service account, or the administrator's.
    pub fn kubeconfig(&self, account: Option<&str>) -> Result<PathBuf> {
        let Some(account) = account else {
            return Ok(lab::kubeconfig());
        };
        let token = lab::token(&self.namespace, account)?;
        let mut config = lab::configuration()?;
        config["users"][0]["user"] = json!({ "token": token });
        config["contexts"][0]["context"]["namespace"] = json!(self.namespace);
        let file = self.file("kubeconfig")?;
        std::fs::write(&file, config.to_string())?;
        Ok(file)
    }

    /// A file of this scenario's, which stays until `lab down`.
    pub fn file(&self, extension: &str) -> Result<PathBuf> {
        let folder = lab::run_folder().join("scenarios");
        std::fs::create_dir_all(&folder)?;
        Ok(folder.join(format!("{}.{extension}", self.name)))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for line in &self.afterwards {
            let done = self.fill_in(line).and_then(|line| lab::lab(&line));
            if let Err(error) = done {
                eprintln!("{}: {error:#}", self.name);
            }
        }
        if self.keep {
            return;
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": self.objects });
        let gone = lab::kubectl_told(
            &["delete", "--ignore-not-found", "--wait=false", "-f", "-"],
            &list.to_string(),
        )
        .and_then(|()| {
            lab::kubectl(&[
                "delete",
                "namespace",
                &self.namespace,
                "--ignore-not-found",
                "--wait=false",
            ])
            .map(drop)
        });
        if let Err(error) = gone {
            eprintln!("{}: {error:#}", self.name);
        }
    }
}

/// Tries again what is not yet so.
pub fn until<T>(holds: impl Fn() -> Result<T>) -> Result<T> {
    within(PATIENCE, holds)
}

/// The same for what must be so soon.
pub fn within<T>(limit: Duration, holds: impl Fn() -> Result<T>) -> Result<T> {
    let ends = Instant::now() + limit;
    loop {
        match holds() {
            Err(error) if Instant::now() > ends => return Err(error.context("gave up waiting")),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
            Ok(seen) => return Ok(seen),
        }
    }
}

/// Namespaces go while the next scenario runs; at the end they must be gone.
pub fn wait_until_clean() {
    if std::env::var_os("LAB_KEEP").is_some() {
        return;
    }
    let ours = format!("{LABEL}={}", std::process::id());
    let wait = [
        "wait",
        "namespace",
        "-l",
        &ours,
        "--for=delete",
        "--timeout=60s",
    ];
    if let Err(error) = lab::kubectl(&wait) {
        eprintln!("{error:#}");
    }
}
