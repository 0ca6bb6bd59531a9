//! Order, unknowns, causes and additions, tested with small purpose-made checks.

use super::*;
use crate::checks::case;
use crate::checks::fault::Source;
use std::collections::BTreeSet;

const FORMAT: &str = "
title: none
severity: error
why: none
cases: []
";

pub(super) fn check(id: &str, rule: &str) -> Check {
    let text = format!("id: {id}{FORMAT}{rule}");
    let source = Source {
        file: "test.yaml",
        text: &text,
        built_in: false,
    };
    Check::parse(source, id, "test").unwrap_or_else(|fault| panic!("{fault}"))
}

pub(super) const ANY_NETWORK: &str = "
needs: [networks]
for_each: networks
fails_when: it.mtu > 0
finding: '{it.engine} {it.name}'
";

pub(super) const ANY_ENGINE: &str = "
needs: [engines]
for_each: engines
fails_when: it.depth >= 0
finding: '{it.name}'
";

pub(super) fn judged(checks: &[Check]) -> Judgement {
    let checks: Vec<&Check> = checks.iter().collect();
    judge_by(&checks, &case::healthy().unwrap())
}

pub(super) fn with(rule: &str, addition: &str) -> String {
    format!("{rule}{addition}\n")
}

#[test]
fn findings_of_one_stage_come_by_severity_then_check_then_evidence() {
    let mild = ANY_NETWORK.to_owned() + "milder: { severity: info, when: it.mtu > 0 }\n";
    let judgement = judged(&[
        check("a", &mild),
        check("b", ANY_NETWORK),
        check("c", ANY_ENGINE),
    ]);
    let order: Vec<_> = judgement
        .findings
        .iter()
        .map(|f| (f.check.as_str(), f.engine.as_deref()))
        .collect();
    let (outer, inner) = (Some("docker-in-docker"), Some("docker-in-docker/bb_docker"));
    assert_eq!(
        order,
        [
            ("b", outer),
            ("b", inner),
            ("c", outer),
            ("c", inner),
            ("a", outer),
            ("a", inner)
        ]
    );
    assert_eq!(judgement.findings[5].severity, Severity::Info);
}

#[test]
fn of_one_severity_what_strikes_first_comes_first() {
    let stage = |stage: &str| with(ANY_ENGINE, &format!("stage: {stage}"));
    let warning = ANY_ENGINE.replace(
        "it.depth >= 0",
        "it.depth >= 0\nmilder: { severity: warning, when: it.depth >= 0 }",
    );
    let judgement = judged(&[
        check("a", &stage("network")),
        check("b", &stage("start")),
        check("c", ANY_ENGINE),
        check("d", &stage("later")),
        check("e", &with(&warning, "stage: start")),
    ]);
    let mut order: Vec<&str> = judgement
        .findings
        .iter()
        .map(|f| f.check.as_str())
        .collect();
    order.dedup();
    // The default stage of an error is the build.
    assert_eq!(order, ["b", "c", "a", "d", "e"]);
}

#[test]
fn a_consequence_points_to_the_root_on_its_own_engine() {
    let root = with(ANY_ENGINE, "").replace("it.depth >= 0", "it.depth == 1");
    let consequence = with(ANY_NETWORK, "caused_by: root");
    let judgement = judged(&[check("consequence", &consequence), check("root", &root)]);
    let causes: Vec<_> = judgement
        .findings
        .iter()
        .map(|f| f.caused_by.as_deref())
        .collect();
    let root = judgement.findings[2].fingerprint.as_str();
    assert_eq!(causes, [None, Some(root), None]);
}

#[test]
fn a_sentence_is_added_where_the_other_check_found_something_on_that_engine() {
    let other = ANY_ENGINE.replace("it.depth >= 0", "it.depth == 1");
    let also = with(
        ANY_NETWORK,
        "also: [{ when_found: other, say: ' (see {it.engine})' }]",
    );
    let judgement = judged(&[check("a", &also), check("other", &other)]);
    let messages: Vec<_> = judgement
        .findings
        .iter()
        .map(|f| f.message.as_str())
        .collect();
    let inner = "docker-in-docker/bb_docker";
    assert_eq!(messages[0], "docker-in-docker docker0");
    assert_eq!(messages[1], format!("{inner} docker0 (see {inner})"));
}

#[test]
fn what_was_not_seen_lowers_no_severity_and_proves_nothing() {
    let rule = "milder: { severity: info, when: it.clamped }\nproven_when: '!it.clamped'";
    let check = check("a", &with(ANY_NETWORK, rule));
    let mut evidence = case::healthy().unwrap();
    let reason = crate::evidence::Why::Missing;
    let crate::evidence::Observed(namespaces) = &mut evidence.runners[0].namespaces else {
        panic!("the baseline has namespaces");
    };
    namespaces[0].tcpmss = crate::evidence::Observation::Unobserved(
        crate::evidence::Reason::prose(reason, "no iptables"),
    );
    let judgement = judge_by(&[&check], &evidence);
    let finding = &judgement.findings[0];
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.confidence, Confidence::Predicted);
}

#[test]
fn a_text_that_cannot_be_written_loses_no_finding() {
    let rule = ANY_ENGINE.replace("'{it.name}'", "'{it.node_docker} {it.name}'");
    let rule = with(
        &rule,
        "subject: '{it.node_docker}'\nremedy: { pin_image: '{it.node_docker}' }",
    );
    let judgement = judged(&[check("a", &rule)]);
    assert_eq!(judgement.findings[0].message, "unknown docker-in-docker");
    assert_eq!(judgement.findings[0].subject, "docker-in-docker");
    assert!(judgement.findings[0].remedies.is_empty());
    assert!(judgement.defects[0].starts_with("test.yaml: {it.node_docker}: "));
}

#[test]
fn a_fix_whose_value_means_nothing_is_a_defect_and_the_others_keep_their_order() {
    let rule = with(
        ANY_ENGINE,
        "remedy: { pin_image: 'docker:28.5.2-dind', memory_request: 1Gi, engine_mtu: '{it.name}' }",
    );
    let judgement = judged(&[check("a", &rule)]);
    let titles: Vec<&str> = judgement.findings[0]
        .remedies
        .iter()
        .map(|remedy| remedy.change.as_ref().unwrap())
        .map(|change| match &change.settings.image {
            Some(_) => "image",
            None => "memory",
        })
        .collect();
    assert_eq!(titles, ["image", "memory"]);
    assert!(judgement.defects[0].contains("remedy engine_mtu: expected a whole number"));
}

#[test]
fn findings_alike_but_for_random_names_have_fingerprints_of_their_own() {
    let rule = with(ANY_NETWORK, "subject: same");
    let rule = rule.replace("'{it.engine} {it.name}'", "same");
    let mut evidence = case::healthy().unwrap();
    let crate::evidence::Observed(engines) = &mut evidence.runners[0].engines else {
        panic!("the baseline has engines");
    };
    let crate::evidence::Observed(api) = &mut engines[0].api else {
        panic!("the baseline's engine answers");
    };
    let crate::evidence::Observed(networks) = &mut api.networks else {
        panic!("the baseline's engine has networks");
    };
    for name in ["ci_1a2b3c4d5e6f", "ci_6f5e4d3c2b1a"] {
        let mut network = networks[0].clone();
        network.name = name.into();
        network.bridge = None;
        networks.push(network);
    }
    let check = check("a", &rule);
    let judgement = judge_by(&[&check], &evidence);
    let prints: BTreeSet<_> = judgement.findings.iter().map(|f| &f.fingerprint).collect();
    assert_eq!(prints.len(), judgement.findings.len());
    assert_eq!(prints.len(), 4);
}

#[test]
fn a_section_that_was_not_seen_is_unknown_once_for_each_check() {
    let mut evidence = case::healthy().unwrap();
    let reason = crate::evidence::Why::Forbidden;
    evidence.runners[0].engines =
        crate::evidence::Observation::Unobserved(crate::evidence::Reason::prose(reason, "no exec"));
    let both = ANY_ENGINE.replace("[engines]", "[engines, networks]");
    let judgement = judge_by(&[&check("a", &both), &check("b", ANY_NETWORK)], &evidence);
    let unknowns: Vec<_> = judgement
        .unknowns
        .iter()
        .map(|u| (u.check.clone(), u.reason()))
        .collect();
    let both = ["a", "b"].map(|check| (check.to_owned(), "no exec".to_owned()));
    assert_eq!(unknowns, both);
}

/// Every remedy and every addition of a check is rendered in the case of some check.
#[test]
fn every_remedy_and_every_addition_is_rendered() {
    let library = Library::shared();
    let evidence: Vec<Evidence> = library
        .checks()
        .flat_map(|check| &check.cases)
        .map(|case| case.evidence().unwrap())
        .collect();
    let views: Vec<View> = evidence
        .iter()
        .map(|evidence| View::new(evidence, &evidence.runners[0]))
        .collect();
    for check in library.checks() {
        let mut wants = BTreeSet::new();
        let mut messages = String::new();
        for view in &views {
            let mut judgement = Judgement::default();
            for suspicion in examine(check, view).suspicions {
                wants.extend(judgement.wants(&suspicion).iter().map(Want::kind));
                for (_, say) in &check.also {
                    messages.push_str(&judgement.render(say, &suspicion));
                }
            }
            assert!(judgement.defects.is_empty(), "{:?}", judgement.defects);
        }
        let told: BTreeSet<_> = check.remedy.iter().map(|(want, _)| *want).collect();
        assert_eq!(wants, told, "{}: a remedy is never given", check.id);
        assert!(
            check.also.is_empty() || !messages.is_empty(),
            "{}",
            check.id
        );
    }
}

/// Cases cover every declared cause, every explained reason, every milder severity and every
/// predicted finding.
#[test]
fn every_cause_severity_and_confidence_is_reached() {
    let library = Library::shared();
    let checks: Vec<&Check> = library.checks().collect();
    let mut reached = BTreeSet::new();
    for case in library.checks().flat_map(|check| &check.cases) {
        let judgement = judge(library, &case.evidence().unwrap());
        let check_of = |print: &String| {
            let found = judgement.findings.iter().find(|f| f.fingerprint == *print);
            found.unwrap().check.clone()
        };
        for finding in &judgement.findings {
            let root = finding.caused_by.as_ref().map(check_of);
            reached.extend(root.map(|root| format!("{} caused by {root}", finding.check)));
            reached.insert(format!("{} {:?}", finding.check, finding.severity));
            reached.insert(format!("{} {:?}", finding.check, finding.confidence));
        }
        for unknown in &judgement.unknowns {
            let root = unknown.caused_by.as_ref().map(check_of);
            reached.extend(root.map(|root| format!("{root} explains")));
        }
    }
    let mut wanted = Vec::new();
    for check in checks {
        let id = &check.id;
        // Log-only checks have no findings on runners; if both checks have symptoms, the relation
        // may exist only to order them in `explain --log`.
        let judged = |root: &&String| {
            let root = library.get(root);
            root.is_some_and(|root| root.symptoms.is_empty() || check.symptoms.is_empty())
        };
        wanted.extend(
            check
                .caused_by
                .iter()
                .filter(judged)
                .map(|root| format!("{id} caused by {root}")),
        );
        wanted.extend(
            check
                .milder
                .iter()
                .map(|(severity, _)| format!("{id} {severity:?}")),
        );
        wanted.extend(check.explains.iter().map(|_| format!("{id} explains")));
        if check.proven_when.is_some() {
            wanted.extend([format!("{id} Proven"), format!("{id} Predicted")]);
        }
    }
    let missing: Vec<_> = wanted
        .iter()
        .filter(|want| !reached.contains(*want))
        .collect();
    assert!(missing.is_empty(), "no case shows: {missing:#?}");
}
