//! Manifests as people write them, and that nothing but the edit changes in them.

use super::*;
use serde_json::json;

fn path(text: &str) -> Vec<Step> {
    text.split('/')
        .map(|part| match part.parse() {
            Ok(index) => Step::Item(index),
            Err(_) => Step::Key(part.to_owned()),
        })
        .collect()
}

fn set(at: &str, value: Value) -> Edit {
    Edit::Set(path(at), value)
}

fn append(at: &str, value: Value) -> Edit {
    Edit::Append(path(at), value)
}

const JOB: &str = r#"# our runner
apiVersion: batch/v1
kind: Job
metadata: {name: runner}   # one
spec:
  template:
    spec:
      containers:
        - name: a
          image: "busybox:1" # quoted
        # the engine
        - name: docker-in-docker
          image: docker:20.10.5-dind  # old
          args: # flags
            - --tls=false   # no TLS
            - --mtu=1500    # too large
          resources:
          securityContext:
            privileged: true

      # after all
      volumes:
        - name: tmp
      restartPolicy: |
        OnFailure
  backoffLimit: 6
"#;

const ENGINE: &str = "spec/template/spec/containers/1";

#[test]
fn comments_order_and_quotes_stay() {
    let edits = [
        set(&format!("{ENGINE}/image"), json!("docker:20.10.24-dind")),
        set(
            &format!("{ENGINE}/args"),
            json!(["--tls=false", "--mtu=1450"]),
        ),
        set(&format!("{ENGINE}/resources/requests/memory"), json!("1Gi")),
        append(
            &format!("{ENGINE}/volumeMounts"),
            json!({"name": "d", "mountPath": "/d"}),
        ),
        append(
            "spec/template/spec/volumes",
            json!({"name": "d", "emptyDir": {}}),
        ),
        append(
            "spec/template/spec/containers",
            json!({"name": "clamp", "command": ["sh"]}),
        ),
    ];
    let text = rewrite(JOB, &edits).unwrap();
    insta::assert_snapshot!(text);
    // With the line ends of another system, the same.
    let dos = rewrite(&JOB.replace('\n', "\r\n"), &edits).unwrap();
    assert_eq!(dos, text.replace('\n', "\r\n"));
}

#[test]
fn brackets_are_edited_within() {
    let text = "{spec: {containers: [{name: a, image: x:1, args: [\"--tls=false\"], env: []}]}}\n";
    let edits = [
        set("spec/containers/0/image", json!("docker:28-dind")),
        set(
            "spec/containers/0/args",
            json!(["--tls=false", "--mtu=1450"]),
        ),
        set("spec/containers/0/resources/requests/memory", json!("1Gi")),
        append("spec/containers/0/env", json!({"name": "A"})),
        append("spec/volumes", json!({"name": "d", "emptyDir": {}})),
    ];
    assert_eq!(
        rewrite(text, &edits).unwrap(),
        "{spec: {containers: [{name: a, image: docker:28-dind, args: [\"--tls=false\", \"--mtu=1450\"], env: [{name: A}], resources: {requests: {memory: \"1Gi\"}}}], volumes: [{name: d, emptyDir: {}}]}}\n"
    );
}

#[test]
fn a_text_without_an_end_of_line_or_with_compact_lists() {
    let text = "spec:\n  containers:\n  # one\n  - # two\n    args:\n    - --tls=false\n";
    let edits = [set(
        "spec/containers/0/args",
        json!(["--tls=false", "--mtu=1"]),
    )];
    let longer = format!("{text}    - --mtu=1\n");
    assert_eq!(rewrite(text, &edits).unwrap(), longer);
    let text = "spec:\n  containers:\n  - name: a\n    args: []";
    let edits = [
        set("spec/containers/0/args", json!(["--mtu=1450"])),
        append("spec/volumes", json!({"name": "d", "emptyDir": {}})),
    ];
    assert_eq!(
        rewrite(text, &edits).unwrap(),
        "spec:\n  containers:\n  - name: a\n    args: [\"--mtu=1450\"]\n  volumes:\n  - name: d\n    emptyDir: {}"
    );
}

#[test]
fn what_several_places_share_is_not_changed_for_one() {
    let text = "a: &x {image: b}\nc: *x\n";
    assert!(rewrite(text, &[set("a/image", json!("d"))]).is_err());
    assert!(rewrite(text, &[set("c/image", json!("d"))]).is_err());
    let text = "a: &x\n  image: b\nc:\n  <<: *x\n  k: 1\n";
    assert!(rewrite(text, &[set("a/image", json!("d"))]).is_err());
}

#[test]
fn what_is_no_yaml_is_refused() {
    for text in ["", "{{ .Values }}: {", "a: [", "\t- x"] {
        assert!(rewrite(text, &[set("a", json!(1))]).is_err(), "{text:?}");
    }
}

mod any_manifest {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            "[a-z ,:#\\[\\]{}'\"-]{0,8}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-e]", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whatever stands around them, the edits are made, and nothing else.
        #[test]
        fn is_edited(around in value(), new in value(), compact: bool) {
            let before = json!({"first": around.clone(), "spec": {"list": [{"name": "x"}, around], "n": null}, "z": 1});
            let text = yaml::write_lists(&before, compact);
            let edits = [
                set("spec/list/0/name", json!("y")),
                set("spec/list/0/new/er", new.clone()),
                set("spec/n/k", new.clone()),
                append("spec/list", new.clone()),
                append("spec/more", new),
            ];
            let rewritten = rewrite(&text, &edits);
            prop_assert!(rewritten.is_ok(), "{:?}\n{text}", rewritten);
        }
    }
}
