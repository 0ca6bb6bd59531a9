//! Fixes other than engine settings: disk space, memory, a schedulable node, a command on the node.

use super::want::Quantity;
use super::{EngineRef, container, place, template, words};
use crate::diagnosis::{Remedy, Site};
use crate::evidence::{Outermost, PodContainer};
use crate::facts;
use crate::text::shell;
use crate::yaml;
use serde_json::json;

/// The limit in upstream containerd's systemd unit.
const OPEN_FILES: i64 = 1_048_576;

/// The start of a command in the engine's own container.
fn in_container(engine_ref: &EngineRef) -> String {
    let mut hops = engine_ref.path.split('/');
    let runner = engine_ref.runner;
    let outer = hops.next().unwrap_or_default();
    let mut line = match runner.outermost {
        Outermost::Pod => format!(
            "kubectl -n {} exec {} -c {} -- ",
            shell::word(&runner.namespace),
            shell::word(&runner.pod),
            shell::word(outer)
        ),
        Outermost::Machine | Outermost::Container => String::new(),
    };
    for hop in hops {
        line.push_str(&format!("docker exec {} ", shell::word(hop)));
    }
    line
}

/// Prunes what can be rebuilt or pulled again, cheapest first; volumes are kept as they hold user data.
pub fn free_space(engine_ref: &EngineRef) -> Vec<Remedy> {
    let at = in_container(engine_ref);
    let prune = Remedy::new(
        "Between builds, remove the build cache, then untagged images, then all images that no container uses, until there is enough space (volumes and containers stay)",
        format!(
            "{at}docker builder prune --force\n{at}docker image prune --force\n{at}docker image prune --all --force"
        ),
    );
    let mut fixes = vec![prune];
    fixes.extend(engine_ref.pod_container().and_then(|c| room(engine_ref, c)));
    fixes
}

/// More space for the engine's data.
fn room(engine_ref: &EngineRef, container: &PodContainer) -> Option<Remedy> {
    let data = engine_ref.engine.and_then(|engine| engine.data.as_ref());
    let data = data.and_then(|data| data.observed());
    let mount = facts::data_mount(container).map(|(mount, _)| mount);
    let target = container::target(engine_ref, &container.name);
    let file_system = data.map(|data| data.file_system.as_str());
    if file_system == Some("tmpfs") {
        let volume = mount.map_or("VOLUME", |mount| &mount.volume);
        let volumes = json!({"volumes": [{"name": volume, "emptyDir": {}}]});
        return Some(Remedy::new(
            format!(
                "Keep the data of {target} on disk, without `medium: Memory` (or raise the volume's sizeLimit and the memory limit together)"
            ),
            yaml::write(&volumes).trim_end(),
        ));
    }
    if let Some(claim) = mount.and_then(|mount| mount.claim.as_deref()) {
        let size = data.map_or(0, |data| data.size_mib.saturating_mul(2));
        let size = if size > 0 {
            format!("{size}Mi")
        } else {
            "SIZE".to_owned()
        };
        let patch = json!({"spec": {"resources": {"requests": {"storage": size}}}}).to_string();
        return Some(Remedy::new(
            format!(
                "Enlarge PersistentVolumeClaim `{claim}` (its StorageClass must allow volume expansion)"
            ),
            format!(
                "kubectl -n {} patch pvc {} --type merge -p {}",
                shell::word(&engine_ref.runner.namespace),
                shell::word(claim),
                shell::word(&patch)
            ),
        ));
    }
    if mount.is_some_and(|mount| mount.host_path.is_some()) {
        return None;
    }
    const ROOM: &str = "20Gi";
    Some(match place::pod(engine_ref.runner).site {
        Site::Gitlab => Remedy::new(
            "Request the ephemeral storage that builds need for the services in GitLab Runner's config.toml",
            format!("[runners.kubernetes]\n  service_ephemeral_storage_request = \"{ROOM}\""),
        ),
        _ => Remedy::new(
            format!("Request the ephemeral storage that builds need for {target}"),
            container::fragment(
                engine_ref,
                &container.name,
                json!({"resources": {"requests": {"ephemeral-storage": ROOM}}}),
            ),
        ),
    })
}

/// Doubles the limit: the actual need of builds must be measured.
pub fn memory_limit(engine_ref: &EngineRef, limit: &Quantity) -> Vec<Remedy> {
    let memory = limit.doubled();
    engine_ref.change_container(|s| {
        s.memory_limit = Some(memory.clone());
        s.memory_request = Some(memory);
    })
}

/// For the engine that runs a pipeline's steps; its manifest is in another file.
pub fn engine_memory(engine_ref: &EngineRef, memory: &Quantity) -> Remedy {
    let engines = engine_ref.runner.engines.seen();
    let outer = engines
        .first()
        .and_then(|engine| engine.path.split('/').next());
    let name = outer.unwrap_or("docker-in-docker");
    let memory = memory.to_string();
    Remedy::new(
        format!(
            "Raise the memory limit to `{memory}` for {}, or reduce the size of the step",
            container::target(engine_ref, name)
        ),
        container::fragment(
            engine_ref,
            name,
            json!({"resources": {"limits": {"memory": memory}}}),
        ),
    )
}

pub fn own_data(engine_ref: &EngineRef) -> Remedy {
    let name = engine_ref.path;
    let data = engine_ref.data_root();
    let Some(container) = engine_ref.pod_container() else {
        return Remedy::new(
            format!("Give engine `{name}` a separate volume where it is started"),
            format!("docker run … --volume {data} …"),
        );
    };
    Remedy::new(
        format!(
            "Mount a separate volume for {} instead of the shared one",
            container::target(engine_ref, name)
        ),
        format!(
            "{}:\n- name: {name}\n  volumeMounts:\n  - name: docker-data-{name}\n    mountPath: {data}\nvolumes:\n- name: docker-data-{name}\n  emptyDir: {{}}",
            template::list(container.init),
        ),
    )
}

/// Removes the setting that selects this driver.
pub fn storage_driver(engine_ref: &EngineRef, told: &str) -> Remedy {
    let path = engine_ref.path;
    Remedy::new(
        format!(
            "Remove this setting where engine `{path}` is started: dockerd then chooses the best driver (the new driver starts with an empty data directory)"
        ),
        format!(
            "--storage-driver={told}             # an argument of dockerd\nDOCKER_DRIVER={told}                # a variable of its container\n{{\"storage-driver\": \"{told}\"}}     # daemon.json"
        ),
    )
}

pub fn open_files(engine_ref: &EngineRef) -> Vec<Remedy> {
    let flag = format!("--default-ulimit=nofile={OPEN_FILES}:{OPEN_FILES}");
    engine_ref.change(|s| s.flags = vec![flag])
}

pub fn node_label(engine_ref: &EngineRef, labels: &[String]) -> Vec<Remedy> {
    let words: Vec<_> = labels.iter().map(|label| shell::word(label)).collect();
    vec![
        Remedy::new(
            "Add the label to the nodes that should run the pod",
            format!("kubectl label node NODE {}", words.join(" ")),
        ),
        Remedy::new(
            format!(
                "Remove the node selector from {}",
                words::place(&place::pod(engine_ref.runner))
            ),
            "nodeSelector: null",
        ),
        Remedy::new(
            "Compare the labels of the nodes with those that the pod selects",
            format!("kubectl get nodes --show-labels\n{}", describe(engine_ref)),
        ),
    ]
}

/// Names no amount: the actual need of builds must be measured.
pub fn node_room(engine_ref: &EngineRef, resources: &[String]) -> Remedy {
    Remedy::new(
        format!(
            "Add nodes with more {what}, or lower the {what} that {place} requests",
            what = resources.join(" and "),
            place = words::place(&place::pod(engine_ref.runner)),
        ),
        format!(
            "kubectl describe nodes | grep -A 10 'Allocated resources'\n{}",
            describe(engine_ref)
        ),
    )
}

fn describe(engine_ref: &EngineRef) -> String {
    format!(
        "kubectl -n {} describe pod {}",
        shell::word(&engine_ref.runner.namespace),
        shell::word(&engine_ref.runner.pod)
    )
}

pub fn job_restart(engine_ref: &EngineRef, job: &str) -> Remedy {
    let namespace = shell::word(&engine_ref.runner.namespace);
    let name = shell::word(job);
    let describe = format!("kubectl -n {namespace} describe job {name}");
    match place::pod(engine_ref.runner).site {
        // Its Jobs have no manifest of their own.
        Site::BitbucketAutoscaler => Remedy::new(
            "Find out why its pods failed and fix that in the job template in the ConfigMap of Bitbucket's autoscaler, then delete the Job: the autoscaler creates runners from the new template",
            format!("{describe}\nkubectl -n {namespace} delete job {name}"),
        ),
        _ => Remedy::new(
            "Find out why its pods failed and fix that, then recreate the Job from its manifest (a Deployment restarts without limit: runner-doctor manifest --kind deployment)",
            format!(
                "{describe}\nkubectl -n {namespace} replace --force -f job.yaml   # the manifest of {name}"
            ),
        ),
    }
}

pub fn delete_pod(engine_ref: &EngineRef, pod: &str) -> Remedy {
    let namespace = shell::word(&engine_ref.runner.namespace);
    let pod = shell::word(pod);
    Remedy::new(
        // Deleting it is safe: an evicted pod runs nothing.
        "Find out why the pod was evicted, then delete it",
        format!(
            "kubectl -n {namespace} describe pod {pod}\nkubectl -n {namespace} delete pod {pod}"
        ),
    )
}

pub fn node_command(engine_ref: &EngineRef, command: &str) -> Remedy {
    let title = match &engine_ref.runner.node {
        None => "Run on the node, as root".to_owned(),
        Some(node) => format!("Run on node `{node}`, as root"),
    };
    Remedy::new(title, command)
}
