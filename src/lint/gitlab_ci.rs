//! .gitlab-ci.yml: the docker:dind services of its jobs.

use super::place::Places;
use super::pod;
use super::step_networks;
use super::variables;
use super::{Context, Draft, declared};
use crate::collect::walk::options;
use crate::evidence::{Engine, Observed, PodContainer, Provider, Role, Runner};
use crate::facts::versions::ImageRef;
use crate::systems::{Site, gitlab};
use crate::text::plain::plain;
use crate::yaml::{Node, Span};

const MOST_ENGINES: usize = 100;

/// Keys that identify a map as a job, or as a template that jobs extend.
const OF_JOBS: [&str; 5] = [
    "script",
    "trigger",
    "extends",
    "before_script",
    "after_script",
];
/// Keys of a job's rule; those of RBAC and of alerts, which also have `rules`, differ.
const OF_RULES: [&str; 4] = ["if", "when", "changes", "exists"];
/// Top-level keys.
const OF_FILES: [&str; 7] = [
    "include",
    "stages",
    "default",
    "image",
    "services",
    "variables",
    "workflow",
];
/// Keys of other systems' files that GitLab's do not have.
const OF_OTHERS: [&str; 9] = [
    "jobs",
    "on",
    "apiVersion",
    "kind",
    "steps",
    "pipelines",
    "language",
    "pool",
    "parameters",
];

pub(crate) fn is_one(document: &Node, name: &str) -> bool {
    let other = OF_OTHERS.iter().any(|key| document.get(key).is_some());
    let map = document.get("services").is_some_and(Node::is_map);
    if !document.is_map() || other || map {
        return false;
    }
    let is_job = |(key, job): &(Node, Node)| {
        let services = job.get("services").filter(|services| services.is_list());
        let of_default = key.text() == Some("default") && job.get("image").is_some();
        let mut rules = job.get("rules").map_or(&[][..], Node::items).iter();
        let is_rule =
            |rule: &Node| rule.reference || OF_RULES.iter().any(|key| rule.get(key).is_some());
        job.is_map()
            && (OF_JOBS.iter().any(|key| job.get(key).is_some())
                || rules.any(is_rule)
                || services.is_some_and(|services| {
                    services.reference || services.items().iter().any(is_service)
                })
                || of_default)
    };
    let has = |key: &&'static str| document.get(key).is_some();
    let services = document.get("services").map_or(&[][..], Node::items);
    document.entries().iter().any(is_job)
        || services.iter().any(is_service) && !services.iter().all(|s| s.text() == Some("docker"))
        || name.ends_with("gitlab-ci.yml") && OF_FILES.iter().any(has)
}

/// A service is an image name, or a map with one.
fn is_service(service: &Node) -> bool {
    service.text().or(service.text_at(&["name"])).is_some()
}

/// The file's global variables, by name.
pub(super) fn variables(documents: &[Node]) -> Vec<(String, String)> {
    let all = documents.iter().filter_map(|d| d.get("variables"));
    let each = all.flat_map(Node::entries).filter_map(|(name, value)| {
        let value = value.text().or(value.text_at(&["value"]))?;
        Some((name.text()?.to_owned(), value.to_owned()))
    });
    each.collect()
}

/// The local files that it includes, as written.
pub(super) fn includes(documents: &[Node]) -> Vec<String> {
    let mut found = Vec::new();
    for include in documents.iter().filter_map(|d| d.get("include")) {
        let single = std::slice::from_ref(include);
        let each = if include.is_list() {
            include.items()
        } else {
            single
        };
        found.extend(each.iter().filter_map(|one| {
            let local = one.text_at(&["local"]).or(one.text());
            let local = local.filter(|local| !local.contains("://") && !local.contains('$'));
            local.map(|local| local.trim_start_matches('/').to_owned())
        }));
    }
    found
}

/// Jobs share one runner: services with the same image and flags are one engine, whatever the jobs' names.
pub(crate) fn read(documents: &[Node], context: &Context<'_>) -> Option<Draft> {
    let mut found = Found {
        documents,
        shared: context.variables,
        services: Vec::new(),
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
    let mut runner = declared::bare(Provider::Gitlab, context, Site::Gitlab);
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
    if let Some(declared) = &mut runner.declared {
        declared.networks_by = step_networks::created_by(documents);
    }
    Some(Draft {
        runner,
        places,
        presumed: None,
    })
}

/// For all jobs and services, whatever their image.
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

struct Found<'a> {
    documents: &'a [Node],
    /// From the files that include this one, or that it includes.
    shared: &'a [(String, String)],
    services: Vec<Service<'a>>,
}

struct Service<'a> {
    /// Its alias, or `docker`; prefixed by the job's name if that is ambiguous.
    name: String,
    /// With variables resolved as far as the files define them.
    image: String,
    flags: Vec<String>,
    opts: Vec<String>,
    node: &'a Node,
}

impl<'a> Found<'a> {
    fn services(&mut self, holder: &'a Node, job: Option<&str>) {
        let services = holder.get("services").filter(|list| !list.reference);
        for node in services.map_or(&[][..], Node::items) {
            let image = node.get("name").unwrap_or(node);
            let Some(image) = image.text() else { continue };
            let resolved = self.resolve(image, holder, job);
            if !is_dind(&resolved, node) || self.services.len() >= MOST_ENGINES {
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
                .chain(self.documents.iter().filter_map(|d| d.get("variables")));
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

    /// An image with the variables of the job, of the jobs that extend it and of the file resolved, as far as
    /// they are known.
    fn resolve(&self, image: &str, holder: &Node, job: Option<&str>) -> String {
        let all = || self.documents.iter().flat_map(Node::entries);
        let extends = |node: &Node| {
            let mut names = node.get("extends").into_iter().flat_map(Node::words);
            names.any(|name| name.text() == job)
        };
        let heirs = all()
            .map(|(_, node)| node)
            .filter(|n| job.is_some() && extends(n));
        let own = holder.get("variables").into_iter();
        let of_heirs = heirs.filter_map(|node| node.get("variables"));
        let of_file = self.documents.iter().filter_map(|d| d.get("variables"));
        let known: Vec<&Node> = own.chain(of_heirs).chain(of_file).collect();
        let mut resolved = image.to_owned();
        // Variables may refer to others.
        for _ in 0..3 {
            resolved = gitlab::fill(&resolved, |name| {
                let mut shared = self.shared.iter();
                let found = known.iter().find_map(|variables| value(variables, name));
                found.or_else(|| shared.find(|(n, _)| n == name).map(|(_, v)| v.as_str()))
            });
        }
        resolved
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
    reference.is_dind()
        || reference.name() == "docker"
        || words.any(|word| word.contains("dockerd"))
}

impl Service<'_> {
    fn is_like(&self, other: &Service<'_>) -> bool {
        (&self.image, &self.flags, &self.opts) == (&other.image, &other.flags, &other.opts)
            || self.node.span == other.node.span
    }

    fn engine(&self) -> Engine {
        declared::engine(
            &self.name,
            Some(&self.image),
            self.flags.clone(),
            &self.opts,
        )
    }

    /// Whether it is privileged and where its layers are stored is set in the runner's config.toml,
    /// not in this file. So it is not a container of a pod whose specification is judged.
    fn container(&self) -> PodContainer {
        PodContainer {
            image: self.image.clone(),
            dockerd_args: self.flags.clone(),
            ..declared::container(&self.name)
        }
    }

    fn note(&self, places: &mut Places) {
        let image = self.node.get("name").unwrap_or(self.node);
        let own: Span = image.span;
        places.note(&self.name, "", own);
        places.note(&self.name, &self.image, own);
        let command = self.node.entry("command").map(|(key, _)| key.span);
        places.note(&self.name, "docker0", command.unwrap_or(own));
    }
}
