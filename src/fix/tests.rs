//! An object, its patch, and what applying the patch would make of it.

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
    let prescription = prescriptions(vec![part(everything())]).remove(0);
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
    let mended = mend(&prescription, Some(job.clone()));
    assert!(mended.refused.is_empty());
    insta::assert_snapshot!("patch", crate::yaml::write(&mended.patch(Some(&job))));
    insta::assert_snapshot!("after", crate::yaml::write(&mended.after));
    // From what evidence tells, the same, as far as it goes; and it says so.
    let sketched = mend(&prescription, None);
    let args = sketched.patch(None);
    let args = args
        .pointer("/spec/template/spec/containers/0/args")
        .unwrap();
    assert_eq!(args[0], "dockerd");
    assert_eq!(args[1], "--host=unix:///x");
    assert!(notes(&sketched).join(" ").contains("ATTENTION"));
    assert!(!notes(&mended).join(" ").contains("ATTENTION"));
}

#[test]
fn a_script_is_left_to_people() {
    let prescription = prescriptions(vec![part(Settings {
        mtu: Some(1450),
        ..Settings::default()
    })])
    .remove(0);
    let job = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "dind", "command": ["sh", "-c", "dockerd"]},
    ]}}}});
    let mended = mend(&prescription, Some(job));
    assert!(mended.edits.is_empty());
    let flags = Refusal::Script(vec!["--mtu=1450".to_owned()]);
    assert_eq!(mended.refused[0].1, flags);
}

#[test]
fn arguments_that_hide_a_secret_are_told() {
    let prescription = prescriptions(vec![part(everything())]).remove(0);
    let job = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "dind", "args": ["--registry-mirror=https://u:p@mirror"]},
    ]}}}});
    let secret = mend(&prescription, Some(job)).secret_in_patch().unwrap();
    assert_eq!(secret, "argument --registry-mirror");
}
