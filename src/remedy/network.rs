//! Where an engine is found, which addresses its networks have, what its firewall lets pass, and who
//! resolves names.

use super::{Patient, place, template};
use crate::diagnosis::{Remedy, Site};
use crate::evidence::subnet::Subnet;
use crate::evidence::{Outermost, Role};
use crate::shell;

pub fn cure(patient: &Patient, want: &str, value: &str) -> Vec<Remedy> {
    match want {
        "engine_flags" => flags(patient, "give its dockerd the flags itself", value),
        "engine_range" => range(patient, value),
        "engine_command" => vec![command(patient, value)],
        "docker_host" => docker_host(patient, value),
        "name_server" => vec![name_server(patient, value)],
        _ => Vec::new(),
    }
}

/// Flags for dockerd, wherever it is started.
fn flags(patient: &Patient, what: &str, flags: &str) -> Vec<Remedy> {
    let list: Vec<String> = flags.split(' ').map(quoted).collect();
    let list = list.join(", ");
    let words: Vec<String> = flags.split(' ').map(flag).collect();
    let path = patient.path;
    let remedy = match patient.place().site {
        Site::BitbucketPipelines => Remedy::new(
            format!(
                "For the docker service of the pipeline: {what}, in an image of your own, which definitions.services.docker names"
            ),
            format!("FROM {}\nCMD [{list}]", image(patient)),
        ),
        Site::Gitlab => Remedy::new(
            format!("In .gitlab-ci.yml: {what}"),
            format!("services:\n- name: {}\n  command: [{list}]", image(patient)),
        ),
        Site::Elsewhere => Remedy::new(
            format!("Where {path} is started: {what}"),
            format!("dockerd {}", words.join(" ")),
        ),
        _ => Remedy::new(
            format!(
                "{}, container {path}: {what}",
                place::words(&patient.place())
            ),
            format!(
                "{}:\n- name: {path}\n  args: [{list}]",
                template::list(is_init(patient))
            ),
        ),
    };
    vec![remedy]
}

/// A flag as a shell's word, with its value plain where nothing in that acts.
fn flag(word: &str) -> String {
    match word.split_once('=') {
        Some((name, value)) => format!("{}={}", shell::word(name), shell::word(value)),
        None => shell::word(word),
    }
}

fn image(patient: &Patient) -> String {
    let image = patient.engine.and_then(|engine| engine.image.observed());
    image
        .cloned()
        .unwrap_or_else(|| "docker:VERSION-dind".to_owned())
}

fn is_init(patient: &Patient) -> bool {
    patient
        .pod_container()
        .is_some_and(|container| container.init)
}

/// In JSON's quotes, which YAML and a Dockerfile understand too.
fn quoted(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

/// The default bridge takes the first part of the range, networks made after it the others.
fn range(patient: &Patient, range: &str) -> Vec<Remedy> {
    let Some((address, _)) = range
        .split_once('/')
        .filter(|_| Subnet::parse(range).is_some())
    else {
        return Vec::new();
    };
    let Some(start) = address.strip_suffix(".0") else {
        return Vec::new();
    };
    let wanted = format!("--bip={start}.1/24 --default-address-pool=base={range},size=24");
    let what = "addresses from a range that nothing in your network uses, for example";
    let mut cures = flags(patient, what, &wanted);
    cures.push(Remedy {
        together: true,
        ..Remedy::new(
            "A network that was given a subnet of its own must be made anew without it",
            "docker network rm NAME\ndocker network create NAME",
        )
    });
    cures
}

/// A command in the namespace of the engine, for now.
fn command(patient: &Patient, command: &str) -> Remedy {
    let runner = patient.runner;
    let title = "Let it pass now, until its dockerd starts anew";
    match (runner.outermost, patient.is_nested()) {
        (Outermost::Pod, false) => Remedy::new(
            title,
            format!(
                "kubectl -n {} exec {} -c {} -- {command}",
                shell::word(&runner.namespace),
                shell::word(&runner.pod),
                shell::word(patient.path)
            ),
        ),
        (Outermost::Pod, true) => Remedy::new(
            format!("{title}: in the container {}", patient.path),
            command,
        ),
        _ => Remedy::new(format!("{title}: as root"), command),
    }
}

fn docker_host(patient: &Patient, host: &str) -> Vec<Remedy> {
    let mut runners = patient.runner.containers.iter();
    let Some(asks) = runners.find(|container| container.role == Role::Runner) else {
        return Vec::new();
    };
    let mut env = format!("  - name: DOCKER_HOST\n    value: {}", quoted(host));
    if host.ends_with(":2376") {
        env.push_str(
            "\n  - name: DOCKER_TLS_VERIFY\n    value: \"1\"\n  - name: DOCKER_CERT_PATH   # a volume that it shares with its engine's /certs\n    value: /certs/client",
        );
    }
    vec![Remedy::new(
        format!(
            "{}, container {}: ask the engine where it listens",
            place::words(&place::pod(patient.runner)),
            asks.name
        ),
        format!(
            "{}:\n- name: {}\n  env:\n{env}",
            template::list(asks.init),
            asks.name
        ),
    )]
}

fn name_server(patient: &Patient, place: &str) -> Remedy {
    match (patient.runner.outermost, place) {
        (Outermost::Pod, "pod") => Remedy::new(
            format!(
                "{}: let the cluster resolve names",
                place::words(&place::pod(patient.runner))
            ),
            "dnsPolicy: ClusterFirst",
        ),
        (_, "pod") => Remedy::new(
            "Name a server that can be reached from here, in /etc/resolv.conf",
            "nameserver ADDRESS",
        ),
        _ => Remedy::new(
            format!("Where {place} is started, name a server that it can reach"),
            "docker run --dns ADDRESS …",
        ),
    }
}
