//! Recordings of real runners and their diagnoses, which are the same on any machine.

use clap::ValueEnum;
use runner_doctor::checks::{Library, judge};
use runner_doctor::diagnosis::{Diagnosis, Finding, Severity, Verdict};
use runner_doctor::evidence::{Evidence, Observation};
use runner_doctor::report::{Format, Style, render};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn recording(name: &str) -> Evidence {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/demo/{name}.yaml"));
    Evidence::parse(&fs::read_to_string(path).unwrap(), name).unwrap()
}

fn diagnose(evidence: &Evidence) -> Diagnosis {
    let judgement = judge(&Library::load(&[]).unwrap(), evidence);
    assert_eq!(judgement.defects, Vec::<String>::new());
    Diagnosis::new(
        evidence,
        judgement.findings,
        judgement.unknowns,
        Some(Severity::Error),
    )
}

const STYLE: Style = Style {
    width: 80,
    color: false,
    unicode: true,
    ..Style::PLAIN
};

fn table(diagnosis: &Diagnosis) -> String {
    render(Format::Table, diagnosis, &STYLE)
}

/// Check, engine and subject of each finding: what a CI gate compares.
fn found(diagnosis: &Diagnosis) -> Vec<[&str; 3]> {
    let findings = diagnosis.findings.iter();
    findings
        .map(|f| {
            [
                f.check.as_str(),
                f.engine.as_deref().unwrap_or("-"),
                f.subject.as_str(),
            ]
        })
        .collect()
}

const OUTER: &str = "docker-in-docker";
const INNER: &str = "docker-in-docker/bb_docker";
/// The article's manifest sets no tag.
const RUNNER_IMAGE: &str =
    "docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner";

#[test]
fn the_articles_first_state_has_three_roots() {
    let diagnosis = diagnose(&recording("article"));
    assert_eq!(
        found(&diagnosis),
        [
            ["oom-score-overflow", OUTER, OUTER],
            ["mtu-inversion", OUTER, "docker0"],
            ["mtu-inversion", INNER, "docker0"],
            ["unpinned-runner-image", "-", RUNNER_IMAGE],
            ["docker-version-mismatch", OUTER, OUTER],
        ]
    );
    insta::assert_snapshot!(table(&diagnosis));
}

#[test]
fn the_half_fix_leaves_the_third_level() {
    let diagnosis = diagnose(&recording("half-fixed"));
    assert_eq!(
        found(&diagnosis),
        [
            ["mtu-inversion", INNER, "docker0"],
            ["unpinned-runner-image", "-", RUNNER_IMAGE],
        ]
    );
    insta::assert_snapshot!(table(&diagnosis));
}

#[test]
fn the_cured_state_is_healthy() {
    let diagnosis = diagnose(&recording("cured"));
    assert_eq!(diagnosis.verdict, Verdict::Healthy);
    insta::assert_snapshot!(table(&diagnosis));
}

#[test]
fn a_recording_replays_byte_for_byte() {
    for name in ["article", "half-fixed", "cured"] {
        let evidence = recording(name);
        for text in [
            serde_saphyr::to_string(&evidence).unwrap(),
            serde_json::to_string_pretty(&evidence).unwrap(),
        ] {
            let again = Evidence::parse(&text, name).unwrap();
            assert_eq!(evidence, again);
            assert_eq!(
                render(Format::Json, &diagnose(&evidence), &plain()),
                render(Format::Json, &diagnose(&again), &plain())
            );
        }
    }
}

fn plain() -> Style<'static> {
    Style {
        width: 80,
        color: false,
        unicode: true,
        ..Style::PLAIN
    }
}

/// Hiding a part of a recording adds no finding, and never makes the verdict healthy.
#[test]
fn hiding_evidence_never_makes_a_runner_healthy() {
    let hide = |what: &str, evidence: &mut Evidence| {
        let reason = || {
            Observation::Unobserved(runner_doctor::evidence::Reason::prose(
                runner_doctor::evidence::Why::Forbidden,
                "hidden",
            ))
        };
        let runner = &mut evidence.runners[0];
        match what {
            "namespaces" => runner.namespaces = reason(),
            "engines" => {
                runner.engines = Observation::Unobserved(runner_doctor::evidence::Reason::prose(
                    runner_doctor::evidence::Why::Forbidden,
                    "hidden",
                ))
            }
            "cluster" => {
                evidence.cluster = Observation::Unobserved(runner_doctor::evidence::Reason::prose(
                    runner_doctor::evidence::Why::Forbidden,
                    "hidden",
                ))
            }
            _ => evidence.nodes.clear(),
        }
    };
    for name in ["article", "half-fixed", "cured"] {
        let whole = recording(name);
        let before = diagnose(&whole);
        for what in ["namespaces", "engines", "nodes"] {
            let mut evidence = whole.clone();
            hide(what, &mut evidence);
            let after = diagnose(&evidence);
            assert_ne!(after.verdict, Verdict::Healthy, "{name} without {what}");
            for finding in found(&after) {
                assert!(
                    found(&before).contains(&finding),
                    "{name} without {what}: {finding:?}"
                );
            }
        }
    }
}

/// Evidence that contradicts itself never drops a finding silently.
#[test]
fn contradicted_evidence_never_makes_a_runner_healthy() {
    let (nothing, empty, zero) = (json!([]), json!(""), json!(0));
    let changes = [
        ("engines", &nothing),
        ("engines/0/api/networks", &nothing),
        ("engines/1/api/networks", &nothing),
        ("engines/0/api/networks/0/driver", &empty),
        ("engines/0/api/networks/0/bridge", &Value::Null),
        ("namespaces/1/parent", &Value::Null),
        ("namespaces/0/interfaces/1/mtu", &zero),
        ("namespaces/1/interfaces/1/mtu", &zero),
        ("namespaces/2/interfaces/0/mtu", &zero),
    ];
    for name in ["article", "half-fixed", "cured"] {
        let whole = recording(name);
        let before = diagnose(&whole);
        for (place, value) in changes {
            let mut document = serde_json::to_value(&whole).unwrap();
            let part = document.pointer_mut(&format!("/runners/0/{place}"));
            *part.unwrap() = value.clone();
            let after = diagnose(&serde_json::from_value(document).unwrap());
            let case = format!("{name}: {place} = {value}");
            assert_ne!(after.verdict, Verdict::Healthy, "{case}");
            let new = found(&after).iter().any(|f| !found(&before).contains(f));
            for lost in before
                .findings
                .iter()
                .filter(|f| !after.findings.contains(f))
            {
                let still = after.findings.iter().any(|f| f.check == lost.check);
                let unknown = after.unknowns.iter().any(|u| u.check == lost.check);
                assert!(new || still || unknown, "{case}: {} is lost", lost.check);
            }
        }
    }
}

/// Collects the JSON pointers of all values in a document.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut inside = |key: &str, value: &Value| {
        let at = format!("{at}/{key}");
        places(value, &at, all);
        all.push(at);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| inside(key, value)),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items
                .by_ref()
                .for_each(|(n, value)| inside(&n.to_string(), value));
        }
        _ => {}
    }
}

/// The replacements for a lost value: null, an empty value, or 0 where 0 is not a valid value.
fn losses(value: &Value, place: &str) -> Vec<Value> {
    let mut losses = vec![Value::Null];
    match value {
        Value::Array(items) if !items.is_empty() => losses.push(json!([])),
        Value::String(text) if !text.is_empty() => losses.push(json!("")),
        Value::Number(_) if place.ends_with("/mtu") => losses.push(json!(0)),
        _ => {}
    }
    losses
}

/// Whichever part of the evidence is lost, no finding disappears without an unknown in its place.
#[test]
fn nothing_that_is_lost_makes_a_runner_healthier_in_silence() {
    let library = Library::load(&[]).unwrap();
    let judged = |evidence: &Evidence| judge(&library, evidence);
    let (mut silent, mut told_of) = (Vec::new(), 0);
    for name in ["article", "half-fixed"] {
        let whole = recording(name);
        let before = judged(&whole);
        let document = serde_json::to_value(&whole).unwrap();
        let mut all = Vec::new();
        for part in ["namespaces", "engines"] {
            let at = format!("/runners/0/{part}");
            places(document.pointer(&at).unwrap(), &at, &mut all);
            all.push(at);
        }
        for place in all {
            for loss in losses(document.pointer(&place).unwrap(), &place) {
                let mut document = document.clone();
                *document.pointer_mut(&place).unwrap() = loss.clone();
                // A recording without a required field is rejected.
                let Ok(evidence) = serde_json::from_value(document) else {
                    continue;
                };
                let after = judged(&evidence);
                let same = |f: &Finding, g: &Finding| {
                    (&f.check, &f.engine, &f.subject) == (&g.check, &g.engine, &g.subject)
                };
                let found = |f: &Finding| after.findings.iter().any(|g| same(f, g));
                for lost in before.findings.iter().filter(|f| !found(f)) {
                    let told = after
                        .unknowns
                        .iter()
                        .any(|u| u.check == lost.check && !before.unknowns.contains(u))
                        || after.findings.iter().any(|g| {
                            g.check == lost.check && !before.findings.iter().any(|f| same(f, g))
                        });
                    told_of += usize::from(told);
                    if !told {
                        silent.push(format!(
                            "{name}: {} = {loss}: {} {}",
                            place, lost.check, lost.subject
                        ));
                    }
                }
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    assert!(told_of > 40, "only {told_of} findings were lost");
}

#[test]
fn no_number_is_too_large_or_too_small_to_be_judged_and_shown() {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/demo/article.yaml"),
    )
    .unwrap();
    let library = Library::load(&[]).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // Numeric fields such as an MTU, a count or an id; lines with the same key and value change together.
    let mut kinds = BTreeSet::new();
    for line in &lines {
        let key = line.trim_start_matches([' ', '-']).split_once(": ");
        kinds.extend(
            key.filter(|(key, value)| *key != "evidence_version" && value.parse::<i64>().is_ok()),
        );
    }
    for (key, value) in kinds {
        for extreme in [i64::MIN, -1, 0, i64::MAX] {
            let changed =
                text.replace(&format!("{key}: {value}\n"), &format!("{key}: {extreme}\n"));
            let evidence = Evidence::parse(&changed, "changed").unwrap();
            let judgement = judge(&library, &evidence);
            let diagnosis = Diagnosis::new(&evidence, judgement.findings, judgement.unknowns, None);
            for format in Format::value_variants() {
                assert!(!render(*format, &diagnosis, &STYLE).is_empty());
            }
        }
    }
}
