//! What really happens under a patient: downloads with the black hole on, and `docker run`.

use crate::lab;
use crate::scenario::{Outcome, Truth};
use crate::stage::Stage;
use anyhow::{Result, bail};

const TRIES: usize = 4;

/// A truth as it was measured, and what it speaks about.
pub struct Measured {
    pub pod: String,
    pub about: About,
    pub outcome: Outcome,
    what: String,
}

pub enum About {
    /// The Docker network whose packets were sent: path of the engine, name; nothing where the
    /// container is on the pod's own network.
    Network(Option<(String, String)>),
    /// Path of the engine that was to run a container.
    Engine(String),
    /// Path of the engine that docker commands beside it should reach.
    Client(String),
}

pub fn measure(truths: &[Truth], stage: &Stage) -> Result<Vec<Measured>> {
    let measured = truths.iter().map(|truth| one(truth, stage));
    measured.collect()
}

pub fn in_a_line(truths: &[Measured]) -> String {
    let each = truths.iter().map(|t| format!("{} {:?}", t.what, t.outcome));
    let line = each.collect::<Vec<_>>().join(", ");
    if line.is_empty() {
        "nothing to measure".to_owned()
    } else {
        line
    }
}

fn one(truth: &Truth, stage: &Stage) -> Result<Measured> {
    let pod = stage.pod(truth.pod.as_deref().unwrap_or_default())?;
    let ways = (
        &truth.download,
        &truth.docker_run,
        &truth.client,
        &truth.measure,
    );
    let (measured, said) = match ways {
        (Some(path), None, None, None) => download(pod, path, truth.outcome)?,
        (None, Some(path), None, None) => docker_run(pod, path)?,
        (None, None, Some(client), None) => docker_version(pod, client)?,
        (None, None, None, Some(line)) => by_line(pod, &stage.fill_in(line)?, truth)?,
        _ => bail!("a truth is one of download, docker_run, client and measure: {truth:?}"),
    };
    let Measured { what, outcome, .. } = &measured;
    if *outcome != truth.outcome {
        let expected = truth.outcome;
        bail!("the scenario is not true: {what}: {outcome:?}, not {expected:?}: {said}");
    }
    if let Some(text) = truth.text.as_ref().filter(|text| !said.contains(*text)) {
        bail!("the scenario is not true: {what} does not say {text:?} but: {said}");
    }
    Ok(measured)
}

/// A machine that is busy setting up other scenarios is slow: what should complete gets more time
/// for it, and a connection that did not come about is tried again.
fn download(pod: String, path: &str, expected: Outcome) -> Result<(Measured, String)> {
    let network = network_of(&pod, path)?;
    let seconds = match expected {
        Outcome::Completes => 20,
        Outcome::Hangs => 8,
        _ => 4,
    };
    let mut said = String::new();
    for _ in 0..TRIES {
        lab::lab("blackhole on")?;
        (_, said) = lab::try_lab(&format!("download {pod} {path} {seconds}"))?;
        let is = outcome(&said)?;
        // Another run that ends puts the black hole back as it was.
        let unhindered = is == Outcome::Completes && is != expected && lab::black_hole()? == "off";
        if is == expected || is != Outcome::NoConnection && !unhindered {
            break;
        }
        eprintln!("{pod} {path}: {said}");
    }
    let measured = Measured {
        pod,
        about: About::Network(network),
        outcome: outcome(&said)?,
        what: path.to_owned(),
    };
    Ok((measured, said))
}

fn docker_run(pod: String, path: &str) -> Result<(Measured, String)> {
    lab::lab(&format!("nested load {pod} {path} busybox:1"))?;
    let line = format!("nested docker {pod} {path} run --rm busybox:1 echo it runs");
    let (works, said) = lab::try_lab(&line)?;
    let measured = Measured {
        pod,
        about: About::Engine(path.to_owned()),
        outcome: if works {
            Outcome::Works
        } else {
            Outcome::Fails
        },
        what: format!("docker run in {path}"),
    };
    Ok((measured, said))
}

/// What a step's docker command meets, with the variables of its container.
fn docker_version(pod: String, client: &str) -> Result<(Measured, String)> {
    let (Some((namespace, name)), Some((container, engine))) =
        (pod.split_once('/'), client.split_once(' '))
    else {
        bail!("a client is CONTAINER ENGINE, not {client:?}");
    };
    let line =
        format!("kubectl -n {namespace} exec {name} -c {container} -- timeout 5 docker version");
    let (works, said) = lab::try_lab(&line)?;
    let measured = Measured {
        what: format!("docker version in {container}"),
        about: About::Client(engine.to_owned()),
        outcome: match works {
            true => Outcome::Works,
            false => Outcome::Fails,
        },
        pod,
    };
    Ok((measured, said))
}

fn by_line(pod: String, line: &str, truth: &Truth) -> Result<(Measured, String)> {
    let network = truth.network.as_deref().and_then(|n| n.split_once(' '));
    lab::lab("blackhole on")?;
    let (completes, said) = lab::try_lab(line)?;
    let outcome = match completes {
        true => Outcome::Completes,
        false => Outcome::Hangs,
    };
    let measured = Measured {
        pod,
        about: About::Network(network.map(|(a, b)| (a.to_owned(), b.to_owned()))),
        outcome,
        what: "download".to_owned(),
    };
    Ok((measured, said))
}

fn outcome(said: &str) -> Result<Outcome> {
    match said.lines().next().unwrap_or_default() {
        "completes" => Ok(Outcome::Completes),
        "hangs" => Ok(Outcome::Hangs),
        "no connection" => Ok(Outcome::NoConnection),
        _ => bail!("lab download says {said:?}"),
    }
}

/// The network of the container at a path, asked of Docker itself: one that shares the network of
/// its engine's container has that one's.
fn network_of(pod: &str, path: &str) -> Result<Option<(String, String)>> {
    let Some((engine, name)) = path.rsplit_once('/') else {
        return Ok(None);
    };
    let mut name = name.to_owned();
    loop {
        let line = format!(
            "nested docker {pod} {engine} inspect --format '{{{{.HostConfig.NetworkMode}}}}' {name}"
        );
        let mode = lab::lab(&line)?;
        match mode.strip_prefix("container:") {
            Some(other) => name = other.to_owned(),
            None if mode == "host" => return network_of(pod, engine),
            None => {
                let network = match mode.as_str() {
                    "default" | "bridge" => default_bridge(pod, engine)?,
                    other => other.to_owned(),
                };
                return Ok(Some((engine.to_owned(), network)));
            }
        }
    }
}

/// What the default bridge of an engine is called; people know it by the device.
fn default_bridge(pod: &str, engine: &str) -> Result<String> {
    let name = r#"{{index .Options "com.docker.network.bridge.name"}}"#;
    lab::lab(&format!(
        "nested docker {pod} {engine} network inspect --format '{name}' bridge"
    ))
}
