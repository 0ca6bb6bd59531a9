//! A change as edits of an object that contains a pod template.

use super::{Refusal, arguments, docker};
use crate::diagnosis::Change;
use crate::facts::DATA_ROOT;
use crate::systems::pods;
use crate::yaml::{self, Edit, Step, at, get};
use serde_json::{Value, json};

pub const VOLUME: &str = "docker-data";
pub const CLAMP: &str = "clamp-mss";

/// The data directory of its engine.
pub fn data(change: &Change) -> &str {
    change.data_root.as_deref().unwrap_or(DATA_ROOT)
}

/// The edits of an object for a change, or why they cannot be made automatically.
pub fn edits(object: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    let usual = at(&[], pod_spec(&change.place.kind).iter().copied());
    let has_pod = |spec: &Vec<Step>| get(object, spec).is_some_and(pods::is_pod);
    let has_engine = |spec: &Vec<Step>| find(object, spec, &change.container).is_some();
    let spec = match has_pod(&usual) && has_engine(&usual) {
        true => usual,
        false => {
            let all = pods::find(object);
            let mut with_it = all.iter().filter(|spec| has_engine(spec));
            let first = with_it.next().or(all.first());
            first.cloned().unwrap_or(usual)
        }
    };
    edits_of_pod(object, spec, change)
}

/// The same for a pod specification at a given path.
pub fn edits_of_pod(
    object: &Value,
    spec: Vec<Step>,
    change: &Change,
) -> Result<Vec<Edit>, Refusal> {
    let settings = &change.settings;
    let mut edits = Vec::new();
    let engine = find(object, &spec, &change.container);
    let pull = engine
        .as_ref()
        .and_then(|(_, c)| c.get("imagePullPolicy").cloned());
    if !settings.is_only_clamp() {
        let (path, container) =
            engine.ok_or_else(|| Refusal::NotThere(change.container.clone()))?;
        if settings.has_flags() {
            edits.extend(arguments::edits(
                container,
                &path,
                ["command", "args"],
                change,
            )?);
        }
        edits.extend(fields(container, &path, change));
        if settings.volume {
            edits.extend(volume(object, &spec, container, &path, data(change)));
        }
    }
    if settings.clamp && find(object, &spec, CLAMP).is_none() {
        let clamp = clamp(change, pull);
        edits.push(Edit::Append(at(&spec, [list(change.init)]), clamp));
    }
    Ok(edits)
}

/// The new parts of an otherwise unknown document: added and replaced list entries are marked as such,
/// as there may be others.
pub fn fragment(skeleton: Value, edits: &[Edit]) -> String {
    let mut document = skeleton;
    yaml::apply(&mut document, edits);
    let mut text = yaml::write(&document);
    let mut lists: Vec<&[Step]> = Vec::new();
    for edit in edits {
        let (path, verb) = match edit {
            Edit::Append(path, _) => (path.as_slice(), "add to"),
            Edit::Set(path, _) => match path.split_last() {
                Some((Step::Item(_), list)) => (list, "replace in"),
                _ => continue,
            },
            Edit::Remove(_) => continue,
        };
        if let Some(Step::Key(name)) = path.last().filter(|_| !lists.contains(&path)) {
            text = yaml::annotate(&text, path, &format!("{verb} {name}; keep the others"));
            lists.push(path);
        }
    }
    text.trim_end().to_owned()
}

/// The path of the pod specification in an object of a kind.
pub fn pod_spec(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => &["spec", "template", "spec"],
    }
}

/// The image of the clamp: any image with dockerd has iptables, which dockerd needs.
pub fn clamp_image(change: &Change) -> String {
    let new = change.settings.image.as_ref().or(change.image.as_ref());
    new.cloned().unwrap_or_else(docker::recommended_image)
}

/// A sidecar that clamps TCP MSS to the path MTU for all connections through the pod. If the engine is
/// an init container, so is the clamp, so that it does not keep the pod from completing.
pub fn clamp(change: &Change, pull_policy: Option<Value>) -> Value {
    // Uses the same iptables backend as dockerd: if a kernel supports only legacy tables or only
    // nf_tables, the other backend fails.
    let choose = match change.legacy_iptables {
        true => "PATH=/usr/local/sbin/.iptables-legacy:$PATH; ",
        false => "",
    };
    let rule = format!(
        "{choose}iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu && exec sleep 2147483647"
    );
    let mut container = json!({
        "name": CLAMP,
        "image": clamp_image(change),
        "command": ["sh", "-c", rule],
        // Not every container runtime grants NET_RAW by default, and iptables needs it, too.
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
    });
    if change.init {
        container["restartPolicy"] = json!("Always");
    }
    if let Some(policy) = pull_policy {
        container["imagePullPolicy"] = policy;
    }
    container
}

/// The pod's list that contains a container.
pub fn list(init: bool) -> &'static str {
    match init {
        true => "initContainers",
        false => "containers",
    }
}

/// A container of the pod by its name, and its path.
fn find<'a>(object: &'a Value, spec: &[Step], name: &str) -> Option<(Vec<Step>, &'a Value)> {
    pods::LISTS.iter().find_map(|list| {
        let path = at(spec, [*list]);
        let containers = get(object, &path)?.as_array()?;
        let index = containers.iter().position(|c| c["name"] == name)?;
        let mut path = path;
        path.push(Step::Item(index));
        Some((path, &containers[index]))
    })
}

/// Image, memory, variables and privilege.
fn fields(container: &Value, path: &[Step], change: &Change) -> Vec<Edit> {
    let settings = &change.settings;
    let mut edits = Vec::new();
    let mut set = |keys: &[&str], value: Value| {
        let path = at(path, keys.iter().copied());
        let now = keys.iter().try_fold(container, |value, key| value.get(key));
        if now != Some(&value) {
            edits.push(Edit::Set(path, value));
        }
    };
    if let Some(image) = &settings.image {
        set(&["image"], json!(image));
    }
    if let Some(memory) = &settings.memory_limit {
        set(&["resources", "limits", "memory"], json!(memory));
    }
    if let Some(memory) = &settings.memory_request {
        // A request must not exceed its limit.
        let new = settings.memory_limit.as_ref().map(|limit| json!(limit));
        let now = || container.pointer("/resources/limits/memory").cloned();
        let limit = new.or_else(now);
        set(
            &["resources", "requests", "memory"],
            limit.unwrap_or(json!(memory)),
        );
    }
    if settings.privileged {
        set(&["securityContext", "privileged"], json!(true));
    }
    edits.extend(environment(container, path, change));
    edits
}

/// Environment variables; existing ones with the same name are replaced.
fn environment(container: &Value, path: &[Step], change: &Change) -> Vec<Edit> {
    let list = at(path, ["env"]);
    let known = container["env"].as_array().map_or(&[][..], Vec::as_slice);
    let edit = |(name, value): (&String, &String)| {
        let entry = json!({"name": name, "value": value});
        match known.iter().position(|env| env["name"] == name.as_str()) {
            Some(index) => {
                let mut path = list.clone();
                path.push(Step::Item(index));
                Edit::Set(path, entry)
            }
            None => Edit::Append(list.clone(), entry),
        }
    };
    change.settings.env.iter().map(edit).collect()
}

/// An emptyDir for the engine's data, which engines must not share.
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
