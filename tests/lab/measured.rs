//! A check whose time and memory count.

use crate::lab;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};

pub struct Measured {
    pub report: Value,
    pub took: Duration,
    pub memory_kib: u64,
}

/// A check of a namespace in which something is wrong, within these bounds.
pub fn check(
    namespace: &str,
    more: &[&str],
    longest: Duration,
    most_memory_kib: u64,
) -> Result<Measured> {
    let started = Instant::now();
    let mut doctor = lab::doctor()
        .args(["check", "-n", namespace, "-o", "json"])
        .args(more)
        .stdout(Stdio::piped())
        .spawn()?;
    let memory = std::thread::spawn({
        let status = format!("/proc/{}/status", doctor.id());
        move || highest(&status)
    });
    let output = doctor.stdout.take().context("it has no output")?;
    let report = serde_json::from_reader(output)?;
    let code = doctor.wait()?.code();
    let (took, memory_kib) = (started.elapsed(), memory.join().unwrap_or_default());
    ensure!(code == Some(1), "it ended with {code:?}");
    ensure!(took < longest, "it took {took:?}");
    ensure!(
        memory_kib < most_memory_kib,
        "it took {memory_kib} KiB of memory"
    );
    Ok(Measured {
        report,
        took,
        memory_kib,
    })
}

/// The most memory that a process has had, until it is gone.
fn highest(status: &str) -> u64 {
    let mut highest = 0;
    while let Ok(text) = std::fs::read_to_string(status) {
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let Some(peak) = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()) else {
            break;
        };
        highest = peak;
        std::thread::sleep(Duration::from_millis(50));
    }
    highest
}
