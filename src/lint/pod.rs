//! A pod template in a file, as the runner that it will create.

use super::declared::{declare, started};
use super::network;
use super::place::Places;
use super::start::Start;
use super::template::{self, list};
use super::{Context, Draft, config, image, nested_engine, other_engine};
use crate::collect::discover;
use crate::collect::walk::options;
use crate::evidence::{
    Mount, NetworkNamespace, Observation, Observed, Owner, PodContainer, Reason, Role, Runner,
};
use crate::facts::is_rootless;
use crate::systems::{Site, pods};
use crate::yaml::Node;
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;

/// The runner that a template creates; nothing if it is not a runner.
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

/// The same for a pod that the file describes in other terms.
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

/// A dind image that runs `cat` is only a client. It does not make the pod a runner, unless the pod is
/// one for another reason or mounts the node's socket.
fn dismiss_idle(runner: &mut Runner, pod: &Pod) -> Option<()> {
    let had_engines = runner.engine_containers().next().is_some();
    for container in &mut runner.containers {
        let start = start(pod, &container.name);
        // Arguments alone go to the image's own entrypoint; only that of Docker's image is known.
        let own_entrypoint =
            |start: &Start<'_>| start.command.is_empty() && !image::is_dockers(&container.image);
        let idles = start.is_some_and(|start| start.idles() && !own_entrypoint(&start));
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

/// Plans the networks that its engines will create in the pod.
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
    // What its tag will be is unknown.
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

/// The variables of a container whose values are in the file itself.
fn variables_of(pod: &Pod, name: &str) -> BTreeMap<String, String> {
    let mut all = discover::pod::containers(pod);
    let found = all.find(|(container, _)| container.name == name);
    let variables = found.and_then(|(container, _)| container.env.as_ref());
    let variables = variables.into_iter().flatten();
    let told = |v: &k8s_openapi::api::core::v1::EnvVar| Some((v.name.clone(), v.value.clone()?));
    variables.filter_map(told).collect()
}

/// The rule that runner-doctor itself recommends: with it, TCP connections of every level fit.
fn clamps(pod: &Pod) -> bool {
    discover::pod::containers(pod).any(|(container, _)| {
        let words = container.command.iter().chain(&container.args).flatten();
        let mut words = words.filter(|word| word.contains("TCPMSS"));
        words.any(|word| word.contains("--clamp-mss-to-pmtu"))
    })
}

/// Where each container and its settings are.
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

/// The first key of a map: a place that fits on one line.
pub(crate) fn head(node: &Node) -> crate::yaml::Span {
    node.entries()
        .first()
        .map_or(node.span, |(key, _)| key.span)
}

pub(crate) fn note(places: &mut Places, container: &Node) {
    let name = template::name(container);
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
    let mtu = mtu_place(container).unwrap_or(image.map_or(own, |i| i.span));
    for bridge in ["docker0", other_engine::BRIDGE] {
        places.note(name, bridge, mtu);
    }
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
