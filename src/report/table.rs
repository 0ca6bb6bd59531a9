//! The report for people: healthy runners in a line, then each sick one from the ethernet down.

use super::findings::{self, Told};
use super::layers;
use super::page::Page;
use super::terminal::{Ink, Mark, Style};
use crate::diagnosis::{Diagnosis, ExaminedRunner, Finding, Unknown, Verdict};
use crate::evidence::Provider;

/// Everything the diagnosis says of one runner, or of something it names like one.
struct Patient<'a> {
    name: &'a str,
    examined: Option<&'a ExaminedRunner>,
    findings: Vec<&'a Finding>,
    unknowns: Vec<&'a Unknown>,
}

impl Patient<'_> {
    fn is_healthy(&self) -> bool {
        let unseen = self.examined.is_some_and(|runner| runner.unseen);
        self.findings.is_empty() && self.unknowns.is_empty() && !unseen
    }
}

pub(super) fn render(diagnosis: &Diagnosis, style: &Style) -> String {
    let mut page = Page::new(style);
    let (healthy, sick): (Vec<_>, Vec<_>) = patients(diagnosis)
        .into_iter()
        .partition(Patient::is_healthy);
    for patient in &healthy {
        write_healthy(&mut page, patient);
    }
    let mut told = Told::default();
    for patient in &sick {
        page.gap();
        write_header(&mut page, patient);
        if let Some(runner) = patient.examined {
            page.gap();
            layers::write(&mut page, &runner.layers);
            write_unseen(&mut page, runner);
        }
        findings::write(&mut page, &patient.findings, &patient.unknowns, &mut told);
    }
    write_summary(&mut page, diagnosis);
    page.into_string()
}

/// In the order of the evidence; what is not among the runners (a file, a cluster) comes after.
fn patients(diagnosis: &Diagnosis) -> Vec<Patient<'_>> {
    let mut names: Vec<&str> = diagnosis.runners.iter().map(|r| r.name.as_str()).collect();
    let others = diagnosis.findings.iter().map(|f| &f.runner);
    for name in others.chain(diagnosis.unknowns.iter().map(|u| &u.runner)) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let patient = |name| Patient {
        name,
        examined: diagnosis.runners.iter().find(|r| r.name == name),
        findings: diagnosis
            .findings
            .iter()
            .filter(|f| f.runner == name)
            .collect(),
        unknowns: diagnosis
            .unknowns
            .iter()
            .filter(|u| u.runner == name)
            .collect(),
    };
    names.into_iter().map(patient).collect()
}

fn write_healthy(page: &mut Page<'_>, patient: &Patient<'_>) {
    let layers = patient.examined.map_or(&[][..], |runner| &runner.layers);
    let judged = layers
        .iter()
        .filter(|layer| layer.carrier.is_some())
        .count();
    let networks = match judged {
        0 => "no Docker network to judge".into(),
        1 => "1 network fits".into(),
        many => format!("{many} networks fit"),
    };
    let mut engines: Vec<_> = layers
        .iter()
        .filter_map(|layer| layer.engine.as_deref())
        .collect();
    engines.sort_unstable();
    engines.dedup();
    let engines = count(engines.len(), "engine");
    let lead = format!("{} ", page.style.mark(Mark::Fine));
    let rest = format!("healthy: {networks}, {engines}");
    page.heading(0, (Ink::Good, &lead), (Ink::Plain, patient.name), &rest);
}

fn write_header(page: &mut Page<'_>, patient: &Patient<'_>) {
    let what = patient.examined.map_or(String::new(), |runner| {
        let node = runner
            .node
            .as_deref()
            .map(|node| format!(" on node {node}"));
        provider(runner.provider).to_owned() + &node.unwrap_or_default()
    });
    page.heading(0, (Ink::Plain, ""), (Ink::Bold, patient.name), &what);
}

fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::Bitbucket => "bitbucket runner",
        Provider::GithubArc => "GitHub ARC runner",
        Provider::Gitlab => "GitLab runner",
        Provider::Generic => "Docker-in-Docker",
    }
}

fn write_unseen(page: &mut Page<'_>, runner: &ExaminedRunner) {
    if runner.unseen {
        page.gap();
        let text = "Neither its engine nor its pod network could be seen: nothing is known of it.";
        page.prose(2, Ink::Doubtful, text);
    }
}

pub(super) fn write_summary(page: &mut Page<'_>, diagnosis: &Diagnosis) {
    page.gap();
    if let Some(reason) = &diagnosis.incomplete {
        page.labelled(
            0,
            "Incomplete:",
            Ink::Doubtful,
            &format!("{reason}. There was more to see."),
        );
    }
    if diagnosis.runners.is_empty() && diagnosis.findings.is_empty() {
        let lead = format!("{} nothing examined: ", page.style.mark(Mark::Unknown));
        let what = (Ink::Plain, "no runner was found");
        page.heading(0, (Ink::Doubtful, &lead), what, "");
        return;
    }
    let (mark, word, ink) = match diagnosis.verdict {
        Verdict::Failing => (Mark::Wrong, "failing", Ink::Bad),
        Verdict::Healthy if diagnosis.incomplete.is_none() => match diagnosis.findings.is_empty() {
            true => (Mark::Fine, "healthy", Ink::Good),
            false => (Mark::Fine, "passing", Ink::Good),
        },
        _ => (Mark::Unknown, "incomplete", Ink::Doubtful),
    };
    let summary = &diagnosis.summary;
    let counts = [
        (summary.error, "error"),
        (summary.warning, "warning"),
        (summary.info, "info"),
    ];
    let mut parts: Vec<_> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, w)| count(*n, w))
        .collect();
    if summary.unknown > 0 {
        parts.push(format!("{} unknown", summary.unknown));
    }
    if !diagnosis.suppressed.is_empty() {
        parts.push(format!("{} suppressed", diagnosis.suppressed.len()));
    }
    if summary.known > 0 {
        parts.push(format!("{} known", summary.known));
    }
    if parts.is_empty() {
        parts.push("nothing found".into());
    }
    let scope = format!(
        "{}, {}",
        count(summary.runners, "runner"),
        count(summary.engines, "engine")
    );
    let lead = format!("{} {word}: ", page.style.mark(mark));
    let counts = (Ink::Plain, &*parts.join(", "));
    page.heading(0, (ink, &lead), counts, &format!("({scope})"));
}

pub(super) fn count(n: usize, word: &str) -> String {
    match (n, word) {
        (1, _) | (_, "info") => format!("{n} {word}"),
        _ => format!("{n} {word}s"),
    }
}
