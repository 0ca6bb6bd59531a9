//! Turns live objects into manifests that can be applied again.

use crate::diagnosis::{Change, Place};
use crate::evidence::{Launcher, Owner};
use crate::remedy::template;
use crate::text::secret::{hide, sounds_secret};
use serde_json::{Map, Value, json};

/// Labels by which a Job's controller selects its pods; a new Job gets its own.
const OF_A_JOB: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];
/// What the server adds to the metadata, here and in a pod's template.
const OF_THE_SERVER: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "ownerReferences",
];
const ANNOTATIONS: [&str; 3] = [
    // A complete older copy of the object.
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "batch.kubernetes.io/job-tracking",
];

/// The object without what the server set.
pub fn manifest(object: &Value) -> Value {
    let mut manifest = object.clone();
    if let Some(fields) = manifest.as_object_mut() {
        fields.shift_remove("status");
    }
    clean(manifest.pointer_mut("/metadata"));
    match object["kind"].as_str() {
        Some("Job") => {
            let manual = object.pointer("/spec/manualSelector") == Some(&json!(true));
            if !manual {
                remove(manifest.pointer_mut("/spec"), &["selector"]);
                for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
                    remove(manifest.pointer_mut(labels), &OF_A_JOB);
                }
            }
            clean(manifest.pointer_mut("/spec/template/metadata"));
        }
        Some("CronJob") => {
            clean(manifest.pointer_mut("/spec/jobTemplate/metadata"));
            clean(manifest.pointer_mut("/spec/jobTemplate/spec/template/metadata"));
        }
        Some("Pod") => scheduled(&mut manifest),
        _ => clean(manifest.pointer_mut("/spec/template/metadata")),
    }
    manifest
}

fn clean(metadata: Option<&mut Value>) {
    let Some(metadata) = metadata else { return };
    remove(Some(metadata), &OF_THE_SERVER);
    remove(metadata.get_mut("annotations"), &ANNOTATIONS);
    for empty in ["annotations", "labels"] {
        let none = metadata
            .get(empty)
            .and_then(Value::as_object)
            .is_some_and(Map::is_empty);
        if none {
            remove(Some(metadata), &[empty]);
        }
    }
}

/// What the scheduler and service account admission add to a pod.
fn scheduled(pod: &mut Value) {
    remove(pod.pointer_mut("/spec"), &["nodeName", "serviceAccount"]);
    let token = |value: &Value| {
        value["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("kube-api-access-"))
    };
    let drop_tokens = |list: Option<&mut Value>| {
        if let Some(list) = list.and_then(Value::as_array_mut) {
            list.retain(|item| !token(item));
        }
    };
    drop_tokens(pod.pointer_mut("/spec/volumes"));
    for list in ["/spec/containers", "/spec/initContainers"] {
        let containers = pod.pointer_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            drop_tokens(container.get_mut("volumeMounts"));
        }
    }
}

fn remove(from: Option<&mut Value>, keys: &[&str]) {
    let Some(fields) = from.and_then(Value::as_object_mut) else {
        return;
    };
    for key in keys {
        fields.shift_remove(*key);
    }
}

/// What a patch must remove so that the live object can be recreated.
pub fn generated(place: &Place, live: Option<&Value>) -> Value {
    let is_there = |pointer: &str| live.is_none_or(|object| object.pointer(pointer).is_some());
    let labels = |at: &str| {
        let labels = OF_A_JOB
            .iter()
            .filter(|label| is_there(&format!("{at}/{}", label.replace('/', "~1"))));
        let labels: Map<String, Value> = labels
            .map(|label| ((*label).to_owned(), Value::Null))
            .collect();
        labels
    };
    let manual = live.is_some_and(|job| job.pointer("/spec/manualSelector") == Some(&json!(true)));
    match place.kind.as_str() {
        "Job" if !manual => {
            let mut patch = json!({"spec": {
                "selector": null,
                "template": {"metadata": {"labels": labels("/spec/template/metadata/labels")}},
            }});
            let own = labels("/metadata/labels");
            if live.is_some() && !own.is_empty() {
                patch["metadata"] = json!({ "labels": own });
            }
            patch
        }
        "Pod" => json!({"spec": {"nodeName": null}}),
        _ => json!({}),
    }
}

/// The controller of an object.
pub fn controller(object: &Value) -> Option<Owner> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    Some(Owner {
        kind: owner["kind"].as_str()?.to_owned(),
        name: owner["name"].as_str()?.to_owned(),
    })
}

/// Whether Bitbucket's autoscaler made a Job: it labels the pods with the runner's UUID.
pub fn is_autoscaled(job: &Value) -> bool {
    let labels = "/spec/template/metadata/labels/runner_uuid";
    job.pointer(labels).is_some()
        && job
            .pointer("/spec/template/metadata/labels/account_uuid")
            .is_some()
}

/// As much of an object as evidence contains: enough to show what changes in it.
pub fn sketch(place: &Place, changes: &[&Change]) -> Value {
    let mut spec = Map::new();
    for change in changes {
        let list = template::list(change.init);
        let containers = spec.entry(list).or_insert(json!([]));
        if let Some(containers) = containers.as_array_mut() {
            containers.push(container(change));
        }
    }
    let path = template::pod_spec(&place.kind);
    let spec = path
        .iter()
        .rev()
        .fold(Value::Object(spec), |inner, key| json!({ *key: inner }));
    let mut object = json!({"kind": place.kind, "metadata": {"name": place.name}});
    object["spec"] = spec["spec"].clone();
    object
}

fn container(change: &Change) -> Value {
    let mut container = json!({"name": change.container});
    let by = change.launch.as_ref().map(|launch| launch.by);
    let mut words = change.args.clone();
    if matches!(by, Some(Launcher::Args | Launcher::Command)) {
        words.insert(0, "dockerd".to_owned());
    }
    let list = match by {
        Some(Launcher::Command | Launcher::Script) => "command",
        _ => "args",
    };
    if by == Some(Launcher::Script) {
        words.insert(0, "sh".to_owned());
    }
    if !words.is_empty() {
        container[list] = json!(words);
    }
    container
}

/// The first value that must not be shown: a variable or an argument that looks like a secret.
pub fn secret(object: &Value, kind: &str) -> Option<String> {
    let path = template::pod_spec(kind);
    let spec = path.iter().try_fold(object, |value, key| value.get(key))?;
    let lists = ["containers", "initContainers"];
    let containers = lists
        .iter()
        .filter_map(|list| spec.get(list)?.as_array())
        .flatten();
    containers.into_iter().find_map(|container| {
        let env = container["env"].as_array().into_iter().flatten();
        let mut assigned =
            env.filter_map(|env| Some((env["name"].as_str()?, env["value"].as_str()?)));
        let name = assigned.find_map(|(name, value)| {
            let line = format!("{name}={value}");
            (hide(&line) != line).then_some(name)
        });
        name.map(|name| format!("variable {name}"))
            .or_else(|| secret_argument(container))
    })
}

/// The first argument of a container that must not be shown, by its flag.
pub fn secret_argument(container: &Value) -> Option<String> {
    let lists = ["command", "args"].into_iter();
    let mut words = lists
        .filter_map(|list| container[list].as_array())
        .flatten()
        .filter_map(Value::as_str);
    let flag = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    let hides =
        |word: &str| hide(word) != word || word.starts_with('-') && sounds_secret(&flag(word));
    let word = words.find(|word| hides(word))?;
    Some(format!("argument {}", hide(&flag(word))))
}

#[cfg(test)]
mod tests;
