//! The healthy runner that check cases modify, and how a case is merged into it.

use super::shape::Shape;
use super::suggestion::advise;
use crate::evidence::Evidence;
use anyhow::{Context, Result, anyhow, bail};
use schemars::schema_for;
use serde_json::{Map, Value};
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../checks/baseline.yaml");

/// The keys that identify an element of a list; the first that both elements have is used.
const KEYS: [&str; 7] = ["pod", "name", "path", "id", "process", "interface", "kind"];

/// Marks a list element to be removed.
const REMOVE: &str = "remove";

/// The schema of evidence, to validate what a case changes.
static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::of(schema_for!(Evidence)));
static HEALTHY: LazyLock<Result<Evidence, String>> = LazyLock::new(|| {
    let parsed = Evidence::parse(TEXT, "checks/baseline.yaml");
    parsed.map_err(|error| format!("{error:#}"))
});

/// A runner without faults.
pub fn healthy() -> Result<Evidence> {
    HEALTHY.clone().map_err(|error| anyhow!(error))
}

/// The healthy runner with a change.
pub(super) fn changed(change: &Map<String, Value>) -> Result<Evidence> {
    let change = Value::Object(change.clone());
    agree(&change, &SHAPE, "given")?;
    let mut document = serde_json::to_value(healthy()?)?;
    merge(&mut document, change);
    serde_json::from_value(document)
        .context("`given` omits a required value, or a value has the wrong type: compare with checks/baseline.yaml")
}

/// Rejects attributes that evidence does not have: they would silently change nothing.
fn agree(change: &Value, shape: &Shape, path: &str) -> Result<()> {
    match (change, shape) {
        (Value::Object(fields), Shape::Object(attributes)) => {
            for (name, value) in fields {
                if name == REMOVE || is_hole(change) {
                    continue;
                }
                let Some(shape) = attributes.get(name) else {
                    let known = shape.attributes();
                    bail!("`{path}` has no `{name}`: {}", advise(name, "", &known));
                };
                agree(value, shape, &format!("{path}.{name}"))?;
            }
            Ok(())
        }
        (Value::Array(elements), Shape::List(shape)) => elements
            .iter()
            .try_for_each(|element| agree(element, shape, path)),
        _ => Ok(()),
    }
}

fn is_hole(value: &Value) -> bool {
    value.get("unobserved").is_some()
}

fn merge(target: &mut Value, change: Value) {
    let replaced = is_hole(target) || is_hole(&change);
    match (target, change) {
        (Value::Object(target), Value::Object(change)) if !replaced => {
            for (name, value) in change {
                match target.get_mut(&name) {
                    // An absent text is omitted from evidence, not null.
                    Some(Value::String(_)) if value.is_null() => {
                        target.shift_remove(&name);
                    }
                    Some(there) => merge(there, value),
                    None => {
                        target.insert(name, value);
                    }
                }
            }
        }
        (Value::Array(target), Value::Array(change))
            if !change.is_empty() && change.iter().all(Value::is_object) =>
        {
            change
                .into_iter()
                .for_each(|element| merge_element(target, element));
        }
        (target, change) => *target = change,
    }
}

fn merge_element(list: &mut Vec<Value>, element: Value) {
    let at = list.iter().position(|there| same(there, &element));
    let removed = element.get(REMOVE) == Some(&Value::Bool(true));
    match (at, removed) {
        (Some(at), true) => {
            list.remove(at);
        }
        (Some(at), false) => merge(&mut list[at], element),
        (None, true) => {}
        (None, false) => list.push(element),
    }
}

/// Whether two elements of a list are about the same thing.
fn same(one: &Value, other: &Value) -> bool {
    let key = KEYS
        .iter()
        .find(|key| one.get(key).is_some() && other.get(key).is_some());
    key.is_some_and(|key| one.get(key) == other.get(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(mut target: Value, change: Value) -> Value {
        merge(&mut target, change);
        target
    }

    #[test]
    fn maps_merge_and_scalars_are_replaced() {
        let merged = merged(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 3}}));
        assert_eq!(merged, json!({"a": {"b": 3, "c": 2}}));
    }

    #[test]
    fn elements_merge_by_their_key_or_are_appended() {
        let list = json!([{"name": "a", "mtu": 1}, {"name": "b", "mtu": 2}]);
        let change = json!([{"name": "b", "mtu": 3}, {"name": "c", "mtu": 4}]);
        let expected =
            json!([{"name": "a", "mtu": 1}, {"name": "b", "mtu": 3}, {"name": "c", "mtu": 4}]);
        assert_eq!(merged(list, change), expected);
    }

    #[test]
    fn elements_can_be_removed_and_lists_emptied() {
        let list = json!([{"id": 1}, {"id": 2}]);
        assert_eq!(
            merged(list.clone(), json!([{"id": 1, "remove": true}])),
            json!([{"id": 2}])
        );
        assert_eq!(merged(list, json!([])), json!([]));
        assert_eq!(
            merged(json!(["--mtu=1450"]), json!(["--debug"])),
            json!(["--debug"])
        );
    }

    #[test]
    fn null_takes_away() {
        assert_eq!(
            merged(json!({"a": "x", "b": 1}), json!({"a": null})),
            json!({"b": 1})
        );
        assert_eq!(
            merged(json!({"a": {"b": 1}}), json!({"a": null})),
            json!({"a": null})
        );
    }

    #[test]
    fn an_unobserved_value_replaces_and_is_replaced() {
        let gap = json!({"unobserved": {"why": "timed-out", "detail": "it hung"}});
        assert_eq!(
            merged(json!({"a": {"b": 1}}), json!({"a": gap})),
            json!({"a": gap})
        );
        assert_eq!(
            merged(json!({"a": gap}), json!({"a": {"b": 1}})),
            json!({"a": {"b": 1}})
        );
    }

    #[test]
    fn a_mistyped_attribute_is_refused() {
        let change = json!({"runners": [{"pod": "runner-2jpsg", "qos": "BestEffort"}]});
        let refused = changed(change.as_object().unwrap())
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("`given.runners` has no `qos`"),
            "{refused}"
        );
    }

    #[test]
    fn nothing_changed_is_healthy() {
        assert_eq!(changed(&Map::new()).unwrap(), healthy().unwrap());
    }
}
