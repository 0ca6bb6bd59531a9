//! Where an engine is found, which addresses its networks have, what its firewall lets pass, and who
//! resolves names.

use super::want::Resolver;
use super::{Patient, container, place, template};
use crate::diagnosis::{Remedy, Site};
use crate::evidence::{Outermost, Role};
use crate::text::shell;
use ipnet::Ipv4Net;

/// Flags for dockerd, wherever it is started.
pub fn flags(patient: &Patient, what: &str, flags: &[String]) -> Vec<Remedy> {
    let list: Vec<String> = flags.iter().map(|flag| quoted(flag)).collect();
    let list = list.join(", ");
    let words: Vec<String> = flags.iter().map(|word| flag(word)).collect();
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
pub fn range(patient: &Patient, range: Ipv4Net) -> Vec<Remedy> {
    let bridge = range.hosts().next().unwrap_or(range.addr());
    let wanted = [
        format!("--bip={bridge}/24"),
        format!("--default-address-pool=base={range},size=24"),
    ];
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
pub fn command(patient: &Patient, command: &str) -> Remedy {
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

pub fn docker_host(patient: &Patient, host: &str) -> Vec<Remedy> {
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

pub fn name_server(patient: &Patient, of: &Resolver) -> Remedy {
    match (patient.runner.outermost, of) {
        (Outermost::Pod, Resolver::Pod) => Remedy::new(
            format!(
                "{}: let the cluster resolve names",
                place::words(&place::pod(patient.runner))
            ),
            "dnsPolicy: ClusterFirst",
        ),
        (_, Resolver::Pod) => Remedy::new(
            "Name a server that can be reached from here, in /etc/resolv.conf",
            "nameserver ADDRESS",
        ),
        (_, Resolver::Container(path)) => Remedy::new(
            format!("Where {path} is started, name a server that it can reach"),
            "docker run --dns ADDRESS …",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;
    use crate::evidence::Provider;
    use crate::remedy::WantKind;

    /// What is to be pasted for the pod's engine, and for the one inside it.
    fn told(kind: WantKind, value: &str) -> [String; 2] {
        let want = kind.with(value).unwrap();
        let runner = healthy().unwrap().runners.remove(0);
        assert_eq!(runner.provider, Provider::Bitbucket);
        ["docker-in-docker", "docker-in-docker/bb_docker"].map(|path| {
            let engines = runner.engines.seen();
            let patient = Patient {
                runner: &runner,
                path,
                engine: engines.iter().find(|engine| engine.path == path),
            };
            let cures = patient.cure(&want).into_iter();
            cures
                .map(|cure| cure.snippet)
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    #[test]
    fn flags_go_where_the_engine_is_started() {
        let [pod, nested] = told(WantKind::EngineFlags, "--mtu=1300 --ipv6");
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
        let [pod, _] = told(WantKind::EngineRange, "172.29.0.0/16");
        let flags =
            "\"--bip=172.29.0.1/24\", \"--default-address-pool=base=172.29.0.0/16,size=24\"";
        assert!(pod.contains(flags), "{pod}");
    }

    #[test]
    fn commands_reach_the_pod_by_kubectl() {
        let [pod, nested] = told(WantKind::EngineCommand, "iptables-nft -P FORWARD ACCEPT");
        let exec = "kubectl -n bitbucket-runner exec runner-2jpsg -c docker-in-docker -- ";
        assert_eq!(pod, format!("{exec}iptables-nft -P FORWARD ACCEPT"));
        assert_eq!(nested, "iptables-nft -P FORWARD ACCEPT");
    }

    #[test]
    fn the_port_for_tls_goes_with_certificates() {
        let [plain, _] = told(WantKind::DockerHost, "tcp://localhost:2375");
        assert!(
            plain.ends_with("value: \"tcp://localhost:2375\""),
            "{plain}"
        );
        let [tls, _] = told(WantKind::DockerHost, "tcp://localhost:2376");
        assert!(tls.contains("DOCKER_CERT_PATH"), "{tls}");
    }

    #[test]
    fn names_are_resolved_by_the_cluster_or_by_a_server_that_is_named() {
        assert_eq!(
            told(WantKind::NameServer, "pod")[0],
            "dnsPolicy: ClusterFirst"
        );
        let nested = &told(WantKind::NameServer, "docker-in-docker/bb_docker/build")[1];
        assert!(nested.starts_with("docker run --dns"), "{nested}");
    }
}
