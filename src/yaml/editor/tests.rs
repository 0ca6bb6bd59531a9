//! Edits to realistic manifests change nothing else in them.

use super::*;
use serde_json::json;

fn rewrite(text: &str, edits: &[Edit]) -> Result<String> {
    edit(text, 0, edits)
}

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
        set(&format!("{ENGINE}/args/1"), json!("--mtu=1450")),
        append(&format!("{ENGINE}/args"), json!("--group=docker")),
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
    // The same with CRLF line endings.
    let dos = rewrite(&JOB.replace('\n', "\r\n"), &edits).unwrap();
    assert_eq!(dos, text.replace('\n', "\r\n"));
}

#[test]
fn brackets_are_edited_within() {
    let text = "{spec: {containers: [{name: a, image: x:1, args: [\"--tls=false\"], env: []}]}}\n";
    let edits = [
        set("spec/containers/0/image", json!("docker:28-dind")),
        append("spec/containers/0/args", json!("--mtu=1450")),
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
    let edits = [append("spec/containers/0/args", json!("--mtu=1"))];
    let longer = format!("{text}    - --mtu=1\n");
    assert_eq!(rewrite(text, &edits).unwrap(), longer);
    let text = "spec:\n  containers:\n  - name: a\n    args: []";
    let edits = [
        append("spec/containers/0/args", json!("--mtu=1450")),
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
    assert_eq!(
        rewrite(text, &[set("c", json!("d"))]).unwrap(),
        "a: &x {image: b}\nc: d\n"
    );
    let text = "a: &x\n  image: b\nc:\n  <<: *x\n  k: 1\n";
    assert!(rewrite(text, &[set("a/image", json!("d"))]).is_err());
}

#[test]
fn what_is_no_yaml_is_refused() {
    for text in ["", "{{ .Values }}: {", "a: [", "\t- x"] {
        assert!(rewrite(text, &[set("a", json!(1))]).is_err(), "{text:?}");
    }
}

#[test]
fn quotes_are_kept_and_followed() {
    let text = "a: 'x'\nb: \"y\"\nargs: ['--tls=false', \"--ipv6\"]\nlist:\n  - 'one'\n";
    let edits = [
        set("a", json!("it's")),
        set("b", json!("z")),
        append("args", json!("--mtu=1450")),
        append("list", json!("two")),
    ];
    assert_eq!(
        rewrite(text, &edits).unwrap(),
        "a: 'it''s'\nb: \"z\"\nargs: ['--tls=false', \"--ipv6\", \"--mtu=1450\"]\nlist:\n  - 'one'\n  - 'two'\n"
    );
}

#[test]
fn what_is_taken_away_leaves_its_neighbors() {
    let text = "a: 1 # one\nb: {x: 1, y: 2, z: 3}\nc:\n- k: [1, 2]\n  l: 2\n# three\n- m\nd: |\n  t\ne: 5\n";
    let gone = |at: &str| rewrite(text, &[Edit::Remove(path(at))]);
    for (at, line) in [
        ("a", "a: 1 # one\n"),
        ("d", "d: |\n  t\n"),
        ("c/1", "- m\n"),
        ("c/0/l", "  l: 2\n"),
    ] {
        assert_eq!(gone(at).unwrap(), text.replace(line, ""), "{at}");
    }
    for (at, new) in [("b/x", "{y: 2, z: 3}"), ("b/z", "{x: 1, y: 2}")] {
        assert_eq!(
            gone(at).unwrap(),
            text.replace("{x: 1, y: 2, z: 3}", new),
            "{at}"
        );
    }
    assert!(gone("c/0/k").is_err(), "it stands beside the dash");
}

#[test]
fn one_document_of_several_is_edited() {
    let text = "# head\n---\na: 1\n---\n# none\n--- # b\nb: |\n  ---\n  x\nc: &c [1]\n...\n";
    assert_eq!(documents(text).unwrap().len(), 2);
    let new = edit(text, 1, &[set("b", json!("new"))]).unwrap();
    assert_eq!(new, text.replace("|\n  ---\n  x", "new"));
    assert_eq!(
        edit(text, 0, &[set("a", json!(2))]).unwrap(),
        text.replace("a: 1", "a: 2")
    );
}

#[test]
fn a_comment_stands_behind_its_key() {
    let text = "a:\n- b:\n  - x\n  - y\n";
    assert_eq!(
        annotate(text, &path("a/0/b"), "more"),
        "a:\n- b: # more\n  - x\n  - y\n"
    );
    assert_eq!(
        annotate(text, &path("a/0/b/1"), "new"),
        "a:\n- b:\n  - x\n  - y # new\n"
    );
    assert_eq!(annotate(text, &path("c"), "more"), text);
}

mod any_text {
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
        /// The edits are made in any context, and nothing else changes.
        #[test]
        fn is_edited(around in value(), new in value(), compact: bool) {
            let before = json!({"first": around.clone(), "spec": {"list": [{"name": "x"}, around], "n": null}, "z": 1});
            let text = writer::write_lists(&before, compact);
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

    /// Every YAML file in `tests`, and in the directory `RUNNER_DOCTOR_YAML` if it is set.
    fn corpus() -> &'static [(String, String)] {
        static CORPUS: std::sync::LazyLock<Vec<(String, String)>> =
            std::sync::LazyLock::new(|| {
                let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
                let more = std::env::var_os("RUNNER_DOCTOR_YAML").map(Into::into);
                let mut open: Vec<std::path::PathBuf> = [tests].into_iter().chain(more).collect();
                let mut texts = Vec::new();
                while let Some(path) = open.pop() {
                    if path.is_dir() {
                        open.extend(
                            std::fs::read_dir(&path)
                                .unwrap()
                                .map(|entry| entry.unwrap().path()),
                        );
                    } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                        let text = std::fs::read_to_string(&path).unwrap();
                        texts.push((path.display().to_string(), text));
                    }
                }
                texts.sort();
                texts.retain(|(_, text)| text.len() < 1 << 16 && documents(text).is_ok());
                texts
                    .retain(|(_, text)| load(text, Offset::default()).is_ok_and(|d| !d.is_empty()));
                assert!(texts.len() > 50, "{}", texts.len());
                texts
            });
        &CORPUS
    }

    /// Every place in a tree.
    fn places<'a>(node: &'a Node, path: &[Step], all: &mut Vec<(Vec<Step>, &'a Node)>) {
        all.push((path.to_vec(), node));
        let mut go = |step: Step, inner: &'a Node| {
            let path: Vec<Step> = path.iter().cloned().chain([step]).collect();
            places(inner, &path, all);
        };
        for (key, value) in node.entries() {
            go(Step::Key(key.text().unwrap_or_default().to_owned()), value);
        }
        for (index, item) in node.items().iter().enumerate() {
            go(Step::Item(index), item);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        /// In realistic files, no byte outside the edit changes, and no plain position is
        /// rejected.
        #[test]
        fn keeps_every_other_byte(
            file in any::<prop::sample::Index>(),
            document in any::<prop::sample::Index>(),
            place in any::<prop::sample::Index>(),
            new in "[a-z][a-z0-9:=. #'-]{0,12}|[0-9]{1,5}",
            dos: bool,
            how in 0..3,
        ) {
            let (name, text) = file.get(corpus());
            let text = match dos && !text.contains('\r') {
                true => text.replace('\n', "\r\n"),
                false => text.clone(),
            };
            let trees = load(&text, Offset::default()).unwrap();
            let document = document.index(trees.len());
            let mut all = Vec::new();
            places(&trees[document], &[], &mut all);
            let (path, node) = place.get(&all);
            prop_assume!(!path.is_empty());
            let value = Value::from(new.as_str());
            let (edit_it, within) = match (&node.value, how) {
                (_, 0) => (Edit::Remove(path.clone()), None),
                (Shape::Scalar { .. }, _) => (Edit::Set(path.clone(), value), Some(node.bytes.clone())),
                (Shape::List(_), _) => (Edit::Append(path.clone(), value), Some(node.tail..node.bytes.end)),
                (Shape::Map(_), _) => {
                    let new_key = super::super::super::at(path, ["a new key"]);
                    (Edit::Set(new_key, value), Some(node.tail..node.bytes.end))
                }
            };
            let edited = match edit(&text, document, std::slice::from_ref(&edit_it)) {
                Ok(edited) => edited,
                Err(refused) => {
                    let shared = ["&", "<<"].iter().any(|mark| text.contains(mark));
                    prop_assert!(shared || within.is_none(), "{name}: {edit_it:?}: {refused:#}");
                    return Ok(());
                }
            };
            let same = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let before = same(text.as_bytes(), edited.as_bytes());
            let behind = |text: &str| text.bytes().rev().collect::<Vec<_>>();
            let after = same(&behind(&text), &behind(&edited)).min(text.len().min(edited.len()) - before);
            let changed = before..text.len() - after;
            match within {
                // An insertion replaces nothing, except the brackets of an empty collection and
                // the indicator of a block.
                Some(within) if !node.block => prop_assert!(
                    changed.is_empty() || within.start <= changed.start && changed.end <= within.end,
                    "{name}: {edit_it:?}: {:?}", &text[changed.clone()]
                ),
                Some(within) => prop_assert!(changed.end <= within.end, "{name}: {edit_it:?}"),
                None => prop_assert!(edited.len() < text.len()),
            }
        }
    }
}

#[test]
fn a_block_of_lines_goes_on_as_it_began() {
    let text = "a: |2-\n    x: 1\n\n    y: 2\nb: >\n  one\n  two\nc: |\n  z\n  # kept\n# end\n";
    let set = |key: &str, value: &str| edit(text, 0, &[Edit::Set(path(key), json!(value))]);
    let new = set("c", "z\nzz\n# kept\n").unwrap();
    assert_eq!(new, text.replace("  z\n", "  z\n  zz\n"));
    // A text that would be parsed as something else is rejected.
    assert!(set("b", "one\ntwo\n").is_err());
}

#[test]
fn json_stays_json() {
    let edits = [
        set("a/b", json!({"x": ["1"]})),
        append("list", json!("two")),
        set("gone/deep", json!("text")),
        set("new", json!(true)),
    ];
    let pretty = "{\n  \"a\": {},\n  \"list\": [\n    \"one\"\n  ],\n  \"gone\": null\n}\n";
    let expected = "{\n  \"a\": {\"b\": {\"x\": [\"1\"]}},\n  \"list\": [\n    \"one\",\n    \"two\"\n  ],\n  \"gone\": {\"deep\": \"text\"},\n  \"new\": true\n}\n";
    assert_eq!(rewrite(pretty, &edits).unwrap(), expected);
    let line = "{\"a\": {}, \"list\": [\"one\"], \"gone\": null}";
    let edited = rewrite(line, &edits).unwrap();
    assert!(serde_json::from_str::<Value>(&edited).is_ok(), "{edited}");
}

#[test]
fn brackets_over_several_lines_go_on_so() {
    let edits = [append("args", json!("--b"))];
    let text = rewrite("args: [\n  \"--a\", # first\n]\n", &edits).unwrap();
    assert_eq!(text, "args: [\n  \"--a\",\n  \"--b\", # first\n]\n");
}

#[test]
fn a_byte_order_mark_moves_no_column() {
    let text = "\u{feff}a:\n  b: 1\n";
    let text = rewrite(text, &[set("c/d", json!(2))]).unwrap();
    assert_eq!(text, "\u{feff}a:\n  b: 1\nc:\n  d: 2\n");
}
