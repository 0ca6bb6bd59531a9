//! Comparing recordings of one runner in its states.

use super::{Comparison, History, Trait};
use crate::checks::{Library, judge};
use crate::diagnosis::{Diagnosis, Severity};
use crate::evidence::{Evidence, Observation, Why};

fn recording(name: &str) -> Evidence {
    let text = match name {
        "article" => include_str!("../../tests/recordings/demo/article.yaml"),
        "half-fixed" => include_str!("../../tests/recordings/demo/half-fixed.yaml"),
        _ => include_str!("../../tests/recordings/demo/cured.yaml"),
    };
    Evidence::parse(text, name).unwrap()
}

fn diagnose(evidence: &Evidence) -> Diagnosis {
    let judgement = judge(Library::shared(), evidence);
    let fail_on = Some(Severity::Error);
    Diagnosis::new(evidence, judgement.findings, judgement.unknowns, fail_on)
}

fn compare(old: &Evidence, new: &Evidence) -> Comparison {
    Comparison::new(&diagnose(old), &diagnose(new))
}

fn places(findings: &[crate::diagnosis::Finding]) -> Vec<String> {
    let place = |f: &crate::diagnosis::Finding| {
        format!("{} {}", f.check, f.engine.as_deref().unwrap_or("-"))
    };
    findings.iter().map(place).collect()
}

#[test]
fn the_article_is_mended_step_by_step() {
    let (article, half) = (recording("article"), recording("half-fixed"));
    let step = compare(&article, &half);
    assert_eq!(
        places(&step.fixed),
        [
            "oom-score-overflow docker-in-docker",
            "mtu-inversion docker-in-docker",
            // Its engine has the version of the node's Docker now.
            "docker-version-mismatch docker-in-docker"
        ]
    );
    assert_eq!(step.new, []);
    assert_eq!(step.unseen, []);
    assert!(
        places(&step.unchanged).contains(&"mtu-inversion docker-in-docker/bb_docker".to_owned())
    );
    let mtus: Vec<_> = step
        .layers
        .iter()
        .filter(|l| l.what == Trait::Mtu)
        .collect();
    assert_eq!(mtus.len(), 1);
    assert_eq!(
        (mtus[0].old.as_deref(), mtus[0].new.as_deref()),
        (Some("1500"), Some("1300"))
    );
    let back = compare(&half, &article);
    assert!(back.fails(Some(Severity::Error)));
    assert_eq!(places(&back.new), places(&step.fixed));
    assert!(compare(&half, &half).is_empty());
}

#[test]
fn what_is_seen_no_more_is_not_fixed() {
    let article = recording("article");
    let mut blind = article.clone();
    blind.runners[0].engines =
        Observation::Unobserved(crate::evidence::Reason::prose(Why::Forbidden, "hidden"));
    let diff = compare(&article, &blind);
    assert_eq!(places(&diff.fixed), Vec::<String>::new());
    assert!(places(&diff.unseen).contains(&"mtu-inversion docker-in-docker".to_owned()));
    let mut idle = article.clone();
    if let Observation::Observed(engines) = &mut idle.runners[0].engines {
        engines.retain(|engine| engine.depth() == 0);
    }
    let diff = compare(&article, &idle);
    assert_eq!(
        places(&diff.unseen),
        ["mtu-inversion docker-in-docker/bb_docker"]
    );
    assert_eq!(places(&diff.fixed), Vec::<String>::new());
}

#[test]
fn a_recreated_pod_is_the_same_runner_and_a_lost_one_is_not_fixed() {
    let article = recording("article");
    let mut anew = article.clone();
    anew.runners[0].pod = "runner-x7k2p".into();
    assert!(compare(&article, &anew).is_empty());
    let mut none = article.clone();
    none.runners.clear();
    let diff = compare(&article, &none);
    assert_eq!((diff.gone.len(), diff.fixed.len()), (1, 0));
    assert_eq!(diff.unseen.len(), diagnose(&article).findings.len());
}

#[test]
fn what_became_worse_is_new() {
    let old = diagnose(&recording("article"));
    let mut new = old.clone();
    new.findings.last_mut().unwrap().severity = Severity::Error;
    let diff = Comparison::new(&old, &new);
    assert_eq!(diff.new.len(), 1);
    let known = new.clone().with_baseline(&old, Some(Severity::Error));
    assert_eq!(known.findings.iter().filter(|f| !f.known).count(), 1);
}

/// The nested engine ends with its step: between two, nothing is known of it.
#[test]
fn a_nested_engine_that_comes_back_fixed_is_fixed() {
    let (broken, fixed) = (recording("half-fixed"), recording("cured"));
    let mut idle = broken.clone();
    if let Observation::Observed(engines) = &mut idle.runners[0].engines {
        engines.retain(|engine| engine.depth() == 0);
    }
    let nested = "mtu-inversion docker-in-docker/bb_docker".to_owned();
    let mut history = History::new(diagnose(&broken));
    assert!(places(&history.add(diagnose(&idle)).unseen).contains(&nested));
    let waiting = history.add(diagnose(&idle));
    assert_eq!((waiting.unseen, waiting.fixed), (vec![], vec![]));
    let back = history.add(diagnose(&fixed));
    assert_eq!(places(&back.fixed), std::slice::from_ref(&nested));
    assert_eq!(history.add(diagnose(&fixed)).fixed, []);

    let mut history = History::new(diagnose(&broken));
    history.add(diagnose(&idle));
    assert!(places(&history.add(diagnose(&broken)).new).contains(&nested));
    assert_eq!(history.add(diagnose(&fixed)).fixed.len(), 1);
}
