//! GitLab Runner's config.toml: the services of its Kubernetes executor, and the pods that it makes.

use super::{Refusal, arguments, template, words};
use crate::diagnosis::{Change, Remedy};
use crate::yaml::{Edit, Step, at, edit_toml};
use serde_json::{Value, json};

/// What is new in the file.
pub fn paste(change: &Change) -> Remedy {
    let name = change.image.as_deref().unwrap_or("docker:dind");
    let service =
        json!({"name": name, "alias": change.container, "command": arguments::known(change)});
    let document = json!({"runners": [{"kubernetes": {"services": [service]}}]});
    let text = format!(
        "[[runners]]\n  [runners.kubernetes]\n    [[runners.kubernetes.services]]\n      name = {}\n      alias = {}\n",
        json!(name),
        json!(change.container)
    );
    let edits = edits(&document, change).unwrap_or_default();
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(
            words::title(change),
            edit_toml(&text, &edits).unwrap_or(text).trim_end(),
        )
    }
}

/// The edits of every runner that has the service.
pub fn edits(document: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    let settings = &change.settings;
    if settings.clamp || !settings.env.is_empty() {
        return Err(Refusal::NoField("config.toml".to_owned()));
    }
    let mut edits = Vec::new();
    for (index, runner) in list(document, "runners").iter().enumerate() {
        let runner_path = vec![Step::Key("runners".to_owned()), Step::Item(index)];
        let executor = at(&runner_path, ["kubernetes"]);
        let kubernetes = &runner["kubernetes"];
        for (number, service) in list(kubernetes, "services").iter().enumerate() {
            let alias = service["alias"].as_str().map(str::to_owned);
            let known = alias.unwrap_or_else(|| format!("svc-{number}"));
            let image = change.image.as_deref();
            if known != change.container || service["name"].as_str() != image {
                continue;
            }
            let mut path = at(&executor, ["services"]);
            path.push(Step::Item(number));
            if settings.has_flags() {
                edits.extend(arguments::edits(
                    service,
                    &path,
                    ["entrypoint", "command"],
                    change,
                )?);
            }
            if let Some(image) = &settings.image {
                edits.push(Edit::Set(at(&path, ["name"]), json!(image)));
            }
            let mut set = |key: &str, value: Value| {
                if kubernetes.get(key) != Some(&value) {
                    edits.push(Edit::Set(at(&executor, [key]), value));
                }
            };
            if let Some(memory) = &settings.memory_limit {
                set("service_memory_limit", json!(memory));
            }
            if let Some(memory) = &settings.memory_request {
                set("service_memory_request", json!(memory));
            }
            if settings.privileged {
                set("privileged", json!(true));
            }
            if settings.volume {
                let volume =
                    json!({"name": template::VOLUME, "mount_path": template::data(change)});
                edits.push(Edit::Append(
                    at(&executor, ["volumes", "empty_dir"]),
                    volume,
                ));
            }
        }
    }
    match edits.is_empty() {
        true => Err(Refusal::NotThere(change.container.clone())),
        false => Ok(edits),
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[][..], Vec::as_slice)
}
