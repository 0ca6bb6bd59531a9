//! The explanation of a check: its file, an executed example, and its fix on each CI system.

use crate::checks::{Check, judge_alone, page};
use crate::diagnosis::{Finding, Remedy, Severity};
use crate::evidence::{Evidence, Owner, Provider, Runner};
use serde::Serialize;

#[derive(Clone, Serialize)]
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
    /// Log lines that identify the fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) in_logs: Vec<&'a str>,
    /// Checks whose fix removes its findings too.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) caused_by: &'a [String],
    pub(super) references: &'a [String],
    pub(super) file: &'a str,
    /// The address of its page. Absent for custom checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<String>,
    /// Whether the example and the fixes come from the reader's recording.
    #[serde(skip)]
    pub(super) is_of_recording: bool,
}

/// How the fault is detected.
#[derive(Clone, Serialize)]
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

#[derive(Clone, Serialize)]
pub(super) struct Example<'a> {
    pub(super) name: &'a str,
    pub(super) message: String,
}

/// What fixes the example, for CI systems that share it.
#[derive(Clone, Serialize)]
pub(super) struct Fix {
    /// The engine to fix, if the example has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) engine: Option<String>,
    pub(super) providers: Vec<Provider>,
    pub(super) remedies: Vec<Remedy>,
}

impl<'a> Explanation<'a> {
    /// Explains the check with the runners of a recording if it finds something there, otherwise with
    /// its first case.
    pub(super) fn of(check: &'a Check, recording: Option<&Evidence>) -> Self {
        let seen = recording.and_then(|evidence| seen(check, evidence));
        let is_of_recording = seen.is_some();
        let (example, fixes) = match seen {
            Some((message, fixes)) => {
                let name = "in this recording";
                (Some(Example { name, message }), Some(fixes))
            }
            None => example(check).unzip(),
        };
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
            example,
            in_logs: check.symptoms.iter().map(|s| s.example.as_str()).collect(),
            caused_by: check.causes(),
            references: &check.references,
            file: &check.file,
            page: page(&check.id),
            is_of_recording,
        }
    }

    /// The command that detects the fault.
    pub(super) fn command(&self) -> String {
        let confirms = self.detected.applies_when == Some("runner.downloads_tried");
        match self.group {
            "file" => format!("lint . --check {}", self.id),
            _ if confirms => format!("check --confirm URL --check {}", self.id),
            _ => format!("check --check {}", self.id),
        }
    }

    /// Only the fixes for one CI system.
    pub(super) fn only(&mut self, provider: Provider) {
        self.fixes.retain(|fix| fix.providers.contains(&provider));
    }
}

/// The check's first message for a recording, and the fixes with the names of its runners.
fn seen(check: &Check, evidence: &Evidence) -> Option<(String, Vec<Fix>)> {
    let findings = judge_alone(check, evidence).findings;
    let message = findings.first()?.message.clone();
    let mut fixes = Vec::new();
    for finding in findings {
        let named = |runner: &&Runner| runner.full_name() == finding.runner;
        let runner = evidence.runners.iter().find(named);
        let provider = runner.map_or(Provider::Generic, |runner| runner.provider);
        add(&mut fixes, finding.engine, provider, finding.remedies);
    }
    Some((message, fixes))
}

/// The first case whose finding has a fix, otherwise the first with a finding, and its fix on each CI
/// system.
fn example(check: &Check) -> Option<(Example<'_>, Vec<Fix>)> {
    let found = check.cases.iter().filter_map(|case| {
        let evidence = anonymous(&case.evidence().ok()?)?;
        let finding = judge_alone(check, &evidence).findings.into_iter().next()?;
        Some((case, evidence, finding))
    });
    let mut found: Vec<_> = found.collect();
    let fixed = found.iter().position(|(.., f)| !f.remedies.is_empty());
    if found.is_empty() {
        return None;
    }
    let (case, evidence, finding) = found.swap_remove(fixed.unwrap_or(0));
    let example = Example {
        name: &case.name,
        message: finding.message,
    };
    Some((example, fixes(check, &evidence)))
}

/// Evidence with placeholders for the baseline's names, which mean nothing to the reader.
fn anonymous(evidence: &Evidence) -> Option<Evidence> {
    const NAMES: [(&str, &str); 6] = [
        ("docker-in-docker", "ENGINE"),
        ("bb_docker", "NESTED"),
        ("bitbucket-k8s-runner", "RUNNER"),
        ("bitbucket-runner", "NAMESPACE"),
        ("runner-2jpsg", "POD"),
        ("worker-1", "NODE"),
    ];
    let mut text = serde_json::to_string(evidence).ok()?;
    for (name, placeholder) in NAMES {
        text = text.replace(name, placeholder);
    }
    serde_json::from_str(&text).ok()
}

/// The fixes for the same fault on each CI system.
fn fixes(check: &Check, evidence: &Evidence) -> Vec<Fix> {
    let mut fixes = Vec::new();
    for provider in Provider::ALL.iter().copied() {
        let mut evidence = evidence.clone();
        make(&mut evidence, provider);
        let findings = judge_alone(check, &evidence).findings;
        let several = findings.len() > 1;
        for Finding {
            engine, remedies, ..
        } in findings
        {
            add(&mut fixes, engine.filter(|_| several), provider, remedies);
        }
    }
    fixes
}

fn add(fixes: &mut Vec<Fix>, engine: Option<String>, provider: Provider, remedies: Vec<Remedy>) {
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

fn make(evidence: &mut Evidence, provider: Provider) {
    for runner in &mut evidence.runners {
        runner.provider = provider;
        runner.owner = provider.system().owner.map(|(kind, name)| Owner {
            kind: kind.to_owned(),
            name: name.to_uppercase(),
        });
    }
}

impl Fix {
    pub(super) fn is_for_all(&self) -> bool {
        self.providers.len() == Provider::ALL.len()
    }

    /// ` on Bitbucket and GitLab, for docker-in-docker/bb_docker`; empty if the fix is for all.
    pub(super) fn scope(&self) -> String {
        let names: Vec<_> = self
            .providers
            .iter()
            .map(|provider| provider.system().name)
            .collect();
        let mut scope = match names.as_slice() {
            _ if self.is_for_all() => String::new(),
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

/// The word that joins a remedy to the previous ones.
pub(super) fn word(rank: usize, remedy: &Remedy) -> &'static str {
    match (rank, remedy.together) {
        (0, _) => "Fix",
        (_, true) => "And",
        (_, false) => "Or",
    }
}
