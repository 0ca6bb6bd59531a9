//! The findings of one runner and their fixes, without repetition.

use super::grouped_findings::{
    Fix, Group, by_reason, first_why, fixes, group, hidden_by, hidden_by_none, place, remarks,
};
use super::page::Page;
use super::short::severity_ink;
use super::terminal::{Ink, Mark, Style};
use super::verdict::few;
use crate::diagnosis::{Finding, Severity, Unknown};
use std::collections::HashMap;

/// What the report has already printed, and for which finding.
#[derive(Default)]
pub(super) struct Told<'a> {
    why: HashMap<&'a str, &'a Finding>,
    fixes: HashMap<(&'a str, &'a str), &'a Finding>,
}

pub(super) fn write<'a>(
    page: &mut Page<'_>,
    findings: &[&'a Finding],
    unknowns: &[&'a Unknown],
    told: &mut Told<'a>,
) {
    for group in group(findings) {
        page.gap();
        let Some(first) = group.roots.first().copied() else {
            continue;
        };
        write_places(page, &group.roots);
        write_why(page, first, told);
        write_cures(page, &group.roots, told);
        write_consequences(page, &group.consequences);
        write_unseen(page, &group, unknowns);
    }
    write_unknowns(page, &hidden_by_none(findings, unknowns));
}

/// Findings that fail builds now get a sentence each; beyond this number, only their names.
const MOST_ERRORS: usize = 3;

/// The problems, one sentence per finding, so that they fit a screen with the layers and the fixes.
pub(super) fn write_found(page: &mut Page<'_>, findings: &[&Finding], unknowns: &[&Unknown]) {
    for group in group(findings) {
        let Some(first) = group.roots.first() else {
            continue;
        };
        write_header(page, 0, first, "");
        for root in &group.roots {
            page.prose(4, Ink::Plain, &root.message);
        }
        let is_error = |f: &&&Finding| f.severity == Severity::Error;
        let errors = group.consequences.iter().filter(is_error);
        for error in errors.clone().take(MOST_ERRORS) {
            page.labeled(4, "Fixed with it:", Ink::Plain, &error.message);
        }
        let others = group.consequences.iter().filter(|f| !is_error(f));
        let others = errors.skip(MOST_ERRORS).chain(others);
        let others: Vec<&str> = others.map(|f| f.check.as_str()).collect();
        if !others.is_empty() {
            page.labeled(4, "Fixed with it:", Ink::Plain, &few(others, 3));
        }
        let unseen = hidden_by(&group, unknowns);
        if !unseen.is_empty() {
            page.labeled(4, "Checks blocked by this:", Ink::Plain, &few(unseen, 3));
        }
    }
}

/// The lines of a report that fits one screen.
const SCREEN: usize = 40;
/// The lines after the fixes: how to apply them, the verdict, the next command.
const TAIL: usize = 6;

/// One fix per finding; snippets to paste as long as there is room, for findings that fail builds
/// first.
pub(super) fn write_fixes(page: &mut Page<'_>, findings: &[&Finding], unknowns: &[&Unknown]) {
    let groups = group(findings);
    let fixes = groups.iter().flat_map(|group| {
        let first = fixes(&group.roots).into_iter().filter(|fix| fix.rank == 0);
        first.map(|fix| (fix.places(&group.roots).is_some(), fix))
    });
    let fixes: Vec<(bool, Fix<'_>)> = fixes.collect();
    let is_replaced = |fix: &Fix<'_>| {
        let change = fix.remedy.change.as_ref();
        change.is_some_and(|change| matches!(&*change.place.kind, "Job" | "Pod"))
    };
    page.gap();
    for (at, (of_some, fix)) in fixes.iter().enumerate() {
        let finding = fix.fixes[0];
        let engine = finding.engine.as_deref().filter(|_| *of_some);
        let engine = engine
            .map(|engine| format!(" ({engine})"))
            .unwrap_or_default();
        let mark = page.style.mark(mark_of(finding.severity));
        let label = format!("{mark} fix {}{engine}:", finding.check);
        page.labeled(0, &label, Ink::Plain, fix.title());
        let snippet = fix.remedy.snippet.trim();
        let rest = 2 * (fixes.len() - at - 1) + TAIL;
        if page.lines() + snippet.lines().count() + rest <= SCREEN {
            page.verbatim(6, snippet);
        }
    }
    if fixes.iter().any(|(_, fix)| is_replaced(fix)) {
        let text = "Jobs and Pods must be replaced: kubectl replace --force -f FILE.";
        page.prose(0, Ink::Dim, text);
    }
    write_unknowns(page, &hidden_by_none(findings, unknowns));
}

fn mark_of(severity: Severity) -> Mark {
    match severity {
        Severity::Error => Mark::Wrong,
        Severity::Warning => Mark::Warning,
        Severity::Info => Mark::Info,
    }
}

/// The names of checks that are unknown because of a finding.
fn write_unseen(page: &mut Page<'_>, group: &Group<'_>, unknowns: &[&Unknown]) {
    let unseen = hidden_by(group, unknowns);
    if !unseen.is_empty() {
        page.gap();
        let checks = unseen.join(", ");
        page.labeled(4, "Checks blocked by this:", Ink::Plain, &checks);
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
    let mark = page.style.mark(mark_of(finding.severity));
    let lead = format!("{mark} {}  ", finding.severity.word());
    let name = format!("{}{}", finding.check, remarks(finding));
    let lead = (severity_ink(finding.severity), lead.as_str());
    page.heading(indent, lead, (Ink::Bold, &name), place);
}

/// The first paragraph only; `explain` has the rest.
pub(super) fn write_why<'a>(page: &mut Page<'_>, finding: &'a Finding, told: &mut Told<'a>) {
    let first = first_why(finding);
    if first.is_empty() {
        return;
    }
    page.gap();
    if let Some(earlier) = told.why.insert(&finding.check, finding) {
        page.labeled(4, "why:", Ink::Plain, &above(earlier, finding));
        return;
    }
    page.labeled(4, "why:", Ink::Plain, first);
    let Style {
        program,
        check_files,
        ..
    } = page.style;
    let more = format!("more: {program} explain {}{check_files}", finding.check);
    let address = crate::checks::page(&finding.check);
    page.link(4, Ink::Dim, &more, address.as_deref());
}

pub(super) fn write_cures<'a>(page: &mut Page<'_>, roots: &[&'a Finding], told: &mut Told<'a>) {
    for fix in fixes(roots) {
        page.gap();
        let word = fix.word();
        let label = match fix.places(roots) {
            None => format!("{word}:"),
            Some(places) => {
                let places = places.join(" and ");
                page.prose(4, Ink::Bold, &format!("{word} for {places}:"));
                String::new()
            }
        };
        let title = fix.title();
        let key = (title, fix.remedy.snippet.as_str());
        if let Some(earlier) = told.fixes.get(&key) {
            let title = format!("{title} ({})", above(earlier, fix.fixes[0]));
            page.labeled(4, &label, Ink::Plain, &title);
            continue;
        }
        told.fixes.insert(key, fix.fixes[0]);
        page.labeled(4, &label, Ink::Plain, title);
        if !fix.remedy.snippet.trim().is_empty() {
            page.gap();
            page.verbatim(6, &fix.remedy.snippet);
        }
    }
}

fn above(earlier: &Finding, finding: &Finding) -> String {
    match earlier.runner == finding.runner {
        true => format!("as for {} above", earlier.check),
        false => format!("as for {} above", earlier.runner),
    }
}

fn write_consequences(page: &mut Page<'_>, consequences: &[&Finding]) {
    if consequences.is_empty() {
        return;
    }
    page.gap();
    page.labeled(4, "fixed with it:", Ink::Plain, "");
    for finding in consequences {
        write_header(page, 6, finding, &place(finding));
        page.prose(10, Ink::Plain, &finding.message);
    }
}

/// Unknowns by reason, each with the checks that it blocks.
pub(super) fn write_unknowns(page: &mut Page<'_>, unknowns: &[&Unknown]) {
    for blind in by_reason(unknowns) {
        page.gap();
        let places = blind.places().join(", ");
        let checks = blind.checks();
        let (name, rest) = match checks.as_slice() {
            [one] => (*one, places.as_str()),
            _ => (places.as_str(), ""),
        };
        let lead = format!("{} unknown  ", page.style.mark(Mark::Unknown));
        page.heading(0, (Ink::Doubtful, &lead), (Ink::Bold, name), rest);
        page.prose(4, Ink::Plain, &blind.sentence());
    }
}

/// Findings shared by many runners, in a few lines: place, problem and fix; snippets to paste only if
/// there is room.
pub(super) fn write_brief(
    page: &mut Page<'_>,
    findings: &[&Finding],
    unknowns: &[&Unknown],
    most_lines: usize,
) {
    for group in group(findings) {
        page.gap();
        let mut places: Vec<String> = group.roots.iter().map(|root| place(root)).collect();
        if places.len() > 2 {
            places = vec![places.swap_remove(0), format!("{} more", places.len())];
        }
        write_header(page, 0, group.roots[0], &places.join(" and "));
        page.prose(4, Ink::Plain, &group.roots[0].message);
        let told: Vec<Fix<'_>> = fixes(&group.roots);
        for fix in told.iter().filter(|fix| fix.rank == 0).take(2) {
            page.labeled(4, "fix:", Ink::Plain, fix.title());
            let snippet = fix.remedy.snippet.trim();
            if !snippet.is_empty() && page.lines() + snippet.lines().count() + 2 <= most_lines {
                page.gap();
                page.verbatim(6, snippet);
                page.gap();
            }
        }
        let others = group.consequences.iter().map(|f| f.check.as_str());
        if !group.consequences.is_empty() {
            page.labeled(4, "fixed with it:", Ink::Plain, &few(others, 3));
        }
        let unseen = hidden_by(&group, unknowns);
        if !unseen.is_empty() {
            page.labeled(4, "Checks blocked by this:", Ink::Plain, &few(unseen, 3));
        }
    }
}
