//! Redacts evidence: names of nodes, namespaces, pods and private registries, addresses and UUIDs
//! are replaced with tokens, the same token for the same name. It runs before the judge, so that
//! every format is redacted and a redacted recording replays to the same findings.

mod addresses;
mod images;
mod names;
mod words;

use crate::evidence::Evidence;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use words::Tokens;

/// Words of runner-doctor or of a program, which identify no one: versions look like addresses, and a
/// namespace may have the name of a provider.
const KEPT: [&str; 28] = [
    "by",
    "cgroup_version",
    "check",
    "class",
    "containerd",
    "doctor",
    "driver",
    "encapsulation",
    "kernel",
    "kind",
    "os",
    "outcome",
    "outermost",
    "part",
    "phase",
    "provider",
    "qos_class",
    "reason",
    "resource",
    "role",
    "runc",
    "runtime",
    "server_version",
    "storage_driver",
    "system",
    "verb",
    "version",
    "why",
];

pub struct Redacted {
    pub evidence: Evidence,
    /// The original of each token, only for the person who redacts.
    pub key: BTreeMap<String, String>,
}

/// Replaces names in evidence with tokens. Evidence that is already redacted stays unchanged.
pub fn redact(evidence: &Evidence) -> Result<Redacted> {
    if evidence.redacted {
        return Ok(Redacted {
            evidence: evidence.clone(),
            key: BTreeMap::new(),
        });
    }
    let wrong = "cannot redact this evidence, so nothing is written";
    let mut document = serde_json::to_value(evidence).context(wrong)?;
    let mut tokens = Tokens::new(evidence);
    each_text(&mut document, ("", ""), &mut |at, text| {
        tokens.learn(at.1, text)
    });
    each_text(&mut document, ("", ""), &mut |at, text| {
        if !KEPT.contains(&at.1) {
            *text = match is_name(at) {
                true => tokens.name(text),
                false => tokens.redact(at.1, text),
            };
        }
    });
    let mut redacted: Evidence = serde_json::from_value(document).context(wrong)?;
    redacted.redacted = true;
    Ok(Redacted {
        evidence: redacted,
        key: tokens.key(),
    })
}

/// Whether a text as a whole is a Kubernetes name.
fn is_name((parent, key): (&str, &str)) -> bool {
    matches!(key, "namespace" | "pod" | "node" | "file")
        || key == "name" && matches!(parent, "nodes" | "owner" | "asked")
}

/// Every text of a document, with its key and the key above that.
fn each_text(
    value: &mut Value,
    at: (&str, &str),
    with: &mut impl FnMut((&str, &str), &mut String),
) {
    match value {
        Value::String(text) => with(at, text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, at, with)),
        Value::Object(fields) => fields
            .iter_mut()
            .for_each(|(key, value)| each_text(value, (at.1, key), with)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
