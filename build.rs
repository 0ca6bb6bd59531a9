//! Builds again when a file is added to checks/ or to the recordings: the compiler notices changes in the files that it
//! has built in, not new ones. And tells `--version` of what commit this is, and for what target.
#![allow(clippy::print_stdout)]

use std::env;
use std::path::Path;
use std::process::Command;

/// Says the commit where there is no checkout to ask.
const COMMIT: &str = "RUNNER_DOCTOR_COMMIT";

fn main() {
    println!("cargo::rerun-if-changed=checks");
    println!("cargo::rerun-if-changed=tests/recordings/demo");
    println!("cargo::rerun-if-env-changed={COMMIT}");
    let told = env::var(COMMIT).ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(checked_out);
    let read = |name: &str| env::var(name).unwrap_or_default();
    let parts: Vec<String> = commit.into_iter().chain([read("TARGET")]).collect();
    let version = format!("{} ({})", read("CARGO_PKG_VERSION"), parts.join(", "));
    println!("cargo::rustc-env=RUNNER_DOCTOR_VERSION={version}");
}

/// The commit and its day, if this folder is a checkout by itself and not only lies in one of something else.
fn checked_out() -> Option<String> {
    let root = git(&["rev-parse", "--show-toplevel"])?;
    let here = env::var("CARGO_MANIFEST_DIR").ok()?;
    if Path::new(&root).canonicalize().ok()? != Path::new(&here).canonicalize().ok()? {
        return None;
    }
    // The log of HEAD grows whenever HEAD moves, by whatever way; where none is kept, its branch does for most.
    let branch = git(&["rev-parse", "--symbolic-full-name", "HEAD"]);
    for name in ["HEAD", "logs/HEAD", branch.as_deref().unwrap_or("HEAD")] {
        let path = git(&["rev-parse", "--git-path", name])?;
        // What is missing would count as changed each time.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["log", "-1", "--abbrev=7", "--format=%h %cs"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
