//! Runs the real `runner-doctor` on a patient, and compares its results with what is expected and
//! what was measured.

use crate::lab;
use crate::scenario::{ExpectedFinding, ExpectedUnknown, Outcome, Scenario};
use crate::stage::Stage;
use crate::truth::{About, Measured};
use anyhow::{Context, Result, bail};
use runner_doctor::diagnosis::{Diagnosis, Finding, Severity, Unknown};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const MTU: &str = "mtu-inversion";
const BLACK_HOLE: &str = "path-mtu-black-hole";
const POD_BLACK_HOLE: &str = "pod-path-black-hole";
/// The check for engines that cannot run containers.
const UNREACHABLE: &str = "engine-unreachable";
const NO_RUN: [&str; 5] = [
    "oom-score-overflow",
    "disk-full",
    "inodes-exhausted",
    "image-store-on-overlay",
    "runtime-missing",
];

pub struct Found {
    exit: i32,
    seconds: f64,
    said: String,
    /// None if the check failed to run.
    diagnosis: Option<Diagnosis>,
    /// The diagnosis of the same patient's recording, if one could be made.
    replayed: Option<Diagnosis>,
    recording: PathBuf,
}

pub fn examine(scenario: &Scenario, stage: &Stage) -> Result<Found> {
    let kubeconfig = stage.kubeconfig(scenario.check.service_account.as_deref())?;
    let recording = stage.file("evidence.yaml")?;
    let namespace = stage.namespace.as_str();
    let doctor = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner-doctor"));
        command.env("KUBECONFIG", &kubeconfig);
        command
    };
    if let Some(path) = &scenario.check.inside {
        return from_inside(scenario, stage, path, recording);
    }
    let started = Instant::now();
    let output = std::thread::scope(|scope| {
        let meanwhile = scope.spawn(|| -> Result<()> {
            for line in &scenario.meanwhile {
                lab::lab(&stage.fill_in(line)?)?;
            }
            Ok(())
        });
        let output = doctor()
            .args(["check", "-n", namespace, "-o", "json"])
            .args(&scenario.check.args)
            .output();
        match meanwhile.join() {
            Ok(done) => done.map(|()| output),
            Err(_) => bail!("what was to happen meanwhile panicked"),
        }
    })??;
    let seconds = started.elapsed().as_secs_f64();
    doctor()
        .args(["collect", "-n", namespace, "--output-file"])
        .arg(&recording)
        .args(told(
            &scenario.check.args,
            &["--confirm", "--sample", "--checks-dir", "--startup-grace"],
        ))
        .output()?;
    Ok(Found {
        exit: output.status.code().context("it was killed")?,
        seconds,
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
        diagnosis: diagnosis(&output.stdout)?,
        replayed: replay(&recording, &scenario.check.args)?,
        recording,
    })
}

/// Those of `flags` that are among the arguments, with their values: the recording must contain the same
/// data as the check, and be evaluated by the same checks.
fn told<'a>(arguments: &'a [String], flags: &[&str]) -> Vec<&'a str> {
    let pairs = arguments.windows(2);
    let told = pairs.filter(|pair| flags.contains(&pair[0].as_str()));
    let mut told: Vec<&str> = told.flatten().map(String::as_str).collect();
    let switch = "--allow-probes";
    if told.contains(&"--checks-dir") && arguments.iter().any(|argument| argument == switch) {
        told.push(switch);
    }
    told
}

/// Runs it as a pipeline step would: without a cluster, in its own container.
fn from_inside(
    scenario: &Scenario,
    stage: &Stage,
    path: &str,
    recording: PathBuf,
) -> Result<Found> {
    let pod = stage.pod("")?;
    let program = env!("CARGO_BIN_EXE_runner-doctor");
    let arguments = scenario.check.args.join(" ");
    let started = Instant::now();
    let line = format!("doctor {pod} {path} {program} check -o json {arguments}");
    let (exit, json, said) = lab::whole(&line)?;
    Ok(Found {
        exit,
        seconds: started.elapsed().as_secs_f64(),
        said,
        diagnosis: diagnosis(&json)?,
        replayed: None,
        recording,
    })
}

fn replay(recording: &Path, arguments: &[String]) -> Result<Option<Diagnosis>> {
    if !recording.exists() {
        return Ok(None);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_runner-doctor"))
        .args(["check", "-o", "json", "--evidence"])
        .arg(recording)
        .args(told(arguments, &["--check", "--checks-dir"]))
        .output()?;
    diagnosis(&output.stdout)
}

fn diagnosis(json: &[u8]) -> Result<Option<Diagnosis>> {
    if json.is_empty() {
        return Ok(None);
    }
    let diagnosis = serde_json::from_slice(json).context("its report cannot be read")?;
    Ok(Some(diagnosis))
}

impl Found {
    fn findings(&self) -> &[Finding] {
        self.diagnosis.as_ref().map_or(&[], |d| &d.findings)
    }

    fn unknowns(&self) -> &[Unknown] {
        self.diagnosis.as_ref().map_or(&[], |d| &d.unknowns)
    }

    pub fn in_a_line(&self) -> String {
        let found = self.findings().iter().map(|f| {
            let engine = f.engine.as_deref().unwrap_or("-");
            format!("{} {engine} {}", f.check, f.subject)
        });
        let unknown = self.unknowns().iter().map(|u| format!("? {}", u.check));
        let all: Vec<String> = found.chain(unknown).collect();
        format!("exit {}: {}", self.exit, all.join(", "))
    }

    /// Reports every mismatch in one error.
    pub fn compare(&self, scenario: &Scenario, truths: &[Measured]) -> Result<()> {
        let expect = &scenario.expect;
        let mut wrong = Vec::new();
        if self.exit != expect.exit {
            wrong.push(format!("exit code {}, not {}", self.exit, expect.exit));
        }
        if let Some(text) = expect.says.as_ref().filter(|t| !self.said.contains(*t)) {
            wrong.push(format!("it does not say {text:?} on standard error"));
        }
        if let Some(most) = scenario.check.within.filter(|most| self.seconds > *most) {
            wrong.push(format!("it took {:.1} s, not {most} s", self.seconds));
        }
        let findings = self.findings();
        match_all(&mut wrong, "finding", &expect.findings, findings, |e, f| {
            e.is(f)
        });
        let unknowns = self.unknowns();
        match_all(&mut wrong, "unknown", &expect.unknowns, unknowns, |e, u| {
            e.is(u)
        });
        // From inside, the same networks have other names.
        if scenario.check.inside.is_none() {
            wrong.extend(truths.iter().filter_map(|truth| self.disagreement(truth)));
        }
        wrong.extend(self.replay_differs());
        if wrong.is_empty() {
            return Ok(());
        }
        bail!(
            "{}\nit said: {}\n{}evidence: {}",
            wrong.join("\n"),
            self.in_a_line(),
            self.said,
            self.recording.display()
        )
    }

    /// Where the diagnosis contradicts the measurement, whatever the scenario file expects.
    fn disagreement(&self, truth: &Measured) -> Option<String> {
        let of_pod = |runner: &str| runner == truth.pod;
        let errors = |checks: &[&str], engine: &str, subject: Option<&str>| {
            self.findings().iter().any(|f| {
                of_pod(&f.runner)
                    && checks.contains(&f.check.as_str())
                    && f.severity == Severity::Error
                    && f.engine.as_deref() == Some(engine)
                    && subject.is_none_or(|subject| f.subject == subject)
            })
        };
        let pod_hangs = self
            .findings()
            .iter()
            .any(|f| of_pod(&f.runner) && f.check == POD_BLACK_HOLE);
        let open = |check: &str| {
            let mut unknowns = self.unknowns().iter();
            unknowns.any(|u| of_pod(&u.runner) && u.check == check)
        };
        let (found, open, what) = match &truth.about {
            About::Client(engine) => (
                errors(&[UNREACHABLE], engine, None),
                open(UNREACHABLE),
                format!("docker commands beside {engine}"),
            ),
            About::Network(None) => return None,
            About::Network(Some((engine, network))) => (
                errors(&[MTU, BLACK_HOLE], engine, Some(network)) || pod_hangs,
                open(MTU),
                format!("network {network} of {engine}"),
            ),
            About::Engine(engine) => (
                errors(&NO_RUN, engine, None),
                NO_RUN.iter().any(|check| open(check)),
                engine.clone(),
            ),
        };
        match (truth.outcome, found) {
            (Outcome::Hangs | Outcome::Fails, false) if self.diagnosis.is_some() && !open => Some(
                format!("{what}: {:?}, and the doctor passes it", truth.outcome),
            ),
            (Outcome::Completes | Outcome::Works, true) => Some(format!(
                "{what}: {:?}, and the doctor finds fault",
                truth.outcome
            )),
            _ => None,
        }
    }

    fn replay_differs(&self) -> Option<String> {
        let (live, replayed) = (self.diagnosis.as_ref()?, self.replayed.as_ref()?);
        // Messages are not compared: the state of a crashing container differs between the two moments.
        let judged = |d: &Diagnosis| -> BTreeSet<String> {
            let found = d.findings.iter();
            let found = found.map(|f| format!("{} {} ({})", f.check, f.subject, f.fingerprint));
            let open = d.unknowns.iter();
            let open = open.map(|u| format!("? {} {:?} {:?}", u.check, u.engine, u.subject));
            found.chain(open).collect()
        };
        let (live, replayed) = (judged(live), judged(replayed));
        let only = |these: &BTreeSet<String>, those: &BTreeSet<String>| {
            let only: Vec<&str> = these.difference(those).map(String::as_str).collect();
            only.join(", ")
        };
        (live != replayed).then(|| {
            format!(
                "its recording is judged otherwise: only live [{}], only recorded [{}]; live: {:?}",
                only(&live, &replayed),
                only(&replayed, &live),
                self.unknowns()
                    .iter()
                    .map(|u| &u.reasons)
                    .collect::<Vec<_>>()
            )
        })
    }
}

/// Each expected item is found exactly once, and no other.
fn match_all<E: std::fmt::Debug, T: std::fmt::Debug>(
    wrong: &mut Vec<String>,
    what: &str,
    expected: &[E],
    found: &[T],
    fits: impl Fn(&E, &T) -> bool,
) {
    let mut left: Vec<&T> = found.iter().collect();
    for one in expected {
        match left.iter().position(|item| fits(one, item)) {
            Some(at) => drop(left.remove(at)),
            None => wrong.push(format!("missing {what}: {one:?}")),
        }
    }
    wrong.extend(
        left.iter()
            .map(|item| format!("one {what} too many: {item:?}")),
    );
}

impl ExpectedFinding {
    fn is(&self, finding: &Finding) -> bool {
        let word = |value: serde_json::Value| value.as_str().map(str::to_owned);
        let severity = serde_json::to_value(finding.severity).ok().and_then(word);
        let confidence = serde_json::to_value(finding.confidence).ok().and_then(word);
        self.check == finding.check
            && fits(&self.engine, &finding.engine)
            && like(&self.subject, &finding.subject)
            && of_runner(self.runner.as_ref(), &finding.runner)
            && self
                .severity
                .as_ref()
                .is_none_or(|s| Some(s) == severity.as_ref())
            && self
                .confidence
                .as_ref()
                .is_none_or(|c| Some(c) == confidence.as_ref())
            && self
                .says
                .as_ref()
                .is_none_or(|text| finding.message.contains(text))
    }
}

impl ExpectedUnknown {
    fn is(&self, unknown: &Unknown) -> bool {
        self.check == unknown.check
            && fits(&self.engine, &unknown.engine)
            && fits(&self.subject, &unknown.subject)
            && of_runner(self.runner.as_ref(), &unknown.runner)
            && self
                .says
                .as_ref()
                .is_none_or(|text| unknown.reason().contains(text))
    }
}

/// A value that is not expected must be absent.
fn fits(wanted: &Option<String>, is: &Option<String>) -> bool {
    match (wanted, is) {
        (None, None) => true,
        (Some(wanted), Some(is)) => like(wanted, is),
        _ => false,
    }
}

fn of_runner(prefix: Option<&String>, runner: &str) -> bool {
    let pod = runner.rsplit('/').next().unwrap_or(runner);
    prefix.is_none_or(|prefix| pod.starts_with(prefix))
}

/// `*` matches any text.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}
