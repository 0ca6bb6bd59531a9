//! The engine that Bitbucket starts for a step, which is in no manifest: every printed fix for it is
//! built, named and started as Bitbucket would, and then a download must complete.

use crate::cures::{check, in_a_line};
use crate::lab;
use crate::scenario::{Scenario, Truth};
use crate::stage::Stage;
use crate::truth;
use anyhow::{Context, Result, ensure};
use runner_doctor::diagnosis::{Diagnosis, Finding};
use serde_json::{Value, json};

const PATIENT: &str = include_str!("step-engines.yaml");
const OUTER: &str = "docker-in-docker";
const NETWORK: &str = "tests";
/// A Dockerfile per Docker version, and DOCKER_OPTS for the stock image and for one that already sets it.
const WAYS: usize = 4;

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(PATIENT)?;
    let stage = Stage::set("cure-step-engines", &scenario)?;
    truth::measure(&scenario.truth, &stage)?;
    let (exit, sick) = check(&stage, &[])?;
    ensure!(
        exit == scenario.expect.exit,
        "check ends with {exit} before"
    );
    let pod = stage.pod("")?;
    let services = services(&sick)?;
    ensure!(
        services.len() == WAYS,
        "{} ways to cure are printed: {services:?}; {}, unknown {:?}",
        services.len(),
        in_a_line(&sick),
        sick.unknowns
    );
    lab::lab(&format!(
        "nested docker {pod} {OUTER} rm -f on-{NETWORK} docker-20-5 docker-20 docker-26 docker-opts"
    ))?;
    anew(&pod, &sick)?;
    let mut cured = vec![completes(&format!("{OUTER}/on-{NETWORK}"))?];
    for (number, service) in services.iter().enumerate() {
        cured.extend(service.start(&pod, &format!("cured-{number}"))?);
    }
    let after = truth::measure(&cured, &stage)?;
    let (exit, well) = check(&stage, &[])?;
    ensure!(
        exit == 0,
        "check ends with {exit} after: {}",
        in_a_line(&well)
    );
    eprintln!(
        "cure-step-engines: {} => {}",
        truth::in_a_line(&after),
        in_a_line(&well)
    );
    Ok(())
}

/// The user-defined network as printed for Docker before 24.
fn anew(pod: &str, sick: &Diagnosis) -> Result<()> {
    let mut of_network = sick.findings.iter().filter(|f| f.subject == NETWORK);
    let finding = of_network.next().context("the user network is not found")?;
    let command = finding.remedies[0].snippet.replace("NAME", NETWORK);
    lab::lab(&format!("nested docker {pod} {OUTER} network rm {NETWORK}"))?;
    lab::lab(&format!("in {pod} {OUTER} sh -c {}", quoted(&command)))?;
    lab::lab(&format!(
        "nested build {pod} {OUTER} on-{NETWORK} --network {NETWORK}"
    ))?;
    Ok(())
}

/// The docker service of a bitbucket-pipelines.yml.
#[derive(Debug, PartialEq)]
pub struct Service {
    dockerfile: Option<String>,
    image: String,
    options: Option<String>,
}

/// One per remedy for that file; several engines may share one.
fn services(sick: &Diagnosis) -> Result<Vec<Service>> {
    let nested = sick.findings.iter().filter(|finding| {
        let engine = finding.engine.as_deref().unwrap_or_default();
        finding.check == "mtu-inversion" && engine.contains('/')
    });
    let pasted = |finding: &Finding| -> Vec<String> {
        let snippets = finding.remedies.iter().map(|remedy| remedy.snippet.clone());
        snippets
            .filter(|text| text.contains("definitions:"))
            .collect()
    };
    let mut services: Vec<Service> = Vec::new();
    for text in nested.flat_map(pasted) {
        let service = Service::read(&text)?;
        if !services.contains(&service) {
            services.push(service);
        }
    }
    Ok(services)
}

impl Service {
    fn read(text: &str) -> Result<Service> {
        match text.split_once("# bitbucket-pipelines.yml\n") {
            Some((first, second)) => Service::of(first.strip_prefix("# Dockerfile\n"), second),
            None => Service::of(None, text),
        }
    }

    /// A whole bitbucket-pipelines.yml, with the Dockerfile in its comments.
    pub fn read_pipelines(text: &str) -> Result<Service> {
        let comments = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("#   "));
        let dockerfile = comments.collect::<Vec<_>>().join("\n");
        Service::of(Some(&dockerfile), text)
    }

    fn of(dockerfile: Option<&str>, pipelines: &str) -> Result<Service> {
        let pipelines: Value = serde_saphyr::from_str(pipelines)?;
        let docker = &pipelines["definitions"]["services"]["docker"];
        let own = "rewardenv/docker:20.10.7-dind";
        Ok(Service {
            dockerfile: dockerfile.map(|text| text.trim().to_owned()),
            // As a user with their own registry would.
            image: docker["image"]
                .as_str()
                .unwrap_or(own)
                .replace("YOUR-REGISTRY", "registry.example"),
            options: docker["variables"]["DOCKER_OPTS"]
                .as_str()
                .map(str::to_owned),
        })
    }

    /// Starts it and a build in it, and returns what must then be true.
    pub fn start(&self, pod: &str, name: &str) -> Result<Vec<Truth>> {
        let Service {
            dockerfile,
            image,
            options,
        } = self;
        if let Some(text) = dockerfile {
            let build = format!("docker build -q -t {image} - <<'E'\n{text}\nE");
            lab::lab(&format!("in {pod} {OUTER} sh -c {}", quoted(&build)))?;
        }
        let options = options
            .as_ref()
            .map(|text| format!("-e DOCKER_OPTS={}", quoted(text)));
        let options = options.unwrap_or_default();
        let path = format!("{OUTER}/{name}");
        lab::lab(&format!(
            "nested engine {pod} {OUTER} {name} {options} {image}"
        ))?;
        lab::lab(&format!("nested build {pod} {path} build"))?;
        let mtu = lab::lab(&format!(
            "in {pod} {path}/build cat /sys/class/net/eth0/mtu"
        ))?;
        ensure!(mtu == "1450", "the third level of {self:?} is at {mtu}");
        let mut truths = vec![completes(&format!("{path}/build"))?];
        if dockerfile
            .as_ref()
            .is_some_and(|text| text.contains("default-network-opts"))
        {
            lab::lab(&format!(
                "nested docker {pod} {path} network create {NETWORK}"
            ))?;
            lab::lab(&format!(
                "nested build {pod} {path} on-{NETWORK} --network {NETWORK}"
            ))?;
            truths.push(completes(&format!("{path}/on-{NETWORK}"))?);
        }
        Ok(truths)
    }
}

fn completes(path: &str) -> Result<Truth> {
    Ok(serde_json::from_value(
        json!({ "download": path, "outcome": "completes" }),
    )?)
}

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
