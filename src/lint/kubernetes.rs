//! Kubernetes manifests: every pod template in them, also those inside a ConfigMap, and the Secrets
//! that stand beside.

use super::place::Places;
use super::{Context, Draft, arc, pod};
use crate::collect::walk::text::plain;
use crate::evidence::{Observed, Owner, Provider, WrittenSecret};
use crate::systems::Site;
use crate::yaml::{Node, Offset, load, without_template_lines};
use std::collections::BTreeMap;

/// Lists hold lists rarely, and ConfigMaps templates of ConfigMaps never.
const DEEPEST: usize = 4;

pub(crate) fn is_object(document: &Node) -> bool {
    document.text_at(&["apiVersion"]).is_some() && document.text_at(&["kind"]).is_some()
}

pub(crate) fn read(documents: &[Node], context: &Context<'_>) -> Vec<Draft> {
    let mut found = Found::default();
    for document in documents {
        found.object(document, context, 0);
    }
    found.finish(context)
}

/// No daemon.json is longer, and no repository has more of them.
const LONGEST_CONFIG: usize = 64 << 10;
const MOST_CONFIGS: usize = 256;

/// Adds the daemon.json in ConfigMaps, by their names. What is too large is not known then.
pub(crate) fn configs(documents: &[Node], texts: &mut BTreeMap<String, String>) {
    let mut objects: Vec<&Node> = documents.iter().collect();
    while let Some(object) = objects.pop() {
        objects.extend(object.get("items").map_or(&[][..], Node::items));
        if object.text_at(&["kind"]) != Some("ConfigMap") {
            continue;
        }
        let name = object.text_at(&["metadata", "name"]).unwrap_or_default();
        let text = object.text_at(&["data", "daemon.json"]).unwrap_or_default();
        let fits = text.len() <= LONGEST_CONFIG && texts.len() < MOST_CONFIGS;
        if !text.is_empty() && fits {
            texts.insert(name.to_owned(), text.to_owned());
        }
    }
}

#[derive(Default)]
struct Found {
    drafts: Vec<Draft>,
    secrets: Vec<(WrittenSecret, crate::yaml::Span)>,
}

impl Found {
    fn object(&mut self, object: &Node, context: &Context<'_>, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        for item in object.get("items").map_or(&[][..], Node::items) {
            self.object(item, context, depth + 1);
        }
        match object.text_at(&["kind"]).unwrap_or_default() {
            "Secret" => self.secrets.extend(secret(object)),
            "ConfigMap" => self.templates(object, context, depth),
            _ => self.drafts.extend(runner(object, context)),
        }
    }

    /// The Bitbucket autoscaler keeps the Job that it makes as a text in a ConfigMap.
    fn templates(&mut self, map: &Node, context: &Context<'_>, depth: usize) {
        for (_, value) in map.get("data").map_or(&[][..], Node::entries) {
            let text = value.text().unwrap_or_default();
            if !text.contains("containers:") {
                continue;
            }
            // A block is placed at its first line that is not empty.
            let empty = text.chars().take_while(|c| *c == '\n').count();
            let offset = Offset {
                lines: value.span.line.saturating_sub(1 + empty),
                columns: value.span.column.saturating_sub(1),
            };
            let inner = load(text, offset).or_else(|_| load(&without_template_lines(text), offset));
            let known = self.drafts.len();
            for object in inner.iter().flatten() {
                self.object(object, context, depth + 1);
            }
            let made = self.drafts.iter_mut().skip(known);
            for declared in made.filter_map(|draft| draft.runner.declared.as_mut()) {
                declared.site = Some(Site::BitbucketAutoscaler);
            }
        }
    }

    /// Secrets belong to the file; where it holds a runner, to that one.
    fn finish(mut self, context: &Context<'_>) -> Vec<Draft> {
        if self.secrets.is_empty() {
            return self.drafts;
        }
        if self.drafts.is_empty() {
            self.drafts.push(Draft {
                runner: pod::bare(Provider::Generic, context, Site::Manifest),
                places: Places::default(),
                presumed: None,
            });
        }
        if let Some(first) = self.drafts.first_mut() {
            for (secret, span) in &self.secrets {
                first.places.note("", &secret.name, *span);
            }
            if let Some(declared) = &mut first.runner.declared {
                let secrets = self.secrets.into_iter().map(|(secret, _)| secret);
                declared.secrets = Observed(secrets.collect());
            }
        }
        self.drafts
    }
}

/// The runner that an object makes, whatever its kind is called: what counts is the pod in it.
fn runner(object: &Node, context: &Context<'_>) -> Option<Draft> {
    let kind = object.text_at(&["kind"])?;
    let api = object.text_at(&["apiVersion"])?;
    let name = object
        .at(&["metadata", "name"])
        .or(object.at(&["metadata", "generateName"]));
    let owner = Owner {
        kind: plain(kind),
        name: plain(name.and_then(Node::text).unwrap_or("without a name")),
    };
    if api.starts_with("actions.summerwind.dev/") {
        return arc::legacy(object, owner, context);
    }
    let (metadata, spec) = template(object)?;
    let mut draft = pod::read(metadata, spec, owner, context)?;
    if api.starts_with("actions.github.com/") {
        draft.runner.provider = Provider::GithubArc;
    }
    Some(draft)
}

/// The pod in an object: its metadata and its specification.
fn template(object: &Node) -> Option<(Option<&Node>, &Node)> {
    const PATHS: [&[&str]; 5] = [
        &[],
        &["template"],
        &["spec", "template"],
        &["spec", "jobTemplate", "spec", "template"],
        &["spec", "runnerTemplate", "spec", "template"],
    ];
    PATHS.iter().find_map(|path| {
        let template = object.at(path)?;
        let spec = template.get("spec")?;
        let list = |key: &str| spec.get(key).is_some_and(Node::is_list);
        (list("containers") || list("initContainers")).then(|| (template.get("metadata"), spec))
    })
}

/// A Secret with values that are really there: what a template will fill in, or SOPS encrypted, is
/// none.
fn secret(object: &Node) -> Option<(WrittenSecret, crate::yaml::Span)> {
    let is_there = |value: &Node| {
        let text = value.text().unwrap_or_default().trim().to_owned();
        !text.is_empty()
            && !["${", "{{", "<%", "<", "ENC["]
                .iter()
                .any(|mark| text.starts_with(mark))
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
            keys,
        };
        (secret, name.unwrap_or(kind).span)
    })
}
