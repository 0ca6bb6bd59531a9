//! Files before deployment: turns what they describe into evidence, has the same checks judge it,
//! and tells where in a file each finding stands.
//!
//! ```text
//! files ─► yaml ─► kind ─► a reader for each kind ─► Evidence ─► judge ─► findings ─► place, cure
//! ```

mod arc;
mod bitbucket_pipelines;
mod compose;
mod cure;
pub(crate) mod files;
mod gitlab_ci;
mod kind;
mod kubernetes;
pub(crate) mod network;
mod place;
mod pod;
mod presume;
mod secrets;
mod template;
mod variables;

use crate::checks::{Judgement, Library, judge};
use crate::diagnosis::Unknown;
use crate::evidence::{Evidence, Observation, Runner, Why};
use crate::yaml::{self, Node, Offset};
use files::Input;
use kind::Kind;
use network::PodNetwork;
use place::{Places, Source};
use std::collections::BTreeMap;

pub(crate) use kind::UNDERSTOOD;

/// What came of the files.
#[derive(Debug)]
pub(crate) struct Linted {
    pub(crate) evidence: Evidence,
    pub(crate) judgement: Judgement,
    /// What only a running build could tell.
    pub(crate) untold: Vec<Unknown>,
    /// Files named one by one that hold nothing that is understood.
    pub(crate) strange: Vec<String>,
    /// Files named one by one that are no YAML: where, and why.
    pub(crate) broken: Vec<String>,
    /// Files in folders that are of no kind that is understood.
    pub(crate) passed_over: usize,
    /// Things worth saying that are no findings.
    pub(crate) remarks: Vec<String>,
}

/// A runner that a file describes, and where its parts stand.
#[derive(Debug)]
struct Draft {
    runner: Runner,
    places: Places,
    dialect: Dialect,
    /// The engine that Bitbucket will start inside of this runner's, of which no file here tells.
    presumed: Option<String>,
}

/// How a file says things: what a cure must look like to be pasted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Manifest,
    Pipelines,
    Gitlab,
    Compose,
    /// RunnerDeployment and its like.
    ArcLegacy,
    /// Values of the scale set's chart.
    ArcValues,
}

/// What a reader knows of the world around its file.
struct Context<'a> {
    file: &'a str,
    /// It was named, and not only found in a folder.
    named: bool,
    pod_network: PodNetwork,
    /// ConfigMaps of all files, by name and key.
    config_maps: &'a BTreeMap<(String, String), String>,
    /// The runner in which pipelines run, where its manifest is among the files.
    home: Option<&'a Home>,
    /// A pipeline that uses Docker is among the files: it tells of the engines inside of runners.
    pipelines: bool,
}

/// What a manifest says of the engine inside of which pipelines and compose files are run.
#[derive(Clone, Debug, PartialEq)]
struct Home {
    engine: String,
    file: String,
    /// Absent where the manifest does not tell.
    mtu: Option<i64>,
    clamped: bool,
    memory_mib: Option<i64>,
    bitbucket: bool,
}

struct Parsed {
    input: Input,
    kind: Kind,
    documents: Vec<Node>,
}

/// Reads and judges files.
pub(crate) fn lint(inputs: Vec<Input>, pod_network: PodNetwork, library: &Library) -> Linted {
    let reason = Observation::unseen(Why::NotApplicable, "this was read from files");
    let mut linted = Linted {
        evidence: Evidence::new(reason),
        judgement: Judgement::default(),
        untold: Vec::new(),
        strange: Vec::new(),
        broken: Vec::new(),
        passed_over: 0,
        remarks: Vec::new(),
    };
    let parsed = parse(inputs, &mut linted);
    let drafts = read(&parsed, pod_network, &mut linted);
    linted.judge(library, &parsed, drafts);
    linted
}

fn parse(inputs: Vec<Input>, linted: &mut Linted) -> Vec<Parsed> {
    let mut parsed = Vec::new();
    for input in inputs {
        let documents = match load(&input.text) {
            Ok(documents) => documents,
            Err(broken) => {
                linted.note_broken(&input, &broken);
                continue;
            }
        };
        match kind::tell(&documents, &input.name) {
            Some(kind) => parsed.push(Parsed {
                input,
                kind,
                documents,
            }),
            None if input.named => linted.strange.push(input.name),
            None => linted.passed_over += 1,
        }
    }
    parsed
}

/// Lines that hold nothing but a template's own words are none of YAML's.
fn load(text: &str) -> Result<Vec<Node>, yaml::Broken> {
    yaml::load(text, Offset::default()).or_else(|broken| {
        let blank = without_template_lines(text);
        match blank == text {
            true => Err(broken),
            false => yaml::load(&blank, Offset::default()).map_err(|_| broken),
        }
    })
}

/// The same text, in which lines such as `{{- if .x }}` or `<%#x%>` are empty.
fn without_template_lines(text: &str) -> String {
    let is_template = |line: &str| {
        let line = line.trim();
        [("{{", "}}"), ("<%", "%>"), ("{%", "%}")]
            .iter()
            .any(|(open, close)| {
                line.starts_with(open) && line.ends_with(close) && line.matches(open).count() == 1
            })
    };
    let lines = text
        .lines()
        .map(|line| if is_template(line) { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

fn read(parsed: &[Parsed], pod_network: PodNetwork, linted: &mut Linted) -> Vec<(usize, Draft)> {
    let config_maps = kubernetes::config_maps(parsed.iter().flat_map(|p| &p.documents));
    let context =
        |parsed: &'_ Parsed| -> (String, bool) { (parsed.input.name.clone(), parsed.input.named) };
    let pipelines = parsed.iter().any(|one| {
        let mut documents = one.documents.iter();
        one.kind == Kind::BitbucketPipelines && documents.any(bitbucket_pipelines::uses_docker)
    });
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    let mut homes = Vec::new();
    // Manifests first: what they say is where the others run.
    for manifests in [true, false] {
        let home = narrowest(&homes);
        for (at, one) in parsed.iter().enumerate() {
            if manifests != one.kind.is_manifest() {
                continue;
            }
            let (file, named) = context(one);
            let context = Context {
                file: &file,
                named,
                pod_network,
                config_maps: &config_maps,
                home: home.as_ref(),
                pipelines,
            };
            let found = one.kind.read(&one.documents, &context, &mut linted.remarks);
            homes.extend(found.iter().filter_map(|draft| home_of(draft, &file)));
            drafts.extend(found.into_iter().map(|draft| (at, draft)));
        }
    }
    drafts.sort_by_key(|(at, _)| *at);
    drafts
}

fn home_of(draft: &Draft, file: &str) -> Option<Home> {
    let engine = draft.runner.engines.seen().first()?;
    let pod = draft.runner.pod_namespace();
    Some(Home {
        engine: engine.path.clone(),
        file: file.to_owned(),
        mtu: pod::engine_mtu(&draft.runner).map(|(_, mtu)| mtu),
        clamped: pod.is_some_and(|pod| pod.tcpmss.observed().is_some_and(Option::is_some)),
        memory_mib: pod::engine_memory(&draft.runner),
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
            // One without a limit may take all.
            _ => None,
        };
        narrow
    }))
}

impl Linted {
    fn judge(&mut self, library: &Library, parsed: &[Parsed], drafts: Vec<(usize, Draft)>) {
        let sources: Vec<Source> = parsed
            .iter()
            .map(|p| Source::new(&p.input.name, &p.input.text, &p.documents))
            .collect();
        for (at, draft) in drafts {
            // One at a time, for their names are the files', and a file may hold several.
            let mut evidence = Evidence::new(self.evidence.cluster.clone());
            evidence.runners.push(draft.runner);
            let mut judged = judge(library, &evidence);
            let supposed = presume::unknowns(&mut judged, draft.presumed.as_deref());
            cure::rewrite(&mut judged.findings, &evidence, draft.dialect);
            sources[at].locate(&draft.places, judged.findings.iter_mut());
            self.judgement.findings.extend(judged.findings);
            self.judgement.defects.extend(judged.defects);
            self.judgement.unknowns.extend(supposed);
            // What no file can tell is no gap of the examination.
            self.untold.extend(judged.unknowns);
            self.evidence.runners.append(&mut evidence.runners);
        }
    }

    fn note_broken(&mut self, input: &Input, broken: &yaml::Broken) {
        let yaml::Broken { line, column, what } = broken;
        let template = ["{{", "<%", "{%"]
            .iter()
            .any(|mark| input.text.contains(mark));
        let advice = match template {
            true => {
                "it is a template: render it first (helm template, kustomize build) and pipe that into `runner-doctor lint -`"
            }
            false => "mend it, or leave it out",
        };
        let said = format!(
            "{}:{line}:{column}: this is no YAML: {what}; {advice}",
            input.name
        );
        if input.named {
            self.broken.push(said);
        } else if template {
            self.passed_over += 1;
            self.remarks.push(said);
        } else {
            self.unreadable(&input.name, &said);
        }
    }

    /// A file of a folder that could not be read: it may hold anything.
    pub(crate) fn unreadable(&mut self, file: &str, reason: &str) {
        self.judgement.unknowns.push(Unknown {
            check: "lint".to_owned(),
            runner: file.to_owned(),
            engine: None,
            subject: None,
            reason: reason.to_owned(),
            caused_by: None,
        });
    }
}

#[cfg(test)]
mod tests;
