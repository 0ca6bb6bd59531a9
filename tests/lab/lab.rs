//! Runs the lab's command, as a person would.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of this run of the lab; `lab down` removes them.
pub fn run_folder() -> PathBuf {
    root().join("target/lab/run")
}

/// A world's own kubeconfig for runner-doctor, if it has one.
pub static KUBECONFIG: OnceLock<String> = OnceLock::new();
/// The node on which a world's pods run.
pub static NODE: OnceLock<String> = OnceLock::new();

pub fn kubeconfig() -> PathBuf {
    run_folder().join(KUBECONFIG.get().map_or("kubeconfig", String::as_str))
}

/// The content of the kubeconfig.
pub fn configuration() -> Result<Value> {
    let raw = kubectl(&[&with_config(), "config", "view", "--raw", "-o", "json"])?;
    Ok(serde_json::from_str(&raw)?)
}

/// A service account token from the API server that runner-doctor uses.
pub fn token(namespace: &str, account: &str) -> Result<String> {
    kubectl(&[&with_config(), "-n", namespace, "create", "token", account])
}

fn with_config() -> String {
    format!("--kubeconfig={}", kubeconfig().display())
}

/// runner-doctor, run as the cluster's administrator.
pub fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner-doctor"));
    command.env("KUBECONFIG", kubeconfig());
    command
}

pub fn manifests() -> PathBuf {
    root().join("tests/lab/manifests")
}

fn program() -> PathBuf {
    root().join("tests/lab/lab")
}

pub fn must_be_up() -> Result<()> {
    let up = Command::new(program())
        .arg("status")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !up {
        bail!("the lab is not up, so nothing was tested: run tests/lab/lab up");
    }
    Ok(())
}

/// `lab` without arguments yet.
pub fn command() -> Command {
    Command::new(program())
}

/// Runs `lab` with arguments quoted as in a shell, and returns its output.
pub fn lab(line: &str) -> Result<String> {
    printed(&output(shell(line))?).with_context(|| format!("lab {line}"))
}

/// Like `lab`, with a longer timeout: for steps such as image builds, which can take minutes.
pub fn make(line: &str) -> Result<String> {
    printed(&output(shell_for(line, 900))?).with_context(|| format!("lab {line}"))
}

/// Like `lab`, but failure is a valid result: returns whether it succeeded, and both streams.
pub fn try_lab(line: &str) -> Result<(bool, String)> {
    let output = output(shell(line))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// The exit code, standard output and standard error.
pub fn whole(line: &str) -> Result<(i32, Vec<u8>, String)> {
    let output = output(shell(line))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let exit = output.status.code().context("it was killed")?;
    Ok((exit, output.stdout, said))
}

/// With a timeout, so that a hanging step does not hang the run.
fn shell(line: &str) -> Command {
    shell_for(line, 240)
}

fn shell_for(line: &str, seconds: u32) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec timeout {seconds} \"$LAB\" {line}")])
        .env("LAB", program());
    command
}

/// Runs a line in bash with the environment of `lab env`.
pub fn shell_line(line: &str) -> Result<String> {
    let mut command = Command::new("bash");
    command
        .args([
            "-c",
            &format!("eval \"$(\"$LAB\" env)\"; set -euo pipefail; {line}"),
        ])
        .env("LAB", program());
    printed(&output(command)?)
}

pub fn kubectl(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(program());
    command.arg("kubectl").args(arguments);
    printed(&output(command)?).with_context(|| format!("kubectl {}", arguments.join(" ")))
}

/// Runs kubectl with `text` on its standard input.
pub fn kubectl_told(arguments: &[&str], text: &str) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    let mut command = Command::new(program());
    command.arg("kubectl").args(arguments);
    command.stdin(file.reopen()?);
    let output = command.output().context("kubectl cannot be started")?;
    printed(&output).with_context(|| format!("kubectl {}", arguments.join(" ")))?;
    Ok(())
}

fn output(mut command: Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .context("tests/lab/lab cannot be started")
}

fn printed(output: &Output) -> Result<String> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether the far end currently drops ICMP "fragmentation needed".
pub fn black_hole() -> Result<String> {
    let (_, said) = try_lab("status")?;
    let state = said
        .lines()
        .find_map(|line| line.split_once("black hole: "));
    Ok(state.map_or("off", |(_, state)| state.trim()).to_owned())
}

pub fn set_black_hole(state: &str) {
    if let Err(error) = lab(&format!("blackhole {state}")) {
        eprintln!("{error:#}");
    }
}
