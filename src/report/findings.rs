//! What is wrong with one runner and what cures it, each thing said once.

use super::page::Page;
use super::short::{severity_ink, severity_word};
use super::terminal::{Ink, Mark};
use crate::diagnosis::{Confidence, Finding, Remedy, Severity, Unknown};
use std::collections::HashMap;

/// What the report has said already, and of which finding.
#[derive(Default)]
pub(super) struct Told<'a> {
    why: HashMap<&'a str, &'a Finding>,
    cures: HashMap<(&'a str, &'a str), &'a Finding>,
}

/// Findings of one check on one runner, and the consequences of each.
struct Group<'a> {
    roots: Vec<&'a Finding>,
    consequences: Vec<&'a Finding>,
}

pub(super) fn write<'a>(page: &mut Page<'_>, findings: &[&'a Finding], told: &mut Told<'a>) {
    for group in group(findings) {
        page.gap();
        let Some(first) = group.roots.first().copied() else {
            continue;
        };
        write_places(page, &group.roots);
        write_why(page, first, told);
        write_cures(page, &group.roots, told);
        write_consequences(page, &group.consequences);
    }
}

fn write_places(page: &mut Page<'_>, roots: &[&Finding]) {
    if let [only] = roots {
        write_header(page, 0, only, &place(only));
        page.prose(4, Ink::Plain, &only.message);
        return;
    }
    write_header(page, 0, roots[0], "");
    for root in roots {
        page.prose(4, Ink::Bold, &place(root));
        page.prose(6, Ink::Plain, &root.message);
    }
}

pub(super) fn write_header(page: &mut Page<'_>, indent: usize, finding: &Finding, place: &str) {
    let mark = page.style.mark(match finding.severity {
        Severity::Error => Mark::Wrong,
        Severity::Warning => Mark::Warning,
        Severity::Info => Mark::Info,
    });
    let lead = format!("{mark} {}  ", severity_word(finding.severity));
    let predicted = match finding.confidence {
        Confidence::Proven => "",
        Confidence::Predicted => " (predicted)",
    };
    let known = if finding.known { " (known)" } else { "" };
    let name = format!("{}{predicted}{known}", finding.check);
    let lead = (severity_ink(finding.severity), lead.as_str());
    page.heading(indent, lead, (Ink::Bold, &name), place);
}

/// `engine, subject`: where to look.
fn place(finding: &Finding) -> String {
    let subject = Some(finding.subject.as_str()).filter(|s| Some(*s) != finding.engine.as_deref());
    let parts = [finding.engine.as_deref(), subject];
    let parts: Vec<_> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(", ")
}

/// The first paragraph only; `explain` has the rest.
pub(super) fn write_why<'a>(page: &mut Page<'_>, finding: &'a Finding, told: &mut Told<'a>) {
    let first = finding.why.trim().split("\n\n").next().unwrap_or_default();
    if first.is_empty() {
        return;
    }
    page.gap();
    if let Some(earlier) = told.why.insert(&finding.check, finding) {
        page.labelled(4, "why:", Ink::Plain, &above(earlier, finding));
        return;
    }
    page.labelled(4, "why:", Ink::Plain, first);
    let more = format!("more: runner-doctor explain {}", finding.check);
    page.prose(4, Ink::Dim, &more);
}

/// A remedy and which of the findings it cures; the first of a finding is its cure, the others
/// would do as well, or go together with the one before.
struct Cure<'a> {
    remedy: &'a Remedy,
    rank: usize,
    cures: Vec<&'a Finding>,
}

pub(super) fn write_cures<'a>(page: &mut Page<'_>, roots: &[&'a Finding], told: &mut Told<'a>) {
    for cure in cures(roots) {
        page.gap();
        let word = match (cure.rank, cure.remedy.together) {
            (0, _) => "cure",
            (_, true) => "and",
            (_, false) => "or",
        };
        let label = if cure.cures.len() == roots.len() {
            format!("{word}:")
        } else {
            let places: Vec<_> = cure.cures.iter().map(|f| place(f)).collect();
            page.prose(
                4,
                Ink::Bold,
                &format!("{word} for {}:", places.join(" and ")),
            );
            String::new()
        };
        let title = cure.remedy.title.trim_end_matches(':');
        let key = (title, cure.remedy.snippet.as_str());
        if let Some(earlier) = told.cures.get(&key) {
            let title = format!("{title} ({})", above(earlier, cure.cures[0]));
            page.labelled(4, &label, Ink::Plain, &title);
            continue;
        }
        told.cures.insert(key, cure.cures[0]);
        page.labelled(4, &label, Ink::Plain, title);
        if !cure.remedy.snippet.trim().is_empty() {
            page.gap();
            page.verbatim(6, &cure.remedy.snippet);
        }
    }
}

fn above(earlier: &Finding, finding: &Finding) -> String {
    match earlier.runner == finding.runner {
        true => format!("as for {} above", earlier.check),
        false => format!("as for {} above", earlier.runner),
    }
}

fn cures<'a>(roots: &[&'a Finding]) -> Vec<Cure<'a>> {
    let mut cures: Vec<Cure<'a>> = Vec::new();
    for root in roots {
        for (rank, remedy) in root.remedies.iter().enumerate() {
            match cures.iter_mut().find(|cure| cure.remedy == remedy) {
                Some(cure) => cure.cures.push(root),
                None => cures.push(Cure {
                    remedy,
                    rank,
                    cures: vec![root],
                }),
            }
        }
    }
    cures.sort_by_key(|cure| cure.rank);
    cures
}

fn write_consequences(page: &mut Page<'_>, consequences: &[&Finding]) {
    if consequences.is_empty() {
        return;
    }
    page.gap();
    page.labelled(4, "the same cure removes:", Ink::Plain, "");
    for finding in consequences {
        write_header(page, 6, finding, &place(finding));
        page.prose(10, Ink::Plain, &finding.message);
    }
}

/// By check, in order of appearance; consequences go to the check of their root.
fn group<'a>(findings: &[&'a Finding]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let (roots, consequences): (Vec<_>, Vec<_>) = findings
        .iter()
        .copied()
        .partition(|finding| root_of(finding, findings).is_none());
    for root in roots {
        match groups.iter_mut().find(|group| alike(group.roots[0], root)) {
            Some(group) => group.roots.push(root),
            None => groups.push(Group {
                roots: vec![root],
                consequences: Vec::new(),
            }),
        }
    }
    for finding in consequences {
        let root = root_of(finding, findings);
        let home = groups.iter_mut().find(|group| {
            let mut roots = group.roots.iter();
            root.is_some_and(|root| roots.any(|r| r.fingerprint == root.fingerprint))
        });
        if let Some(group) = home {
            group.consequences.push(finding);
        }
    }
    groups
}

fn alike(one: &Finding, other: &Finding) -> bool {
    let key = |f: &Finding| {
        (
            f.check.clone(),
            f.severity,
            f.confidence == Confidence::Proven,
            f.known,
        )
    };
    key(one) == key(other)
}

/// The finding at the beginning of the causes; none for a root, or where the cause is not told.
fn root_of<'a>(finding: &'a Finding, all: &[&'a Finding]) -> Option<&'a Finding> {
    let mut at = finding;
    for _ in 0..all.len() {
        let cause = at.caused_by.as_ref();
        let next = cause.and_then(|cause| all.iter().find(|f| f.fingerprint == *cause));
        match next {
            Some(next) => at = next,
            None if std::ptr::eq(at, finding) => return None,
            None => return Some(at),
        }
    }
    // Causes in a circle: nobody is the root, so everybody is.
    None
}

/// What could not be seen, a reason once, with the checks that could not judge for it.
pub(super) fn write_unknowns(page: &mut Page<'_>, unknowns: &[&Unknown]) {
    let mut reasons: Vec<(&str, Vec<&Unknown>)> = Vec::new();
    for unknown in unknowns {
        let reason = unknown.reason.trim();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, same)) => same.push(unknown),
            None => reasons.push((reason, vec![unknown])),
        }
    }
    for (reason, same) in reasons {
        page.gap();
        let lead = format!("{} unknown  ", page.style.mark(Mark::Unknown));
        let checks = distinct(same.iter().map(|u| Some(u.check.as_str()))).join(", ");
        let places = distinct(
            same.iter()
                .map(|u| u.engine.as_deref().or(u.subject.as_deref())),
        );
        let lead = (Ink::Doubtful, lead.as_str());
        page.heading(0, lead, (Ink::Bold, &checks), &places.join(", "));
        page.prose(4, Ink::Plain, reason);
    }
}

fn distinct<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for text in texts.flatten().filter(|text| !text.is_empty()) {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}
