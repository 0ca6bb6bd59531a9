//! Custom commands of checks, and their output.

use super::Observation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a command of a check runs: in the network namespace of the examined container, with the
/// programs of the pod's engine container.
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

/// A command to run for a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub check: String,
    pub layer: Layer,
    pub command: String,
}

/// The output of such a command in one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probed {
    /// The id of the check.
    pub check: String,
    /// The engine's path. Absent for the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The name of the engine's container. Absent if the command did not run in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The command. If set, the output is used only for a check with the same command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The output, limited in size.
    pub output: Observation<String>,
}
