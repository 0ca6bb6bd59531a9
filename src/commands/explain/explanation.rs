//! The explanation of a check: its file, an example that is executed, and its fix on each CI system.

use crate::checks::{Check, case, judge_alone};
use crate::diagnosis::{Finding, Remedy, Severity};
use crate::evidence::{Evidence, Owner, Provider};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Explanation<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) severity: Severity,
    pub(super) group: &'a str,
    pub(super) why: &'a str,
    pub(super) detected: Detection<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<Example<'a>>,
    #[serde(rename = "cures")]
    pub(super) fixes: Vec<Fix>,
    /// Lines of logs by which it is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) in_logs: Vec<&'a str>,
    /// Checks whose fix removes its findings too.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) caused_by: &'a [String],
    pub(super) references: &'a [String],
    pub(super) file: &'a str,
}

/// How it is told.
#[derive(Serialize)]
pub(super) struct Detection<'a> {
    pub(super) for_each: String,
    pub(super) fails_when: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) applies_when: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proven_when: Option<&'a str>,
    /// The command that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) probe: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Example<'a> {
    pub(super) name: &'a str,
    pub(super) message: String,
}

/// What fixes the example, for CI systems that share it.
#[derive(Serialize)]
pub(super) struct Fix {
    /// The engine that it is for, where the example has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) engine: Option<String>,
    pub(super) providers: Vec<Provider>,
    pub(super) remedies: Vec<Remedy>,
}

impl<'a> Explanation<'a> {
    pub(super) fn of(check: &'a Check) -> Self {
        let example = example(check);
        let fixes = example.as_ref().map(|(case, _)| fixes(check, case));
        Explanation {
            id: &check.id,
            title: &check.title,
            severity: check.severity,
            group: &check.group,
            why: check.why.trim(),
            detected: Detection {
                for_each: check.for_each.to_string(),
                fails_when: check.rule(),
                applies_when: check.applies_when(),
                proven_when: check.proven_when(),
                probe: check.command(),
            },
            fixes: fixes.unwrap_or_default(),
            example: example.map(|(case, finding)| Example {
                name: &case.name,
                message: finding.message,
            }),
            in_logs: check.symptoms.iter().map(|s| s.example.as_str()).collect(),
            caused_by: check.causes(),
            references: &check.references,
            file: &check.file,
        }
    }
}

/// The first case that finds something curable, else the first that finds something.
fn example(check: &Check) -> Option<(&case::Case, Finding)> {
    let told = check.cases.iter().filter_map(|case| {
        let findings = case::run(check, case).judgement.findings;
        Some((case, findings.into_iter().next()?))
    });
    let mut told: Vec<_> = told.collect();
    let curable = told
        .iter()
        .position(|(_, found)| !found.remedies.is_empty());
    match told.is_empty() {
        true => None,
        false => Some(told.swap_remove(curable.unwrap_or(0))),
    }
}

/// The same fault on each CI system.
fn fixes(check: &Check, case: &case::Case) -> Vec<Fix> {
    let mut fixes: Vec<Fix> = Vec::new();
    for provider in Provider::ALL.iter().copied() {
        let Ok(mut evidence) = case.evidence() else {
            continue;
        };
        make(&mut evidence, provider);
        let findings = judge_alone(check, &evidence).findings;
        let several = findings.len() > 1;
        for Finding {
            engine, remedies, ..
        } in findings
        {
            let engine = engine.filter(|_| several);
            let alike = |fix: &&mut Fix| fix.remedies == remedies && fix.engine == engine;
            match fixes.iter_mut().find(alike) {
                _ if remedies.is_empty() => {}
                Some(fix) if fix.providers.contains(&provider) => {}
                Some(fix) => fix.providers.push(provider),
                None => fixes.push(Fix {
                    engine,
                    providers: vec![provider],
                    remedies,
                }),
            }
        }
    }
    fixes
}

fn make(evidence: &mut Evidence, provider: Provider) {
    for runner in &mut evidence.runners {
        runner.provider = provider;
        runner.owner = provider.system().owner.map(|(kind, name)| Owner {
            kind: kind.to_owned(),
            name: name.to_owned(),
        });
    }
}

impl Fix {
    /// ` on Bitbucket and GitLab, for docker-in-docker/bb_docker`; nothing where it is for all.
    pub(super) fn scope(&self) -> String {
        let names: Vec<_> = self
            .providers
            .iter()
            .map(|provider| provider.system().name)
            .collect();
        let mut scope = match names.as_slice() {
            all if all.len() == Provider::ALL.len() => String::new(),
            [] => String::new(),
            [one] => format!(" on {one}"),
            [first @ .., last] => format!(" on {} and {last}", first.join(", ")),
        };
        if let Some(engine) = &self.engine {
            scope += &format!(", for {engine}");
        }
        scope
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error: builds fail or hang",
        Severity::Warning => "warning: builds may fail later",
        Severity::Info => "info: context",
    }
}

/// What joins a remedy to those before it.
pub(super) fn word(rank: usize, remedy: &Remedy) -> &'static str {
    match (rank, remedy.together) {
        (0, _) => "Fix",
        (_, true) => "And",
        (_, false) => "Or",
    }
}
