//! What goes back to a cluster, and what is never shown.

use super::*;

#[test]
fn what_the_server_set_is_taken_away() {
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": "runner", "namespace": "ci", "uid": "1", "resourceVersion": "2",
            "creationTimestamp": "t", "generation": 1, "managedFields": [],
            "labels": {"app": "x", "job-name": "runner"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "backoffLimit": 6,
            "selector": {"matchLabels": {"controller-uid": "1"}},
            "template": {
                "metadata": {"creationTimestamp": null, "labels": {"controller-uid": "1", "job-name": "runner"}},
                "spec": {"containers": []},
            },
        },
        "status": {"active": 1},
    });
    assert_eq!(
        manifest(&job),
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "runner", "namespace": "ci", "labels": {"app": "x"}},
            "spec": {"backoffLimit": 6, "template": {"metadata": {}, "spec": {"containers": []}}},
        })
    );
    let mut manual = job.clone();
    manual["spec"]["manualSelector"] = json!(true);
    assert!(manifest(&manual).pointer("/spec/selector").is_some());
}

#[test]
fn a_pod_is_not_bound_to_its_node_or_its_token() {
    let pod = json!({
        "kind": "Pod", "metadata": {"name": "p"},
        "spec": {
            "nodeName": "n", "serviceAccount": "default", "serviceAccountName": "default",
            "containers": [{"name": "a", "volumeMounts": [
                {"name": "kube-api-access-x", "mountPath": "/var/run/secrets"}, {"name": "d", "mountPath": "/d"},
            ]}],
            "volumes": [{"name": "kube-api-access-x"}, {"name": "d"}],
        },
    });
    assert_eq!(
        manifest(&pod)["spec"],
        json!({
            "serviceAccountName": "default",
            "containers": [{"name": "a", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
            "volumes": [{"name": "d"}],
        })
    );
}

#[test]
fn secrets_are_known_by_their_names() {
    let pod = |container: Value| json!({"kind": "Pod", "spec": {"containers": [container]}});
    for shown in [
        json!({"name": "a", "env": [{"name": "OAUTH_CLIENT_SECRET", "value": "x"}]}),
        json!({"name": "a", "env": [{"name": "GITHUB_TOKEN", "value": "x"}]}),
        json!({"name": "a", "env": [{"name": "dbPassword", "value": "x"}]}),
        json!({"name": "a", "args": ["--registry-mirror=https://u:p@mirror"]}),
        json!({"name": "a", "args": ["--log-opt=splunk-token=x"]}),
        json!({"name": "a", "command": ["x", "--api-key=y"]}),
    ] {
        assert!(secret(&pod(shown.clone()), "Pod").is_some(), "{shown}");
    }
    for harmless in [
        json!({"name": "a", "env": [{"name": "OAUTH_CLIENT_SECRET", "valueFrom": {"secretKeyRef": {}}}]}),
        json!({"name": "a", "env": [{"name": "DOCKER_TLS_CERTDIR", "value": ""}]}),
        json!({"name": "a", "args": ["--mtu=1450", "--host=unix:///var/run/docker.sock"]}),
    ] {
        assert_eq!(secret(&pod(harmless.clone()), "Pod"), None, "{harmless}");
    }
}
