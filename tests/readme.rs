//! README.md says what is so: its output and its table are the program's own.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use runner_doctor::check::Library;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

#[test]
fn the_readme_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let written = fs::read_to_string(&path).unwrap();
    let current = fill(&written, "demo", &demo());
    let current = fill(&current, "checks", &table());
    let current = fill(&current, "rights", &rights());
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, &current).unwrap();
    } else {
        assert!(
            written == current,
            "README.md is not current: run UPDATE_README=1 cargo test --test readme"
        );
    }
}

/// Puts `text` between the marks of a section.
fn fill(readme: &str, section: &str, text: &str) -> String {
    let start = readme.find(&format!("<!-- {section}:")).unwrap();
    let start = start + readme[start..].find("-->").unwrap() + "-->".len();
    let end = start + readme[start..].find("<!-- end -->").unwrap();
    format!(
        "{}\n{}\n{}",
        &readme[..start],
        text.trim_end(),
        &readme[end..]
    )
}

fn demo() -> String {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    for name in ["COLUMNS", "CLICOLOR_FORCE", "LC_ALL", "LANG", "LC_CTYPE"] {
        command.env_remove(name);
    }
    let output = command.args(["check", "--demo"]).output().unwrap();
    format!("```\n{}```", String::from_utf8(output.stdout).unwrap())
}

/// The role that `rbac` prints, without what it says of each rule.
fn rights() -> String {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let output = command.args(["rbac", "-A"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut documents = printed.split("---\n");
    let role = documents.find(|text| text.contains("kind: ClusterRole\n"));
    let lines = role.unwrap().lines().filter(|line| !line.starts_with('#'));
    format!("```yaml\n{}\n```", lines.collect::<Vec<_>>().join("\n"))
}

fn table() -> String {
    let mut text = String::from("| check | severity | what is healthy |\n|---|---|---|\n");
    for check in Library::load(&[]).unwrap().checks() {
        let severity = format!("{:?}", check.severity).to_lowercase();
        let link = format!("[{}](checks/{}/{0}.yaml)", check.id, check.group);
        writeln!(text, "| {link} | {severity} | {} |", check.title).unwrap();
    }
    text
}
