//! The judge: evidence and checks in, findings and unknown results out. It does no I/O, and the
//! same evidence gives the same result, byte for byte.

use super::expression::Scope;
use super::library::Library;
use super::rule::Check;
use super::section::Section;
use super::template::Template;
use crate::diagnosis::{Confidence, Finding, Severity, Unknown};
use crate::evidence::identity::fingerprint;
use crate::evidence::{Class, Evidence, Reason, Runner, Unseen};
use crate::remedy::Want;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;
use view::{Item, View};

mod cause;
mod view;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    pub findings: Vec<Finding>,
    pub unknowns: Vec<Unknown>,
    /// By runner, the checks that looked at something and found nothing.
    pub passed: BTreeMap<String, Vec<String>>,
    /// Defects of the checks: a message or a remedy that could not be rendered.
    pub defects: Vec<String>,
}

/// Runs every check on every runner. Findings are sorted by runner, severity, stage, check and the
/// order of the evidence; unknowns by runner, check and the order of the evidence.
pub fn judge(library: &Library, evidence: &Evidence) -> Judgement {
    let checks: Vec<&Check> = library.checks().collect();
    judge_by(&checks, evidence)
}

/// Judges the evidence with a single check.
pub fn judge_alone(check: &Check, evidence: &Evidence) -> Judgement {
    judge_by(&[check], evidence)
}

/// Fewer runners than this are not worth a thread.
const FEW: usize = 64;

pub(super) fn judge_by(checks: &[&Check], evidence: &Evidence) -> Judgement {
    let mut judgement = judge_all(checks, evidence);
    judgement.unknowns.extend(unlisted(checks, evidence));
    judgement
}

/// If Jobs could not be listed, runners whose pods are gone are not discovered: unknown for the
/// checks that would report them.
fn unlisted(checks: &[&Check], evidence: &Evidence) -> Vec<Unknown> {
    const GIVEN_UP: &str = "it.given_up";
    let Some(Unseen(reason)) = &evidence.jobs_given_up else {
        return Vec::new();
    };
    let tell = checks.iter().filter(|c| c.fails_when.reads(GIVEN_UP));
    tell.map(|check| Unknown {
        check: check.id.clone(),
        severity: check.severity,
        runner: reason.namespace().unwrap_or("cluster").to_owned(),
        engine: None,
        subject: Some("Jobs".to_owned()),
        reasons: vec![reason.clone()],
        caused_by: None,
    })
    .collect()
}

fn judge_all(checks: &[&Check], evidence: &Evidence) -> Judgement {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = evidence.runners.len().div_ceil(threads).max(FEW);
    if evidence.runners.len() <= share {
        return judge_some(checks, evidence, &evidence.runners);
    }
    thread::scope(|scope| {
        let parts = evidence.runners.chunks(share);
        let parts: Vec<_> = parts
            .map(|runners| scope.spawn(move || judge_some(checks, evidence, runners)))
            .collect();
        let mut whole = Judgement::default();
        for part in parts {
            let part = part.join().unwrap_or_else(|panic| resume_unwind(panic));
            whole.findings.extend(part.findings);
            whole.unknowns.extend(part.unknowns);
            whole.passed.extend(part.passed);
            whole.defects.extend(part.defects);
        }
        whole
    })
}

fn judge_some(checks: &[&Check], evidence: &Evidence, runners: &[Runner]) -> Judgement {
    let mut judgement = Judgement::default();
    for runner in runners {
        let view = View::new(evidence, runner);
        let mut suspicions = Vec::new();
        let mut doubts = Vec::new();
        let mut passed = Vec::new();
        for check in checks {
            let examined = examine(check, &view);
            if examined.passed() {
                passed.push(check.id.clone());
            }
            suspicions.extend(examined.suspicions);
            doubts.extend(examined.doubts);
        }
        suspicions.sort_by_key(|s| (Reverse(s.severity), s.check.stage));
        judgement.conclude(&suspicions, doubts, runner);
        judgement.passed.insert(runner.full_name(), passed);
    }
    judgement
}

/// The results of one check on one runner, in the order of the evidence.
struct Examined<'a> {
    suspicions: Vec<Suspicion<'a>>,
    doubts: Vec<Unknown>,
    /// The number of items that the check examined.
    items: usize,
}

impl Examined<'_> {
    fn passed(&self) -> bool {
        self.items > 0 && self.suspicions.is_empty() && self.doubts.is_empty()
    }
}

/// A finding before its causes are known.
struct Suspicion<'a> {
    check: &'a Check,
    item: &'a Item,
    /// The item's scope with the probe's result, for checks that have a probe.
    probed: Option<Scope>,
    severity: Severity,
    confidence: Confidence,
    subject: String,
}

impl Suspicion<'_> {
    fn scope(&self) -> &Scope {
        self.probed.as_ref().unwrap_or(&self.item.scope)
    }
}

fn examine<'a>(check: &'a Check, view: &'a View) -> Examined<'a> {
    let mut examined = Examined {
        suspicions: Vec::new(),
        doubts: Vec::new(),
        items: 0,
    };
    let applies = check.applies_when.as_ref();
    if applies.is_some_and(|applies| applies.truth(&view.about_runner) == Ok(false)) {
        return examined;
    }
    let doubt = |engine: &Option<String>, subject: Option<String>, reasons: Vec<Reason>| Unknown {
        check: check.id.clone(),
        severity: check.severity,
        runner: view.runner.clone(),
        engine: engine.clone(),
        subject,
        reasons,
        caused_by: None,
    };
    for item in view.items(check.for_each) {
        examined.items += 1;
        let probed = check.probe.as_ref().map(|probe| view.asked(probe, item));
        let scope = probed.as_ref().unwrap_or(&item.scope);
        match check.fails_when.truth(scope) {
            Ok(true) => examined.suspicions.push(suspect(check, item, probed)),
            Ok(false) => {}
            // The check does not apply to this kind of item.
            Err(reasons) if reasons.iter().any(does_not_apply) => examined.items -= 1,
            Err(reasons) => {
                let subject = Some(subject(check, item, scope));
                examined.doubts.push(doubt(&item.engine, subject, reasons));
            }
        }
    }
    for section in &check.needs {
        for gap in view
            .gaps(*section)
            .iter()
            .filter(|gap| !does_not_apply(&gap.reason))
        {
            let reasons = vec![gap.reason.clone()];
            let doubt = doubt(&gap.engine, gap.subject.clone(), reasons);
            if !examined.doubts.contains(&doubt) {
                examined.doubts.push(doubt);
            }
        }
    }
    examined
}

fn does_not_apply(reason: &Reason) -> bool {
    reason.class() == Class::DoesNotApply
}

fn suspect<'a>(check: &'a Check, item: &'a Item, probed: Option<Scope>) -> Suspicion<'a> {
    let scope = probed.as_ref().unwrap_or(&item.scope);
    let proven = match &check.proven_when {
        Some(condition) => condition.truth(scope) == Ok(true),
        None => true,
    };
    let milder = check.milder.as_ref();
    let milder = milder.filter(|(_, when)| when.truth(scope) == Ok(true));
    Suspicion {
        check,
        item,
        severity: milder.map_or(check.severity, |(severity, _)| *severity),
        confidence: if proven {
            Confidence::Proven
        } else {
            Confidence::Predicted
        },
        subject: subject(check, item, scope),
        probed,
    }
}

fn subject(check: &Check, item: &Item, scope: &Scope) -> String {
    let rendered = check.subject.render(scope);
    if rendered.failures.is_empty() {
        rendered.text
    } else {
        item.name.clone()
    }
}

impl Judgement {
    /// Turns one runner's suspicions into findings, now that all of them are known, and links its
    /// unknowns to the findings that cause them.
    fn conclude(&mut self, suspicions: &[Suspicion], doubts: Vec<Unknown>, runner: &Runner) {
        let fingerprints = fingerprints(suspicions, runner);
        for (suspicion, own) in suspicions.iter().zip(&fingerprints) {
            let Suspicion { check, item, .. } = suspicion;
            let mut message = self.render(&check.finding, suspicion);
            for (other, say) in &check.also {
                if cause::here(suspicions, other, item).is_some() {
                    message.push_str(&self.render(say, suspicion));
                }
            }
            let root = cause::root(suspicions, suspicion);
            let wants = self.wants(suspicion);
            let of_container =
                (check.for_each == Section::Containers).then_some(item.name.as_str());
            self.findings.push(Finding {
                check: check.id.clone(),
                title: check.title.clone(),
                severity: suspicion.severity,
                runner: runner.full_name(),
                engine: item.engine.clone(),
                subject: suspicion.subject.clone(),
                message,
                why: check.why.clone(),
                confidence: suspicion.confidence,
                caused_by: root.map(|at| fingerprints[at].clone()),
                remedies: crate::remedy::remedies(
                    &wants,
                    runner,
                    item.engine.as_deref().or(of_container),
                    &suspicion.subject,
                ),
                fingerprint: own.clone(),
                location: None,
                known: false,
            });
        }
        let explanations = cause::explanations(suspicions);
        self.unknowns.extend(doubts.into_iter().map(|doubt| {
            let cause = explanations.iter().find(|e| e.covers(&doubt));
            Unknown {
                caused_by: cause.map(|cause| fingerprints[cause.suspicion].clone()),
                ..doubt
            }
        }));
    }

    fn render(&mut self, template: &Template, suspicion: &Suspicion) -> String {
        let rendered = template.render(suspicion.scope());
        let blame = |failure| format!("{}: {failure}", suspicion.check.file);
        self.defects
            .extend(rendered.failures.into_iter().map(blame));
        rendered.text
    }

    /// The desired changes, best first. Remedies whose value is unknown are left out.
    fn wants(&mut self, suspicion: &Suspicion) -> Vec<Want> {
        let mut wants = Vec::new();
        for (kind, template) in &suspicion.check.remedy {
            let defects = self.defects.len();
            let value = self.render(template, suspicion);
            if self.defects.len() != defects || value.is_empty() {
                continue;
            }
            match kind.with(&value) {
                Ok(want) => wants.push(want),
                Err(expected) => self.defects.push(format!(
                    "{}: remedy {}: expected {expected}, not `{value}`",
                    suspicion.check.file,
                    kind.name()
                )),
            }
        }
        wants
    }
}

fn fingerprints(suspicions: &[Suspicion], runner: &Runner) -> Vec<String> {
    let mut prints: Vec<String> = Vec::new();
    for Suspicion {
        check,
        item,
        subject,
        ..
    } in suspicions
    {
        let print =
            |repeat| fingerprint(&check.id, runner, item.engine.as_deref(), subject, repeat);
        let fresh = (0..).map(print).find(|print| !prints.contains(print));
        prints.extend(fresh);
    }
    prints
}

#[cfg(test)]
mod tests;
