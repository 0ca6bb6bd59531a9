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

pub(super) fn write<'a>(
    page: &mut Page<'_>,
    findings: &[&'a Finding],
    unknowns: &[&Unknown],
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
    let of_none = |unknown: &&&Unknown| !findings.iter().any(|f| hides(f, unknown));
    let rest: Vec<_> = unknowns.iter().filter(of_none).copied().collect();
    write_unknowns(page, &rest);
}

fn hides(finding: &Finding, unknown: &Unknown) -> bool {
    unknown.caused_by.as_ref() == Some(&finding.fingerprint)
}

/// What could not be judged because of a finding: no more than the names of the checks.
fn write_unseen(page: &mut Page<'_>, group: &Group<'_>, unknowns: &[&Unknown]) {
    let here = || group.roots.iter().chain(&group.consequences);
    let of_group = |unknown: &&Unknown| here().any(|finding| hides(finding, unknown));
    let unseen: Vec<_> = unknowns.iter().copied().filter(of_group).collect();
    if !unseen.is_empty() {
        page.gap();
        page.labelled(
            4,
            "unknown for that:",
            Ink::Plain,
            &checks(&unseen).join(", "),
        );
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

/// What could not be seen, a reason once, and then which checks could not judge for it.
pub(super) fn write_unknowns(page: &mut Page<'_>, unknowns: &[&Unknown]) {
    for Blind { reason, unknowns } in by_reason(unknowns) {
        page.gap();
        let places = distinct(
            unknowns
                .iter()
                .map(|u| u.engine.as_deref().or(u.subject.as_deref()))
                .map(|place| place.filter(|place| *place != unknowns[0].runner)),
        );
        let places = places.join(", ");
        let checks = checks(&unknowns);
        let (name, rest) = match checks.as_slice() {
            [one] => (*one, places.as_str()),
            _ => (places.as_str(), ""),
        };
        let lead = format!("{} unknown  ", page.style.mark(Mark::Unknown));
        page.heading(0, (Ink::Doubtful, &lead), (Ink::Bold, name), rest);
        let so = match checks.len() {
            many @ 2.. => format!(", so {many} checks could not judge: {}", checks.join(", ")),
            _ => String::new(),
        };
        page.prose(4, Ink::Plain, &format!("{reason}{so}"));
    }
}

pub(super) fn checks<'a>(unknowns: &[&'a Unknown]) -> Vec<&'a str> {
    distinct(unknowns.iter().map(|u| Some(u.check.as_str())))
}

/// What could not be judged for one reason.
pub(super) struct Blind<'a> {
    pub(super) reason: String,
    pub(super) unknowns: Vec<&'a Unknown>,
}

/// Unknowns of one runner and one reason together, in order of appearance. One that gives two
/// reasons stands under both, where either is another's only one.
pub(super) fn by_reason<'a>(unknowns: &[&'a Unknown]) -> Vec<Blind<'a>> {
    let mut told: HashMap<&str, Vec<&str>> = HashMap::new();
    for unknown in unknowns {
        let reasons = told.entry(unknown.runner.as_str()).or_default();
        let reason = unknown.reason.trim();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let mut blind: Vec<Blind> = Vec::new();
    let mut known: HashMap<(&str, String), usize> = HashMap::new();
    for unknown in unknowns {
        let runner = unknown.runner.as_str();
        for reason in parts(unknown.reason.trim(), &told[runner]) {
            let at = *known.entry((runner, reason.clone())).or_insert(blind.len());
            match blind.get_mut(at) {
                Some(there) => there.unknowns.push(unknown),
                None => blind.push(Blind {
                    reason,
                    unknowns: vec![unknown],
                }),
            }
        }
    }
    blind
}

/// The reasons that one text joins with `; `, as far as others give them by themselves.
fn parts(reason: &str, told: &[&str]) -> Vec<String> {
    const JOIN: &str = "; ";
    let mut rest = format!("{reason}{JOIN}");
    let mut parts = Vec::new();
    for other in told.iter().filter(|other| **other != reason) {
        let other_joined = format!("{other}{JOIN}");
        let at = rest.find(&other_joined);
        if let Some(at) = at.filter(|at| *at == 0 || rest[..*at].ends_with(JOIN)) {
            rest.replace_range(at..at + other_joined.len(), "");
            parts.push((*other).to_owned());
        }
    }
    let rest = rest.trim_end_matches(JOIN);
    if !rest.is_empty() || parts.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
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

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_joined_reason_is_parted_where_others_give_its_parts() {
        let told = [
            "no exec",
            "no nodes; no exec",
            "no exec; no nodes",
            "it; hangs",
        ];
        assert_eq!(parts("no exec", &told), ["no exec"]);
        assert_eq!(parts("no nodes; no exec", &told), ["no exec", "no nodes"]);
        assert_eq!(parts("no exec; no nodes", &told), ["no exec", "no nodes"]);
        assert_eq!(parts("it; hangs", &told), ["it; hangs"]);
        assert_eq!(parts("really no exec; x", &told), ["really no exec; x"]);
        assert_eq!(parts("", &told), [""]);
    }
}
