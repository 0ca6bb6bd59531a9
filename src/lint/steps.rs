//! Pipelines of Drone and Woodpecker: the engines among their services, and the steps of Drone's Docker
//! plugin, which run a dockerd of their own.

use super::place::Places;
use super::{Context, Draft, declared, pod};
use crate::collect::walk::options;
use crate::evidence::{Engine, Observation, Observed, PodContainer, Provider, Reason};
use crate::facts::versions::ImageRef;
use crate::systems::Site;
use crate::text::plain::plain;
use crate::yaml::Node;

const MOST_ENGINES: usize = 50;
/// Drone's own images that start a dockerd, with `mtu` among their settings.
const PLUGINS: [&str; 5] = ["docker", "ecr", "gcr", "gar", "acr"];

/// `kind: pipeline` is Drone's; Woodpecker has steps, and no kind.
pub(super) fn is_one(document: &Node, _: &str) -> bool {
    let has_image = |(_, step): &(Option<&Node>, &Node)| {
        step.text_at(&["image"]).is_some()
            && ["commands", "settings"]
                .iter()
                .any(|key| step.get(key).is_some())
    };
    let others = ["apiVersion", "jobs", "on", "spec", "runs", "stages"];
    document.get("steps").is_some()
        && document
            .get("kind")
            .is_none_or(|kind| kind.text() == Some("pipeline"))
        && !others.iter().any(|key| document.get(key).is_some())
        && named(document.get("steps")).iter().any(has_image)
}

/// A list whose elements have names, or a map of them.
fn named(node: Option<&Node>) -> Vec<(Option<&Node>, &Node)> {
    let items = node.map_or(&[][..], Node::items).iter();
    let entries = node.map_or(&[][..], Node::entries).iter();
    items
        .map(|item| (item.get("name"), item))
        .chain(entries.map(|(key, value)| (Some(key), value)))
        .collect()
}

pub(super) fn read(document: &Node, context: &Context<'_>) -> Option<Draft> {
    let mut runner = declared::bare(Provider::Generic, context, Site::Elsewhere);
    let mut places = Places::default();
    places.note("", "", pod::head(document));
    let mut engines: Vec<Engine> = Vec::new();
    let services = named(document.get("services"));
    let services = services
        .into_iter()
        .filter(|(_, service)| is_engine(service));
    let plugins = named(document.get("steps"));
    let plugins = plugins.into_iter().filter(|(_, step)| is_plugin(step));
    for (key, node) in services.chain(plugins).take(MOST_ENGINES) {
        let name = plain(key.and_then(Node::text).unwrap_or("docker"));
        let image = node.text_at(&["image"]);
        let words = ["entrypoint", "command", "commands"].iter();
        let words = words.filter_map(|key| node.get(key));
        let words: Vec<&str> = words
            .flat_map(|list| list.words())
            .filter_map(Node::text)
            .collect();
        let mut flags = options::flags(words.iter().flat_map(|word| word.split_whitespace()));
        let setting = node.at(&["settings", "mtu"]);
        flags.extend(
            setting
                .and_then(Node::text)
                .map(|mtu| format!("--mtu={mtu}")),
        );
        let mut engine = declared::engine(&name, image, flags.clone(), &[]);
        let is_plugin = is_plugin(node);
        if is_plugin {
            // Its settings alone start its dockerd, and its tags are none of Docker's.
            engine.config = Observed(None);
            engine.image = Observation::Unobserved(Reason::ImageUntold);
        }
        let own = key.map_or(pod::head(node), |key| key.span);
        places.note(&name, "", own);
        let image_span = node.get("image").map_or(own, |image| image.span);
        places.note(&name, image.unwrap_or_default(), image_span);
        let command = node.entry("command").map(|(key, _)| key.span);
        let set = setting.map(|mtu| mtu.span).or(command);
        places.note(&name, "docker0", set.unwrap_or(image_span));
        runner.containers.push(PodContainer {
            image: image.filter(|_| !is_plugin).map(plain).unwrap_or_default(),
            dockerd_args: flags,
            ..declared::container(&name)
        });
        engines.push(engine);
    }
    if engines.is_empty() {
        return None;
    }
    runner.engines = Observed(engines);
    Some(Draft {
        runner,
        places,
        presumed: None,
    })
}

fn is_engine(service: &Node) -> bool {
    let image = ImageRef::parse(service.text_at(&["image"]).unwrap_or_default());
    let privileged = service.get("privileged").is_some_and(Node::is_true);
    image.is_dind() || image.name() == "docker" && privileged
}

fn is_plugin(step: &Node) -> bool {
    let image = ImageRef::parse(step.text_at(&["image"]).unwrap_or_default());
    let name = image.repository.strip_prefix("plugins/");
    name.is_some_and(|name| PLUGINS.contains(&name)) && step.get("settings").is_some()
}
