//! Findings of several checks as one change for each engine, so that one fix does not undo another.

use crate::diagnosis::{Change, Finding, Remedy, Settings, Site};
use clap::ValueEnum;

/// What to do about the findings of a diagnosis.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    pub parts: Vec<Part<'a>>,
    /// Findings that no program can fix.
    pub left: Vec<&'a Finding>,
    /// Preferences that no finding has a fix for.
    pub unused: Vec<Preference>,
}

/// One change and all that it fixes.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    pub change: Change,
    pub findings: Vec<&'a Finding>,
}

/// Which remedy to take where a finding has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preference {
    /// A different engine image
    EngineImage,
    /// A memory request
    MemoryRequest,
    /// A sidecar that clamps TCP MSS for all levels
    Clamp,
}

impl Preference {
    fn is_of(self, settings: &Settings) -> bool {
        match self {
            Preference::EngineImage => settings.image.is_some(),
            Preference::MemoryRequest => settings.memory_request.is_some(),
            Preference::Clamp => settings.clamp,
        }
    }
}

/// Chooses a remedy for each finding, the preferred one where there is such, and puts those of one
/// engine together. Findings are taken in their order, the graver first.
pub fn plan<'a>(findings: &'a [Finding], preferences: &[Preference]) -> Plan<'a> {
    let mut plan = Plan::default();
    let is_root = |f: &Finding| {
        let cause = f.caused_by.as_ref();
        !cause.is_some_and(|cause| findings.iter().any(|other| other.fingerprint == *cause))
    };
    let (roots, consequences): (Vec<_>, Vec<_>) = findings.iter().partition(|f| is_root(f));
    for finding in roots {
        match choose(&finding.remedies, preferences) {
            Some(change) => plan.add(change, finding),
            None => plan.left.push(finding),
        }
    }
    for finding in consequences {
        // What fixes the root fixes it.
        let root = plan
            .left
            .iter()
            .find(|f| finding.caused_by.as_ref() == Some(&f.fingerprint));
        if root.is_some() {
            plan.left.push(finding);
        }
    }
    let is_used = |kind: &Preference| {
        let settings = plan.parts.iter().map(|part| &part.change.settings);
        settings.into_iter().any(|settings| kind.is_of(settings))
    };
    plan.unused = preferences
        .iter()
        .filter(|kind| !is_used(kind))
        .copied()
        .collect();
    plan
}

fn choose<'a>(remedies: &'a [Remedy], preferences: &[Preference]) -> Option<&'a Change> {
    let changes = || remedies.iter().filter_map(|remedy| remedy.change.as_ref());
    let preferred = preferences
        .iter()
        .find_map(|preference| changes().find(|change| preference.is_of(&change.settings)));
    preferred.or_else(|| changes().next())
}

impl<'a> Plan<'a> {
    fn add(&mut self, change: &Change, finding: &'a Finding) {
        let same = |part: &&mut Part| {
            part.change.place == change.place && part.change.container == change.container
        };
        match self.parts.iter_mut().find(same) {
            Some(part) => {
                part.change.settings.merge(&change.settings);
                part.findings.push(finding);
            }
            None => self.parts.push(Part {
                change: change.clone(),
                findings: vec![finding],
            }),
        }
    }
}

impl Part<'_> {
    /// Whether it changes an object of which kubectl can edit the pod's template.
    pub fn is_object(&self) -> bool {
        self.change.place.site == Site::Manifest
    }
}

#[cfg(test)]
mod tests;
