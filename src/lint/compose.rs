//! Docker Compose files: the networks that Compose creates, and Docker engines among the services.

use super::network::{self, NESTED};
use super::place::Places;
use super::pod;
use super::variables;
use super::{Context, Draft, declared};
use crate::collect::walk::options;
use crate::evidence::{MTU_OPTION, Observed, Outermost, Provider, Reason, Role};
use crate::facts::versions::ImageRef;
use crate::systems::Site;
use crate::text::plain::plain;
use crate::yaml::{Node, Span};

const DEFAULT_MTU: i64 = 1500;
/// The engine that Compose uses, which is not in the file.
const HOST: &str = "docker";
const MOST_ENGINES: usize = 50;

/// Compose's own keys, to distinguish files of other tools that also have services.
const KEYS: [&str; 8] = [
    "configs", "include", "name", "networks", "secrets", "services", "version", "volumes",
];

pub(crate) fn is_one(document: &Node, name: &str) -> bool {
    let Some(services) = document
        .get("services")
        .filter(|services| services.is_map())
    else {
        return false;
    };
    let is_service = |(_, service): &(Node, Node)| {
        let image = service
            .get("image")
            .is_some_and(|image| image.text().is_some());
        image
            || ["build", "extends"]
                .iter()
                .any(|key| service.get(key).is_some())
    };
    let own = |(key, _): &(Node, Node)| {
        let key = key.text().unwrap_or_default();
        KEYS.contains(&key) || key.starts_with("x-")
    };
    let values = name.starts_with("values") || name.ends_with("values.yaml");
    document.entries().iter().all(own)
        && !values
        && !name.starts_with(".lando")
        && (name.contains("compose") || services.entries().iter().any(is_service))
}

/// If the files include a runner's manifest or a pipeline that uses Docker, Compose runs in that engine. A
/// Compose file given alone may run anywhere: then only the engines in it are judged, by the networks that it
/// creates.
pub(crate) fn read(
    document: &Node,
    context: &Context<'_>,
    remarks: &mut Vec<String>,
) -> Option<Draft> {
    let starts = |(_, service): &(Node, Node)| is_dind(service) || role(service) == Role::Runner;
    let starts_engine = document
        .get("services")
        .is_some_and(|services| services.entries().iter().any(starts));
    let judged = context.beside || context.named && starts_engine;
    if !judged {
        if context.named {
            remarks.push(format!(
                "{}: no service is a Docker engine, and no runner's manifest is among the files: its networks were not checked",
                context.file
            ));
        }
        return None;
    }
    let services = document.get("services")?;
    let mut runner = declared::bare(Provider::Generic, context, Site::Compose);
    if context.home.is_none() && !context.pipelines {
        runner.outermost = Outermost::Machine;
    }
    let mut places = Places::default();
    places.note("", "", pod::head(document));
    let mut pod_namespace =
        network::pod(context.pod_network, context.home.is_some_and(|h| h.clamped));
    let networks = networks(document);
    let mut host = declared::engine(HOST, None, Vec::new(), &[]);
    if let Some(planned) = &mut host.planned {
        // Compose cannot configure its default bridge.
        planned.networks.clear();
        for network in networks.iter().filter(|network| network.is_made()) {
            let mut made = network::user_network(&network.name, network.mtu);
            made.driver = network.driver.clone();
            made.internal = network.internal;
            made.bridge = Some(network.bridge());
            planned.networks.push(made);
            places.note(HOST, &network.name, network.span);
        }
    }
    for (name, service) in services.entries() {
        let name = format!("service {}", name.text().unwrap_or_default());
        let given = service.get("environment");
        variables::note(&mut runner, &mut places, &name, role(service), given);
    }
    let mut engines = vec![host];
    let mut inner = Vec::new();
    for (name, service) in services
        .entries()
        .iter()
        .filter(|(_, s)| is_dind(s))
        .take(MOST_ENGINES)
    {
        let id = NESTED + i64::try_from(inner.len()).unwrap_or_default();
        let path = format!("{HOST}/{}", plain(name.text().unwrap_or_default()));
        let mut engine = engine(&path, service);
        engine.namespace = id;
        let (bridge, mtu) = first_network(service, &networks);
        inner.push(network::behind(id, &mut pod_namespace, &bridge, mtu));
        note(&mut places, &path, name, service);
        engines.push(engine);
    }
    let mut namespaces = vec![pod_namespace];
    namespaces.extend(inner);
    runner.namespaces = Observed(namespaces);
    runner.engines = Observed(engines);
    Some(Draft {
        runner,
        places,
        presumed: None,
    })
}

struct Network {
    name: String,
    driver: String,
    mtu: Option<i64>,
    internal: bool,
    /// Created outside this file.
    external: bool,
    span: Span,
}

impl Network {
    fn is_made(&self) -> bool {
        !self.external
    }

    fn bridge(&self) -> String {
        format!("compose network {}", self.name)
    }
}

/// The networks of a file, including the implicit `default`, which Compose creates for services
/// that name none.
fn networks(document: &Node) -> Vec<Network> {
    let defined = document.get("networks").map_or(&[][..], Node::entries);
    let mut networks: Vec<Network> = defined.iter().map(network).collect();
    let uses_default = |(_, service): &&(Node, Node)| {
        service.get("networks").is_none() && service.get("network_mode").is_none()
    };
    let services = document.get("services").map_or(&[][..], Node::entries);
    let user = services.iter().find(uses_default);
    if let Some((name, _)) = user
        && !networks.iter().any(|network| network.name == "default")
    {
        networks.push(Network {
            name: "default".to_owned(),
            driver: "bridge".to_owned(),
            mtu: None,
            internal: false,
            external: false,
            span: document
                .entry("services")
                .map_or(name.span, |(key, _)| key.span),
        });
    }
    networks
}

fn network((name, settings): &(Node, Node)) -> Network {
    let option = settings
        .get("driver_opts")
        .and_then(|options| options.entry(MTU_OPTION));
    Network {
        name: plain(name.text().unwrap_or_default()),
        driver: plain(settings.text_at(&["driver"]).unwrap_or("bridge")),
        mtu: option.and_then(|(_, value)| value.text()?.parse().ok()),
        internal: settings.get("internal").is_some_and(Node::is_true),
        external: settings
            .get("external")
            .is_some_and(|e| e.is_true() || e.is_map()),
        span: option.map_or(name.span, |(_, value)| value.span),
    }
}

fn is_dind(service: &Node) -> bool {
    let image = ImageRef::parse(service.text_at(&["image"]).unwrap_or_default());
    let privileged = service.get("privileged").is_some_and(Node::is_true);
    let mut words = words(service);
    image.is_dind()
        || image.name() == "docker" && privileged
        || words.any(|word| word == "dockerd" || word.ends_with("/dockerd"))
}

fn words(service: &Node) -> impl Iterator<Item = &str> {
    let keys = ["entrypoint", "command"].iter();
    let lists = keys.filter_map(|key| service.get(key));
    let texts = lists.flat_map(|list| list.words()).filter_map(Node::text);
    texts.flat_map(str::split_whitespace)
}

fn engine(path: &str, service: &Node) -> crate::evidence::Engine {
    let opts = variable(service, "DOCKER_OPTS");
    let opts = options::opts(opts.as_deref().unwrap_or_default());
    let image = service.text_at(&["image"]);
    let mut engine = declared::engine(path, image, options::flags(words(service)), &opts);
    let lists = ["volumes", "configs"].iter();
    let binds = lists.flat_map(|key| service.get(key).map_or(&[][..], Node::items));
    let mut targets = binds.filter_map(|bind| bind.text().or(bind.text_at(&["target"])));
    if targets.any(holds_config) {
        engine.config = crate::evidence::Unseen(Reason::VolumeMayHoldConfig);
    }
    engine
}

/// Whether a mount provides dockerd's daemon.json: `./daemon.json:/etc/docker/daemon.json:ro`.
fn holds_config(bind: &str) -> bool {
    let mut parts = bind.split(':');
    parts.any(|part| {
        matches!(
            part.trim_end_matches('/'),
            "/etc/docker" | "/etc/docker/daemon.json"
        )
    })
}

/// A runner is recognized as in a pod; a compose file does not show the purpose of other services.
fn role(service: &Node) -> Role {
    let image = service.text_at(&["image"]).unwrap_or_default();
    let is_runner =
        image.contains("bitbucket-pipelines-runner") || variable(service, "RUNNER_UUID").is_some();
    match is_runner {
        true => Role::Runner,
        false => Role::Other,
    }
}

/// `environment` is a map, or a list of `NAME=value`.
fn variable(service: &Node, name: &str) -> Option<String> {
    let environment = service.get("environment")?;
    let of_map = environment.text_at(&[name]).map(str::to_owned);
    of_map.or_else(|| {
        let mut items = environment.items().iter().filter_map(Node::text);
        items.find_map(|item| Some(item.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    })
}

/// The first network of a service, and its MTU.
fn first_network(service: &Node, networks: &[Network]) -> (String, i64) {
    let named = service.get("networks");
    let first = named.and_then(|named| match named.is_list() {
        true => named.items().first()?.text(),
        false => named.entries().first()?.0.text(),
    });
    let first = first.unwrap_or("default");
    match networks.iter().find(|network| network.name == first) {
        Some(network) => (network.bridge(), network.mtu.unwrap_or(DEFAULT_MTU)),
        // The host's network, or another container's.
        None => ("the host's network".to_owned(), i64::from(u16::MAX)),
    }
}

fn note(places: &mut Places, path: &str, name: &Node, service: &Node) {
    places.note(path, "", name.span);
    let image = service.get("image");
    if let Some(image) = image {
        places.note(path, image.text().unwrap_or_default(), image.span);
    }
    let command = service.entry("command").map(|(key, _)| key.span);
    let image = image.map_or(name.span, |image| image.span);
    places.note(path, "docker0", command.unwrap_or(image));
}
