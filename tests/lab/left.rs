//! Nothing is left behind: the process table of an engine's container, dead children counted, is the
//! same after checks that ended, were cut off or met a daemon that hangs, with a PID 1 that reaps and
//! with one that does not.

use crate::lab;
use crate::scenario::Scenario;
use crate::stage::{Stage, within};
use anyhow::{Result, ensure};
use std::process::{Command, Stdio};
use std::time::Duration;

const PODS: &str = r#"
about: One engine whose PID 1 reaps nobody else's children, and one whose does.
manifest:
  - apiVersion: v1
    kind: Pod
    metadata: { name: dockerd }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - { name: dind, image: "docker:20.10.24-dind", securityContext: &root { privileged: true }, command: [dockerd] }
  - apiVersion: v1
    kind: Pod
    metadata: { name: shell }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: dind
          image: docker:20.10.24-dind
          securityContext: *root
          command: [bash, -c, "dockerd & trap 'kill %1; exit' TERM; while :; do wait; sleep 1; done"]
inside:
  - nested build {pod:dockerd} dind build
  - nested build {pod:shell} dind build
expect: { exit: 0 }
"#;
const CHECKS: usize = 20;
/// Moments at which the walk is at work in the container.
const CUTS: [Duration; 4] = [
    Duration::from_millis(150),
    Duration::from_millis(250),
    Duration::from_millis(350),
    Duration::from_millis(500),
];

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PODS)?;
    let stage = Stage::set("left", &scenario)?;
    for name in ["dockerd", "shell"] {
        let pod = stage.pod(name)?;
        let before = processes(&pod)?;
        for _ in 0..CHECKS {
            ensure!(check(&stage, name, "10s")?.wait()?.code() != Some(2));
        }
        same(&pod, &before, "checks that ended")?;
        for moment in CUTS {
            for signal in ["-INT", "-TERM", "-KILL"] {
                cut(&stage, name, moment, signal)?;
            }
        }
        same(&pod, &before, "checks that were cut off")?;
        lab::lab(&format!(
            "in {pod} dind sh -c 'kill -STOP $(pidof dockerd)'"
        ))?;
        check(&stage, name, "2s")?.wait()?;
        cut(&stage, name, Duration::from_secs(1), "-KILL")?;
        lab::lab(&format!(
            "in {pod} dind sh -c 'kill -CONT $(pidof dockerd)'"
        ))?;
        same(&pod, &before, "checks of a daemon that hangs")?;
    }
    Ok(())
}

fn check(stage: &Stage, pod: &str, step: &str) -> Result<std::process::Child> {
    Ok(lab::doctor()
        .args(["check", pod, "-n", &stage.namespace, "--timeout", step])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?)
}

fn cut(stage: &Stage, pod: &str, moment: Duration, signal: &str) -> Result<()> {
    let mut doctor = check(stage, pod, "10s")?;
    std::thread::sleep(moment);
    let id = doctor.id().to_string();
    Command::new("kill").args([signal, &id]).status()?;
    doctor.wait()?;
    Ok(())
}

fn same(pod: &str, before: &str, after: &str) -> Result<()> {
    within(Duration::from_secs(15), || {
        let now = processes(pod)?;
        ensure!(
            now == before,
            "{pod}, after {after}: {now}\nbefore: {before}"
        );
        Ok(())
    })
}

/// The name and state of every process, but for the one who asks and what a PID 1 does meanwhile.
fn processes(pod: &str) -> Result<String> {
    let script = "for f in /proc/[0-9]*/stat; do read -r pid name state rest <$f && \
                  [ $pid != $$ ] && echo $name $state; done | sed 's/ [^Z]$//'";
    let output = lab::command()
        .args(["in", pod, "dind", "sh", "-c", script])
        .output()?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let of_ours = |line: &&str| !matches!(*line, "(sh)" | "(sed)" | "(sleep)");
    let mut lines: Vec<&str> = listed.lines().filter(of_ours).collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}
