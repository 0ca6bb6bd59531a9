//! The findings of a page: what, where with a link into the diagram, why, and the fixes to paste.

use super::Page;
use super::ladder::Mark;
use super::text::{lines, prose, text};
use crate::checks::page;
use crate::diagnosis::{Finding, Layer, Severity, Unknown};
use crate::report::grouped_findings::{Fix, Group, fixes, hidden_by, place, reasons, remarks};
use crate::report::identical_runners::Cohort;
use std::fmt::Write;

const PASTE: &str = "To paste";

// Writing into a String cannot fail.
impl<'a> Page<'a> {
    /// Assigns every finding its anchor before anything links to it.
    pub(super) fn number(&mut self, groups: &[Group<'a>], cohort: &Cohort<'a>) -> Vec<Placed<'a>> {
        let layers = cohort.first().map_or(&[][..], |runner| &runner.layers);
        let mut placed = Vec::new();
        for group in groups {
            for finding in group.roots.iter().chain(&group.consequences) {
                self.findings += 1;
                placed.push(Placed {
                    finding,
                    id: format!("f{}", self.findings),
                    layer: layer_of(finding, layers),
                });
            }
        }
        placed
    }

    pub(super) fn group(
        &mut self,
        id: &str,
        group: &Group<'a>,
        unknowns: &[&Unknown],
        placed: &[Placed<'a>],
    ) {
        let first = group.roots[0];
        let (class, sign) = severity(first.severity);
        let _ = writeln!(
            self.out,
            "<article class=\"finding {class}\">\n<h3><span class=\"mark {class}\"><span aria-hidden=\"true\">{sign}</span> {}</span> {}{}</h3>",
            first.severity.word(),
            text(&first.check),
            remarks(first)
        );
        self.places(id, &group.roots, placed);
        self.why(first, placed);
        for fix in fixes(&group.roots) {
            self.fix(&fix, &group.roots, placed);
        }
        if !group.consequences.is_empty() {
            self.out.push_str("<p class=\"label\">Fixed with it</p>\n");
            self.places(id, &group.consequences, placed);
        }
        let unseen = hidden_by(group, unknowns);
        if !unseen.is_empty() {
            let unseen = text(&unseen.join(", "));
            let _ = writeln!(self.out, "<p><b>Checks blocked by this:</b> {unseen}</p>");
        }
        self.out.push_str("</article>\n");
    }

    fn places(&mut self, id: &str, findings: &[&'a Finding], placed: &[Placed<'a>]) {
        self.out.push_str("<ul class=\"places\">\n");
        for finding in findings {
            let found = placed.iter().find(|p| std::ptr::eq(p.finding, *finding));
            let own = found.map_or("", |p| p.id.as_str());
            let check = match finding.caused_by {
                Some(_) => format!("<b>{}</b> ", text(&finding.check)),
                None => String::new(),
            };
            let _ = write!(self.out, "<li id=\"{own}\">{check}");
            let place = match &finding.location {
                Some(at) => format!("{}:{}:{}", at.file, at.line, at.column),
                None => place(finding),
            };
            match found.and_then(|p| p.layer) {
                Some(layer) => {
                    let _ = write!(self.out, "<a href=\"#{id}-l{layer}\">{}</a>", text(&place));
                }
                None => {
                    let _ = write!(self.out, "<span class=\"at\">{}</span>", text(&place));
                }
            }
            let _ = writeln!(self.out, "<p>{}</p>", prose(&finding.message));
            if let Some(at) = finding
                .location
                .as_ref()
                .filter(|at| !at.snippet.is_empty())
            {
                self.paste("The line", &at.snippet);
            }
            self.out.push_str("</li>\n");
        }
        self.out.push_str("</ul>\n");
    }

    fn why(&mut self, finding: &'a Finding, placed: &[Placed<'a>]) {
        if finding.why.trim().is_empty() {
            return;
        }
        if let Some(id) = self.why.get(finding.check.as_str()) {
            let _ = writeln!(
                self.out,
                "<p><b>why:</b> <a href=\"#{id}\">as above</a></p>"
            );
            return;
        }
        let found = placed.iter().find(|p| std::ptr::eq(p.finding, finding));
        let id = found.map_or(String::new(), |p| p.id.clone());
        self.why.insert(&finding.check, id);
        self.out
            .push_str("<details open class=\"why\"><summary>why</summary>\n");
        for paragraph in finding.why.trim().split("\n\n") {
            let _ = writeln!(self.out, "<p>{}</p>", prose(paragraph));
        }
        if let Some(page) = page(&finding.check) {
            let _ = writeln!(self.out, "<p><a href=\"{page}\">more</a></p>");
        }
        self.out.push_str("</details>\n");
    }

    fn fix(&mut self, fix: &Fix<'a>, roots: &[&'a Finding], placed: &[Placed<'a>]) {
        let places = fix.places(roots).map(|places| {
            let places: Vec<String> = places.iter().map(|place| text(place)).collect();
            format!(" for {}", places.join(" and "))
        });
        let _ = write!(
            self.out,
            "<p class=\"fix\"><b>{}{}:</b> {}",
            fix.word(),
            places.unwrap_or_default(),
            prose(fix.title())
        );
        let key = (fix.remedy.title.as_str(), fix.remedy.snippet.as_str());
        if let Some(id) = self.fixes.get(&key) {
            let _ = writeln!(self.out, " (<a href=\"#{id}\">as above</a>)</p>");
            return;
        }
        self.out.push_str("</p>\n");
        let found = placed
            .iter()
            .find(|p| std::ptr::eq(p.finding, fix.fixes[0]));
        let id = found.map_or(String::new(), |p| p.id.clone());
        self.fixes.insert(key, id);
        if !fix.remedy.snippet.trim().is_empty() {
            self.paste(PASTE, &fix.remedy.snippet);
        }
    }

    /// Scrollable blocks must be focusable by keyboard. The script adds a copy button to snippets.
    fn paste(&mut self, label: &str, snippet: &str) {
        let _ = writeln!(
            self.out,
            "<div class=\"{}\"><pre tabindex=\"0\" role=\"group\" aria-label=\"{label}\"><code>{}</code></pre></div>",
            if label == PASTE { "paste" } else { "line" },
            lines(snippet)
        );
    }

    pub(super) fn unknowns(&mut self, unknowns: &[&Unknown]) {
        for reason in reasons(unknowns) {
            let places = match reason.places().is_empty() {
                true => String::new(),
                false => format!(
                    "<p class=\"at\">{}</p>\n",
                    text(&reason.places().join(", "))
                ),
            };
            let _ = writeln!(
                self.out,
                "<article class=\"finding unknown\">\n<h3><span class=\"mark unknown\"><span aria-hidden=\"true\">?</span> unknown</span> {}</h3>\n{places}<p>{}</p>\n</article>",
                text(&reason.checks().join(", ")),
                prose(&reason.reason)
            );
        }
    }
}

/// A finding, its anchor in the page, and the layer that it concerns.
pub(super) struct Placed<'a> {
    finding: &'a Finding,
    id: String,
    layer: Option<usize>,
}

/// The layer of the finding's subject, otherwise the first layer of its engine.
fn layer_of(finding: &Finding, layers: &[Layer]) -> Option<usize> {
    let engine = finding.engine.as_deref();
    let same = |layer: &Layer| layer.engine.as_deref() == engine;
    let named = |layer: &Layer| {
        let within = format!("({})", layer.name);
        same(layer) && (layer.name == finding.subject || finding.subject.ends_with(&within))
    };
    let of_engine = |layer: &Layer| engine.is_some() && same(layer);
    let exact = layers.iter().position(named);
    exact.or_else(|| layers.iter().position(of_engine))
}

pub(super) fn marks<'a>(layers: &[Layer], placed: &[Placed<'a>]) -> Vec<Vec<Mark<'a>>> {
    let of = |at: usize| {
        let here = placed.iter().filter(|p| p.layer == Some(at));
        let marks = here.map(|p| {
            let (class, sign) = severity(p.finding.severity);
            Mark {
                id: p.id.clone(),
                class,
                sign,
                check: &p.finding.check,
            }
        });
        marks.collect()
    };
    (0..layers.len()).map(of).collect()
}

pub(super) fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("error", "✗"),
        Severity::Warning => ("warning", "!"),
        Severity::Info => ("info", "·"),
    }
}
