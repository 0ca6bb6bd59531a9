//! A change as edits of an object that holds a pod's template.

use super::docker;
use crate::diagnosis::Change;
use crate::evidence::Launcher;
use crate::facts::DATA_ROOT;
use crate::yaml::{Edit, Step, at, get};
use serde_json::{Value, json};
use std::ops::Range;

pub const VOLUME: &str = "docker-data";
const CLAMP: &str = "clamp-mss";

/// Where its engine keeps its data.
pub fn data(change: &Change) -> &str {
    change.data_root.as_deref().unwrap_or(DATA_ROOT)
}

/// The edits that a change means for an object, or why a program cannot make them.
pub fn edits(object: &Value, change: &Change) -> Result<Vec<Edit>, String> {
    let spec = at(&[], pod_spec(&change.place.kind).iter().copied());
    edits_of_pod(object, spec, change)
}

/// The same where the pod's specification lies at a path.
pub fn edits_of_pod(object: &Value, spec: Vec<Step>, change: &Change) -> Result<Vec<Edit>, String> {
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
            edits.extend(arguments(container, &path, change)?);
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
fn arguments(container: &Value, path: &[Step], change: &Change) -> Result<Vec<Edit>, String> {
    let flags = &docker::flags(change);
    let launcher = change.launch.as_ref().map(|launch| launch.by);
    let words = |key: &str| -> Vec<String> {
        let list = container.get(key).and_then(Value::as_array);
        let words = list.into_iter().flatten();
        words
            .map(|word| word.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let mut lists = [("command", words("command")), ("args", words("args"))];
    let [(_, command), (_, args)] = &lists;
    if Launcher::of(&texts(command), &texts(args)) == Launcher::Script {
        return Err(format!(
            "its own script or program starts dockerd, so add there: {}",
            flags.join(" ")
        ));
    }
    // Arguments follow the command, so both ways are one; what is there shows the habit.
    let habit = match (command.is_empty(), args.is_empty()) {
        (false, true) => 0,
        (true, true) if launcher == Some(Launcher::Command) => 0,
        _ => 1,
    };
    let mut edits = Vec::new();
    for flag in flags {
        let mut set = Vec::new();
        for (list, (_, words)) in lists.iter().enumerate() {
            set.extend(settings(words, flag).into_iter().map(|words| (list, words)));
        }
        let Some((list, place)) = set.pop() else {
            edits.push(Edit::Append(at(path, [lists[habit].0]), json!(flag)));
            continue;
        };
        let item = |list: usize, index: usize| {
            let mut path = at(path, [lists[list].0]);
            path.push(Step::Item(index));
            path
        };
        // Its value alone, where that is a word of its own.
        let value = flag.split_once('=').map_or("", |(_, value)| value);
        let word = if place.len() == 2 { value } else { flag };
        edits.push(Edit::Set(item(list, place.end - 1), json!(word)));
        let gone = set.into_iter().rev();
        let gone: Vec<(usize, usize)> = gone
            .flat_map(|(list, words)| words.rev().map(move |index| (list, index)))
            .collect();
        edits.extend(
            gone.iter()
                .map(|(list, index)| Edit::Remove(item(*list, *index))),
        );
        for (list, index) in gone {
            lists[list].1.remove(index);
        }
    }
    Ok(edits)
}

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The words of a command line that set what a flag sets: one word each time, or two.
fn settings(words: &[String], flag: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let next = words.get(index + 1).map_or("", String::as_str);
        let two = word.starts_with("--") && !word.contains('=') && !next.starts_with('-');
        if two && docker::same_setting(&format!("{word}={next}"), flag) {
            found.push(index..index + 2);
            index += 1;
        } else if docker::same_setting(word, flag) {
            found.push(index..index + 1);
        }
        index += 1;
    }
    found
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

#[cfg(test)]
mod tests;
