//! A change as edits of an object that holds a pod's template.

use super::docker;
use crate::diagnosis::Change;
use crate::evidence::Launcher;
use crate::facts::DATA_ROOT;
use serde_json::{Map, Value, json};

pub const VOLUME: &str = "docker-data";
const CLAMP: &str = "clamp-mss";

/// Where its engine keeps its data.
pub fn data(change: &Change) -> &str {
    change.data_root.as_deref().unwrap_or(DATA_ROOT)
}

/// One edit of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// The value at a path; what is missing on the way is made.
    Set(Vec<Step>, Value),
    /// One more element of the list at a path.
    Append(Vec<Step>, Value),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Key(String),
    Item(usize),
}

/// The edits that a change means for an object, or why a program cannot make them.
pub fn edits(object: &Value, change: &Change) -> Result<Vec<Edit>, String> {
    let spec = pod_spec(&change.place.kind);
    let spec: Vec<Step> = spec
        .iter()
        .map(|key| Step::Key((*key).to_owned()))
        .collect();
    let settings = &change.settings;
    let mut edits = Vec::new();
    let only_clamp = change.settings.clamp && {
        let mut rest = settings.clone();
        rest.clamp = false;
        rest == crate::diagnosis::Settings::default()
    };
    let engine = find(object, &spec, &change.container);
    let pull = engine
        .as_ref()
        .and_then(|(_, c)| c.get("imagePullPolicy").cloned());
    if !only_clamp {
        let (path, container) =
            engine.ok_or_else(|| format!("it has no container {}", change.container))?;
        if settings.has_flags() {
            edits.extend(arguments(container, &path, &docker::flags(change))?);
        }
        edits.extend(fields(container, &path, change));
        if settings.volume {
            edits.extend(volume(object, &spec, container, &path, data(change)));
        }
    }
    if settings.clamp && find(object, &spec, CLAMP).is_none() {
        let clamp = clamp(clamp_image(change), change.init, pull);
        edits.push(Edit::Append(at(&spec, [list(change.init)]), clamp));
    }
    Ok(edits)
}

/// Where the pod's specification lies in an object of a kind.
pub fn pod_spec(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        // Of a Helm chart.
        "values" => &["template", "spec"],
        _ => &["spec", "template", "spec"],
    }
}

/// The image that the clamp runs from: whatever runs dockerd has iptables, which dockerd needs.
pub fn clamp_image(change: &Change) -> &str {
    let new = change.settings.image.as_deref();
    new.or(change.image.as_deref()).unwrap_or("docker:28-dind")
}

/// A container that lowers every TCP connection through the pod to what the way out carries. Beside
/// an engine that is an init container it is one too, so that it does not keep the pod from ending.
pub fn clamp(image: &str, init: bool, pull_policy: Option<Value>) -> Value {
    let rule = "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu && exec sleep 2147483647";
    let mut container = json!({
        "name": CLAMP,
        "image": image,
        "command": ["sh", "-c", rule],
        // Not every container runtime grants NET_RAW, which iptables needs as well.
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
    });
    if init {
        container["restartPolicy"] = json!("Always");
    }
    if let Some(policy) = pull_policy {
        container["imagePullPolicy"] = policy;
    }
    container
}

/// The list of a pod that a container stands in.
pub fn list(init: bool) -> &'static str {
    match init {
        true => "initContainers",
        false => "containers",
    }
}

/// A container of the pod by its name, and where it is.
fn find<'a>(object: &'a Value, spec: &[Step], name: &str) -> Option<(Vec<Step>, &'a Value)> {
    ["containers", "initContainers"].iter().find_map(|list| {
        let path = at(spec, [*list]);
        let containers = get(object, &path)?.as_array()?;
        let index = containers.iter().position(|c| c["name"] == name)?;
        let mut path = path;
        path.push(Step::Item(index));
        Some((path, &containers[index]))
    })
}

/// The flags where dockerd reads them, instead of those that set the same.
fn arguments(container: &Value, path: &[Step], flags: &[String]) -> Result<Vec<Edit>, String> {
    let words = |key: &str| -> Vec<String> {
        let list = container.get(key).and_then(Value::as_array);
        let words = list.into_iter().flatten();
        words
            .map(|word| word.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let (command, args) = (words("command"), words("args"));
    if Launcher::of(&texts(&command), &texts(&args)) == Launcher::Script {
        return Err(format!(
            "its own script or program starts dockerd, so add there: {}",
            flags.join(" ")
        ));
    }
    let new_command = without(&command, flags);
    let mut new_args = without(&args, flags);
    let mut edits = Vec::new();
    // Arguments follow the command, so both ways are one; what is there shows the habit.
    if !command.is_empty() && args.is_empty() {
        let mut new_command = new_command;
        new_command.extend(flags.iter().cloned());
        edits.push(Edit::Set(at(path, ["command"]), json!(new_command)));
        return Ok(edits);
    }
    if new_command != command {
        edits.push(Edit::Set(at(path, ["command"]), json!(new_command)));
    }
    new_args.extend(flags.iter().cloned());
    edits.push(Edit::Set(at(path, ["args"]), json!(new_args)));
    Ok(edits)
}

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Words without the flags that set what the new ones set, in one word or in two.
fn without(words: &[String], flags: &[String]) -> Vec<String> {
    let set_anew = |word: &str| flags.iter().any(|flag| docker::same_setting(word, flag));
    let mut kept = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let next = words.peek().map_or("", |next| next.as_str());
        let two = word.starts_with("--") && !word.contains('=') && !next.starts_with('-');
        if two && set_anew(&format!("{word}={next}")) {
            words.next();
        } else if !set_anew(word) {
            kept.push(word.clone());
        }
    }
    kept
}

/// Image, memory and privilege.
fn fields(container: &Value, path: &[Step], change: &Change) -> Vec<Edit> {
    let settings = &change.settings;
    let mut edits = Vec::new();
    let mut set = |keys: &[&str], value: Value| {
        let pointer = keys
            .iter()
            .fold(String::new(), |pointer, key| pointer + "/" + key);
        if container.pointer(&pointer) != Some(&value) {
            edits.push(Edit::Set(at(path, keys.iter().copied()), value));
        }
    };
    if let Some(image) = &settings.image {
        set(&["image"], json!(image));
    }
    if let Some(memory) = &settings.memory_request {
        // A request must not exceed its limit.
        let limit = container.pointer("/resources/limits/memory").cloned();
        set(
            &["resources", "requests", "memory"],
            limit.unwrap_or(json!(memory)),
        );
    }
    if settings.privileged {
        set(&["securityContext", "privileged"], json!(true));
    }
    edits
}

/// An emptyDir of the engine's own: no two may share one.
fn volume(
    object: &Value,
    spec: &[Step],
    container: &Value,
    path: &[Step],
    data: &str,
) -> Vec<Edit> {
    let mounts = container.get("volumeMounts").and_then(Value::as_array);
    let has_one = mounts
        .into_iter()
        .flatten()
        .any(|mount| mount["mountPath"] == data);
    if has_one {
        return Vec::new();
    }
    let volumes = get(object, &at(spec, ["volumes"])).and_then(Value::as_array);
    let taken = |name: &str| volumes.into_iter().flatten().any(|v| v["name"] == name);
    let own = container["name"].as_str().unwrap_or_default();
    let name = match taken(VOLUME) {
        true => format!("{VOLUME}-{own}"),
        false => VOLUME.to_owned(),
    };
    let mount = json!({"name": name, "mountPath": data});
    vec![
        Edit::Append(at(path, ["volumeMounts"]), mount),
        Edit::Append(at(spec, ["volumes"]), json!({"name": name, "emptyDir": {}})),
    ]
}

fn at<'a>(path: &[Step], keys: impl IntoIterator<Item = &'a str>) -> Vec<Step> {
    let mut path = path.to_vec();
    path.extend(keys.into_iter().map(|key| Step::Key(key.to_owned())));
    path
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

#[cfg(test)]
mod tests;
