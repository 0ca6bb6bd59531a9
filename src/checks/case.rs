//! A case in a check file: a change to a healthy runner, and the expected findings.

use super::baseline;
use super::definition::{Expected, WrittenCase};
use crate::evidence::Evidence;
use anyhow::Result;
use serde_json::{Map, Value};

pub use super::baseline::healthy;

#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// The line in its file where it begins.
    pub line: u64,
    /// The change to the healthy baseline.
    pub given: Map<String, Value>,
    pub finds: Vec<Expected>,
    pub unknown: Vec<Expected>,
}

impl Case {
    /// The healthy baseline with the case's change applied.
    pub fn evidence(&self) -> Result<Evidence> {
        baseline::changed(&self.given)
    }
}

impl From<WrittenCase> for Case {
    fn from(written: WrittenCase) -> Self {
        Case {
            line: written.name.referenced.line(),
            name: written.name.value,
            given: written.given,
            finds: written.finds,
            unknown: written.unknown,
        }
    }
}
