//! Finds objects and values at any depth: pods, ARC's own objects and values, GitLab Runner's
//! configuration, texts that contain any of these, and the Secrets beside them.

use super::place::Places;
use super::variables::is_put_in;
use super::{Context, Draft, arc, declared, gitlab_runner, pod};
use crate::evidence::{Observed, Owner, Provider, WrittenSecret};
use crate::systems::{Site, of_object, pods};
use crate::text::plain::plain;
use crate::yaml::{Node, Offset, Span, load, without_template_lines};
use std::collections::BTreeSet;

/// ConfigMaps do not contain templates of ConfigMaps.
const MOST_TEXTS_DEEP: usize = 3;
/// A longer text is not a template.
const LONGEST_TEXT: usize = 256 << 10;

pub(super) fn is_object(document: &Node) -> bool {
    document.text_at(&["apiVersion"]).is_some() && document.text_at(&["kind"]).is_some()
}

pub(super) fn read(documents: &[Node], context: &Context<'_>) -> Vec<Draft> {
    let mut found = found(documents, context);
    if let Some(first) = found.drafts.first_mut() {
        give(first, found.secrets);
    }
    found.drafts
}

/// A file with Secrets and no runner: it belongs to a runner if a runner's file names one of them, or if
/// their keys are those of a CI system.
pub(super) fn lone_secrets(
    documents: &[Node],
    context: &Context<'_>,
    wanted: &BTreeSet<String>,
) -> Option<Draft> {
    const KEYS: [&str; 10] = [
        "oauthClientId",
        "oauthClientSecret",
        "github_token",
        "github_app_private_key",
        "runner-token",
        "runner-registration-token",
        "AZP_TOKEN",
        "BUILDKITE_AGENT_TOKEN",
        "DRONE_RPC_SECRET",
        "WOODPECKER_AGENT_SECRET",
    ];
    let mut secrets = found(documents, context).secrets;
    secrets.retain(|(secret, _)| {
        wanted.contains(&secret.name) || secret.keys.iter().any(|key| KEYS.contains(&key.as_str()))
    });
    if secrets.is_empty() {
        return None;
    }
    let mut draft = Draft {
        runner: declared::bare(Provider::Generic, context, Site::Manifest),
        places: Places::default(),
        presumed: None,
    };
    give(&mut draft, secrets);
    Some(draft)
}

/// Definitions of objects, and objects without a pod: whatever their names, they start no engine.
pub(super) fn have_no_pod(documents: &[Node]) -> bool {
    const KINDS: [&str; 17] = [
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "ExternalSecret",
        "HorizontalPodAutoscaler",
        "HorizontalRunnerAutoscaler",
        "Ingress",
        "Namespace",
        "NetworkPolicy",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Role",
        "RoleBinding",
        "Secret",
        "Service",
        "ServiceAccount",
    ];
    let is = |node: &Node| {
        KINDS.contains(&node.text_at(&["kind"]).unwrap_or_default())
            || ["$schema", "swagger", "openapi"]
                .iter()
                .any(|key| node.get(key).is_some())
    };
    !documents.is_empty() && documents.iter().all(is)
}

pub(super) fn holds_secret(documents: &[Node]) -> bool {
    let is = |node: &Node| node.text_at(&["kind"]) == Some("Secret");
    let items = |node: &Node| node.get("items").is_some_and(|i| i.items().iter().any(is));
    documents
        .iter()
        .any(|document| is(document) || items(document))
}

/// The names of the Secrets that a runner's file references.
pub(super) fn names_of_secrets(node: &Node, names: &mut BTreeSet<String>) {
    for item in node.items() {
        names_of_secrets(item, names);
    }
    for (key, value) in node.entries() {
        if key
            .text()
            .is_some_and(|key| key.to_ascii_lowercase().contains("secret"))
        {
            let listed = value.items().iter().chain([value]);
            names.extend(
                listed
                    .filter_map(|one| one.text().or(one.text_at(&["name"])))
                    .map(plain),
            );
        }
        names_of_secrets(value, names);
    }
}

fn found<'a>(documents: &[Node], context: &'a Context<'a>) -> Found<'a> {
    let mut found = Found {
        context,
        drafts: Vec::new(),
        secrets: Vec::new(),
        texts: 0,
    };
    for document in documents {
        found.visit(document, None, &Within::default());
    }
    found
}

fn give(draft: &mut Draft, secrets: Vec<(WrittenSecret, Span)>) {
    for (secret, span) in &secrets {
        draft.places.note("", &secret.name, *span);
    }
    if let Some(declared) = &mut draft.runner.declared {
        declared.secrets = Observed(secrets.into_iter().map(|(secret, _)| secret).collect());
    }
}

struct Found<'a> {
    context: &'a Context<'a>,
    drafts: Vec<Draft>,
    secrets: Vec<(WrittenSecret, Span)>,
    /// How many texts it is nested in.
    texts: usize,
}

/// The object that a part belongs to.
#[derive(Clone, Default)]
struct Within {
    /// Absent in values, which have no kind.
    owner: Option<Owner>,
    api: String,
    /// The system whose object it is.
    system: Option<Provider>,
    /// Where the settings are written, if not in an object.
    site: Option<Site>,
}

impl Within {
    fn of(object: &Node, site: Option<Site>) -> Within {
        let api = object.text_at(&["apiVersion"]).unwrap_or_default();
        let kind = object.text_at(&["kind"]).unwrap_or_default();
        let name = object
            .at(&["metadata", "name"])
            .or(object.at(&["metadata", "generateName"]));
        Within {
            owner: Some(Owner {
                kind: plain(kind),
                name: plain(name.and_then(Node::text).unwrap_or("without a name")),
            }),
            api: api.to_owned(),
            system: of_object(api, kind),
            site,
        }
    }

    /// Prow's jobs are in files of their own, under these keys.
    fn of_jobs(node: &Node, around: &Within) -> Option<Within> {
        let mut keys = ["presubmits", "postsubmits", "periodics"].iter();
        let has_jobs = keys.any(|key| node.get(key).is_some());
        has_jobs.then(|| Within {
            system: Some(Provider::Prow),
            ..around.clone()
        })
    }

    fn site(&self) -> Site {
        match (self.site, &self.owner) {
            (Some(site), _) => site,
            (None, Some(_)) => Site::Manifest,
            (None, None) => Site::Controller,
        }
    }

    fn owner(&self) -> Owner {
        let values = Owner {
            kind: String::new(),
            name: String::new(),
        };
        self.owner.clone().unwrap_or(values)
    }
}

impl Found<'_> {
    fn visit(&mut self, node: &Node, parent: Option<&Node>, within: &Within) {
        if let Some(text) = node.text() {
            self.text(node, text, within);
            return;
        }
        for item in node.items() {
            self.visit(item, Some(node), within);
        }
        if !node.is_map() {
            return;
        }
        let own = is_object(node).then(|| Within::of(node, within.site));
        let own = own.or_else(|| Within::of_jobs(node, within));
        let within = own.as_ref().unwrap_or(within);
        if is_object(node) && self.object(node, within) {
            return;
        }
        let is_scale_set = within.api.starts_with("actions.github.com/");
        if own.is_none() && !is_scale_set && arc::is_values(node) {
            self.drafts.extend(arc::values(node, self.context));
            return;
        }
        if pods::is_pod(node) {
            let metadata = parent.and_then(|parent| parent.get("metadata"));
            // A Prow job has its pod's labels next to its spec.
            let metadata = metadata.or(parent.filter(|parent| parent.get("labels").is_some()));
            let read = pod::read(metadata, node, within.owner(), within.site(), self.context);
            self.drafts.extend(read.map(|mut draft| {
                let found = &mut draft.runner.provider;
                *found = within.system.unwrap_or(*found);
                draft
            }));
            return;
        }
        for (_, value) in node.entries() {
            self.visit(value, Some(node), within);
        }
    }

    /// Handles what is specific to a kind of object; returns whether that is all.
    fn object(&mut self, object: &Node, within: &Within) -> bool {
        let kind = object.text_at(&["kind"]).unwrap_or_default();
        match kind {
            "Secret" => self.secrets.extend(secret(object)),
            // A schema contains all of these keys, but no settings.
            "CustomResourceDefinition" | "Kustomization" => {}
            _ if within.api.starts_with("actions.summerwind.dev/") => {
                self.drafts
                    .extend(arc::legacy(object, within.owner(), self.context));
            }
            _ => return false,
        }
        true
    }

    /// A text may be a template or a configuration: Bitbucket's autoscaler keeps its Job in one, Jenkins
    /// its pods, Argo CD a chart's values, GitLab Runner its config.toml.
    fn text(&mut self, node: &Node, text: &str, within: &Within) {
        if !pods::may_be_in(text) || text.len() > LONGEST_TEXT || self.texts >= MOST_TEXTS_DEEP {
            return;
        }
        // A block's position is its first non-empty line.
        let empty = text.chars().take_while(|c| *c == '\n').count();
        let offset = Offset {
            lines: node.span.line.saturating_sub(1 + empty),
            columns: node.span.column.saturating_sub(1),
        };
        if pods::is_runner_config(text) {
            self.drafts
                .extend(gitlab_runner::read_text(text, offset, self.context));
            return;
        }
        let of_map = within
            .owner
            .as_ref()
            .is_some_and(|owner| owner.kind == "ConfigMap");
        let site = match of_map {
            true => Site::BitbucketAutoscaler,
            false => Site::Jenkins,
        };
        // The autoscaler's own template directives only choose labels and variables.
        let inner = load(text, offset).or_else(|_| load(&without_template_lines(text), offset));
        let inside = Within {
            site: Some(site),
            owner: None,
            api: String::new(),
            system: None,
        };
        self.texts += 1;
        for object in inner.iter().flatten() {
            self.visit(object, None, &inside);
        }
        self.texts -= 1;
    }
}

/// A Secret with actual values, not those that a template fills in or that SOPS encrypted.
fn secret(object: &Node) -> Option<(WrittenSecret, Span)> {
    let is_there = |value: &Node| {
        let text = value.text().unwrap_or_default().trim();
        !text.is_empty() && !is_put_in(text)
    };
    let entries = ["data", "stringData"]
        .iter()
        .filter_map(|key| object.get(key));
    let keys: Vec<String> = entries
        .flat_map(Node::entries)
        .filter(|(_, value)| is_there(value))
        .filter_map(|(key, _)| key.text().map(plain))
        .collect();
    let name = object.at(&["metadata", "name"]);
    let kind = object.get("kind")?;
    (!keys.is_empty()).then(|| {
        let secret = WrittenSecret {
            name: plain(name.and_then(Node::text).unwrap_or("without a name")),
            namespace: object.text_at(&["metadata", "namespace"]).map(plain),
            keys,
        };
        (secret, name.unwrap_or(kind).span)
    })
}
