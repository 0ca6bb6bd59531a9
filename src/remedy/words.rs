//! What a change does and where, in a sentence that starts with a verb.

use super::{docker, template};
use crate::diagnosis::{Change, Place, Site};
use crate::evidence::Launcher;

const CLAMP: &str = "add a sidecar that clamps TCP MSS to the path MTU";

/// The title of a change: "Add `--mtu=1450` to the args of container `dind` in Job `runner`".
pub fn title(change: &Change) -> String {
    let mtu = change.settings.network_mtu;
    if let (Some(network), Some(mtu)) = (&change.network, mtu) {
        let place = place(&change.place);
        return format!(
            "Set the MTU of network `{network}` to {mtu} in {place} (then run `docker compose down` and `up`)"
        );
    }
    match change.settings.is_only_clamp() {
        true => title_at(change, &place(&change.place)),
        false => title_at(change, &target(change)),
    }
}

/// The same with a given place.
pub fn title_at(change: &Change, place: &str) -> String {
    let settings = &change.settings;
    if settings.is_only_clamp() {
        return capital(&format!(
            "{CLAMP} in {place} (TCP only; no repository changes)"
        ));
    }
    let mut parts = fields(change);
    let flags = flags(change);
    let relation = match flags.is_some() && change.place.site != Site::ArcRunner {
        true => "of",
        false => "for",
    };
    parts.extend(flags);
    let clamp = match settings.clamp {
        true => format!(", and {CLAMP}"),
        false => String::new(),
    };
    capital(&format!("{} {relation} {place}{clamp}", join(&parts)))
}

/// What is set beside dockerd's flags.
fn fields(change: &Change) -> Vec<String> {
    let settings = &change.settings;
    let mut parts = Vec::new();
    if let Some(image) = &settings.image {
        parts.push(format!("set `image: {image}`"));
    }
    if let Some(memory) = &settings.memory_limit {
        parts.push(format!("raise the memory limit to `{memory}`"));
    }
    if let Some(memory) = &settings.memory_request {
        parts.push(format!("request `{memory}` of memory"));
    }
    for (name, value) in &settings.env {
        parts.push(format!("set `{name}={value}`"));
    }
    if settings.privileged {
        parts.push("set `privileged: true`".to_owned());
    }
    if settings.volume {
        let data = template::data(change);
        parts.push(match change.place.site {
            Site::BitbucketPipelines => format!("build an image with a volume on `{data}`"),
            _ => format!("mount a separate volume on `{data}`"),
        });
    }
    parts
}

fn flags(change: &Change) -> Option<String> {
    let flags = docker::flags(change);
    if flags.is_empty() {
        return None;
    }
    let words = flags.join(" ");
    if change.place.site == Site::ArcRunner {
        let mtu = change.settings.mtu.or(change.settings.network_mtu);
        return Some(match mtu {
            Some(mtu) => format!("set `dockerMTU: {mtu}`"),
            None => format!("set `{words}`"),
        });
    }
    if change.place.site == Site::BitbucketPipelines {
        return Some(match docker::reads_opts(change) {
            true => format!("set `{words}` in the DOCKER_OPTS"),
            false => format!("build an image with `{words}` set, and use it as the image"),
        });
    }
    let is_set = |flag: &String| change.args.iter().any(|a| docker::same_setting(a, flag));
    let (verb, to) = match flags.iter().all(is_set) {
        true => ("set", "in"),
        false => ("add", "to"),
    };
    let list = match (change.place.site, change.launch.as_ref().map(|l| l.by)) {
        (Site::Gitlab | Site::GitlabRunner | Site::Compose, _) | (_, Some(Launcher::Command)) => {
            "command"
        }
        (_, Some(Launcher::Script)) => "dockerd command in the script",
        (_, Some(Launcher::Image | Launcher::Args) | None) => "args",
    };
    Some(format!("{verb} `{words}` {to} the {list}"))
}

/// Whose settings they are: "container `dind` in Job `runner`".
pub fn target(change: &Change) -> String {
    container(&change.place, &change.container)
}

/// A container and where its settings are written.
pub fn container(place: &Place, name: &str) -> String {
    let service = name.rsplit('/').next().unwrap_or(name);
    let whole = self::place(place);
    match place.site {
        Site::Elsewhere => format!("engine `{name}` where it is started"),
        Site::BitbucketPipelines => format!("service `docker` in {whole}"),
        // In a running pod the service has a container's name.
        Site::Gitlab if !place.kind.is_empty() => {
            format!("the Docker service (container `{name}`) in {whole}")
        }
        Site::Gitlab | Site::GitlabRunner | Site::Compose => {
            format!("service `{service}` in {whole}")
        }
        Site::ArcRunner if name == "runner" => format!("the runner in {whole}"),
        Site::ArcRunner => format!("the engine in {whole}"),
        Site::Manifest
        | Site::BitbucketAutoscaler
        | Site::ArcScaleSet
        | Site::Jenkins
        | Site::Controller => format!("container `{name}` in {whole}"),
    }
}

/// Where settings are written.
pub fn place(place: &Place) -> String {
    let Place { kind, name, .. } = place;
    match (place.site, kind.as_str()) {
        (Site::Manifest, _) => format!("{kind} `{name}`"),
        (Site::ArcRunner, "Runner" | "RunnerReplicaSet") => {
            format!("the RunnerDeployment or RunnerSet of {kind} `{name}`")
        }
        (Site::ArcRunner, _) => format!("{kind} `{name}`"),
        (Site::Controller, "" | "Pod") => "the runner's pod template".to_owned(),
        (Site::Controller, _) => format!("the pod template of {kind} `{name}`"),
        (Site::BitbucketAutoscaler, _) => {
            "the job template in the ConfigMap of Bitbucket's autoscaler".to_owned()
        }
        (Site::ArcScaleSet, _) => "the values of the runner scale set".to_owned(),
        (Site::Compose, _) => "the Compose file".to_owned(),
        (Site::Gitlab, _) => ".gitlab-ci.yml".to_owned(),
        (Site::GitlabRunner, _) => "GitLab Runner's config.toml".to_owned(),
        (Site::Jenkins, _) => "the pod template of the Jenkins agent".to_owned(),
        (Site::BitbucketPipelines, _) => "bitbucket-pipelines.yml".to_owned(),
        (Site::Elsewhere, _) => "the place where the engine is started".to_owned(),
    }
}

/// "a, b and c".
fn join(parts: &[String]) -> String {
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "change nothing".to_owned(),
    }
}

pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
