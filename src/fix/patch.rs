//! Edits as a strategic merge patch for `kubectl patch --type strategic`.

use crate::yaml::{Edit, Step, get};
use serde_json::{Map, Value, json};

/// The patch for these edits, which `object` already contains. It identifies containers and mounts by
/// the merge keys of their lists; a list of strings is replaced as a whole.
pub fn strategic(object: &Value, edits: &[Edit]) -> Value {
    let mut patch = json!({});
    for edit in edits {
        let (path, value) = match edit {
            Edit::Set(path, value) => (path, value.clone()),
            // Lists with a merge key are merged, so this adds one element.
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

/// The value, if it is a list of strings.
fn texts(value: &Value) -> Option<&Value> {
    let items = value.as_array()?;
    (!items.is_empty() && items.iter().all(Value::is_string)).then_some(value)
}

/// The value nested under its path, with list elements identified by name instead of index.
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

/// Merges one patch into another.
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
                    // The merge key of mounts is their path, of everything else the name.
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
