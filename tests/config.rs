//! The settings of a folder, as a user sees them: default flags and accepted findings.

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

/// Runs runner-doctor in a folder with these settings.
fn doctor(settings: &str, arguments: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".runner-doctor.yaml"), settings).unwrap();
    run(dir.path(), arguments)
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    command.current_dir(dir).env("HOME", "/nonexistent");
    command.args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_default_counts_where_the_command_line_says_nothing() {
    let settings =
        "defaults:\n  check: { output: json, fail-on: never, skip: [oom-score-overflow] }\n";
    let output = doctor(settings, &["check", "--demo"]);
    assert_eq!(code(&output), 0);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "runner-doctor/report/v1");
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| f["check"] != "oom-score-overflow"));
    let output = doctor(
        settings,
        &["check", "--demo", "--fail-on", "error", "-o", "short"],
    );
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).starts_with("error "));
    let output = doctor(
        settings,
        &["check", "--demo", "--skip=mtu-inversion", "-o=short"],
    );
    assert!(text(&output.stdout).contains("oom-score-overflow"));
}

#[test]
fn a_default_place_to_look_gives_way_to_one_that_is_said() {
    let settings = "defaults:\n  check: { namespace: ci, fail-on: never }\n";
    assert_eq!(code(&doctor(settings, &["check", "--demo"])), 0);
    // There is no cluster here, but the flags do not conflict.
    let said = text(&doctor(settings, &["check", "-A"]).stderr);
    assert!(said.contains("cannot find a cluster"), "{said}");
}

#[test]
fn settings_can_lie_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("gate.yaml"),
        "defaults: { check: { fail-on: never } }",
    )
    .unwrap();
    let with = ["check", "--demo", "--config", "gate.yaml"];
    assert_eq!(code(&run(dir.path(), &with)), 0);
    assert_eq!(code(&run(dir.path(), &["check", "--demo"])), 1);
    assert_eq!(
        code(&run(
            dir.path(),
            &["check", "--demo", "--config", "none.yaml"]
        )),
        2
    );
}

#[test]
fn suppressed_findings_fail_nothing_and_stay_in_the_report() {
    let settings = "\
suppress:
  - check: mtu-inversion
    reason: the cure waits for OPS-12
    until: 2999-12-31
  - check: oom-score-overflow
    runner: bitbucket-runner/*
    reason: the same
";
    let output = doctor(settings, &["check", "--demo", "-v"]);
    assert_eq!(code(&output), 0);
    let table = text(&output.stdout);
    assert!(table.contains("1 warning, 1 info, 3 suppressed"), "{table}");
    let told = text(&output.stderr);
    assert_eq!(told.matches("suppressed: ").count(), 3, "{told}");
    assert!(
        told.contains(".runner-doctor.yaml:2: the cure waits for OPS-12"),
        "{told}"
    );
    let output = doctor(settings, &["check", "--demo", "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["summary"]["error"], 0);
    let suppressed = report["suppressed"].as_array().unwrap();
    assert_eq!(suppressed.len(), 3);
    let inversion = suppressed.iter().find(|f| f["check"] == "mtu-inversion");
    assert_eq!(inversion.unwrap()["suppression"]["until"], "2999-12-31");
}

#[test]
fn an_expired_suppression_fails_the_gate_again() {
    let settings = "suppress: [{ check: mtu-inversion, reason: soon, until: 2020-01-31 }]";
    let output = doctor(settings, &["check", "--demo", "-o", "short"]);
    assert_eq!(code(&output), 1);
    let said = "expired on 2020-01-31: soon)";
    assert!(
        text(&output.stdout).contains(said),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn what_is_wrong_in_the_settings_is_told_with_its_place() {
    let wrong = [
        ("unknown command", "defaults:\n  chek: { strict: true }"),
        ("unknown flag", "defaults:\n  check: { fail_on: error }"),
        (
            "only for the command line",
            "defaults:\n  check:\n    allow-probes: true",
        ),
        (
            "a file to write",
            "defaults:\n  check: { output: [table, json=r.json] }",
        ),
        ("not for this command", "defaults:\n  lint: { timeout: 5s }"),
        ("no such value", "defaults:\n  check: { fail-on: eror }"),
        ("no truth", "defaults:\n  check: { strict: maybe }"),
        ("unknown key", "default: {}"),
        (
            "unknown check",
            "suppress: [{ check: mtu-invresion, reason: x }]",
        ),
    ];
    let mut said = String::new();
    for (name, settings) in wrong {
        let output = doctor(settings, &["check", "--demo"]);
        assert_eq!(code(&output), 2, "{name}");
        assert!(output.stdout.is_empty(), "{name}");
        said += &format!("# {name}\n{}\n", text(&output.stderr));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn commands_that_judge_nothing_read_no_settings() {
    assert_eq!(code(&doctor("nonsense: [", &["schema", "report"])), 0);
    assert_eq!(code(&doctor("nonsense: [", &["rbac"])), 0);
    assert_eq!(code(&doctor("nonsense: [", &["check", "--demo"])), 2);
}

#[test]
fn the_example_of_the_documentation_works() {
    let example = include_str!("../docs/settings.md")
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("ci/checks")).unwrap();
    fs::write(dir.path().join(".runner-doctor.yaml"), example).unwrap();
    let output = run(dir.path(), &["check", "--demo", "cured"]);
    // The fixed runner has a warning left, and the settings fail on warnings.
    assert!([0, 1].contains(&code(&output)), "{}", text(&output.stderr));
    let told = text(&output.stderr);
    let expected = ["settings from .runner-doctor.yaml", "matches no finding"];
    for line in told.lines() {
        assert!(expected.iter().any(|part| line.contains(part)), "{line}");
    }
}

#[test]
fn settings_never_loosen_a_gate_silently() {
    let settings = "\
defaults:
  check: { fail-on: never, skip: [oom-score-overflow] }
  lint: { pod-mtu: 576 }
severity: { mtu-inversion: info }
suppress: [{ check: floating-engine-tag, reason: ours }]
";
    let output = doctor(settings, &["check", "--demo", "-o", "json"]);
    let told = text(&output.stderr);
    let changes = "settings from .runner-doctor.yaml: --fail-on=never, --skip=oom-score-overflow, severity mtu-inversion=info, suppress floating-engine-tag (use --no-config to ignore them)";
    assert!(told.contains(changes), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["settings"]["file"], ".runner-doctor.yaml");
    assert_eq!(report["settings"]["changes"].as_array().unwrap().len(), 4);
    assert_eq!(report["settings"]["changes"][0], "--fail-on=never");

    let ignored = doctor(settings, &["check", "--demo", "-o", "json", "--no-config"]);
    assert_eq!(code(&ignored), 1);
    assert!(ignored.stderr.is_empty(), "{}", text(&ignored.stderr));
    let report: Value = serde_json::from_slice(&ignored.stdout).unwrap();
    assert!(report.get("settings").is_none());
}

#[test]
fn a_suppression_that_matches_nothing_is_named() {
    let settings = "suppress:\n  - { check: mtu-inversion, subject: docker7, reason: x }\n";
    let told = text(&doctor(settings, &["check", "--demo"]).stderr);
    let named = ".runner-doctor.yaml:2: the suppression of mtu-inversion matches no finding";
    assert!(told.contains(named), "{told}");
}

#[test]
fn the_other_extension_is_read_and_both_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = "defaults: { check: { fail-on: never } }";
    fs::write(dir.path().join(".runner-doctor.yml"), settings).unwrap();
    assert_eq!(code(&run(dir.path(), &["check", "--demo"])), 0);
    fs::write(dir.path().join(".runner-doctor.yaml"), settings).unwrap();
    let both = run(dir.path(), &["check", "--demo"]);
    assert_eq!(code(&both), 2);
    let said = text(&both.stderr);
    assert!(said.contains("both exist: remove one of them"), "{said}");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_settings_checks_or_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo.yaml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("zero.yaml")).unwrap();
    for odd in ["fifo.yaml", "zero.yaml"] {
        for arguments in [
            vec!["check", "--demo", "--config", odd],
            vec!["check", "--demo", "--checks-dir", odd],
            vec!["check", "--demo", "--override", odd],
            vec!["check", "--evidence", odd],
            vec!["check", "--demo", "--baseline", odd],
            vec!["fix", "--demo", "-f", odd],
            vec!["lint", odd],
            vec!["test", odd],
            vec!["explain", "--log", odd],
        ] {
            let output = run(dir.path(), &arguments);
            let said = text(&output.stderr);
            assert_eq!(code(&output), 2, "{arguments:?}: {said}");
            assert!(said.contains("not a regular file"), "{arguments:?}: {said}");
        }
        let link = dir.path().join(".runner-doctor.yaml");
        std::os::unix::fs::symlink(odd, &link).unwrap();
        let said = text(&run(dir.path(), &["check", "--demo"]).stderr);
        assert!(said.contains("not a regular file"), "{said}");
        fs::remove_file(link).unwrap();
    }
    let output = run(dir.path(), &["lint", ".", "--strict"]);
    assert_eq!(code(&output), 2, "{}", text(&output.stderr));
}
