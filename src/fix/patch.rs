//! Edits as a strategic merge patch, as `kubectl patch --type strategic` takes it.

use crate::yaml::{Edit, Step, get};
use serde_json::{Map, Value, json};

/// The patch that makes these edits in an object, which has them already. It names containers and
/// mounts by the keys by which Kubernetes merges their lists; a list of texts it replaces as a whole.
pub fn strategic(object: &Value, edits: &[Edit]) -> Value {
    let mut patch = json!({});
    for edit in edits {
        let (path, value) = match edit {
            Edit::Set(path, value) => (path, value.clone()),
            // Lists of named things are merged, so one element is added.
            Edit::Append(path, value) => (path, json!([value])),
            Edit::Remove(path) => (path, Value::Null),
        };
        let mut lists = (0..=path.len()).map(|depth| &path[..depth]);
        let texts = lists.find_map(|list| Some((list, texts(get(object, list)?)?)));
        let whole = match texts {
            Some((list, whole)) => nest(object, list, whole.clone()),
            None => nest(object, path, value),
        };
        merge(&mut patch, whole);
    }
    patch
}

/// The value, where it is a list of texts.
fn texts(value: &Value) -> Option<&Value> {
    let items = value.as_array()?;
    (!items.is_empty() && items.iter().all(Value::is_string)).then_some(value)
}

/// The value under its path, with the element's name in place of its number.
fn nest(object: &Value, path: &[Step], value: Value) -> Value {
    (0..path.len())
        .rev()
        .fold(value, |inner, depth| match &path[depth] {
            Step::Key(key) => Value::Object(Map::from_iter([(key.clone(), inner)])),
            Step::Item(_) => {
                let name = get(object, &path[..=depth])
                    .and_then(|item| item.get("name"))
                    .cloned();
                let mut item = json!({ "name": name });
                merge(&mut item, inner);
                json!([item])
            }
        })
}

/// Puts one patch into another.
pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(from)) if from.iter().all(Value::is_object) => {
            for value in from {
                let same = |item: &&mut Value| {
                    // Mounts are told apart by their path, everything else by its name.
                    let key = match value.get("mountPath") {
                        Some(_) => "mountPath",
                        None => "name",
                    };
                    item.get(key).is_some() && item.get(key) == value.get(key)
                };
                match into.iter_mut().find(same) {
                    Some(item) => merge(item, value),
                    None => into.push(value),
                }
            }
        }
        (into, from) => *into = from,
    }
}
