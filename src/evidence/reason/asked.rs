//! A request to an API server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request to an API server.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Asked {
    pub verb: Verb,
    /// As RBAC rules name it: `configmaps`.
    pub resource: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Get,
    List,
}

impl Asked {
    pub fn list(resource: impl Into<String>, namespace: Option<&str>) -> Self {
        Asked {
            verb: Verb::List,
            resource: resource.into(),
            namespace: namespace.map(str::to_owned),
            name: None,
        }
    }

    pub fn get(resource: impl Into<String>, namespace: Option<&str>, name: &str) -> Self {
        Asked {
            verb: Verb::Get,
            name: Some(name.to_owned()),
            ..Asked::list(resource, namespace)
        }
    }
}
