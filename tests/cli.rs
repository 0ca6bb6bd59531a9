//! The command line as a user and a CI gate see it: exit codes, streams, messages.

use assert_cmd::Command;
use clap::ValueEnum;
use runner_doctor::report::Format;
use std::fs;

mod explanations;
mod recordings;

/// All output formats, by their command-line names.
fn formats() -> Vec<String> {
    let variants = Format::value_variants().iter();
    let names =
        variants.filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()));
    names.collect()
}

fn doctor(args: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    // No cluster, and no terminal settings of this machine.
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
fn the_version_names_the_commit_and_the_target() {
    assert_eq!(
        out(&["-V"]),
        concat!("runner-doctor ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let long = out(&["--version"]);
    let told = long.trim_end().strip_prefix(out(&["-V"]).trim_end());
    let told = told.and_then(|rest| rest.strip_prefix(" (")?.strip_suffix(')'));
    // Without a checkout only the target is printed.
    let target = told.unwrap().rsplit(", ").next().unwrap();
    assert!(target.starts_with(std::env::consts::ARCH), "{long}");
    assert!(target.contains(std::env::consts::OS), "{long}");
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
        // A different Docker version on the node needs no fix.
        let context = finding["severity"] == "info";
        assert!(context || !finding["remedies"].as_array().unwrap().is_empty());
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
    // With only a file, standard output stays empty.
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
            "directory /nonexistent does not exist",
        ),
        (&["-o", "json="], "needs a file name"),
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

#[test]
fn a_watch_writes_no_other_report() {
    let watch = ["check", "--watch", "-o", "table", "-o", "html=x.html"];
    assert_eq!(code(&watch), 2);
    assert!(err(&watch).contains("--watch"));
}

#[test]
fn shells_and_man_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = out(&["completions", shell]);
        let has_values = ["bash", "zsh", "fish"].contains(&shell);
        for name in ["mtu-inversion", "half-fixed", "prometheus"] {
            assert!(script.contains(name) || !has_values, "{shell}: {name}");
        }
        assert!(
            script.contains("ticket") && script.contains("baseline"),
            "{shell}"
        );
    }
    assert!(out(&["man"]).contains("runner\\-doctor"));
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(code(&["man", dir.path().to_str().unwrap()]), 0);
    for page in [
        "runner-doctor.1",
        "runner-doctor-check.1",
        "runner-doctor-diff.1",
    ] {
        assert!(dir.path().join(page).exists(), "{page}");
    }
}

/// A kubectl plugin is not in PATH under its own name: commands to paste start with `kubectl`.
#[test]
#[cfg(unix)]
fn called_by_kubectl_it_names_itself_so() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("kubectl-runner_doctor");
    std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin("runner-doctor"), &plugin).unwrap();
    let said = |args: &[&str]| {
        let output = std::process::Command::new(&plugin)
            .args(args)
            .current_dir(dir.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let bare = |text: &str| {
        let ours = text.replace("kubectl runner-doctor ", "");
        ours.lines()
            .any(|line| line.trim_start().starts_with("runner-doctor "))
    };
    for command in ["check", "fix", "explain", "completions", "diff"] {
        let help = said(&[command, "--help"]);
        assert!(help.contains(&format!("Usage: kubectl runner-doctor {command}")));
        assert!(
            help.contains("\n  kubectl runner-doctor ") || help.contains("(kubectl runner-doctor ")
        );
        assert!(!bare(&help), "{help}");
    }
    let report = said(&["check", "--demo"]);
    assert!(report.contains("Next: `kubectl runner-doctor fix --demo=article`"));
    let report = said(&["check", "--demo", "--full"]);
    assert!(report.contains("more: kubectl runner-doctor explain mtu-inversion"));
    assert!(!report.contains("more: runner-doctor"));
    let report = out(&["check", "--demo", "--full"]);
    assert!(report.contains("more: runner-doctor explain mtu-inversion"));
}

/// The content of a recording comes from containers: no command prints sequences that a terminal or a CI
/// system would act on.
#[test]
fn no_command_prints_what_a_terminal_or_a_ci_system_obeys() {
    const TEXT: &str = "x\u{1b}]52;c;YQ==\u{7}\u{9b}2J\u{202e}\n::error::y\n##vso[task.z]w\r";
    const FREE: [&str; 16] = [
        "kernel",
        "os",
        "runtime",
        "server_version",
        "node",
        "pod",
        "namespace",
        "name",
        "image",
        "engine",
        "detail",
        "said",
        "version",
        "containerd",
        "source",
        "path",
    ];
    fn spoil(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Array(all) => all.iter_mut().for_each(spoil),
            serde_json::Value::Object(all) => {
                for (key, value) in all {
                    match value {
                        serde_json::Value::String(text) if FREE.contains(&key.as_str()) => {
                            text.push_str(TEXT);
                        }
                        value => spoil(value),
                    }
                }
            }
            _ => {}
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hostile.json");
    let file = file.to_str().unwrap();
    let mut recording: serde_json::Value =
        serde_json::from_str(&out(&["collect", "--demo", "-o", "json"])).unwrap();
    spoil(&mut recording);
    fs::write(file, recording.to_string()).unwrap();
    assert_eq!(code(&["check", "--evidence", file]), 1, "it is judged");
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["check", "-v", "--full", "--evidence", file],
        vec!["collect", "--evidence", file],
        vec!["collect", "--redact", "--evidence", file, "-o", "json"],
        vec!["ticket", "--preview", "--evidence", file],
        vec!["fix", "--evidence", file],
        vec!["diff", file, file],
        vec!["explain", "--log", file],
        vec!["lint", file],
    ];
    let formats = formats();
    commands.extend(
        formats
            .iter()
            .map(|format| vec!["check", "--evidence", file, "-o", format]),
    );
    for command in commands {
        let output = doctor(&command);
        assert!(
            output.status.code().is_some_and(|code| code <= 3),
            "{command:?}"
        );
        for stream in [output.stdout, output.stderr] {
            let text = String::from_utf8(stream).unwrap();
            let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!text.contains(acts), "{command:?}: {text:?}");
            // GitHub acts on commands at the start of a line, Azure anywhere; we only print GitHub's.
            let ours = |line: &&str| !command.contains(&"github") || !line.starts_with("::");
            let obeyed = |line: &&str| line.starts_with("::error::y") || line.contains("##vso[");
            let mut lines = text.lines().map(str::trim_start).filter(ours);
            let line = lines.find(obeyed);
            assert_eq!(line, None, "{command:?}");
        }
    }
}
