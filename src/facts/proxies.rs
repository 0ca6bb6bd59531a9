//! Facts of proxies: one that an engine lacks, and one that is not there.

use super::clients::first;
use crate::evidence::{Engine, EngineApi, LocalProxy, Observation, Observed, Reason, Runner};
use schemars::JsonSchema;
use serde::Serialize;

/// Proxy variables that one container has and an engine has not.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProxyMissing {
    /// The container that has them.
    pub container: String,
    /// Their names, separated by `, `.
    pub names: String,
}

/// A proxy at a loopback address and port on which nothing listens.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DeadProxy {
    /// The path of the engine, or the container, that uses it.
    pub user: String,
    /// `127.0.0.1:3128`.
    pub address: String,
    /// The variables that are set to it, separated by `, `.
    pub names: String,
    /// Whether the engine itself uses it.
    pub of_engine: bool,
}

/// The proxy of a container beside an engine that has none. What the registries are reached by is HTTPS.
pub(super) fn missing(
    runner: &Runner,
    engine: Option<&Engine>,
) -> Observation<Option<ProxyMissing>> {
    let proxies = |api: &EngineApi| api.proxies.clone();
    let api = engine.and_then(|engine| engine.api.observed());
    let Some(own) = api.and_then(proxies) else {
        return Observed(None);
    };
    if own.iter().any(|name| name == "HTTPS_PROXY") {
        return Observed(None);
    }
    first(runner, |asks, client| {
        let names = client.proxies.iter().flatten();
        let missing: Vec<&str> = names
            .filter(|name| !own.contains(name))
            .map(String::as_str)
            .collect();
        Observed((!missing.is_empty()).then(|| ProxyMissing {
            container: asks.name.clone(),
            names: missing.join(", "),
        }))
    })
}

/// The proxy of an engine, where nothing listens at its address.
pub(super) fn dead(engine: &Engine) -> Observation<Option<DeadProxy>> {
    let Some(api) = engine.api.observed() else {
        return Observed(None);
    };
    let (names, local) = (api.proxies.as_deref(), api.local_proxies.as_deref());
    judge(&engine.path, true, names, local)
}

/// That of a container that uses the engine: its commands send requests of their own.
pub(super) fn dead_of_clients(runner: &Runner) -> Observation<Option<DeadProxy>> {
    first(runner, |asks, client| {
        let (names, local) = (client.proxies.as_deref(), client.local_proxies.as_deref());
        judge(&asks.name, false, names, local)
    })
}

fn judge(
    user: &str,
    of_engine: bool,
    names: Option<&[String]>,
    local: Option<&[LocalProxy]>,
) -> Observation<Option<DeadProxy>> {
    let names = names.unwrap_or_default();
    let Some(local) = local else {
        return match names.is_empty() {
            true => Observed(None),
            false => Observation::Unobserved(Reason::NotRecorded),
        };
    };
    if let Some(dead) = local.iter().find(|proxy| proxy.listens == Some(false)) {
        let same = local.iter().filter(|proxy| proxy.address == dead.address);
        let names: Vec<&str> = same.map(|proxy| proxy.name.as_str()).collect();
        return Observed(Some(DeadProxy {
            user: user.to_owned(),
            address: dead.address.clone(),
            names: names.join(", "),
            of_engine,
        }));
    }
    let listens = |name: &str| {
        let mut here = local.iter().filter(|proxy| proxy.name == name);
        here.any(|proxy| proxy.listens == Some(true))
    };
    let elsewhere = names.iter().filter(|name| !listens(name));
    let elsewhere: Vec<&str> = elsewhere.map(String::as_str).collect();
    match elsewhere.is_empty() {
        true => Observed(None),
        false => Observation::Unobserved(Reason::ProxyElsewhere {
            container: user.to_owned(),
            names: elsewhere.join(", "),
        }),
    }
}
