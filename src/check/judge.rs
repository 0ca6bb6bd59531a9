//! The judge: evidence and checks in, findings and unknowns out. It touches nothing of the world,
//! and the same evidence gives the same judgement, byte for byte.

use super::definition::Section;
use super::expression::Scope;
use super::fingerprint::fingerprint;
use super::library::Library;
use super::rule::Check;
use super::template::Template;
use crate::diagnosis::{Confidence, Finding, Severity, Unknown};
use crate::evidence::facts::{self, Facts};
use crate::evidence::{Evidence, Runner};
use serde::Serialize;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    pub findings: Vec<Finding>,
    pub unknowns: Vec<Unknown>,
    /// What checks got wrong themselves: a sentence or a remedy that could not be written.
    pub defects: Vec<String>,
}

/// Judges every runner by every check. Findings come by runner, severity, check and then the order
/// of the evidence; unknowns by runner, check and the order of the evidence.
pub fn judge(library: &Library, evidence: &Evidence) -> Judgement {
    let checks: Vec<&Check> = library.checks().collect();
    judge_by(&checks, evidence)
}

pub(super) fn judge_by(checks: &[&Check], evidence: &Evidence) -> Judgement {
    let mut judgement = Judgement::default();
    for runner in &evidence.runners {
        let view = View::new(evidence, runner);
        let mut suspicions = Vec::new();
        for check in checks {
            let examined = examine(check, &view);
            suspicions.extend(examined.suspicions);
            judgement.unknowns.extend(examined.unknowns);
        }
        suspicions.sort_by_key(|suspicion| Reverse(suspicion.severity));
        judgement.conclude(&suspicions, runner);
    }
    judgement
}

/// The facts of one runner, ready for expressions.
pub(super) struct View {
    runner: String,
    about_runner: Scope,
    networks: Listed,
    engines: Listed,
    pods: Listed,
    containers: Listed,
    steps: Listed,
    secrets: Listed,
}

struct Listed {
    items: Vec<Item>,
    holes: Vec<facts::Hole>,
}

/// One thing that is judged: `it`.
struct Item {
    engine: Option<String>,
    name: String,
    scope: Scope,
}

impl View {
    pub(super) fn new(evidence: &Evidence, runner: &Runner) -> View {
        let facts = Facts::derive(evidence, runner);
        let runner = document(&facts.runner);
        View {
            networks: Listed::new(facts.networks, &runner),
            engines: Listed::new(facts.engines, &runner),
            pods: Listed::new(facts.pods, &runner),
            containers: Listed::new(facts.containers, &runner),
            steps: Listed::new(facts.steps, &runner),
            secrets: Listed::new(facts.secrets, &runner),
            about_runner: Scope::new([("runner", runner)]),
            runner: facts.runner.name,
        }
    }

    fn section(&self, section: Section) -> &Listed {
        match section {
            Section::Networks => &self.networks,
            Section::Engines => &self.engines,
            Section::Pods => &self.pods,
            Section::Containers => &self.containers,
            Section::Steps => &self.steps,
            Section::Secrets => &self.secrets,
        }
    }
}

impl Listed {
    fn new<T: Serialize>(section: facts::Section<T>, runner: &Value) -> Listed {
        let items = section.items.iter().map(|item| {
            let it = document(item);
            let text = |key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
            Item {
                engine: text("engine"),
                name: text("name").unwrap_or_default(),
                scope: Scope::new([("it", it), ("runner", runner.clone())]),
            }
        });
        Listed {
            items: items.collect(),
            holes: section.holes,
        }
    }
}

/// Facts are plain data, which always can be written as a document.
fn document<T: Serialize>(facts: &T) -> Value {
    serde_json::to_value(facts).unwrap_or_default()
}

/// What one check makes of one runner, in the order of the evidence.
pub(super) struct Examined<'a> {
    suspicions: Vec<Suspicion<'a>>,
    unknowns: Vec<Unknown>,
}

/// A finding before it is known what else was found.
struct Suspicion<'a> {
    check: &'a Check,
    item: &'a Item,
    severity: Severity,
    confidence: Confidence,
    subject: String,
}

pub(super) fn examine<'a>(check: &'a Check, view: &'a View) -> Examined<'a> {
    let mut suspicions = Vec::new();
    let mut unknowns: Vec<Unknown> = Vec::new();
    let applies = check.applies_when.as_ref();
    if applies.is_some_and(|applies| applies.truth(&view.about_runner) == Ok(false)) {
        return Examined {
            suspicions,
            unknowns,
        };
    }
    let unknown = |engine: &Option<String>, subject: Option<String>, reason: &str| Unknown {
        check: check.id.clone(),
        runner: view.runner.clone(),
        engine: engine.clone(),
        subject,
        reason: reason.to_owned(),
    };
    for item in &view.section(check.for_each).items {
        match check.fails_when.truth(&item.scope) {
            Ok(true) => suspicions.push(suspect(check, item)),
            Ok(false) => {}
            Err(reason) => {
                unknowns.push(unknown(&item.engine, Some(subject(check, item)), &reason));
            }
        }
    }
    for section in &check.needs {
        for hole in &view.section(*section).holes {
            let unknown = unknown(&hole.engine, hole.subject.clone(), &hole.reason);
            if !unknowns.contains(&unknown) {
                unknowns.push(unknown);
            }
        }
    }
    Examined {
        suspicions,
        unknowns,
    }
}

fn suspect<'a>(check: &'a Check, item: &'a Item) -> Suspicion<'a> {
    let proven = match &check.proven_when {
        Some(condition) => condition.truth(&item.scope) == Ok(true),
        None => true,
    };
    let milder = check.milder.as_ref();
    let milder = milder.filter(|(_, when)| when.truth(&item.scope) == Ok(true));
    Suspicion {
        check,
        item,
        severity: milder.map_or(check.severity, |(severity, _)| *severity),
        confidence: if proven {
            Confidence::Proven
        } else {
            Confidence::Predicted
        },
        subject: subject(check, item),
    }
}

fn subject(check: &Check, item: &Item) -> String {
    let rendered = check.subject.render(&item.scope);
    if rendered.failures.is_empty() {
        rendered.text
    } else {
        item.name.clone()
    }
}

impl Judgement {
    /// Makes findings of one runner's suspicions, now that all of them are known.
    fn conclude(&mut self, suspicions: &[Suspicion], runner: &Runner) {
        let fingerprints = fingerprints(suspicions, runner);
        for (suspicion, own) in suspicions.iter().zip(&fingerprints) {
            let Suspicion { check, item, .. } = suspicion;
            let on_this_engine = |id: &str| {
                let found = suspicions.iter().zip(&fingerprints);
                let mut same = found.filter(|(s, _)| s.item.engine == item.engine);
                same.find(|(s, _)| s.check.id == id)
                    .map(|(_, print)| print.clone())
            };
            let mut message = self.render(check, &check.finding, item);
            for (other, say) in &check.also {
                if on_this_engine(other).is_some() {
                    message.push_str(&self.render(check, say, item));
                }
            }
            let wants = self.wants(check, item);
            let of_container =
                (check.for_each == Section::Containers).then_some(item.name.as_str());
            self.findings.push(Finding {
                check: check.id.clone(),
                severity: suspicion.severity,
                runner: runner.full_name(),
                engine: item.engine.clone(),
                subject: suspicion.subject.clone(),
                message,
                why: check.why.clone(),
                confidence: suspicion.confidence,
                caused_by: check.caused_by.as_deref().and_then(on_this_engine),
                remedies: crate::remedy::remedies(
                    &wants,
                    runner,
                    item.engine.as_deref().or(of_container),
                ),
                fingerprint: own.clone(),
                location: None,
                known: false,
            });
        }
    }

    fn render(&mut self, check: &Check, template: &Template, item: &Item) -> String {
        let rendered = template.render(&item.scope);
        let blame = |failure| format!("{}: {failure}", check.file);
        self.defects
            .extend(rendered.failures.into_iter().map(blame));
        rendered.text
    }

    /// What must become true. A remedy whose value is not known is none.
    fn wants(&mut self, check: &Check, item: &Item) -> BTreeMap<String, String> {
        let mut wants = BTreeMap::new();
        for (want, template) in &check.remedy {
            let defects = self.defects.len();
            let value = self.render(check, template, item);
            if self.defects.len() == defects && !value.is_empty() {
                wants.insert(want.name().to_owned(), value);
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
