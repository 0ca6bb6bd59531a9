//! Files before deployment: turns what they describe into evidence, has the same checks judge it,
//! and tells where in a file each finding stands.
//!
//! ```text
//! files ─► yaml ─► kind ─► survey (what all of them say together)
//! each file again ─► a reader for each kind ─► Evidence ─► judge ─► findings ─► place, edits
//! ```

mod arc;
mod bitbucket_pipelines;
mod compose;
mod edits;
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
use crate::diagnosis::{Severity, Unknown};
use crate::evidence::{Evidence, Observation, Reason, Runner};
use crate::yaml::{self, Node, Offset};
use anyhow::Result;
use edits::Edits;
use files::Input;
use kind::Kind;
use network::PodNetwork;
use place::{Places, Source};
use std::collections::BTreeMap;

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
    /// The engine that Bitbucket will start inside of this runner's, of which no file here tells.
    presumed: Option<String>,
}

/// What a reader knows of the world around its file.
struct Context<'a> {
    file: &'a str,
    /// It was named, and not only found in a folder.
    named: bool,
    pod_network: PodNetwork,
    /// The daemon.json of all files' ConfigMaps, by their names.
    configs: &'a BTreeMap<String, String>,
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

/// What is known of all files before any is judged. Their texts and trees are not kept: a
/// repository may be larger than the memory.
struct Survey {
    files: Vec<(Input, Kind)>,
    configs: BTreeMap<String, String>,
    pipelines: bool,
}

/// What came of one file.
#[derive(Default)]
struct Judged {
    runners: Vec<Runner>,
    judgement: Judgement,
    untold: Vec<Unknown>,
}

/// More runners than any repository holds.
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
        passed_over: 0,
        remarks: Vec::new(),
    };
    let survey = Survey::of(inputs, &mut linted)?;
    let mut judged: Vec<(usize, Judged)> = Vec::new();
    let (mut homes, mut runners) = (Vec::new(), 0);
    // Manifests first: what they say is where the others run.
    for manifests in [true, false] {
        let home = narrowest(&homes);
        let all = survey.files.iter().enumerate();
        for (at, (input, kind)) in all.filter(|(_, (_, kind))| kind.is_manifest() == manifests) {
            let Some((text, documents)) = linted.load(input)? else {
                continue;
            };
            let context = Context {
                file: &input.name,
                named: input.named,
                pod_network,
                configs: &survey.configs,
                home: home.as_ref(),
                pipelines: survey.pipelines,
            };
            let drafts = kind.read(&documents, &context, &mut linted.remarks);
            runners += drafts.len();
            if runners > MOST_RUNNERS {
                let reason = format!(
                    "the files contain more than {MOST_RUNNERS} runners: lint fewer at a time"
                );
                linted.cannot_judge(input, anyhow::anyhow!(reason))?;
                continue;
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
    Ok(linted)
}

impl Survey {
    fn of(inputs: Vec<Input>, linted: &mut Linted) -> Result<Survey> {
        let mut survey = Survey {
            files: Vec::new(),
            configs: BTreeMap::new(),
            pipelines: false,
        };
        for input in inputs {
            let Some((_, documents)) = linted.load(&input)? else {
                continue;
            };
            let Some(kind) = kind::tell(&documents, &input.name) else {
                match input.named {
                    true => linted.strange.push(input.name),
                    false => linted.passed_over += 1,
                }
                continue;
            };
            kubernetes::configs(&documents, &mut survey.configs);
            survey.pipelines |= kind == Kind::BitbucketPipelines
                && documents.iter().any(bitbucket_pipelines::uses_docker);
            survey.files.push((input, kind));
        }
        Ok(survey)
    }
}

/// Lines that hold nothing but a template's own words are none of YAML's.
fn load(text: &str) -> Result<Vec<Node>, yaml::Broken> {
    yaml::load(text, Offset::default()).or_else(|broken| {
        let blank = yaml::without_template_lines(text);
        match blank == text {
            true => Err(broken),
            false => yaml::load(&blank, Offset::default()).map_err(|_| broken),
        }
    })
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

impl Judged {
    fn of(
        drafts: Vec<Draft>,
        source: &Source,
        text: &str,
        library: &Library,
        cluster: &Observation<crate::evidence::Cluster>,
    ) -> Judged {
        let mut all = Judged::default();
        let mut edits = Edits::of(text);
        for draft in drafts {
            // One at a time, for their names are the files', and a file may hold several.
            let mut evidence = Evidence::new(cluster.clone());
            evidence.runners.push(draft.runner);
            let mut judged = judge(library, &evidence);
            let supposed = presume::unknowns(&mut judged, draft.presumed.as_deref());
            edits.show(&mut judged.findings, source);
            source.locate(&draft.places, judged.findings.iter_mut());
            all.judgement.findings.extend(judged.findings);
            all.judgement.defects.extend(judged.defects);
            all.judgement.unknowns.extend(supposed);
            // What no file can tell is no gap of the examination.
            all.untold.extend(judged.unknowns);
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

    /// A file's text and what is in it, where it can be read.
    fn load(&mut self, input: &Input) -> Result<Option<(String, Vec<Node>)>> {
        let text = match input.text() {
            Ok(text) => text,
            Err(error) => return self.cannot_judge(input, error).map(|()| None),
        };
        match load(&text) {
            Ok(documents) => Ok(Some((text, documents))),
            Err(broken) => {
                self.note_broken(input, &text, &broken);
                Ok(None)
            }
        }
    }

    /// A file that was named must be judged; one of a folder may hold anything.
    fn cannot_judge(&mut self, input: &Input, error: anyhow::Error) -> Result<()> {
        if input.named {
            return Err(error);
        }
        self.unreadable(&input.name, &format!("{error:#}"));
        Ok(())
    }

    fn note_broken(&mut self, input: &Input, text: &str, broken: &yaml::Broken) {
        let yaml::Broken { line, column, what } = broken;
        let template = ["{{", "<%", "{%"].iter().any(|mark| text.contains(mark));
        let advice = match template {
            true => {
                "it is a template: render it first (helm template, kustomize build) and pipe that into `runner-doctor lint -`"
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
            self.passed_over += 1;
            self.remarks.push(said);
        } else {
            self.unreadable(&input.name, &said);
        }
    }

    /// A file of a folder that could not be read: it may hold anything.
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
