//! The report as a ticket: content and length fit the forms of Jira, GitHub and GitLab.

mod environment;
mod escape;

use super::grouped_findings::{
    Group, first_why, fixes, group, hidden_by, hidden_by_none, places, reasons, remarks,
};
use super::identical_runners::{Cohort, cohorts};
use super::log;
use super::verdict::{self, count, few, is_empty, outcome};
use crate::checks::page;
use crate::diagnosis::{Diagnosis, Finding, Layer, Unknown};
use escape::{code, fence, prose};
use std::collections::HashSet;

/// Jira's limit is 32,767 characters; the others accept more.
const MOST: usize = 32_000;
const MOST_ROWS: usize = 60;
const MOST_NAMES: usize = 20;
const MOST_REASONS: usize = 20;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let cohorts = cohorts(diagnosis);
    let opening = opening(diagnosis, &cohorts);
    let ending = of_log(diagnosis)
        + &unseen(&cohorts)
        + &environment::section(diagnosis)
        + &reproduction(diagnosis);
    let mut room = MOST.saturating_sub(length(&opening) + length(&ending) + 200);
    let mut out = opening;
    let mut told = HashSet::new();
    let mut left_out = 0;
    for cohort in cohorts.iter().filter(|cohort| !cohort.is_healthy()) {
        for (findings, part) in parts(cohort, &mut told) {
            match room.checked_sub(length(&part)) {
                Some(rest) if left_out == 0 => {
                    room = rest;
                    out += &part;
                }
                _ => left_out += findings,
            }
        }
    }
    if left_out > 0 {
        out += &format!(
            "{} do not fit into a ticket: see the HTML or JSON report.\n\n",
            count(left_out, "finding")
        );
    }
    out + ending.trim_end() + "\n"
}

/// The known errors in a job's log, and whether they were found.
fn of_log(diagnosis: &Diagnosis) -> String {
    let Some(reading) = &diagnosis.log else {
        return String::new();
    };
    let mut out = format!("## {}\n\n", prose(&log::heading(reading)));
    for error in log::shown(reading).take(MOST_NAMES) {
        let (state, quoted) = (log::state(error), log::quoted(error));
        out += &format!(
            "- {}: {}: {}\n",
            code(&error.check),
            prose(&state),
            code(&quoted)
        );
    }
    out + "\n"
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn opening(diagnosis: &Diagnosis, cohorts: &[Cohort<'_>]) -> String {
    let outcome = outcome(diagnosis);
    let mut out = format!("# runner-doctor: {}\n\n**{}**", outcome.word, outcome.found);
    if !is_empty(diagnosis) {
        out += &format!(" ({})", outcome.scope);
    }
    out += "\n\n";
    if let Some(reason) = &diagnosis.incomplete {
        out += &format!(
            "**Incomplete:** {}. Results are partial.\n\n",
            prose(reason)
        );
    }
    let healthy: Vec<&Cohort<'_>> = cohorts.iter().filter(|c| c.is_healthy()).collect();
    for cohort in healthy.iter().take(MOST_NAMES) {
        out += &format!("- {} {}\n", names(cohort), verdict::healthy(cohort.first()));
    }
    if healthy.len() > MOST_NAMES {
        out += &format!("- and {} more\n", healthy.len() - MOST_NAMES);
    }
    match healthy.is_empty() {
        true => out,
        false => out + "\n",
    }
}

fn names(cohort: &Cohort<'_>) -> String {
    let names: Vec<String> = cohort.names.iter().map(|name| code(name)).collect();
    few(names.iter().map(String::as_str), MOST_NAMES)
}

/// The sections of a cohort, each with the number of findings in it.
fn parts<'a>(cohort: &Cohort<'a>, told: &mut HashSet<&'a str>) -> Vec<(usize, String)> {
    let mut parts = vec![(0, header(cohort))];
    for group in group(&cohort.findings) {
        let findings = group.roots.len() + group.consequences.len();
        parts.push((findings, of_group(&group, &cohort.unknowns, told)));
    }
    parts
}

fn header(cohort: &Cohort<'_>) -> String {
    let mut out = format!("## {}\n\n", names(cohort));
    let Some(runner) = cohort.first() else {
        return out;
    };
    let mut about = vec![runner.title().to_owned()];
    let listed = |names: Vec<(&str, usize)>| {
        let names: Vec<String> = names.iter().map(|(name, _)| code(name)).collect();
        few(names.iter().map(String::as_str), MOST_NAMES)
    };
    if runner.node.is_some() {
        about.push(format!("on {}", listed(cohort.nodes())));
    }
    if !runner.images.is_empty() {
        about.push(format!("engine image {}", listed(cohort.images())));
    }
    out += &format!("{}\n\n", about.join(", "));
    if !cohort.same_cures {
        out += &format!(
            "The fixes use the names of {}; apply them to each of the others under its own names.\n\n",
            code(cohort.names[0])
        );
    }
    if cohort.is_unseen() {
        out += &format!("{}\n\n", verdict::UNSEEN);
    }
    out + &table(&runner.layers)
}

fn table(layers: &[Layer]) -> String {
    if layers.is_empty() {
        return String::new();
    }
    let mut out = String::from("| MTU | Layer | Engine | What runs it |\n|---|---|---|---|\n");
    for layer in layers.iter().take(MOST_ROWS) {
        let engine = layer.engine.as_deref().filter(|e| *e != layer.name);
        out += &format!(
            "| {} | {}{} | {} | {} |\n",
            mtu(layer),
            layer.kind.lead(),
            code(&layer.name),
            code(engine.unwrap_or_default()),
            remark(layer)
        );
    }
    if layers.len() > MOST_ROWS {
        out += &format!("| | and {} more | | |\n", layers.len() - MOST_ROWS);
    }
    out + "\n"
}

fn mtu(layer: &Layer) -> String {
    match (layer.mtu, &layer.carrier) {
        (Some(mtu), Some(carrier)) if layer.inverted => {
            format!("**{mtu}**, more than {}", carrier.mtu)
        }
        (Some(mtu), _) => mtu.to_string(),
        (None, _) => "?".to_owned(),
    }
}

fn remark(layer: &Layer) -> String {
    let carrier = layer.carrier.as_ref().filter(|_| layer.inverted);
    let too_wide = carrier.map(|carrier| format!("does not fit {}", code(&carrier.name)));
    let clamped = layer.inverted && layer.clamped;
    let clamped = clamped.then(|| "TCP MSS is clamped by a TCPMSS rule".to_owned());
    let own = [layer.runs.as_deref(), layer.note.as_deref()];
    let own = own.map(|text| text.map(prose).filter(|text| !text.is_empty()));
    let [runs, note] = own;
    let parts = [runs, too_wide, clamped, note];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn of_group<'a>(group: &Group<'a>, unknowns: &[&Unknown], told: &mut HashSet<&'a str>) -> String {
    let first = group.roots[0];
    let severity = first.severity.word();
    let mut out = format!(
        "### {severity}: {}{}\n\n",
        code(&first.check),
        remarks(first)
    );
    for root in &group.roots {
        out += &format!("- {}{}\n", at(root), prose(&root.message));
    }
    out.push('\n');
    let why = first_why(first);
    if !why.is_empty() && told.insert(&first.check) {
        let page = page(&first.check).map(|page| format!(" ([more]({page}))"));
        out += &format!("**Why:** {}{}\n\n", prose(why), page.unwrap_or_default());
    }
    for fix in fixes(&group.roots) {
        let places = fix.places(&group.roots).map(|places| {
            let places: Vec<String> = places.iter().map(|place| code(place)).collect();
            format!(" for {}", places.join(" and "))
        });
        let word = match fix.word() {
            "fix" => "Fix",
            "and" => "And",
            _ => "Or",
        };
        let places = places.unwrap_or_default();
        out += &format!("**{word}{places}:** {}\n\n", prose(fix.title()));
        if !fix.remedy.snippet.trim().is_empty() {
            out += &format!("{}\n", fence(&fix.remedy.snippet));
        }
    }
    if !group.consequences.is_empty() {
        out += "Fixed with it:\n\n";
        for finding in &group.consequences {
            let severity = finding.severity.word();
            let check = code(&finding.check);
            out += &format!(
                "- {severity} {check}: {}{}\n",
                at(finding),
                prose(&finding.message)
            );
        }
        out.push('\n');
    }
    let unseen = hidden_by(group, unknowns);
    if !unseen.is_empty() {
        let unseen: Vec<String> = unseen.into_iter().map(code).collect();
        out += &format!("Checks blocked by this: {}\n\n", unseen.join(", "));
    }
    out
}

/// Where: the line in a file, or else the engine and subject.
fn at(finding: &Finding) -> String {
    if let Some(at) = &finding.location {
        return format!(
            "{}: ",
            code(&format!("{}:{}:{}", at.file, at.line, at.column))
        );
    }
    let places: Vec<String> = places(finding).into_iter().map(code).collect();
    match places.is_empty() {
        true => String::new(),
        false => format!("{}: ", places.join(", ")),
    }
}

fn unseen(cohorts: &[Cohort<'_>]) -> String {
    let unknowns = cohorts
        .iter()
        .flat_map(|c| hidden_by_none(&c.findings, &c.unknowns));
    let unknowns: Vec<&Unknown> = unknowns.collect();
    let reasons = reasons(&unknowns);
    if reasons.is_empty() {
        return String::new();
    }
    let mut out = String::from("## What could not be examined\n\n");
    for reason in reasons.iter().take(MOST_REASONS) {
        let checks: Vec<String> = reason.checks().into_iter().map(code).collect();
        let places: Vec<String> = reason.places().into_iter().map(code).collect();
        let checks = few(checks.iter().map(String::as_str), MOST_NAMES);
        let places = few(places.iter().map(String::as_str), MOST_NAMES);
        let places = if places.is_empty() {
            places
        } else {
            format!(" ({places})")
        };
        out += &format!("- {checks}{places}: {}\n", prose(&reason.reason));
    }
    if reasons.len() > MOST_REASONS {
        out += &format!("- and {} more reasons\n", reasons.len() - MOST_REASONS);
    }
    out + "\n"
}

fn reproduction(diagnosis: &Diagnosis) -> String {
    match &diagnosis.environment.command {
        Some(command) => format!("## To reproduce\n\n{}\n", fence(command)),
        None => String::new(),
    }
}
