//! A value that was read, or the reason why it could not be: the difference between *healthy* and
//! *unknown*.

use super::reason::{Reason, WrittenReason};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// A value that was read, or why it could not be. In a document an observed value is written as is;
/// an unobserved one is `{unobserved: {why: …, detail: …, reason: …}}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation<T> {
    Observed(T),
    Unobserved(Reason),
}
pub use Observation::{Observed, Unobserved as Unseen};

impl<T> Observation<T> {
    pub fn observed(&self) -> Option<&T> {
        match self {
            Observed(value) => Some(value),
            Unseen(_) => None,
        }
    }

    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Observed(_) => None,
            Unseen(reason) => Some(reason),
        }
    }

    pub fn as_ref(&self) -> Observation<&T> {
        match self {
            Observed(value) => Observed(value),
            Unseen(reason) => Unseen(reason.clone()),
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observation<U> {
        match self {
            Observed(value) => Observed(change(value)),
            Unseen(reason) => Unseen(reason),
        }
    }

    pub fn and_then<U>(self, next: impl FnOnce(T) -> Observation<U>) -> Observation<U> {
        match self {
            Observed(value) => next(value),
            Unseen(reason) => Unseen(reason),
        }
    }

    /// The other observation where this one was not made.
    pub fn or_else(self, other: impl FnOnce() -> Observation<T>) -> Observation<T> {
        match self {
            Observed(_) => self,
            Unseen(_) => other(),
        }
    }
}

impl<T> Observation<Vec<T>> {
    /// What was seen of a list; nothing where it was not seen. Only for what may be incomplete.
    pub fn seen(&self) -> &[T] {
        self.observed().map_or(&[], Vec::as_slice)
    }
}

/// The serialized form of an unobserved value.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Hole {
    unobserved: WrittenReason,
}

#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "neither a value nor `unobserved` with its reason"
)]
enum Written<T> {
    Hole(Hole),
    Value(T),
}

impl<T: Serialize> Serialize for Observation<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Observed(value) => value.serialize(serializer),
            Unseen(reason) => Hole {
                unobserved: reason.clone().into(),
            }
            .serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Observation<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Hole(hole) => Unseen(hole.unobserved.into()),
            Written::Value(value) => Observed(value),
        })
    }
}

impl<T: JsonSchema> JsonSchema for Observation<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Observed{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::<T>::json_schema(generator)
    }
}
