//! A pod template in a file as the runner that it will be.

use super::network::{self, POD};
use super::place::Places;
use super::presume;
use super::template::{self, list};
use super::{Context, Draft};
use crate::collect::discover;
use crate::collect::walk::options;
use crate::collect::walk::text::plain;
use crate::evidence::{
    ContainerState, Declared, Engine, NetworkNamespace, Observation, Observed, Outermost, Owner,
    Planned, PodContainer, Provider, Reason, Role, Runner, Standing, Unseen,
};
use crate::facts::is_rootless;
use crate::facts::versions::ImageRef;
use crate::systems::Site;
use crate::yaml::Node;
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;

/// The runner that a template makes; nothing where it is none.
pub(crate) fn read(
    metadata: Option<&Node>,
    spec: &Node,
    owner: Owner,
    context: &Context<'_>,
) -> Option<Draft> {
    let pod = template::pod(metadata, spec);
    let mut runner = discover::runner(&pod, false)?;
    runner.owner = Some(owner);
    declare(&mut runner, context, Site::Manifest);
    let clamped = clamps(&pod);
    plan(&mut runner, &pod, clamped, context);
    let mut places = places(spec);
    let presumed = presume::engine(&mut runner, &mut places, context);
    Some(Draft {
        places,
        runner,
        presumed,
    })
}

/// A runner of a file has no name of its own and is in no namespace: reports name the file.
pub(crate) fn declare(runner: &mut Runner, context: &Context<'_>, site: Site) {
    runner.namespace = String::new();
    runner.pod = context.file.to_owned();
    runner.declared = Some(Declared {
        file: context.file.to_owned(),
        site: Some(site),
        pod_mtu_told: context.pod_network.told,
        secrets: Observed(Vec::new()),
        steps: Observed(Vec::new()),
        memory_mib: Observation::Unobserved(Reason::MemoryUntold),
    });
}

/// A runner of which a file says nothing but its name.
pub(crate) fn bare(provider: Provider, context: &Context<'_>, site: Site) -> Runner {
    let mut runner = Runner {
        namespace: String::new(),
        pod: String::new(),
        owner: None,
        provider,
        node: None,
        phase: String::new(),
        qos_class: None,
        host_network: false,
        outermost: Outermost::Pod,
        containers: Vec::new(),
        namespaces: Observed(vec![network::pod(context.pod_network, false)]),
        engines: Observed(Vec::new()),
        declared: None,
        addresses: Vec::new(),
        runtime_class: None,
        probes: Vec::new(),
        standing: Standing::default(),
    };
    declare(&mut runner, context, site);
    runner
}

/// A container of which a file says nothing but its name.
pub(crate) fn container(name: &str) -> PodContainer {
    PodContainer {
        name: name.to_owned(),
        role: Role::Other,
        image: String::new(),
        digest: None,
        init: false,
        privileged: false,
        dockerd_args: Vec::new(),
        env: BTreeMap::new(),
        docker_opts: Vec::new(),
        launch: None,
        plain_secrets: Vec::new(),
        memory_request: None,
        memory_limit: None,
        mounts: Vec::new(),
        state: ContainerState {
            phase: String::new(),
            reason: None,
            message: None,
            exit_code: None,
            since: None,
        },
        restarts: 0,
        last_end: None,
        log: None,
        docker_client: None,
        startup_seconds: None,
    }
}

/// An engine that a file tells of: what its flags, its image and its variables say.
pub(crate) fn engine(
    path: &str,
    image: Option<&str>,
    args: Vec<String>,
    opts: &[String],
) -> Engine {
    let official = image.is_none_or(|image| ImageRef::parse(image).is_official_docker());
    let told = |args: &[String]| args.iter().any(|arg| arg.starts_with("--mtu="));
    // An image of one's own may read DOCKER_OPTS, as people build it for just that; Docker's own
    // entrypoint does not.
    let reads_opts = !official && !told(&args);
    let mut args = args;
    let mut ignored_opts = Vec::new();
    match reads_opts {
        true => args.extend(opts.iter().filter(|flag| options::is_listed(flag)).cloned()),
        false => ignored_opts.extend(opts.iter().cloned()),
    }
    Engine {
        path: path.to_owned(),
        container: path.split('/').next().unwrap_or_default().to_owned(),
        pid: 0,
        namespace: POD,
        image: match image {
            Some(image) => Observed(plain(image)),
            None => Observation::Unobserved(Reason::ImageUntold),
        },
        config: match official || told(&args) {
            true => Observed(None),
            false => Observation::Unobserved(Reason::ImageMayHoldConfig),
        },
        args,
        oom_scores: Vec::new(),
        docker_opts: None,
        containerd: None,
        data: None,
        open_files: None,
        api: Observation::Unobserved(Reason::NothingRuns),
        planned: Some(Planned {
            ignored_opts,
            networks: vec![network::default_bridge()],
        }),
    }
}

/// What its engines will make of the pod's network.
fn plan(runner: &mut Runner, pod: &Pod, clamped: bool, context: &Context<'_>) {
    let mut namespaces = vec![network::pod(context.pod_network, clamped)];
    let mut engines = Vec::new();
    for container in runner.engine_containers() {
        let opts = container.env.get("DOCKER_OPTS").map(String::as_str);
        let opts = options::opts(opts.unwrap_or_default());
        let args = container.dockerd_args.clone();
        let mut engine = engine(&container.name, Some(&container.image), args, &opts);
        if let Some(config) = mounted_config(pod, container, context) {
            engine.config = config;
        }
        if is_rootless(container) {
            engine.namespace = 100 + i64::try_from(engines.len()).unwrap_or_default();
            namespaces.push(rootless(container, engine.namespace));
        }
        engines.push(engine);
    }
    runner.namespaces = match runner.host_network {
        true => Observation::Unobserved(Reason::HostNetwork),
        false => Observed(namespaces),
    };
    runner.engines = Observed(engines);
}

fn rootless(container: &PodContainer, id: i64) -> NetworkNamespace {
    let told = container.env.get("DOCKERD_ROOTLESS_ROOTLESSKIT_MTU");
    network::rootless(id, told.and_then(|mtu| mtu.parse().ok()))
}

/// The daemon.json that a volume puts into the container: read where its ConfigMap is in the files.
fn mounted_config(
    pod: &Pod,
    container: &PodContainer,
    context: &Context<'_>,
) -> Option<Observation<Option<crate::evidence::DaemonConfig>>> {
    let at = |path: &str| {
        matches!(
            path.trim_end_matches('/'),
            "/etc/docker" | "/etc/docker/daemon.json"
        )
    };
    let mount = container.mounts.iter().find(|mount| at(&mount.path))?;
    let volumes = pod.spec.as_ref()?.volumes.iter().flatten();
    let mut volumes = volumes.filter(|volume| volume.name == mount.volume);
    let map = volumes.next().and_then(|volume| volume.config_map.as_ref());
    let text = map.and_then(|map| context.configs.get(&map.name));
    Some(
        match text.and_then(|text| options::daemon_json(text.as_bytes())) {
            Some(config) => Observed(Some(config)),
            None => Observation::Unobserved(Reason::ConfigNotInFiles),
        },
    )
}

/// The rule that the doctor itself proposes: every level's TCP connections fit then.
fn clamps(pod: &Pod) -> bool {
    discover::pod::containers(pod).any(|(container, _)| {
        let words = container.command.iter().chain(&container.args).flatten();
        let mut words = words.filter(|word| word.contains("TCPMSS"));
        words.any(|word| word.contains("--clamp-mss-to-pmtu"))
    })
}

/// Where each container and what is said of it stands.
fn places(spec: &Node) -> Places {
    let mut places = Places::default();
    places.note("", "", head(spec));
    for key in ["initContainers", "containers"] {
        for container in list(spec, key) {
            note(&mut places, container);
        }
    }
    places
}

/// The first key of a map: a place that one line can show.
pub(crate) fn head(node: &Node) -> crate::yaml::Span {
    node.entries()
        .first()
        .map_or(node.span, |(key, _)| key.span)
}

pub(crate) fn note(places: &mut Places, container: &Node) {
    let name = container.text_at(&["name"]).unwrap_or_default();
    let own = container
        .get("name")
        .map_or_else(|| head(container), |name| name.span);
    places.note(name, "", own);
    let image = container.get("image");
    if let Some(image) = image {
        places.note(name, image.text().unwrap_or_default(), image.span);
    }
    for variable in list(container, "env") {
        if let Some(key) = variable.get("name") {
            places.note(name, key.text().unwrap_or_default(), key.span);
        }
    }
    places.note(
        name,
        "docker0",
        mtu_place(container).unwrap_or(image.map_or(own, |i| i.span)),
    );
}

/// Where the engine's MTU is set, or could be.
fn mtu_place(container: &Node) -> Option<crate::yaml::Span> {
    let sets = |node: &&Node| node.text().is_some_and(|text| text.contains("--mtu"));
    let words = ["args", "command"]
        .iter()
        .filter_map(|key| container.get(key));
    if let Some(flag) = words.flat_map(|list| list.words()).find(sets) {
        return Some(flag.span);
    }
    let opts = list(container, "env").filter_map(|variable| variable.get("name"));
    let mut opts = opts.filter(|name| name.text() == Some("DOCKER_OPTS"));
    let args = || container.entry("args").map(|(key, _)| key.span);
    opts.next().map(|name| name.span).or_else(args)
}

/// The MTU of the network in which an engine of this runner starts containers, as far as the
/// files tell; and what network it is.
pub(crate) fn engine_mtu(runner: &Runner) -> Option<(String, i64)> {
    const DEFAULT: i64 = 1500;
    let engine = runner
        .engines
        .seen()
        .iter()
        .find(|engine| engine.depth() == 0)?;
    let flag = engine
        .args
        .iter()
        .find_map(|arg| arg.strip_prefix("--mtu=")?.parse().ok());
    let mtu = match (flag, &engine.config) {
        (Some(mtu), _) => mtu,
        (None, Observed(config)) => config.as_ref().and_then(|c| c.mtu).unwrap_or(DEFAULT),
        (None, Unseen(_)) => return None,
    };
    Some((engine.path.clone(), mtu))
}

/// The memory that the engine's container may use, in MiB, where the template limits it.
pub(crate) fn engine_memory(runner: &Runner) -> Option<i64> {
    let engine = runner.containers.iter().find(|c| c.role == Role::Engine)?;
    mebibytes(engine.memory_limit.as_deref()?)
}

/// A quantity of Kubernetes in MiB: `4Gi`, `512Mi`, `4G`, `1e9`.
fn mebibytes(quantity: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 10] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("m", 1e-3),
        ("", 1.0),
    ];
    let (unit, factor) = UNITS.iter().find(|(unit, _)| quantity.ends_with(unit))?;
    let number: f64 = quantity.strip_suffix(unit)?.parse().ok()?;
    let mebibytes = number * factor / 1_048_576.0;
    // Beyond that no machine goes; within it the number is exact enough.
    #[allow(clippy::cast_possible_truncation)]
    (0.0..1e12).contains(&mebibytes).then_some(mebibytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read() {
        for (text, expected) in [
            ("4Gi", 4096),
            ("512Mi", 512),
            ("1048576Ki", 1024),
            ("1073741824", 1024),
            ("2G", 1907),
        ] {
            assert_eq!(mebibytes(text), Some(expected), "{text}");
        }
        for text in ["", "x", "Gi", "-1Gi", "1e300"] {
            assert_eq!(mebibytes(text), None, "{text}");
        }
    }
}
