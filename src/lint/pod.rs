//! A pod template in a file as the runner that it will be.

use super::network::{self, POD};
use super::place::Places;
use super::start::{self, Start};
use super::template::{self, list};
use super::{Context, Draft, config, image, nested_engine, other_engine};
use crate::collect::discover;
use crate::collect::walk::options;
use crate::evidence::{
    ContainerState, Declared, Engine, EngineKind, Mount, NetworkNamespace, Observation, Observed,
    Outermost, Owner, Planned, PodContainer, Provider, Reason, Role, Runner, Standing, Unseen,
};
use crate::facts::is_rootless;
use crate::facts::versions::ImageRef;
use crate::systems::{Site, pods};
use crate::text::plain::plain;
use crate::yaml::Node;
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;

/// The runner that a template makes; nothing where it is none.
pub(crate) fn read(
    metadata: Option<&Node>,
    spec: &Node,
    owner: Owner,
    site: Site,
    context: &Context<'_>,
) -> Option<Draft> {
    of(
        &template::pod(metadata, spec),
        places(spec),
        owner,
        site,
        context,
    )
}

/// The same of a pod that something makes which the file describes in other words.
pub(super) fn of(
    pod: &Pod,
    mut places: Places,
    owner: Owner,
    site: Site,
    context: &Context<'_>,
) -> Option<Draft> {
    let mut runner = discover::runner(pod, false)?;
    runner.owner = Some(owner);
    declare(&mut runner, context, site);
    if dismiss_idle(&mut runner, pod).is_none() {
        context.dismissed.set(true);
        return None;
    }
    let clamped = clamps(pod);
    plan(&mut runner, pod, clamped, context);
    let presumed = nested_engine::engine(&mut runner, &mut places, context);
    Some(Draft {
        places,
        runner,
        presumed,
    })
}

/// An image of dind that runs `cat` is a client. A pod is no runner for it, unless it is one in another
/// way or mounts the node's socket.
fn dismiss_idle(runner: &mut Runner, pod: &Pod) -> Option<()> {
    let had_engines = runner.engine_containers().next().is_some();
    for container in &mut runner.containers {
        let start = start(pod, &container.name);
        // Behind an entrypoint that is not Docker's own, a program to wait for may follow dockerd.
        let replaced = |start: &Start| {
            !start.command.is_empty() || ImageRef::parse(&container.image).name() == "docker"
        };
        let idles = start.is_some_and(|start| start.idles() && replaced(&start));
        if container.role == Role::Engine && idles {
            // With the node's socket its builds run on the node.
            let of_node = |mount: &Mount| mount.host_path.as_deref().is_some_and(is_socket);
            container.role = match container.mounts.iter().any(of_node) {
                true => Role::Runner,
                false => Role::Other,
            };
            container.launch = None;
            container.dockerd_args.clear();
        }
    }
    let known = |c: &PodContainer| c.role != Role::Other;
    (!had_engines || runner.containers.iter().any(known)).then_some(())
}

fn is_socket(path: &str) -> bool {
    path.ends_with("docker.sock") || matches!(path, "/var/run" | "/run")
}

fn start<'a>(pod: &'a Pod, name: &str) -> Option<Start<'a>> {
    let mut all = discover::pod::containers(pod);
    let (container, _) = all.find(|(container, _)| container.name == name)?;
    let words = |list: &'a Option<Vec<String>>| list.iter().flatten().map(String::as_str).collect();
    Some(Start {
        command: words(&container.command),
        args: words(&container.args),
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
        networks_by: None,
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
        user_namespace: false,
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
        other_engine: None,
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
    started(path, image, args, opts, &BTreeMap::new())
}

/// The same with the variables that its flags may name.
fn started(
    path: &str,
    image: Option<&str>,
    args: Vec<String>,
    opts: &[String],
    variables: &BTreeMap<String, String>,
) -> Engine {
    let told = |args: &[String]| args.iter().any(|arg| arg.starts_with("--mtu="));
    let (mut args, mut unresolved) = start::resolve(args, variables);
    let strictly = image.is_none_or(|image| ImageRef::parse(image).is_official_docker());
    // An image of one's own may read DOCKER_OPTS, as people build it for just that; Docker's own
    // entrypoint does not. A mirror that is given them is no plain mirror.
    let official = strictly || opts.is_empty() && image.is_some_and(image::is_dockers);
    let (opts, hidden) = start::resolve(opts.to_vec(), variables);
    let reads_opts = !official && !told(&args);
    let mut ignored_opts = Vec::new();
    match reads_opts {
        true => {
            args.extend(opts.iter().filter(|flag| options::is_listed(flag)).cloned());
            unresolved = unresolved.or(hidden);
        }
        false => ignored_opts.extend(opts),
    }
    let unread = image.filter(|image| image::is_unresolved(image)).map(plain);
    Engine {
        path: path.to_owned(),
        container: path.split('/').next().unwrap_or_default().to_owned(),
        pid: 0,
        namespace: POD,
        kind: EngineKind::Docker,
        programs: BTreeMap::new(),
        build_network: None,
        config: match (unresolved, &unread) {
            (Some(mtu), _) => Observation::Unobserved(Reason::MtuUnresolved { mtu: plain(&mtu) }),
            (None, _) if official || told(&args) => Observed(None),
            (None, Some(image)) => Observation::Unobserved(Reason::ImageUnresolved {
                image: image.clone(),
            }),
            (None, None) => Observation::Unobserved(Reason::ImageMayHoldConfig),
        },
        image: match (image, unread) {
            (_, Some(image)) => Observation::Unobserved(Reason::ImageUnresolved { image }),
            (Some(image), None) => Observed(plain(image)),
            (None, None) => Observation::Unobserved(Reason::ImageUntold),
        },
        args,
        oom_scores: Vec::new(),
        docker_opts: None,
        containerd: None,
        data: None,
        open_files: None,
        pids_refused: None,
        outside_pod: None,
        fault: None,
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
    let mut unread = Vec::new();
    for container in runner.engine_containers() {
        if image::is_unresolved(&container.image) {
            unread.push(container.name.clone());
        }
        let opts = container.env.get("DOCKER_OPTS").map(String::as_str);
        let opts = options::opts(opts.unwrap_or_default());
        let args = container.dockerd_args.clone();
        let variables = variables_of(pod, &container.name);
        let image = Some(container.image.as_str());
        let mut engine = started(&container.name, image, args, &opts, &variables);
        let has_mtu = engine.args.iter().any(|arg| arg.starts_with("--mtu="));
        let is_open = engine.config == Observed(None) && !has_mtu;
        if let Some(start) = start(pod, &container.name).filter(|_| is_open) {
            engine.config = start.config();
        }
        if let Some(config) = config::mounted(pod, &container.name, context) {
            engine.config = config;
        }
        if is_rootless(container) {
            engine.namespace = 100 + i64::try_from(engines.len()).unwrap_or_default();
            namespaces.push(rootless(container, engine.namespace));
        }
        engines.push(engine);
    }
    engines.extend(other_engine::planned(runner, pod));
    runner.namespaces = match runner.host_network {
        true => Observation::Unobserved(Reason::HostNetwork),
        false => Observed(namespaces),
    };
    runner.engines = Observed(engines);
    // What its tag will say is not known.
    for container in &mut runner.containers {
        if unread.contains(&container.name) {
            container.image.clear();
        }
    }
}

fn rootless(container: &PodContainer, id: i64) -> NetworkNamespace {
    let told = container.env.get("DOCKERD_ROOTLESS_ROOTLESSKIT_MTU");
    network::rootless(id, told.and_then(|mtu| mtu.parse().ok()))
}

/// The variables of a container that stand in the file itself.
fn variables_of(pod: &Pod, name: &str) -> BTreeMap<String, String> {
    let mut all = discover::pod::containers(pod);
    let found = all.find(|(container, _)| container.name == name);
    let variables = found.and_then(|(container, _)| container.env.as_ref());
    let variables = variables.into_iter().flatten();
    let told = |v: &k8s_openapi::api::core::v1::EnvVar| Some((v.name.clone(), v.value.clone()?));
    variables.filter_map(told).collect()
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
    for key in pods::LISTS {
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
