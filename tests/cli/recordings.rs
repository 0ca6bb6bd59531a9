//! Recordings and reports as input: parts of them, damaged ones, two to compare, names taken out.

use super::*;

#[test]
fn what_cannot_be_examined_is_two() {
    assert_eq!(code(&["check"]), 2, "no cluster");
    assert_eq!(code(&["check", "--demo", "nothing"]), 2);
    assert_eq!(code(&["check", "--evidence", "/nonexistent"]), 2);
    assert_eq!(code(&["check", "--demo", "--check", "nothing"]), 2);
    assert_eq!(code(&["check", "--no-such-flag"]), 2);
    assert_eq!(code(&["explain", "nothing"]), 2);
}

#[test]
fn a_recording_without_runners_is_not_green() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("empty.yaml");
    let text =
        "evidence_version: 1\ndoctor: test\ncluster: {unobserved: {why: missing, detail: none}}\n";
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(code(&["check", "--evidence", file]), 2);
    assert_eq!(code(&["check", "--evidence", file, "--allow-empty"]), 0);
}

#[test]
fn a_runner_that_could_not_be_seen_is_not_green() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("blind.yaml");
    let mut text = String::from(
        "evidence_version: 1\ndoctor: test\ncluster: {unobserved: {why: missing, detail: none}}\nrunners:\n",
    );
    text.push_str(
        "- {namespace: ci, pod: r, provider: generic, phase: Running, containers: [{name: d, role: engine, image: 'docker:27-dind', state: {phase: running}}], namespaces: {unobserved: {why: forbidden, detail: 'grant create on pods/exec'}}, engines: {unobserved: {why: forbidden, detail: 'grant create on pods/exec'}}}\n",
    );
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(code(&["check", "--evidence", file]), 2);
    assert!(out(&["check", "--evidence", file]).contains("grant create on pods/exec"));
    assert!(err(&["check", "--evidence", file]).contains("ci/r"));
}

#[test]
fn a_damaged_or_newer_recording_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("r.yaml");
    let name = file.to_str().unwrap();
    for (text, says) in [
        ("evidence_version: 99\n", "evidence_version 99"),
        ("hello\n", "is not a recording"),
        ("evidence_version: 1\nrunners: 7\n", "is damaged"),
    ] {
        fs::write(&file, text).unwrap();
        let said = err(&["check", "--evidence", name]);
        assert!(said.contains(says), "{said}");
        assert_eq!(code(&["check", "--evidence", name]), 2);
    }
}

#[test]
fn a_recording_may_come_through_a_pipe() {
    let text = out(&["collect", "--demo", "half-fixed"]);
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let output = command
        .args(["check", "--evidence", "-", "-o", "json"])
        .write_stdin(text)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        out(&["check", "--demo", "half-fixed", "-o", "json"])
    );
}

/// What is not there cannot be unprivileged, and what cannot be entered is not known.
#[test]
fn without_a_pod_no_specification_is_judged() {
    let output = doctor(&["check", "--docker", "no-such-container", "-o", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    for unknown in report["unknowns"].as_array().unwrap() {
        assert_ne!(unknown["check"], "not-privileged");
    }
}

#[test]
fn names_are_taken_out_and_the_diagnosis_stays() {
    for demo in ["article", "half-fixed"] {
        let found = |arguments: &[&str]| {
            let text = out(&[&["check", "--demo", demo, "-o", "json"], arguments].concat());
            let report: serde_json::Value = serde_json::from_str(&text).unwrap();
            let findings = report["findings"].as_array().unwrap().clone();
            let key =
                |f: &serde_json::Value| format!("{} {} {}", f["check"], f["severity"], f["engine"]);
            (findings.iter().map(key).collect::<Vec<_>>(), text)
        };
        let (with, _) = found(&[]);
        let (without, text) = found(&["--redact"]);
        assert_eq!(with, without);
        for name in ["bitbucket-runner", "2jpsg", "\"vm\""] {
            assert!(!text.contains(name), "{name} is in {text}");
        }
    }
    for format in ["table", "markdown", "html", "yaml", "prometheus"] {
        let text = out(&["check", "--demo", "--redact", "-o", format]);
        for name in ["bitbucket-runner", "2jpsg", " vm:", " vm,", " vm\n"] {
            assert!(!text.contains(name), "{name} is in {text}");
        }
    }
    let recording = out(&["collect", "--demo", "--redact"]);
    for name in ["bitbucket-runner", "2jpsg", " vm\n"] {
        assert!(!recording.contains(name), "{name} is in {recording}");
    }
}

#[test]
fn a_ticket_is_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.tar.gz");
    let name = file.to_str().unwrap();
    let ticket = ["ticket", "--demo", "--output-file", name];
    assert_eq!(code(&ticket), 0);
    let first = fs::read(&file).unwrap();
    assert!(err(&ticket).contains("--overwrite"));
    assert_eq!(code(&ticket), 2);
    assert_eq!(code(&[&ticket[..], &["--overwrite"]].concat()), 0);
    assert_eq!(fs::read(&file).unwrap(), first, "the same bytes every time");
    let preview = doctor(&["ticket", "--demo", "--preview"]);
    let shown = String::from_utf8(preview.stdout).unwrap();
    assert!(shown.contains("CONTENTS.txt") && shown.contains("evidence_version: 1"));
    assert!(!shown.contains("2jpsg"), "{shown}");
    assert!(
        String::from_utf8(preview.stderr)
            .unwrap()
            .contains("runner-2jpsg")
    );
}

#[test]
fn two_examinations_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let file = dir.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let article = write("a.yaml", out(&["collect", "--demo"]));
    let half = write(
        "h.json",
        out(&["check", "--demo", "half-fixed", "-o", "json"]),
    );
    assert_eq!(code(&["diff", &article, &half]), 0);
    assert_eq!(code(&["diff", &half, &article]), 1);
    assert_eq!(code(&["diff", &half, &article, "--fail-on", "never"]), 0);
    insta::assert_snapshot!(out(&["diff", &article, &half]));
    let json: serde_json::Value =
        serde_json::from_str(&out(&["diff", &half, &article, "-o", "json"])).unwrap();
    assert_eq!(json["schema"], "runner-doctor/diff/v1");
    assert_eq!(json["new"].as_array().unwrap().len(), 3);
    let redacted = write("r.yaml", out(&["collect", "--demo", "--redact"]));
    assert!(err(&["diff", &redacted, &article]).contains("redacted"));
    let cut = write(
        "c.json",
        out(&["check", "--demo", "-o", "json"])[..900].to_owned(),
    );
    assert!(err(&["diff", &cut, &article]).contains("truncated"));
    assert_eq!(code(&["diff", &cut, &article]), 2);
}

#[test]
fn a_report_in_yaml_is_a_baseline_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("old.yaml");
    let old = file.to_str().unwrap();
    fs::write(&file, out(&["check", "--demo", "-o", "yaml"])).unwrap();
    assert_eq!(code(&["check", "--demo", "--baseline", old]), 0);
    assert_eq!(code(&["diff", old, old]), 0);
}

/// What is known is shown and fails nothing, in any format.
#[test]
fn a_baseline_fails_on_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("old.json");
    let old = file.to_str().unwrap();
    fs::write(&file, out(&["check", "--demo", "half-fixed", "-o", "json"])).unwrap();
    for format in ["table", "short", "html", "json", "sarif", "junit"] {
        let gate = ["check", "--baseline", old, "-o", format, "--demo"];
        assert_eq!(code(&gate), 1, "{format}");
        assert_eq!(code(&[&gate[..], &["half-fixed"]].concat()), 0, "{format}");
    }
    let gate = ["check", "--demo", "half-fixed", "--baseline", old, "-o"];
    let shown = |format: &str| out(&[&gate[..], &[format]].concat());
    assert!(shown("table").contains("mtu-inversion (known)"));
    for format in ["markdown", "html", "github", "bitbucket"] {
        assert!(shown(format).contains(" (known)"), "{format}");
        assert!(shown(format).contains(" known"), "{format}");
    }
    let metric = "runner_doctor_known_findings{check=\"mtu-inversion\"";
    assert!(shown("prometheus").contains(metric));
    assert!(shown("sarif").contains("\"baselineState\": \"unchanged\""));
    assert!(!shown("junit").contains("<failure"));
    insta::assert_snapshot!(shown("short"));
}

#[test]
fn a_cut_off_recording_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("r.yaml");
    let name = file.to_str().unwrap();
    let whole = out(&["collect", "--demo"]);
    for keep in [40, 60, 200] {
        let lines: Vec<&str> = whole.lines().take(keep).collect();
        fs::write(&file, lines.join("\n")).unwrap();
        assert!(
            err(&["check", "--evidence", name]).contains("truncated"),
            "{keep} lines"
        );
        assert_eq!(code(&["check", "--evidence", name]), 2);
    }
    fs::write(&file, whole).unwrap();
    assert_eq!(code(&["check", "--evidence", name]), 1);
}

#[test]
fn a_part_of_a_recording_may_be_examined() {
    let demo = "tests/recordings/demo/article.yaml";
    for part in [
        &["runner-2jpsg"][..],
        &["-n", "bitbucket-runner"],
        &["-n", "bitbucket-runner", "runner-2jpsg"],
    ] {
        let arguments = [&["check", "--evidence", demo, "-o", "json"][..], part].concat();
        let report: serde_json::Value = serde_json::from_str(&out(&arguments)).unwrap();
        assert_eq!(report["summary"]["runners"], 1, "{part:?}");
    }
    let said = err(&["check", "--evidence", demo, "-n", "other"]);
    assert!(
        said.contains("no runner in namespace other: it contains bitbucket-runner/runner-2jpsg")
    );
    let said = err(&["check", "--evidence", demo, "other"]);
    assert!(said.contains("no runner other: it contains bitbucket-runner/runner-2jpsg"));
    assert_eq!(code(&["check", "--evidence", demo, "other"]), 2);
}

#[test]
fn a_report_is_not_taken_for_a_recording() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["json", "yaml"] {
        let file = dir.path().join(format).display().to_string();
        let said = err(&["check", "--demo", "-o", &format!("{format}={file}")]);
        assert!(
            said.contains("failing: 3 errors") && said.contains(&format!("Written to {file}")),
            "{said}"
        );
        let said = err(&["check", "--evidence", &file]);
        assert!(said.contains("is a report, not a recording"), "{said}");
    }
}

#[test]
fn a_folder_and_a_bomb_are_refused_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    let said = err(&["check", "--evidence", &dir.path().display().to_string()]);
    assert!(said.contains("not a regular file") && !said.contains("output-file"));
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        bomb += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    let file = dir.path().join("bomb.yaml").display().to_string();
    fs::write(&file, bomb).unwrap();
    let said = err(&["check", "--evidence", &file]);
    assert!(
        said.contains("aliases expand") && said.lines().count() == 2,
        "{said}"
    );
}
