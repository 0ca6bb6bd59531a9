//! What changed in the layers under one runner.

use crate::diagnosis::{ExaminedRunner, Layer, LayerKind};
use crate::evidence::identity::steady;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LayerChange {
    /// As it is called now.
    pub runner: String,
    pub kind: LayerKind,
    pub engine: Option<String>,
    pub name: String,
    pub what: Trait,
    /// Absent where it was not there, or is not known.
    pub old: Option<String>,
    pub new: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trait {
    /// It was not there before; its MTU.
    Come,
    /// It is there no more; its MTU.
    Gone,
    Mtu,
    /// The narrowest link on its way out.
    Carrier,
    /// What runs it: a Docker version, a CNI.
    Runs,
    /// Whether a TCPMSS rule lowers its TCP connections.
    Clamped,
}

pub(super) fn compare(old: &ExaminedRunner, new: &ExaminedRunner) -> Vec<LayerChange> {
    let mut changes = Vec::new();
    let (before, now) = (keyed(old), keyed(new));
    let mut change = |layer: &Layer, what, old: Option<String>, now: Option<String>| {
        if old != now || matches!(what, Trait::Come | Trait::Gone) {
            changes.push(LayerChange {
                runner: new.name.clone(),
                kind: layer.kind,
                engine: layer.engine.clone(),
                name: layer.name.clone(),
                what,
                old,
                new: now,
            });
        }
    };
    let mtu = |layer: &Layer| layer.mtu.map(|mtu| mtu.to_string());
    let clamped = |layer: &Layer| layer.clamped.then(|| "yes".to_owned());
    let carrier = |layer: &Layer| {
        let carrier = layer.carrier.as_ref();
        carrier.map(|carrier| format!("{} ({})", carrier.mtu, carrier.name))
    };
    for (key, layer) in &now {
        let Some((_, earlier)) = before.iter().find(|(known, _)| known == key) else {
            change(layer, Trait::Come, None, mtu(layer));
            continue;
        };
        change(layer, Trait::Mtu, mtu(earlier), mtu(layer));
        change(layer, Trait::Carrier, carrier(earlier), carrier(layer));
        change(layer, Trait::Runs, earlier.runs.clone(), layer.runs.clone());
        change(layer, Trait::Clamped, clamped(earlier), clamped(layer));
    }
    for (key, layer) in &before {
        if !now.iter().any(|(known, _)| known == key) {
            change(layer, Trait::Gone, mtu(layer), None);
        }
    }
    changes
}

/// Layers by what stays of them: a bridge or a step may bear a random name.
fn keyed(runner: &ExaminedRunner) -> Vec<(Key, &Layer)> {
    let mut keyed: Vec<(Key, &Layer)> = Vec::new();
    for layer in &runner.layers {
        let name = match layer.kind {
            LayerKind::DockerNetwork => steady(&layer.name),
            // There is one of each.
            _ => String::new(),
        };
        let mut key = Key {
            kind: layer.kind,
            engine: layer.engine.as_deref().map(steady),
            name,
            repeat: 0,
        };
        while keyed.iter().any(|(known, _)| *known == key) {
            key.repeat += 1;
        }
        keyed.push((key, layer));
    }
    keyed
}

#[derive(Clone, PartialEq, Eq)]
struct Key {
    kind: LayerKind,
    engine: Option<String>,
    name: String,
    repeat: usize,
}
