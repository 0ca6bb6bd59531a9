//! Cures that are no setting of an engine: room, memory, a node that takes the pod, a command on it.

use super::{Patient, container, place, template};
use crate::diagnosis::Remedy;
use crate::evidence::Outermost;
use crate::text::shell;

/// What upstream containerd's own service sets.
const OPEN_FILES: i64 = 1_048_576;

pub fn cure(patient: &Patient, want: &str, value: &str) -> Vec<Remedy> {
    match want {
        "free_space" => free_space(patient),
        "memory_limit" => vec![memory_limit(patient, value)],
        "own_data" => vec![own_data(patient)],
        "storage_driver" => vec![storage_driver(patient, value)],
        "open_files" => vec![open_files(patient)],
        "node_label" => node_label(patient, value),
        "job_restart" => vec![job_restart(patient, value)],
        "delete_pod" => vec![delete_pod(patient, value)],
        "node_command" => vec![node_command(patient, value)],
        _ => Vec::new(),
    }
}

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

fn free_space(patient: &Patient) -> Vec<Remedy> {
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

fn memory_limit(patient: &Patient, limit: &str) -> Remedy {
    let name = patient.path;
    let init = patient.pod_container().is_some_and(|c| c.init);
    let memory = doubled(limit).unwrap_or_else(|| "4Gi".to_owned());
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

/// `512Mi` gives `1024Mi`.
fn doubled(quantity: &str) -> Option<String> {
    let end = quantity.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = quantity.split_at(end);
    let known = ["Ki", "Mi", "Gi", "Ti", "k", "M", "G", "T"].contains(&unit);
    let twice = number.parse::<i64>().ok()?.checked_mul(2)?;
    known.then(|| format!("{twice}{unit}"))
}

fn own_data(patient: &Patient) -> Remedy {
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
fn storage_driver(patient: &Patient, told: &str) -> Remedy {
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

fn open_files(patient: &Patient) -> Remedy {
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

fn node_label(patient: &Patient, labels: &str) -> Vec<Remedy> {
    let runner = patient.runner;
    let look = Remedy::new(
        "See which nodes there are, and what the pod asks for",
        format!(
            "kubectl get nodes --show-labels\nkubectl -n {} describe pod {}",
            shell::word(&runner.namespace),
            shell::word(&runner.pod)
        ),
    );
    if labels.is_empty() {
        return vec![look];
    }
    let words = labels
        .split(',')
        .map(shell::word)
        .collect::<Vec<_>>()
        .join(" ");
    vec![
        Remedy::new(
            "If no node has the label that it wants, give it to those that are to run it",
            format!("kubectl label node NODE {words}"),
        ),
        Remedy::new(
            format!("{}: take it away", place::words(&place::pod(runner))),
            "nodeSelector: null",
        ),
        look,
    ]
}

fn job_restart(patient: &Patient, job: &str) -> Remedy {
    let namespace = shell::word(&patient.runner.namespace);
    let job = shell::word(job);
    Remedy::new(
        "See why its pods failed and cure that; then start it anew from its manifest (a Deployment would never give up: runner-doctor manifest --kind deployment)",
        format!(
            "kubectl -n {namespace} describe job {job}\nkubectl -n {namespace} replace --force -f job.yaml   # the manifest of {job}"
        ),
    )
}

fn delete_pod(patient: &Patient, pod: &str) -> Remedy {
    let namespace = shell::word(&patient.runner.namespace);
    let pod = shell::word(pod);
    Remedy::new(
        "See what it was thrown out for; what was left of it can go",
        format!(
            "kubectl -n {namespace} describe pod {pod}\nkubectl -n {namespace} delete pod {pod}"
        ),
    )
}

fn node_command(patient: &Patient, command: &str) -> Remedy {
    let title = match &patient.runner.node {
        None => "Run on its node, as root".to_owned(),
        Some(node) => format!("Run on node {node}, as root"),
    };
    Remedy::new(title, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_doubled_in_its_own_unit() {
        assert_eq!(doubled("512Mi").as_deref(), Some("1024Mi"));
        assert_eq!(doubled("1Gi").as_deref(), Some("2Gi"));
        for odd in ["", "1.5Gi", "1e9", "5", "9999999999999999999Gi"] {
            assert_eq!(doubled(odd), None, "{odd}");
        }
    }
}
