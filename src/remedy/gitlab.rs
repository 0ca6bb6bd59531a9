//! GitLab: the docker service of a job (.gitlab-ci.yml) and the Kubernetes executor (config.toml).

use super::{docker, pod, template};
use crate::diagnosis::{Change, Remedy};
use crate::yaml;
use serde_json::json;

/// One setting; for what a job's own file can say, config.toml is the other place.
pub fn remedies(change: &Change, phrase: &str) -> Vec<Remedy> {
    if !of_service(change) {
        return vec![executor(change, phrase)];
    }
    let elsewhere = Remedy::new(
        "Where the service stands in GitLab Runner's config.toml, for every job at once",
        toml_service(change),
    );
    vec![service(change, phrase), elsewhere]
}

/// Everything that a change says.
pub fn paste(change: &Change) -> Vec<Remedy> {
    let phrase = docker::phrase(change);
    let mut parts = Vec::new();
    if of_service(change) {
        parts.push(service(change, &phrase));
    }
    if change.settings.memory_request.is_some()
        || change.settings.privileged
        || change.settings.volume
    {
        parts.push(executor(change, &phrase));
    }
    if change.settings.clamp {
        parts.push(clamp(change));
    }
    for part in parts.iter_mut().skip(1) {
        part.together = true;
    }
    parts
}

fn of_service(change: &Change) -> bool {
    change.settings.has_flags() || change.settings.image.is_some()
}

fn service(change: &Change, phrase: &str) -> Remedy {
    let mut lines = vec![
        "services:".to_owned(),
        format!("- name: {}", yaml::write(&json!(image(change))).trim_end()),
    ];
    if let Some(command) = command(change) {
        lines.push(format!("  command: {command}"));
    }
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(
            format!(
                "In .gitlab-ci.yml, service docker (container {}): {phrase}{}",
                change.container,
                docker::how_launched(change)
            ),
            lines.join("\n"),
        )
    }
}

fn toml_service(change: &Change) -> String {
    let mut lines = vec![
        "[[runners.kubernetes.services]]".to_owned(),
        format!("  name = {}", json!(image(change))),
    ];
    if let Some(command) = command(change) {
        lines.push(format!("  command = {command}"));
    }
    lines.join("\n")
}

/// A list is written in the same way in YAML, TOML and JSON.
fn command(change: &Change) -> Option<String> {
    let flags = docker::flags(change);
    let flags: Vec<String> = flags.iter().map(|flag| json!(flag).to_string()).collect();
    (!flags.is_empty()).then(|| format!("[{}]", flags.join(", ")))
}

fn image(change: &Change) -> &str {
    let new = change.settings.image.as_deref();
    new.or(change.image.as_deref()).unwrap_or("docker:28-dind")
}

fn executor(change: &Change, phrase: &str) -> Remedy {
    let settings = &change.settings;
    let mut lines = vec!["[runners.kubernetes]".to_owned()];
    if let Some(memory) = &settings.memory_request {
        lines.push(format!("  service_memory_request = {}", json!(memory)));
    }
    if settings.privileged {
        lines.push("  privileged = true".to_owned());
    }
    if settings.volume {
        lines.push("  [[runners.kubernetes.volumes.empty_dir]]".to_owned());
        let data = json!(template::data(change));
        lines.push(format!(
            "    name = \"docker-data\"\n    mount_path = {data}"
        ));
    }
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(
            format!("In GitLab Runner's config.toml: {phrase}"),
            lines.join("\n"),
        )
    }
}

/// The pod of a job is the runner's to make; a patch of it is a beta feature of GitLab's.
pub fn clamp(change: &Change) -> Remedy {
    let mut only = change.clone();
    only.settings = crate::diagnosis::Settings {
        clamp: true,
        ..Default::default()
    };
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(
            "In GitLab Runner's config.toml, for every level at once and no repository touched: a container that lowers TCP connections to the pod network (TCP only; pod_spec is a beta feature of GitLab's)",
            format!(
                "[runners.feature_flags]\n  FF_USE_ADVANCED_POD_SPEC_CONFIGURATION = true\n[[runners.kubernetes.pod_spec]]\n  name = \"clamp-mss\"\n  patch_type = \"strategic\"\n  patch = '''\n{}\n'''",
                pod::fragment(&only)
            ),
        )
    }
}
