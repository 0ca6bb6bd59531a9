//! Findings put together as people think of them: by check, with what each brings about, with
//! cures that cure several, and reasons that several checks could not judge for.

use crate::diagnosis::{Confidence, Finding, Remedy, Unknown};
use std::collections::HashMap;

/// Findings of one check on one runner, and the consequences of each.
pub(super) struct Group<'a> {
    pub roots: Vec<&'a Finding>,
    pub consequences: Vec<&'a Finding>,
}

/// A remedy and which of the findings it cures; the first of a finding is its cure, the others
/// would do as well, or go together with the one before.
pub(super) struct Cure<'a> {
    pub remedy: &'a Remedy,
    pub rank: usize,
    pub cures: Vec<&'a Finding>,
}

impl<'a> Cure<'a> {
    pub fn word(&self) -> &'static str {
        match (self.rank, self.remedy.together) {
            (0, _) => "cure",
            (_, true) => "and",
            (_, false) => "or",
        }
    }

    pub fn title(&self) -> &'a str {
        self.remedy.title.trim_end_matches(':')
    }

    /// Where it helps, unless it helps everywhere.
    pub fn places(&self, roots: &[&Finding]) -> Option<Vec<String>> {
        let some = self.cures.len() < roots.len();
        some.then(|| self.cures.iter().map(|finding| place(finding)).collect())
    }
}

/// What could not be judged for one reason.
pub(super) struct Blind<'a> {
    pub reason: String,
    pub unknowns: Vec<&'a Unknown>,
}

impl<'a> Blind<'a> {
    /// Which checks could not judge.
    pub fn checks(&self) -> Vec<&'a str> {
        distinct(self.unknowns.iter().map(|u| u.check.as_str()))
    }

    /// Where, as far as that says more than the runner's name.
    pub fn places(&self) -> Vec<&'a str> {
        let places = self.unknowns.iter().filter_map(|u| {
            let place = u.engine.as_deref().or(u.subject.as_deref());
            place.filter(|place| *place != u.runner)
        });
        distinct(places)
    }

    /// The reason, and the checks that could not judge for it, where there are several.
    pub fn sentence(&self) -> String {
        let checks = self.checks();
        match checks.len() {
            many @ 2.. => format!(
                "{}, so {many} checks could not judge: {}",
                self.reason,
                checks.join(", ")
            ),
            _ => self.reason.clone(),
        }
    }
}

/// `engine, subject`: where to look.
pub(super) fn place(finding: &Finding) -> String {
    places(finding).join(", ")
}

pub(super) fn places(finding: &Finding) -> Vec<&str> {
    let subject = Some(finding.subject.as_str()).filter(|s| Some(*s) != finding.engine.as_deref());
    let parts = [finding.engine.as_deref(), subject];
    let parts = parts.into_iter().flatten();
    parts.filter(|part| !part.is_empty()).collect()
}

/// The first paragraph of the reason; `explain` has the rest.
pub(super) fn first_why(finding: &Finding) -> &str {
    finding.why.trim().split("\n\n").next().unwrap_or_default()
}

/// Behind the name of its check.
pub(super) fn remarks(finding: &Finding) -> &'static str {
    match (finding.confidence, finding.known) {
        (Confidence::Proven, false) => "",
        (Confidence::Predicted, false) => " (predicted)",
        (Confidence::Proven, true) => " (known)",
        (Confidence::Predicted, true) => " (predicted) (known)",
    }
}

pub(super) fn cures<'a>(roots: &[&'a Finding]) -> Vec<Cure<'a>> {
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

/// By check, in order of appearance; consequences go to the check of their root.
pub(super) fn group<'a>(findings: &[&'a Finding]) -> Vec<Group<'a>> {
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

/// Whether it is for a finding that something is unknown.
fn hides(finding: &Finding, unknown: &Unknown) -> bool {
    unknown.caused_by.as_ref() == Some(&finding.fingerprint)
}

/// The checks that could not judge because of findings of a group.
pub(super) fn hidden_by<'a>(group: &Group<'_>, unknowns: &[&'a Unknown]) -> Vec<&'a str> {
    let here = || group.roots.iter().chain(&group.consequences);
    let unknowns = unknowns.iter().copied();
    let hidden = unknowns.filter(|unknown| here().any(|finding| hides(finding, unknown)));
    distinct(hidden.map(|unknown| unknown.check.as_str()))
}

/// What is unknown for other reasons than findings.
pub(super) fn hidden_by_none<'a>(
    findings: &[&Finding],
    unknowns: &[&'a Unknown],
) -> Vec<&'a Unknown> {
    let unknowns = unknowns.iter().copied();
    let of_none = unknowns.filter(|unknown| !findings.iter().any(|f| hides(f, unknown)));
    of_none.collect()
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

/// The same of many runners: each reason once.
pub(super) fn reasons<'a>(unknowns: &[&'a Unknown]) -> Vec<Blind<'a>> {
    let mut reasons: Vec<Blind> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for blind in by_reason(unknowns) {
        let at = *known.entry(blind.reason.clone()).or_insert(reasons.len());
        match reasons.get_mut(at) {
            Some(there) => there.unknowns.extend(blind.unknowns),
            None => reasons.push(blind),
        }
    }
    reasons
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

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
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
