//! What a check asks for by a command of its own, and what that said.

use super::Observation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where in a runner a command of a check runs: always with the programs of the container that was
/// entered, in the network of the one looked at.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The pod's own network.
    Pod,
    /// The network of each Docker engine.
    Engine,
    /// The network of each container that those engines run.
    Container,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layer::Pod => "pod",
            Layer::Engine => "engine",
            Layer::Container => "container",
        })
    }
}

/// A command that the walk is to run for a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub check: String,
    pub layer: Layer,
    pub command: String,
}

/// What such a command said in one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probed {
    /// The check that asked.
    pub check: String,
    /// The engine's path; absent where it was asked of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The name of the engine's container; absent where it was asked of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The command; where it is told, it counts only for a check that has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What it printed, bounded.
    pub output: Observation<String>,
}
