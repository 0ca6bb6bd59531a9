//! Misbehaving kubelets, which a single node cannot show. Each odd pod of the fleet fails in its own way:
//! runner-doctor must report it for that pod, examine all others, and end in time.

use crate::lab;
use crate::measured::{self, Measured};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NAMESPACE: &str = "lab-fleet";
const ORDINARY: usize = 20;
/// runner-doctor waits 10 seconds for a walk, and a little longer for its stream.
const LIMIT: Duration = Duration::from_secs(30);
/// Sixteen concurrent streams, each at runner-doctor's read limit.
const MOST_MEMORY_KIB: u64 = 400 << 10;

/// Name prefixes of the pods, which select their behaviour, and part of the unknown's expected reason.
const ODD: [(&str, Option<&str>); 7] = [
    ("never-answers", Some("timed out after")),
    ("never-ends", None),
    ("cut", Some("the examination was cut off before")),
    ("floods", Some("printed more than")),
    ("lies", Some("did not run the examination script")),
    ("drips", Some("the examination was cut off before")),
    ("fails", Some("container is not running")),
];

pub fn examine() -> Result<()> {
    let fleet = Fleet::stand()?;
    let Measured {
        report,
        took,
        memory_kib: memory,
    } = measured::check(NAMESPACE, &["--no-node-exec"], LIMIT, MOST_MEMORY_KIB)?;
    for at in 0..ORDINARY {
        found_all(&report, &format!("runner-{at:05}"))?;
    }
    for (pod, reason) in ODD {
        match reason {
            Some(reason) => unknown(&report, pod, reason)?,
            // The stream is complete but never closed.
            None => found_all(&report, pod)?,
        }
    }
    eprintln!(
        "fleet: {} pods of which {} misbehave, {took:.1?}, {memory} KiB",
        ORDINARY + ODD.len(),
        ODD.len()
    );
    drop(fleet);
    Ok(())
}

/// The recorded walk yields all its findings despite the misbehaving neighbours.
fn found_all(report: &Value, pod: &str) -> Result<()> {
    let inversions = of(report, "findings", NAMESPACE, pod)
        .filter(|finding| finding["check"] == "mtu-inversion")
        .count();
    ensure!(inversions == 2, "{pod} has {inversions} inversions, not 2");
    Ok(())
}

/// Checks that need the walk are unknown, and there are no findings without data.
fn unknown(report: &Value, pod: &str, reason: &str) -> Result<()> {
    let network =
        of(report, "unknowns", NAMESPACE, pod).find(|unknown| unknown["check"] == "mtu-inversion");
    let said = network.and_then(|unknown| unknown["reason"].as_str());
    let said = said.with_context(|| format!("the networks of {pod} are not unknown"))?;
    ensure!(said.contains(reason), "{pod}: {said}");
    if let Some(finding) = of(report, "findings", NAMESPACE, pod).next() {
        bail!("{pod}: found {}", finding["message"]);
    }
    Ok(())
}

pub fn of<'a>(
    report: &'a Value,
    list: &str,
    namespace: &str,
    pod: &str,
) -> impl Iterator<Item = &'a Value> {
    let runner = format!("{namespace}/{pod}");
    let all = report[list].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().filter(move |entry| entry["runner"] == runner)
}

/// Stopped with a signal on drop.
struct Fleet(Child);

impl Fleet {
    fn stand() -> Result<Fleet> {
        let odd: Vec<&str> = ODD.iter().map(|(name, _)| *name).collect();
        let mut fleet = lab::command()
            .args(["fleet", "-nodes", "2", "-namespace", NAMESPACE])
            .args([
                "-pods",
                &ORDINARY.to_string(),
                "-behaviours",
                &odd.join(","),
            ])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = fleet.stdout.take().context("the fleet has no output")?;
        let fleet = Fleet(fleet);
        let first = BufReader::new(output).lines().next().transpose()?;
        ensure!(
            first.as_deref() == Some("ready"),
            "the fleet did not come up"
        );
        Ok(fleet)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        if let Err(error) = told.and_then(|_| self.0.wait()) {
            eprintln!("the fleet did not end: {error}");
        }
    }
}
