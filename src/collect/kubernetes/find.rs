//! Which pods of a cluster are the selected runners.

use super::error::{chain, code, forbidden, unreachable};
use super::lost::{add_evicted, controller};
use super::{Cluster, Found};
use crate::collect::Selection;
use crate::collect::discover;
use crate::evidence::{Observation, Observed, Unseen};
use anyhow::{Result, anyhow, bail};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use std::collections::BTreeMap;

const PAGE: u32 = 500;

/// The result of listing.
pub(super) struct Listed {
    pub found: Vec<Found>,
    /// The number of failed Jobs, if Jobs were listed.
    pub jobs: Option<Observation<i64>>,
}

impl Cluster {
    pub(super) async fn find(&self, selection: &Selection) -> Result<Listed> {
        let namespace = self.namespace_of(selection);
        if !selection.pods.is_empty() {
            return Ok(Listed {
                found: self.named(&selection.pods, namespace).await?,
                jobs: None,
            });
        }
        let (api, place) = self.pods_of(selection);
        // A Job has its own labels, not those that select its pods.
        let jobs = async {
            match (&selection.labels, selection.all_namespaces) {
                (Some(_), _) => Ok(Vec::new()),
                (None, true) => self.given_up(None).await,
                (None, false) => self.given_up(Some(namespace)).await,
            }
        };
        let (pods, given_up) = futures::join!(self.list(&api, selection.labels.as_deref()), jobs);
        let pods = pods.map_err(|error| match forbidden(&error) {
            true => anyhow!("no permission to list pods in {place}: grant `list` on pods, or name the pods to examine"),
            false => not_listed(&error, selection),
        })?;
        let (given_up, jobs) = match given_up {
            Ok(given_up) => {
                let count = i64::try_from(given_up.len()).unwrap_or(i64::MAX);
                (given_up, Observed(count))
            }
            Err(reason) => (Vec::new(), Unseen(reason)),
        };
        let found = runners(&pods, given_up);
        if let (true, Unseen(reason)) = (found.is_empty(), &jobs) {
            tracing::warn!("{reason}, otherwise runners whose Job has failed are not found");
        }
        let ending = ending(&pods);
        if found.is_empty() && !ending.is_empty() {
            let hint = format!(
                "every runner in {place} is Terminating ({}): check again when another one runs, or name a pod to examine it all the same",
                ending.join(", ")
            );
            match selection.allow_empty {
                true => tracing::warn!("{hint}"),
                false => bail!(hint),
            }
        } else if found.is_empty() && !selection.all_namespaces && selection.labels.is_none() {
            match self.elsewhere(namespace).await {
                Some(hint) if selection.allow_empty => tracing::warn!("{hint}"),
                Some(hint) => bail!(hint),
                None => {}
            }
        }
        let jobs = selection.labels.is_none().then_some(jobs);
        Ok(Listed { found, jobs })
    }

    fn namespace_of<'a>(&'a self, selection: &'a Selection) -> &'a str {
        selection.namespace.as_deref().unwrap_or(&self.namespace)
    }

    /// The pods to choose from, and how messages call their scope.
    pub(super) fn pods_of(&self, selection: &Selection) -> (Api<Pod>, String) {
        let namespace = self.namespace_of(selection);
        match selection.all_namespaces {
            true => (Api::all(self.client.clone()), "any namespace".to_owned()),
            false => (
                Api::namespaced(self.client.clone(), namespace),
                format!("namespace {namespace}"),
            ),
        }
    }

    async fn named(&self, names: &[String], namespace: &str) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for name in names {
            let name = name
                .strip_prefix("pod/")
                .or(name.strip_prefix("pods/"))
                .unwrap_or(name);
            let (namespace, name) = name.split_once('/').unwrap_or((namespace, name));
            let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
            let pod = api.get(name).await.map_err(|error| match &error {
                kube::Error::Api(status) if status.code == 404 => {
                    anyhow!("pod {name} not found in namespace {namespace}: choose the namespace with -n, or run `kubectl get pods -A`")
                }
                error if forbidden(error) => {
                    anyhow!("no permission to read pod {namespace}/{name}: grant `get` on pods in {namespace}")
                }
                error => unreachable(error),
            })?;
            found.extend(discover::runner(&pod, true).map(|runner| Found {
                runner,
                scope: discover::process_scope(&pod),
            }));
        }
        Ok(found)
    }

    async fn list(&self, api: &Api<Pod>, labels: Option<&str>) -> Result<Vec<Pod>, kube::Error> {
        let mut wanted = ListParams::default().limit(PAGE);
        wanted.label_selector = labels.map(str::to_owned);
        let mut pods = Vec::new();
        loop {
            let page = api.list(&wanted).await?;
            pods.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => wanted.continue_token = Some(token),
                None => return Ok(pods),
            }
        }
    }

    /// Names the namespaces that have runners if this one has none, as far as permissions allow.
    async fn elsewhere(&self, namespace: &str) -> Option<String> {
        let pods = self.list(&Api::all(self.client.clone()), None).await.ok()?;
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for found in runners(&pods, Vec::new()) {
            *places.entry(found.runner.namespace).or_default() += 1;
        }
        if places.is_empty() {
            return None;
        }
        let places: Vec<String> = places
            .iter()
            .map(|(name, count)| format!("-n {name} has {count}"))
            .collect();
        Some(format!(
            "no runners in namespace {namespace}, but in other namespaces: {}; use -n NAMESPACE, or -A for all",
            places.join(", ")
        ))
    }
}

/// Why the pods of a selection could not be listed, if not for a missing permission.
pub(super) fn not_listed(error: &kube::Error, selection: &Selection) -> anyhow::Error {
    match (&selection.labels, code(error)) {
        (Some(labels), Some(400)) => anyhow!(
            "invalid label selector `{labels}`: {}; see `kubectl get pods -l`",
            chain(error)
        ),
        _ => unreachable(error),
    }
}

/// The first few terminating runners.
fn ending(pods: &[Pod]) -> Vec<String> {
    const MOST: usize = 5;
    let ending = pods.iter().filter(|pod| {
        pod.metadata.deletion_timestamp.is_some() && discover::runner(pod, false).is_some()
    });
    let names = ending.filter_map(|pod| pod.metadata.name.clone());
    names.take(MOST).collect()
}

/// Running runners, and those that have lost their pod.
fn runners(pods: &[Pod], given_up: Vec<Found>) -> Vec<Found> {
    let alive = || pods.iter().filter(|pod| !discover::is_over(pod));
    let mut found: Vec<Found> = alive()
        .filter_map(|pod| {
            Some(Found {
                runner: discover::runner(pod, false)?,
                scope: discover::process_scope(pod),
            })
        })
        .collect();
    found.extend(given_up);
    let names = alive().filter_map(|pod| Some((controller(pod)?, pod.metadata.name.clone()?)));
    add_evicted(&mut found, pods, &names.collect());
    found
}
