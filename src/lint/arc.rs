//! GitHub's Actions Runner Controller: the legacy controller's own objects, and the values of the
//! scale set's Helm chart.

use super::{Context, Draft, config, declared, pod, template};
use crate::collect::walk::options;
use crate::evidence::{
    DaemonConfig, Mount, Observation, Observed, Owner, PodContainer, Provider, Reason, Role,
};
use crate::systems::Site;
use crate::text::plain::plain;
use crate::yaml::Node;
use k8s_openapi::api::core::v1::Container;

/// RunnerDeployment, RunnerReplicaSet, Runner and RunnerSet: the controller adds the engine, whose MTU
/// is `dockerMTU`.
pub(crate) fn legacy(object: &Node, owner: Owner, context: &Context<'_>) -> Option<Draft> {
    let spec = [&["spec", "template", "spec"][..], &["spec"]]
        .iter()
        .find_map(|path| object.at(path))?;
    let kind = object.text_at(&["kind"])?;
    if !matches!(
        kind,
        "RunnerDeployment" | "RunnerReplicaSet" | "Runner" | "RunnerSet"
    ) {
        return None;
    }
    // A RunnerSet's template is a pod template without these fields: they are next to it.
    let settings = match kind {
        "RunnerSet" => object.get("spec"),
        _ => Some(spec),
    };
    let setting = |key: &str| settings.and_then(|settings| settings.entry(key));
    let is = |key: &str, truth: bool| {
        setting(key).and_then(|(_, value)| value.text())
            == Some(if truth { "true" } else { "false" })
    };
    let mut runner = declared::bare(Provider::GithubArc, context, Site::ArcRunner);
    runner.owner = Some(owner);
    let mut places = super::Places::default();
    places.note("", "", pod::head(spec));
    let kubernetes =
        setting("containerMode").and_then(|(_, mode)| mode.text()) == Some("kubernetes");
    if is("dockerEnabled", false) || kubernetes {
        return Some(draft(runner, places));
    }
    let name = if is("dockerdWithinRunnerContainer", true) {
        "runner"
    } else {
        "docker"
    };
    let mtu = setting("dockerMTU");
    let args: Vec<String> = mtu
        .and_then(|(_, value)| value.text()?.parse::<i64>().ok())
        .map(|mtu| format!("--mtu={mtu}"))
        .into_iter()
        .collect();
    let mut engine = declared::engine(name, None, args, &[]);
    // The image is set by a flag of the controller, not by these objects.
    engine.image = Observation::Unobserved(Reason::ImageOfController);
    if let Some(config) = mounted(spec, name, context) {
        engine.config = config;
    }
    runner.engines = Observed(vec![engine]);
    let here = pod::head(spec);
    places.note(name, "", here);
    places.note(name, "docker0", mtu.map_or(here, |(_, value)| value.span));
    runner.containers.push(runner_container(spec));
    note_variables(spec, &mut places);
    Some(draft(runner, places))
}

/// The daemon.json that the object mounts into dockerd's container: the mounts are in a container of
/// that name or in the spec itself.
fn mounted(
    spec: &Node,
    name: &str,
    context: &Context<'_>,
) -> Option<Observation<Option<DaemonConfig>>> {
    let key = match name {
        "runner" => "volumeMounts",
        _ => "dockerVolumeMounts",
    };
    let mut pod = template::pod(None, spec);
    let containers = &mut pod.spec.as_mut()?.containers;
    containers.push(Container {
        name: name.to_owned(),
        volume_mounts: Some(template::mounts(spec, key)),
        ..Container::default()
    });
    config::mounted(&pod, name, context)
}

/// The runner's container: its settings are in the spec itself.
fn runner_container(spec: &Node) -> PodContainer {
    let image = spec.text_at(&["image"]);
    PodContainer {
        // Without an image the controller chooses one, which is not a fault of the file.
        role: if image.is_some() {
            Role::Runner
        } else {
            Role::Other
        },
        image: plain(image.unwrap_or_default()),
        plain_secrets: super::template::plain_secrets(spec),
        ..declared::container("runner")
    }
}

fn note_variables(spec: &Node, places: &mut super::Places) {
    if let Some(image) = spec.get("image") {
        places.note("runner", image.text().unwrap_or_default(), image.span);
    }
    for variable in spec.get("env").map_or(&[][..], Node::items) {
        if let Some(name) = variable.get("name") {
            places.note("runner", name.text().unwrap_or_default(), name.span);
        }
    }
}

pub(crate) fn is_values(document: &Node) -> bool {
    if is_experimental(document) {
        return true;
    }
    let known = [
        "githubConfigUrl",
        "githubConfigSecret",
        "runnerScaleSetName",
        "minRunners",
        "maxRunners",
    ];
    let pod = document.at(&["template", "spec"]).is_some_and(Node::is_map);
    let mode = document.text_at(&["containerMode", "type"]);
    let mode = mode.is_some_and(|mode| mode == "dind" || mode.starts_with("kubernetes"));
    mode || pod && known.iter().any(|key| document.get(key).is_some())
}

/// gha-runner-scale-set-experimental, whose engine is configurable.
fn is_experimental(document: &Node) -> bool {
    document.text_at(&["runner", "mode"]) == Some("dind")
}

/// A runner scale set: its own template, and with `containerMode: dind` the engine that the chart adds,
/// whose MTU the values cannot set.
pub(crate) fn values(document: &Node, context: &Context<'_>) -> Option<Draft> {
    let owner = Owner {
        kind: "the values of".to_owned(),
        name: "the runner scale set".to_owned(),
    };
    let spec = document.at(&["template", "spec"]);
    let written = spec.and_then(|spec| {
        let metadata = document.at(&["template", "metadata"]);
        pod::read(metadata, spec, owner.clone(), Site::ArcScaleSet, context)
    });
    if let Some(mode) = document
        .at(&["runner", "mode"])
        .filter(|_| is_experimental(document))
    {
        let mut draft = draft(
            declared::bare(Provider::GithubArc, context, Site::ArcScaleSet),
            super::Places::default(),
        );
        draft.runner.owner = Some(owner);
        add_engine(
            &mut draft,
            mode,
            document.at(&["runner", "dind", "container"]),
        );
        return Some(draft);
    }
    let mode = document.at(&["containerMode", "type"]);
    let mut draft = match (written, mode.and_then(Node::text)) {
        (Some(written), _) => written,
        (None, Some("dind")) => draft(
            declared::bare(Provider::GithubArc, context, Site::ArcScaleSet),
            super::Places::default(),
        ),
        (None, _) => return None,
    };
    declared::declare(&mut draft.runner, context, Site::ArcScaleSet);
    draft.runner.provider = Provider::GithubArc;
    draft.runner.owner = Some(owner);
    if let Some(mode) = mode.filter(|mode| mode.text() == Some("dind")) {
        add_engine(&mut draft, mode, None);
    }
    Some(draft)
}

/// What the chart renders for `containerMode.type: dind`, with the container's own settings if the
/// chart supports them.
fn add_engine(draft: &mut Draft, mode: &Node, settings: Option<&Node>) {
    const IMAGE: &str = "docker:dind";
    let socket = |path: &str, volume: &str| Mount {
        path: path.to_owned(),
        volume: volume.to_owned(),
        host_path: None,
        claim: None,
        sub_path: None,
    };
    let image = settings.and_then(|settings| settings.get("image"));
    let name = image.and_then(Node::text).unwrap_or(IMAGE);
    let args = settings.and_then(|settings| settings.entry("args"));
    let words = args.into_iter().flat_map(|(_, args)| args.words());
    let flags = options::flags(words.filter_map(Node::text));
    let mounts = settings.and_then(|settings| settings.get("volumeMounts"));
    let own = mounts.map_or(&[][..], Node::items).iter();
    let own = own.filter_map(|mount| {
        Some(socket(
            mount.text_at(&["mountPath"])?,
            mount.text_at(&["name"])?,
        ))
    });
    let engine = PodContainer {
        role: Role::Engine,
        image: plain(name),
        privileged: true,
        init: true,
        dockerd_args: flags.clone(),
        mounts: [
            socket("/var/run", "dind-sock"),
            socket("/home/runner/_work", "work"),
        ]
        .into_iter()
        .chain(own)
        .collect(),
        ..declared::container("dind")
    };
    let runner = &mut draft.runner;
    // The chart also mounts the socket into the runner.
    for asks in runner
        .containers
        .iter_mut()
        .filter(|c| c.role == Role::Runner)
    {
        asks.mounts.push(socket("/var/run", "dind-sock"));
    }
    runner.containers.push(engine);
    let mut engines = runner.engines.seen().to_vec();
    engines.push(declared::engine("dind", Some(name), flags, &[]));
    runner.engines = Observed(engines);
    let image = image.map_or(mode.span, |image| image.span);
    draft.places.note("dind", "", mode.span);
    draft.places.note(
        "dind",
        "docker0",
        args.map_or(mode.span, |(key, _)| key.span),
    );
    draft.places.note("dind", name, image);
}

fn draft(runner: crate::evidence::Runner, places: super::Places) -> Draft {
    Draft {
        runner,
        places,
        presumed: None,
    }
}
