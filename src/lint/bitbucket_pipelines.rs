//! bitbucket-pipelines.yml: the Docker engine that Bitbucket starts inside the runner's engine, and
//! the memory that steps request.

use super::network::{self, NESTED};
use super::place::Places;
use super::pod;
use super::step_networks;
use super::variables;
use super::{Context, Draft, declared};
use crate::collect::walk::options;
use crate::evidence::{Observation, Observed, Owner, PipelineStep, Provider, Reason, Role, Runner};
use crate::systems::Site;
use crate::text::plain::plain;
use crate::yaml::{Node, Span};

/// The outer engine's name in reports, if no manifest names it.
const OUTER: &str = "docker-in-docker";
/// Enough for steps in stages in parallel groups in a pipeline.
const DEEPEST: usize = 8;

pub(crate) fn is_one(document: &Node, name: &str) -> bool {
    let mut steps = Vec::new();
    for key in ["pipelines", "definitions"] {
        if let Some(part) = document.get(key).filter(|part| part.is_map()) {
            collect(part, 0, &mut steps);
        }
    }
    if document.get("$schema").is_some() || document.get("properties").is_some() {
        return false;
    }
    let is_map = |path: &[&str]| document.at(path).is_some_and(Node::is_map);
    // JSON Schemas have `definitions` too; these keys are specific to services.
    let is_service = |(name, service): &(Node, Node)| {
        let keys = ["image", "memory", "variables", "type"];
        name.text() == Some("docker") || keys.iter().any(|key| service.get(key).is_some())
    };
    let services = document.at(&["definitions", "services"]);
    !steps.is_empty()
        || services.is_some_and(|all| all.entries().iter().any(is_service))
        || name.starts_with("bitbucket-pipelines")
            && (is_map(&["pipelines"]) || is_map(&["definitions"]) || is_map(&["options"]))
}

/// Whether any step uses the docker service. A partial file may define one for other files.
pub(crate) fn uses_docker(document: &Node) -> bool {
    let mut steps = Vec::new();
    for key in ["pipelines", "definitions"] {
        if let Some(part) = document.get(key) {
            collect(part, 0, &mut steps);
        }
    }
    let everywhere = document.at(&["options", "docker"]);
    everywhere.is_some_and(Node::is_true)
        || document
            .at(&["definitions", "services", "docker"])
            .is_some()
        || steps.iter().any(|step| step.service("docker").is_some())
}

/// Whether any step runs on a self-hosted runner.
pub(crate) fn has_own_runner(document: &Node) -> bool {
    let mut steps = Vec::new();
    for key in ["pipelines", "definitions"] {
        if let Some(part) = document.get(key) {
            collect(part, 0, &mut steps);
        }
    }
    steps.iter().any(|step| step.own_runner)
}

/// The runner that such a file requires; `None` if all steps run in Bitbucket's cloud.
pub(crate) fn read(
    document: &Node,
    context: &Context<'_>,
    remarks: &mut Vec<String>,
) -> Option<Draft> {
    let mut steps = Vec::new();
    for key in ["pipelines", "definitions"] {
        if let Some(part) = document.get(key) {
            collect(part, 0, &mut steps);
        }
    }
    let own: Vec<&Step> = match steps.iter().any(|step| step.own_runner) {
        true => steps.iter().filter(|step| step.own_runner).collect(),
        false if judged_all_the_same(&steps, context) => {
            if !steps.is_empty() {
                remarks.push(format!(
                    "{}: no step has runs-on, so all steps may run in Bitbucket's cloud: the file was judged as if its steps ran on your runner",
                    context.file
                ));
            }
            steps.iter().collect()
        }
        false => {
            remarks.push(format!(
                "{}: no step has runs-on: all steps run in Bitbucket's cloud, and the file was not checked",
                context.file
            ));
            return None;
        }
    };
    Some(Reader { document, context }.draft(&steps, &own))
}

/// A file that was named explicitly, or is linted with a runner's manifest, is meant for a runner.
fn judged_all_the_same(steps: &[Step], context: &Context<'_>) -> bool {
    steps.is_empty() || context.named || context.home.is_some_and(|home| home.bitbucket)
}

struct Reader<'a> {
    document: &'a Node,
    context: &'a Context<'a>,
}

impl Reader<'_> {
    fn draft(&self, steps: &[Step], own: &[&Step]) -> Draft {
        let mut runner =
            declared::bare(Provider::Bitbucket, self.context, Site::BitbucketPipelines);
        let mut places = Places::default();
        places.note("", "", pod::head(self.document));
        // The fix that applies at every level is in the manifest of the pipeline's runner.
        runner.owner = Some(Owner {
            kind: "the manifest of".to_owned(),
            name: "the runner".to_owned(),
        });
        self.plan(&mut runner, &mut places, steps, own);
        for (name, service) in self.defined() {
            let name = format!("service {}", name.text().unwrap_or_default());
            let given = service.get("variables");
            variables::note(&mut runner, &mut places, &name, Role::Other, given);
        }
        if let Some(declared) = &mut runner.declared {
            let room = self.context.home.and_then(|home| home.memory_mib);
            if let Some(room) = room {
                declared.memory_mib = Observed(room);
            }
            declared.steps = Observed(self.sized(own, &mut places));
            declared.networks_by = step_networks::created_by(std::slice::from_ref(self.document));
        }
        Draft {
            runner,
            places,
            presumed: None,
        }
    }

    /// The engines that the docker service starts, each behind the runner's own engine.
    fn plan(&self, runner: &mut Runner, places: &mut Places, steps: &[Step], own: &[&Step]) {
        let home = self.context.home;
        let outer = home.map_or(OUTER, |home| home.engine.as_str());
        let mut pod = network::pod(self.context.pod_network, home.is_some_and(|h| h.clamped));
        let mut engines = Vec::new();
        let mut namespaces = Vec::new();
        for service in self.services(steps, own) {
            let id = NESTED + i64::try_from(engines.len()).unwrap_or_default();
            let path = format!("{outer}/{}", service.name);
            let mut engine = service.engine(&path);
            engine.namespace = id;
            engines.push(engine);
            service.note(&path, places);
            namespaces.push(match home {
                // Its containers send through a network of the outer engine.
                Some(home) => {
                    let mtu = home.mtu.unwrap_or(self.context.pod_network.mtu);
                    let bridge = format!("docker0 of {} ({})", home.engine, home.file);
                    network::behind(id, &mut pod, &bridge, mtu)
                }
                None => network::behind(id, &mut pod, "docker0", i64::from(u16::MAX)),
            });
        }
        namespaces.insert(0, pod);
        runner.namespaces = Observed(namespaces);
        runner.engines = Observed(engines);
    }

    fn defined(&self) -> &[(Node, Node)] {
        let defined = self.document.at(&["definitions", "services"]);
        defined.map_or(&[][..], Node::entries)
    }

    /// The docker service and others of its type that a step on the runner uses.
    fn services(&self, steps: &[Step], own: &[&Step]) -> Vec<Service<'_>> {
        let mut services: Vec<Service> = self
            .defined()
            .iter()
            .filter(|(key, service)| {
                key.text() == Some("docker") || service.text_at(&["type"]) == Some("docker")
            })
            .map(|(key, service)| Service {
                name: key.text().unwrap_or_default().to_owned(),
                span: key.span,
                definition: Some(service),
            })
            .collect();
        let everywhere = self.document.at(&["options", "docker"]);
        let everywhere = everywhere.filter(|docker| docker.is_true());
        let uses = |name: &str| own.iter().find_map(|step| step.service(name));
        // A file without steps is partial: assume that its services are used.
        if !steps.is_empty() && everywhere.is_none() {
            services.retain(|service| uses(&service.name).is_some());
        }
        if services.iter().all(|service| service.name != "docker") {
            let span = uses("docker").or(everywhere.map(|docker| docker.span));
            services.extend(span.map(|span| Service {
                name: "docker".to_owned(),
                span,
                definition: None,
            }));
        }
        services
    }

    fn sized(&self, own: &[&Step], places: &mut Places) -> Vec<PipelineStep> {
        let global = self.document.at(&["options", "size"]);
        let mut sized: Vec<PipelineStep> = Vec::new();
        for (number, step) in own.iter().enumerate() {
            let Some(size) = step.node.get("size").or(global) else {
                continue;
            };
            let Some(memory_mib) = size.text().and_then(memory) else {
                continue;
            };
            let name = step.node.text_at(&["name"]).map(plain);
            let name = name.unwrap_or_else(|| format!("number {}", number + 1));
            places.note("", &name, size.span);
            sized.push(PipelineStep {
                name,
                size: plain(size.text().unwrap_or_default()),
                memory_mib,
            });
        }
        sized
    }
}

/// `2x` is twice a step's default of 4 GiB.
fn memory(size: &str) -> Option<i64> {
    const OF_ONE: i64 = 4096;
    let times: i64 = size.strip_suffix('x')?.parse().ok()?;
    (1..=64).contains(&times).then_some(times * OF_ONE)
}

/// An engine that Bitbucket starts for the file.
struct Service<'a> {
    name: String,
    span: Span,
    definition: Option<&'a Node>,
}

impl Service<'_> {
    fn image(&self) -> Option<&Node> {
        let image = self.definition?.get("image")?;
        image.get("name").or(Some(image))
    }

    fn opts(&self) -> Option<(&Node, &Node)> {
        self.definition?.get("variables")?.entry("DOCKER_OPTS")
    }

    fn engine(&self, path: &str) -> crate::evidence::Engine {
        let opts = self.opts().and_then(|(_, value)| value.text());
        let opts = options::opts(opts.unwrap_or_default());
        let image = self.image().and_then(Node::text);
        let mut engine = declared::engine(path, image, Vec::new(), &opts);
        if image.is_some_and(|image| image.contains('$')) {
            engine.image = Observation::Unobserved(Reason::ImageOfVariables);
        }
        engine
    }

    fn note(&self, path: &str, places: &mut Places) {
        places.note(path, "", self.span);
        places.note(path, &self.name, self.span);
        if let Some(image) = self.image() {
            places.note(path, image.text().unwrap_or_default(), image.span);
        }
        let opts = self.opts().map(|(key, _)| key.span);
        let image = self.image().map(|image| image.span);
        places.note(path, "docker0", opts.or(image).unwrap_or(self.span));
    }
}

struct Step<'a> {
    node: &'a Node,
    own_runner: bool,
}

impl Step<'_> {
    fn service(&self, name: &str) -> Option<Span> {
        let services = self.node.get("services")?;
        let mut words = services.words();
        words
            .find(|word| word.text() == Some(name))
            .map(|word| word.span)
    }
}

/// Collects every step in stages, parallel groups and named pipelines.
fn collect<'a>(node: &'a Node, depth: usize, steps: &mut Vec<Step<'a>>) {
    if depth > DEEPEST {
        return;
    }
    for item in node.items() {
        collect(item, depth + 1, steps);
    }
    for (key, value) in node.entries() {
        if key.text() == Some("step") && value.is_map() {
            // A step reused through an alias has the same span: collect it once.
            if steps
                .iter()
                .all(|step| step.node.span != value.span || step.node != value)
            {
                let labels = value.get("runs-on").map(Node::words);
                let own_runner = labels.is_some_and(|mut labels| labels.next().is_some());
                steps.push(Step {
                    node: value,
                    own_runner,
                });
            }
        } else if !matches!(key.text(), Some("services" | "caches" | "script")) {
            collect(value, depth + 1, steps);
        }
    }
}
