//! Cures as they are pasted into the kind of file that a finding stands in. What a manifest needs,
//! src/remedy knows already.

use super::Dialect;
use crate::diagnosis::{Finding, Remedy};
use crate::evidence::Evidence;
use crate::facts::Facts;
use crate::facts::versions::ImageRef;

pub(crate) fn rewrite(findings: &mut [Finding], evidence: &Evidence, dialect: Dialect) {
    let Some(runner) = evidence.runners.first() else {
        return;
    };
    let facts = Facts::derive(evidence, runner);
    for finding in findings {
        let engine = finding.engine.as_deref().unwrap_or_default();
        let carrier = facts
            .networks
            .items
            .iter()
            .find(|network| network.engine == engine && network.name == finding.subject);
        let mtu = carrier.and_then(|network| Some(network.carrier.observed()?.mtu));
        let own = match (finding.check.as_str(), mtu) {
            ("mtu-inversion", Some(mtu)) => inversion(finding, dialect, mtu),
            ("floating-engine-tag", _) => pinned(finding, dialect),
            ("unpinned-runner-image", _) if dialect == Dialect::ArcLegacy => {
                Some(runner_image(finding))
            }
            ("plain-secret", _) => secret(finding, dialect),
            ("engine-unreachable", _) => Some(shared_socket(engine)),
            ("secret-in-file", _) => Some(by_command(finding)),
            ("step-exceeds-memory", _) => Some(memory()),
            _ => None,
        };
        if let Some(own) = own {
            // The first of the general ones is for a pod's manifest; others, such as a clamp in
            // the runner's pod, help wherever the engine is told from.
            let clamps = |remedy: &Remedy| remedy.snippet.contains("clamp-mss");
            let keep = matches!(dialect, Dialect::Pipelines | Dialect::ArcValues);
            finding.remedies.retain(|remedy| keep && clamps(remedy));
            finding.remedies.insert(0, own);
        }
    }
}

fn remedy(title: &str, snippet: String) -> Remedy {
    Remedy::new(title, snippet)
}

fn inversion(finding: &Finding, dialect: Dialect, mtu: i64) -> Option<Remedy> {
    let engine = finding.engine.as_deref().unwrap_or_default();
    let service = engine.rsplit('/').next().unwrap_or(engine);
    Some(match dialect {
        Dialect::Manifest | Dialect::Pipelines => return None,
        Dialect::Gitlab => remedy(
            "In .gitlab-ci.yml, give the service its MTU",
            format!("services:\n  - name: docker:28-dind\n    command: [\"--mtu={mtu}\"]"),
        ),
        Dialect::Compose if finding.subject == "docker0" => remedy(
            "In the compose file, give this service's engine its MTU",
            format!("services:\n  {service}:\n    command: [\"--mtu={mtu}\"]"),
        ),
        Dialect::Compose => remedy(
            "In the compose file, give the network its MTU (then `docker compose down` and `up`)",
            format!(
                "networks:\n  {}:\n    driver_opts:\n      com.docker.network.driver.mtu: \"{mtu}\"",
                finding.subject
            ),
        ),
        Dialect::ArcLegacy => remedy(
            "In the template of the runner: the controller hands it to the engine, and to the networks that jobs create by command",
            format!(
                "spec:\n  template:\n    spec:\n      dockerMTU: {mtu}\n      env:\n        - name: ARC_DOCKER_MTU_PROPAGATION\n          value: \"true\""
            ),
        ),
        Dialect::ArcValues => remedy(
            "containerMode has no setting for it: leave containerMode empty, copy the chart's template (its values.yaml shows it), and add the flags to its dind container",
            format!(
                "template:\n  spec:\n    initContainers:\n      - name: dind\n        image: docker:28-dind\n        args:\n          - dockerd\n          - --host=unix:///var/run/docker.sock\n          - --group=$(DOCKER_GROUP_GID)\n          - --mtu={mtu}\n          - --default-network-opt=bridge=com.docker.network.driver.mtu={mtu}"
            ),
        ),
    })
}

/// Which version is right, a file cannot tell; that it must be one, it can.
fn pinned(finding: &Finding, dialect: Dialect) -> Option<Remedy> {
    const IMAGE: &str = "docker:28-dind";
    let engine = finding.engine.as_deref().unwrap_or_default();
    let name = engine.rsplit('/').next().unwrap_or(engine);
    let snippet = match dialect {
        Dialect::Manifest => format!("containers:\n- name: {name}\n  image: {IMAGE}"),
        Dialect::Pipelines => {
            format!("definitions:\n  services:\n    {name}:\n      image: {IMAGE}")
        }
        Dialect::Gitlab => format!("services:\n  - name: {IMAGE}"),
        Dialect::Compose => format!("services:\n  {name}:\n    image: {IMAGE}"),
        Dialect::ArcLegacy => return None,
        Dialect::ArcValues => format!(
            "template:\n  spec:\n    initContainers:\n      - name: dind\n        image: {IMAGE}"
        ),
    };
    Some(remedy(
        "Name a version: the one that your builds were tested with",
        snippet,
    ))
}

fn runner_image(finding: &Finding) -> Remedy {
    let repository = ImageRef::parse(&finding.subject).repository;
    remedy(
        "In the template of the runner, name a version",
        format!("spec:\n  template:\n    spec:\n      image: {repository}:VERSION"),
    )
}

/// A Secret for a pod; elsewhere, what keeps secrets there.
fn secret(finding: &Finding, dialect: Dialect) -> Option<Remedy> {
    let names = || finding.subject.split(", ");
    let each = |entry: fn(&str) -> String| names().map(entry).collect::<Vec<_>>().join("\n");
    Some(match dialect {
        Dialect::Manifest | Dialect::ArcValues => return None,
        Dialect::ArcLegacy => from_secret(finding),
        Dialect::Pipelines => remedy(
            "Replace the value, keep it as a secured variable (in Bitbucket: Repository settings, Repository variables), and name that",
            format!("variables:\n{}", each(|name| format!("  {name}: ${name}"))),
        ),
        Dialect::Gitlab => remedy(
            "Replace the value, keep it as a masked variable (in GitLab: Settings, CI/CD, Variables), which every job is given by itself, and take these out of the file",
            each(|name| format!("# variables:\n#   {name}: …")),
        ),
        Dialect::Compose => remedy(
            "Replace the value, and have compose take it from the shell, or from an .env file that is not in version control",
            format!(
                "environment:\n{}",
                each(|name| format!("  {name}: ${{{name}}}"))
            ),
        ),
    })
}

fn from_secret(finding: &Finding) -> Remedy {
    let entry = |name: &str| {
        format!(
            "        - name: {name}\n          valueFrom:\n            secretKeyRef:\n              name: runner-credentials\n              key: {name}"
        )
    };
    let entries: Vec<String> = finding.subject.split(", ").map(entry).collect();
    remedy(
        "In the template of the runner, take the value from a Secret, and replace the value itself",
        format!(
            "spec:\n  template:\n    spec:\n      env:\n{}",
            entries.join("\n")
        ),
    )
}

fn shared_socket(engine: &str) -> Remedy {
    remedy(
        "Mount one volume at /var/run in both containers",
        format!(
            "containers:\n- name: RUNNER\n  volumeMounts:\n  - name: var-run\n    mountPath: /var/run\n- name: {engine}\n  volumeMounts:\n  - name: var-run\n    mountPath: /var/run\nvolumes:\n- name: var-run\n  emptyDir: {{}}"
        ),
    )
}

fn by_command(finding: &Finding) -> Remedy {
    remedy(
        "Take it out of the file, replace the values, and make the Secret by command",
        format!(
            "kubectl create secret generic {} --from-file=DIRECTORY",
            finding.subject
        ),
    )
}

fn memory() -> Remedy {
    remedy(
        "In the runner's manifest, give the engine's container the memory (or make the step smaller)",
        "containers:\n- name: docker-in-docker\n  resources:\n    limits:\n      memory: 8Gi"
            .to_owned(),
    )
}
