//! A runner, its containers and its engines as declared in a file: nothing runs.

use super::network::{self, POD};
use super::{Context, image, start};
use crate::collect::walk::options;
use crate::evidence::{
    ContainerState, Declared, Engine, EngineKind, Observation, Observed, Outermost, Planned,
    PodContainer, Provider, Reason, Role, Runner, Standing, Unseen,
};
use crate::facts::versions::ImageRef;
use crate::systems::Site;
use crate::text::plain::plain;
use std::collections::BTreeMap;

/// A runner in a file has no name or namespace of its own: reports name the file.
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

/// A runner without details in its file.
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

/// A container of which a file declares only the name.
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

/// An engine declared in a file, from its flags, image and variables.
pub(crate) fn engine(
    path: &str,
    image: Option<&str>,
    args: Vec<String>,
    opts: &[String],
) -> Engine {
    started(path, image, args, opts, &BTreeMap::new())
}

/// The same with the variables that its flags may reference.
pub(super) fn started(
    path: &str,
    image: Option<&str>,
    args: Vec<String>,
    opts: &[String],
    variables: &BTreeMap<String, String>,
) -> Engine {
    let told = |args: &[String]| args.iter().any(|arg| arg.starts_with("--mtu="));
    let (mut args, mut unresolved) = start::resolve(args, variables);
    let strictly = image.is_none_or(|image| ImageRef::parse(image).is_official_docker());
    // A custom image may read DOCKER_OPTS, and is often built for that; Docker's own entrypoint does
    // not. A mirrored image that gets them is treated as custom.
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
        namespace: POD,
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
        planned: Some(Planned {
            ignored_opts,
            networks: vec![network::default_bridge()],
        }),
        ..Engine::unread(path, EngineKind::Docker, Reason::NothingRuns)
    }
}

/// The MTU of the network in which an engine of this runner starts containers, as far as the files
/// define it; and that network's name.
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

/// The memory available to the engine's container, in MiB, if the template limits it.
pub(crate) fn engine_memory(runner: &Runner) -> Option<i64> {
    let engine = runner.containers.iter().find(|c| c.role == Role::Engine)?;
    mebibytes(engine.memory_limit.as_deref()?)
}

/// A Kubernetes quantity in MiB: `4Gi`, `512Mi`, `4G`, `1e9`.
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
    // No machine has more; below that, the number is exact enough.
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
