//! Hostile containers: programs that the walk runs are replaced by ones that flood, hang or forge
//! records. The results of that container alone become unknown; runner-doctor ends in time, uses little
//! memory and leaves no process behind.

use crate::fleet::of;
use crate::lab;
use crate::measured::{self, Measured};
use crate::scenario::Scenario;
use crate::stage::{Stage, within};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::time::Duration;

const PATIENTS: &str = include_str!("hostile.yaml");
const LIMIT: Duration = Duration::from_secs(30);
const MOST_MEMORY_KIB: u64 = 400 << 10;
const HONEST: &str = "honest";

struct Lie {
    pod: &'static str,
    program: &'static str,
    script: &'static str,
    /// Part of the reason why its engine's networks must be unknown.
    unknown: &'static str,
    /// Whether its interfaces are read without that program.
    network_is_seen: bool,
}

const LIES: [Lie; 9] = [
    Lie {
        pod: "floods",
        program: "docker",
        script: "exec yes",
        unknown: "request to dockerd on",
        network_is_seen: true,
    },
    // One megabyte per line, and NULs.
    Lie {
        pod: "long-lines",
        program: "docker",
        script: "while :; do head -c 1048576 /dev/zero | tr \"\\0\" x; head -c 1000 /dev/zero; echo; done",
        unknown: "request to dockerd on",
        network_is_seen: true,
    },
    Lie {
        pod: "drips",
        program: "docker",
        script: "while :; do printf x; sleep 0.1; done",
        unknown: "does not respond on",
        network_is_seen: true,
    },
    // A child that holds the stream open and ignores the usual termination signals.
    Lie {
        pod: "stays",
        program: "docker",
        script: "(trap \"\" TERM HUP PIPE INT; exec sleep 1000) & exit 0",
        unknown: "request to dockerd on",
        network_is_seen: true,
    },
    // Forges the end of this record, another record and the end of the walk, with any marker it can find.
    Lie {
        pod: "forges",
        program: "docker",
        script: "m=$(cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr \"\\0\" \"\\n\" | grep -a -o \"rd[0-9a-f]\\{32\\}\" | head -1)\n: ${m:=rd00000000000000000000000000000000}\nprintf \"\\n%s< -\\n\\n%s> self -\\npid 1\\n\\n%s< -\\n\\n%s> end -\\n\\n%s< 0\\n\" $m $m $m $m $m",
        unknown: "request to dockerd on",
        network_is_seen: true,
    },
    Lie {
        pod: "lists-forever",
        program: "ls",
        script: "exec yes",
        unknown: "is not visible from here",
        network_is_seen: false,
    },
    Lie {
        pod: "searches-forever",
        program: "grep",
        script: "exec sleep 1000",
        unknown: "the examination was cut off",
        network_is_seen: false,
    },
    // The container exits during the walk and is restarted.
    Lie {
        pod: "restarts",
        program: "docker",
        script: "kill 1; exec sleep 1000",
        unknown: "the examination was cut off",
        network_is_seen: true,
    },
    Lie {
        pod: "is-no-shell",
        program: "sh",
        script: "exec yes",
        unknown: "printed more than",
        network_is_seen: false,
    },
];

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENTS)?;
    let stage = Stage::set("hostile", &scenario)?;
    for lie in &LIES {
        replace(&stage, lie)?;
    }
    let Measured {
        report,
        took,
        memory_kib: memory,
    } = measured::check(&stage.namespace, &[], LIMIT, MOST_MEMORY_KIB)?;
    let all = |list, pod: &str| {
        of(&report, list, &stage.namespace, pod)
            .cloned()
            .collect::<Vec<Value>>()
    };
    ensure!(
        all("unknowns", HONEST).is_empty(),
        "of the honest one: {:?}",
        all("unknowns", HONEST)
    );
    ensure!(
        inverted(&all("findings", HONEST)),
        "the honest one's networks were not seen"
    );
    let told = |lie: &Lie| tells_no_lie(lie, &all("findings", lie.pod), &all("unknowns", lie.pod));
    let lies = LIES.iter().filter_map(|lie| told(lie).err());
    let lies: Vec<String> = lies.map(|error| error.to_string()).collect();
    ensure!(lies.is_empty(), "{}", lies.join("\n"));
    eprintln!("hostile: {} pods, {took:.1?}, {memory} KiB", LIES.len() + 1);
    nothing_runs_on(&stage)
}

fn replace(stage: &Stage, lie: &Lie) -> Result<()> {
    let pod = stage.pod(lie.pod)?;
    let program = format!("/usr/local/bin/{}", lie.program);
    let mut words = vec!["in", &pod, "dind", "dash", "-c"];
    let write = format!(
        "printf '#!/bin/dash\\n%s\\n' \"$1\" >{program}.new && chmod 755 {program}.new && mv {program}.new {program}"
    );
    words.extend([write.as_str(), "-", lie.script]);
    let output = lab::command().args(&words).output()?;
    ensure!(
        output.status.success(),
        "{}: {}",
        lie.pod,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn inverted(findings: &[Value]) -> bool {
    findings
        .iter()
        .any(|f| f["check"] == "mtu-inversion" && f["subject"] == "docker0")
}

fn tells_no_lie(lie: &Lie, findings: &[Value], unknowns: &[Value]) -> Result<()> {
    ensure!(
        inverted(findings) == lie.network_is_seen,
        "{}: {findings:?}",
        lie.pod
    );
    // The only other findings allowed: the engine does not respond, and what is known from the pod's
    // specification alone.
    let other = |f: &&Value| {
        !matches!(
            f["check"].as_str(),
            Some("mtu-inversion" | "engine-unreachable" | "no-docker-volume")
        ) && f["confidence"] != "predicted"
    };
    if let Some(finding) = findings.iter().find(other) {
        bail!("{}: found {}", lie.pod, finding["message"]);
    }
    let networks = unknowns
        .iter()
        .find(|unknown| unknown["check"] == "mtu-inversion");
    let said = networks.and_then(|unknown| unknown["reason"].as_str());
    let said = said.with_context(|| format!("the networks of {} are not unknown", lie.pod))?;
    ensure!(
        said.contains(lie.unknown) && said.chars().count() < 700,
        "{}: {said}",
        lie.pod
    );
    Ok(())
}

/// No process of the walk is left. Skips the case that replaces the shell: no walk starts there.
fn nothing_runs_on(stage: &Stage) -> Result<()> {
    for lie in LIES.iter().filter(|lie| lie.program != "sh") {
        let pod = stage.pod(lie.pod)?;
        let script = "for p in /proc/[0-9]*/cmdline; do tr \"\\0\" \" \" <$p; echo; done 2>/dev/null | sed -n \"/[h]ead -c\\|[s]leep 1000\\|^yes\\|[d]ial-stdio/p\"";
        within(Duration::from_secs(5), || {
            let output = lab::command()
                .args(["in", &pod, "dind", "dash", "-c", script])
                .output()?;
            let left = String::from_utf8_lossy(&output.stdout);
            ensure!(left.trim().is_empty(), "in {pod} these still run: {left}");
            Ok(())
        })?;
    }
    Ok(())
}
