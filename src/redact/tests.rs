//! Redaction removes all names and keeps the diagnosis.

use super::redact;
use crate::checks::case::healthy;
use crate::checks::{Library, judge};
use crate::diagnosis::Finding;
use crate::evidence::{Evidence, Observation, Owner, Reason, Why};
use std::collections::BTreeSet;

const UUID: &str = "4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6";

/// A runner with private names in every possible place.
fn acme() -> Evidence {
    let mut evidence = healthy().unwrap();
    let node = "ip-10-0-3-7.eu.acme.internal";
    evidence.nodes.truncate(1);
    evidence.nodes[0].name = node.into();
    let runner = &mut evidence.runners[0];
    runner.namespace = "acme-payments".into();
    runner.pod = format!("runner-{UUID}-x7k2p");
    runner.node = Some(node.into());
    runner.owner = Some(Owner {
        kind: "Job".into(),
        name: format!("runner-{UUID}"),
    });
    runner.containers[0].image = "registry.acme.internal:5000/team/docker-acme:20.10.5-dind".into();
    runner.containers[0].digest =
        Some("docker-pullable://registry.acme.internal:5000/team/docker-acme@sha256:12ab".into());
    evidence.cluster = Observation::Unobserved(crate::evidence::Reason::prose(
        Why::Forbidden,
        format!(
            "node {node} of acme-payments/runner-{UUID}-x7k2p (10.0.3.7, fd00::7): Get \"https://api.acme.internal:6443/v1/acme\": lookup dns.acme.internal on 10.96.0.10:53; system:serviceaccount:acme-payments:doctor; \\{{{UUID}\\}}_build 1a2b3c4d5e6f"
        ),
    ));
    evidence
}

#[test]
fn no_name_is_left() {
    let redacted = redact(&acme()).unwrap();
    let text = serde_json::to_string(&redacted.evidence).unwrap();
    for name in [
        "acme",
        UUID,
        "x7k2p",
        "10.0.3.7",
        "10.96.0.10",
        "fd00::7",
        "eu.",
        "1a2b3c4d5e6f",
        "team",
    ] {
        assert!(!text.contains(name), "{name} is in {text}");
    }
    let reason = redacted.evidence.cluster.reason().unwrap().to_string();
    insta::assert_snapshot!(reason);
    let runner = &redacted.evidence.runners[0];
    insta::assert_snapshot!(
        [
            &runner.namespace,
            &runner.pod,
            &runner.owner.as_ref().unwrap().name,
            runner.node.as_ref().unwrap(),
            &runner.containers[0].image,
            runner.containers[0].digest.as_ref().unwrap(),
        ]
        .map(String::as_str)
        .join("\n")
    );
}

/// Names in free text written by programs, in all their spellings.
#[test]
fn names_in_free_text_are_redacted() {
    let redacted = |text: &str| {
        let mut evidence = acme();
        evidence.cluster = Observation::Unobserved(Reason::WalkSilent {
            container: None,
            said: text.to_owned(),
        });
        let redacted = redact(&evidence).unwrap().evidence;
        match redacted.cluster {
            Observation::Unobserved(Reason::WalkSilent { said, .. }) => said,
            other => panic!("{other:?}"),
        }
    };
    for (text, names) in [
        ("dial node-1.example.com failed", "node-1"),
        ("host=build7.acme.com", "acme"),
        ("dial BUILD7.ACME.COM failed", "ACME"),
        ("pod of ACME-PAYMENTS is gone", "ACME"),
        ("lookup xn--acme-kva.example", "xn--"),
        ("ask jane.doe@acme.com", "jane"),
        (
            "pull registry.acme.internal:5000/team/app:1.2: denied",
            "team",
        ),
        ("pull r2.acme.com/team/app:1.2: denied", "team"),
        ("clone github.com/acme-corp/shop: 404", "acme"),
        ("clone git@github.com:acme-corp/shop.git: 404", "acme"),
        ("Get \"https://github.com/acme-corp/shop\": EOF", "acme"),
        (
            "Get \"https://api.github.com/repos/acme-corp/shop\": EOF",
            "acme",
        ),
        ("clone git@git.acme.com:team/shop.git: 404", "team"),
        ("pull ghcr.io/acme-corp/shop:1", "acme"),
        ("node ip-10-42-7-9 is gone", "10-42"),
    ] {
        let left = redacted(text);
        assert!(!left.contains(names), "{text} is {left}");
        assert_ne!(left, text);
    }
    for text in [
        "see https://github.com/moby/moby/issues/51111",
        "java.lang.OutOfMemoryError: Java heap space",
        "module=io.containerd.snapshotter.v1",
        "Get \"https://registry-1.docker.io/v2/\": EOF",
        "app@1.0.0",
        "version 28.0.1",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn what_is_redacted_stays_as_it_is() {
    let once = redact(&acme()).unwrap().evidence;
    assert_eq!(redact(&once).unwrap().evidence, once);
}

/// What a gate compares, without names.
fn found(evidence: &Evidence) -> Vec<(String, String, usize)> {
    let judgement = judge(Library::shared(), evidence);
    let key = |f: Finding| {
        (
            f.check,
            format!("{:?} {:?} {:?}", f.severity, f.confidence, f.engine),
            f.remedies.len(),
        )
    };
    let mut found: Vec<_> = judgement.findings.into_iter().map(key).collect();
    let unknown = |u: crate::diagnosis::Unknown| (u.check, format!("{:?}", u.engine), 0);
    found.extend(judgement.unknowns.into_iter().map(unknown));
    found
}

/// The cases of all checks are a ready corpus of evidence.
#[test]
fn every_case_of_every_check_is_found_the_same() {
    let library = Library::shared();
    let mut judged = 0;
    for check in library.checks() {
        for case in &check.cases {
            let Ok(evidence) = case.evidence() else {
                continue;
            };
            let redacted = redact(&evidence).unwrap().evidence;
            assert_eq!(
                found(&evidence),
                found(&redacted),
                "{}: {}",
                check.id,
                case.name
            );
            judged += 1;
        }
    }
    assert!(judged > 30, "{judged}");
}

#[test]
fn names_that_are_words_of_ours_do_not_break_it() {
    for name in [
        "docker", "runner", "engine", "generic", "pod", "running", "bridge", "eth0", "error",
    ] {
        let mut evidence = healthy().unwrap();
        evidence.runners[0].namespace = name.into();
        evidence.runners[0].pod = name.into();
        let redacted = redact(&evidence).unwrap().evidence;
        assert_eq!(found(&evidence).len(), found(&redacted).len(), "{name}");
        let tokens: BTreeSet<_> = [&redacted.runners[0].namespace, &redacted.runners[0].pod].into();
        assert!(!tokens.contains(&name.to_owned()));
    }
}
