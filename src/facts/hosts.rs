//! The address at which a runner expects its Docker engine (DOCKER_HOST), and whether the engine
//! listens there.

use crate::evidence::{
    DockerClient, Engine, Launcher, Mount, Observation, Observed, PodContainer, Provider, Reason,
    Role, Runner, Unseen, Why,
};
use crate::facts::versions::{self, ImageRef};
use semver::Version;

const SOCKET: &str = "unix:///var/run/docker.sock";
const PLAIN: u16 = 2375;
const TLS: u16 = 2376;

/// A runner that cannot find its engine.
#[derive(Clone)]
pub(super) struct Mismatch {
    /// The problem, as a sentence.
    pub(super) trouble: String,
    /// The DOCKER_HOST that would work; None if a shared volume is missing.
    pub(super) right_host: Option<String>,
    /// The client uses TLS but the engine does not.
    pub(super) needless_tls: bool,
}

/// The containers that use the pod's engine: the runner's, or those with DOCKER_HOST set; in a pod of
/// no known CI system, the only other container.
pub(crate) fn docker_clients(runner: &Runner) -> Vec<&PodContainer> {
    const TOLD: [&str; 4] = [
        "DOCKER_API_VERSION",
        "DOCKER_CONTEXT",
        "DOCKER_HOST",
        "DOCKER_TLS_VERIFY",
    ];
    if runner.engine_containers().next().is_none() {
        return Vec::new();
    }
    let told = |c: &&PodContainer| TOLD.iter().any(|name| c.env.contains_key(*name));
    let of = |role| runner.containers.iter().filter(move |c| c.role == role);
    let agents: Vec<_> = match runner.provider.system().steps_anywhere {
        true => Vec::new(),
        false => of(Role::Runner).collect(),
    };
    let others: Vec<_> = of(Role::Other).filter(told).collect();
    let mut beside = runner.containers.iter().filter(|c| c.role != Role::Engine);
    match (beside.next(), beside.next()) {
        _ if !agents.is_empty() => agents,
        _ if !others.is_empty() => others,
        (Some(only), None) if runner.provider == Provider::Generic => vec![only],
        (None, None) if runner.containers.len() == 1 => of(Role::Engine).filter(told).collect(),
        _ => Vec::new(),
    }
}

/// Why a container cannot reach the engine of another container of the pod, if that is certain.
pub(super) fn mismatch(
    runner: &Runner,
    container: &PodContainer,
    engine: Option<&Engine>,
) -> Observation<Option<Mismatch>> {
    let mut unknown = None;
    for asks in docker_clients(runner) {
        match mismatch_of(runner, asks, container, engine) {
            Observed(None) => {}
            Observed(found) => return Observed(found),
            Unseen(reason) => unknown = unknown.or(Some(reason)),
        }
    }
    unknown.map_or(Observed(None), Unseen)
}

fn mismatch_of(
    runner: &Runner,
    asks: &PodContainer,
    container: &PodContainer,
    engine: Option<&Engine>,
) -> Observation<Option<Mismatch>> {
    let client = match &asks.docker_client {
        Some(Observed(client)) => client.clone(),
        Some(Unseen(reason)) if matches!(reason.why(), Why::TimedOut | Why::TooLarge) => {
            return Unseen(reason.clone());
        }
        _ => promised(runner, asks),
    };
    let name = asks.name.as_str();
    let trouble = |trouble: String| {
        Observed(Some(Mismatch {
            trouble,
            right_host: None,
            needless_tls: false,
        }))
    };
    let set_by = client.set_by.as_deref();
    let Some(host) = &client.host else {
        return match &client.context {
            Some(context) => trouble(format!(
                "docker commands in container {name} use the context {context} ({}), which does not exist there",
                set_by.unwrap_or("DOCKER_CONTEXT")
            )),
            None => Observed(None),
        };
    };
    // A script, the entrypoint of Docker's official image or the agent's configuration sets it.
    if set_by.is_none() && runner.provider.system().host_in_config {
        return Observed(None);
    }
    if let Some(file) = &client.lacks {
        return trouble(format!(
            "container {name} asks {host} with TLS (DOCKER_TLS_VERIFY), but {file} does not exist there"
        ));
    }
    let found = match host.strip_prefix("unix://") {
        // Another engine listens there.
        Some(socket) if client.listens == Some(true) && is_the_nodes(asks, container, socket) => {
            return Observed(None);
        }
        Some(socket) => Observed(by_socket(asks, container, engine, socket, &client)),
        None => by_port(runner, asks, container, engine, host, &client),
    };
    match found {
        Observed(None) => Observed(refused_version(asks, engine, &client)),
        found => found,
    }
}

/// The client of a container that was not examined, from the pod's specification.
fn promised(runner: &Runner, asks: &PodContainer) -> DockerClient {
    let told = |name: &str| asks.env.get(name).filter(|value| !value.is_empty());
    let context = told("DOCKER_CONTEXT").filter(|context| *context != "default");
    let mut client = DockerClient {
        api_version: told("DOCKER_API_VERSION").cloned(),
        ..DockerClient::default()
    };
    match (told("DOCKER_HOST"), context) {
        (Some(host), _) => {
            let own = DockerClient::tcp(host).map(|(name, _)| {
                let of_pod = runner.addresses.contains(&name);
                of_pod || is_local(runner, &name)
            });
            client.local = own.or_else(|| host.starts_with("unix://").then_some(true));
            client.host = Some(host.clone());
            client.set_by = Some("DOCKER_HOST".to_owned());
        }
        // Its Docker contexts are in its own files.
        (None, Some(_)) => {}
        (None, None) => {
            client.host = Some(SOCKET.to_owned());
            client.local = Some(true);
        }
    }
    client
}

fn is_local(runner: &Runner, name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
        || runner.provider.system().engine_host == Some(name)
}

fn by_socket(
    asks: &PodContainer,
    container: &PodContainer,
    engine: Option<&Engine>,
    socket: &str,
    client: &DockerClient,
) -> Option<Mismatch> {
    let elsewhere = engine.and_then(|engine| Some(&engine.api.observed()?.endpoint));
    let missing = (client.listens == Some(false)).then(|| {
        let looks = format!(
            "container {} looks for {socket}, but no socket is there",
            asks.name
        );
        match elsewhere {
            Some(endpoint) => format!("{looks}; the engine answers on {endpoint}"),
            None => looks,
        }
    });
    let shared = || match asks.role {
        Role::Engine => None,
        _ => unshared_socket(asks, container, socket),
    };
    // If nothing shows that a container uses Docker, a mounted socket is not a fault.
    let found = match (asks.role, &client.set_by) {
        (Role::Other, None) => missing.filter(|_| volume_at(asks, socket).is_some()),
        _ => shared().or(missing),
    };
    found.map(|trouble| Mismatch {
        trouble,
        right_host: None,
        needless_tls: false,
    })
}

fn by_port(
    runner: &Runner,
    asks: &PodContainer,
    container: &PodContainer,
    engine: Option<&Engine>,
    host: &str,
    client: &DockerClient,
) -> Observation<Option<Mismatch>> {
    let name = &asks.name;
    let Some((_, port)) = DockerClient::tcp(host).filter(|_| client.local == Some(true)) else {
        // In a manifest, it may refer to the engine of another pod.
        return match runner.declared.is_some() || client.local.is_none() {
            true => Observed(None),
            false => Unseen(Reason::AsksElsewhere {
                container: name.clone(),
                docker_host: host.to_owned(),
            }),
        };
    };
    let ports = match runner.declared.is_some() {
        true => promised_ports(container),
        false => engine.and_then(|engine| open_ports(runner, engine)),
    };
    let dockers = matches!(port, PLAIN | TLS);
    let open = ports.as_ref().map(|ports| ports.contains(&port));
    let closed = match client.listens {
        Some(listens) => !listens,
        None => dockers && open == Some(false),
    };
    if closed {
        let instead = ports.iter().flatten().next();
        let right_host = match instead {
            Some(port) => host.rsplit_once(':').map(|(at, _)| format!("{at}:{port}")),
            None => shares_socket(asks, container).then(|| SOCKET.to_owned()),
        };
        return Observed(Some(Mismatch {
            trouble: format!(
                "runner container {name} uses {host}, but its engine does not listen on that port{}",
                instead
                    .map(|port| format!(", only on {port}"))
                    .unwrap_or_default(),
            ),
            right_host,
            needless_tls: false,
        }));
    }
    // The entrypoint sets `tls=false` if there are no certificates.
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
    Observed((verifies && plain).then(|| Mismatch {
        trouble: format!(
            "runner container {name} uses {host} with TLS (DOCKER_TLS_VERIFY), but the engine does not use TLS there (--tls=false)"
        ),
        right_host: None,
        needless_tls: true,
    }))
}

/// An API version that the engine rejects. Since Docker 29 the CLI negotiates the version despite
/// DOCKER_API_VERSION.
fn refused_version(
    asks: &PodContainer,
    engine: Option<&Engine>,
    client: &DockerClient,
) -> Option<Mismatch> {
    let (name, api) = (&asks.name, engine?.api.observed()?);
    let image = ImageRef::parse(&asks.image).docker_version();
    let major = image.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 29) {
        return None;
    }
    let parse = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let asked = client.api_version.as_deref()?;
    let (oldest, newest) = (api.min_api_version.as_deref()?, api.api_version.as_deref()?);
    let version = parse(asked)?;
    (version < parse(oldest)? || version > parse(newest)?).then(|| Mismatch {
        trouble: format!(
            "container {name} asks for API version {asked} (DOCKER_API_VERSION), but the engine takes {oldest} to {newest}"
        ),
        right_host: None,
        needless_tls: false,
    })
}

/// The ports on which the engine listens, by its flags; None if a daemon.json may set others, or
/// another container may proxy them.
fn open_ports(runner: &Runner, engine: &Engine) -> Option<Vec<u16>> {
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
            .and_then(|(_, port)| port.parse().ok())
    };
    (only_flags && alone && one).then(|| hosts.filter_map(port).collect())
}

/// The port on which the official image will listen: since 19.03 with TLS, unless DOCKER_TLS_CERTDIR is
/// empty.
fn promised_ports(container: &PodContainer) -> Option<Vec<u16>> {
    let image = ImageRef::parse(&container.image);
    let by_image = container
        .launch
        .as_ref()
        .is_some_and(|launch| launch.by == Launcher::Image);
    let version = image.docker_version().and_then(versions::parse);
    // `docker:1.12.6-dind` is older than all releases in the table.
    let numbered = |tag: &str| tag.starts_with(|c: char| c.is_ascii_digit());
    let old = match version {
        Some(version) => version < Version::new(19, 3, 0),
        None => image.tag.is_some_and(numbered),
    };
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
    Some(vec![if plain { PLAIN } else { TLS }])
}

/// A runner that looks for the engine's socket in a directory that the two containers do not share.
fn unshared_socket(asks: &PodContainer, engine: &PodContainer, socket: &str) -> Option<String> {
    match (volume_at(asks, socket), volume_at(engine, socket)) {
        (Some(a), Some(b)) if a == b => None,
        // The engine may place its socket elsewhere, in the shared directory.
        (Some(a), _) if engine.mounts.iter().any(|m| m.volume == a) => None,
        (None, _) | (Some(_), _) => Some(format!(
            "runner container {} uses {socket}, but shares no volume for it with {}",
            asks.name, engine.name
        )),
    }
}

fn shares_socket(asks: &PodContainer, engine: &PodContainer) -> bool {
    same_volume(asks, engine, SOCKET.trim_start_matches("unix://"))
}

/// Whether two containers mount the same volume for a socket.
pub(super) fn same_volume(one: &PodContainer, other: &PodContainer, socket: &str) -> bool {
    let volume = volume_at(one, socket);
    volume.is_some() && volume == volume_at(other, socket)
}

/// Whether a socket is in a node directory that the engine's container does not mount.
fn is_the_nodes(asks: &PodContainer, engine: &PodContainer, socket: &str) -> bool {
    mount_at(asks, socket).is_some_and(|mount| {
        let shared = engine.mounts.iter().any(|m| m.volume == mount.volume);
        mount.host_path.is_some() && !shared
    })
}

fn volume_at<'a>(container: &'a PodContainer, socket: &str) -> Option<&'a str> {
    mount_at(container, socket).map(|mount| mount.volume.as_str())
}

/// The innermost mount that contains a path.
fn mount_at<'a>(container: &'a PodContainer, socket: &str) -> Option<&'a Mount> {
    let mounts = container.mounts.iter();
    let mounts = mounts.filter(|m| holds_socket(&m.path, socket));
    mounts.max_by_key(|m| m.path.len())
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
mod tests;
