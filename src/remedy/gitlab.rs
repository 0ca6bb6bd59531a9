//! GitLab: the docker service of a job (.gitlab-ci.yml) and the Kubernetes executor (config.toml).

use super::{Refusal, arguments, docker, pod, template, words};
use crate::diagnosis::{Change, Remedy, Settings};
use crate::systems::gitlab::fill;
use crate::yaml::{self, Edit, Step, at};
use serde_json::{Value, json};

/// The snippets for a change: for the service, and for the executor that starts it.
pub fn paste(change: &Change) -> Vec<Remedy> {
    let part = |keep: fn(&mut Settings)| {
        let mut part = change.clone();
        keep(&mut part.settings);
        part
    };
    let of_service = part(|s| {
        (s.memory_request, s.memory_limit) = (None, None);
        (s.privileged, s.volume, s.clamp) = (false, false, false);
    });
    let of_executor = part(|s| {
        *s = Settings {
            memory_request: s.memory_request.take(),
            memory_limit: s.memory_limit.take(),
            privileged: s.privileged,
            volume: s.volume,
            ..Settings::default()
        }
    });
    let given = |part: &Change| part.settings != Settings::default();
    let mut parts = Vec::new();
    if given(&of_service) {
        parts.push(service(change, &of_service));
    }
    if given(&of_executor) {
        parts.push(executor(change, &of_executor));
    }
    if change.settings.clamp {
        parts.push(clamp(change));
    }
    for part in parts.iter_mut().skip(1) {
        part.together = true;
    }
    parts
}

/// The alternative in config.toml to the settings in a job's own file.
pub fn for_every_job(change: &Change) -> Option<Remedy> {
    if !change.settings.has_flags() && change.settings.image.is_none() {
        return None;
    }
    let mut lines = vec![
        "[[runners.kubernetes.services]]".to_owned(),
        format!("  name = {}", json!(image(change))),
    ];
    let flags = docker::flags(change);
    if !flags.is_empty() {
        lines.push(format!(
            "  command = [{}]  # add to command; keep the others",
            docker::quoted(&flags)
        ));
    }
    Some(Remedy::new(
        "Set it for every job in GitLab Runner's config.toml, if the service is defined there",
        lines.join("\n"),
    ))
}

fn service(change: &Change, part: &Change) -> Remedy {
    let name = change.image.clone();
    let name = name.unwrap_or_else(docker::recommended_image);
    let mut skeleton = json!({"services": [{"name": name}]});
    let known = arguments::known(part);
    if !known.is_empty() {
        skeleton["services"][0]["command"] = json!(known);
    }
    let path = vec![Step::Key("services".to_owned()), Step::Item(0)];
    let edits = service_edits(&skeleton["services"][0], &path, part).unwrap_or_default();
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(words::title(part), template::fragment(skeleton, &edits))
    }
}

/// The edits to .gitlab-ci.yml: to every service that starts this engine, in any job.
pub fn edits(document: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    let settings = &change.settings;
    if settings.memory_request.is_some()
        || settings.memory_limit.is_some()
        || settings.privileged
        || settings.volume
        || settings.clamp
    {
        return Err(Refusal::Executor);
    }
    let jobs = document.as_object().into_iter().flatten();
    let jobs = jobs.filter(|(_, job)| job.is_object());
    let jobs = jobs.map(|(name, job)| (at(&[], [name.as_str()]), job));
    let mut edits = Vec::new();
    for (path, holder) in std::iter::once((Vec::new(), document)).chain(jobs) {
        let services = holder["services"].as_array().into_iter().flatten();
        for (index, service) in services.enumerate() {
            if starts(
                service,
                [&holder["variables"], &document["variables"]],
                change,
            ) {
                let mut path = at(&path, ["services"]);
                path.push(Step::Item(index));
                edits.extend(service_edits(service, &path, change)?);
            }
        }
    }
    match edits.is_empty() {
        true => Err(Refusal::NotThere(change.container.clone())),
        false => Ok(edits),
    }
}

/// Whether a service starts that engine: the same image and the same flags.
fn starts(service: &Value, variables: [&Value; 2], change: &Change) -> bool {
    let image = image_of(service);
    let value = |name: &str| {
        let mut values = variables.iter().map(|variables| &variables[name]);
        values.find_map(|value| value.as_str().or(value["value"].as_str()))
    };
    let alias = service["alias"].as_str().unwrap_or("docker");
    let is_same = match &change.image {
        // Variables of jobs that extend this one, or of other files, are unknown here.
        Some(known) => {
            let filled = fill(image, value);
            filled == *known || image.contains('$') && fits(&filled, known)
        }
        None => change.container.split(' ').next() == Some(alias),
    };
    let words = ["entrypoint", "command"].iter();
    let words: Vec<String> = words.flat_map(|key| words_of(&service[key])).collect();
    let sets = |flag: &str| !arguments::settings(&words, flag).is_empty();
    let is_set = |flag: &String| change.args.iter().any(|a| docker::same_setting(a, flag));
    is_same
        && change.args.iter().all(|flag| sets(flag))
        && docker::flags(change)
            .iter()
            .all(|flag| sets(flag) == is_set(flag))
}

/// Whether a text with variables can expand to another: the parts around the variables match.
fn fits(image: &str, known: &str) -> bool {
    let ends = |text: &str| {
        text.rsplit(['}', '$'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let start = image.split('$').next().unwrap_or_default();
    let end = ends(image);
    let end = end.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    known.starts_with(start) && known.ends_with(end)
}

fn image_of(service: &Value) -> &str {
    let name = service.as_str().or(service["name"].as_str());
    name.unwrap_or_default()
}

fn words_of(value: &Value) -> Vec<String> {
    let list = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let words = list.chain(value.as_str()).flat_map(str::split_whitespace);
    words.map(str::to_owned).collect()
}

/// Turns a service that is only an image name into a map if it needs more settings.
fn service_edits(service: &Value, path: &[Step], change: &Change) -> Result<Vec<Edit>, Refusal> {
    let settings = &change.settings;
    if settings.image.is_some() && image_of(service).contains('$') {
        return Err(Refusal::Variables(image_of(service).to_owned()));
    }
    if let Some(name) = service.as_str() {
        let mut whole = json!({"name": name});
        let edits = service_edits(&whole, &[], change)?;
        yaml::apply(&mut whole, &edits);
        let only_name = whole.as_object().is_some_and(|fields| fields.len() == 1);
        let whole = if only_name {
            whole["name"].take()
        } else {
            whole
        };
        return Ok(vec![Edit::Set(path.to_vec(), whole)]);
    }
    let mut edits = arguments::edits(service, path, ["entrypoint", "command"], change)?;
    if let Some(image) = &settings.image {
        edits.insert(0, Edit::Set(at(path, ["name"]), json!(image)));
    }
    for (name, value) in &settings.env {
        edits.push(Edit::Set(
            at(path, ["variables", name.as_str()]),
            json!(value),
        ));
    }
    Ok(edits)
}

fn image(change: &Change) -> String {
    let new = change.settings.image.as_ref().or(change.image.as_ref());
    new.cloned().unwrap_or_else(docker::recommended_image)
}

fn executor(change: &Change, part: &Change) -> Remedy {
    let settings = &part.settings;
    let mut lines = vec!["[runners.kubernetes]".to_owned()];
    if let Some(memory) = &settings.memory_limit {
        lines.push(format!("  service_memory_limit = {}", json!(memory)));
    }
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
    let title = words::title_at(part, "the services in GitLab Runner's config.toml");
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(title, lines.join("\n"))
    }
}

/// The runner creates a job's pod; patching its specification is a beta feature of GitLab.
fn clamp(change: &Change) -> Remedy {
    let mut only = change.clone();
    only.settings = Settings {
        clamp: true,
        ..Settings::default()
    };
    let title = "GitLab Runner's config.toml (pod_spec is a beta feature)";
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(
            words::title_at(&only, title),
            format!(
                "[runners.feature_flags]\n  FF_USE_ADVANCED_POD_SPEC_CONFIGURATION = true\n[[runners.kubernetes.pod_spec]]\n  name = \"clamp-mss\"\n  patch_type = \"strategic\"\n  patch = '''\n{}\n'''",
                pod::fragment(&only)
            ),
        )
    }
}
