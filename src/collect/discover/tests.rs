//! Pods as the providers create them, and pods that only look similar.

use super::*;
use crate::evidence::{Launcher, Role};
use serde_json::{Value, json};

fn pod(spec: Value) -> Pod {
    let whole = json!({
        "metadata": {"name": "p", "namespace": "ci"},
        "spec": spec,
        "status": {"phase": "Running", "qosClass": "BestEffort"},
    });
    serde_json::from_value(whole).unwrap()
}

/// The provider, and the names of the containers with this role.
fn seen(pod: &Pod, role: Role) -> Option<(Provider, Vec<String>)> {
    let runner = runner(pod, false)?;
    let of_role = runner.containers.iter().filter(|c| c.role == role);
    Some((runner.provider, of_role.map(|c| c.name.clone()).collect()))
}

fn engines(pod: &Pod) -> Option<(Provider, Vec<String>)> {
    seen(pod, Role::Engine)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn bitbucket_is_known_by_image_or_by_its_variable_whatever_the_names() {
    let by_image = pod(json!({"containers": [
        {"name": "a", "image": "r.example/sox/atlassian/bitbucket-pipelines-runner:1"},
        {"name": "b", "image": "docker:27-dind", "securityContext": {"privileged": true}},
    ]}));
    assert_eq!(
        engines(&by_image),
        Some((Provider::Bitbucket, names(&["b"])))
    );
    assert_eq!(seen(&by_image, Role::Runner).unwrap().1, names(&["a"]));
    let by_variable = pod(json!({"containers": [
        {"name": "a", "image": "mirror/runner", "env": [{"name": "RUNNER_UUID", "value": "{x}"}]},
        {"name": "docker-in-docker", "image": "team/engine:1", "args": ["dockerd", "--mtu=1400"]},
    ]}));
    assert_eq!(
        engines(&by_variable),
        Some((Provider::Bitbucket, names(&["docker-in-docker"])))
    );
}

#[test]
fn digests_are_the_same_whatever_the_node_runs() {
    let of = |id: &str| {
        let mut runner = pod(json!({"containers": [
            {"name": "a", "image": "sox/atlassian/bitbucket-pipelines-runner:1"},
        ]}));
        let status =
            json!([{"name": "a", "image": "", "imageID": id, "ready": true, "restartCount": 0}]);
        let status = serde_json::from_value(status).unwrap();
        runner.status.as_mut().unwrap().container_statuses = status;
        super::runner(&runner, false).unwrap().containers[0]
            .digest
            .clone()
    };
    assert_eq!(of("sha256:ab"), Some("sha256:ab".to_owned()));
    assert_eq!(of("docker://sha256:ab"), of("sha256:ab"));
    assert_eq!(
        of("docker-pullable://r.example/a@sha256:ab"),
        of("r.example/a@sha256:ab")
    );
    assert_eq!(of(""), None);
}

#[test]
fn arc_has_its_engine_among_the_init_containers() {
    let scale_set = pod(json!({
        "initContainers": [
            {"name": "init-dind-externals", "image": "ghcr.example/actions/actions-runner:latest"},
            {"name": "dind", "image": "docker:dind", "restartPolicy": "Always", "securityContext": {"privileged": true}},
        ],
        "containers": [{"name": "runner", "image": "ghcr.example/actions/actions-runner:latest"}],
    }));
    assert_eq!(
        engines(&scale_set),
        Some((Provider::GithubArc, names(&["dind"])))
    );
    assert_eq!(
        seen(&scale_set, Role::Runner).unwrap().1,
        names(&["runner"])
    );
}

#[test]
fn gitlab_is_known_by_the_shape_of_its_pod() {
    let job = pod(json!({"containers": [
        {"name": "build", "image": "docker:27"},
        {"name": "helper", "image": "gitlab-runner-helper"},
        {"name": "svc-0", "image": "docker:27-dind", "securityContext": {"privileged": true}},
    ]}));
    assert_eq!(engines(&job), Some((Provider::Gitlab, names(&["svc-0"]))));
}

/// As the Kubernetes plugin creates it from the Docker-in-Docker example in its repository.
fn jenkins_agent() -> Pod {
    let mut agent = pod(json!({
        "restartPolicy": "Never",
        "containers": [
            {"name": "docker", "image": "docker:28.5.2", "command": ["sleep"], "args": ["99d"],
             "volumeMounts": [{"name": "docker-socket", "mountPath": "/var/run"}]},
            {"name": "docker-daemon", "image": "docker:28.5.2-dind", "securityContext": {"privileged": true},
             "volumeMounts": [{"name": "docker-socket", "mountPath": "/var/run"}]},
            {"name": "jnlp", "image": "jenkins/inbound-agent:3248.v65ecb_254c298-2",
             "env": [{"name": "JENKINS_SECRET", "value": "CANARY"}, {"name": "JENKINS_URL", "value": "http://jenkins:8080/"}]},
        ],
        "volumes": [{"name": "docker-socket", "emptyDir": {}}],
    }));
    let labels = json!({"jenkins/label": "build_12-vw0s0", "jenkins/label-digest": "2f8ba26e"});
    agent.metadata.labels = serde_json::from_value(labels).unwrap();
    agent
}

#[test]
fn jenkins_is_known_by_its_label_and_its_agent() {
    let mut agent = jenkins_agent();
    let found = (Provider::Jenkins, names(&["docker-daemon"]));
    assert_eq!(engines(&agent), Some(found));
    assert_eq!(seen(&agent, Role::Runner).unwrap().1, names(&["jnlp"]));
    let whole = serde_json::to_string(&runner(&agent, false)).unwrap();
    assert!(!whole.contains("CANARY"));
    // Without the plugin's label, it is recognized by its image.
    agent.metadata.labels = None;
    assert_eq!(engines(&agent).unwrap().0, Provider::Jenkins);
    let containers = &mut agent.spec.as_mut().unwrap().containers;
    containers[2].image = Some("team/toolbox".to_owned());
    assert_eq!(engines(&agent).unwrap().0, Provider::Generic);
}

/// As in the charts and the documentation of both projects.
#[test]
fn gitea_and_forgejo_are_known_by_the_image_of_their_runner() {
    for image in [
        "docker.io/gitea/act_runner:0.2.13",
        "code.forgejo.org/forgejo/runner:12.1.0",
        "mirror.example.com/gitea/runner:1.0.3",
    ] {
        let pod = pod(json!({"containers": [
            {"name": "runner", "image": image},
            {"name": "dind", "image": "docker:29.7.2-dind", "securityContext": {"privileged": true}},
        ]}));
        assert_eq!(engines(&pod), Some((Provider::Gitea, names(&["dind"]))));
        assert_eq!(seen(&pod, Role::Runner).unwrap().1, names(&["runner"]));
    }
}

/// With the pod labels that tektoncd/pipeline, buildkite/agent-stack-k8s, drone-runner-kube and
/// Woodpecker's Kubernetes backend set.
#[test]
fn pods_of_pipelines_are_known_by_their_labels() {
    for (provider, label) in [
        (Provider::Tekton, "tekton.dev/taskRun"),
        (Provider::Buildkite, "buildkite.com/job-uuid"),
        (Provider::Drone, "io.drone"),
        (Provider::Woodpecker, "woodpecker-ci.org/task-uuid"),
        (Provider::ArgoWorkflows, "workflows.argoproj.io/workflow"),
        (Provider::Prow, "prow.k8s.io/id"),
    ] {
        let mut pipeline = pod(json!({"containers": [
            {"name": "step-build", "image": "docker:29-cli"},
            {"name": "sidecar-dind", "image": "docker:29.7.2-dind", "securityContext": {"privileged": true}},
        ]}));
        pipeline.metadata.labels = serde_json::from_value(json!({label: "x"})).unwrap();
        let found = (provider, names(&["sidecar-dind"]));
        assert_eq!(engines(&pipeline), Some(found), "{label}");
    }
}

/// As started in Microsoft's and JetBrains' documentation.
#[test]
fn agents_are_known_by_their_variables_and_images() {
    for (provider, agent) in [
        (
            Provider::AzurePipelines,
            json!({"name": "agent", "image": "team/azp-agent:1", "env": [{"name": "AZP_URL", "value": "x"}]}),
        ),
        (
            Provider::Teamcity,
            json!({"name": "agent", "image": "jetbrains/teamcity-agent:2025.07"}),
        ),
    ] {
        let pod = pod(json!({"containers": [
            agent,
            {"name": "dind", "image": "docker:29.7.2-dind", "securityContext": {"privileged": true}},
        ]}));
        assert_eq!(engines(&pod), Some((provider, names(&["dind"]))));
        assert_eq!(seen(&pod, Role::Runner).unwrap().1, names(&["agent"]));
    }
}

#[test]
fn other_engines_are_runners_too() {
    let plain = pod(json!({"containers": [
        {"name": "x", "image": "team/x", "command": ["sh", "-c", "exec dockerd --mtu=1400"]},
    ]}));
    assert_eq!(engines(&plain), Some((Provider::Generic, names(&["x"]))));
}

/// As set by Prow's presets, JetBrains' documentation and ARC's legacy controller.
#[test]
fn variables_start_dockerd_beside_an_images_own_program() {
    for (name, value, runs) in [
        ("DOCKER_IN_DOCKER_ENABLED", "true", true),
        ("DOCKER_IN_DOCKER_ENABLED", "false", false),
        ("DOCKER_IN_DOCKER", "start", true),
        ("DOCKERD_IN_RUNNER", "true", true),
        ("DOCKERD_IN_RUNNER", "false", false),
    ] {
        let pod = pod(json!({"containers": [
            {"name": "test", "image": "team/job-tools:5", "command": ["/tools/entrypoint"],
             "env": [{"name": name, "value": value}], "securityContext": {"privileged": true}},
            {"name": "sidecar", "image": "team/sidecar"},
        ]}));
        let found = runs.then(|| (Provider::Generic, names(&["test"])));
        assert_eq!(engines(&pod), found, "{name}={value}");
        if let Some(runner) = runner(&pod, false) {
            let launch = runner.containers[0].launch.as_ref().unwrap();
            assert_eq!(launch.by, Launcher::Script, "arguments are the image's own");
        }
    }
}

/// As in jobs of Istio's Prow and in Coder's envbox: the image's entrypoint starts dockerd.
#[test]
fn a_volume_for_dockers_data_shows_the_engine_if_nothing_else_does() {
    let seen = |privileged: bool, volume: Value, other: &str| {
        engines(&pod(json!({
            "containers": [
                {"name": "job", "image": "team/build-tools", "securityContext": {"privileged": privileged},
                 "volumeMounts": [{"name": "data", "mountPath": "/var/lib/docker"}]},
                {"name": "other", "image": other},
            ],
            "volumes": [volume],
        })))
    };
    let own = json!({"name": "data", "emptyDir": {}});
    let of_node = json!({"name": "data", "hostPath": {"path": "/var/lib/docker"}});
    let disk = json!({"name": "data", "hostPath": {"path": "/mnt/disks/1"}});
    let job = Some((Provider::Generic, names(&["job"])));
    assert_eq!(seen(true, own.clone(), "nginx"), job);
    assert_eq!(seen(true, disk, "nginx"), job);
    assert_eq!(seen(false, own.clone(), "nginx"), None);
    assert_eq!(seen(true, of_node, "nginx"), None, "an agent of the node");
    let other = Some((Provider::Generic, names(&["other"])));
    assert_eq!(seen(true, own, "docker:29.7.2-dind"), other);
}

#[test]
fn what_only_names_docker_is_no_runner() {
    for container in [
        json!({"name": "x", "image": "docker:27", "command": ["docker", "build"]}),
        json!({"name": "x", "image": "docker:27-dind", "command": ["sleep", "3600"]}),
        json!({"name": "x", "image": "docker:27-dind", "args": ["sh"]}),
        json!({"name": "x", "image": "team/docker-registry-proxy:1"}),
        json!({"name": "x", "image": "nginx"}),
    ] {
        assert_eq!(
            engines(&pod(json!({"containers": [container]}))),
            None,
            "{container}"
        );
    }
}

#[test]
fn a_pod_that_the_user_named_is_always_looked_into() {
    let odd = pod(json!({"containers": [
        {"name": "a", "image": "nginx"},
        {"name": "b", "image": "team/all-in-one", "securityContext": {"privileged": true}},
    ]}));
    assert!(runner(&odd, false).is_none());
    let named = runner(&odd, true).unwrap();
    let engines: Vec<&str> = named.engine_containers().map(|c| c.name.as_str()).collect();
    assert_eq!(engines, ["b"]);
}

#[test]
fn only_listed_variables_and_flags_are_kept() {
    let secretive = pod(json!({"containers": [{
        "name": "d", "image": "docker:27-dind",
        "args": ["--mtu=1400", "--label=token=CANARY"],
        "env": [
            {"name": "DOCKER_OPTS", "value": "--mtu=1300"},
            {"name": "OAUTH_CLIENT_SECRET", "value": "CANARY"},
            {"name": "DOCKER_HOST", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
    }]}));
    let runner = runner(&secretive, false).unwrap();
    let written = serde_json::to_string(&runner).unwrap();
    assert!(!written.contains("CANARY"), "{written}");
    assert_eq!(runner.containers[0].dockerd_args, ["--mtu=1400"]);
    assert_eq!(runner.containers[0].env["DOCKER_OPTS"], "--mtu=1300");
}

#[test]
fn pods_that_ended_are_over() {
    let mut ended = pod(json!({"containers": []}));
    assert!(!is_over(&ended));
    ended.status.as_mut().unwrap().phase = Some("Succeeded".to_owned());
    assert!(is_over(&ended));
}

/// As in BuildKit's examples, buildx's Kubernetes driver, Dagger's chart and pipelines.
#[test]
fn engines_other_than_docker_are_known_by_their_command_or_image() {
    use crate::evidence::{EngineKind, OtherEngine};
    let other = |container: Value| {
        let pod = pod(json!({"containers": [container]}));
        let runner = runner(&pod, false)?;
        assert_eq!(runner.engine_containers().count(), 0, "it is no Docker");
        runner.containers[0].other_engine
    };
    let known = |kind, on_demand| Some(OtherEngine { kind, on_demand });
    for (container, expected) in [
        (
            json!({"name": "buildkitd", "image": "moby/buildkit:v0.33.0", "args": ["--addr", "unix:///run/buildkit/buildkitd.sock"]}),
            known(EngineKind::Buildkit, false),
        ),
        (
            json!({"name": "buildkitd", "image": "mirror/own", "command": ["rootlesskit", "buildkitd"]}),
            known(EngineKind::Buildkit, false),
        ),
        (
            json!({"name": "step-build", "image": "moby/buildkit:rootless", "command": ["buildctl-daemonless.sh"]}),
            known(EngineKind::Buildkit, true),
        ),
        (
            json!({"name": "build", "image": "moby/buildkit", "command": ["cat"], "env": [{"name": "BUILDKIT_HOST", "value": "tcp://buildkitd:1234"}]}),
            None,
        ),
        (
            json!({"name": "dagger-engine", "image": "registry.dagger.io/engine:v0.21.0", "args": ["--debug"]}),
            known(EngineKind::Dagger, false),
        ),
        (
            json!({"name": "podman", "image": "quay.io/podman/stable", "command": ["sleep", "infinity"]}),
            known(EngineKind::Podman, true),
        ),
        (
            json!({"name": "test", "image": "team/job-tools", "command": ["runner.sh"], "env": [{"name": "PODMAN_IN_CONTAINER_ENABLED", "value": "true"}]}),
            known(EngineKind::Podman, true),
        ),
        (json!({"name": "app", "image": "nginx"}), None),
    ] {
        assert_eq!(other(container.clone()), expected, "{container}");
    }
}
