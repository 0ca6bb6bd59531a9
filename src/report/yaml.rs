//! The JSON report as YAML.

use crate::diagnosis::Diagnosis;
use crate::text::yaml;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    // A Diagnosis has string keys and plain values only; it always becomes a value.
    yaml::write(&serde_json::to_value(diagnosis).unwrap_or_default())
}
