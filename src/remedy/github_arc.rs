//! GitHub's Actions Runner Controller: scale sets, and the older RunnerDeployment.

use super::{docker, place, template};
use crate::diagnosis::{Change, Remedy};
use crate::yaml;
use serde_json::{Map, Value, json};

/// The template that the chart's containerMode dind stands for. It takes no settings, so it is
/// left out and written in full.
const TEMPLATE: &str = include_str!("arc-scale-set.yaml");

/// A scale set's values, with the template in full.
pub fn scale_set(change: &Change, phrase: &str) -> Remedy {
    let title = format!(
        "{}, container {}: {phrase}{}",
        place::words(&change.place),
        change.container,
        docker::how_launched(change)
    );
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(title, values(change))
    }
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
    change.place.kind = "values".to_owned();
    // The template has what is changed; a test sees to it.
    if let Ok(edits) = template::edits(&values, &change) {
        yaml::apply(&mut values, &edits);
    }
    yaml::write(&values).trim_end().to_owned()
}

/// Before Kubernetes 1.29 no init container goes on running: the engine is an ordinary one.
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

/// The older controller's resource, which has a setting for most.
pub fn runner(change: &Change, phrase: &str) -> Remedy {
    let settings = &change.settings;
    let mut spec = Map::new();
    let mut put = |key: &str, value: Value| spec.insert(key.to_owned(), value);
    if let Some(mtu) = settings.mtu.or(settings.network_mtu) {
        put("dockerMTU", json!(mtu));
        // It gives `docker network create` the same MTU.
        put(
            "env",
            json!([{"name": "ARC_DOCKER_MTU_PROPAGATION", "value": "true"}]),
        );
    }
    if let Some(memory) = &settings.memory_request {
        put(
            "dockerdContainerResources",
            json!({"requests": {"memory": memory}}),
        );
    }
    if settings.volume {
        put(
            "dockerVolumeMounts",
            json!([{"name": template::VOLUME, "mountPath": template::data(change)}]),
        );
        put(
            "volumes",
            json!([{"name": template::VOLUME, "emptyDir": {}}]),
        );
    }
    if settings.clamp {
        let clamp = template::clamp(template::clamp_image(change), false, None);
        put("sidecarContainers", json!([clamp]));
    }
    let mut parts = Vec::new();
    if !spec.is_empty() {
        let resource = json!({"spec": {"template": {"spec": spec}}});
        parts.push(yaml::write(&resource).trim_end().to_owned());
    }
    if let Some(image) = &settings.image {
        parts.push(format!(
            "# values of the controller's chart (actions-runner-controller)\n{}",
            yaml::write(&json!({"image": {"dindSidecarRepositoryAndTag": image}})).trim_end()
        ));
    }
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(
            format!(
                "In the RunnerDeployment or RunnerSet that {} {} comes from: {phrase}",
                change.place.kind, change.place.name
            ),
            parts.join("\n\n"),
        )
    }
}
