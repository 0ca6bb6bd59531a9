//! GitLab Runner's own configuration, config.toml, alone or in the values of its chart: the pod that its
//! Kubernetes executor creates for a job.

use super::place::Places;
use super::{Context, Draft, pod};
use crate::evidence::Owner;
use crate::systems::Site;
use crate::text::plain::plain;
use crate::yaml::{Node, Offset, load_toml};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar, HostPathVolumeSource,
    PersistentVolumeClaimVolumeSource, Pod, PodSpec, PodStatus, ResourceRequirements,
    SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

pub(super) fn is_one(document: &Node) -> bool {
    let runners = document.get("runners").map_or(&[][..], Node::items);
    runners
        .iter()
        .any(|runner| runner.get("executor").is_some())
}

/// A text that contains the configuration.
pub(super) fn read_text(text: &str, offset: Offset, context: &Context<'_>) -> Vec<Draft> {
    match load_toml(text, offset) {
        Ok(document) => read(&document, context),
        Err(_) => Vec::new(),
    }
}

/// Each runner whose job pods contain an engine. The Docker executor creates no pods.
pub(super) fn read(document: &Node, context: &Context<'_>) -> Vec<Draft> {
    let runners = document.get("runners").map_or(&[][..], Node::items);
    let drafts = runners.iter().filter_map(|runner| draft(runner, context));
    drafts.collect()
}

/// A note that jobs of the Docker executor are not judged, because they have no pod.
pub(super) fn remark(document: &Node, context: &Context<'_>) -> Option<String> {
    let runners = document.get("runners").map_or(&[][..], Node::items);
    let docker = |runner: &&Node| {
        runner
            .text_at(&["executor"])
            .is_some_and(|e| e.starts_with("docker"))
    };
    runners.iter().find(docker)?;
    Some(format!(
        "{}: jobs of the Docker executor have no pod network, and were not checked: run `runner-doctor check --docker` on their machine",
        context.file
    ))
}

fn draft(runner: &Node, context: &Context<'_>) -> Option<Draft> {
    let executor = runner.get("kubernetes")?;
    let mut places = Places::default();
    places.note("", "", pod::head(executor));
    let mut containers = vec![
        // The job's own commands run there, whatever its image.
        Container {
            command: Some(vec!["sh".to_owned()]),
            ..container(
                "build",
                executor.text_at(&["image"]),
                resources(executor, ""),
            )
        },
        container("helper", None, resources(executor, "helper_")),
    ];
    let services = executor.get("services").map_or(&[][..], Node::items);
    for (number, service) in services.iter().enumerate() {
        let name = match service.text_at(&["alias"]) {
            Some(alias) => plain(alias),
            None => format!("svc-{number}"),
        };
        let words = |key: &str| {
            let words = service.get(key).into_iter().flat_map(Node::words);
            let words: Vec<String> = words.filter_map(|w| w.text().map(str::to_owned)).collect();
            (!words.is_empty()).then_some(words)
        };
        let image = service.text_at(&["name"]);
        containers.push(Container {
            command: words("entrypoint"),
            args: words("command"),
            ..container(&name, image, resources(executor, "service_"))
        });
        let own = service.get("name").map_or(service.span, |name| name.span);
        places.note(&name, "", own);
        places.note(&name, image.unwrap_or_default(), own);
        let command = service.entry("command").map(|(key, _)| key.span);
        places.note(&name, "docker0", command.unwrap_or(own));
    }
    let (volumes, mounts) = volumes(executor);
    let privileged = executor.get("privileged").map(Node::is_true);
    let environment = runner.get("environment").map_or(&[][..], Node::items);
    let environment: Vec<EnvVar> = environment.iter().filter_map(variable).collect();
    for container in &mut containers {
        container.volume_mounts = Some(mounts.clone());
        container.env = Some(environment.clone());
        container.security_context = Some(SecurityContext {
            privileged,
            ..SecurityContext::default()
        });
    }
    let asked = containers.iter().any(|one| {
        let resources = one.resources.clone().unwrap_or_default();
        let lists = [resources.requests, resources.limits];
        lists.iter().flatten().any(|list| !list.is_empty())
    });
    let pod = Pod {
        spec: Some(PodSpec {
            containers,
            volumes: Some(volumes),
            host_network: executor.get("host_network").map(Node::is_true),
            runtime_class_name: executor.text_at(&["runtime_class_name"]).map(str::to_owned),
            ..PodSpec::default()
        }),
        status: Some(PodStatus {
            qos_class: Some(if asked { "Burstable" } else { "BestEffort" }.to_owned()),
            ..PodStatus::default()
        }),
        ..Pod::default()
    };
    let owner = Owner {
        kind: String::new(),
        name: String::new(),
    };
    pod::of(&pod, places, owner, Site::GitlabRunner, context)
}

fn container(name: &str, image: Option<&str>, resources: ResourceRequirements) -> Container {
    Container {
        name: name.to_owned(),
        image: image.map(str::to_owned),
        resources: Some(resources),
        ..Container::default()
    }
}

/// `cpu_request`, `service_memory_limit` and the like.
fn resources(executor: &Node, prefix: &str) -> ResourceRequirements {
    let amounts = |what: &str| -> BTreeMap<String, Quantity> {
        let each = ["cpu", "memory"].iter().filter_map(|name| {
            let amount = executor.text_at(&[&format!("{prefix}{name}_{what}")])?;
            (!amount.is_empty()).then(|| ((*name).to_owned(), Quantity(amount.to_owned())))
        });
        each.collect()
    };
    ResourceRequirements {
        requests: Some(amounts("request")),
        limits: Some(amounts("limit")),
        ..ResourceRequirements::default()
    }
}

/// Every volume is mounted in every container of the job.
fn volumes(executor: &Node) -> (Vec<Volume>, Vec<VolumeMount>) {
    let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
    for (kind, list) in executor.get("volumes").map_or(&[][..], Node::entries) {
        for volume in list.items() {
            let text = |key: &str| volume.text_at(&[key]).unwrap_or_default().to_owned();
            let name = text("name");
            mounts.push(VolumeMount {
                name: name.clone(),
                mount_path: text("mount_path"),
                sub_path: Some(text("sub_path")).filter(|path| !path.is_empty()),
                ..VolumeMount::default()
            });
            let mut made = Volume {
                name: name.clone(),
                ..Volume::default()
            };
            match kind.text().unwrap_or_default() {
                "host_path" => {
                    let path = Some(text("host_path")).filter(|path| !path.is_empty());
                    made.host_path = Some(HostPathVolumeSource {
                        path: path.unwrap_or_else(|| text("mount_path")),
                        ..HostPathVolumeSource::default()
                    });
                }
                "pvc" => {
                    made.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                        claim_name: name,
                        ..PersistentVolumeClaimVolumeSource::default()
                    });
                }
                "config_map" => {
                    made.config_map = Some(ConfigMapVolumeSource {
                        name,
                        ..ConfigMapVolumeSource::default()
                    });
                }
                _ => made.empty_dir = Some(EmptyDirVolumeSource::default()),
            }
            volumes.push(made);
        }
    }
    (volumes, mounts)
}

/// `NAME=value`, for every job of the runner.
fn variable(node: &Node) -> Option<EnvVar> {
    let (name, value) = node.text()?.split_once('=')?;
    Some(EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    })
}
