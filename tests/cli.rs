//! The command line as a user and a gate meet it: exit codes, streams, messages.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use clap::ValueEnum;
use runner_doctor::report::Format;
use std::fs;

/// Every format there is, by the name that people type.
fn formats() -> Vec<String> {
    let variants = Format::value_variants().iter();
    let names =
        variants.filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()));
    names.collect()
}

fn doctor(args: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    // No cluster, and nothing of this machine's terminal.
    for name in [
        "KUBECONFIG",
        "KUBERNETES_SERVICE_HOST",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    command
        .env("HOME", "/nonexistent")
        .args(args)
        .output()
        .unwrap()
}

fn code(args: &[&str]) -> i32 {
    doctor(args).status.code().unwrap()
}

fn out(args: &[&str]) -> String {
    String::from_utf8(doctor(args).stdout).unwrap()
}

fn err(args: &[&str]) -> String {
    String::from_utf8(doctor(args).stderr).unwrap()
}

#[test]
fn exit_codes_mean_the_same_in_every_format() {
    for format in formats() {
        let format = format.as_str();
        assert_eq!(code(&["check", "--demo", "-o", format]), 1, "{format}");
        assert_eq!(
            code(&["check", "--demo", "half-fixed", "-o", format]),
            1,
            "{format}"
        );
        assert_eq!(
            code(&["check", "--demo", "cured", "-o", format]),
            0,
            "{format}"
        );
        assert_eq!(
            code(&["check", "--demo", "cured", "--strict", "-o", format]),
            0,
            "{format}"
        );
        assert_eq!(
            code(&["check", "--demo", "--fail-on", "never", "-o", format]),
            0,
            "{format}"
        );
    }
}

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
fn json_has_the_promised_keys() {
    let report: serde_json::Value =
        serde_json::from_str(&out(&["check", "--demo", "-o", "json"])).unwrap();
    assert_eq!(report["schema"], "runner-doctor/report/v1");
    assert_eq!(report["verdict"], "failing");
    let summary = &report["summary"];
    assert_eq!(
        (summary["error"].as_i64(), summary["engines"].as_i64()),
        (Some(3), Some(2))
    );
    for key in ["name", "provider", "node", "layers"] {
        assert!(report["runners"][0].get(key).is_some(), "{key}");
    }
    for finding in report["findings"].as_array().unwrap() {
        for key in [
            "check",
            "severity",
            "runner",
            "engine",
            "subject",
            "message",
            "why",
            "confidence",
            "caused_by",
            "remedies",
            "fingerprint",
        ] {
            assert!(finding.get(key).is_some(), "{key}");
        }
        assert!(!finding["remedies"].as_array().unwrap().is_empty());
        for remedy in finding["remedies"].as_array().unwrap() {
            assert!(remedy["title"].is_string() && remedy["snippet"].is_string());
        }
    }
    assert_eq!(
        report["runners"][0]["name"],
        "bitbucket-runner/runner-2jpsg"
    );
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

#[test]
fn every_check_is_listed_and_explained() {
    let listed: serde_json::Value = serde_json::from_str(&out(&["list", "-o", "json"])).unwrap();
    let ids: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"mtu-inversion"));
    for id in ids {
        assert_eq!(code(&["explain", id]), 0, "{id}");
        assert!(out(&["list"]).contains(id));
        let text = out(&["explain", id]);
        assert!(
            text.lines()
                .filter(|line| !line.starts_with("  "))
                .all(|line| line.chars().count() <= 100),
            "{id}"
        );
    }
    insta::assert_snapshot!(out(&["explain", "mtu-inversion"]));
}

#[test]
fn a_mistyped_check_is_met_with_the_right_one() {
    assert!(err(&["explain", "mtu-inverson"]).contains("did you mean `mtu-inversion`?"));
}

#[test]
fn the_cases_of_the_built_in_checks_run_from_their_files() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/checks");
    assert_eq!(code(&["test", folder]), 0);
    assert!(out(&["test", folder]).trim_end().ends_with(", 0 failed"));
}

#[test]
fn a_check_of_ones_own_needs_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let check = "id: too-deep\ntitle: No engine is nested twice\nseverity: warning\nneeds: [engines]\nfor_each: engines\nfails_when: it.depth >= 1\nfinding: '{it.engine} is nested'\nwhy: It is slow.\ncases:\n- {name: nested, finds: [bb_docker]}\n";
    fs::write(dir.path().join("too-deep.yaml"), check).unwrap();
    assert_eq!(code(&["test", folder]), 0, "{}", out(&["test", folder]));
    let args = [
        "check",
        "--demo",
        "cured",
        "--checks-dir",
        folder,
        "-o",
        "short",
    ];
    assert!(out(&args).contains("too-deep"));
    assert_eq!(code(&args), 0);
    let gate = [&args[..], &["--fail-on", "warning"]].concat();
    assert_eq!(code(&gate), 1);
}

#[test]
fn results_go_to_a_file_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.json");
    assert_eq!(
        out(&[
            "check",
            "--demo",
            "-o",
            "json",
            "--output-file",
            file.to_str().unwrap()
        ]),
        ""
    );
    assert!(
        fs::read_to_string(file)
            .unwrap()
            .contains("runner-doctor/report/v1")
    );
}

#[test]
fn one_run_writes_every_report() {
    let dir = tempfile::tempdir().unwrap();
    let file = |format: &str| dir.path().join(format).to_str().unwrap().to_owned();
    let mut args = vec![
        "check".to_owned(),
        "--demo".to_owned(),
        "-o".to_owned(),
        "table".to_owned(),
    ];
    for format in formats() {
        let format = format.as_str();
        args.extend(["-o".to_owned(), format!("{format}={}", file(format))]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = doctor(&args);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        out(&["check", "--demo"])
    );
    for format in formats() {
        let format = format.as_str();
        let alone = out(&["check", "--demo", "-o", format]);
        assert_eq!(fs::read_to_string(file(format)).unwrap(), alone, "{format}");
    }
    // A file alone leaves standard output empty.
    let json = format!("json={}", file("alone"));
    assert_eq!(out(&["check", "--demo", "-o", &json]), "");
}

#[test]
fn reports_that_cannot_be_written_are_refused() {
    for (args, told) in [
        (
            &["-o", "table", "-o", "json"][..],
            "two reports cannot go to standard output",
        ),
        (
            &["-o", "table=/tmp/x", "-o", "json=/tmp/x"],
            "two reports cannot go to /tmp/x",
        ),
        (
            &["-o", "json=/nonexistent/x"],
            "there is no folder /nonexistent",
        ),
        (&["-o", "json="], "needs the name of a file"),
        (&["-o", "jsn"], "prometheus"),
        (
            &["-o", "json=/tmp/x", "--output-file", "/tmp/y"],
            "--output-file",
        ),
    ] {
        let args = [&["check", "--demo"], args].concat();
        assert_eq!(code(&args), 2, "{args:?}");
        assert!(err(&args).contains(told), "{args:?}: {}", err(&args));
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let script = format!(
        "{} check --demo | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_runner-doctor")
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1");
    assert_eq!(output.stderr, b"");
}

#[test]
fn no_colour_reaches_a_pipe() {
    assert!(!out(&["check", "--demo"]).contains('\u{1b}'));
    assert!(out(&["check", "--demo", "--color", "always"]).contains('\u{1b}'));
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
