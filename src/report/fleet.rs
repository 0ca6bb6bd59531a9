//! Many runners on one screen: how many are identical, the findings of the largest faulty group,
//! and how the others differ.

use super::findings;
use super::grouped_findings::{by_reason, group, hidden_by_none, remarks};
use super::identical_runners::Cohort;
use super::layers;
use super::page::Page;
use super::short::severity_ink;
use super::terminal::{Ink, Mark};
use super::verdict::{self, count, few};
use crate::diagnosis::{Diagnosis, Layer, LayerKind, Severity, of_pod};
use std::collections::HashSet;

/// The number of runners that can still be read one after another.
const FEW: usize = 8;
/// The number of lines after which no further snippet is started.
const SCREEN: usize = 28;
const MOST_LAYERS: usize = 12;
const MOST_COHORTS: usize = 4;
const MOST_REASONS: usize = 2;

pub(super) fn is_one(diagnosis: &Diagnosis) -> bool {
    diagnosis.runners.len() > FEW
}

pub(super) fn write(
    page: &mut Page<'_>,
    diagnosis: &Diagnosis,
    healthy: &[Cohort<'_>],
    sick: &[Cohort<'_>],
) {
    let all: Vec<&Cohort<'_>> = sick.iter().chain(healthy).collect();
    write_opening(page, diagnosis, &all);
    let told = all.iter().position(|cohort| !cohort.is_healthy());
    let (shown, more) = all.split_at(all.len().min(MOST_COHORTS));
    for (at, cohort) in shown.iter().enumerate() {
        page.gap();
        write_cohort(page, cohort, diagnosis);
        if Some(at) == told {
            write_details(page, cohort);
        } else if !cohort.is_healthy() {
            write_difference(page, cohort);
        }
    }
    if !more.is_empty() {
        let runners = more.iter().map(|cohort| cohort.names.len()).sum();
        page.gap();
        let text = format!(
            "and {} more of {}",
            diagnoses(more.len()),
            count(runners, "runner")
        );
        page.line(&text);
    }
    write_pointer(page, diagnosis, told.map(|at| all[at]));
}

/// `20 runners on 3 nodes: 18 agree, 2 differ`.
fn write_opening(page: &mut Page<'_>, diagnosis: &Diagnosis, all: &[&Cohort<'_>]) {
    let runners = &diagnosis.runners;
    let nodes: HashSet<_> = runners.iter().filter_map(|r| r.node.as_deref()).collect();
    let on = match nodes.len() {
        0 => String::new(),
        many => format!(" on {}", count(many, "node")),
    };
    let most = all.first().map_or(0, |cohort| cohort.names.len());
    let others: usize = all.iter().skip(1).map(|cohort| cohort.names.len()).sum();
    let agreement = match (most, others) {
        (_, 0) => "all identical".to_owned(),
        (1, _) => "all different".to_owned(),
        (most, 1) => format!("{most} identical, 1 different"),
        (most, others) => format!("{most} identical, {others} different"),
    };
    let lead = format!("{}{on}: ", count(runners.len(), "runner"));
    page.heading(0, (Ink::Bold, &lead), (Ink::Bold, &agreement), "");
}

fn diagnoses(n: usize) -> String {
    if n == 1 {
        "1 diagnosis".to_owned()
    } else {
        format!("{n} diagnoses")
    }
}

/// The number, kind and nodes of a cohort's runners.
fn write_cohort(page: &mut Page<'_>, cohort: &Cohort<'_>, diagnosis: &Diagnosis) {
    let (mark, ink) = mark(cohort);
    let lead = format!("{} ", page.style.mark(mark));
    let of = cohort.names.len();
    let name = match cohort.first() {
        Some(_) => format!("{of} of {}", diagnosis.runners.len()),
        None => cohort.names[0].to_owned(),
    };
    let what = match (cohort.first(), cohort.is_healthy()) {
        (first, true) => verdict::healthy(first),
        (Some(runner), _) => runner.title().to_owned(),
        (None, _) => String::new(),
    };
    page.heading(0, (ink, &lead), (Ink::Bold, &name), &what);
    let tally = |counts: Vec<(&str, usize)>| {
        let told = counts.iter().map(|(name, n)| match *n == of {
            true => (*name).to_owned(),
            false => format!("{name} ({n})"),
        });
        let told: Vec<String> = told.collect();
        few(told.iter().map(String::as_str), 3)
    };
    let mut about: Vec<String> = Vec::new();
    if !cohort.nodes().is_empty() {
        about.push(format!("on {}", tally(cohort.nodes())));
    }
    about.push(tally(cohort.images()));
    about.retain(|words| !words.is_empty());
    if !about.is_empty() {
        page.prose(4, Ink::Plain, &about.join("; "));
    }
    if cohort.first().is_some() {
        write_names(page, cohort);
    }
}

pub(super) fn write_names(page: &mut Page<'_>, cohort: &Cohort<'_>) {
    page.prose(4, Ink::Dim, &few(cohort.names.iter().copied(), 4));
}

fn mark(cohort: &Cohort<'_>) -> (Mark, Ink) {
    match cohort.findings.iter().map(|f| f.severity).max() {
        Some(Severity::Error) => (Mark::Wrong, Ink::Bad),
        Some(Severity::Warning) => (Mark::Warning, Ink::Doubtful),
        Some(Severity::Info) if cohort.unknowns.is_empty() => (Mark::Info, Ink::Dim),
        None if cohort.is_healthy() => (Mark::Fine, Ink::Good),
        _ => (Mark::Unknown, Ink::Doubtful),
    }
}

fn write_details(page: &mut Page<'_>, cohort: &Cohort<'_>) {
    if let Some(runner) = cohort.first() {
        page.gap();
        let on_the_way = runner
            .layers
            .iter()
            .filter(|l| l.kind != LayerKind::NodeDocker);
        let all: Vec<Layer> = on_the_way.cloned().collect();
        let shown = all.len().min(MOST_LAYERS);
        layers::write(page, &all[..shown]);
        if shown < all.len() {
            page.line(&format!("  and {} more", all.len() - shown));
        }
    }
    if cohort.is_unseen() {
        page.gap();
        page.prose(2, Ink::Doubtful, verdict::UNSEEN);
    }
    findings::write_brief(page, &cohort.findings, &cohort.unknowns, SCREEN);
    if !hidden_by_none(&cohort.findings, &cohort.unknowns).is_empty() {
        page.gap();
        write_unknown_checks(page, cohort);
    }
}

fn write_difference(page: &mut Page<'_>, cohort: &Cohort<'_>) {
    let groups = group(&cohort.findings);
    if let [first, others @ ..] = &groups[..] {
        let finding = first.roots[0];
        let more = match first.roots.len() {
            1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        let word = finding.severity.word();
        let text = format!(
            "{word} {}{}: {}{more}",
            finding.check,
            remarks(finding),
            finding.message
        );
        page.prose(4, severity_ink(finding.severity), &text);
        if let Some(fix) = finding.remedies.first() {
            page.labeled(4, "fix:", Ink::Plain, fix.title.trim_end_matches(':'));
        }
        if !others.is_empty() {
            let others = others.iter().map(|group| group.roots[0].check.as_str());
            page.labeled(4, "also:", Ink::Plain, &few(others, 4));
        }
    }
    write_unknown_checks(page, cohort);
}

fn write_unknown_checks(page: &mut Page<'_>, cohort: &Cohort<'_>) {
    let blind = by_reason(&hidden_by_none(&cohort.findings, &cohort.unknowns));
    let (shown, more) = blind.split_at(blind.len().min(MOST_REASONS));
    for blind in shown {
        let text = format!("unknown {}: {}", few(blind.checks(), 3), blind.reason);
        page.prose(4, Ink::Doubtful, &text);
    }
    if !more.is_empty() {
        let reasons = count(more.len(), "more reason");
        page.prose(4, Ink::Doubtful, &format!("unknown, {reasons}"));
    }
}

/// Where to find the rest of the report.
fn write_pointer(page: &mut Page<'_>, diagnosis: &Diagnosis, told: Option<&Cohort<'_>>) {
    page.gap();
    let one = told.and_then(|cohort| cohort.names[0].split_once('/'));
    let in_cluster = diagnosis.environment.kubernetes.is_some();
    if let Some((namespace, pod)) = one.filter(|_| in_cluster) {
        page.labeled(
            0,
            "One runner in full:",
            Ink::Plain,
            &of_pod(namespace, pod),
        );
    }
    page.labeled(0, "Full report:", Ink::Plain, "-o html=report.html");
}
