//! Whatever a file contains: no panic, and no unbounded growth.

use super::*;
use crate::evidence::{EngineKind, Provider};
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn lint_text(name: &str, text: &str) -> Linted {
    let network = PodNetwork {
        mtu: 1450,
        told: false,
    };
    let inputs = vec![
        Input::of_text(name, text),
        Input::of_text("again.yaml", text),
    ];
    lint(inputs, network, Library::shared()).unwrap()
}

/// All test files, truncated anywhere, or with a line removed or repeated.
fn corpus() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let inputs = files::gather(&[root.join("lint"), root.join("lab/manifests")]).unwrap();
    let text = |input: Input| (input.name.clone(), input.text().unwrap());
    inputs.into_iter().map(text).collect()
}

#[test]
fn the_labs_own_manifests_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/manifests");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let linted = lint_text(&name, &fs::read_to_string(&path).unwrap());
        assert!(linted.broken.is_empty(), "{:?}", linted.broken);
        let runners = linted.evidence.runners.len();
        assert_eq!(runners > 0, name != "calico-node.yaml", "{name}");
        assert!(
            linted.judgement.defects.is_empty(),
            "{:?}",
            linted.judgement.defects
        );
    }
}

#[test]
fn every_finding_has_a_place_in_its_file() {
    for (name, text) in corpus() {
        for finding in lint_text(&name, &text).judgement.findings {
            let place = finding.location.expect("a finding without a place");
            let line = text.lines().nth(place.line - 1);
            let line = line.unwrap_or_else(|| panic!("{name} has no line {}", place.line));
            assert!(
                place.column <= line.chars().count() + 1,
                "{name}:{}",
                place.line
            );
            assert!(place.end_column > place.column);
        }
    }
}

#[test]
fn shapes_that_nobody_expects_are_no_harm() {
    let odd = [
        "apiVersion: v1\nkind: Pod\nspec: 7\n",
        "apiVersion: v1\nkind: Pod\nspec: {containers: [1, [], {}, {name: [x], image: {}, args: {a: b}, env: x}]}\n",
        "apiVersion: v1\nkind: List\nitems: {a: b}\n",
        "apiVersion: v1\nkind: ConfigMap\ndata: {a: 'containers: ['}\n",
        "apiVersion: v1\nkind: Secret\ndata: [x]\nstringData: 1\n",
        "pipelines: {default: [{step: {runs-on: {}, services: [{}], size: 99999999999999999999x}}]}\n",
        "definitions: {services: {docker: 7}}\npipelines: {}\n",
        "services: {a: {image: docker:dind, networks: 7, command: {}}}\nnetworks: [x]\n",
        "a: {script: x, services: [{name: {}}, 7, 'docker:${A}$-dind', {name: 'docker:$']}\n",
        "apiVersion: actions.summerwind.dev/v1\nkind: RunnerDeployment\nspec: {dockerMTU: [1], template: {spec: []}}\n",
        "containerMode: {type: dind}\ntemplate: {spec: {containers: 3}}\n",
        "? [a, b]\n: {c: d}\n",
        "\u{feff}apiVersion: v1\nkind: Pod\n",
    ];
    for text in odd {
        let _ = lint_text("odd.yaml", text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_damaged_file_is_no_harm(which in any::<prop::sample::Index>(), line in any::<prop::sample::Index>(), how in 0..4) {
        let files = corpus();
        let (name, text) = which.get(&files);
        let mut lines: Vec<&str> = text.lines().collect();
        prop_assume!(!lines.is_empty());
        let at = line.index(lines.len());
        match how {
            0 => { lines.remove(at); }
            1 => lines.insert(at, lines[at]),
            2 => lines.truncate(at),
            _ => lines[at] = lines[at].trim(),
        }
        let _ = lint_text(name, &lines.join("\n"));
    }
}

/// A Prow job's labels are next to its pod spec, and select presets defined elsewhere.
#[test]
fn jobs_of_prow_have_the_engine_that_their_preset_starts() {
    let job = |labels: &str, kind: &str| {
        format!(
            "presubmits:\n  team/tools:\n  - name: pull-test\n    decorate: true\n    labels: {{ {labels} }}\n    spec:\n      \
             containers:\n      - image: registry.example.com/{kind}:3\n        command: [runner.sh, make, test]\n        \
             securityContext: {{ privileged: true }}\n"
        )
    };
    let seen = |text: &str| {
        let linted = lint_text("jobs.yaml", text);
        let runner = linted.evidence.runners.first()?;
        let engine = runner.engines.seen().first()?;
        Some((runner.provider, engine.kind, engine.path.clone()))
    };
    let test = |kind| Some((Provider::Prow, kind, "test".to_owned()));
    let dind = job("preset-dind-enabled: \"true\"", "job-tools");
    assert_eq!(seen(&dind), test(EngineKind::Docker));
    let podman = job("preset-podman-in-container-enabled: \"true\"", "job-tools");
    assert_eq!(seen(&podman), test(EngineKind::Podman));
    assert_eq!(seen(&job("", "docker-dind")), test(EngineKind::Docker));
    assert_eq!(seen(&job("preset-cache: \"true\"", "job-tools")), None);
}

#[test]
fn objects_of_a_system_are_its_own() {
    for (api, kind, provider) in [
        ("tekton.dev/v1", "Task", Provider::Tekton),
        ("argoproj.io/v1alpha1", "Workflow", Provider::ArgoWorkflows),
        ("argoproj.io/v1alpha1", "Rollout", Provider::Generic),
        ("apps/v1", "Deployment", Provider::Generic),
    ] {
        let text = format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata: {{ name: a }}\nspec:\n  containers:\n  - name: dind\n    \
             image: docker:29.7.2-dind\n    securityContext: {{ privileged: true }}\n"
        );
        let linted = lint_text("object.yaml", &text);
        assert_eq!(linted.evidence.runners[0].provider, provider, "{kind}");
    }
}
