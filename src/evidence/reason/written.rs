//! A reason in a document.

use super::{Class, Reason, Why};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A reason in a document: a word and a sentence for people, and structured data for programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenReason {
    pub why: Why,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// For people.
    pub detail: String,
    /// Absent where only the sentence is known.
    #[serde(flatten)]
    pub reason: Option<Reason>,
}

impl From<Reason> for WrittenReason {
    fn from(reason: Reason) -> Self {
        WrittenReason {
            why: reason.why(),
            class: Some(reason.class()),
            detail: reason.to_string(),
            reason: match reason {
                Reason::Prose { .. } => None,
                typed => Some(typed),
            },
        }
    }
}

impl From<WrittenReason> for Reason {
    fn from(written: WrittenReason) -> Self {
        let WrittenReason {
            why,
            class,
            detail,
            reason,
        } = written;
        let Some(reason) = reason else {
            let class = class.unwrap_or(Class::of(why));
            return Reason::Prose { why, class, detail }.recognized();
        };
        reason
    }
}

pub fn serialize<S: Serializer>(reason: &Option<Reason>, to: S) -> Result<S::Ok, S::Error> {
    reason.clone().map(WrittenReason::from).serialize(to)
}

pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Reason>, D::Error> {
    let written = Option::<WrittenReason>::deserialize(from)?;
    Ok(written.map(Reason::from))
}
