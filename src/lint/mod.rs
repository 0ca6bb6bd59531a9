//! Files before deployment: converts what they describe into evidence, runs the same checks on it,
//! and locates each finding in its file.
//!
//! ```text
//! files ─► yaml ─► kind ─► survey (facts from all of them)
//! each file again ─► a reader for each kind ─► Evidence ─► judge ─► findings ─► place, edits
//! ```

mod arc;
mod bitbucket_pipelines;
mod compose;
mod config;
mod declared;
mod edits;
pub(crate) mod files;
mod gitlab_ci;
mod gitlab_runner;
mod image;
mod kind;
mod kustomize;
mod mention;
mod nested_engine;
pub(crate) mod network;
mod objects;
mod other_engine;
mod place;
mod pod;
mod secrets;
mod start;
mod step_networks;
mod steps;
mod survey;
mod template;
mod variables;

use crate::checks::{Judgement, Library, judge};
use crate::diagnosis::{Severity, Unknown};
use crate::evidence::{Evidence, Observation, Reason, Runner};
use crate::systems::pods;
use crate::yaml::{self, Node, Offset, load_toml};
use anyhow::Result;
use edits::Edits;
use files::Input;
use kind::Kind;
use mention::{PassedOver, Why};
use network::PodNetwork;
pub(crate) use place::difference;
use place::{Places, Source};
use std::cell::Cell;
use std::collections::BTreeSet;
use survey::Survey;

/// The result of linting.
#[derive(Debug)]
pub(crate) struct Linted {
    pub(crate) evidence: Evidence,
    pub(crate) judgement: Judgement,
    /// Unknowns that only a running build could resolve.
    pub(crate) untold: Vec<Unknown>,
    /// Files given explicitly that contain nothing recognized, and what they look like.
    pub(crate) strange: Vec<(String, Option<&'static str>)>,
    /// Files given explicitly that are not valid YAML: where, and why.
    pub(crate) broken: Vec<String>,
    /// Files that could not be judged as is.
    pub(crate) passed_over: PassedOver,
    /// Remarks that are not findings.
    pub(crate) remarks: Vec<String>,
    /// Files that contain Secrets and no runner.
    lone_secrets: BTreeSet<usize>,
}

/// A runner that a file describes, and the positions of its parts.
#[derive(Debug)]
struct Draft {
    runner: Runner,
    places: Places,
    /// The engine that Bitbucket will start inside this runner's, which no file here describes.
    presumed: Option<String>,
}

/// The context of a file for its reader.
struct Context<'a> {
    file: &'a str,
    /// It was given explicitly, not found in a directory.
    named: bool,
    pod_network: PodNetwork,
    /// The daemon.json files in the ConfigMaps of all files.
    configs: &'a config::Configs,
    /// GitLab pipeline variables from other files.
    variables: &'a [(String, String)],
    /// The runner in which pipelines run, if its manifest is among the files.
    home: Option<&'a Home>,
    /// A pipeline that uses Docker is among the files: it describes the engines inside runners.
    pipelines: bool,
    /// The file was given explicitly, is next to a runner's manifest, or is in such a pipeline's repository.
    beside: bool,
    /// A pod in it was read, and starts no engine.
    dismissed: &'a Cell<bool>,
}

/// What a manifest shows of the engine in which pipelines and Compose files run.
#[derive(Clone, Debug, PartialEq)]
struct Home {
    engine: String,
    file: String,
    /// Absent if the manifest does not show it.
    mtu: Option<i64>,
    clamped: bool,
    memory_mib: Option<i64>,
    bitbucket: bool,
}

/// The result for one file.
#[derive(Default)]
struct Judged {
    runners: Vec<Runner>,
    judgement: Judgement,
    untold: Vec<Unknown>,
}

/// Far above the number of runners in any repository.
const MOST_RUNNERS: usize = 2_000;

/// Reads and judges files, one after another.
pub(crate) fn lint(
    inputs: Vec<Input>,
    pod_network: PodNetwork,
    library: &Library,
) -> Result<Linted> {
    let reason = Observation::Unobserved(Reason::FilesOnly);
    let mut linted = Linted {
        evidence: Evidence::new(reason),
        judgement: Judgement::default(),
        untold: Vec::new(),
        strange: Vec::new(),
        broken: Vec::new(),
        passed_over: PassedOver::default(),
        remarks: Vec::new(),
        lone_secrets: BTreeSet::new(),
    };
    let survey = Survey::of(inputs, &mut linted)?;
    let mut judged: Vec<(usize, Judged)> = Vec::new();
    let (mut homes, mut runners) = (Vec::new(), 0);
    let mut wanted = BTreeSet::new();
    // Manifests first: they determine where the others run, and whose a Secret is.
    for phase in [Phase::Manifests, Phase::Others, Phase::Secrets] {
        let home = narrowest(&homes);
        for (at, (input, reader)) in survey.files.iter().enumerate() {
            let is_manifest = reader.kind == Kind::Manifest;
            let skip = match phase {
                Phase::Manifests => !is_manifest,
                Phase::Others => is_manifest,
                Phase::Secrets => !linted.lone_secrets.contains(&at),
            };
            if skip {
                continue;
            }
            let Some((text, documents)) = linted.load(input)? else {
                continue;
            };
            let variables = survey.gitlab_variables(&input.name);
            let dismissed = Cell::new(false);
            let context = Context {
                dismissed: &dismissed,
                file: &input.name,
                named: input.named,
                pod_network,
                configs: &survey.configs,
                variables: &variables,
                home: home.as_ref(),
                pipelines: survey.pipelines,
                beside: match input.named {
                    true => home.is_some() || survey.pipelines,
                    false => survey.is_beside(&input.name, &homes),
                },
            };
            let drafts = match phase {
                Phase::Secrets => {
                    let secrets = objects::lone_secrets(&documents, &context, &wanted);
                    secrets.into_iter().collect()
                }
                _ => (reader.read)(&documents, &context, &mut linted.remarks),
            };
            if drafts.is_empty() {
                let text = if dismissed.get() { "" } else { text.as_str() };
                linted.note_empty(at, phase, input, text, &documents);
            }
            runners += drafts.len();
            if runners > MOST_RUNNERS {
                let reason = format!(
                    "the files contain more than {MOST_RUNNERS} runners: lint fewer at a time"
                );
                linted.cannot_judge(input, anyhow::anyhow!(reason))?;
                continue;
            }
            if is_manifest && !drafts.is_empty() {
                documents
                    .iter()
                    .for_each(|d| objects::names_of_secrets(d, &mut wanted));
            }
            homes.extend(
                drafts
                    .iter()
                    .filter_map(|draft| home_of(draft, &input.name)),
            );
            if !drafts.is_empty() {
                let source = Source::new(&input.name, &text, &documents);
                let cluster = &linted.evidence.cluster;
                judged.push((at, Judged::of(drafts, &source, &text, library, cluster)));
            }
        }
    }
    judged.sort_by_key(|(at, _)| *at);
    for (_, one) in judged {
        linted.add(one);
    }
    let unknowns = linted.passed_over.unknowns();
    linted.judgement.unknowns.extend(unknowns);
    Ok(linted)
}

/// The phases in which files are read.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Manifests,
    Others,
    Secrets,
}

/// The documents of a text: YAML (which includes JSON) or TOML.
fn load(text: &str) -> Result<Vec<Node>, yaml::Broken> {
    yaml::load(text, Offset::default())
}

fn load_as(name: &str, text: &str) -> Result<Vec<Node>, yaml::Broken> {
    match name.ends_with(".toml") {
        true => load_toml(text, Offset::default()).map(|document| vec![document]),
        false => load(text),
    }
}

fn home_of(draft: &Draft, file: &str) -> Option<Home> {
    let engine = draft.runner.engines.seen().first()?;
    let pod = draft.runner.pod_namespace();
    Some(Home {
        engine: engine.path.clone(),
        file: file.to_owned(),
        mtu: declared::engine_mtu(&draft.runner).map(|(_, mtu)| mtu),
        clamped: pod.is_some_and(|pod| pod.tcpmss.observed().is_some_and(Option::is_some)),
        memory_mib: declared::engine_memory(&draft.runner),
        bitbucket: draft.runner.provider == crate::evidence::Provider::Bitbucket,
    })
}

/// A step may run in any of several runners: what fits the narrowest fits all.
fn narrowest(homes: &[Home]) -> Option<Home> {
    let mut all = homes.iter();
    let first = all.next()?.clone();
    Some(all.fold(first, |mut narrow, home| {
        if home.mtu.unwrap_or(i64::MAX) < narrow.mtu.unwrap_or(i64::MAX) {
            narrow = Home {
                memory_mib: narrow.memory_mib,
                clamped: narrow.clamped && home.clamped,
                bitbucket: narrow.bitbucket || home.bitbucket,
                ..home.clone()
            };
        }
        narrow.clamped &= home.clamped;
        narrow.bitbucket |= home.bitbucket;
        narrow.memory_mib = match (narrow.memory_mib, home.memory_mib) {
            (Some(a), Some(b)) => Some(a.min(b)),
            // A runner without a limit may use all memory.
            _ => None,
        };
        narrow
    }))
}

impl Judged {
    fn of(
        drafts: Vec<Draft>,
        source: &Source,
        text: &str,
        library: &Library,
        cluster: &Observation<crate::evidence::Cluster>,
    ) -> Judged {
        let mut all = Judged::default();
        let mut edits = Edits::of(&source.name, text);
        for draft in drafts {
            // One at a time: their names come from the files, and one file may hold several.
            let mut evidence = Evidence::new(cluster.clone());
            evidence.runners.push(draft.runner);
            let mut judged = judge(library, &evidence);
            let supposed = nested_engine::unknowns(&mut judged, draft.presumed.as_deref());
            edits.show(&mut judged.findings, source);
            source.locate(&draft.places, judged.findings.iter_mut());
            all.judgement.findings.extend(judged.findings);
            all.judgement.defects.extend(judged.defects);
            all.judgement.unknowns.extend(supposed);
            // What no file can show is not a gap in the results.
            let of_files = |unknown: &Unknown| {
                unknown.severity == Severity::Error
                    && unknown.reasons.iter().any(Reason::is_of_files)
            };
            let (gaps, untold): (Vec<_>, Vec<_>) = judged.unknowns.into_iter().partition(of_files);
            all.judgement.unknowns.extend(gaps);
            all.untold.extend(untold);
            all.runners.append(&mut evidence.runners);
        }
        all
    }
}

impl Linted {
    fn add(&mut self, one: Judged) {
        self.judgement.findings.extend(one.judgement.findings);
        self.judgement.defects.extend(one.judgement.defects);
        self.judgement.unknowns.extend(one.judgement.unknowns);
        self.untold.extend(one.untold);
        self.evidence.runners.extend(one.runners);
    }

    /// A file's text and its documents, if it can be read.
    fn load(&mut self, input: &Input) -> Result<Option<(String, Vec<Node>)>> {
        let Some(text) = self.text(input)? else {
            return Ok(None);
        };
        let documents = self.parse(input, &text);
        Ok(documents.map(|documents| (text, documents)))
    }

    fn text(&mut self, input: &Input) -> Result<Option<String>> {
        match input.text() {
            Ok(text) => Ok(Some(text)),
            Err(error) => self.cannot_judge(input, error).map(|()| None),
        }
    }

    fn parse(&mut self, input: &Input, text: &str) -> Option<Vec<Node>> {
        match load_as(&input.name, text) {
            Ok(documents) => Some(documents),
            Err(broken) => {
                self.note_broken(input, text, &broken);
                None
            }
        }
    }

    /// A file given explicitly must be judged; one in a directory may contain anything.
    fn cannot_judge(&mut self, input: &Input, error: anyhow::Error) -> Result<()> {
        if input.named {
            return Err(error);
        }
        self.unreadable(&input.name, &format!("{error:#}"));
        Ok(())
    }

    /// A file that was read and contains no runner.
    fn note_empty(
        &mut self,
        at: usize,
        phase: Phase,
        input: &Input,
        text: &str,
        documents: &[Node],
    ) {
        if phase == Phase::Manifests && objects::holds_secret(documents) {
            self.lone_secrets.insert(at);
        }
        if phase != Phase::Secrets {
            let of_kubernetes = text.contains("[runners.kubernetes");
            if input.named && pods::is_runner_config(text) && of_kubernetes {
                self.remarks.push(format!(
                    "{}: no service of the Kubernetes executor is a Docker engine: lint the .gitlab-ci.yml whose services start it",
                    input.name
                ));
            }
            // A schema contains all the words without describing an engine.
            let podless = objects::have_no_pod(documents);
            let text = if podless { "" } else { text };
            let of_chart = text.contains("{{") && text.contains(".Values.");
            let why = if of_chart {
                Why::Template
            } else {
                Why::NoRunner
            };
            self.passed_over.add(why, &input.name, text);
        }
    }

    fn note_broken(&mut self, input: &Input, text: &str, broken: &yaml::Broken) {
        let yaml::Broken { line, column, what } = broken;
        let marks = ["{{", "<%", "{%", "%{"].iter();
        let named = [".tpl", ".tmpl", ".gotmpl", ".j2", ".erb"].iter();
        let template = marks.clone().any(|mark| text.contains(mark))
            || named.clone().any(|ending| input.name.ends_with(ending));
        let foreign = input.name.ends_with(".json") || input.name.ends_with(".toml");
        let advice = match template {
            true => {
                "it is a template: render it first (helm template, kubectl kustomize) and pipe that into `runner-doctor lint -`"
            }
            false => "fix it, or exclude it",
        };
        let said = format!(
            "{}:{line}:{column}: invalid YAML: {what}; {advice}",
            input.name
        );
        if input.named {
            self.broken.push(said);
        } else if template {
            self.passed_over.add(Why::Template, &input.name, text);
        } else if foreign {
            // JSON with comments, for example, is common.
            self.passed_over.add(Why::OtherKind, &input.name, text);
        } else {
            self.unreadable(&input.name, &said);
        }
    }

    /// A file in a directory that could not be read: it may contain anything.
    fn unreadable(&mut self, file: &str, said: &str) {
        self.judgement.unknowns.push(Unknown {
            check: "lint".to_owned(),
            severity: Severity::Error,
            runner: file.to_owned(),
            engine: None,
            subject: None,
            reasons: vec![Reason::FileUnreadable {
                said: said.to_owned(),
            }],
            caused_by: None,
        });
    }
}

#[cfg(test)]
mod tests;
