//! The report for people: healthy runners in one line, then each faulty runner from the node uplink
//! down; identical runners are grouped.

use super::findings::{self, Told};
use super::fleet;
use super::identical_runners::{Cohort, cohorts};
use super::layers;
use super::log;
use super::page::Page;
use super::terminal::{Ink, Mark, Style};
use super::verdict::{self, count, few, outcome};
use crate::diagnosis::Diagnosis;

/// More healthy runners than these share a line.
const HEALTHY_LINES: usize = 3;

pub(super) fn render(diagnosis: &Diagnosis, style: &Style) -> String {
    let mut page = Page::new(style);
    let (healthy, sick): (Vec<_>, Vec<_>) =
        cohorts(diagnosis).into_iter().partition(Cohort::is_healthy);
    if fleet::is_one(diagnosis) && !sick.is_empty() {
        fleet::write(&mut page, diagnosis, &healthy, &sick);
        write_summary(&mut page, diagnosis);
        return page.into_string();
    }
    for cohort in &healthy {
        write_healthy(&mut page, cohort);
    }
    let mut told = Told::default();
    for cohort in &sick {
        page.gap();
        write_header(&mut page, cohort);
        if !style.full {
            page.gap();
            findings::write_found(&mut page, &cohort.findings, &cohort.unknowns);
        }
        if let Some(runner) = cohort.first() {
            page.gap();
            layers::write(&mut page, &runner.layers);
        }
        if cohort.is_unseen() {
            page.gap();
            page.prose(2, Ink::Doubtful, verdict::UNSEEN);
        }
        match style.full {
            true => findings::write(&mut page, &cohort.findings, &cohort.unknowns, &mut told),
            false => findings::write_fixes(&mut page, &cohort.findings, &cohort.unknowns),
        }
    }
    write_summary(&mut page, diagnosis);
    page.into_string()
}

fn write_healthy(page: &mut Page<'_>, cohort: &Cohort<'_>) {
    let lead = format!("{} ", page.style.mark(Mark::Fine));
    let rest = verdict::healthy(cohort.first());
    if cohort.names.len() <= HEALTHY_LINES {
        for name in &cohort.names {
            page.heading(0, (Ink::Good, &lead), (Ink::Plain, name), &rest);
        }
        return;
    }
    let name = count(cohort.names.len(), "runner");
    page.heading(0, (Ink::Good, &lead), (Ink::Plain, &name), &rest);
    fleet::write_names(page, cohort);
}

fn write_header(page: &mut Page<'_>, cohort: &Cohort<'_>) {
    let what = cohort.first().map_or(String::new(), |runner| {
        let nodes = cohort.nodes();
        let word = if nodes.len() > 1 { "nodes" } else { "node" };
        let on = match nodes.is_empty() {
            true => String::new(),
            false => format!(" on {word} {}", few(nodes.iter().map(|(name, _)| *name), 4)),
        };
        runner.title().to_owned() + &on
    });
    page.heading(0, (Ink::Plain, ""), (Ink::Bold, cohort.names[0]), &what);
    if let [first, others @ ..] = &cohort.names[..]
        && !others.is_empty()
    {
        let others = few(others.iter().copied(), 8);
        page.labeled(2, "the same:", Ink::Plain, &others);
        if !cohort.same_cures {
            let text = format!(
                "The fixes use the names of {first}; apply them to each of the others under its own names."
            );
            page.prose(2, Ink::Plain, &text);
        }
    }
}

pub(super) fn write_summary(page: &mut Page<'_>, diagnosis: &Diagnosis) {
    log::write(page, diagnosis);
    page.gap();
    if let Some(reason) = &diagnosis.incomplete {
        let text = format!("{reason}. Results are partial.");
        page.labeled(0, "Incomplete:", Ink::Doubtful, &text);
    }
    write_examination(page, diagnosis);
    let outcome = outcome(diagnosis);
    let lead = format!("{} {}: ", page.style.mark(outcome.mark), outcome.word);
    let found = (Ink::Plain, outcome.found.as_str());
    let scope = match verdict::is_empty(diagnosis) {
        true => String::new(),
        false => format!("({})", outcome.scope),
    };
    page.heading(0, (outcome.ink, &lead), found, &scope);
}

/// When it was looked at, by which version, and what to do next.
fn write_examination(page: &mut Page<'_>, diagnosis: &Diagnosis) {
    let Some(examined) = verdict::examined(diagnosis) else {
        return;
    };
    page.prose(0, Ink::Dim, &format!("Examined {examined}."));
    if page.style.full || diagnosis.findings.is_empty() {
        return;
    }
    let fix = match diagnosis.environment.kubernetes.is_some() {
        true => {
            let Style {
                program, source, ..
            } = page.style;
            format!("`{program} fix{source}` prints patches; ")
        }
        false => String::new(),
    };
    let next = format!("Next: {fix}--full shows why and alternative fixes.");
    page.prose(0, Ink::Dim, &next);
}
