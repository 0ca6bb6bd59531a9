//! The command line as a user and a gate meet it: exit codes, streams, messages.

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
fn the_version_names_the_commit_and_the_target() {
    assert_eq!(
        out(&["-V"]),
        concat!("runner-doctor ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let long = out(&["--version"]);
    let told = long.trim_end().strip_prefix(out(&["-V"]).trim_end());
    let told = told.and_then(|rest| rest.strip_prefix(" (")?.strip_suffix(')'));
    // Without a checkout the target stands alone.
    let target = told.unwrap().rsplit(", ").next().unwrap();
    assert!(target.starts_with(std::env::consts::ARCH), "{long}");
    assert!(target.contains(std::env::consts::OS), "{long}");
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
        // That the node's Docker is another version takes no fix.
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
    let list = out(&["list"]);
    for id in ids {
        assert!(list.contains(id));
        let explained = doctor(&["explain", id]);
        assert_eq!(explained.status.code(), Some(0), "{id}");
        // What is to be pasted stands behind spaces, as it is.
        let text = String::from_utf8(explained.stdout).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("  ")) {
            assert!(line.chars().count() <= 80, "{id}: {line}");
        }
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
    let report = out(&["check", "--demo", "cured", "--full", "--checks-dir", folder]);
    let more = report
        .lines()
        .find_map(|line| line.trim().strip_prefix("more: runner-doctor "));
    let explain: Vec<&str> = more.unwrap().split(' ').collect();
    assert_eq!(explain[..2], ["explain", "too-deep"]);
    assert!(out(&explain).contains("It is slow."));
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
fn an_explanation_comes_in_three_formats() {
    let json = out(&["explain", "mtu-inversion", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told["id"], "mtu-inversion");
    assert_eq!(told["detected"]["fails_when"], "it.mtu > it.carrier.mtu");
    let cures = told["cures"].as_array().unwrap().iter();
    // Fixing the outer engine does not fix the one inside.
    let outer = cures.filter(|cure| cure["engine"] == "ENGINE");
    let providers: Vec<&str> = outer
        .flat_map(|cure| cure["providers"].as_array().unwrap())
        .map(|provider| provider.as_str().unwrap())
        .collect();
    assert_eq!(
        providers,
        [
            "bitbucket",
            "gitea",
            "azure-pipelines",
            "teamcity",
            "github-arc",
            "gitlab",
            "jenkins",
            "tekton",
            "buildkite",
            "drone",
            "woodpecker",
            "argo-workflows",
            "generic"
        ]
    );
    insta::assert_snapshot!(
        "explained_in_markdown",
        out(&["explain", "not-privileged", "-o", "markdown"])
    );
}

/// The system of a recording is that of its reader, and so are the names in it.
#[test]
fn an_explanation_is_for_one_ci_system() {
    let gitlab = out(&["explain", "mtu-inversion", "--for", "gitlab"]);
    assert!(gitlab.contains(".gitlab-ci.yml"), "{gitlab}");
    assert!(!gitlab.contains("bitbucket-pipelines.yml"), "{gitlab}");
    let arc = out(&["explain", "mtu-inversion", "--for", "arc"]);
    assert_eq!(
        arc,
        out(&["explain", "mtu-inversion", "--for", "github-arc"])
    );
    assert!(arc.contains("- --mtu=1450"), "{arc}");
    assert!(!arc.contains("DOCKER_GROUP_GID"), "{arc}");
    let recording = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/recordings/demo/article.yaml"
    );
    let own = out(&["explain", "mtu-inversion", "--evidence", recording]);
    assert!(own.contains("`docker-in-docker`"), "{own}");
    assert!(!own.contains("ENGINE"), "{own}");
    let wrong = err(&["explain", "mtu-inversion", "--for", "gitlb"]);
    for part in [
        "'gitlb' for '--for <SYSTEM>'",
        "possible values",
        "'gitlab'",
    ] {
        assert!(wrong.contains(part), "{wrong}");
    }
    assert!(out(&["completions", "bash"]).contains("bitbucket gitea arc gitlab"));
}

#[test]
fn every_schema_is_printed() {
    for of in ["report", "evidence", "check", "facts"] {
        let schema: serde_json::Value = serde_json::from_str(&out(&["schema", of])).unwrap();
        assert!(schema["title"].as_str().unwrap().contains(of), "{of}");
    }
}

/// The line that the story began with, as a job's log shows it.
const STORY: &str = concat!(
    "+ docker build .\n",
    "\u{1b}[31mStatus 500: {\"message\":\"io.containerd.runc.v2: failed to adjust OOM score for shim: ",
    "set shim OOM score: write /proc/PID/oom_score_adj: invalid argument\\n: exit status 1: unknown\"}\u{1b}[0m\n",
);

#[test]
fn a_jobs_log_leads_to_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("build.log");
    fs::write(&file, STORY).unwrap();
    let name = file.to_str().unwrap();
    assert_eq!(code(&["explain", "--log", name]), 0);
    let told = out(&["explain", "--log", name]).replace(name, "build.log");
    insta::assert_snapshot!(told);
    let json: serde_json::Value =
        serde_json::from_str(&out(&["explain", "--log", name, "-o", "json"])).unwrap();
    assert_eq!(json["schema"], "runner-doctor/log/v1");
    assert_eq!(json["known"][0]["check"], "oom-score-overflow");
    assert_eq!(json["known"][0]["line"], 2);
    assert_eq!(
        json["known"][0]["next"][0],
        "runner-doctor explain oom-score-overflow"
    );
}

#[test]
fn a_log_with_nothing_known_is_told_plainly() {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let log = [
        b"all is well\n".repeat(1000),
        b"\xff\xfe\x00\x1b]0;x".to_vec(),
    ]
    .concat();
    let output = command
        .args(["explain", "--log", "-"])
        .write_stdin(log)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("no known error in 1001 lines"), "{told}");
    assert_eq!(code(&["explain", "--log", "/nonexistent"]), 2);
    assert_eq!(code(&["explain", "--log", "/"]), 2);
    assert_eq!(code(&["explain"]), 2);
    assert_eq!(code(&["explain", "mtu-inversion", "--log", "x"]), 2);
}

#[test]
fn a_stream_is_told_while_it_comes() {
    let log = "Cannot connect to the Docker daemon at tcp://docker:2375.\n\
        API listen on /var/run/docker.sock\ntoomanyrequests: x\n";
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let explain = command.args(["explain", "--log", "-"]).write_stdin(log);
    let output = explain.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("line 1: engine-unreachable: Cannot connect"));
    assert!(lines[1].starts_with("engine-unreachable is over"), "{told}");
    assert_eq!(lines[2], "line 3: registry-rate-limit: toomanyrequests: x");
    let end = String::from_utf8(output.stdout).unwrap();
    assert!(!end.contains("engine-unreachable"), "{end}");
    assert!(end.contains("registry-rate-limit"));
}

#[test]
fn a_log_and_the_runners_are_one_diagnosis() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("build.log");
    let hangs = "curl: (28) Operation timed out after 300000 milliseconds with 0 bytes received\n";
    let other = "exec /bin/sh: exec format error\ntoomanyrequests: x\n";
    fs::write(&file, format!("{STORY}{hangs}{other}")).unwrap();
    let name = file.to_str().unwrap();
    let arguments = ["check", "--demo", "--log", name];
    let report: serde_json::Value =
        serde_json::from_str(&out(&[&arguments[..], &["-o", "json"]].concat())).unwrap();
    let known = report["log"]["known"].as_array().unwrap();
    let row = |check: &str| {
        let mut rows = known.iter();
        let at = rows.position(|row| row["check"] == check);
        at.map(|at| (at, known[at]["state"].as_str().unwrap()))
    };
    assert_eq!(row("oom-score-overflow"), Some((0, "found")));
    // Its words fit several faults; that it was found decides.
    assert_eq!(row("mtu-inversion"), Some((1, "found")));
    assert_eq!(row("binfmt-missing"), Some((2, "not-judged")));
    for (check, last) in [("registry-rate-limit", 2), ("proxy-not-passed", 1)] {
        assert_eq!(row(check), Some((known.len() - last, "not-found")));
    }
    let told = out(&arguments);
    assert!(told.contains("known errors in 5 lines"), "{told}");
    assert!(!told.contains("proxy-not-passed"), "{told}");
    for format in ["markdown", "short"] {
        let told = out(&[&arguments[..], &["-o", format]].concat());
        assert!(told.contains("binfmt-missing"), "{told}");
    }
    assert_eq!(code(&["check", "--demo", "--log", "/nonexistent"]), 2);
    assert_eq!(code(&["check", "--evidence", "-", "--log", "-"]), 2);
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

#[test]
fn a_watch_writes_no_other_report() {
    let watch = ["check", "--watch", "-o", "table", "-o", "html=x.html"];
    assert_eq!(code(&watch), 2);
    assert!(err(&watch).contains("--watch"));
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

/// As a plugin of kubectl it is not in PATH by its own name: what one pastes must say so.
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

#[test]
fn more_is_said_in_sentences() {
    let said = err(&["check", "--demo", "-v"]);
    assert!(
        said.starts_with("runner-doctor: passed: address-pools-exhausted, builds-escape-limits, "),
        "{said}"
    );
    let said = err(&["chek"]);
    assert!(
        said.contains("'check'") && !said.contains("schema"),
        "{said}"
    );
}

/// What a recording holds comes from containers: no command hands on what a terminal or a CI system
/// would obey.
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
            // GitHub obeys the start of a line, Azure any place; a command of ours is GitHub's alone.
            let ours = |line: &&str| !command.contains(&"github") || !line.starts_with("::");
            let obeyed = |line: &&str| line.starts_with("::error::y") || line.contains("##vso[");
            let mut lines = text.lines().map(str::trim_start).filter(ours);
            let line = lines.find(obeyed);
            assert_eq!(line, None, "{command:?}");
        }
    }
}
