//! Where an engine is found, which addresses its networks have, what its firewall lets pass, and who
//! resolves names.

use super::{Patient, container, place, template};
use crate::diagnosis::{Remedy, Site};
use crate::evidence::{Outermost, Role};
use crate::facts::subnet::Subnet;
use crate::text::shell;

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
    vec![container::lines(
        patient,
        &asks.name,
        asks.init,
        "ask the engine where it listens",
        &format!("  env:\n{env}"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;
    use crate::evidence::Provider;

    /// What is to be pasted for the pod's engine, and for the one inside it.
    fn told(want: &str, value: &str) -> [String; 2] {
        let runner = healthy().unwrap().runners.remove(0);
        assert_eq!(runner.provider, Provider::Bitbucket);
        ["docker-in-docker", "docker-in-docker/bb_docker"].map(|path| {
            let engines = runner.engines.seen();
            let patient = Patient {
                runner: &runner,
                path,
                engine: engines.iter().find(|engine| engine.path == path),
            };
            let cures = cure(&patient, want, value).into_iter();
            cures
                .map(|cure| cure.snippet)
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    #[test]
    fn flags_go_where_the_engine_is_started() {
        let [pod, nested] = told("engine_flags", "--mtu=1300 --ipv6");
        assert_eq!(
            pod,
            "containers:\n- name: docker-in-docker\n  args: [\"--mtu=1300\", \"--ipv6\"]"
        );
        assert_eq!(
            nested,
            "FROM docker:25.0.5-dind\nCMD [\"--mtu=1300\", \"--ipv6\"]"
        );
        assert_eq!(flag("--mtu=$(reboot)"), "--mtu='$(reboot)'");
    }

    #[test]
    fn a_range_is_split_between_the_default_bridge_and_the_others() {
        let [pod, _] = told("engine_range", "172.29.0.0/16");
        let flags =
            "\"--bip=172.29.0.1/24\", \"--default-address-pool=base=172.29.0.0/16,size=24\"";
        assert!(pod.contains(flags), "{pod}");
        assert_eq!(told("engine_range", "none")[0], "");
    }

    #[test]
    fn commands_reach_the_pod_by_kubectl() {
        let [pod, nested] = told("engine_command", "iptables-nft -P FORWARD ACCEPT");
        let exec = "kubectl -n bitbucket-runner exec runner-2jpsg -c docker-in-docker -- ";
        assert_eq!(pod, format!("{exec}iptables-nft -P FORWARD ACCEPT"));
        assert_eq!(nested, "iptables-nft -P FORWARD ACCEPT");
    }

    #[test]
    fn the_port_for_tls_goes_with_certificates() {
        let [plain, _] = told("docker_host", "tcp://localhost:2375");
        assert!(
            plain.ends_with("value: \"tcp://localhost:2375\""),
            "{plain}"
        );
        let [tls, _] = told("docker_host", "tcp://localhost:2376");
        assert!(tls.contains("DOCKER_CERT_PATH"), "{tls}");
    }

    #[test]
    fn names_are_resolved_by_the_cluster_or_by_a_server_that_is_named() {
        assert_eq!(told("name_server", "pod")[0], "dnsPolicy: ClusterFirst");
        let nested = &told("name_server", "docker-in-docker/bb_docker/build")[1];
        assert!(nested.starts_with("docker run --dns"), "{nested}");
    }
}
