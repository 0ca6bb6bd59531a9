//! Findings grouped by check with their consequences, fixes shared by several findings, and unknown
//! results grouped by reason.

use super::reason::sentence;
use crate::diagnosis::{Confidence, Finding, Remedy, Unknown};
use crate::evidence::Reason;
use std::collections::{HashMap, HashSet};

/// Findings of one check on one runner, and the consequences of each.
pub(super) struct Group<'a> {
    pub roots: Vec<&'a Finding>,
    pub consequences: Vec<&'a Finding>,
}

/// A fix and the findings that it fixes; the first of a finding is the recommended one, the others are
/// alternatives or are combined with the one before.
pub(super) struct Fix<'a> {
    pub remedy: &'a Remedy,
    pub rank: usize,
    pub fixes: Vec<&'a Finding>,
}

impl<'a> Fix<'a> {
    pub fn word(&self) -> &'static str {
        match (self.rank, self.remedy.together) {
            (0, _) => "fix",
            (_, true) => "and",
            (_, false) => "or",
        }
    }

    pub fn title(&self) -> &'a str {
        self.remedy.title.trim_end_matches(':')
    }

    /// Where the fix applies, unless it applies everywhere.
    pub fn places(&self, roots: &[&Finding]) -> Option<Vec<String>> {
        let some = self.fixes.len() < roots.len();
        some.then(|| self.fixes.iter().map(|finding| place(finding)).collect())
    }
}

/// Unknown results with one reason.
pub(super) struct UnknownGroup<'a> {
    /// The reason as text.
    pub reason: String,
    reasons: Vec<Reason>,
    pub unknowns: Vec<&'a Unknown>,
}

impl<'a> UnknownGroup<'a> {
    /// The checks with an unknown result.
    pub fn checks(&self) -> Vec<&'a str> {
        distinct(self.unknowns.iter().map(|u| u.check.as_str()))
    }

    /// Their places, if they add anything to the runner's name.
    pub fn places(&self) -> Vec<&'a str> {
        let places = self.unknowns.iter().filter_map(|u| {
            let place = u.engine.as_deref().or(u.subject.as_deref());
            place.filter(|place| *place != u.runner)
        });
        distinct(places)
    }

    /// The reason, and if there are several checks, their names.
    pub fn sentence(&self) -> String {
        let checks = self.checks();
        match checks.len() {
            many @ 2.. => format!(
                "{} ({many} checks are unknown: {})",
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

/// Shown after the name of its check.
pub(super) fn remarks(finding: &Finding) -> &'static str {
    match (finding.confidence, finding.known) {
        (Confidence::Proven, false) => "",
        (Confidence::Predicted, false) => " (predicted)",
        (Confidence::Proven, true) => " (known)",
        (Confidence::Predicted, true) => " (predicted) (known)",
    }
}

pub(super) fn fixes<'a>(roots: &[&'a Finding]) -> Vec<Fix<'a>> {
    let mut fixes: Vec<Fix<'a>> = Vec::new();
    for root in roots {
        for (rank, remedy) in root.remedies.iter().enumerate() {
            match fixes.iter_mut().find(|fix| fix.remedy == remedy) {
                Some(fix) => fix.fixes.push(root),
                None => fixes.push(Fix {
                    remedy,
                    rank,
                    fixes: vec![root],
                }),
            }
        }
    }
    fixes.sort_by_key(|fix| fix.rank);
    fixes
}

/// Groups by check, in order of appearance; consequences go to the check of their root cause.
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

/// The root cause of a finding; None for a root, or if its cause is not shown.
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
    // Circular causes: treat each finding as a root.
    None
}

/// Whether a result is unknown because of a finding.
fn hides(finding: &Finding, unknown: &Unknown) -> bool {
    unknown.caused_by.as_ref() == Some(&finding.fingerprint)
}

/// The checks that are unknown because of findings of a group.
pub(super) fn hidden_by<'a>(group: &Group<'_>, unknowns: &[&'a Unknown]) -> Vec<&'a str> {
    let here = || group.roots.iter().chain(&group.consequences);
    let unknowns = unknowns.iter().copied();
    let hidden = unknowns.filter(|unknown| here().any(|finding| hides(finding, unknown)));
    distinct(hidden.map(|unknown| unknown.check.as_str()))
}

/// Unknown results for reasons other than findings.
pub(super) fn hidden_by_none<'a>(
    findings: &[&Finding],
    unknowns: &[&'a Unknown],
) -> Vec<&'a Unknown> {
    let unknowns = unknowns.iter().copied();
    let of_none = unknowns.filter(|unknown| !findings.iter().any(|f| hides(f, unknown)));
    of_none.collect()
}

/// Groups unknown results by runner and reason, in order of appearance. One with two reasons is listed
/// under both if either is another's only reason.
pub(super) fn by_reason<'a>(unknowns: &[&'a Unknown]) -> Vec<UnknownGroup<'a>> {
    let only = |unknown: &&'a Unknown| match &unknown.reasons[..] {
        [only] => Some((unknown.runner.as_str(), only)),
        _ => None,
    };
    let alone: HashSet<(&str, &Reason)> = unknowns.iter().filter_map(only).collect();
    let mut gathered = Gathered::default();
    for unknown in unknowns {
        let runner = unknown.runner.as_str();
        let reasons = unknown.reasons.iter().cloned();
        let (parts, rest): (Vec<Reason>, Vec<Reason>) =
            reasons.partition(|reason| alone.contains(&(runner, reason)));
        let parts = parts.into_iter().map(|part| vec![part]);
        for reasons in parts.chain([rest].into_iter().filter(|rest| !rest.is_empty())) {
            gathered.add(Some(runner), reasons, [*unknown]);
        }
    }
    gathered.all
}

/// The same across runners: each reason once.
pub(super) fn reasons<'a>(unknowns: &[&'a Unknown]) -> Vec<UnknownGroup<'a>> {
    let mut gathered = Gathered::default();
    for blind in by_reason(unknowns) {
        gathered.add(None, blind.reasons, blind.unknowns);
    }
    gathered.all
}

/// Unknown results by reason, and by runner if one is given.
#[derive(Default)]
struct Gathered<'a> {
    all: Vec<UnknownGroup<'a>>,
    known: HashMap<(Option<&'a str>, Vec<Reason>), usize>,
}

impl<'a> Gathered<'a> {
    fn add(
        &mut self,
        runner: Option<&'a str>,
        reasons: Vec<Reason>,
        unknowns: impl IntoIterator<Item = &'a Unknown>,
    ) {
        let all = &mut self.all;
        let at = *self
            .known
            .entry((runner, reasons))
            .or_insert_with_key(|(_, reasons)| {
                all.push(UnknownGroup {
                    reason: sentence(reasons),
                    reasons: reasons.clone(),
                    unknowns: Vec::new(),
                });
                all.len() - 1
            });
        all[at].unknowns.extend(unknowns);
    }
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
    use super::by_reason;
    use crate::diagnosis::{Severity, Unknown};
    use crate::evidence::Reason;

    fn unknown(check: &str, reasons: &[Reason]) -> Unknown {
        Unknown {
            check: check.to_owned(),
            severity: Severity::Error,
            runner: "ci/a".to_owned(),
            engine: None,
            subject: None,
            reasons: reasons.to_vec(),
            caused_by: None,
        }
    }

    #[test]
    fn reasons_are_parted_where_others_give_one_of_them_alone() {
        let [exec, node, dns] = [Reason::SocketClosed, Reason::NoNode, Reason::NoWayOut];
        let all = [
            unknown("a", std::slice::from_ref(&exec)),
            unknown("b", &[node.clone(), exec.clone()]),
            unknown("c", &[exec.clone(), node.clone(), dns.clone()]),
        ];
        let of = |reasons: &[&Reason]| -> String {
            let words: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            words.join("; ")
        };
        let groups = by_reason(&all.iter().collect::<Vec<_>>());
        let groups: Vec<_> = groups
            .iter()
            .map(|group| (group.reason.clone(), group.checks()))
            .collect();
        let expected = [
            (of(&[&exec]), vec!["a", "b", "c"]),
            (of(&[&node]), vec!["b"]),
            (of(&[&node, &dns]), vec!["c"]),
        ];
        assert_eq!(groups, expected);
    }
}
