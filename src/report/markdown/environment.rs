//! The environment section of a ticket: runner-doctor, the cluster and its nodes.

use super::MOST_NAMES;
use super::escape::{code, prose};
use crate::diagnosis::{Diagnosis, NodeSystem};
use crate::report::verdict::{self, few};

pub(super) fn section(diagnosis: &Diagnosis) -> String {
    let environment = &diagnosis.environment;
    let mut facts: Vec<String> = Vec::new();
    match verdict::examined(diagnosis) {
        Some(examined) => facts.push(format!("examined {}", prose(&examined))),
        None if environment.doctor.is_empty() => {}
        None => facts.push(prose(&environment.doctor)),
    }
    if let Some(version) = &environment.kubernetes {
        facts.push(format!("Kubernetes {}", prose(version)));
    }
    if let Some(cni) = &environment.cni {
        facts.push(format!("pod network by {}", prose(cni)));
    }
    let systems = systems(&environment.nodes);
    facts.extend(systems.iter().take(MOST_NAMES).cloned());
    if systems.len() > MOST_NAMES {
        facts.push(format!(
            "and nodes of {} more kinds",
            systems.len() - MOST_NAMES
        ));
    }
    if facts.is_empty() {
        return String::new();
    }
    format!("## Environment\n\n- {}\n\n", facts.join("\n- "))
}

/// Groups nodes with the same system.
fn systems(nodes: &[NodeSystem]) -> Vec<String> {
    let mut systems: Vec<(&NodeSystem, Vec<String>)> = Vec::new();
    for node in nodes {
        let system = |n: &NodeSystem| (n.kernel.clone(), n.os.clone(), n.runtime.clone());
        match systems
            .iter_mut()
            .find(|(known, _)| system(known) == system(node))
        {
            Some((_, names)) => names.push(code(&node.name)),
            None => systems.push((node, vec![code(&node.name)])),
        }
    }
    let told = systems.iter().map(|(node, names)| {
        let word = if names.len() == 1 { "node" } else { "nodes" };
        let names = few(names.iter().map(String::as_str), MOST_NAMES);
        let (os, kernel, runtime) = (prose(&node.os), prose(&node.kernel), code(&node.runtime));
        format!("{word} {names}: {os}, Linux {kernel}, {runtime}")
    });
    told.collect()
}
