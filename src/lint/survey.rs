//! What is known of all files before any is judged. File contents and syntax trees are not kept: a
//! repository may be larger than memory.

use super::config::{self, Configs};
use super::files::Input;
use super::kind::{self, Kind, Reader};
use super::kustomize::{self, Kustomizations};
use super::mention::Why;
use super::{Home, Linted, bitbucket_pipelines, gitlab_ci, load, objects};
use crate::files;
use crate::yaml::Node;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) struct Survey {
    pub(super) files: Vec<(Input, &'static Reader)>,
    pub(super) configs: Configs,
    /// Whether a pipeline among the files uses Docker.
    pub(super) pipelines: bool,
    gitlab: BTreeMap<PathBuf, Gitlab>,
    /// Folders of pipelines that use Docker on self-hosted runners.
    folders: Vec<PathBuf>,
}

/// What a GitLab CI file provides to the files that it belongs with.
struct Gitlab {
    variables: Vec<(String, String)>,
    includes: Vec<PathBuf>,
}

/// More than any pipeline includes.
const MOST_INCLUDED: usize = 200;

impl Survey {
    pub(super) fn of(inputs: Vec<Input>, linted: &mut Linted) -> Result<Survey> {
        let mut survey = Survey {
            files: Vec::new(),
            configs: BTreeMap::new(),
            pipelines: false,
            gitlab: BTreeMap::new(),
            folders: Vec::new(),
        };
        let kustomizations = kustomizations(&inputs);
        let mut known: BTreeSet<String> = inputs.iter().map(|input| input.name.clone()).collect();
        let mut open: Vec<Input> = inputs.into_iter().rev().collect();
        while let Some(input) = open.pop() {
            let Some(text) = linted.text(&input)? else {
                continue;
            };
            if !input.named && has_only_definitions(&text) {
                linted.passed_over.add(Why::NoRunner, &input.name, "");
                continue;
            }
            let Some(documents) = linted.parse(&input, &text) else {
                continue;
            };
            if kustomizations.is_part(&input.name, &documents) {
                linted.passed_over.add(Why::Kustomize, &input.name, &text);
                if input.named {
                    linted.remarks.push(format!(
                        "{}: a kustomization changes it, so it was not checked as it stands: kubectl kustomize . | runner-doctor lint -",
                        input.name
                    ));
                }
                continue;
            }
            let Some(reader) = kind::tell(&documents, &input.name) else {
                if input.named {
                    let looks = kind::looks_like(&documents, &input.name);
                    linted.strange.push((input.name, looks));
                } else if !documents.is_empty() {
                    let podless = objects::have_no_pod(&documents);
                    let text = if podless { "" } else { text.as_str() };
                    linted.passed_over.add(Why::OtherKind, &input.name, text);
                }
                continue;
            };
            config::collect(&documents, &mut survey.configs);
            if reader.kind == Kind::BitbucketPipelines {
                let uses_docker = documents.iter().any(bitbucket_pipelines::uses_docker);
                survey.pipelines |= uses_docker;
                if uses_docker && documents.iter().any(bitbucket_pipelines::has_own_runner) {
                    survey.folders.push(folder(&input.name));
                }
            }
            // Most objects are unrelated to runners and are not parsed again.
            if reader.kind == Kind::Manifest && !input.named && !may_hold_runner(&text) {
                linted.passed_over.add(Why::NoRunner, &input.name, "");
                continue;
            }
            if reader.kind == Kind::GitlabCi {
                for included in survey.gitlab_file(&input, &documents) {
                    let name = files::shown(&included);
                    let is_new = known.len() < MOST_INCLUDED || !input.named;
                    if is_new && input.is_file() && included.is_file() && known.insert(name) {
                        open.push(Input::below(included));
                    }
                }
            }
            survey.files.push((input, reader));
        }
        Ok(survey)
    }

    /// Records the file and returns the files that it includes, below the folder of the root file.
    fn gitlab_file(&mut self, input: &Input, documents: &[Node]) -> Vec<PathBuf> {
        let path = kustomize::normal(Path::new(&input.name));
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        let local = gitlab_ci::includes(documents).into_iter();
        let includes: Vec<PathBuf> = local
            .filter(|local| !local.contains('*') && !local.split('/').any(|part| part == ".."))
            .map(|local| kustomize::normal(&root.join(local)))
            .collect();
        let variables = gitlab_ci::variables(documents);
        let own = Gitlab {
            variables,
            includes: includes.clone(),
        };
        self.gitlab.insert(path, own);
        includes
    }

    /// Whether a file is next to the manifest of a runner, or below a pipeline that uses Docker.
    pub(super) fn is_beside(&self, file: &str, homes: &[Home]) -> bool {
        let own = folder(file);
        homes.iter().any(|home| folder(&home.file) == own)
            || self
                .folders
                .iter()
                .any(|pipeline| own.starts_with(pipeline))
    }

    /// The variables of the files that include this one, and of those that it includes.
    pub(super) fn gitlab_variables(&self, file: &str) -> Vec<(String, String)> {
        let path = kustomize::normal(Path::new(file));
        let around = self
            .gitlab
            .values()
            .filter(|other| other.includes.contains(&path));
        let own = self.gitlab.get(&path);
        let inside = own.into_iter().flat_map(|own| &own.includes);
        let inside = inside.filter_map(|included| self.gitlab.get(included));
        let all = around.chain(inside).flat_map(|other| &other.variables);
        all.take(1_000).cloned().collect()
    }
}

fn folder(file: &str) -> PathBuf {
    let path = kustomize::normal(Path::new(file));
    path.parent().unwrap_or(Path::new("")).to_owned()
}

/// Whether it contains only CRDs: such files are the largest of a repository and are not parsed.
fn has_only_definitions(text: &str) -> bool {
    let mut kinds = text.lines().filter(|line| line.starts_with("kind:"));
    let is_definition = |line: &str| line.trim_end() == "kind: CustomResourceDefinition";
    kinds.next().is_some_and(is_definition) && kinds.all(is_definition)
}

/// Whether a text has any of the words that a runner, an engine or their Secrets require.
fn may_hold_runner(text: &str) -> bool {
    const WORDS: [&str; 6] = ["docker", "dind", "runner", "RUNNER", "Secret", "jnlp"];
    WORDS.iter().any(|word| text.contains(word))
}

/// The kustomizations among the files, and next to the files that were passed explicitly.
fn kustomizations(inputs: &[Input]) -> Kustomizations {
    let mut all = Kustomizations::default();
    let mut add = |name: &str, text: &str| {
        if let Ok(documents) = load(text) {
            all.add(name, &documents);
        }
    };
    for input in inputs {
        if kustomize::is_one(&input.name) {
            if let Ok(text) = input.text() {
                add(&input.name, &text);
            }
        } else if input.named && input.is_file() {
            for name in ["kustomization.yaml", "kustomization.yml"] {
                let beside = Path::new(&input.name).with_file_name(name);
                if beside.is_file()
                    && let Ok(text) = files::read(&beside, files::MANIFEST)
                {
                    add(&files::shown(&beside), &text);
                }
            }
        }
    }
    all.resolve(|path| {
        let text = files::read(path, files::MANIFEST).ok()?;
        load(&text).ok()
    });
    all
}
