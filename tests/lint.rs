//! Files as people write them, and what `lint` reports.

mod formats;
mod secrets;

use assert_cmd::Command;
use clap::ValueEnum;
use runner_doctor::report::Format;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// All output formats, by their command-line names.
fn formats() -> Vec<String> {
    let variants = Format::value_variants().iter();
    let names =
        variants.filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()));
    names.collect()
}

/// Runs in `tests/lint`, so that names are short and the same on every machine.
fn doctor(args: &[&str], stdin: &str) -> std::process::Output {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    for name in [
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "LC_ALL",
        "LANG",
        "LC_CTYPE",
        "TERM",
    ] {
        command.env_remove(name);
    }
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lint"))
        .arg("lint")
        .args(args)
        .write_stdin(stdin)
        .output()
        .unwrap()
}

/// Exit code, standard output, standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    with(args, "")
}

fn with(args: &[&str], stdin: &str) -> (i32, String, String) {
    let output = doctor(args, stdin);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The short report on a file from standard input.
fn short(text: &str) -> String {
    with(&["-", "-o", "short"], text).1
}

fn found(text: &str) -> Vec<String> {
    let lines = short(text);
    let mut checks: Vec<String> = lines
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap().to_owned())
        .collect();
    checks.sort();
    checks.dedup();
    checks
}

const RUNNER: &str = "apiVersion: v1
kind: Pod
metadata: {name: runner}
spec:
  containers:
  - name: runner
    image: sox/atlassian/bitbucket-pipelines-runner:1
    env:
    - {name: OAUTH_CLIENT_SECRET, valueFrom: {secretKeyRef: {name: creds, key: secret}}}
    volumeMounts: [{name: run, mountPath: /var/run}]
  - name: dind
    image: docker:28.5.2-dind
    args: [--mtu=1450]
    securityContext: {privileged: true}
    resources: {requests: {memory: 1Gi}}
    volumeMounts: [{name: run, mountPath: /var/run}, {name: data, mountPath: /var/lib/docker}]
  # So that the engine that Bitbucket starts inside is taken care of.
  - name: clamp-mss
    image: docker:28.5.2-dind
    command: [sh, -c, iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu]
";

const PIPELINE: &str = "---
pipelines:
  default:
  - step: {runs-on: [self.hosted], services: [docker], script: [docker build .]}
";

#[test]
fn the_article_as_written_fails() {
    let pair = ["article/job.yaml", "article/bitbucket-pipelines.yml"];
    let told = |paths: &[&str]| run(&[paths, &["--pod-mtu", "1450"]].concat());
    let (code, out, _) = told(&pair);
    assert_eq!(code, 1);
    insta::assert_snapshot!(out);
    assert_eq!(told(&["article/job.yaml"]).0, 1);
    assert_eq!(told(&["article/bitbucket-pipelines.yml"]).0, 1);
    assert_eq!(told(&["article"]).0, 1);
}

#[test]
fn the_half_fix_leaves_the_third_level() {
    let (code, out, _) = run(&["half-fixed", "--check", "mtu-inversion"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(out);
    // In any order of arguments.
    let pair = ["half-fixed/bitbucket-pipelines.yml", "half-fixed/job.yaml"];
    assert_eq!(run(&pair).0, 1);
}

/// `half-fixed` and `cured` have the same Job: only the pipeline distinguishes them.
#[test]
fn a_job_without_its_pipeline_leaves_the_third_level_unknown() {
    let job = ["cured/job.yaml", "-o", "short", "--check", "mtu-inversion"];
    let (code, out, _) = run(&job);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out);
    assert_eq!(run(&[&job[..], &["--strict"]].concat()).0, 3);
    let (_, out, _) = run(&["cured/job.yaml", "-o", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["verdict"], "incomplete");
    // Where the default MTU fits, the pipeline is not needed.
    let (code, out, _) = run(&[&job[..], &["--pod-mtu", "1500", "--strict"]].concat());
    assert_eq!(code, 3, "its engine is at 1300: {out}");
    let (code, out, _) = run(&[
        "article/job.yaml",
        "--pod-mtu",
        "1500",
        "-o",
        "short",
        "--strict",
    ]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn the_cured_pair_passes() {
    let (code, out, err) = run(&["cured/job.yaml", "cured/bitbucket-pipelines.yml"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("passing: 2 warnings"), "{out}");
    assert_eq!(run(&["cured", "--check", "mtu-inversion"]).0, 0);
    assert_eq!(run(&["cured", "--fail-on", "warning"]).0, 1);
}

#[test]
fn a_told_pod_mtu_decides_and_proves() {
    let (code, out, _) = run(&["article", "--pod-mtu", "1500", "--check", "mtu-inversion"]);
    assert_eq!(code, 0, "{out}");
    let (code, out, _) = run(&[
        "cured",
        "--pod-mtu",
        "1280",
        "-o",
        "json",
        "--check",
        "mtu-inversion",
    ]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&out).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|f| f["confidence"] == "proven"));
    assert!(!out.contains("assumed"));
    assert_eq!(run(&["article", "--pod-mtu", "12"]).0, 2);
}

#[test]
fn a_finding_in_a_file_is_an_ordinary_one_with_a_place() {
    let (_, out, _) = run(&["article/job.yaml", "-o", "json", "--check", "mtu-inversion"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["schema"], "runner-doctor/report/v1");
    assert_eq!(report["runners"][0]["name"], "article/job.yaml");
    let finding = &report["findings"][0];
    assert_eq!(finding["engine"], "docker-in-docker");
    assert_eq!(finding["subject"], "docker0");
    assert_eq!(finding["confidence"], "predicted");
    let place = &finding["location"];
    assert_eq!(place["file"], "article/job.yaml");
    assert_eq!(
        (place["line"].as_u64(), place["column"].as_u64()),
        (Some(41), Some(18))
    );
    let (line, from, to) = (
        place["snippet"].as_str().unwrap(),
        17,
        place["end_column"].as_u64().unwrap() as usize - 1,
    );
    assert_eq!(&line[from..to], "docker:20.10.7-dind");
    for finding in report["findings"].as_array().unwrap() {
        assert!(!finding["remedies"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_healthy_runner_is_fine() {
    let (code, out, err) = with(&["-", "-o", "short", "--fail-on", "error"], RUNNER);
    assert_eq!((code, err.as_str()), (0, ""));
    // What remains is the nested engine, which the pipeline configures.
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.starts_with("unknown mtu-inversion stdin"), "{out}");
    let cured = "---\ndefinitions: {services: {docker: {image: 'me/docker:28', variables: {DOCKER_OPTS: --mtu=1450}}}}\n";
    let (code, out, _) = with(&["-", "-o", "short"], cured);
    assert_eq!((code, out.as_str()), (0, ""));
}

#[test]
fn what_a_manifest_gets_wrong_is_found() {
    let change = |from: &str, to: &str| {
        assert!(RUNNER.contains(from), "{from}");
        let mut checks = found(&RUNNER.replace(from, to));
        checks.retain(|check| check != "mtu-inversion" || !from.contains("data"));
        checks
    };
    assert_eq!(
        change(", {name: data, mountPath: /var/lib/docker}", ""),
        ["no-docker-volume"]
    );
    let only = |checks: Vec<String>| -> Vec<String> {
        checks
            .into_iter()
            .filter(|c| c != "mtu-inversion")
            .collect()
    };
    assert_eq!(
        only(change("{privileged: true}", "{privileged: false}")),
        ["not-privileged"]
    );
    assert_eq!(
        only(change("runner:1\n", "runner:latest\n")),
        ["unpinned-runner-image"]
    );
    assert_eq!(
        only(change(
            "docker:28.5.2-dind\n    args",
            "docker:dind\n    args"
        )),
        ["floating-engine-tag"]
    );
    assert_eq!(
        only(change(
            "valueFrom: {secretKeyRef: {name: creds, key: secret}}",
            "value: hunter2"
        )),
        ["plain-secret"]
    );
    let old = RUNNER
        .replace(
            "docker:28.5.2-dind\n    args",
            "docker:20.10.5-dind\n    args",
        )
        .replace("    resources: {requests: {memory: 1Gi}}\n", "");
    assert_eq!(only(found(&old)), ["oom-score-overflow"]);
    assert!(short(&old).contains("(predicted)"));
}

#[test]
fn docker_opts_do_nothing_for_dockers_own_image() {
    let pod = RUNNER.replace(
        "args: [--mtu=1450]",
        "env: [{name: DOCKER_OPTS, value: --mtu=1450}]",
    );
    let said = short(&pod);
    assert!(
        said.contains("but this image does not read DOCKER_OPTS"),
        "{said}"
    );
    // A custom image may read it.
    let own = pod.replace(
        "image: docker:28.5.2-dind\n    env",
        "image: rewardenv/docker:28-dind\n    env",
    );
    assert!(
        !short(&own).contains("this image does not read"),
        "{}",
        short(&own)
    );
}

#[test]
fn a_daemon_json_among_the_files_is_read() {
    let map = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n  daemon.json: '{\"mtu\": MTU}'\n";
    let pod = RUNNER.replace("    args: [--mtu=1450]\n", "").replace(
        "[{name: run, mountPath: /var/run}, {name: data",
        "[{name: conf, mountPath: /etc/docker}, {name: run, mountPath: /var/run}, {name: data",
    ) + "  volumes: [{name: conf, configMap: {name: conf}}]\n"
        + map;
    let outer = |mtu: &str| short(&pod.replace("MTU", mtu)).contains("docker0 of dind has MTU");
    assert!(!outer("1450"));
    assert!(outer("1500"));
    // Without the ConfigMap, the MTU is unknown.
    assert!(!short(pod.split("---\n").next().unwrap()).contains("docker0 of dind has MTU"));
}

#[test]
fn steps_are_held_against_the_memory_of_their_engine() {
    let pipeline = PIPELINE.replace("services: [docker],", "size: 4x, name: Build,");
    let limited = RUNNER.replace(
        "resources: {requests: {memory: 1Gi}}",
        "resources: {limits: {memory: 8Gi}}",
    );
    let dir = tempfile::tempdir().unwrap();
    let lint = |manifest: &str, pipeline: &str| {
        fs::write(dir.path().join("pod.yaml"), manifest).unwrap();
        fs::write(dir.path().join("bitbucket-pipelines.yml"), pipeline).unwrap();
        run(&[
            dir.path().to_str().unwrap(),
            "-o",
            "short",
            "--check",
            "step-exceeds-memory",
        ])
        .1
    };
    let said = lint(&limited, &pipeline);
    assert!(
        said.contains("step Build has size 4x (16 GiB)") && said.contains("8192 MiB"),
        "{said}"
    );
    assert_eq!(lint(&limited, &pipeline.replace("4x", "2x")), "");
    // Without a limit in the manifest, the engine's memory is unknown.
    assert_eq!(lint(RUNNER, &pipeline), "");
}

#[test]
fn what_runs_in_the_cloud_is_not_judged() {
    let cloud = PIPELINE.replace("runs-on: [self.hosted], ", "");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bitbucket-pipelines.yml"), &cloud).unwrap();
    let (code, out, err) = run(&[dir.path().to_str().unwrap(), "-o", "short", "--allow-empty"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(
        err.contains("run in Bitbucket's cloud, and the file was not checked"),
        "{err}"
    );
    // A file named explicitly is always judged.
    let (code, _, err) = with(&["-", "--pod-mtu", "1450"], &cloud);
    assert_eq!(code, 1);
    assert!(err.contains("judged as if"), "{err}");
    let mixed = cloud + "  - step: {runs-on: self.hosted, script: [make]}\n";
    assert_eq!(found(&mixed), Vec::<String>::new());
}

#[test]
fn other_systems_are_read_in_their_own_words() {
    let files = [
        "gitlab-ci.yml",
        "arc-legacy.yaml",
        "arc-values.yaml",
        "compose.yaml",
        "autoscaler.yaml",
    ];
    for file in files {
        let path = format!("others/{file}");
        let (code, out, err) = run(&[&path, "--pod-mtu", "1450"]);
        assert_eq!((code, err.as_str()), (1, ""), "{file}");
        insta::assert_snapshot!(format!("others_{file}"), out);
    }
}

#[test]
fn what_is_not_understood_is_refused_where_it_was_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(
        path("workflow.yml"),
        "on: push\njobs: {a: {runs-on: x, steps: []}}\n",
    )
    .unwrap();
    fs::write(path("broken.yaml"), "a: [\n").unwrap();
    fs::write(path("latin.yaml"), b"a: 1\nb: caf\xe9\n").unwrap();
    fs::write(
        path("chart.yaml"),
        "{{- if .Values.x }}\na: {{ .Values.y | quote }} {{ z }}\n{{- end }}\n",
    )
    .unwrap();
    let (code, _, err) = run(&[&path("workflow.yml")]);
    assert_eq!(code, 2);
    assert!(
        err.contains("bitbucket-pipelines.yml") && err.contains("is not a supported kind"),
        "{err}"
    );
    let (code, _, err) = run(&[&path("broken.yaml")]);
    assert_eq!(code, 2);
    assert!(err.contains("broken.yaml:1:4: invalid YAML"), "{err}");
    let (code, _, err) = run(&[&path("latin.yaml")]);
    assert_eq!(code, 2);
    assert!(err.contains("latin.yaml:2:7: invalid UTF-8"), "{err}");
    let (code, _, err) = run(&[&path("chart.yaml")]);
    assert_eq!(code, 2);
    assert!(err.contains("helm template"), "{err}");
    assert_eq!(run(&[&path("nothing.yaml")]).0, 2);
    // In a folder they are skipped, or unknown if they might hold a runner.
    fs::write(path("pod.yaml"), RUNNER).unwrap();
    let folder = dir.path().to_str().unwrap();
    let (code, out, _) = run(&[folder, "-o", "short"]);
    assert_eq!(code, 3, "{out}");
    assert_eq!(
        out.lines()
            .filter(|line| line.starts_with("unknown lint"))
            .count(),
        2,
        "{out}"
    );
    assert_eq!(run(&[folder, "--strict"]).0, 3);
    assert_eq!(run(&[folder, "--allow-unknown"]).0, 0);
    // Without a runner, nothing was judged.
    fs::remove_file(path("pod.yaml")).unwrap();
    assert_eq!(run(&[folder]).0, 2);
}

#[test]
fn nothing_to_judge_is_not_green() {
    let (code, _, err) = with(
        &["-"],
        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
    );
    assert_eq!(code, 2);
    assert!(err.contains("--allow-empty"), "{err}");
    assert_eq!(
        with(&["-", "--allow-empty"], "apiVersion: v1\nkind: Service\n").0,
        0
    );
}

/// In memory, 600 files of 4 MiB would take 2.4 GiB.
#[cfg(unix)]
#[test]
fn a_repository_may_be_larger_than_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..600 {
        let file = fs::File::create(dir.path().join(format!("{number}.yaml"))).unwrap();
        file.set_len(4 << 20).unwrap();
    }
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: r}\nspec: {template: {spec: {containers: [{name: dind, image: docker:dind, securityContext: {privileged: true}}]}}}\n";
    fs::write(dir.path().join("job.yaml"), job).unwrap();
    let program = assert_cmd::cargo::cargo_bin("runner-doctor");
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -v 524288; exec \"$0\" lint . --pod-mtu 1450 -o json",
        ])
        .arg(program)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!([0, 1].contains(&output.status.code().unwrap()), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["runners"].as_array().unwrap().len(), 1);
}
