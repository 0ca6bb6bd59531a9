//! What files do not show, what is not a runner, and what is left unchanged.

use super::*;

#[test]
fn a_daemon_json_that_the_files_do_not_have_is_unknown() {
    let legacy = |mounts: &str| {
        format!(
            "apiVersion: actions.summerwind.dev/v1alpha1\nkind: RunnerDeployment\nmetadata: {{name: x}}\nspec:\n  template:\n    spec:\n      repository: a/b\n      {mounts}\n      volumes: [{{name: d, configMap: {{name: d}}}}]\n"
        )
    };
    let mount = "{name: d, mountPath: /etc/docker/daemon.json, subPath: daemon.json}";
    let map = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\ndata: {daemon.json: '{\"mtu\": 1400}'}\n";
    for mounts in [
        format!("containers: [{{name: docker, volumeMounts: [{mount}]}}]"),
        format!("dockerVolumeMounts: [{mount}]"),
        format!("dockerdWithinRunnerContainer: true\n      volumeMounts: [{mount}]"),
    ] {
        let text = legacy(&mounts);
        assert_eq!(
            found("x.yaml", &text, &[]),
            ["unknown mtu-inversion"],
            "{mounts}"
        );
        assert_eq!(found("x.yaml", &(text + map), &[]), Vec::<String>::new());
    }
    let compose = |bind: &str| {
        format!(
            "services:\n  dind:\n    image: docker:28.5.2-dind\n    privileged: true\n    network_mode: host\n    volumes: ['./x:{bind}']\n"
        )
    };
    for (bind, line) in [
        ("/etc/docker/daemon.json:ro", "unknown mtu-inversion"),
        ("/etc/docker", "unknown mtu-inversion"),
        ("/etc/docker/certs.d", "warning mtu-inversion 3"),
    ] {
        assert_eq!(found("compose.yaml", &compose(bind), &[]), [line], "{bind}");
    }
}

#[test]
fn what_is_fixed_is_what_the_user_has() {
    // GitLab's documented workaround for a service that inherits DOCKER_HOST.
    let env = "a:\n  script: [x]\n  services:\n  - name: docker:28.5.2-dind\n    entrypoint: [env, -u, DOCKER_HOST]\n    command: [dockerd-entrypoint.sh]\n";
    // A Docker Hub account has its own images and tags.
    let own = pod("image: team/docker:dind\n");
    // Gitea's runner may get the engine's address from its configuration.
    let gitea = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: runner, image: 'gitea/act_runner:0.2.11'}\n  - {name: docker, image: 'docker:28.5.2-dind', securityContext: {privileged: true}}\n";
    let dir = folder(&[
        (".gitlab-ci.yml", env),
        ("own.yaml", &own),
        ("gitea.yaml", gitea),
    ]);
    let (_, diff, _) = lint(dir.path(), &[".gitlab-ci.yml", "--fix"]);
    let flag = "+    command: [dockerd-entrypoint.sh, \"--mtu=1450\"";
    assert!(diff.contains(flag), "{diff}");
    let (_, diff, _) = lint(dir.path(), &["own.yaml", "--fix"]);
    assert_eq!(diff, "");
    let check = ["own.yaml", "--check", "mtu-inversion", "-o", "short"];
    let (_, out, _) = lint(dir.path(), &check);
    assert!(out.starts_with("unknown mtu-inversion"), "{out}");
    let (_, out, _) = lint(
        dir.path(),
        &["gitea.yaml", "--check", "engine-unreachable", "-o", "short"],
    );
    assert_eq!(out, "");
}

#[test]
fn what_is_no_runner_is_left_alone() {
    let cases = [
        (
            "pipelines.yaml",
            "version: v2\npipelines:\n  dev: |-\n    run all\n",
        ),
        (
            "values.yaml",
            "services:\n  web: {image: nginx, port: 80}\n",
        ),
        (
            ".lando.yml",
            "name: x\nrecipe: drupal\nservices:\n  db: {type: mysql, image: x}\n",
        ),
        (
            "secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: shop}\nstringData: {password: hunter2}\n",
        ),
        (
            "compose.yaml",
            "services:\n  web: {build: .}\n  db: {image: 'postgres:17'}\n",
        ),
        (
            "schema.json",
            "{\"$schema\": \"x\", \"definitions\": {\"services\": {\"docker\": {}}}}",
        ),
    ];
    for (name, text) in cases {
        let dir = folder(&[(name, text)]);
        let (code, out, _) = lint(dir.path(), &[".", "-o", "short"]);
        assert_eq!((code, out.as_str()), (2, ""), "{name}");
        assert_eq!(lint(dir.path(), &[".", "--allow-empty"]).0, 0, "{name}");
    }
    // In a Secret that a runner uses, a reference is not a plain-text password either.
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: dind\n    image: docker:29.7.2-dind\n    args: [--mtu=1400]\n    env: [{name: A, valueFrom: {secretKeyRef: {name: shop, key: a}}}]\n    securityContext: {privileged: true}\n    resources: {requests: {memory: 1Gi}}\n    volumeMounts: [{name: d, mountPath: /var/lib/docker}]\n";
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: shop}}\nstringData: {{password: {value}}}\n"
        )
    };
    for (value, lines) in [
        ("hunter2", 1),
        ("op://vault/shop/password", 0),
        ("'${PASSWORD}'", 0),
    ] {
        let dir = folder(&[("pod.yaml", pod), ("secret.yaml", &secret(value))]);
        let (_, out, _) = lint(dir.path(), &[".", "-o", "short"]);
        assert_eq!(out.lines().count(), lines, "{out}");
    }
    let kubernetes = "apiVersion: actions.summerwind.dev/v1alpha1\nkind: RunnerDeployment\nmetadata: {name: x}\nspec: {template: {spec: {repository: a/b, containerMode: kubernetes}}}\n";
    assert_eq!(found("x.yaml", kubernetes, &[]), Vec::<String>::new());
}

#[test]
fn an_mtu_that_is_set_another_way_is_resolved_or_unknown() {
    let image = "image: docker:29.7.2-dind\n";
    let unknown = "unknown mtu-inversion";
    for (container, expected) in [
        (
            "env: [{name: M, value: '1400'}]\nargs: ['--mtu=$(M)']",
            &[][..],
        ),
        (
            "command: [sh, -c, 'dockerd --mtu=$(cat /sys/class/net/eth0/mtu)']",
            &[unknown],
        ),
        ("command: [sh, -c, 'dockerd --mtu=1400']", &[]),
        (
            "command: [sh, -c, 'echo ''{\"mtu\": 1400}'' > /etc/docker/daemon.json; dockerd']",
            &[],
        ),
        (
            "command: [sh, -c, 'cp /x/daemon.json /etc/docker/; dockerd']",
            &[unknown],
        ),
        ("command: [/start.sh]", &[unknown]),
        ("args: [--config-file=/x/daemon.json]", &[unknown]),
        ("args: [--debug]", &["warning mtu-inversion 11"]),
        (
            "command: [sh, -c, 'dockerd --debug']",
            &["warning mtu-inversion 10"],
        ),
    ] {
        let text = pod(&format!("{image}{container}\n"));
        assert_eq!(
            found("pod.yaml", &text, &["--check", "mtu-inversion"]),
            expected,
            "{container}"
        );
    }
    let map = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  docker.json: '{\"mtu\": 1400}'\n";
    let mounted = pod(image).replace(
        "volumeMounts: [",
        "volumeMounts: [{name: c, mountPath: /etc/docker}, ",
    ) + "  volumes: [{name: c, configMap: {name: c, items: [{key: docker.json, path: daemon.json}]}}]\n";
    assert_eq!(
        found("pod.yaml", &(mounted + map), &["--check", "mtu-inversion"]),
        Vec::<String>::new()
    );
}

#[test]
fn engines_other_than_docker_are_judged_as_far_as_their_arguments_say() {
    let unknown = "unknown mtu-inversion";
    for (container, expected) in [
        (
            "image: moby/buildkit:v0.33.0\nargs: [--oci-worker-net=bridge]\n",
            &["warning mtu-inversion 11"][..],
        ),
        (
            "image: moby/buildkit:v0.33.0\nargs: [--oci-worker-net, host]\n",
            &[],
        ),
        ("image: moby/buildkit:v0.33.0\n", &[]),
        (
            "image: moby/buildkit:v0.33.0\nargs: [--oci-worker-net=cni]\n",
            &[unknown],
        ),
        ("image: registry.dagger.io/engine:v0.21.0\n", &[unknown]),
        (
            "image: quay.io/podman/stable\ncommand: [sleep, infinity]\n",
            &[unknown],
        ),
    ] {
        assert_eq!(
            found("pod.yaml", &pod(container), &["--check", "mtu-inversion"]),
            expected,
            "{container}"
        );
    }
    // A custom entrypoint may start dockerd before it runs its arguments.
    let own = pod("image: corp/ubuntu-dind:1\nargs: [sleep, infinity]\n");
    let found = found("pod.yaml", &own, &["--check", "mtu-inversion"]);
    assert!(!found.is_empty());
}

#[test]
fn an_image_of_dind_that_waits_is_a_client() {
    let idle = pod("image: docker:29.7.2-dind\ncommand: [cat]\n");
    assert_eq!(found("pod.yaml", &idle, &[]), Vec::<String>::new());
    let socket = idle.replace(
        "volumeMounts: [",
        "volumeMounts: [{name: s, mountPath: /var/run/docker.sock}, ",
    ) + "  volumes: [{name: s, hostPath: {path: /var/run/docker.sock}}]\n";
    assert_eq!(
        found("pod.yaml", &socket, &[]),
        ["info host-docker-socket 6"]
    );
}

#[test]
fn what_cannot_be_judged_as_it_stands_is_counted_and_named() {
    let template = "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Release.Name }}}\nspec:\n  containers:\n  - name: dind\n    image: docker:dind\n    securityContext:\n      {{- toYaml .Values.x | nindent 6 }}\n";
    let pod = pod("image: docker:dind\n");
    let patch = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers: [{name: dind, image: 'docker:29.7.2-dind', args: [--mtu=1400]}]\n";
    let dir = folder(&[
        ("chart/templates/a.yaml", template),
        ("chart/templates/b.yaml", template),
        ("base/pod.yaml", &pod),
        ("base/kustomization.yaml", "resources: [pod.yaml]\n"),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\npatches: [{path: patch.yaml}]\n",
        ),
        ("prod/patch.yaml", patch),
        ("values.yaml", "dind:\n  enabled: true\n"),
    ]);
    let (code, out, err) = lint(dir.path(), &[".", "-o", "short"]);
    assert_eq!(code, 2, "{out}");
    assert_eq!(out.lines().count(), 3, "{out}");
    assert!(out.contains("chart/templates/a.yaml, chart/templates/b.yaml mention a Docker engine, but are templates: render first: helm template"), "{out}");
    assert!(
        out.contains("kubectl kustomize . | runner-doctor lint -"),
        "{out}"
    );
    assert_eq!(
        err.lines()
            .filter(|line| line.contains("passed over"))
            .count(),
        1,
        "{err}"
    );
    let (code, _, err) = lint(dir.path(), &["chart/templates/a.yaml"]);
    assert_eq!(code, 2);
    assert!(err.contains("it is a template: render it first"), "{err}");
    let (_, out, _) = lint(dir.path(), &["prod/patch.yaml", "-o", "short"]);
    assert!(!out.contains("warning"), "{out}");
}

#[test]
fn the_last_line_counts_what_depends_on_the_pod_networks_mtu() {
    let dir = folder(&[("pod.yaml", &pod("image: docker:29.7.2-dind\n"))]);
    let (code, out, err) = lint(dir.path(), &["pod.yaml", "-o", "short"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("warning mtu-inversion"), "{out}");
    let line =
        "runner-doctor: 1 finding depends on the pod network's MTU; set --pod-mtu to gate on them";
    assert_eq!(err.lines().last(), Some(line));
    let (code, out, err) = lint(
        dir.path(),
        &["pod.yaml", "-o", "short", "--pod-mtu", "1450"],
    );
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.starts_with("error mtu-inversion"), "{out}");
    let (code, _, err) = lint(dir.path(), &["pod.yaml", "--pod-mtu", "many"]);
    assert_eq!(code, 2);
    assert!(err.contains("auto"), "{err}");
}

/// A fixed file lints clean and keeps the user's own settings.
#[test]
fn fixes_keep_names_versions_aliases_flags_and_comments() {
    let gitlab = "build:\n  script: docker build .\n  services:\n  - name: hub.example.com/cache/docker:28.5.2-dind # pulled through\n    alias: engine\n    command: [\"--registry-mirror=https://m.example.com\"]\n";
    let runner_set = "apiVersion: actions.summerwind.dev/v1alpha1\nkind: RunnerSet\nmetadata: {name: ci}\nspec:\n  template:\n    spec:\n      containers:\n      - name: runner\n        env:\n        - {name: STAGE, value: build}\n";
    let flux = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r}\nspec:\n  values:\n    template:\n      spec:\n        initContainers:\n        - name: dind # ours\n          image: docker:29.7.2-dind\n          args: [dockerd, --host=unix:///var/run/docker.sock]\n          restartPolicy: Always\n          securityContext: {privileged: true}\n          volumeMounts: [{name: d, mountPath: /var/lib/docker}]\n        containers:\n        - {name: runner, image: 'ghcr.io/actions/actions-runner:2.330.0'}\n    minRunners: 1\n";
    let tekton = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: b}\nspec:\n  sidecars:\n  - name: engine\n    image: mirror.example.com/library/docker:29.7.2-dind\n    args: [--debug] # keep\n    securityContext: {privileged: true}\n    volumeMounts: [{name: d, mountPath: /var/lib/docker}]\n  volumes: [{name: d, emptyDir: {}}]\n";
    let jenkins = format!(
        "agent:\n  yamlTemplate: |\n{}",
        indented(
            &pod("image: docker:29.7.2-dind # pinned\nargs: [--debug]\n"),
            4
        )
    );
    let bitbucket = "definitions:\n  services:\n    docker-large:\n      type: docker\n      image: corp.example.com/engine:7\n      variables:\n        DOCKER_OPTS: --mtu=1500 --debug\npipelines:\n  default:\n  - step: {runs-on: [self.hosted], services: [docker-large], script: [make]}\n";
    for (name, text, kept) in [
        (
            ".gitlab-ci.yml",
            gitlab.to_owned(),
            &[
                "hub.example.com/cache/docker:28.5.2-dind # pulled through",
                "alias: engine",
                "--registry-mirror=https://m.example.com",
                "--mtu=1450",
            ][..],
        ),
        (
            "set.yaml",
            runner_set.to_owned(),
            &[
                "  dockerMTU: 1450",
                "ARC_DOCKER_MTU_PROPAGATION",
                "{name: STAGE, value: build}",
            ],
        ),
        (
            "release.yaml",
            flux.to_owned(),
            &[
                "- name: dind # ours",
                "--host=unix:///var/run/docker.sock, \"--mtu=1450\"",
                "minRunners: 1",
            ],
        ),
        (
            "task.yaml",
            tekton.to_owned(),
            &[
                "mirror.example.com/library/docker:29.7.2-dind",
                "--debug, \"--mtu=1450\"",
                "# keep",
            ],
        ),
        (
            "values.yaml",
            jenkins,
            &["# pinned", "[--debug, \"--mtu=1450\""],
        ),
        (
            "bitbucket-pipelines.yml",
            bitbucket.to_owned(),
            &[
                "docker-large:",
                "corp.example.com/engine:7",
                "--mtu=1450 --debug",
            ],
        ),
    ] {
        let dir = folder(&[(name, &text)]);
        let told = [
            name,
            "--pod-mtu",
            "1450",
            "--check",
            "mtu-inversion",
            "-o",
            "short",
        ];
        assert_eq!(lint(dir.path(), &told).0, 1, "{name}");
        let (code, out, err) = lint(dir.path(), &[&told[..], &["--fix=write"]].concat());
        assert_eq!((code, out.as_str()), (0, ""), "{name}: {err}");
        let edited = fs::read_to_string(dir.path().join(name)).unwrap();
        for words in kept {
            assert!(edited.contains(words), "{words} not in\n{edited}");
        }
    }
}
