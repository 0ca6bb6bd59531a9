//! The kinds of files that are read: one list of readers, each of which recognizes a file by its
//! contents; the name is only a hint.

use super::{
    Context, Draft, arc, bitbucket_pipelines, compose, gitlab_ci, gitlab_runner, objects, steps,
};
use crate::systems::pods;
use crate::yaml::Node;

/// The reader of one kind of file.
pub(super) struct Reader {
    pub(super) kind: Kind,
    is_one: fn(&[Node], &str) -> bool,
    pub(super) read: fn(&[Node], &Context<'_>, &mut Vec<String>) -> Vec<Draft>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Describes the pods of runners, against which other files are judged.
    Manifest,
    BitbucketPipelines,
    GitlabCi,
    Other,
}

/// In the order in which they claim a file.
const READERS: [Reader; 7] = [
    Reader {
        kind: Kind::Manifest,
        is_one: |documents, _| documents.iter().any(objects::is_object),
        read: |documents, context, _| objects::read(documents, context),
    },
    Reader {
        kind: Kind::BitbucketPipelines,
        is_one: |documents, name| map(documents, |d| bitbucket_pipelines::is_one(d, name)),
        read: |documents, context, remarks| {
            let each = documents.iter();
            each.filter_map(|d| bitbucket_pipelines::read(d, context, remarks))
                .collect()
        },
    },
    Reader {
        kind: Kind::Other,
        is_one: |documents, name| documents.iter().any(|d| steps::is_one(d, name)),
        read: |documents, context, _| {
            let each = documents.iter();
            each.filter_map(|d| steps::read(d, context)).collect()
        },
    },
    Reader {
        kind: Kind::Other,
        is_one: |documents, name| map(documents, |d| compose::is_one(d, name)),
        read: |documents, context, remarks| {
            let each = documents.iter();
            each.filter_map(|d| compose::read(d, context, remarks))
                .collect()
        },
    },
    Reader {
        kind: Kind::GitlabCi,
        is_one: |documents, name| documents.iter().any(|d| gitlab_ci::is_one(d, name)),
        read: |documents, context, _| gitlab_ci::read(documents, context).into_iter().collect(),
    },
    Reader {
        kind: Kind::Manifest,
        is_one: |documents, _| map(documents, gitlab_runner::is_one),
        read: |documents, context, remarks| {
            let each = || documents.iter();
            remarks.extend(each().filter_map(|d| gitlab_runner::remark(d, context)));
            each()
                .flat_map(|d| gitlab_runner::read(d, context))
                .collect()
        },
    },
    // Chart values, and any other file that contains a pod.
    Reader {
        kind: Kind::Manifest,
        is_one: |documents, _| documents.iter().any(|d| has_runner(d, 0)),
        read: |documents, context, _| objects::read(documents, context),
    },
];

pub(super) fn tell(documents: &[Node], file: &str) -> Option<&'static Reader> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    READERS
        .iter()
        .find(|reader| (reader.is_one)(documents, name))
}

fn map(documents: &[Node], is_one: impl Fn(&Node) -> bool) -> bool {
    let first = documents.iter().find(|document| document.is_map());
    first.is_some_and(is_one)
}

fn has_runner(node: &Node, depth: usize) -> bool {
    let in_text = |text: &str| {
        pods::is_runner_config(text) || text.contains("containers:") && text.contains('\n')
    };
    node.is_map() && (arc::is_values(node) || pods::is_pod(node))
        || node.text().is_some_and(in_text)
        || depth < pods::DEEPEST
            && (node.items().iter().any(|item| has_runner(item, depth + 1))
                || node
                    .entries()
                    .iter()
                    .any(|(_, value)| has_runner(value, depth + 1)))
}

/// What a file of no known kind looks like, for users who passed it explicitly.
pub(super) fn looks_like(documents: &[Node], file: &str) -> Option<&'static str> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let document = documents.iter().find(|document| document.is_map())?;
    let has = |key: &str| document.get(key).is_some();
    let rows = [
        (has("jobs") && has("on"), "a workflow of GitHub Actions"),
        (has("jobs") && has("version"), "a configuration of CircleCI"),
        (
            has("resources") && name.starts_with("kustomization"),
            "a kustomization (render it: kubectl kustomize . | runner-doctor lint -)",
        ),
        (
            has("pipelines") || has("pipeline"),
            "a pipeline of another system than Bitbucket",
        ),
        (
            has("stages") || has("trigger") || has("pool"),
            "a pipeline of another CI system",
        ),
        (has("services"), "services of another tool than Compose"),
        (
            has("image") || has("replicaCount") || name.starts_with("values"),
            "values of a Helm chart (render it: helm template . | runner-doctor lint -)",
        ),
    ];
    rows.into_iter().find(|(is, _)| *is).map(|(_, words)| words)
}
