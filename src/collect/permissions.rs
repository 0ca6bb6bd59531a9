//! What the current identity may do in a cluster, by the cluster's own word.

use super::kubernetes::Cluster;
use super::kubernetes::error::unreachable;
use anyhow::Result;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use std::collections::BTreeSet;

/// One thing to be allowed.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) verb: &'static str,
    pub(crate) group: &'static str,
    /// `pods/exec` is the resource `pods` and the subresource `exec`.
    pub(crate) resource: &'static str,
    pub(crate) name: Option<&'static str>,
    /// Nothing is all namespaces, or none for what is in none.
    pub(crate) namespace: Option<String>,
}

/// The API groups that a cluster has.
pub(crate) async fn served_groups(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let groups = cluster.client.list_api_groups().await;
    let groups = groups.map_err(|error| unreachable(&error))?.groups;
    Ok(groups.into_iter().map(|group| group.name).collect())
}

/// The question is a `create`, of an object that is answered and not kept.
pub(crate) async fn allows(cluster: &Cluster, question: &Question) -> Result<bool> {
    let (resource, subresource) = match question.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (question.resource, None),
    };
    let attributes = ResourceAttributes {
        verb: Some(question.verb.to_owned()),
        group: Some(question.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        name: question.name.map(str::to_owned),
        namespace: question.namespace.clone(),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answer = api.create(&PostParams::default(), &review).await;
    let answer = answer.map_err(|error| unreachable(&error))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
