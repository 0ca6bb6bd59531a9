//! Where an engine is found, which addresses its networks have, what its firewall lets pass, and who
//! resolves names.

use super::want::Resolver;
use super::{EngineRef, container, place, words};
use crate::diagnosis::Remedy;
use crate::evidence::{Outermost, Role};
use crate::text::shell;
use ipnet::Ipv4Net;

/// The default bridge takes the first part of the range, networks made after it the others.
pub fn range(engine_ref: &EngineRef, range: Ipv4Net) -> Vec<Remedy> {
    let bridge = range.hosts().next().unwrap_or(range.addr());
    let wanted = [
        format!("--bip={bridge}/24"),
        format!("--default-address-pool=base={range},size=24"),
    ];
    let mut fixes = engine_ref.change(|s| s.flags = wanted.to_vec());
    fixes.push(Remedy {
        together: true,
        ..Remedy::new(
            "Recreate each network that has a custom subnet, without that subnet",
            "docker network rm NAME\ndocker network create NAME",
        )
    });
    fixes
}

/// A command in the namespace of the engine, for now.
pub fn command(engine_ref: &EngineRef, command: &str) -> Remedy {
    let runner = engine_ref.runner;
    let until = match engine_ref.other_kind() {
        Some(_) => "its container",
        None => "dockerd",
    };
    let title = format!("Work around it until {until} restarts");
    match (runner.outermost, engine_ref.is_nested()) {
        (Outermost::Pod, false) => Remedy::new(
            title,
            format!(
                "kubectl -n {} exec {} -c {} -- {command}",
                shell::word(&runner.namespace),
                shell::word(&runner.pod),
                shell::word(engine_ref.path)
            ),
        ),
        (Outermost::Pod, true) => Remedy::new(
            format!("{title}: run in container `{}`", engine_ref.path),
            command,
        ),
        _ => Remedy::new(format!("{title}: run as root"), command),
    }
}

pub fn docker_host(engine_ref: &EngineRef, host: &str) -> Vec<Remedy> {
    let mut runners = engine_ref.runner.containers.iter();
    let Some(asks) = runners.find(|container| container.role == Role::Runner) else {
        return Vec::new();
    };
    let mut env = vec![("DOCKER_HOST", host)];
    if host.ends_with(":2376") {
        // A volume that it shares with its engine's /certs.
        env.extend([
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs/client"),
        ]);
    }
    container::variables(engine_ref, asks, &env)
}

/// Below 1280 the link cannot carry it, so only IPv4 is left.
pub fn ipv6_off(engine_ref: &EngineRef) -> Vec<Remedy> {
    if engine_ref.subject == "docker0" {
        return engine_ref.change(|s| s.flags = vec!["--ipv6=false".to_owned()]);
    }
    let name = shell::word(engine_ref.subject);
    vec![Remedy::new(
        "Recreate the network without IPv6 (its path out carries less than the 1280 bytes that IPv6 needs)",
        format!(
            "docker network rm {name}\ndocker network create {name}   # without --ipv6; in Compose: enable_ipv6: false"
        ),
    )]
}

/// An empty variable is as good as none.
pub fn tls_off(engine_ref: &EngineRef) -> Vec<Remedy> {
    let mut runners = engine_ref.runner.containers.iter();
    match runners.find(|container| container.role == Role::Runner) {
        Some(asks) => container::variables(engine_ref, asks, &[("DOCKER_TLS_VERIFY", "")]),
        None => Vec::new(),
    }
}

pub fn name_server(engine_ref: &EngineRef, of: &Resolver) -> Remedy {
    match (engine_ref.runner.outermost, of) {
        (Outermost::Pod, Resolver::Pod) => Remedy::new(
            format!(
                "Set `dnsPolicy: ClusterFirst` in {}",
                words::place(&place::pod(engine_ref.runner))
            ),
            "dnsPolicy: ClusterFirst",
        ),
        (_, Resolver::Pod) => Remedy::new(
            "Set a reachable DNS server in /etc/resolv.conf",
            "nameserver ADDRESS",
        ),
        (_, Resolver::Container(path)) => Remedy::new(
            format!("Set a reachable DNS server for container `{path}` where it is started"),
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
            let engine_ref = EngineRef {
                runner: &runner,
                path,
                subject: "",
                engine: engines.iter().find(|engine| engine.path == path),
            };
            let fixes = engine_ref.fix(&want).into_iter();
            fixes.map(|fix| fix.snippet).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn flags_go_where_the_engine_is_started() {
        let [pod, nested] = told(WantKind::EngineFlags, "--debug --ipv6");
        assert_eq!(
            pod,
            "containers:\n- name: docker-in-docker\n  args: # add to args; keep the others\n  - --debug\n  - --ipv6"
        );
        let built = "FROM docker:25.0.5-dind\nCMD [\"--debug\", \"--ipv6\"]\n";
        assert!(nested.contains(built), "{nested}");
    }

    #[test]
    fn a_range_is_split_between_the_default_bridge_and_the_others() {
        let [pod, _] = told(WantKind::EngineRange, "172.29.0.0/16");
        let flags =
            "  - --bip=172.29.0.1/24\n  - --default-address-pool=base=172.29.0.0/16,size=24";
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
        assert!(plain.ends_with("value: tcp://localhost:2375"), "{plain}");
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
