//! `list`, `explain`, `test`, `schema` and `explain --log`.

use super::*;

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
        // Text to paste is indented and not wrapped.
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
fn an_explanation_comes_in_three_formats() {
    let json = out(&["explain", "mtu-inversion", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told["id"], "mtu-inversion");
    assert_eq!(told["detected"]["fails_when"], "it.mtu > it.carrier.mtu");
    let cures = told["cures"].as_array().unwrap().iter();
    // Fixing the outer engine does not fix the nested one.
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
            "prow",
            "generic"
        ]
    );
    insta::assert_snapshot!(
        "explained_in_markdown",
        out(&["explain", "not-privileged", "-o", "markdown"])
    );
}

/// With a recording, the explanation uses its CI system and its names.
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

/// The article's first error, as a job's log shows it.
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
    // Its text matches several faults; the check's finding decides.
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
fn more_is_said_in_sentences() {
    let said = err(&["check", "--demo", "-v"]);
    assert!(
        said.starts_with("runner-doctor: passed: address-pools-exhausted, "),
        "{said}"
    );
    let said = err(&["chek"]);
    assert!(
        said.contains("'check'") && !said.contains("schema"),
        "{said}"
    );
}
