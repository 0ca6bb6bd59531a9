//! Changes to a container of the pod that leave its image and the rest of its engine as they are.

use super::want::Variable;
use super::{EngineRef, docker, place, pod, template, words};
use crate::diagnosis::{Remedy, Settings, Site};
use crate::evidence::{PodContainer, Provider, Runner};
use crate::facts::versions::ImageRef;
use crate::text::shell;
use crate::yaml;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn runner_image(engine_ref: &EngineRef, image: &str) -> Remedy {
    let target = target(engine_ref, engine_ref.path);
    Remedy::new(
        format!("Set a version tag on the image of {target}"),
        fragment(
            engine_ref,
            engine_ref.path,
            json!({"image": versioned(engine_ref, image)}),
        ),
    )
}

/// From a Secret for a pod; elsewhere from what keeps secrets there.
pub fn secret_env(engine_ref: &EngineRef, names: &[String]) -> Remedy {
    let site = engine_ref.runner.declared.as_ref().and_then(|d| d.site);
    let each = |entry: fn(&String) -> String| {
        let entries: Vec<String> = names.iter().map(entry).collect();
        entries.join("\n")
    };
    match site {
        Some(Site::BitbucketPipelines) => Remedy::new(
            "Replace the value, store it as a secured variable (Repository settings, Repository variables), and refer to that in bitbucket-pipelines.yml",
            format!("variables:\n{}", each(|name| format!("  {name}: ${name}"))),
        ),
        Some(Site::Gitlab) => Remedy::new(
            "Replace the value, store it as a masked variable (Settings, CI/CD, Variables), which every job gets, and remove it from .gitlab-ci.yml",
            format!("# variables:\n{}", each(|name| format!("#   {name}: …"))),
        ),
        Some(Site::Compose) => Remedy::new(
            "Replace the value, and take it from the shell or from an .env file outside version control in the Compose file",
            format!(
                "environment:\n{}",
                each(|name| format!("  {name}: ${{{name}}}"))
            ),
        ),
        _ => {
            let entry = |name: &String| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "runner-credentials", "key": name}}});
            let env: Vec<Value> = names.iter().map(entry).collect();
            let target = target(engine_ref, engine_ref.path);
            Remedy::new(
                format!("Replace the value, and take it from a Secret for {target}"),
                fragment(engine_ref, engine_ref.path, json!({ "env": env })),
            )
        }
    }
}

pub fn secret_by_command(runner: &Runner, secret: &str) -> Remedy {
    let declared = runner.declared.as_ref();
    let written = declared.and_then(|file| file.secrets.observed());
    let written = written.and_then(|all| all.iter().find(|written| written.name == secret));
    let namespace = written.and_then(|written| written.namespace.as_deref());
    let namespace = namespace.map(|name| format!(" -n {}", shell::word(name)));
    Remedy::new(
        format!(
            "Remove Secret `{secret}` from the file, replace its values, and create it with a command"
        ),
        format!(
            "kubectl{} create secret generic {} --from-file=DIRECTORY",
            namespace.unwrap_or_default(),
            shell::word(secret)
        ),
    )
}

/// Whose settings they are, in the pod's template.
pub fn target(engine_ref: &EngineRef, name: &str) -> String {
    words::container(&place::pod(engine_ref.runner), name)
}

/// New fields of a container of the pod, to paste.
pub fn fragment(engine_ref: &EngineRef, name: &str, fields: Value) -> String {
    let mut containers = engine_ref.runner.containers.iter();
    let init = containers.any(|c| c.name == name && c.init);
    let place = place::pod(engine_ref.runner);
    let whole = match (place.site, place.kind.as_str()) {
        // The runner's fields are the specification's own.
        (Site::ArcRunner, "Runner") => json!({ "spec": fields }),
        (Site::ArcRunner, kind) if kind != "RunnerSet" => {
            json!({"spec": {"template": {"spec": fields}}})
        }
        _ => {
            let mut container = json!({"name": name});
            if let (Some(container), Some(fields)) = (container.as_object_mut(), fields.as_object())
            {
                container.extend(fields.clone());
            }
            let pod = json!({ template::list(init): [container] });
            match (place.site, place.kind.as_str()) {
                (Site::ArcScaleSet, _) => json!({"template": {"spec": pod}}),
                (Site::ArcRunner, _) => json!({"spec": {"template": {"spec": pod}}}),
                _ => pod,
            }
        }
    };
    yaml::write(&whole).trim_end().to_owned()
}

/// Where the engine_ref is no engine, the engine that it asks is: the pod's own.
pub fn engine_env(engine_ref: &EngineRef, variable: &Variable) -> Vec<Remedy> {
    let engines = || engine_ref.runner.engine_containers();
    let own = engines().find(|engine| engine.name == engine_ref.path);
    let engine = match engine_ref.is_nested() {
        true => None,
        false => own.or_else(|| engines().next()),
    };
    let path = engine.map_or(engine_ref.path, |engine| &engine.name);
    let Variable { name, value } = variable;
    let set = |s: &mut Settings| s.env = BTreeMap::from([(name.clone(), value.clone())]);
    EngineRef {
        path,
        ..*engine_ref
    }
    .change(set)
}

/// dockerd reads them from its environment.
pub fn engine_proxy(engine_ref: &EngineRef, names: &[String]) -> Vec<Remedy> {
    let of_name = |name: &String| (name.clone(), docker::PROXY.to_owned());
    engine_ref.change(|s| s.env = names.iter().map(of_name).collect())
}

/// Variables of a container that is no engine.
pub fn variables(
    engine_ref: &EngineRef,
    container: &PodContainer,
    env: &[(&str, &str)],
) -> Vec<Remedy> {
    let own = EngineRef {
        path: &container.name,
        engine: None,
        ..*engine_ref
    };
    let mut change = own.unchanged(place::pod(engine_ref.runner));
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    change.settings.env = env.collect();
    match change.place.site {
        Site::Manifest | Site::BitbucketAutoscaler | Site::Jenkins | Site::Controller => {
            super::paste(&change)
        }
        Site::Gitlab => vec![Remedy::new(
            "Set these variables for the job in .gitlab-ci.yml",
            yaml::write(&json!({"variables": change.settings.env})).trim_end(),
        )],
        _ => vec![Remedy::new(words::title(&change), pod::fragment(&change))],
    }
}

/// Bitbucket documents the tag `1`; which versions other runners have is not ours to know.
fn versioned(engine_ref: &EngineRef, image: &str) -> String {
    let repository = ImageRef::parse(image).repository;
    match engine_ref.runner.provider {
        Provider::Bitbucket => format!("{repository}:1"),
        _ => format!("{repository}:VERSION"),
    }
}
