//! The report as a page: one file without external resources, with the layers as a diagram, for a
//! browser, a printer or a screen reader. Its only script adds copy buttons.

mod finding;
mod ladder;
mod text;

use super::grouped_findings::{group, hidden_by_none};
use super::identical_runners::{Cohort, cohorts};
use super::verdict::{self, few, is_empty, outcome};
use crate::diagnosis::{Diagnosis, Verdict};
use finding::{marks, severity};
use k8s_openapi::ByteString;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use text::{prose, text};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/copy.js");
/// Longer lists of names are collapsed.
const MOST_NAMES: usize = 8;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let cohorts = cohorts(diagnosis);
    let mut page = Page::default();
    page.head(diagnosis);
    page.opening(diagnosis);
    page.overview(&cohorts);
    page.out.push_str("<main>\n");
    for (at, cohort) in cohorts.iter().enumerate() {
        page.cohort(at, cohort);
    }
    page.environment(diagnosis);
    let _ = write!(
        page.out,
        "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    );
    page.out
}

/// Allows exactly this style and this script.
fn policy() -> String {
    let digest = |text: &str| {
        let digest = ByteString(Sha256::digest(text.as_bytes()).to_vec());
        let digest = serde_json::to_value(&digest).unwrap_or_default();
        digest.as_str().unwrap_or_default().to_owned()
    };
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

#[derive(Default)]
struct Page<'a> {
    out: String,
    findings: usize,
    /// The findings that already show the reason of a check, and a fix.
    why: HashMap<&'a str, String>,
    fixes: HashMap<(&'a str, &'a str), String>,
}

impl<'a> Page<'a> {
    fn head(&mut self, diagnosis: &Diagnosis) {
        let outcome = outcome(diagnosis);
        // Writing into a String cannot fail, here and below.
        let _ = write!(
            self.out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>runner-doctor: {}, {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
            policy(),
            outcome.word,
            outcome.found
        );
    }

    fn opening(&mut self, diagnosis: &Diagnosis) {
        let outcome = outcome(diagnosis);
        let class = match diagnosis.verdict {
            _ if is_empty(diagnosis) => "unknown",
            Verdict::Failing => "error",
            Verdict::Healthy if diagnosis.incomplete.is_none() => "fine",
            _ => "unknown",
        };
        let scope = match is_empty(diagnosis) {
            true => String::new(),
            false => format!(" <span class=\"quiet\">({})</span>", outcome.scope),
        };
        let _ = writeln!(
            self.out,
            "<header>\n<p class=\"who\">runner-doctor</p>\n<h1 class=\"{class}\">{}</h1>\n<p>{}{scope}</p>",
            outcome.word, outcome.found
        );
        if let Some(reason) = &diagnosis.incomplete {
            let _ = writeln!(
                self.out,
                "<p class=\"unknown\"><b>Incomplete:</b> {}. Results are partial.</p>",
                prose(reason)
            );
        }
        self.out.push_str("</header>\n");
    }

    /// An overview, if there is more than one cohort.
    fn overview(&mut self, cohorts: &[Cohort<'_>]) {
        if cohorts.len() < 2 {
            self.contents(cohorts);
            return;
        }
        self.out
            .push_str("<nav aria-label=\"Runners\">\n<ul class=\"overview\">\n");
        for (at, cohort) in cohorts.iter().enumerate() {
            let (class, sign) = sign(cohort);
            let what = match cohort.is_healthy() {
                true => verdict::healthy(cohort.first()),
                false => worst(cohort),
            };
            let name = together(cohort);
            let _ = writeln!(
                self.out,
                "<li><a class=\"{class}\" href=\"#r{at}\"><span aria-hidden=\"true\">{sign}</span> {name}</a> <span class=\"quiet\">{}</span></li>",
                prose(&what)
            );
        }
        self.out.push_str("</ul>\n</nav>\n");
    }

    /// The findings of the only cohort, above a diagram that may be long.
    fn contents(&mut self, cohorts: &[Cohort<'_>]) {
        let groups = cohorts.first().map_or(Vec::new(), |c| group(&c.findings));
        if groups.is_empty() {
            return;
        }
        self.out
            .push_str("<nav aria-label=\"Findings\">\n<ul class=\"overview\">\n");
        let mut next = 1;
        for group in &groups {
            let first = group.roots[0];
            let (class, sign) = severity(first.severity);
            let places = match group.roots.len() {
                1 => String::new(),
                many => format!(" in {many} places"),
            };
            let _ = writeln!(
                self.out,
                "<li><a class=\"{class}\" href=\"#f{next}\"><span aria-hidden=\"true\">{sign}</span> {}</a> <span class=\"quiet\">{}{places}</span></li>",
                prose(&first.message),
                text(&first.check)
            );
            next += group.roots.len() + group.consequences.len();
        }
        self.out.push_str("</ul>\n</nav>\n");
    }

    fn cohort(&mut self, at: usize, cohort: &Cohort<'a>) {
        let id = format!("r{at}");
        let _ = writeln!(self.out, "<section id=\"{id}\" aria-labelledby=\"{id}-h\">");
        self.names(&id, cohort);
        let groups = group(&cohort.findings);
        let places = self.number(&groups, cohort);
        if let Some(runner) = cohort.first()
            && !runner.layers.is_empty()
        {
            let marks = marks(&runner.layers, &places);
            ladder::write(&mut self.out, &id, &runner.layers, &marks);
        }
        for group in &groups {
            self.group(&id, group, &cohort.unknowns, &places);
        }
        self.unknowns(&hidden_by_none(&cohort.findings, &cohort.unknowns));
        self.out.push_str("</section>\n");
    }

    fn names(&mut self, id: &str, cohort: &Cohort<'_>) {
        let name = together(cohort);
        let agree = match cohort.names.len() {
            1 => "",
            _ => " that agree",
        };
        let _ = writeln!(self.out, "<h2 id=\"{id}-h\">{name}{agree}</h2>");
        if let Some(runner) = cohort.first() {
            let mut about = vec![runner.title().to_owned()];
            let nodes = cohort.nodes();
            if !nodes.is_empty() {
                let word = if nodes.len() > 1 { "nodes" } else { "node" };
                about.push(format!("on {word} {}", tally(&nodes, cohort)));
            }
            if !runner.images.is_empty() {
                about.push(tally(&cohort.images(), cohort));
            }
            let _ = writeln!(self.out, "<p class=\"quiet\">{}</p>", about.join(", "));
        }
        if cohort.names.len() > 1 {
            self.members(cohort);
        }
        if cohort.is_healthy() {
            let healthy = verdict::healthy(cohort.first());
            let _ = writeln!(self.out, "<p class=\"fine\">✓ {healthy}</p>");
        }
        if cohort.is_unseen() {
            let _ = writeln!(self.out, "<p class=\"unknown\">{}</p>", verdict::UNSEEN);
        }
    }

    fn members(&mut self, cohort: &Cohort<'_>) {
        let names: Vec<String> = cohort.names.iter().map(|name| text(name)).collect();
        if names.len() <= MOST_NAMES {
            let _ = writeln!(self.out, "<p class=\"names\">{}</p>", names.join(", "));
        } else {
            let _ = writeln!(
                self.out,
                "<details><summary>{}</summary>\n<p class=\"names\">{}</p>\n</details>",
                few(names.iter().map(String::as_str), 3),
                names.join(", ")
            );
        }
        if !cohort.same_cures {
            let _ = writeln!(
                self.out,
                "<p>The fixes use the names of <b>{}</b>; apply them to each of the others under its own names.</p>",
                names[0]
            );
        }
    }

    fn environment(&mut self, diagnosis: &Diagnosis) {
        let environment = &diagnosis.environment;
        let examined = verdict::examined(diagnosis);
        let mut facts: Vec<(&str, String)> = vec![match &examined {
            Some(examined) => ("Examined", text(examined)),
            None => ("Version", text(&environment.doctor)),
        }];
        facts.extend(
            environment
                .kubernetes
                .iter()
                .map(|v| ("Kubernetes", text(v))),
        );
        facts.extend(environment.cni.iter().map(|cni| ("Pod network", text(cni))));
        for node in &environment.nodes {
            let about = format!(
                "{}: {}, Linux {}, {}",
                node.name, node.os, node.kernel, node.runtime
            );
            facts.push(("Node", text(&about)));
        }
        let command = environment.command.as_deref().map(text);
        facts.extend(command.map(|command| ("To reproduce", format!("<code>{command}</code>"))));
        facts.retain(|(_, what)| !what.is_empty());
        if facts.is_empty() {
            return;
        }
        self.out
            .push_str("<section id=\"environment\">\n<h2>Environment</h2>\n<dl>\n");
        for (name, what) in facts {
            let _ = writeln!(self.out, "<dt>{name}</dt><dd>{what}</dd>");
        }
        self.out.push_str("</dl>\n</section>\n");
    }
}

/// The name of a cohort, unique on the page.
fn together(cohort: &Cohort<'_>) -> String {
    let first = text(cohort.names[0]);
    match cohort.names.len() {
        1 => first,
        many => format!("{first} and {} more", many - 1),
    }
}

fn sign(cohort: &Cohort<'_>) -> (&'static str, &'static str) {
    match cohort.findings.iter().map(|f| f.severity).max() {
        Some(worst) => severity(worst),
        None if cohort.is_healthy() => ("fine", "✓"),
        None => ("unknown", "?"),
    }
}

/// The worst finding of a cohort, which is the first, and the number of others.
fn worst(cohort: &Cohort<'_>) -> String {
    let Some(first) = cohort.findings.first() else {
        return format!("{} unknown", cohort.unknowns.len());
    };
    match cohort.findings.len() - 1 {
        0 => first.message.clone(),
        more => format!("{}; and {more} more", first.message),
    }
}

fn tally(counts: &[(&str, usize)], cohort: &Cohort<'_>) -> String {
    let told = counts.iter().map(|(name, n)| match cohort.names.len() {
        all if all == *n => text(name),
        _ => format!("{} ({n})", text(name)),
    });
    let told: Vec<String> = told.collect();
    few(told.iter().map(String::as_str), 6)
}
