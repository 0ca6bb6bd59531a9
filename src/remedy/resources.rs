//! Cures that are no setting of an engine: room, memory, a node that takes the pod, a command on it.

use super::want::Quantity;
use super::{Patient, container, place, template};
use crate::diagnosis::Remedy;
use crate::evidence::Outermost;
use crate::text::shell;

/// What upstream containerd's own service sets.
const OPEN_FILES: i64 = 1_048_576;

/// The start of a command in the engine's own container.
fn in_container(patient: &Patient) -> String {
    let mut hops = patient.path.split('/');
    let runner = patient.runner;
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

pub fn free_space(patient: &Patient) -> Vec<Remedy> {
    let prune = Remedy::new(
        "Remove what no container uses (between builds: their cache goes with it)",
        format!(
            "{}docker system prune --all --force --volumes",
            in_container(patient)
        ),
    );
    let Some(container) = patient.pod_container() else {
        return vec![prune];
    };
    let room = container::lines(
        patient,
        &container.name,
        container.init,
        "ask for the room that builds need, so that it comes to a node which has it",
        "  resources:\n    requests:\n      ephemeral-storage: 20Gi",
    );
    vec![prune, room]
}

pub fn memory_limit(patient: &Patient, limit: &Quantity) -> Remedy {
    let name = patient.path;
    let init = patient.pod_container().is_some_and(|c| c.init);
    let memory = limit.doubled();
    container::lines(
        patient,
        name,
        init,
        "let it use more memory, and ask for as much (twice what it had: better, what builds need)",
        &format!(
            "  resources:\n    requests:\n      memory: {memory}\n    limits:\n      memory: {memory}"
        ),
    )
}

pub fn own_data(patient: &Patient) -> Remedy {
    let (name, place) = (patient.path, place::pod(patient.runner));
    let data = patient.data_root();
    let Some(container) = patient.pod_container() else {
        return Remedy::new(
            format!("Where {name} is started, give it a volume that no other engine has"),
            format!("docker run … --volume {data} …"),
        );
    };
    Remedy::new(
        format!(
            "{}, container {name}: a volume of its own, in place of the one that another engine has too",
            place::words(&place)
        ),
        format!(
            "{}:\n- name: {name}\n  volumeMounts:\n  - name: docker-data-{name}\n    mountPath: {data}\nvolumes:\n- name: docker-data-{name}\n  emptyDir: {{}}",
            template::list(container.init),
        ),
    )
}

/// Takes away what tells it to use this driver.
pub fn storage_driver(patient: &Patient, told: &str) -> Remedy {
    let path = patient.path;
    Remedy::new(
        format!(
            "Where {path} is started, take this setting away: dockerd then uses the best driver that works there (a data directory made by another driver starts empty)"
        ),
        format!(
            "--storage-driver={told}             # an argument of dockerd\nDOCKER_DRIVER={told}                # a variable of its container\n{{\"storage-driver\": \"{told}\"}}     # daemon.json"
        ),
    )
}

pub fn open_files(patient: &Patient) -> Remedy {
    match patient.pod_container() {
        Some(container) => container::lines(
            patient,
            &container.name,
            container.init,
            "add to the arguments of its engine",
            &format!("  args:\n  - --default-ulimit=nofile={OPEN_FILES}:{OPEN_FILES}"),
        ),
        None => Remedy::new(
            format!("In the daemon.json of {}", patient.path),
            format!(
                "{{\"default-ulimits\": {{\"nofile\": {{\"Name\": \"nofile\", \"Soft\": {OPEN_FILES}, \"Hard\": {OPEN_FILES}}}}}}}"
            ),
        ),
    }
}

pub fn node_label(patient: &Patient, labels: &[String]) -> Vec<Remedy> {
    let runner = patient.runner;
    let look = Remedy::new(
        "See which nodes there are, and what the pod asks for",
        format!(
            "kubectl get nodes --show-labels\nkubectl -n {} describe pod {}",
            shell::word(&runner.namespace),
            shell::word(&runner.pod)
        ),
    );
    let words: Vec<_> = labels.iter().map(|label| shell::word(label)).collect();
    vec![
        Remedy::new(
            "If no node has the label that it wants, give it to those that are to run it",
            format!("kubectl label node NODE {}", words.join(" ")),
        ),
        Remedy::new(
            format!("{}: take it away", place::words(&place::pod(runner))),
            "nodeSelector: null",
        ),
        look,
    ]
}

pub fn job_restart(patient: &Patient, job: &str) -> Remedy {
    let namespace = shell::word(&patient.runner.namespace);
    let job = shell::word(job);
    Remedy::new(
        "See why its pods failed and cure that; then start it anew from its manifest (a Deployment would never give up: runner-doctor manifest --kind deployment)",
        format!(
            "kubectl -n {namespace} describe job {job}\nkubectl -n {namespace} replace --force -f job.yaml   # the manifest of {job}"
        ),
    )
}

pub fn delete_pod(patient: &Patient, pod: &str) -> Remedy {
    let namespace = shell::word(&patient.runner.namespace);
    let pod = shell::word(pod);
    Remedy::new(
        "See what it was thrown out for; what was left of it can go",
        format!(
            "kubectl -n {namespace} describe pod {pod}\nkubectl -n {namespace} delete pod {pod}"
        ),
    )
}

pub fn node_command(patient: &Patient, command: &str) -> Remedy {
    let title = match &patient.runner.node {
        None => "Run on its node, as root".to_owned(),
        Some(node) => format!("Run on node {node}, as root"),
    };
    Remedy::new(title, command)
}
