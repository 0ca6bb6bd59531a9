//! The address at which a runner expects its Docker engine (DOCKER_HOST), and whether the engine
//! listens there.

use crate::evidence::{Engine, Launcher, Observed, PodContainer, Role, Runner};
use crate::facts::versions::{self, ImageRef};
use semver::Version;

const SOCKET: &str = "unix:///var/run/docker.sock";
const PLAIN: &str = "2375";
const TLS: &str = "2376";

/// A runner that does not find its engine.
pub(super) struct Mismatch {
    /// What is the matter, in a sentence.
    pub(super) trouble: String,
    /// The DOCKER_HOST under which it would; absent where a shared volume is what lacks.
    pub(super) right_host: Option<String>,
    /// It asks with TLS what speaks none.
    pub(super) needless_tls: bool,
}

/// Why the pod's runner cannot reach the engine of a container, where that is certain.
pub(super) fn mismatch(
    runner: &Runner,
    container: &PodContainer,
    engine: Option<&Engine>,
) -> Option<Mismatch> {
    if runner.provider.system().steps_anywhere {
        return None;
    }
    let asks = runner.containers.iter().find(|c| c.role == Role::Runner)?;
    let host = match asks.env.get("DOCKER_HOST") {
        Some(host) => host,
        // A script, or the entrypoint of Docker's own image, sets it.
        None if runner.provider.system().engine_host.is_some() => return None,
        None => SOCKET,
    };
    if let Some(socket) = host.strip_prefix("unix://") {
        return unshared_socket(asks, container, socket).map(|trouble| Mismatch {
            trouble,
            right_host: None,
            needless_tls: false,
        });
    }
    let port = local_port(runner, host.strip_prefix("tcp://")?)?;
    let ports = match runner.declared.is_some() {
        true => promised_ports(container)?,
        false => open_ports(runner, engine?)?,
    };
    let name = &asks.name;
    if !ports.iter().any(|open| open == port) {
        let instead = ports.first().map(String::as_str);
        let right_host = match instead {
            Some(port) => Some(host.rsplit_once(':')?.0.to_owned() + ":" + port),
            None => shares_socket(asks, container).then(|| SOCKET.to_owned()),
        };
        return Some(Mismatch {
            trouble: format!(
                "runner container {name} uses {host}, but its engine does not listen on that port{}",
                instead
                    .map(|port| format!(", only on {port}"))
                    .unwrap_or_default(),
            ),
            right_host,
            needless_tls: false,
        });
    }
    // `tls=false` is what the entrypoint says without certificates.
    let verifies = asks
        .env
        .get("DOCKER_TLS_VERIFY")
        .is_some_and(|value| !value.is_empty());
    let plain = engine.is_some_and(|engine| {
        let says = |flag: &str| engine.args.iter().any(|arg| arg == flag);
        says("--tls=false")
            && engine
                .args
                .iter()
                .any(|arg| arg.ends_with(&format!(":{port}")))
    });
    (verifies && plain).then(|| Mismatch {
        trouble: format!(
            "runner container {name} uses {host} with TLS (DOCKER_TLS_VERIFY), but the engine does not use TLS there (--tls=false)"
        ),
        right_host: None,
        needless_tls: true,
    })
}

/// The port of an address that is the pod's own; another one leads elsewhere.
fn local_port<'a>(runner: &Runner, address: &'a str) -> Option<&'a str> {
    let (host, port) = address.trim_end_matches('/').rsplit_once(':')?;
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
        || runner.provider.system().engine_host == Some(host);
    (local && matches!(port, PLAIN | TLS)).then_some(port)
}

/// The ports on which the engine listens, by its flags; nothing where a daemon.json may name others,
/// or another container may stand between.
fn open_ports(runner: &Runner, engine: &Engine) -> Option<Vec<String>> {
    let only_flags = engine.config == Observed(None) && !engine.args.is_empty();
    let alone = runner.containers.iter().all(|c| c.role != Role::Other);
    let engines = runner.engines.seen().iter();
    let one = engines
        .filter(|other| other.namespace == engine.namespace)
        .count()
        == 1;
    let hosts = engine
        .args
        .iter()
        .filter_map(|arg| arg.strip_prefix("--host=tcp://"));
    let port = |host: &str| {
        host.trim_end_matches('/')
            .rsplit_once(':')
            .map(|(_, p)| p.to_owned())
    };
    (only_flags && alone && one).then(|| hosts.filter_map(port).collect())
}

/// The port on which the official image will listen: with certificates, unless DOCKER_TLS_CERTDIR
/// is set to nothing, since 19.03.
fn promised_ports(container: &PodContainer) -> Option<Vec<String>> {
    let image = ImageRef::parse(&container.image);
    let by_image = container
        .launch
        .as_ref()
        .is_some_and(|launch| launch.by == Launcher::Image);
    let old = image
        .docker_version()
        .and_then(versions::parse)
        .is_some_and(|version| version < Version::new(19, 3, 0));
    let told = container
        .dockerd_args
        .iter()
        .any(|arg| arg.starts_with("--host="));
    if !image.is_official_docker() || !by_image || old || told {
        return None;
    }
    let plain = container
        .env
        .get("DOCKER_TLS_CERTDIR")
        .is_some_and(String::is_empty);
    Some(vec![if plain { PLAIN } else { TLS }.to_owned()])
}

/// A runner that looks for the engine's socket in a directory that the two do not share.
fn unshared_socket(asks: &PodContainer, engine: &PodContainer, socket: &str) -> Option<String> {
    match (volume_at(asks, socket), volume_at(engine, socket)) {
        (Some(a), Some(b)) if a == b => None,
        // The engine may put its socket elsewhere; then another directory is the shared one.
        (Some(a), _) if engine.mounts.iter().any(|m| m.volume == a) => None,
        (None, _) | (Some(_), _) => Some(format!(
            "runner container {} uses {socket}, but shares no volume for it with {}",
            asks.name, engine.name
        )),
    }
}

fn shares_socket(asks: &PodContainer, engine: &PodContainer) -> bool {
    let socket = SOCKET.trim_start_matches("unix://");
    volume_at(asks, socket).is_some() && volume_at(asks, socket) == volume_at(engine, socket)
}

/// The volume that holds a path; of several the nearest.
fn volume_at<'a>(container: &'a PodContainer, socket: &str) -> Option<&'a str> {
    let mounts = container
        .mounts
        .iter()
        .filter(|m| holds_socket(&m.path, socket));
    mounts
        .max_by_key(|m| m.path.len())
        .map(|m| m.volume.as_str())
}

/// `/var/run` is `/run` in almost every image.
fn holds_socket(mount: &str, socket: &str) -> bool {
    let short = |path: &str| {
        path.strip_prefix("/var")
            .map_or(path.to_owned(), str::to_owned)
    };
    let (mount, socket) = (short(mount.trim_end_matches('/')), short(socket));
    socket == mount
        || socket
            .strip_prefix(&mount)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Where a container mounts the Docker socket of its node, or the directory that holds it.
pub(super) fn host_socket(container: &PodContainer) -> Option<String> {
    let of_docker = |path: &str| {
        let path = path.trim_end_matches('/');
        path.ends_with("/docker.sock") || matches!(path, "/var/run" | "/run" | "/var/run/docker")
    };
    let mount = container.mounts.iter().find(|mount| {
        let host = mount.host_path.as_deref();
        host.is_some_and(of_docker)
    })?;
    Some(mount.path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;
    use crate::evidence::{DaemonConfig, Declared, Launch, Provider};

    /// A runner that asks `host`, beside an engine with these flags.
    fn runner(host: &str, flags: &[&str]) -> Runner {
        let mut runner = healthy().unwrap().runners.remove(0);
        let env = &mut runner.containers[0].env;
        env.insert("DOCKER_HOST".to_owned(), host.to_owned());
        let Observed(engines) = &mut runner.engines else {
            panic!("engines were seen");
        };
        engines[0].args = flags.iter().map(|flag| (*flag).to_owned()).collect();
        runner
    }

    fn of(runner: &Runner) -> Option<Mismatch> {
        let container = runner.engine_containers().next().unwrap();
        mismatch(runner, container, runner.engines.seen().first())
    }

    const SOCKET_FLAG: &str = "--host=unix:///var/run/docker.sock";

    #[test]
    fn where_steps_choose_their_container_the_agent_proves_nothing() {
        let mut runner = runner("tcp://localhost:2375", &[SOCKET_FLAG]);
        assert!(of(&runner).is_some());
        runner.provider = Provider::Jenkins;
        assert!(of(&runner).is_none());
    }

    #[test]
    fn a_port_that_nobody_listens_on_is_a_mismatch() {
        let tls = [SOCKET_FLAG, "--host=tcp://0.0.0.0:2376", "--tlsverify"];
        let wrong = of(&runner("tcp://localhost:2375", &tls)).unwrap();
        assert!(wrong.trouble.ends_with("on that port, only on 2376"));
        assert_eq!(wrong.right_host.as_deref(), Some("tcp://localhost:2376"));
        let socket_only = of(&runner("tcp://127.0.0.1:2375", &[SOCKET_FLAG])).unwrap();
        assert_eq!(socket_only.right_host.as_deref(), Some(SOCKET));
        for host in [
            "tcp://localhost:2376",
            // Another host, a port that is not Docker's.
            "tcp://dind.ci.svc:2375",
            "tcp://docker:2375",
            "tcp://localhost:4243",
            "ssh://ci@host",
        ] {
            assert!(of(&runner(host, &tls)).is_none(), "{host}");
        }
    }

    #[test]
    fn where_something_else_may_listen_nothing_is_said() {
        let wrong = || runner("tcp://localhost:2375", &[SOCKET_FLAG]);
        assert!(of(&wrong()).is_some());
        let mut with_file = wrong();
        let Observed(engines) = &mut with_file.engines else {
            panic!("engines were seen");
        };
        engines[0].config = Observed(Some(DaemonConfig::default()));
        assert!(of(&with_file).is_none());
        let mut beside = wrong();
        let mut proxy = beside.containers[0].clone();
        proxy.role = Role::Other;
        beside.containers.push(proxy);
        assert!(of(&beside).is_none());
        assert!(of(&runner("tcp://localhost:2375", &[])).is_none());
    }

    #[test]
    fn a_file_promises_the_port_of_its_image() {
        let mut declared = runner("tcp://localhost:2375", &[]);
        declared.declared = Some(Declared {
            site: None,
            file: "job.yaml".to_owned(),
            pod_mtu_told: false,
            secrets: Observed(Vec::new()),
            steps: Observed(Vec::new()),
            memory_mib: Observed(0),
        });
        assert!(of(&declared).is_none(), "who starts dockerd is not known");
        declared.containers[1].launch = Some(Launch {
            by: Launcher::Image,
            unlisted: false,
        });
        let wrong = of(&declared).unwrap();
        assert_eq!(wrong.right_host.as_deref(), Some("tcp://localhost:2376"));
        let env = &mut declared.containers[1].env;
        env.insert("DOCKER_TLS_CERTDIR".to_owned(), String::new());
        assert!(of(&declared).is_none());
    }
}
