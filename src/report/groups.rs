//! Findings put together as people think of them: by check, with what each brings about, with
//! cures that cure several, and reasons that several checks could not judge for.

use crate::diagnosis::{Confidence, Finding, Remedy, Unknown};

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

/// Why something is unknown, which checks could not judge for it, and where.
pub(super) struct Reason<'a> {
    pub reason: &'a str,
    pub checks: Vec<&'a str>,
    pub places: Vec<&'a str>,
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

pub(super) fn predicted(finding: &Finding) -> &'static str {
    match finding.confidence {
        Confidence::Proven => "",
        Confidence::Predicted => " (predicted)",
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

/// Each reason once.
pub(super) fn reasons<'a>(unknowns: &[&'a Unknown]) -> Vec<Reason<'a>> {
    let mut reasons: Vec<Reason<'a>> = Vec::new();
    for unknown in unknowns {
        let reason = unknown.reason.trim();
        let at = reasons.iter().position(|known| known.reason == reason);
        let at = at.unwrap_or_else(|| {
            let (checks, places) = (Vec::new(), Vec::new());
            reasons.push(Reason {
                reason,
                checks,
                places,
            });
            reasons.len() - 1
        });
        let place = unknown.engine.as_deref().or(unknown.subject.as_deref());
        add(&mut reasons[at].checks, &unknown.check);
        add(&mut reasons[at].places, place.unwrap_or_default());
    }
    reasons
}

fn add<'a>(list: &mut Vec<&'a str>, text: &'a str) {
    if !text.is_empty() && !list.contains(&text) {
        list.push(text);
    }
}
