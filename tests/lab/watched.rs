//! `check --watch` on a runner that changes: the first report, what is new, what is fixed, and the end.

use crate::lab;
use crate::scenario::Scenario;
use crate::stage::Stage;
use anyhow::{Context, Result, ensure};
use serde_json::{Deserializer, Value};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENT: &str = r#"
about: A healthy engine.
manifest: dind.yaml
change:
  - kind: Pod
    spec: { containers: [{ name: dind, args: [--mtu=1450] }] }
inside:
  - nested build {pod} dind build
expect: { exit: 0 }
"#;
const PATIENCE: Duration = Duration::from_secs(30);

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("watched", &scenario)?;
    let network = |line: &str| {
        let line = format!("nested docker {{pod}} dind network {line}");
        lab::lab(&stage.fill_in(&line)?)
    };
    let mut doctor = lab::doctor()
        .args(["check", "-n", &stage.namespace, "--watch=1s", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = doctor.stdout.take().context("no output")?;
    let (send, printed) = channel();
    std::thread::spawn(move || {
        let mut documents = Deserializer::from_reader(stdout).into_iter::<Value>();
        documents.try_for_each(|document| send.send(document.map_err(anyhow::Error::from)))
    });
    let seen = (|| -> Result<()> {
        let first = next(&printed)?;
        ensure!(first["verdict"] == "healthy", "{first}");
        network("create --opt com.docker.network.driver.mtu=1500 wide")?;
        changed(&printed, "new")?;
        network("rm wide")?;
        changed(&printed, "fixed")
    })();
    let id = doctor.id().to_string();
    ensure!(Command::new("kill").args(["-INT", &id]).status()?.success());
    let ended = doctor.wait()?;
    seen?;
    ensure!(ended.code() == Some(130), "{ended}");
    Ok(())
}

fn next(printed: &Receiver<Result<Value>>) -> Result<Value> {
    printed
        .recv_timeout(PATIENCE)
        .context("it prints nothing")?
}

/// Comes to be; before, the network may be seen while it is half made.
fn changed(printed: &Receiver<Result<Value>>, how: &str) -> Result<()> {
    let is = |finding: &Value| finding["check"] == "mtu-inversion" && finding["subject"] == "wide";
    loop {
        let comparison = next(printed)?;
        let findings = comparison[how].as_array().context("no such list")?;
        if findings.iter().any(is) {
            return Ok(());
        }
    }
}
