//! .gitlab-ci.yml: the docker:dind services of its jobs.

use super::place::Places;
use super::pod;
use super::variables;
use super::{Context, Draft};
use crate::collect::walk::options;
use crate::collect::walk::text::plain;
use crate::evidence::{
    Engine, Observation, Observed, PodContainer, Provider, Reason, Role, Runner,
};
use crate::facts::versions::ImageRef;
use crate::systems::{Site, gitlab};
use crate::yaml::{Node, Span};

const MOST_ENGINES: usize = 100;

pub(crate) fn is_one(document: &Node, name: &str) -> bool {
    let is_job = |(key, value): &(Node, Node)| {
        !matches!(key.text(), Some("jobs" | "on" | "services"))
            && value.is_map()
            && (value.get("script").is_some() || value.get("trigger").is_some())
    };
    let services_are_a_map = document.get("services").is_some_and(Node::is_map);
    // A workflow of GitHub has `jobs`, which is no job.
    !services_are_a_map
        && document.get("jobs").is_none()
        && (document.entries().iter().any(is_job)
            || name.ends_with(".gitlab-ci.yml")
                && [
                    "include",
                    "stages",
                    "default",
                    "image",
                    "services",
                    "variables",
                    "workflow",
                ]
                .iter()
                .any(|key| document.get(key).is_some()))
}

/// One runner: whatever the jobs are called, a service of the same image and flags is one engine.
pub(crate) fn read(documents: &[Node], context: &Context<'_>) -> Option<Draft> {
    let mut found = Found {
        variables: documents
            .iter()
            .filter_map(|d| d.get("variables"))
            .collect(),
        ..Found::default()
    };
    for document in documents {
        found.services(document, None);
        for (key, job) in document.entries() {
            let of_all = matches!(key.text(), Some("variables" | "include" | "workflow"));
            if job.is_map() && !of_all {
                found.services(job, key.text().filter(|key| *key != "default"));
            }
        }
    }
    let mut runner = pod::bare(Provider::Gitlab, context, Site::Gitlab);
    let mut places = Places::default();
    places.note("", "", documents.first().map(pod::head)?);
    for document in documents {
        note_secrets(document, &mut runner, &mut places);
    }
    let mut engines = Vec::new();
    for service in found.services {
        service.note(&mut places);
        runner.containers.push(service.container());
        engines.push(service.engine());
    }
    runner.engines = Observed(engines);
    Some(Draft {
        runner,
        places,
        presumed: None,
    })
}

/// Of every job and service, whatever image it has.
fn note_secrets(document: &Node, runner: &mut Runner, places: &mut Places) {
    let mut note = |holder: &Node, name: &str| {
        variables::note(runner, places, name, Role::Other, holder.get("variables"));
        for service in holder.get("services").map_or(&[][..], Node::items) {
            let image = service.text_at(&["name"]).unwrap_or_default();
            let name = format!("service {}", service.text_at(&["alias"]).unwrap_or(image));
            variables::note(runner, places, &name, Role::Other, service.get("variables"));
        }
    };
    note(document, "every job");
    for (key, job) in document.entries() {
        let name = key.text().unwrap_or_default();
        if !matches!(name, "variables" | "include" | "workflow") {
            note(job, &format!("job {name}"));
        }
    }
}

#[derive(Default)]
struct Found<'a> {
    variables: Vec<&'a Node>,
    services: Vec<Service<'a>>,
}

struct Service<'a> {
    /// Its alias, or `docker`; with the job's name where that alone is not enough.
    name: String,
    /// Absent where it is made of variables that the file does not give.
    image: Option<String>,
    flags: Vec<String>,
    opts: Vec<String>,
    node: &'a Node,
}

impl<'a> Found<'a> {
    fn services(&mut self, holder: &'a Node, job: Option<&str>) {
        for node in holder.get("services").map_or(&[][..], Node::items) {
            let image = node.get("name").unwrap_or(node);
            let Some(image) = image.text() else { continue };
            let resolved = self.resolve(image, holder);
            if !is_dind(resolved.as_deref().unwrap_or(image), node)
                || self.services.len() >= MOST_ENGINES
            {
                continue;
            }
            let words = ["entrypoint", "command"]
                .iter()
                .filter_map(|key| node.get(key));
            let words = words.flat_map(|list| list.words()).filter_map(Node::text);
            let opts = [node.get("variables"), holder.get("variables")];
            let opts = opts
                .into_iter()
                .flatten()
                .chain(self.variables.iter().copied());
            let opts = opts
                .filter_map(|variables| value(variables, "DOCKER_OPTS"))
                .next();
            let mut service = Service {
                name: plain(node.text_at(&["alias"]).unwrap_or("docker")),
                image: resolved,
                flags: options::flags(words.flat_map(str::split_whitespace)),
                opts: options::opts(opts.unwrap_or_default()),
                node,
            };
            if self.services.iter().any(|known| known.is_like(&service)) {
                continue;
            }
            let taken = |name: &str| self.services.iter().any(|known| known.name == name);
            if taken(&service.name) {
                let of_job = format!("{} of {}", service.name, job.unwrap_or("all jobs"));
                service.name = plain(&of_job);
            }
            if !self.services.iter().any(|known| known.name == service.name) {
                self.services.push(service);
            }
        }
    }

    /// An image with the variables of the job and of the file put in; none where one is missing.
    fn resolve(&self, image: &str, job: &Node) -> Option<String> {
        let own = job.get("variables").into_iter();
        let known: Vec<&Node> = own.chain(self.variables.iter().copied()).collect();
        gitlab::resolve(image, |name| {
            known.iter().find_map(|variables| value(variables, name))
        })
    }
}

/// `NAME: value`, or `NAME: {value: …, description: …}`.
fn value<'a>(variables: &'a Node, name: &str) -> Option<&'a str> {
    let value = variables.get(name)?;
    value.text().or(value.text_at(&["value"]))
}

fn is_dind(image: &str, node: &Node) -> bool {
    let reference = ImageRef::parse(image);
    let words = ["entrypoint", "command"]
        .iter()
        .filter_map(|key| node.get(key));
    let mut words = words.flat_map(|list| list.words()).filter_map(Node::text);
    reference.name().contains("dind")
        || reference.tag.is_some_and(|tag| tag.contains("dind"))
        || reference.name() == "docker"
        || words.any(|word| word.contains("dockerd"))
}

impl Service<'_> {
    fn is_like(&self, other: &Service<'_>) -> bool {
        (&self.image, &self.flags, &self.opts) == (&other.image, &other.flags, &other.opts)
            && self.image.is_some()
            || self.node.span == other.node.span
    }

    fn engine(&self) -> Engine {
        let opts = &self.opts;
        let mut engine = pod::engine(&self.name, self.image.as_deref(), self.flags.clone(), opts);
        if self.image.is_none() && self.mtu_is_unset() {
            engine.config = Observation::Unobserved(Reason::ImageOfVariables);
        }
        engine
    }

    fn mtu_is_unset(&self) -> bool {
        !self.flags.iter().any(|flag| flag.starts_with("--mtu="))
    }

    /// Whether it is privileged, and where its layers lie, the runner's config.toml says: no part
    /// of this file. So it is no container of a pod whose specification is judged.
    fn container(&self) -> PodContainer {
        PodContainer {
            image: self.image.clone().unwrap_or_default(),
            dockerd_args: self.flags.clone(),
            ..pod::container(&self.name)
        }
    }

    fn note(&self, places: &mut Places) {
        let image = self.node.get("name").unwrap_or(self.node);
        let own: Span = image.span;
        places.note(&self.name, "", own);
        places.note(&self.name, self.image.as_deref().unwrap_or_default(), own);
        let command = self.node.entry("command").map(|(key, _)| key.span);
        places.note(&self.name, "docker0", command.unwrap_or(own));
    }
}
