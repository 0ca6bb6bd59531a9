//! `run` around a command: what passes through, and when there is a diagnosis.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The diagnosis itself depends on the machine; it ends soon.
const LIMITS: [&str; 4] = ["--deadline", "1s", "--check", "mtu-inversion"];

fn doctor(options: &[&str], words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner-doctor"));
    command
        .arg("run")
        .args(LIMITS)
        .args(options)
        .arg("--")
        .args(words)
        .env_remove("RUNNER_DOCTOR_RUN")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(options: &[&str], words: &[&str]) -> Output {
    doctor(options, words).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn diagnoses(output: &Output) -> usize {
    text(&output.stderr).matches("runner-doctor: ").count()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits for a line, so that the command has set its trap.
fn await_line(child: &mut Child) -> BufReader<std::process::ChildStdout> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    out
}

#[test]
fn a_command_that_is_fine_runs_as_if_alone() {
    let script = "cat; echo out; echo err >&2; [ \"$1\" = 'a b' ]";
    let mut child = doctor(&[], &["sh", "-c", script, "sh", "a b"])
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"in\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "in\nout\n");
    assert_eq!(text(&output.stderr), "err\n");
}

#[test]
fn bytes_pass_through_unchanged() {
    let output = run(
        &[],
        &[
            "sh",
            "-c",
            "head -c 3000000 /dev/zero; printf '\\377\\033[31m'",
        ],
    );
    assert_eq!(output.stdout.len(), 3_000_006);
    assert!(output.stdout.ends_with(b"\xff\x1b[31m"));
}

#[test]
fn lines_of_one_stream_keep_their_order() {
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; done";
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = doctor(&[], &["sh", "-c", script]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut printed = String::new();
    reader.read_to_string(&mut printed).unwrap();
    child.wait().unwrap();
    assert_eq!(
        printed,
        (1..10).map(|i| format!("{i}\n{i}\n")).collect::<String>()
    );
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    let output = run(&[], &["sh", "-c", "echo last words; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(text(&output.stdout), "last words\n");
    assert!(text(&output.stderr).contains("runner-doctor: sh failed with exit code 7"));
    let killed = run(&[], &["sh", "-c", "kill -KILL $$"]);
    assert_eq!(
        (killed.status.code(), killed.status.signal()),
        (Some(137), None)
    );
    assert_eq!(run(&[], &["/nonexistent/program"]).status.code(), Some(127));
    assert_eq!(run(&[], &["/etc/passwd"]).status.code(), Some(126));
}

#[test]
fn a_known_error_in_the_output_is_named() {
    let line = "go: x: Get \"https://p/x\": net/http: TLS handshake timeout";
    let output = run(&[], &["sh", "-c", &format!("echo '{line}' >&2; exit 1")]);
    let said = text(&output.stderr);
    assert!(said.starts_with(line), "{said}");
    assert!(said.contains("Log the output of sh"), "{said}");
}

#[test]
fn a_silent_command_is_diagnosed_once_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let report = format!("json={}", file.display());
    let options = ["--stall", "1s", "-o", "table", "-o", &report];
    let output = run(&options, &["sh", "-c", "sleep 4; echo done; exit 3"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "done\n");
    assert_eq!(diagnoses(&output), 1, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("sh printed nothing new for 1 s"));
    let report = std::fs::read_to_string(file).unwrap();
    assert!(report.contains("runner-doctor/report/v1"), "{report}");
}

#[test]
fn signals_reach_the_command() {
    let script = "trap 'echo usr1' USR1; trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    let mut child = doctor(&[], &["sh", "-c", script]).spawn().unwrap();
    let mut out = await_line(&mut child);
    signal(&child, Signal::USR1);
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "usr1\n");
    signal(&child, Signal::TERM);
    line.clear();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "term\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    assert!(text(&output.stderr).contains("runner-doctor: sh received SIGTERM"));
}

#[test]
fn a_command_that_ignores_sigterm_goes_on() {
    let script = "trap '' TERM; echo ready; sleep 3; echo done";
    let mut child = doctor(&[], &["sh", "-c", script]).spawn().unwrap();
    let mut out = await_line(&mut child);
    signal(&child, Signal::TERM);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "done\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(diagnoses(&output), 1);
}

#[test]
fn an_interrupted_command_is_not_diagnosed() {
    let script = "trap 'exit 130' INT; echo ready; while :; do sleep 0.1; done";
    let mut child = doctor(&[], &["sh", "-c", script]).spawn().unwrap();
    let _out = await_line(&mut child);
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(diagnoses(&output), 0);
}

#[test]
fn a_run_within_a_run_leaves_the_diagnosis_to_the_outer_one() {
    let program = env!("CARGO_BIN_EXE_runner-doctor");
    let output = run(&[], &[program, "run", "--", "sh", "-c", "echo in; exit 5"]);
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(text(&output.stdout), "in\n");
    assert!(text(&output.stderr).contains("runner-doctor failed with exit code 5"));
    assert!(!text(&output.stderr).contains("sh failed"));
}

#[test]
fn what_a_command_leaves_running_does_not_hold_it() {
    let began = Instant::now();
    let output = run(&[], &["sh", "-c", "sleep 60 & echo started"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "started\n");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_reader_that_goes_away_ends_the_command() {
    let mut child = doctor(&[], &["sh", "-c", "echo ready; exec yes"])
        .spawn()
        .unwrap();
    drop(await_line(&mut child));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
}
