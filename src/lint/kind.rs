//! What kind of file a text is: told by what is in it; its name only helps.

use super::{Context, Draft, arc, bitbucket_pipelines, compose, gitlab_ci, kubernetes};
use crate::yaml::Node;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Kubernetes,
    BitbucketPipelines,
    GitlabCi,
    ArcValues,
    Compose,
}

pub(crate) fn tell(documents: &[Node], file: &str) -> Option<Kind> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    if documents.iter().any(kubernetes::is_object) {
        return Some(Kind::Kubernetes);
    }
    let document = documents.iter().find(|document| document.is_map())?;
    let kinds = [
        (
            Kind::BitbucketPipelines,
            bitbucket_pipelines::is_one(document, name),
        ),
        (Kind::Compose, compose::is_one(document, name)),
        (
            Kind::GitlabCi,
            documents.iter().any(|d| gitlab_ci::is_one(d, name)),
        ),
        (Kind::ArcValues, arc::is_values(document)),
    ];
    let found = kinds.into_iter().find(|(_, is_one)| *is_one);
    found.map(|(kind, _)| kind)
}

impl Kind {
    /// It says in what pods runners run, so that the others can be judged by it.
    pub(crate) fn is_manifest(self) -> bool {
        matches!(self, Kind::Kubernetes | Kind::ArcValues)
    }

    pub(super) fn read(
        self,
        documents: &[Node],
        context: &Context<'_>,
        remarks: &mut Vec<String>,
    ) -> Vec<Draft> {
        let each = documents.iter();
        match self {
            Kind::Kubernetes => kubernetes::read(documents, context),
            Kind::BitbucketPipelines => each
                .filter_map(|d| bitbucket_pipelines::read(d, context, remarks))
                .collect(),
            Kind::GitlabCi => gitlab_ci::read(documents, context).into_iter().collect(),
            Kind::ArcValues => each.filter_map(|d| arc::values(d, context)).collect(),
            Kind::Compose => each.filter_map(|d| compose::read(d, context)).collect(),
        }
    }
}
