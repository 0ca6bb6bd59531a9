//! The effect of settings on findings, and which settings are rejected.

use super::*;
use crate::checks::{case, judge};
use crate::diagnosis::{Finding, Suppressed};

fn read(text: &str) -> Result<Config, String> {
    let source = Source {
        file: "s.yaml",
        text,
        built_in: false,
    };
    let (config, _) = Config::parse(source).map_err(|fault| fault.to_string())?;
    let library = Library::load(&[]).map_err(|error| error.to_string())?;
    config.apply(library).map_err(|error| error.to_string())?;
    Ok(config)
}

/// The healthy runner with `docker:dind` as the image of its engine.
fn findings() -> Vec<Finding> {
    let mut evidence = case::healthy().unwrap();
    for container in &mut evidence.runners[0].containers {
        if container.name == "docker-in-docker" {
            container.image = "docker:dind".into();
        }
    }
    let findings = judge(Library::shared(), &evidence).findings;
    assert_eq!(findings.len(), 1);
    findings
}

fn suppress(rule: &str, today: &str) -> (Vec<Finding>, Vec<Suppressed>) {
    let text = format!("suppress:\n  - check: floating-engine-tag\n    reason: it is ours\n{rule}");
    let today = today.parse().unwrap();
    read(&text).unwrap().suppress(findings(), today)
}

#[test]
fn a_finding_is_suppressed_by_check_and_by_patterns() {
    for rule in [
        "",
        "    runner: bitbucket-runner/*\n",
        "    engine: docker-*\n    subject: docker:dind\n",
        "    until: 2027-01-31\n",
    ] {
        let (counting, suppressed) = suppress(rule, "2027-01-31");
        assert_eq!((counting.len(), suppressed.len()), (0, 1), "{rule}");
        assert_eq!(suppressed[0].suppression.reason, "it is ours");
        assert_eq!(suppressed[0].suppression.place, "s.yaml:2");
    }
    for rule in [
        "    runner: prod/*\n",
        "    engine: docker\n",
        "    subject: docker:28-dind\n",
    ] {
        let (counting, suppressed) = suppress(rule, "2027-01-31");
        assert_eq!((counting.len(), suppressed.len()), (1, 0), "{rule}");
    }
}

#[test]
fn an_expired_suppression_fails_again_and_says_so() {
    let (counting, suppressed) = suppress("    until: 2027-01-31\n", "2027-02-01");
    assert!(suppressed.is_empty());
    let said = "(suppression in s.yaml:2 expired on 2027-01-31: it is ours)";
    assert!(
        counting[0].message.ends_with(said),
        "{}",
        counting[0].message
    );
    assert_eq!(counting[0].fingerprint, findings()[0].fingerprint);
}

#[test]
fn a_severity_is_replaced_in_every_case() {
    let config = read("severity: { mtu-inversion: info }").unwrap();
    let library = config.apply(Library::load(&[]).unwrap()).unwrap();
    assert_eq!(
        library.get("mtu-inversion").unwrap().severity,
        Severity::Info
    );
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "# nothing yet\n", "---\n", "{}"] {
        assert!(read(text).unwrap().rules.is_empty(), "{text:?}");
    }
}

#[test]
fn wrong_settings_are_refused_with_their_place_and_a_cure() {
    let wrong = [
        "suppres: []",
        "suppress:\n  - { check: mtu-inversion }",
        "suppress:\n  - { check: mtu-inversion, reason: ' ' }",
        "suppress:\n  - { check: mtu-inversion, reason: x, untill: 2027-01-31 }",
        "suppress:\n  - { check: mtu-inversion, reason: x, until: 2027-02-30 }",
        "suppress:\n  - { check: mtu-invresion, reason: x }",
        "severity:\n  oom-score-overfow: info",
        "severity: { mtu-inversion: mild }",
        "- a list",
    ];
    let said: Vec<String> = wrong
        .iter()
        .map(|text| format!("{text}\n=> {}", read(text).unwrap_err()))
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}
