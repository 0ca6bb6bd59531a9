//! Changes to a container of the pod that leave its image and the rest of its engine as they are.

use super::want::Variable;
use super::{Patient, place, pod, template, words};
use crate::diagnosis::{Remedy, Settings, Site};
use crate::evidence::{PodContainer, Provider};
use crate::facts::versions::ImageRef;
use crate::text::shell;
use crate::yaml;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn runner_image(patient: &Patient, image: &str) -> Remedy {
    let target = target(patient, patient.path);
    Remedy::new(
        format!("Set a version tag on the image of {target}"),
        fragment(
            patient,
            patient.path,
            json!({"image": versioned(patient, image)}),
        ),
    )
}

/// From a Secret for a pod; elsewhere from what keeps secrets there.
pub fn secret_env(patient: &Patient, names: &[String]) -> Remedy {
    let site = patient.runner.declared.as_ref().and_then(|d| d.site);
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
            let target = target(patient, patient.path);
            Remedy::new(
                format!("Replace the value, and take it from a Secret for {target}"),
                fragment(patient, patient.path, json!({ "env": env })),
            )
        }
    }
}

pub fn secret_by_command(secret: &str) -> Remedy {
    Remedy::new(
        format!(
            "Remove Secret `{secret}` from the file, replace its values, and create it with a command"
        ),
        format!(
            "kubectl create secret generic {} --from-file=DIRECTORY",
            shell::word(secret)
        ),
    )
}

/// Whose settings they are, in the pod's template.
pub fn target(patient: &Patient, name: &str) -> String {
    words::container(&place::pod(patient.runner), name)
}

/// New fields of a container of the pod, to paste.
pub fn fragment(patient: &Patient, name: &str, fields: Value) -> String {
    let mut containers = patient.runner.containers.iter();
    let init = containers.any(|c| c.name == name && c.init);
    let place = place::pod(patient.runner);
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

/// Where the patient is no engine, the engine that it asks is: the pod's own.
pub fn engine_env(patient: &Patient, variable: &Variable) -> Vec<Remedy> {
    let engines = || patient.runner.engine_containers();
    let own = engines().find(|engine| engine.name == patient.path);
    let engine = match patient.is_nested() {
        true => None,
        false => own.or_else(|| engines().next()),
    };
    let path = engine.map_or(patient.path, |engine| &engine.name);
    let Variable { name, value } = variable;
    let set = |s: &mut Settings| s.env = BTreeMap::from([(name.clone(), value.clone())]);
    Patient { path, ..*patient }.change(set)
}

/// Variables of a container that is no engine.
pub fn variables(patient: &Patient, container: &PodContainer, env: &[(&str, &str)]) -> Vec<Remedy> {
    let own = Patient {
        path: &container.name,
        engine: None,
        ..*patient
    };
    let mut change = own.unchanged(place::pod(patient.runner));
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
fn versioned(patient: &Patient, image: &str) -> String {
    let repository = ImageRef::parse(image).repository;
    match patient.runner.provider {
        Provider::Bitbucket => format!("{repository}:1"),
        _ => format!("{repository}:VERSION"),
    }
}
