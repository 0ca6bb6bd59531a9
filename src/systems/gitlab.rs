//! GitLab Runner's Kubernetes executor: a job's pod has the containers build, helper and svc-N.

use super::{Agent, Pod, Site, System};

pub(super) const SYSTEM: System = System {
    name: "GitLab",
    runner: "GitLab runner",
    agent: Agent {
        names: &["build"],
        ..Agent::NONE
    },
    without_engine: false,
    with_engine: Some(Pod {
        labels: &[],
        containers: &["build", "helper"],
    }),
    steps_anywhere: false,
    job_networks: false,
    // Its service has this name, with the pod's own address.
    engine_host: Some("docker"),
    host_in_config: true,
    step_variable: Some("GITLAB_CI"),
    pod: Site::Gitlab,
    nested: Site::Elsewhere,
    owners: &[],
    objects: &[],
    files: &[".gitlab-ci.yml", "GitLab Runner's config.toml"],
    owner: None,
};

/// A text with the variables put in that are known, `$NAME` or `${NAME}`; the others stay as they are.
pub fn fill<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    const LONGEST: usize = 1024;
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$').filter(|_| filled.len() < LONGEST) {
        filled.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        match variable_name(after).and_then(|(name, rest)| Some((value(name)?, rest))) {
            Some((known, next)) => {
                filled.push_str(known);
                rest = next;
            }
            None => {
                filled.push('$');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// The name at the start of what follows a `$`, in braces or not, and what comes after it.
fn variable_name(text: &str) -> Option<(&str, &str)> {
    if let Some(inner) = text.strip_prefix('{') {
        return inner.split_once('}');
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}
