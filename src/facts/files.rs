//! Facts that only files contain: Secrets, and the memory of steps.

use super::{Gap, Origin, Section};
use crate::evidence::{Declared, Observation, Runner};
use schemars::JsonSchema;
use serde::Serialize;

/// A pipeline step with a memory size.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::File]))]
pub struct StepFacts {
    /// The name in the file.
    pub name: String,
    /// The size: `2x`, `4x`.
    pub size: String,
    /// The memory of this size in MiB.
    pub memory_mib: i64,
    /// The memory limit, in MiB, of the engine that runs it.
    pub room_mib: Observation<i64>,
}

/// A Secret with values in a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("x-from" = [Origin::File]))]
pub struct SecretFacts {
    /// The name in the file.
    pub name: String,
    /// The keys of the Secret.
    pub keys: String,
}

pub(super) fn secrets(runner: &Runner) -> Section<SecretFacts> {
    from(
        runner,
        |declared| &declared.secrets,
        |_, secret| SecretFacts {
            name: secret.name.clone(),
            keys: secret.keys.join(", "),
        },
    )
}

pub(super) fn steps(runner: &Runner) -> Section<StepFacts> {
    from(
        runner,
        |declared| &declared.steps,
        |declared, step| StepFacts {
            name: step.name.clone(),
            size: step.size.clone(),
            memory_mib: step.memory_mib,
            room_mib: declared.memory_mib.clone(),
        },
    )
}

/// A runner of a cluster has no file, and so nothing in it.
fn from<T, F>(
    runner: &Runner,
    list: impl Fn(&Declared) -> &Observation<Vec<T>>,
    fact: impl Fn(&Declared, &T) -> F,
) -> Section<F> {
    let Some(declared) = &runner.declared else {
        return Section {
            items: Vec::new(),
            gaps: Vec::new(),
        };
    };
    let gap = list(declared).reason().map(|reason| Gap {
        engine: None,
        subject: None,
        reason: reason.clone(),
    });
    Section {
        items: list(declared)
            .seen()
            .iter()
            .map(|item| fact(declared, item))
            .collect(),
        gaps: gap.into_iter().collect(),
    }
}
