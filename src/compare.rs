//! Compares two diagnoses of the same runners: fixed, new and unchanged findings, and changed
//! layers. Missing data never counts as fixed.

mod layers;

pub use layers::{LayerChange, Trait};

use crate::diagnosis::{Diagnosis, ExaminedRunner, Finding, Severity};
use crate::evidence::identity::steady;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

pub const SCHEMA: &str = "runner-doctor/diff/v1";

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    pub schema: &'static str,
    /// Not found before, or milder.
    pub new: Vec<Finding>,
    /// Found before, and seen to be no more.
    pub fixed: Vec<Finding>,
    pub unchanged: Vec<Finding>,
    /// Found before, and now not to be seen: it may be there all the same.
    pub unseen: Vec<Finding>,
    pub layers: Vec<LayerChange>,
    /// Runners that were not there before, and that are there no more.
    pub come: Vec<String>,
    pub gone: Vec<String>,
}

impl Comparison {
    pub fn new(old: &Diagnosis, new: &Diagnosis) -> Self {
        let runners = Runners::pair(old, new);
        let found_before = worst(&old.findings);
        let found_now = worst(&new.findings);
        let is_new = |f: &&Finding| {
            let before = found_before.get(f.fingerprint.as_str());
            before.is_none_or(|before| f.severity > *before)
        };
        let (fresh, unchanged): (Vec<&Finding>, Vec<&Finding>) =
            new.findings.iter().partition(is_new);
        let absent = old.findings.iter();
        let absent = absent.filter(|f| !found_now.contains_key(f.fingerprint.as_str()));
        let (unseen, fixed): (Vec<&Finding>, Vec<&Finding>) =
            absent.partition(|finding| is_unseen(finding, &runners, new));
        let owned = |findings: Vec<&Finding>| findings.into_iter().cloned().collect();
        let names = |runners: &[&ExaminedRunner]| runners.iter().map(|r| r.name.clone()).collect();
        Comparison {
            schema: SCHEMA,
            new: owned(fresh),
            fixed: owned(fixed),
            unchanged: owned(unchanged),
            unseen: owned(unseen),
            layers: runners
                .pairs
                .iter()
                .flat_map(|(old, new)| layers::compare(old, new))
                .collect(),
            come: names(&runners.come),
            gone: names(&runners.gone),
        }
    }

    /// Whether nothing is worth telling.
    pub fn is_empty(&self) -> bool {
        let findings = [&self.new, &self.fixed, &self.unseen];
        findings.iter().all(|list| list.is_empty())
            && self.layers.is_empty()
            && self.come.is_empty()
            && self.gone.is_empty()
    }

    pub fn fails(&self, fail_on: Option<Severity>) -> bool {
        let fails = |f: &Finding| fail_on.is_some_and(|least| f.severity >= least);
        self.new.iter().any(fails)
    }
}

/// Examinations of the same runners, one after another.
pub struct History {
    last: Diagnosis,
    /// Findings whose place was not there to be judged since they were found, with their runners.
    unseen: Diagnosis,
}

impl History {
    pub fn new(first: Diagnosis) -> Self {
        let unseen = Diagnosis {
            runners: Vec::new(),
            findings: Vec::new(),
            ..first.clone()
        };
        History {
            last: first,
            unseen,
        }
    }

    /// What has changed. A finding of a nested engine, which ends with its step, is fixed if the next
    /// one is seen to be without it.
    pub fn add(&mut self, now: Diagnosis) -> Comparison {
        let mut comparison = Comparison::new(&self.last, &now);
        let earlier = Comparison::new(&self.unseen, &now);
        let mut findings = comparison.unseen.clone();
        let is_known = |f: &Finding| findings.iter().any(|g| g.fingerprint == f.fingerprint);
        let still: Vec<Finding> = earlier
            .unseen
            .into_iter()
            .filter(|f| !is_known(f))
            .collect();
        findings.extend(still);
        let mut runners = std::mem::take(&mut self.last.runners);
        runners.append(&mut self.unseen.runners);
        let mut named = std::collections::HashSet::new();
        runners.retain(|runner| {
            findings.iter().any(|f| f.runner == runner.name) && named.insert(runner.name.clone())
        });
        comparison.fixed.extend(earlier.fixed);
        self.unseen.findings = findings;
        self.unseen.runners = runners;
        self.last = now;
        comparison
    }
}

/// The severest of each fingerprint: pods of one owner share theirs.
fn worst(findings: &[Finding]) -> HashMap<&str, Severity> {
    let mut worst: HashMap<&str, Severity> = HashMap::new();
    for finding in findings {
        let known = worst
            .entry(&finding.fingerprint)
            .or_insert(finding.severity);
        *known = finding.severity.max(*known);
    }
    worst
}

/// Which runner was which before: pods of one owner by their names, the rest in their order.
struct Runners<'a> {
    pairs: Vec<(&'a ExaminedRunner, &'a ExaminedRunner)>,
    come: Vec<&'a ExaminedRunner>,
    gone: Vec<&'a ExaminedRunner>,
}

impl<'a> Runners<'a> {
    fn pair(old: &'a Diagnosis, new: &'a Diagnosis) -> Self {
        let mut gone: Vec<&ExaminedRunner> = old.runners.iter().collect();
        let mut come: Vec<&ExaminedRunner> = new.runners.iter().collect();
        let mut pairs = Vec::new();
        let same_name = |a: &ExaminedRunner, b: &ExaminedRunner| a.name == b.name;
        let same_owner = |a: &ExaminedRunner, b: &ExaminedRunner| {
            a.fingerprint.is_some() && a.fingerprint == b.fingerprint
        };
        for same in [&same_name as &dyn Fn(&_, &_) -> bool, &same_owner] {
            gone.retain(|old| match come.iter().position(|new| same(old, new)) {
                Some(at) => {
                    pairs.push((*old, come.remove(at)));
                    false
                }
                None => true,
            });
        }
        Runners { pairs, come, gone }
    }
}

/// Whether the place of a finding can be seen no more, or not well enough to judge it.
fn is_unseen(finding: &Finding, runners: &Runners, new: &Diagnosis) -> bool {
    let pair = runners
        .pairs
        .iter()
        .find(|(old, _)| old.name == finding.runner);
    let Some((_, runner)) = pair else {
        // A file or something else that is no runner; or a runner that is gone.
        return runners.gone.iter().any(|gone| gone.name == finding.runner);
    };
    let engine = finding.engine.as_deref().map(steady);
    let mut of_engine = runner
        .layers
        .iter()
        .filter(|layer| layer.engine.as_deref().map(steady) == engine && engine.is_some());
    let judged = of_engine
        .clone()
        .any(|l| l.name == finding.subject && l.carrier.is_some());
    let nested = engine.as_ref().is_some_and(|engine| engine.contains('/'));
    if runner.unseen || nested && of_engine.next().is_none() {
        return true;
    }
    let about = |unknown: &&crate::diagnosis::Unknown| {
        unknown.runner == runner.name
            && unknown.check == finding.check
            && (unknown.engine.as_deref().map(steady) == engine || unknown.engine.is_none())
    };
    !judged && new.unknowns.iter().any(|unknown| about(&unknown))
}

#[cfg(test)]
mod tests;
