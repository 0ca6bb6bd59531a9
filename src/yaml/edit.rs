//! Edits of a document: values to set, add or remove, also applied to a value.

use serde_json::{Map, Value, json};

/// One edit of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// The value at a path; what is missing on the way is made.
    Set(Vec<Step>, Value),
    /// One more element of the list at a path.
    Append(Vec<Step>, Value),
    /// The key or the element at a path goes.
    Remove(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Key(String),
    Item(usize),
}

impl Edit {
    /// The same in a document that holds this one at a path.
    pub fn under(self, path: &[Step]) -> Edit {
        let under = |own: Vec<Step>| path.iter().cloned().chain(own).collect();
        match self {
            Edit::Set(own, value) => Edit::Set(under(own), value),
            Edit::Append(own, value) => Edit::Append(under(own), value),
            Edit::Remove(own) => Edit::Remove(under(own)),
        }
    }
}

/// The steps of a path: those before, and then keys.
pub fn at<'a>(path: &[Step], keys: impl IntoIterator<Item = &'a str>) -> Vec<Step> {
    let keys = keys.into_iter().map(|key| Step::Key(key.to_owned()));
    path.iter().cloned().chain(keys).collect()
}

/// What lies at a path.
pub fn get<'a>(document: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Item(index) => value.get(index),
    })
}

/// Makes the edits in a document.
pub fn apply(document: &mut Value, edits: &[Edit]) {
    for edit in edits {
        match edit {
            Edit::Set(path, value) => {
                if let Some(place) = make(document, path) {
                    *place = value.clone();
                }
            }
            Edit::Remove(path) => remove(document, path),
            Edit::Append(path, value) => {
                let Some(place) = make(document, path) else {
                    continue;
                };
                match place.as_array_mut() {
                    Some(list) => list.push(value.clone()),
                    None => *place = json!([value]),
                }
            }
        }
    }
}

/// The place at a path, made where it is missing; none where the path does not fit the document.
fn make<'a>(document: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            Some(
                value
                    .as_object_mut()?
                    .entry(key.clone())
                    .or_insert(Value::Null),
            )
        }
        Step::Item(index) => value.get_mut(index),
    })
}

fn remove(document: &mut Value, path: &[Step]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let parent = parents.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Item(index) => value.get_mut(index),
    });
    match (parent, last) {
        (Some(Value::Object(fields)), Step::Key(key)) => {
            fields.shift_remove(key);
        }
        (Some(Value::Array(items)), Step::Item(index)) if *index < items.len() => {
            items.remove(*index);
        }
        _ => {}
    }
}
