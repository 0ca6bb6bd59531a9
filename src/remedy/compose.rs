//! Docker Compose files: engines among the services, and the networks that Compose creates.

use super::{Refusal, arguments, template, words};
use crate::diagnosis::{Change, Remedy};
use crate::evidence::MTU_OPTION;
use crate::yaml::{Edit, Step, at, get};
use serde_json::{Value, json};

/// What is new in the file.
pub fn paste(change: &Change) -> Remedy {
    let skeleton = match &change.network {
        Some(name) => json!({"networks": {name: {}}}),
        None => json!({"services": {service(change): {}}}),
    };
    let edits = edits(&skeleton, change).unwrap_or_default();
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(words::title(change), template::fragment(skeleton, &edits))
    }
}

/// Its service: the last of the engine's path.
pub fn service(change: &Change) -> &str {
    let path = &change.container;
    path.rsplit('/').next().unwrap_or(path)
}

/// The edits of a Compose file.
pub fn edits(document: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    if let Some(network) = &change.network {
        return network_mtu(document, network, change);
    }
    let path = at(&[], ["services", service(change)]);
    let holder = get(document, &path).filter(|service| service.is_object());
    let holder = holder.ok_or_else(|| Refusal::NotThere(service(change).to_owned()))?;
    let settings = &change.settings;
    if settings.clamp {
        return Err(Refusal::NoField("Compose".to_owned()));
    }
    let mut edits = Vec::new();
    let mut set = |key: &str, value: Option<Value>| {
        let value = value.filter(|value| holder.get(key) != Some(value));
        edits.extend(value.map(|value| Edit::Set(at(&path, [key]), value)));
    };
    set("image", settings.image.as_ref().map(|image| json!(image)));
    set("mem_limit", settings.memory_limit.as_deref().map(amount));
    set(
        "mem_reservation",
        settings.memory_request.as_deref().map(amount),
    );
    set("privileged", settings.privileged.then_some(json!(true)));
    edits.extend(arguments::edits(
        holder,
        &path,
        ["entrypoint", "command"],
        change,
    )?);
    edits.extend(
        settings
            .env
            .iter()
            .map(|(name, value)| variable(holder, &path, name, value)),
    );
    if settings.volume {
        let data = json!(template::data(change));
        edits.push(Edit::Append(at(&path, ["volumes"]), data));
    }
    Ok(edits)
}

fn network_mtu(document: &Value, network: &str, change: &Change) -> Result<Vec<Edit>, Refusal> {
    let mtu = change.settings.network_mtu.or(change.settings.mtu);
    let is_compose = ["services", "networks"]
        .iter()
        .any(|key| document.get(key).is_some());
    match mtu.filter(|_| is_compose) {
        Some(mtu) => {
            let path = ["networks", network, "driver_opts", MTU_OPTION];
            Ok(vec![Edit::Set(at(&[], path), json!(mtu.to_string()))])
        }
        None => Err(Refusal::NotThere(network.to_owned())),
    }
}

/// Compose writes `1g` for Kubernetes' `1Gi`.
fn amount(quantity: &str) -> Value {
    let unit = quantity.strip_suffix('i').map(str::to_lowercase);
    json!(unit.unwrap_or_else(|| quantity.to_owned()))
}

/// `environment` is a map, or a list of `NAME=value`.
fn variable(service: &Value, path: &[Step], name: &str, value: &str) -> Edit {
    let path = at(path, ["environment"]);
    let word = format!("{name}={value}");
    let Some(list) = service["environment"].as_array() else {
        return Edit::Set(at(&path, [name]), json!(value));
    };
    let of_name = |item: &Value| {
        let item = item.as_str().unwrap_or_default();
        item.split('=').next() == Some(name)
    };
    match list.iter().position(of_name) {
        Some(index) => {
            let mut path = path;
            path.push(Step::Item(index));
            Edit::Set(path, json!(word))
        }
        None => Edit::Append(path, json!(word)),
    }
}
