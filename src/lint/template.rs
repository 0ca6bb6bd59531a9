//! A pod template in a file as Kubernetes' own types, as far as it is relevant to runners.

use super::variables::is_put_in;
use crate::collect::discover;
use crate::systems::prow::PRESETS;
use crate::text::secret::holds_secret;
use crate::yaml::Node;
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, EnvVar, HostPathVolumeSource, KeyToPath, Pod, PodSpec,
    PodStatus, ResourceRequirements, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

/// The parts of a template that are relevant to runners. The rest is ignored, even if Kubernetes
/// would reject it.
pub(crate) fn pod(metadata: Option<&Node>, spec: &Node) -> Pod {
    let labels = metadata.and_then(|metadata| metadata.get("labels"));
    let labels = labels.map_or(&[][..], Node::entries);
    let list = |key: &str| -> Vec<Container> {
        let items = spec.get(key).map_or(&[][..], Node::items);
        items
            .iter()
            .filter(|item| item.is_map())
            .map(container)
            .collect()
    };
    let mut pod = Pod {
        spec: Some(PodSpec {
            containers: list("containers")
                .into_iter()
                .chain(list("sidecars"))
                .chain(list("steps"))
                .chain(["container", "script"].iter().filter_map(|key| {
                    let one = spec.get(key).filter(|one| one.is_map())?;
                    Some(container(one))
                }))
                .collect(),
            init_containers: Some(list("initContainers")),
            host_network: spec.get("hostNetwork").map(Node::is_true),
            host_users: (spec.text_at(&["hostUsers"]) == Some("false")).then_some(false),
            runtime_class_name: spec.text_at(&["runtimeClassName"]).map(str::to_owned),
            volumes: Some(volumes(spec)),
            ..PodSpec::default()
        }),
        ..Pod::default()
    };
    let label = |(key, value): &(Node, Node)| {
        Some((
            key.text()?.to_owned(),
            value.text().unwrap_or_default().to_owned(),
        ))
    };
    pod.metadata.labels = Some(labels.iter().filter_map(label).collect());
    add_presets(&mut pod);
    pod.status = Some(PodStatus {
        qos_class: Some(qos_class(&pod, spec).to_owned()),
        ..PodStatus::default()
    });
    pod
}

/// The name of a container: a single one in a Prow job may have none, and Prow names it `test`.
pub(super) fn name(container: &Node) -> &str {
    let name = container.text_at(&["name"]);
    name.filter(|name| !name.is_empty()).unwrap_or("test")
}

/// The variables that Prow sets in the containers of jobs with a preset's label.
fn add_presets(pod: &mut Pod) {
    let labels = pod.metadata.labels.iter().flatten();
    let chosen = labels.filter(|(_, value)| *value == "true");
    let chosen = chosen.filter_map(|(label, _)| PRESETS.iter().find(|(preset, _)| preset == label));
    let added: Vec<EnvVar> = chosen
        .map(|(_, name)| EnvVar {
            name: (*name).to_owned(),
            value: Some("true".to_owned()),
            ..EnvVar::default()
        })
        .collect();
    for container in pod.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
        container.env.get_or_insert_default().extend(added.clone());
    }
}

fn container(node: &Node) -> Container {
    let words = |key: &str| -> Option<Vec<String>> {
        let words = node.get(key)?.words();
        Some(
            words
                .filter_map(|word| word.text().map(str::to_owned))
                .collect(),
        )
    };
    let text = |key: &str| node.text_at(&[key]).map(str::to_owned);
    // Tekton's key is `script`, Argo's `source`.
    let script = text("script").or_else(|| text("source"));
    let command = match script {
        Some(script) => Some(vec!["sh".to_owned(), "-c".to_owned(), script]),
        None => words("command"),
    };
    let privileged = [&["securityContext", "privileged"][..], &["privileged"]];
    let amounts = |key: &str| -> BTreeMap<String, Quantity> {
        let entries = node.at(&["resources", key]).map_or(&[][..], Node::entries);
        let amount = |(name, value): &(Node, Node)| {
            Some((name.text()?.to_owned(), Quantity(value.text()?.to_owned())))
        };
        entries.iter().filter_map(amount).collect()
    };
    Container {
        name: name(node).to_owned(),
        image: text("image"),
        command,
        args: words("args"),
        restart_policy: text("restartPolicy"),
        env: Some(environment(node)),
        resources: Some(ResourceRequirements {
            requests: Some(amounts("requests")),
            limits: Some(amounts("limits")),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            privileged: privileged
                .iter()
                .find_map(|path| node.at(path))
                .map(Node::is_true),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts(node, "volumeMounts")),
        ..Container::default()
    }
}

/// Variables of a container that hold a secret as plain text, by name.
pub(crate) fn plain_secrets(node: &Node) -> Vec<String> {
    let container = container(node);
    discover::pod::plain_secrets(&container)
}

pub(crate) fn list<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = &'a Node> {
    node.get(key).map_or(&[][..], Node::items).iter()
}

fn environment(node: &Node) -> Vec<EnvVar> {
    list(node, "env")
        .map(|variable| {
            let name = variable.text_at(&["name"]).unwrap_or_default();
            let value = variable.text_at(&["value"]);
            // A value that is substituted later is not a secret in the file.
            let value = value.filter(|value| !(holds_secret(name) && is_put_in(value)));
            EnvVar {
                name: name.to_owned(),
                value: value.map(str::to_owned),
                ..EnvVar::default()
            }
        })
        .collect()
}

pub(super) fn mounts(node: &Node, key: &str) -> Vec<VolumeMount> {
    list(node, key)
        .map(|mount| VolumeMount {
            name: mount.text_at(&["name"]).unwrap_or_default().to_owned(),
            mount_path: mount.text_at(&["mountPath"]).unwrap_or_default().to_owned(),
            sub_path: mount.text_at(&["subPath"]).map(str::to_owned),
            read_only: mount.get("readOnly").map(Node::is_true),
            ..VolumeMount::default()
        })
        .collect()
}

fn volumes(spec: &Node) -> Vec<Volume> {
    list(spec, "volumes")
        .map(|volume| Volume {
            name: volume.text_at(&["name"]).unwrap_or_default().to_owned(),
            host_path: volume.get("hostPath").map(|host| HostPathVolumeSource {
                path: host.text_at(&["path"]).unwrap_or_default().to_owned(),
                ..HostPathVolumeSource::default()
            }),
            config_map: volume.get("configMap").map(|map| ConfigMapVolumeSource {
                name: map.text_at(&["name"]).unwrap_or_default().to_owned(),
                items: Some(
                    list(map, "items")
                        .map(|item| KeyToPath {
                            key: item.text_at(&["key"]).unwrap_or_default().to_owned(),
                            path: item.text_at(&["path"]).unwrap_or_default().to_owned(),
                            ..KeyToPath::default()
                        })
                        .collect(),
                ),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        })
        .collect()
}

/// As the kubelet determines it, init containers included: no requests or limits is BestEffort; CPU
/// and memory limits equal to the requests in all containers is Guaranteed.
fn qos_class(pod: &Pod, spec: &Node) -> &'static str {
    let mut asked = ["requests", "limits"].iter().any(|key| {
        let of_pod = spec.at(&["resources", key]);
        of_pod.is_some_and(|of_pod| !of_pod.entries().is_empty())
    });
    let mut guaranteed = !asked;
    for (container, _) in discover::pod::containers(pod) {
        let resources = container.resources.clone().unwrap_or_default();
        let (requests, limits) = (
            resources.requests.unwrap_or_default(),
            resources.limits.unwrap_or_default(),
        );
        for name in ["cpu", "memory"] {
            let set = |amounts: &BTreeMap<String, Quantity>| {
                amounts
                    .get(name)
                    .filter(|q| !matches!(q.0.as_str(), "" | "0"))
                    .cloned()
            };
            let (request, limit) = (set(&requests), set(&limits));
            asked |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && request.is_none_or(|r| Some(r) == limit);
        }
    }
    match (asked, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Offset, load};

    fn class(spec: &str) -> String {
        let node = load(spec, Offset::default()).unwrap().remove(0);
        pod(None, &node).status.unwrap().qos_class.unwrap()
    }

    #[test]
    fn the_class_is_worked_out_as_the_kubelet_does() {
        assert_eq!(class("containers: [{name: a}, {name: b}]"), "BestEffort");
        assert_eq!(
            class("containers: [{name: a, resources: {requests: {memory: 64Mi}}}, {name: b}]"),
            "Burstable"
        );
        let all = "{limits: {cpu: 1, memory: 1Gi}}";
        assert_eq!(
            class(&format!("containers: [{{name: a, resources: {all}}}]")),
            "Guaranteed"
        );
        assert_eq!(
            class(&format!(
                "containers: [{{name: a, resources: {all}}}, {{name: b}}]"
            )),
            "Burstable"
        );
        assert_eq!(
            class(&format!(
                "initContainers: [{{name: i}}]\ncontainers: [{{name: a, resources: {all}}}]"
            )),
            "Burstable"
        );
        assert_eq!(
            class("containers: [{name: a, resources: {limits: {cpu: 0}}}]"),
            "BestEffort"
        );
        assert_eq!(
            class("containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1}}}]"),
            "BestEffort"
        );
    }
}
