//! `fix` as a user and a CI gate see it: output streams and exit codes.

use assert_cmd::Command;
use std::fs;
use std::path::Path;
use std::process::Output;

fn fix(args: &[&str]) -> Output {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "COLUMNS"] {
        command.env_remove(name);
    }
    let command = command.env("HOME", "/nonexistent").arg("fix").args(args);
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The article's job.yaml, in the state that the built-in recording was made from.
fn job(dir: &Path) -> String {
    let file = dir.join("job.yaml");
    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/lab/manifests/article-job.yaml"
    ));
    fs::write(&file, text.unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn the_article_is_cured_by_a_patch_and_a_file_of_the_repository() {
    let output = fix(&["--demo"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("article_patch", out(&output));
    // The whole output is one document that kubectl accepts.
    let patch: serde_json::Value = serde_saphyr::from_str(&out(&output)).unwrap();
    let container = &patch["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["args"][0], "--mtu=1450");
    assert_eq!(container["resources"]["requests"]["memory"], "1Gi");
    // The user's version is changed only if no smaller change fixes the finding.
    assert!(container.get("image").is_none());
}

#[test]
fn one_rule_in_the_pod_cures_every_level() {
    let output = fix(&["--demo", "--prefer", "clamp", "--prefer", "memory-request"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("article_clamp", out(&output));
}

#[test]
fn a_policy_of_the_cluster_changes_every_new_pod_instead_of_each_manifest() {
    let output = fix(&["--demo", "--kind", "admission-policy"]);
    // oom-score-overflow is not fixed by the policy, and is reported as such.
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("not fixed: error oom-score-overflow"));
    insta::assert_snapshot!("article_policy", out(&output));

    let output = fix(&["--demo", "--kind", "kyverno-policy", "--prefer", "clamp"]);
    let policy: serde_json::Value = serde_saphyr::from_str(&out(&output)).unwrap();
    assert_eq!(policy["kind"], "MutatingPolicy");
    let scope = &policy["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"][0];
    assert_eq!(scope["values"][0], "bitbucket-runner");
    assert_eq!(policy["spec"]["mutations"].as_array().unwrap().len(), 1);
}

#[test]
fn a_policy_is_not_printed_where_it_would_say_something_else() {
    for (more, cause) in [
        (
            &["--demo", "-f", "job.yaml"][..],
            "changes pods and no manifest",
        ),
        (&["--demo", "-o", "diff"], "changes pods and no manifest"),
    ] {
        let output = fix(&[more, &["--kind", "admission-policy"]].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(err(&output).contains(cause), "{}", err(&output));
        assert!(out(&output).is_empty());
    }
}

#[test]
fn what_only_the_repository_reaches_is_printed_bare() {
    let output = fix(&["--demo", "half-fixed"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("half_fixed", out(&output));
}

#[test]
fn there_may_be_nothing_to_fix() {
    let output = fix(&["--demo", "cured"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(out(&output), "");
    assert!(err(&output).contains("nothing to fix"));
}

#[test]
fn a_file_is_corrected_with_its_comments() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path());
    let before = fs::read_to_string(&job).unwrap();
    let diff = fix(&["--demo", "-f", &job, "-o", "diff"]);
    assert_eq!(diff.status.code(), Some(0));
    let diff = out(&diff).replace(&job, "job.yaml");
    insta::assert_snapshot!("article_diff", diff);
    let output = fix(&["--demo", "-f", &job, "-o", "yaml"]);
    let after = out(&output);
    // The namespace in that file must not be deleted along with the Job.
    assert!(
        !err(&output).contains("replace --force"),
        "{}",
        err(&output)
    );
    assert!(err(&output).contains("delete job runner && kubectl -n bitbucket-runner apply"));
    for line in before.lines().filter(|line| !line.contains("20.10.5")) {
        assert!(after.contains(line), "{line} is lost");
    }
    assert_eq!(
        fs::read_to_string(&job).unwrap(),
        before,
        "the file itself is not touched"
    );
}

#[test]
fn the_pipelines_file_is_corrected_too() {
    let dir = tempfile::tempdir().unwrap();
    let job = job(dir.path());
    let file = dir.path().join("bitbucket-pipelines.yml");
    let text = "# ours\npipelines:\n  default:\n    - step:\n        script: [make]\n";
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let output = fix(&["--demo", "-f", &job, "-f", file, "-o", "diff"]);
    assert_eq!(output.status.code(), Some(0));
    let diff = out(&output);
    assert!(
        diff.contains("+      image: YOUR-REGISTRY/docker-mtu:20.10.24"),
        "{diff}"
    );
    assert!(diff.contains("+            - --mtu=1450"), "{diff}");
    assert!(err(&output).contains("FROM docker:20.10.24-dind"));
}

#[test]
fn a_file_of_something_else_cures_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("other.yaml");
    fs::write(&file, "kind: Job\nmetadata: {name: other}\n").unwrap();
    let output = fix(&["--demo", "-f", file.to_str().unwrap(), "-o", "yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("no file contains Job runner"),
        "{}",
        err(&output)
    );
}

#[test]
fn what_cannot_be_printed_is_two() {
    let dir = tempfile::tempdir().unwrap();
    let template = dir.path().join("t.yaml");
    fs::write(&template, "a: {{ .Values.x }}: [\n").unwrap();
    for args in [
        &["--demo", "-o", "yaml"][..],
        &["--demo", "-f", "/nonexistent"],
        &["--demo", "-f", template.to_str().unwrap()],
        &["--report", "/nonexistent"],
        &["--demo", "--report", "x"],
        &["--demo", "nothing"],
        &[],
    ] {
        let output = fix(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(out(&output), "", "{args:?}");
    }
}

#[test]
fn a_report_says_as_much_as_its_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.json");
    let file = file.to_str().unwrap();
    let mut check = Command::cargo_bin("runner-doctor").unwrap();
    let check = check.args(["check", "--demo", "-o", "json", "--output-file", file]);
    assert_eq!(check.output().unwrap().status.code(), Some(1));
    assert_eq!(out(&fix(&["--report", file])), out(&fix(&["--demo"])));
    fs::write(file, "{}").unwrap();
    assert!(err(&fix(&["--report", file])).contains("is not a report"));
}

#[test]
fn errors_that_only_people_can_cure_are_left() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stopped.yaml");
    fs::write(
        &file,
        "evidence_version: 1\ndoctor: test\ncluster: {unobserved: {why: missing, detail: none}}\nrunners:\n- {namespace: ci, pod: r, provider: generic, phase: Running, containers: [{name: d, role: engine, image: 'docker:27-dind', privileged: true, mounts: [{path: /var/lib/docker, volume: data}], state: {phase: waiting, reason: CrashLoopBackOff}}], namespaces: {unobserved: {why: not-running, detail: 'it does not run'}}, engines: []}\n",
    )
    .unwrap();
    let output = fix(&["--evidence", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert_eq!(out(&output), "");
    assert!(err(&output).contains("not fixed: error engine-unreachable (ci/r): Find out why"));
}

/// Recordings are untrusted: nothing in them may become a command.
#[test]
fn names_of_a_hostile_recording_reach_no_command() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hostile.yaml");
    let mut collect = Command::cargo_bin("runner-doctor").unwrap();
    let recording = collect.args(["collect", "--demo"]).output().unwrap().stdout;
    let recording = String::from_utf8(recording).unwrap();
    for (from, to) in [
        (
            "namespace: bitbucket-runner",
            "namespace: 'x; touch /tmp/owned #'",
        ),
        ("name: runner\n", "name: 'r$(touch /tmp/owned)'\n"),
    ] {
        assert!(recording.contains(from), "{from}");
        fs::write(&file, recording.replace(from, to)).unwrap();
        let output = fix(&["--evidence", file.to_str().unwrap()]);
        assert!(!out(&output).contains("touch"), "{}", out(&output));
        assert_eq!(output.status.code(), Some(1));
    }
    let image = recording.replace("image: docker:20.10.5-dind", "image: \"x\\u202e\\e]0;y\"");
    fs::write(&file, image).unwrap();
    let text = out(&fix(&[
        "--evidence",
        file.to_str().unwrap(),
        "--prefer",
        "clamp",
    ]));
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
}
