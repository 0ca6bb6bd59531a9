//! Two examinations side by side: what is new, fixed, no longer seen, and which layers changed.

use super::findings::write_header;
use super::page::Page;
use super::terminal::{Ink, Mark, Style};
use super::verdict::count;
use crate::compare::{Comparison, LayerChange, Trait};
use crate::diagnosis::Finding;

pub(super) fn render(comparison: &Comparison, style: &Style) -> String {
    let mut page = Page::new(style);
    for finding in &comparison.new {
        write_part(&mut page, "new", finding);
        page.prose(4, Ink::Plain, &finding.message);
    }
    for finding in &comparison.fixed {
        page.gap();
        let lead = format!("{} fixed  ", style.mark(Mark::Fine));
        let name = (Ink::Bold, finding.check.as_str());
        page.heading(0, (Ink::Good, &lead), name, &place(finding));
    }
    for finding in &comparison.unseen {
        page.gap();
        let lead = format!("{} no longer seen  ", style.mark(Mark::Unknown));
        let name = (Ink::Bold, finding.check.as_str());
        page.heading(0, (Ink::Doubtful, &lead), name, &place(finding));
        page.prose(4, Ink::Plain, "it may still be present");
    }
    write_runners(&mut page, "new runner: ", &comparison.come);
    write_runners(&mut page, "gone: ", &comparison.gone);
    write_layers(&mut page, &comparison.layers);
    write_summary(&mut page, comparison);
    page.into_string()
}

fn write_part(page: &mut Page<'_>, word: &str, finding: &Finding) {
    page.gap();
    write_header(page, 0, finding, &format!("{word}: {}", place(finding)));
}

/// `namespace/pod, engine, subject`.
fn place(finding: &Finding) -> String {
    let engine = finding.engine.as_deref();
    let subject = Some(finding.subject.as_str()).filter(|subject| Some(*subject) != engine);
    let parts = [Some(finding.runner.as_str()), engine, subject];
    let parts: Vec<_> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(", ")
}

fn write_runners(page: &mut Page<'_>, word: &str, names: &[String]) {
    if !names.is_empty() {
        page.gap();
        page.labeled(0, word.trim_end(), Ink::Plain, &names.join(", "));
    }
}

fn write_layers(page: &mut Page<'_>, changes: &[LayerChange]) {
    let mut runner = "";
    for change in changes {
        if runner != change.runner {
            runner = &change.runner;
            page.gap();
            page.heading(0, (Ink::Plain, ""), (Ink::Bold, runner), "layers changed");
        }
        page.prose(
            2,
            Ink::Plain,
            &format!("{}: {}", layer(change), what(change)),
        );
    }
}

fn layer(change: &LayerChange) -> String {
    let kind = change.kind.lead();
    let engine = change
        .engine
        .as_ref()
        .filter(|engine| **engine != change.name);
    let engine = engine
        .map(|engine| format!("{engine}, "))
        .unwrap_or_default();
    format!("{engine}{kind}{}", change.name)
}

fn what(change: &LayerChange) -> String {
    let (old, new) = (change.old.as_deref(), change.new.as_deref());
    let word = match change.what {
        Trait::Come => return format!("new, MTU {}", new.unwrap_or("unknown")),
        Trait::Gone => return format!("removed, its MTU was {}", old.unwrap_or("unknown")),
        Trait::Mtu => "",
        Trait::Carrier => "carried by ",
        Trait::Runs => "runs ",
        Trait::Clamped => {
            return match new {
                Some(_) => "TCP MSS is now clamped by a TCPMSS rule".to_owned(),
                None => "TCP MSS is no longer clamped".to_owned(),
            };
        }
    };
    let shown = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
    format!("{word}{} → {}", shown(old), shown(new))
}

fn write_summary(page: &mut Page<'_>, comparison: &Comparison) {
    page.gap();
    let (mark, ink) = match (comparison.new.is_empty(), comparison.unseen.is_empty()) {
        (false, _) => (Mark::Wrong, Ink::Bad),
        (true, false) => (Mark::Unknown, Ink::Doubtful),
        (true, true) => (Mark::Fine, Ink::Good),
    };
    let mut parts = vec![
        format!("{} new", comparison.new.len()),
        format!("{} fixed", comparison.fixed.len()),
        format!("{} unchanged", comparison.unchanged.len()),
    ];
    if !comparison.unseen.is_empty() {
        parts.push(format!("{} no longer seen", comparison.unseen.len()));
    }
    let lead = format!("{} ", page.style.mark(mark));
    let layers = match comparison.layers.len() {
        0 => "no layer changed".to_owned(),
        changes => format!("{} of layers", count(changes, "change")),
    };
    page.heading(
        0,
        (ink, &lead),
        (Ink::Plain, &parts.join(", ")),
        &format!("({layers})"),
    );
}
