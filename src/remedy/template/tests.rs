//! Where a change goes in manifests as people write them.

use super::*;
use crate::diagnosis::{Place, Settings, Site};
use crate::yaml::apply;

fn change(settings: Settings) -> Change {
    Change {
        place: Place {
            site: Site::Manifest,
            namespace: "ci".to_owned(),
            kind: "Pod".to_owned(),
            name: "p".to_owned(),
        },
        container: "dind".to_owned(),
        init: false,
        network: None,
        docker: Some("28.5.2".to_owned()),
        image: Some("docker:28.5.2-dind".to_owned()),
        launch: None,
        args: Vec::new(),
        data_root: None,
        legacy_iptables: false,
        settings,
    }
}

fn mtu() -> Settings {
    Settings {
        mtu: Some(1450),
        ..Settings::default()
    }
}

/// The engine's container after a change.
fn changed(mut container: Value, settings: Settings) -> Result<Value, Refusal> {
    container["name"] = json!("dind");
    let mut pod = json!({"spec": {"containers": [{"name": "a"}, container]}});
    let edits = edits(&pod, &change(settings))?;
    apply(&mut pod, &edits);
    Ok(pod)
}

fn words(container: Value) -> Result<(Value, Value), Refusal> {
    let pod = changed(container, mtu())?;
    let container = &pod["spec"]["containers"][1];
    Ok((container["command"].clone(), container["args"].clone()))
}

#[test]
fn flags_go_where_dockerd_reads_them() {
    for (container, command, args) in [
        (json!({}), json!(null), json!(["--mtu=1450"])),
        (json!({"args": []}), json!(null), json!(["--mtu=1450"])),
        (
            json!({"args": ["--tls=false"]}),
            json!(null),
            json!(["--tls=false", "--mtu=1450"]),
        ),
        (
            json!({"args": ["--mtu=1500", "-D"]}),
            json!(null),
            json!(["--mtu=1450", "-D"]),
        ),
        (
            json!({"args": ["--mtu", "1500", "-D"]}),
            json!(null),
            json!(["--mtu", "1450", "-D"]),
        ),
        (
            json!({"args": ["--mtu=1500", "-D", "--mtu", "1400", "--mtu=1300"]}),
            json!(null),
            json!(["-D", "--mtu=1450"]),
        ),
        (
            json!({"args": ["dockerd", "--host=unix:///x", "--group=$(G)"]}),
            json!(null),
            json!(["dockerd", "--host=unix:///x", "--group=$(G)", "--mtu=1450"]),
        ),
        (
            json!({"command": ["dockerd", "--mtu=1500", "-H", "unix:///x"]}),
            json!(["dockerd", "--mtu=1450", "-H", "unix:///x"]),
            json!(null),
        ),
        (
            json!({"command": ["/usr/local/bin/dockerd-entrypoint.sh"], "args": ["--tls=false"]}),
            json!(["/usr/local/bin/dockerd-entrypoint.sh"]),
            json!(["--tls=false", "--mtu=1450"]),
        ),
    ] {
        assert_eq!(words(container.clone()), Ok((command, args)), "{container}");
    }
    for script in [
        json!({"command": ["sh", "-c", "dockerd --mtu=1500 & wait"]}),
        json!({"args": ["sh", "-c", "dockerd & wait"]}),
    ] {
        let flags = Refusal::Script(vec!["--mtu=1450".to_owned()]);
        assert_eq!(words(script.clone()), Err(flags), "{script}");
    }
}

#[test]
fn memory_never_exceeds_its_limit() {
    let memory = Settings {
        memory_request: Some("1Gi".to_owned()),
        ..Settings::default()
    };
    let pod = changed(
        json!({"resources": {"limits": {"memory": "512Mi"}}}),
        memory,
    )
    .unwrap();
    let requests = &pod["spec"]["containers"][1]["resources"]["requests"];
    assert_eq!(requests, &json!({"memory": "512Mi"}));
}

#[test]
fn a_volume_is_the_engines_own() {
    let volume = || Settings {
        volume: true,
        ..Settings::default()
    };
    let has_one = json!({"volumeMounts": [{"name": "x", "mountPath": DATA_ROOT}]});
    let pod = changed(has_one, volume()).unwrap();
    assert_eq!(pod["spec"].get("volumes"), None);
    let pod = changed(json!({}), volume()).unwrap();
    assert_eq!(
        pod["spec"]["volumes"],
        json!([{"name": VOLUME, "emptyDir": {}}])
    );
    let mut twice = pod.clone();
    twice["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "other"}));
    let mut second = change(volume());
    second.container = "other".to_owned();
    let edits = edits(&twice, &second).unwrap();
    apply(&mut twice, &edits);
    assert_eq!(twice["spec"]["volumes"][1]["name"], "docker-data-other");
}

#[test]
fn a_sidecar_engine_is_found_among_the_init_containers() {
    let mut job = json!({"spec": {"template": {"spec": {"initContainers": [{"name": "dind"}]}}}});
    let mut change = change(mtu());
    change.place.kind = "Job".to_owned();
    let edits = edits(&job, &change).unwrap();
    apply(&mut job, &edits);
    assert_eq!(
        job.pointer("/spec/template/spec/initContainers/0/args"),
        Some(&json!(["--mtu=1450"]))
    );
}

#[test]
fn the_clamp_is_added_once_and_pulled_like_the_engine() {
    let clamp = || Settings {
        clamp: true,
        ..Settings::default()
    };
    let mut pod = changed(json!({"imagePullPolicy": "Never"}), clamp()).unwrap();
    assert_eq!(pod["spec"]["containers"][2]["imagePullPolicy"], "Never");
    let again = edits(&pod, &change(clamp())).unwrap();
    apply(&mut pod, &again);
    assert_eq!(pod["spec"]["containers"].as_array().unwrap().len(), 3);
}

#[test]
fn an_object_without_the_engine_is_refused() {
    let pod = json!({"spec": {"containers": [{"name": "a"}]}});
    let refused = Err(Refusal::NotThere("dind".to_owned()));
    assert_eq!(edits(&pod, &change(mtu())), refused);
}
