//! `rbac` and `job`: the rights that are printed are those that are needed, and no more.

use assert_cmd::Command;
use serde_json::{Value, json};

fn doctor(args: &[&str]) -> (Option<i32>, String) {
    let mut doctor = Command::cargo_bin("runner-doctor").unwrap();
    for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST"] {
        doctor.env_remove(name);
    }
    let output = doctor
        .env("HOME", "/nonexistent")
        .args(args)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

fn documents(args: &[&str]) -> Vec<Value> {
    let (code, text) = doctor(args);
    assert_eq!(code, Some(0));
    serde_saphyr::from_multiple(&text).unwrap()
}

fn kinds(documents: &[Value]) -> Vec<&str> {
    documents
        .iter()
        .map(|document| document["kind"].as_str().unwrap())
        .collect()
}

/// `verb resource`, of every rule in every role of a kind.
fn allowed(documents: &[Value], kind: &str) -> Vec<String> {
    let roles = documents.iter().filter(|document| document["kind"] == kind);
    let rules = roles.flat_map(|role| role["rules"].as_array().unwrap());
    let mut all = Vec::new();
    for rule in rules {
        for verb in rule["verbs"].as_array().unwrap() {
            all.push(format!(
                "{} {}",
                verb.as_str().unwrap(),
                rule["resources"][0].as_str().unwrap()
            ));
        }
    }
    all
}

#[test]
fn roles_explain_themselves() {
    insta::assert_snapshot!(
        "rbac_namespace_with_cluster_facts",
        doctor(&["rbac", "-n", "ci", "--cluster-facts"]).1
    );
    insta::assert_snapshot!("rbac_everywhere", doctor(&["rbac", "-A"]).1);
}

#[test]
fn a_namespace_alone_gives_nothing_outside_of_it() {
    let found = documents(&["rbac", "-n", "ci"]);
    assert_eq!(kinds(&found), ["ServiceAccount", "Role", "RoleBinding"]);
    assert!(
        found
            .iter()
            .all(|document| document["metadata"]["namespace"] == "ci")
    );
    assert_eq!(
        allowed(&found, "Role"),
        [
            "get pods",
            "list pods",
            "get pods/exec",
            "create pods/exec",
            "get pods/log",
            "list jobs",
            "list events"
        ]
    );
}

#[test]
fn no_scope_can_change_anything_or_read_a_secret() {
    for args in [
        &["rbac", "-A"][..],
        &["rbac", "--cluster-facts"],
        &["job", "-A", "--image", "x:1"],
    ] {
        let found = documents(args);
        for right in [allowed(&found, "Role"), allowed(&found, "ClusterRole")].concat() {
            let (verb, resource) = right.split_once(' ').unwrap();
            assert!(
                matches!(verb, "get" | "list") || right == "create pods/exec",
                "{right}"
            );
            assert!(
                !resource.contains("secret") && !resource.contains('*'),
                "{right}"
            );
        }
        for document in &found {
            for rule in document["rules"].as_array().into_iter().flatten() {
                assert!(rule["resources"][0] != "configmaps" || rule["resourceNames"].is_array());
            }
        }
    }
}

#[test]
fn without_node_exec_the_cnis_agents_are_not_entered() {
    let of_system = |args: &[&str]| allowed(&documents(args)[4..], "Role");
    let with = of_system(&["rbac", "-n", "ci", "--cluster-facts"]);
    let without = of_system(&["rbac", "-n", "ci", "--cluster-facts", "--no-node-exec"]);
    assert!(with.contains(&"create pods/exec".to_owned()));
    assert_eq!(without, ["list pods", "get configmaps"]);
}

#[test]
fn what_cannot_be_asked_is_two() {
    assert_eq!(doctor(&["rbac", "--verify"]).0, Some(2));
    assert_eq!(doctor(&["rbac", "-n", "no such"]).0, Some(2));
    assert_eq!(doctor(&["job"]).0, Some(2), "no image");
}

#[test]
fn a_job_runs_with_its_own_account_and_nothing_else() {
    let (_, text) = doctor(&[
        "job",
        "-n",
        "ci",
        "--image",
        "registry.example/runner-doctor:0.1.0",
        "--service-account",
        "mine",
    ]);
    insta::assert_snapshot!("job_alone", text);
    let found = documents(&["job", "-n", "ci", "--image", "x:1", "--name", "rd"]);
    assert_eq!(
        kinds(&found),
        ["ServiceAccount", "Role", "RoleBinding", "Job"]
    );
    assert_eq!(
        found[3]["spec"]["template"]["spec"]["serviceAccountName"],
        found[0]["metadata"]["name"]
    );
}

#[test]
fn flags_are_added_to_check_and_words_replace_it() {
    let args = |args: &[&str]| {
        let job = documents(
            &[
                &[
                    "job",
                    "--image",
                    "x:1",
                    "--service-account",
                    "a",
                    "-n",
                    "ci",
                ][..],
                args,
            ]
            .concat(),
        );
        let spec = &job[0]["spec"];
        let spec = if job[0]["kind"] == "CronJob" {
            &spec["jobTemplate"]["spec"]
        } else {
            spec
        };
        spec["template"]["spec"]["containers"][0]["args"].clone()
    };
    assert_eq!(args(&[]), json!(["check", "-n", "ci"]));
    assert_eq!(
        args(&["--no-node-exec", "--", "--strict"]),
        json!(["check", "-n", "ci", "--no-node-exec", "--strict"])
    );
    assert_eq!(args(&["--kind", "cronjob", "-A"]), json!(["check", "-A"]));
    assert_eq!(
        args(&["--", "collect", "-n", "$(X): y"]),
        json!(["collect", "-n", "$$(X): y"])
    );
}

#[test]
fn a_watcher_may_also_watch_and_is_reached_on_one_port() {
    let found = documents(&["job", "-n", "ci", "--image", "x:1", "--kind", "watcher"]);
    assert_eq!(
        kinds(&found),
        [
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "Deployment",
            "Service"
        ]
    );
    // Exactly what `rbac --watch` prints, which is one verb more than without.
    let rights = documents(&["rbac", "-n", "ci", "--watch"]);
    assert_eq!(found[..3], rights[..]);
    let mut more = allowed(&rights, "Role");
    let without = allowed(&documents(&["rbac", "-n", "ci"]), "Role");
    more.retain(|right| !without.contains(right));
    assert_eq!(more, ["watch pods"]);
    let pod = &found[3]["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["args"],
        json!(["watcher", "-n", "ci", "--listen=[::]:8080"])
    );
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["path"], "/healthz");
    }
    let (selector, labels) = (&found[4]["spec"]["selector"], &pod["metadata"]["labels"]);
    assert_eq!(*selector, found[3]["spec"]["selector"]["matchLabels"]);
    for (name, value) in selector.as_object().unwrap() {
        assert_eq!(labels[name], *value);
    }
}
