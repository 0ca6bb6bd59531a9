//! A run that is interrupted while dockerd hangs reports its results so far and leaves no process in the
//! container.

use crate::lab;
use crate::scenario::Scenario;
use crate::stage::{Stage, within};
use anyhow::{Context, Result, ensure};
use runner_doctor::diagnosis::Diagnosis;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENT: &str = r#"
about: A dockerd that hangs, with a build in it.
manifest: dind.yaml
inside:
  - nested build {pod} dind build
  - in {pod} dind sh -c 'kill -STOP $(pidof dockerd)'
expect: { exit: 130 }
afterwards:
  - in {pod} dind sh -c 'kill -CONT $(pidof dockerd)'
"#;
/// The longest time that a busy machine takes to start a walk.
const STARTS: Duration = Duration::from_secs(30);
/// After this time the walk is waiting for dockerd.
const WALKING: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(10);

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("interrupted", &scenario)?;
    let pod = stage.pod("")?;
    let before = processes(&pod)?;
    for signal in ["-INT", "-TERM"] {
        let doctor = lab::doctor()
            .args(["check", "-n", &stage.namespace, "-o", "json"])
            .args(["--timeout", "60s", "--deadline", "120s"])
            .stdout(Stdio::piped())
            .spawn()?;
        within(STARTS, || {
            ensure!(processes(&pod)? != before, "no walk is under way");
            Ok(())
        })?;
        std::thread::sleep(WALKING);
        let sent = Instant::now();
        let id = doctor.id().to_string();
        ensure!(Command::new("kill").args([signal, &id]).status()?.success());
        let output = doctor.wait_with_output()?;
        let took = sent.elapsed();
        ensure!(output.status.code() == Some(130), "{:?}", output.status);
        ensure!(took < LIMIT, "it took {took:?}");
        let said: Diagnosis = serde_json::from_slice(&output.stdout).context("no report")?;
        // The interfaces are read before the first request to dockerd.
        let seen = said
            .findings
            .iter()
            .any(|finding| finding.check == "mtu-inversion");
        ensure!(seen, "{:?}", said.unknowns);
        ensure!(
            said.incomplete
                .is_some_and(|why| why.starts_with("interrupted"))
        );
        within(Duration::from_secs(5), || {
            let now = processes(&pod)?;
            ensure!(
                now == before,
                "left in the container: {now}\nbefore it: {before}"
            );
            Ok(())
        })?;
        eprintln!("interrupted ({signal}): {took:.1?}");
    }
    Ok(())
}

/// The processes in the container, without the shell that lists them.
fn processes(pod: &str) -> Result<String> {
    let script = "for p in /proc/[0-9]*; do [ ${p#/proc/} = $$ ] || xargs -0 <$p/cmdline; done";
    let output = lab::command()
        .args(["in", pod, "dind", "sh", "-c", script])
        .output()?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<&str> = listed.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}
