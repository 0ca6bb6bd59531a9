//! Files of every kind that people have: what `lint` recognises, what it leaves alone, what it calls unknown,
//! and that its fixes keep what is the user's own.

use assert_cmd::Command;
use std::fs;
use std::path::Path;

mod unknown;

fn lint(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let output = command
        .current_dir(folder)
        .arg("lint")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

/// Severity, check and line of each finding in one file.
fn found(name: &str, text: &str, args: &[&str]) -> Vec<String> {
    let dir = folder(&[(name, text)]);
    let (_, out, _) = lint(dir.path(), &[&[name, "-o", "short"], args].concat());
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (severity, check) = (words.next().unwrap(), words.next().unwrap());
        let place = words.next().unwrap().rsplit(':').nth(1);
        match severity {
            "unknown" => format!("unknown {check}"),
            _ => format!("{severity} {check} {}", place.unwrap()),
        }
    };
    out.lines().map(line).collect()
}

const VALUES: &str = "githubConfigUrl: https://github.com/corp/app
githubConfigSecret: arc
containerMode:
  type: dind
";

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines();
    lines
        .map(|line| format!("{}{line}\n", " ".repeat(by)))
        .collect()
}

#[test]
fn values_of_a_scale_set_are_found_wherever_they_lie() {
    let three = |line: usize| {
        [
            format!("warning mtu-inversion {line}"),
            format!("warning floating-engine-tag {line}"),
            format!("warning no-docker-volume {line}"),
        ]
    };
    let notes = "  # one of many notes\n".repeat(300);
    let noted = format!(
        "{VALUES}template:\n{notes}  spec:\n    containers:\n    - name: runner\n      image: ghcr.io/actions/actions-runner:2.330.0\n"
    );
    assert_eq!(found("values.yaml", &noted, &[]), three(4));
    let flux = format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: r}}\nspec:\n  values:\n{}",
        indented(VALUES, 4)
    );
    assert_eq!(found("release.yaml", &flux, &[]), three(9));
    let umbrella = format!("runners:\n{}", indented(VALUES, 2));
    assert_eq!(found("values.yaml", &umbrella, &[]), three(5));
    // The experimental chart's engine takes settings.
    let experimental = "auth: {url: x}\nrunner:\n  mode: dind\n  dind:\n    container:\n      image: docker:29.7.2-dind\n";
    let checks = ["--check", "mtu-inversion"];
    assert_eq!(
        found("values.yaml", experimental, &checks),
        ["warning mtu-inversion 3"]
    );
    let dir = folder(&[("values.yaml", experimental)]);
    let told = [
        "values.yaml",
        "--pod-mtu",
        "1450",
        "--fix=write",
        "--check",
        "mtu-inversion",
    ];
    assert_eq!(lint(dir.path(), &told).0, 0);
    let edited = fs::read_to_string(dir.path().join("values.yaml")).unwrap();
    assert!(edited.starts_with(experimental), "{edited}");
    assert!(edited.contains("- --group=$(DOCKER_GROUP_GID)"), "{edited}");
    for (key, mark) in [("valuesObject", ""), ("values", " |")] {
        let argo = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: r}}\nspec:\n  source:\n    helm:\n      {key}:{mark}\n{}",
            indented(VALUES, 8)
        );
        assert_eq!(found("app.yaml", &argo, &[]), three(11), "{key}");
    }
}

/// Of each kind a pod with one old engine without requests.
#[test]
fn pods_are_found_in_every_kind_of_object() {
    let engine =
        "- name: engine\n  image: docker:20.10.4-dind\n  securityContext: {privileged: true}\n";
    let at = |head: &str, by: usize| format!("{head}\n{}", indented(engine, by));
    let object = |api: &str, kind: &str, spec: &str| {
        format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n{spec}")
    };
    let all = [
        at(
            &object(
                "tekton.dev/v1",
                "Task",
                "  steps: [{name: a, image: docker:27, script: docker build .}]\n  sidecars:",
            ),
            2,
        ),
        at(
            &object(
                "tekton.dev/v1",
                "PipelineRun",
                "  pipelineSpec:\n    tasks:\n    - name: a\n      taskSpec:\n        sidecars:",
            ),
            8,
        ),
        at(
            &object(
                "argoproj.io/v1alpha1",
                "Workflow",
                "  templates:\n  - name: a\n    container: {image: docker:27, command: [docker, build, .]}\n    sidecars:",
            ),
            4,
        ),
        at(
            &object(
                "keda.sh/v1alpha1",
                "ScaledJob",
                "  jobTargetRef:\n    template:\n      spec:\n        containers:",
            ),
            8,
        ),
        at(
            &object(
                "example.com/v1",
                "RunnerPool",
                "  podTemplateSpec:\n    spec:\n      containers:",
            ),
            6,
        ),
        at("agent:\n  pod:\n    containers:", 4),
        at(
            &object(
                "v1",
                "List",
                "items:\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:",
            )
            .replace("spec:\nitems", "items"),
            4,
        ),
        at(
            "agents:\n  template: |\n    apiVersion: v1\n    kind: Pod\n    spec:\n      containers:",
            6,
        ),
    ];
    for text in all {
        let lines = found("x.yaml", &text, &[]);
        let checks: Vec<&str> = lines
            .iter()
            .map(|l| l.rsplit_once(' ').unwrap().0)
            .collect();
        assert_eq!(
            checks,
            [
                "error oom-score-overflow",
                "warning mtu-inversion",
                "warning no-docker-volume"
            ],
            "{text}"
        );
    }
    let json = r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "d", "image": "docker:27.5.1-dind", "args": ["--mtu=1400"], "securityContext": {"privileged": true}}]}}"#;
    let dir = folder(&[
        ("pod.json", json),
        ("package.json", "{}"),
        ("notes.json", "{ // no\n}"),
    ]);
    let (code, out, _) = lint(dir.path(), &[".", "-o", "short"]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("warning no-docker-volume pod.json:1"),
        "{out}"
    );
}

const CONFIG: &str = "concurrent = 4
[[runners]]
  name = \"ci\" # ours
  executor = \"kubernetes\"
  [runners.kubernetes]
    image = \"docker:20.10.4\"
    privileged = true
    [[runners.kubernetes.services]]
      name = \"mirror.example.com/docker:20.10.4-dind\"
      alias = \"docker\"
      command = [\"--debug\"]
";

#[test]
fn gitlab_runners_configuration_is_read_and_edited() {
    let expected = [
        "error oom-score-overflow",
        "warning mtu-inversion",
        "warning no-docker-volume",
    ];
    let values = format!(
        "gitlabUrl: https://x\nrunners:\n  config: |\n{}",
        indented(CONFIG, 4)
    );
    for (name, text, lines) in [
        ("config.toml", CONFIG.to_owned(), [9, 11, 9]),
        ("values.yaml", values, [12, 14, 12]),
    ] {
        let expected: Vec<String> = expected
            .iter()
            .zip(lines)
            .map(|(e, l)| format!("{e} {l}"))
            .collect();
        assert_eq!(found(name, &text, &[]), expected, "{name}");
        let dir = folder(&[(name, &text)]);
        let told = [name, "--pod-mtu", "1450", "-o", "short"];
        let (_, diff, _) = lint(dir.path(), &[&told[..], &["--fix"]].concat());
        assert!(
            diff.contains("+      command = [\"--debug\", \"--mtu=1450\"")
                || diff.contains("+          command = [\"--debug\", \"--mtu=1450\""),
            "{diff}"
        );
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), text);
        let (_, out, err) = lint(dir.path(), &[&told[..], &["--fix=write"]].concat());
        assert!(err.contains(&format!("edited {name}")), "{err}");
        assert_eq!(out, "", "{out}");
        let edited = fs::read_to_string(dir.path().join(name)).unwrap();
        for kept in [
            "# ours",
            "mirror.example.com/docker:",
            "alias = \"docker\"",
            "\"--debug\"",
        ] {
            assert!(edited.contains(kept), "{edited}");
        }
    }
}

#[test]
fn jobs_of_the_docker_executor_have_no_pod() {
    let config = "[[runners]]\n  executor = \"docker\"\n  [runners.docker]\n    [[runners.docker.services]]\n      name = \"docker:28-dind\"\n";
    let dir = folder(&[("config.toml", config)]);
    let (code, out, err) = lint(dir.path(), &["config.toml", "-o", "short"]);
    assert_eq!(code, 2);
    assert!(out.starts_with("unknown lint"), "{out}");
    assert!(
        err.contains("jobs of the Docker executor have no pod network"),
        "{err}"
    );
}

#[test]
fn values_of_gitlab_runner_are_no_pipeline_for_their_rbac_rules() {
    let values = "rbac:\n  create: true\n  rules:\n  - resources: [pods]\n    verbs: [get]\nrunners:\n  config: |\n    [[runners]]\n      [runners.kubernetes]\n        image = \"alpine\"\n";
    let dir = folder(&[("values.yaml", values)]);
    let (code, out, err) = lint(dir.path(), &["values.yaml", "-o", "short"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("lint the .gitlab-ci.yml whose services start it"),
        "{err}"
    );
    let rules = ".rules:\n  rules:\n  - if: $CI_COMMIT_TAG\n";
    assert_eq!(found("rules.yml", rules, &[]), Vec::<String>::new());
}

#[test]
fn an_engine_before_19_03_does_not_listen_with_tls() {
    let old = pod("image: docker:1.12.6-dind\n");
    let client = "  - name: client\n    image: docker:1.12.6\n    env: [{name: DOCKER_HOST, value: 'tcp://localhost:2375'}]\n";
    let text = format!("{}{client}", old.trim_end_matches('\n').to_owned() + "\n");
    let lines = found("pod.yaml", &text, &["--check", "engine-unreachable"]);
    assert_eq!(lines, Vec::<String>::new());
    let new = text.replace("1.12.6-dind", "28.5.2-dind");
    let lines = found("pod.yaml", &new, &["--check", "engine-unreachable"]);
    assert_eq!(lines.len(), 1);
}

#[test]
fn arguments_of_an_own_image_go_to_its_own_entrypoint() {
    let of = |image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: {image}\n    args: [sleep, infinity]\n    securityContext: {{privileged: true}}\n"
        )
    };
    let check = ["--check", "mtu-inversion"];
    let own = found("pod.yaml", &of("team/ubuntu-dind:7"), &check);
    assert_eq!(own, ["unknown mtu-inversion"]);
    assert_eq!(
        found("pod.yaml", &of("docker:28-dind"), &check),
        Vec::<String>::new()
    );
}

#[test]
fn compose_is_judged_beside_a_runner_or_where_it_starts_an_engine() {
    let app = "services:\n  web: {image: nginx}\n";
    let job = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: dind, image: 'docker:29.7.2-dind', args: [--mtu=1400], securityContext: {privileged: true}}\n";
    let dir = folder(&[
        ("ci/pod.yaml", job),
        ("ci/compose.yaml", app),
        ("shop/compose.yaml", app),
    ]);
    let (_, out, _) = lint(
        dir.path(),
        &[".", "-o", "short", "--check", "mtu-inversion"],
    );
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.contains("ci/compose.yaml"), "{out}");
    let (code, _, err) = lint(dir.path(), &["shop/compose.yaml"]);
    assert_eq!(code, 2);
    assert!(err.contains("no service is a Docker engine"), "{err}");
    let engine = "services:\n  dind: {image: 'docker:28.5.2-dind', privileged: true}\n";
    let lines = found("compose.yaml", engine, &["--check", "mtu-inversion"]);
    assert!(
        lines.iter().all(|line| line.starts_with("warning ")),
        "{lines:?}"
    );
    assert!(!lines.is_empty());
}

#[test]
fn gitlab_services_are_found_however_they_are_written() {
    let mtu = |text: &str, args: &[&str]| found("ci/build.yml", text, args);
    for (text, lines) in [
        (
            ".docker:\n  services: ['docker:28-dind']\n",
            &["warning mtu-inversion 2"][..],
        ),
        (
            "default:\n  image: alpine\n  services:\n  - docker:28-dind\n",
            &["warning mtu-inversion 4"],
        ),
        (
            "a:\n  script: x\n  services:\n  - name: $PREFIX/docker:28.1-dind\n",
            &["warning mtu-inversion 4"],
        ),
        (
            "variables: {V: '28.1'}\na:\n  script: x\n  services: ['docker:${V}-dind']\n",
            &["warning mtu-inversion 4"],
        ),
        (
            "a:\n  script: x\n  services: [$ENGINE-dind]\n",
            &["unknown mtu-inversion"],
        ),
        (
            ".d:\n  services: [{name: 'docker:28-dind', command: [--mtu=1400]}]\na:\n  script: x\n  services: !reference [.d, services]\n",
            &[],
        ),
    ] {
        assert_eq!(mtu(text, &["--check", "mtu-inversion"]), lines, "{text}");
    }
    let dir = folder(&[(
        "x.gitlab-ci.yml",
        "a: {script: x, services: ['$ENGINE-dind']}\n",
    )]);
    assert_eq!(lint(dir.path(), &["x.gitlab-ci.yml"]).0, 0);
    assert_eq!(lint(dir.path(), &["x.gitlab-ci.yml", "--strict"]).0, 3);
    // What it includes is read, with its variables.
    let dir = folder(&[
        (
            ".gitlab-ci.yml",
            "include: [{local: /ci/docker.yml}]\nvariables: {V: '20.10.4'}\n",
        ),
        (
            "ci/docker.yml",
            ".docker:\n  services: [{name: 'docker:${V}-dind', command: [--mtu=1500]}]\n",
        ),
    ]);
    let (_, out, err) = lint(dir.path(), &[".gitlab-ci.yml", "-o", "short"]);
    assert!(out.contains("mtu-inversion ci/docker.yml:2"), "{out}{err}");
    assert!(out.contains("GitLab.com"), "{out}");
}

#[test]
fn pipelines_of_drone_and_woodpecker_are_read() {
    let drone = "kind: pipeline\ntype: kubernetes\nsteps:\n- {name: a, image: alpine, commands: [make]}\nservices:\n- name: docker\n  image: docker:28.5.2-dind\n  privileged: true\n";
    assert_eq!(found(".drone.yml", drone, &[]), ["warning mtu-inversion 7"]);
    let plugin = "kind: pipeline\nsteps:\n- name: a\n  image: plugins/docker\n  settings:\n    repo: a\n    mtu: 1400\n";
    assert_eq!(found(".drone.yml", plugin, &[]), Vec::<String>::new());
    assert_eq!(
        found(
            ".drone.yml",
            &plugin.replace("1400", "1500"),
            &["--pod-mtu", "1450"]
        ),
        ["error mtu-inversion 7"]
    );
    let woodpecker = "steps:\n  build: {image: 'docker:28', commands: [docker build .]}\nservices:\n  engine:\n    image: docker:28-dind\n    privileged: true\n";
    assert_eq!(
        found("ci.yaml", woodpecker, &[]),
        ["warning mtu-inversion 5"]
    );
}

fn pod(container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n  - name: dind\n    securityContext: {{privileged: true}}\n    resources: {{requests: {{memory: 1Gi}}}}\n    volumeMounts: [{{name: d, mountPath: /var/lib/docker}}]\n{}",
        indented(container, 4)
    )
}
