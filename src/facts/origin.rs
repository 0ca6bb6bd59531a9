//! The origin of facts: what must be readable for a check to be certain of them.

use schemars::Schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The key under which a type of facts, or one of its fields, names its origins in its JSON Schema.
/// A field needs those of its type, and its own.
const KEY: &str = "x-from";

/// What a fact is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A file that describes a runner.
    File,
    /// The object of the runner's pod.
    Pod,
    /// The walk inside the pod.
    Walk,
    /// The containers' logs.
    Logs,
    /// The Jobs that have given up.
    Jobs,
    /// The events about the runner's pod.
    Events,
    /// The objects of the nodes.
    Nodes,
    /// The CNI's agents on the nodes: which there are, and what one of them shows of its node.
    Agents,
    /// The configuration of the CNI.
    Cni,
}

/// The origins of a type of facts: of every item as such (under the empty name), and of its fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, Vec<Origin>>);

impl Origins {
    pub(crate) fn of(schema: &Schema) -> Origins {
        let schema = schema.as_value();
        let fields = schema.get("properties").and_then(Value::as_object);
        let fields = fields.into_iter().flatten();
        let fields = fields.map(|(name, field)| (name.clone(), named(field)));
        Origins(fields.chain([(String::new(), named(schema))]).collect())
    }

    /// Those of every item.
    pub(crate) fn of_items(&self) -> &[Origin] {
        self.of_field("")
    }

    pub(crate) fn of_field(&self, name: &str) -> &[Origin] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

fn named(schema: &Value) -> Vec<Origin> {
    let named = schema.get(KEY).cloned();
    named
        .and_then(|named| serde_json::from_value(named).ok())
        .unwrap_or_default()
}
