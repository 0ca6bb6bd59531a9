//! Applies every fix of every case to the runner with the finding and judges the result with all
//! checks.

use super::{docker, template};
use crate::checks::{Library, case, judge};
use crate::collect::discover;
use crate::diagnosis::{Change, Confidence, Finding, Remedy, Severity, Site};
use crate::evidence::{
    AddressPool, ContainerState, DataRoot, Engine, Evidence, Mount, Observed, PodContainer, Role,
    Runner, Tcpmss,
};
use crate::facts::releases::releases;
use crate::facts::versions::{self, ImageRef};
use crate::yaml::{self, at};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The runner's pod, as far as evidence contains it.
fn pod(runner: &Runner) -> Value {
    let list = |init: bool| -> Vec<Value> {
        let of = runner.containers.iter().filter(|c| c.init == init);
        of.map(container).collect()
    };
    let mounts = runner.containers.iter().flat_map(|c| &c.mounts);
    let names: BTreeSet<&str> = mounts.clone().map(|m| m.volume.as_str()).collect();
    let volumes = names.iter().map(|name| {
        let mount = mounts.clone().find(|m| m.volume == *name);
        match mount.and_then(|m| m.host_path.as_ref()) {
            Some(path) => json!({"name": name, "hostPath": {"path": path}}),
            None => json!({"name": name, "emptyDir": {}}),
        }
    });
    json!({
        "metadata": {"name": runner.pod, "namespace": runner.namespace},
        "spec": {
            "containers": list(false),
            "initContainers": list(true),
            "volumes": volumes.collect::<Vec<_>>(),
        },
    })
}

fn container(container: &PodContainer) -> Value {
    let env = container.env.iter();
    let mut value = json!({
        "name": container.name,
        "image": container.image,
        "args": container.dockerd_args,
        "env": env.map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>(),
        "securityContext": {"privileged": container.privileged},
        "volumeMounts": container.mounts.iter().map(|mount| {
            json!({"name": mount.volume, "mountPath": mount.path})
        }).collect::<Vec<_>>(),
    });
    for (list, memory) in [
        ("requests", &container.memory_request),
        ("limits", &container.memory_limit),
    ] {
        if let Some(memory) = memory {
            value["resources"][list]["memory"] = json!(memory);
        }
    }
    value
}

/// The runner after its pod was recreated with a change.
fn after(evidence: &Evidence, runner: &str, change: &Change) -> Evidence {
    let mut evidence = evidence.clone();
    let healthy = case::healthy().unwrap().runners.remove(0);
    for runner in evidence
        .runners
        .iter_mut()
        .filter(|r| r.full_name() == runner)
    {
        rewrite(runner, change);
        for container in &mut runner.containers {
            container.state = ContainerState {
                phase: "running".to_owned(),
                reason: None,
                message: None,
                exit_code: None,
                since: None,
            };
            (container.restarts, container.last_end) = (0, None);
            if let Some(Observed(client)) = &mut container.docker_client {
                client.oom_kills = None;
            }
            container.log = container.log.as_ref().map(|_| Observed(Vec::new()));
        }
        // An engine that could not start now starts.
        if runner.engines.seen().is_empty() && !may_run_unseen(runner) {
            runner.engines = healthy.engines.clone();
            runner.namespaces = healthy.namespaces.clone();
            of_its_image(runner);
        }
        if let Observed(engines) = &mut runner.engines {
            engines
                .iter_mut()
                .for_each(|engine| engine.oom_kills = None);
        }
        if let Observed(namespaces) = &mut runner.namespaces {
            namespaces.iter_mut().for_each(|ns| ns.download = None);
        }
        run(runner, change);
    }
    evidence
}

/// An unseen engine runs from its image, in a supported version: an unsupported one is a separate
/// finding.
fn of_its_image(runner: &mut Runner) {
    let mut engine = runner
        .containers
        .iter_mut()
        .filter(|c| c.role == Role::Engine);
    let container = engine.next().unwrap();
    if let Some(image) = releases().recommended_image(&container.image) {
        container.image = image;
    }
    let promised = ImageRef::parse(&container.image).docker_version();
    let Observed(engines) = &mut runner.engines else {
        return;
    };
    if let (Observed(api), Some(version)) = (&mut engines[0].api, promised) {
        api.version = version.to_owned();
    }
}

fn may_run_unseen(runner: &Runner) -> bool {
    use crate::evidence::Why;
    let reason = runner.engines.reason();
    reason.is_some_and(|reason| reason.why() != Why::NotRunning)
}

/// Applies the edit of the pod's object to the pod's specification.
fn rewrite(runner: &mut Runner, change: &Change) {
    if !runner.containers.iter().any(|c| c.name == change.container) && !change.settings.clamp {
        return;
    }
    let mut object = pod(runner);
    let edits = template::edits_of_pod(&object, at(&[], ["spec"]), change).unwrap();
    yaml::apply(&mut object, &edits);
    let read = discover::runner(&serde_json::from_value(object).unwrap(), true).unwrap();
    for new in read.containers {
        match runner.containers.iter_mut().find(|c| c.name == new.name) {
            Some(old) => {
                let mounts: Vec<Mount> = new
                    .mounts
                    .into_iter()
                    .filter(|m| !old.mounts.iter().any(|o| o.path == m.path))
                    .collect();
                old.mounts.extend(mounts);
                old.image = new.image;
                old.env = new.env;
                old.privileged = new.privileged;
                (old.memory_request, old.memory_limit) = (new.memory_request, new.memory_limit);
                if old.role == Role::Engine {
                    let before = old.dockerd_args.len();
                    old.dockerd_args = new.dockerd_args;
                    let one_each = old.dockerd_args.iter().enumerate().all(|(index, flag)| {
                        let later = old.dockerd_args[index + 1..].iter();
                        !later.clone().any(|other| docker::same_setting(other, flag))
                    });
                    assert!(
                        one_each && old.dockerd_args.len() >= before,
                        "{:?}",
                        old.dockerd_args
                    );
                }
            }
            None => {
                if let Observed(namespaces) = &mut runner.namespaces {
                    let pod = namespaces
                        .iter_mut()
                        .find(|ns| ns.parent.is_none())
                        .unwrap();
                    pod.tcpmss = Observed(Some(Tcpmss::PathMtu));
                }
            }
        }
    }
    if runner.qos_class.as_deref() == Some("BestEffort")
        && runner.containers.iter().any(|c| c.memory_request.is_some())
    {
        runner.qos_class = Some("Burstable".to_owned());
    }
}

/// Applies the new settings to dockerd.
fn run(runner: &mut Runner, change: &Change) {
    let settings = &change.settings;
    for container in &mut runner.containers {
        regroup(container, &settings.flags);
    }
    let burstable = runner.qos_class.as_deref() != Some("BestEffort");
    let Observed(engines) = &mut runner.engines else {
        return;
    };
    for engine in engines.iter_mut().filter(|e| e.path == change.container) {
        for flag in docker::flags(change) {
            let same = |arg: &String| docker::same_setting(arg, &flag);
            engine.args.retain(|arg| !same(arg));
            engine.args.push(flag);
        }
        if let (Some(image), Observed(api)) = (&settings.image, &mut engine.api) {
            engine.image = Observed(image.clone());
            if let Some(version) = ImageRef::parse(image).docker_version() {
                api.version = version.to_owned();
                let parsed = versions::parse(version);
                let pinned = parsed.as_ref().and_then(versions::pinned_containerd);
                api.containerd = Some(pinned.unwrap_or("2.1.9").to_owned());
            }
        }
        if let Observed(api) = &mut engine.api {
            let proxies = settings.env.keys().filter(|name| name.ends_with("_PROXY"));
            api.proxies
                .iter_mut()
                .for_each(|all| all.extend(proxies.clone().cloned()));
            if let Some(local) = &mut api.local_proxies {
                local.retain(|proxy| !settings.env.contains_key(&proxy.name));
            }
            if let Some(base) = pool(&settings.flags) {
                api.pools = api
                    .pools
                    .as_ref()
                    .map(|_| vec![AddressPool { base, size: 24 }]);
            }
        }
        for score in &mut engine.oom_scores {
            if let Some(told) = settings.oom_score_adjust {
                score.oom_score_adj = told;
            } else if burstable {
                score.oom_score_adj = score.oom_score_adj.min(998);
            }
        }
        if let (true, Some(Observed(data))) = (settings.volume, &mut engine.data) {
            let DataRoot { file_system, .. } = data;
            *file_system = "ext4".to_owned();
            if let Observed(api) = &mut engine.api {
                api.storage_driver = Some("overlay2".to_owned());
            }
        }
        let Observed(namespaces) = &mut runner.namespaces else {
            continue;
        };
        networks(engine, namespaces, change);
    }
}

/// Recreates networks with the configured MTU.
fn networks(
    engine: &mut Engine,
    namespaces: &mut [crate::evidence::NetworkNamespace],
    change: &Change,
) {
    let settings = &change.settings;
    let without_ipv6 = settings.flags.iter().any(|flag| flag == "--ipv6=false");
    let with_rules = settings.flags.iter().any(|flag| flag == "--iptables=true");
    let mut resized = Vec::new();
    let mut moved = Vec::new();
    let mut resize = |network: &mut crate::evidence::DockerNetwork| {
        let is_default = network.name == "bridge";
        let version = docker::version(change);
        let user = settings
            .network_mtu
            .filter(|_| docker::knows_default_network_opts(version.as_ref()));
        let mtu = if is_default { settings.mtu } else { user };
        if let (Some(mtu), "bridge") = (mtu, network.driver.as_str()) {
            network.mtu_option = Some(mtu);
            resized.extend(network.bridge.clone().map(|bridge| (bridge, mtu)));
        }
        network.ipv6 &= !(is_default && without_ipv6);
        if let (Some(range), Some(bridge)) = (range(&settings.flags, is_default), &network.bridge) {
            let old = network
                .subnets
                .replace(vec![range.clone()])
                .unwrap_or_default();
            moved.push((bridge.clone(), old, range));
        }
    };
    if let Observed(api) = &mut engine.api
        && let Observed(networks) = &mut api.networks
    {
        networks.iter_mut().for_each(&mut resize);
    }
    if let Some(planned) = &mut engine.planned {
        planned.ignored_opts.clear();
        planned.networks.iter_mut().for_each(&mut resize);
    }
    for (bridge, mtu) in resized {
        let mut ends = Vec::new();
        for ns in namespaces.iter_mut().filter(|ns| ns.id == engine.namespace) {
            let Observed(interfaces) = &mut ns.interfaces else {
                continue;
            };
            for interface in interfaces {
                let is_port = interface.bridge.as_deref() == Some(&*bridge);
                if interface.name == bridge || is_port {
                    interface.mtu = mtu;
                    ends.push(interface.iflink);
                }
            }
        }
        for ns in namespaces
            .iter_mut()
            .filter(|ns| ns.parent == Some(engine.namespace))
        {
            let Observed(interfaces) = &mut ns.interfaces else {
                continue;
            };
            let inside = interfaces.iter_mut().filter(|i| ends.contains(&i.ifindex));
            inside.for_each(|interface| interface.mtu = mtu);
        }
    }
    for (bridge, old, new) in moved {
        for ns in namespaces.iter_mut() {
            let (own, inside) = (
                ns.id == engine.namespace,
                ns.parent == Some(engine.namespace),
            );
            let traffic = ns.traffic.as_mut().map(|traffic| &mut traffic.on_link);
            let Some(Observed(links)) = traffic else {
                continue;
            };
            for link in links {
                if own && link.interface == bridge || inside && old.contains(&link.subnet) {
                    link.subnet = new.clone();
                }
            }
        }
    }
    if with_rules {
        for ns in namespaces.iter_mut().filter(|ns| ns.id == engine.namespace) {
            let traffic = ns.traffic.as_mut();
            if let Some(Observed(firewalls)) = traffic.map(|traffic| &mut traffic.firewalls) {
                for firewall in firewalls {
                    firewall.rules = 11;
                    firewall.nat = None;
                }
            }
        }
    }
}

/// Users may connect to the socket if they are in its group.
fn regroup(container: &mut PodContainer, flags: &[String]) {
    let mut groups = flags
        .iter()
        .filter_map(|flag| flag.strip_prefix("--group="));
    let group = groups.next().and_then(|group| group.parse::<i64>().ok());
    if let Some(Observed(client)) = &mut container.docker_client
        && let Some(denied) = client.denied.clone()
        && group.is_some_and(|group| denied.groups.contains(&group))
    {
        client.denied = None;
    }
}

fn pool(flags: &[String]) -> Option<String> {
    let mut pools = flags
        .iter()
        .filter_map(|flag| flag.strip_prefix("--default-address-pool=base="));
    Some(pools.next()?.split(',').next()?.to_owned())
}

/// The range of a network, from dockerd's flags.
fn range(flags: &[String], default: bool) -> Option<String> {
    let value = |name: &str| flags.iter().find_map(|flag| flag.strip_prefix(name));
    let net = match default {
        true => value("--bip=")?.parse::<ipnet::Ipv4Net>().ok()?.trunc(),
        false => {
            let base = value("--default-address-pool=base=")?.split(',').next()?;
            base.parse::<ipnet::Ipv4Net>()
                .ok()?
                .subnets(24)
                .ok()?
                .nth(1)?
        }
    };
    Some(net.to_string())
}

fn key(finding: &Finding) -> (String, String, Option<String>) {
    (
        finding.check.clone(),
        finding.subject.clone(),
        finding.engine.clone(),
    )
}

/// A fix and those that it must be combined with, one change each.
fn together(remedies: &[Remedy], first: usize) -> Vec<&Remedy> {
    let rest = remedies[first + 1..]
        .iter()
        .take_while(|remedy| remedy.together);
    remedies[first..=first].iter().chain(rest).collect()
}

#[test]
fn every_fix_of_every_case_is_judged() {
    let library = Library::load(&[]).unwrap();
    let mut table = String::new();
    let mut wrong = String::new();
    for check in library.checks() {
        for case in &check.cases {
            let evidence = case.evidence().unwrap();
            let before = judge(&library, &evidence).findings;
            let known: BTreeSet<_> = before.iter().map(key).collect();
            for finding in before.iter().filter(|f| f.check == check.id) {
                for (index, remedy) in finding.remedies.iter().enumerate() {
                    if remedy.together {
                        continue;
                    }
                    let parts = together(&finding.remedies, index);
                    let changes: Vec<_> = parts.iter().filter_map(|r| r.change.as_ref()).collect();
                    let how = match changes.first() {
                        None => "by hand".to_owned(),
                        Some(change) => {
                            let now = after(&evidence, &finding.runner, change);
                            let found = judge(&library, &now).findings;
                            // A clamp fixes TCP only, so the finding becomes milder; an assumption
                            // stays a warning.
                            let assumed = finding.confidence == Confidence::Predicted;
                            let most = if assumed {
                                Severity::Error
                            } else {
                                finding.severity
                            };
                            let clamps = change.settings.clamp;
                            let counts = |f: &&Finding| !(clamps && f.severity < most);
                            let left = found.iter().filter(counts).any(|f| key(f) == key(finding));
                            let new: Vec<_> = found
                                .iter()
                                .map(key)
                                .filter(|k| !known.contains(k))
                                .map(|(check, subject, _)| format!("{check} on {subject}"))
                                .collect();
                            let says = match (left, new.is_empty()) {
                                (false, true) if clamps => "milder",
                                (false, true) => "gone",
                                (true, true) => "STAYS",
                                _ => "NEW",
                            };
                            if !matches!(says, "gone" | "milder") {
                                writeln!(
                                    wrong,
                                    "{}: {}: {}\n  {says} {new:?}",
                                    check.id, case.name, remedy.title
                                )
                                .unwrap();
                            }
                            format!("{says} ({})", place(change))
                        }
                    };
                    writeln!(
                        table,
                        "{} | {} | {how} | {}",
                        check.id, case.name, remedy.title
                    )
                    .unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    insta::assert_snapshot!(table);
}

fn place(change: &Change) -> String {
    let site = match change.place.site {
        Site::Manifest => change.place.kind.clone(),
        site => format!("{site:?}"),
    };
    match &change.docker {
        Some(docker) => format!("{site}, Docker {docker}"),
        None => site,
    }
}
