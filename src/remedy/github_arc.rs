//! GitHub's Actions Runner Controller: scale sets, and the older RunnerDeployment.

use super::{Refusal, arguments, docker, template, words};
use crate::diagnosis::{Change, Remedy, Settings};
use crate::yaml::{self, Edit, Step, at, get};
use serde_json::{Value, json};

/// The template that the chart uses for containerMode dind. That mode has no settings, so it is omitted
/// and its template is written in full.
const TEMPLATE: &str = include_str!("arc-scale-set.yaml");

/// A scale set's values, with the template in full.
pub fn scale_set(change: &Change) -> Remedy {
    let lead =
        "# Replaces `containerMode: {type: dind}`, which has no settings; keep your own entries.";
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(words::title(change), format!("{lead}\n{}", values(change)))
    }
}

/// Only what a change adds to such a template.
pub fn excerpt(change: &Change) -> String {
    let change = Change {
        container: "dind".to_owned(),
        init: true,
        ..change.clone()
    };
    let lead = "# below template.spec; first replace `containerMode: {type: dind}` by its template (see `fix`)";
    format!("{lead}\n{}", super::pod::fragment(&change))
}

/// The edits of the values, in a template with the engine's container.
pub fn values_edits(values: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    if values
        .pointer("/runner/mode")
        .is_some_and(|mode| mode == "dind")
    {
        return experimental_edits(values, change);
    }
    match values.pointer("/containerMode/type") {
        Some(mode) if mode == "dind" => Err(Refusal::ContainerMode),
        _ => template::edits_of_pod(values, at(&[], ["template", "spec"]), change),
    }
}

/// The edits of values of gha-runner-scale-set-experimental: its engine's container takes settings, and
/// custom arguments replace those of the chart.
fn experimental_edits(values: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    const CHART: [&str; 3] = [
        "dockerd",
        "--host=unix:///var/run/docker.sock",
        "--group=$(DOCKER_GROUP_GID)",
    ];
    let settings = &change.settings;
    if settings.clamp || settings.volume || !settings.env.is_empty() {
        return Err(Refusal::NoField(
            "gha-runner-scale-set-experimental".to_owned(),
        ));
    }
    let path = at(&[], ["runner", "dind", "container"]);
    let now = get(values, &path).cloned().unwrap_or_else(|| json!({}));
    let mut edits = Vec::new();
    if settings.has_flags() && now.get("args").is_none() {
        let flags = docker::flags(change);
        let all = CHART.iter().map(|word| (*word).to_owned()).chain(flags);
        edits.push(Edit::Set(
            at(&path, ["args"]),
            json!(all.collect::<Vec<_>>()),
        ));
    } else if settings.has_flags() {
        edits.extend(arguments::edits(&now, &path, ["command", "args"], change)?);
    }
    let memory = [
        ("limits", &settings.memory_limit),
        ("requests", &settings.memory_request),
    ];
    for (list, memory) in memory {
        let path = at(&path, ["resources", list, "memory"]);
        edits.extend(
            memory
                .iter()
                .map(|memory| Edit::Set(path.clone(), json!(memory))),
        );
    }
    if let Some(image) = &settings.image {
        edits.push(Edit::Set(at(&path, ["image"]), json!(image)));
    }
    Ok(edits)
}

fn values(change: &Change) -> String {
    let parsed: Result<Value, _> = serde_saphyr::from_str(TEMPLATE);
    let Ok(mut values) = parsed else {
        return String::new();
    };
    if let (Some(image), Some(now)) = (
        values.pointer_mut("/template/spec/initContainers/1/image"),
        &change.image,
    ) {
        *image = json!(now);
    }
    if !change.init {
        beside_the_runner(&mut values);
    }
    let mut change = change.clone();
    change.container = "dind".to_owned();
    // The template contains what is changed; a test ensures this.
    if let Ok(edits) = values_edits(&values, &change) {
        yaml::apply(&mut values, &edits);
    }
    yaml::write(&values).trim_end().to_owned()
}

/// Before Kubernetes 1.29 an init container cannot keep running: the engine is a regular container.
fn beside_the_runner(values: &mut Value) {
    let init = values.pointer_mut("/template/spec/initContainers");
    let engine = init.and_then(Value::as_array_mut).and_then(Vec::pop);
    let containers = values.pointer_mut("/template/spec/containers");
    if let (Some(mut engine), Some(containers)) = (engine, containers.and_then(Value::as_array_mut))
    {
        if let Some(fields) = engine.as_object_mut() {
            fields.shift_remove("restartPolicy");
        }
        containers.push(engine);
    }
}

/// The older controller's resource, which has fields for most settings.
pub fn runner(change: &Change) -> Vec<Remedy> {
    let part = |keep: fn(&mut Settings)| {
        let mut part = change.clone();
        keep(&mut part.settings);
        part
    };
    let of_fields = part(|s| {
        (s.image, s.oom_score_adjust, s.privileged) = (None, None, false);
        s.flags.clear();
    });
    let skeleton = match change.place.kind.as_str() {
        "RunnerSet" => json!({"kind": "RunnerSet"}),
        _ => json!({}),
    };
    let mut parts = Vec::new();
    match runner_edits(&skeleton, &of_fields) {
        Ok(edits) if !edits.is_empty() => parts.push(Remedy {
            change: Some(change.clone()),
            ..Remedy::new(
                words::title(&of_fields),
                template::fragment(skeleton, &edits),
            )
        }),
        _ => {}
    }
    if let Some(image) = &change.settings.image {
        let values = json!({"image": {"dindSidecarRepositoryAndTag": image}});
        let title = format!(
            "Set `image: {image}` for the engines of every runner in the values of the controller's chart (actions-runner-controller)"
        );
        parts.push(Remedy {
            change: Some(change.clone()),
            ..Remedy::new(title, yaml::write(&values).trim_end())
        });
    }
    if parts.is_empty() {
        parts.push(Remedy::new(
            format!(
                "Run the engine as your own sidecar (`dockerEnabled: false`) in {}: the controller has no field for this setting",
                words::place(&change.place)
            ),
            docker::flags(change).join(" "),
        ));
    }
    for part in parts.iter_mut().skip(1) {
        part.together = true;
    }
    parts
}

/// The edits of a Runner, RunnerDeployment or RunnerSet, as far as it has fields for them.
pub fn runner_edits(object: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    let settings = &change.settings;
    let is_set = object["kind"] == "RunnerSet";
    let pod = match object["kind"].as_str() {
        Some("Runner") => at(&[], ["spec"]),
        _ => at(&[], ["spec", "template", "spec"]),
    };
    // A RunnerSet's template is a pod's; the runner's settings are next to it.
    let spec = if is_set {
        at(&[], ["spec"])
    } else {
        pod.clone()
    };
    let of_pod = settings.memory_request.is_some() || settings.memory_limit.is_some();
    if settings.image.is_some()
        || !settings.flags.is_empty()
        || settings.oom_score_adjust.is_some()
        || settings.privileged
        || is_set && (of_pod || settings.volume || settings.clamp || !settings.env.is_empty())
    {
        return Err(Refusal::NoField(
            object["kind"]
                .as_str()
                .unwrap_or("RunnerDeployment")
                .to_owned(),
        ));
    }
    let mut edits = Vec::new();
    if let Some(mtu) = settings.mtu.or(settings.network_mtu) {
        edits.push(Edit::Set(at(&spec, ["dockerMTU"]), json!(mtu)));
        // Gives `docker network create` the same MTU.
        let variable = json!({"name": "ARC_DOCKER_MTU_PROPAGATION", "value": "true"});
        edits.extend(match is_set {
            true => in_runner(object, &pod, variable),
            false => with_variable(object, &pod, variable),
        });
    }
    if settings.mirror {
        let path = at(&spec, ["dockerRegistryMirror"]);
        edits.push(Edit::Set(path, json!(docker::MIRROR)));
    }
    let memory = [
        ("limits", &settings.memory_limit),
        ("requests", &settings.memory_request),
    ];
    for (list, memory) in memory {
        if let Some(memory) = memory {
            let path = at(&spec, ["dockerdContainerResources", list, "memory"]);
            edits.push(Edit::Set(path, json!(memory)));
        }
    }
    for (name, value) in &settings.env {
        let entry = json!({"name": name, "value": value});
        edits.push(Edit::Append(at(&spec, ["dockerEnv"]), entry));
    }
    if settings.volume {
        let mount = json!({"name": template::VOLUME, "mountPath": template::data(change)});
        let volume = json!({"name": template::VOLUME, "emptyDir": {}});
        edits.push(Edit::Append(at(&spec, ["dockerVolumeMounts"]), mount));
        edits.push(Edit::Append(at(&spec, ["volumes"]), volume));
    }
    if settings.clamp {
        let clamp = template::clamp(
            &Change {
                init: false,
                ..change.clone()
            },
            None,
        );
        edits.push(Edit::Append(at(&spec, ["sidecarContainers"]), clamp));
    }
    Ok(edits)
}

/// Adds a variable, unless it is already set.
fn with_variable(object: &Value, holder: &[Step], variable: Value) -> Option<Edit> {
    let path = at(holder, ["env"]);
    let known = get(object, &path).and_then(Value::as_array);
    let mut known = known.into_iter().flatten();
    let is_there = known.any(|other| other["name"] == variable["name"]);
    (!is_there).then(|| Edit::Append(path, variable))
}

/// A variable of the container `runner` in a pod template, which may not list that container.
fn in_runner(object: &Value, pod: &[Step], variable: Value) -> Option<Edit> {
    let list = at(pod, ["containers"]);
    let containers = get(object, &list).and_then(Value::as_array);
    let runner = containers.and_then(|list| list.iter().position(|c| c["name"] == "runner"));
    match runner {
        Some(index) => {
            let mut path = list;
            path.push(Step::Item(index));
            with_variable(object, &path, variable)
        }
        None => Some(Edit::Append(
            list,
            json!({"name": "runner", "env": [variable]}),
        )),
    }
}
