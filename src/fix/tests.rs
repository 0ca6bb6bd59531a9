//! An object, its patch, and the result of applying the patch.

use super::*;
use crate::diagnosis::{Settings, Site};
use crate::evidence::{Launch, Launcher};
use serde_json::json;

fn part(settings: Settings) -> Part<'static> {
    Part {
        change: Change {
            place: Place {
                site: Site::Manifest,
                namespace: "ci".to_owned(),
                kind: "Job".to_owned(),
                name: "runner".to_owned(),
            },
            container: "dind".to_owned(),
            init: false,
            network: None,
            docker: Some("28.5.2".to_owned()),
            image: Some("docker:28.5.2-dind".to_owned()),
            launch: Some(Launch {
                by: Launcher::Args,
                unlisted: true,
            }),
            args: vec!["--host=unix:///x".to_owned()],
            data_root: None,
            legacy_iptables: false,
            settings,
        },
        findings: Vec::new(),
    }
}

fn everything() -> Settings {
    Settings {
        mtu: Some(1450),
        network_mtu: Some(1450),
        memory_request: Some("1Gi".to_owned()),
        volume: true,
        privileged: true,
        clamp: true,
        ..Settings::default()
    }
}

#[test]
fn a_patch_says_the_whole_list_of_arguments_and_names_the_rest() {
    let object_plan = object_plans(vec![part(everything())]).remove(0);
    let job = json!({
        "kind": "Job", "metadata": {"name": "runner"},
        "spec": {"template": {
            "metadata": {"labels": {"app": "x", "job-name": "runner"}},
            "spec": {"containers": [
                {"name": "runner", "image": "r"},
                {"name": "dind", "args": ["dockerd", "--host=unix:///x", "--group=1"], "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
            ], "volumes": [{"name": "tmp"}]},
        }},
    });
    let fixed = fix_object(&object_plan, Some(job.clone()));
    assert!(fixed.refused.is_empty());
    insta::assert_snapshot!("patch", crate::yaml::write(&fixed.patch(Some(&job))));
    insta::assert_snapshot!("after", crate::yaml::write(&fixed.after));
    // From evidence alone, the same result as far as it is known, and it is marked as such.
    let sketched = fix_object(&object_plan, None);
    let args = sketched.patch(None);
    let args = args
        .pointer("/spec/template/spec/containers/0/args")
        .unwrap();
    assert_eq!(args[0], "dockerd");
    assert_eq!(args[1], "--host=unix:///x");
    assert!(notes(&sketched).join(" ").contains("ATTENTION"));
    assert!(!notes(&fixed).join(" ").contains("ATTENTION"));
}

#[test]
fn a_script_is_left_to_people() {
    let object_plan = object_plans(vec![part(Settings {
        mtu: Some(1450),
        ..Settings::default()
    })])
    .remove(0);
    let job = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "dind", "command": ["sh", "-c", "dockerd"]},
    ]}}}});
    let fixed = fix_object(&object_plan, Some(job));
    assert!(fixed.edits.is_empty());
    let flags = Refusal::Script(vec!["--mtu=1450".to_owned()]);
    assert_eq!(fixed.refused[0].1, flags);
}

#[test]
fn arguments_that_hide_a_secret_are_told() {
    let object_plan = object_plans(vec![part(everything())]).remove(0);
    let job = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "dind", "args": ["--registry-mirror=https://u:p@mirror"]},
    ]}}}});
    let secret = fix_object(&object_plan, Some(job))
        .secret_in_patch()
        .unwrap();
    assert_eq!(secret, "argument --registry-mirror");
}
