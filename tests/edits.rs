//! Fixes of files: edits that keep the existing content and resolve the finding.

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn lint(file: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let output = command.arg("lint").arg(file).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Checks with findings.
fn found(file: &Path) -> Vec<String> {
    let out = lint(file, &["-o", "json"]).1;
    let report: Value = serde_json::from_str(&out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["check"].as_str().unwrap().to_owned())
        .collect()
}

/// The lines that `--fix` adds to a file, and those that it removes.
fn fixed(name: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    fs::write(&file, text).unwrap();
    let before = found(&file);
    assert!(before.contains(&"mtu-inversion".to_owned()), "{before:?}");
    let (_, _, err) = lint(&file, &["--fix=write", "-o", "short"]);
    assert!(err.contains("edited"), "{err}");
    let after = found(&file);
    assert!(!after.contains(&"mtu-inversion".to_owned()), "{after:?}");
    assert!(
        after.iter().all(|check| before.contains(check)),
        "{after:?}"
    );
    let edited = fs::read_to_string(&file).unwrap();
    let only = |one: &str, other: &str| -> Vec<String> {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|l| l == *line));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    (only(&edited, text), only(text, &edited))
}

#[test]
fn a_gitlab_service_keeps_its_image_alias_and_flags() {
    let job = "# of ours
build:
  image: docker:24.0.9
  services:
    - name: mirror.example.com/library/docker:24.0.9-dind   # pulled through
      alias: engine
      command: [\"--registry-mirror=https://mirror.example.com\", \"--tls=false\"]
  script: [docker build .]
";
    let flags =
        "\"--mtu=1450\", \"--default-network-opt=bridge=com.docker.network.driver.mtu=1450\"";
    let (new, gone) = fixed(".gitlab-ci.yml", job);
    let command = "command: [\"--registry-mirror=https://mirror.example.com\", \"--tls=false\"";
    assert_eq!(new, [format!("{command}, {flags}]")]);
    assert_eq!(gone, [format!("{command}]")]);
    // Replaces a flag that sets the same option.
    let wrong = job
        .replace("--tls=false", "--mtu=1500")
        .replace("24.0.9", "20.10.24");
    let (new, _) = fixed(".gitlab-ci.yml", &wrong);
    let command = "command: [\"--registry-mirror=https://mirror.example.com\", \"--mtu=1450\"]";
    assert_eq!(new, [command]);
}

#[test]
fn every_job_that_starts_the_engine_is_edited() {
    let jobs = "variables: {DOCKER: 20.10.24}
a:
  services: [\"docker:$DOCKER-dind\"]
  script: [make]
b:
  services:
  - docker:$DOCKER-dind
  - postgres:16
  script: [make]
";
    let (new, gone) = fixed(".gitlab-ci.yml", jobs);
    let service = "{name: \"docker:$DOCKER-dind\", command: [\"--mtu=1450\"]}";
    assert_eq!(
        new,
        [format!("services: [{service}]"), format!("- {service}")]
    );
    assert_eq!(gone.len(), 2, "{gone:?}");
}

#[test]
fn a_compose_service_keeps_its_command_whatever_its_shape() {
    let compose = |command: &str| {
        format!(
            "services:\n  engine:\n    image: docker:20.10.24-dind\n    privileged: true\n{command}networks:\n  default:\n    driver_opts:\n      com.docker.network.driver.mtu: \"1450\"\n"
        )
    };
    for (command, new) in [
        (
            "    command: dockerd --tls=false\n",
            "command: dockerd --tls=false --mtu=1450",
        ),
        (
            "    command: [dockerd, --mtu, \"1500\"]\n",
            "command: [dockerd, --mtu, \"1450\"]",
        ),
        ("    command:\n      - --tls=false\n", "- --mtu=1450"),
    ] {
        assert_eq!(
            fixed("compose.yaml", &compose(command)).0,
            [new],
            "{command}"
        );
    }
    let (new, gone) = fixed("compose.yaml", &compose(""));
    assert_eq!(
        (new, gone),
        (
            vec!["command:".to_owned(), "- --mtu=1450".to_owned()],
            vec![]
        )
    );
}

#[test]
fn a_compose_network_gets_an_mtu_of_its_own() {
    let file = "services:\n  app:\n    image: app   # ours\n    networks: [back]\n  engine: {image: 'docker:28.5.2-dind', privileged: true, command: [--mtu=1450], networks: [back]}\nnetworks:\n  back:\n    driver: bridge\n";
    let (new, gone) = fixed("compose.yaml", file);
    assert_eq!(
        new,
        ["driver_opts:", "com.docker.network.driver.mtu: \"1450\""]
    );
    assert_eq!(gone, Vec::<String>::new());
}

#[test]
fn the_options_of_a_pipelines_service_are_extended() {
    let file = "definitions:
  services:
    docker:
      image: registry.example.com/ci/engine:7   # reads DOCKER_OPTS
      variables:
        DOCKER_OPTS: \"--insecure-registry=registry.example.com --mtu=1500\"
pipelines:
  default:
  - step: {runs-on: [self.hosted], services: [docker], script: [docker build .]}
";
    let (new, _) = fixed("bitbucket-pipelines.yml", file);
    let options = "DOCKER_OPTS: \"--insecure-registry=registry.example.com --mtu=1450\"";
    assert_eq!(new, [options]);
}

/// An image that has yet to be built is not written to a file.
#[test]
fn an_image_that_must_be_built_first_is_shown_and_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bitbucket-pipelines.yml");
    let text = "definitions: {services: {docker: {image: 'docker:24.0.9-dind'}}}\npipelines:\n  default:\n  - step: {runs-on: [self.hosted], services: [docker], script: [make]}\n";
    fs::write(&file, text).unwrap();
    let (code, out, _) = lint(&file, &["--fix=write", "--pod-mtu", "1450"]);
    assert_eq!(code, 1);
    assert!(out.contains("FROM docker:24.0.9-dind"), "{out}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn runners_of_the_older_arc_have_a_field() {
    let kind = |kind: &str, spec: &str| {
        format!(
            "apiVersion: actions.summerwind.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: ci}}\nspec:\n{spec}"
        )
    };
    let deployment = "  replicas: 2\n  template:\n    spec:\n      repository: corp/app\n      env:\n      - name: STAGE\n        value: build\n";
    let (new, gone) = fixed("r.yaml", &kind("RunnerDeployment", deployment));
    assert_eq!(
        new,
        [
            "- name: ARC_DOCKER_MTU_PROPAGATION",
            "value: \"true\"",
            "dockerMTU: 1450"
        ]
    );
    assert_eq!(gone, Vec::<String>::new());
    // The template of a RunnerSet is a pod template.
    let set = "  repository: corp/app\n  serviceName: ci\n  dockerMTU: 1500\n  template:\n    spec:\n      containers:\n      - name: runner\n        image: corp/runner:1\n";
    let (new, gone) = fixed("r.yaml", &kind("RunnerSet", set));
    assert_eq!(
        new,
        [
            "dockerMTU: 1450",
            "env:",
            "- name: ARC_DOCKER_MTU_PROPAGATION",
            "value: \"true\""
        ]
    );
    assert_eq!(gone, ["dockerMTU: 1500"]);
    // `dockerMTU` is not a field of a RunnerSet's template.
    let misplaced = "  repository: corp/app\n  serviceName: ci\n  template:\n    spec:\n      dockerMTU: 1450\n      containers:\n      - name: runner\n        image: corp/runner:1\n";
    let (new, _) = fixed("r.yaml", &kind("RunnerSet", misplaced));
    assert!(new.contains(&"dockerMTU: 1450".to_owned()), "{new:?}");
    let runner = "  repository: corp/app\n";
    let (new, _) = fixed("r.yaml", &kind("Runner", runner));
    assert_eq!(new[0], "dockerMTU: 1450");
}

#[test]
fn the_template_of_a_scale_set_is_edited_and_its_container_mode_is_not() {
    let values = "githubConfigUrl: https://github.com/corp/app
template:
  spec:
    containers:
    - name: runner
      image: ghcr.io/actions/actions-runner:2.320.0
    initContainers:
    - name: dind
      image: docker:24.0.9-dind
      restartPolicy: Always
      args:
        - dockerd
        - --host=unix:///var/run/docker.sock
      securityContext: {privileged: true}
      volumeMounts: [{name: data, mountPath: /var/lib/docker}]
    volumes: [{name: data, emptyDir: {}}]
";
    let (new, gone) = fixed("values.yaml", values);
    let flags = [
        "- --mtu=1450",
        "- --default-network-opt=bridge=com.docker.network.driver.mtu=1450",
    ];
    assert!(
        flags.iter().all(|flag| new.iter().any(|line| line == flag)),
        "{new:?}"
    );
    assert_eq!(gone, Vec::<String>::new());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("values.yaml");
    let mode = "githubConfigUrl: https://github.com/corp/app\nrunnerScaleSetName: small\ncontainerMode:\n  type: dind\n";
    fs::write(&file, mode).unwrap();
    let (_, out, _) = lint(&file, &["--fix=write", "-o", "json"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), mode);
    let report: Value = serde_json::from_str(&out).unwrap();
    for finding in report["findings"].as_array().unwrap() {
        let fix = &finding["remedies"][0]["snippet"];
        let fix = fix.as_str().unwrap();
        assert!(
            fix.contains("containerMode") && fix.contains("init-dind-externals"),
            "{fix}"
        );
    }
}

#[test]
fn objects_are_edited_where_they_stand() {
    let pod = |indent: &str| {
        let lines = [
            "- name: runner   # ours",
            "  image: corp/runner:1",
            "- name: dind",
            "  image: mirror.example.com/library/docker:20.10.24-dind",
            "  securityContext: {privileged: true}",
            "  resources: {requests: {memory: 1Gi}}",
            "  volumeMounts: [{name: data, mountPath: /var/lib/docker}]",
        ];
        lines.map(|line| format!("{indent}{line}\n")).concat()
    };
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Namespace, metadata: {{name: ci}}}}\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: ci\n  spec:\n    template:\n      spec:\n        containers:\n{}",
        pod("        ")
    );
    let (new, gone) = fixed("list.yaml", &list);
    assert_eq!(new[..2], ["args:", "- --mtu=1450"]);
    assert_eq!(gone, Vec::<String>::new());
    let cron = format!(
        "---\n# empty\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: runner-12345678}}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n{}",
        pod("          ")
    );
    let (new, gone) = fixed("cron.yaml", &cron);
    assert_eq!(new[..2], ["args:", "- --mtu=1450"]);
    assert_eq!(gone, Vec::<String>::new());
}

/// The text shown for a fix comes from the file, without its secrets.
#[test]
fn a_shown_edit_hides_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("compose.yaml");
    let text = "services:\n  engine:\n    image: docker:24.0.9-dind\n    privileged: true\n    command: [--registry-mirror=https://u:HUSH@mirror]\n    environment:\n      API_TOKEN: HUSH-value\n";
    fs::write(&file, text).unwrap();
    for format in ["table", "json", "sarif", "junit"] {
        let (_, out, _) = lint(&file, &["-o", format]);
        assert!(!out.contains("HUSH"), "{out}");
        assert!(format != "json" || out.contains("--mtu=1450"), "{out}");
    }
}

#[test]
fn standard_input_is_not_edited() {
    let (code, _, err) = lint(Path::new("-"), &["--fix"]);
    assert_eq!(code, 2);
    assert!(err.contains("--fix"), "{err}");
}

/// The Bitbucket autoscaler keeps its Job template as a string in a ConfigMap.
#[test]
fn a_job_inside_a_config_map_is_edited() {
    let map = "apiVersion: v1
kind: ConfigMap
metadata: {name: runner-config, namespace: autoscaler}
data:
  # made anew for each runner
  job.yaml: |
    apiVersion: batch/v1
    kind: Job
    metadata:
      name: runner-<%runner_uuid%>

    spec:
      template:
        metadata:
          labels:
            <%#repository_uuid%>
            repository: <%repository_uuid%>
            <%/repository_uuid%>
        spec:
          containers:
            - name: runner   # ours
              image: docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1
            - name: docker
              image: mirror.example.com/library/docker:20.10.24-dind
              securityContext: {privileged: true}
              resources: {requests: {memory: 1Gi}}
              volumeMounts: [{name: data, mountPath: /var/lib/docker}]
          volumes: [{name: data, emptyDir: {}}]
  other: x
";
    let (new, gone) = fixed("map.yaml", map);
    assert_eq!(new, ["args:", "- --mtu=1450"]);
    assert_eq!(gone, Vec::<String>::new());
}
