//! The objects of a scenario, changed and moved into its namespace.

use crate::lab;
use crate::scenario::{Manifest, Scenario};
use crate::world;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// Kinds that live in no namespace.
const CLUSTER_WIDE: [&str; 2] = ["ClusterRole", "ClusterRoleBinding"];

pub fn objects(scenario: &Scenario, namespace: &str) -> Result<Vec<Value>> {
    let mut objects = match &scenario.manifest {
        Manifest::Objects(objects) => objects.clone(),
        Manifest::File(name) => {
            let text = text(name)?;
            let text = world::translate(&text, &scenario.instead);
            serde_saphyr::from_multiple(&text).with_context(|| format!("manifest {name}"))?
        }
    };
    objects.retain(|object| object["kind"] != "Namespace");
    for change in &scenario.change {
        let mut meant = objects.iter_mut().filter(|object| is_meant(object, change));
        merge(meant.next().context("a change fits no object")?, change);
        meant.for_each(|object| merge(object, change));
    }
    for object in &mut objects {
        fill_in(object, namespace);
        if let (Some(node), Some(spec)) = (lab::NODE.get(), pod_spec(object)) {
            spec.insert("nodeName".to_owned(), json!(node));
        }
        let kind = object["kind"].as_str().unwrap_or_default();
        if !CLUSTER_WIDE.contains(&kind) {
            object["metadata"]["namespace"] = json!(namespace);
        }
    }
    Ok(objects)
}

fn text(name: &str) -> Result<String> {
    std::fs::read_to_string(lab::manifests().join(name)).with_context(|| format!("manifest {name}"))
}

/// A manifest's file as it is written, in another namespace than its own.
pub fn moved(scenario: &Scenario, namespace: &str) -> Result<String> {
    let Manifest::File(name) = &scenario.manifest else {
        bail!("there is no file of it");
    };
    let text = text(name)?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    let own = objects.iter().find(|object| object["kind"] == "Namespace");
    let own = own.and_then(|object| object["metadata"]["name"].as_str());
    let own = own.context("it names no namespace")?;
    Ok(text.replace(&format!(": {own}\n"), &format!(": {namespace}\n")))
}

fn is_meant(object: &Value, change: &Value) -> bool {
    let name = &change["metadata"]["name"];
    object["kind"] == change["kind"] && (name.is_null() || *name == object["metadata"]["name"])
}

/// Lists of things with names are merged by those; null takes away.
pub fn merge(target: &mut Value, change: &Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (key, value) in change {
                if value.is_null() {
                    target.remove(key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(target), Value::Array(change)) if is_named(target) && is_named(change) => {
            for item in change {
                match target.iter_mut().find(|t| t["name"] == item["name"]) {
                    Some(known) => merge(known, item),
                    None => target.push(item.clone()),
                }
            }
        }
        (target, change) => *target = change.clone(),
    }
}

fn is_named(list: &[Value]) -> bool {
    list.iter().all(|item| item["name"].is_string())
}

/// Of a pod, or of an object that makes pods.
fn pod_spec(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let path = match object["kind"].as_str() {
        Some("Pod") => "/spec",
        _ => "/spec/template/spec",
    };
    object.pointer_mut(path)?.as_object_mut()
}

fn fill_in(value: &mut Value, namespace: &str) {
    match value {
        Value::String(text) => *text = text.replace("{namespace}", namespace),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, namespace)),
        Value::Object(map) => fill_in_map(map, namespace),
        _ => {}
    }
}

fn fill_in_map(map: &mut Map<String, Value>, namespace: &str) {
    map.values_mut().for_each(|item| fill_in(item, namespace));
}
