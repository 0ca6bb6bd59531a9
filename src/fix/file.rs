//! Manifests in files: the document that holds an object, and its edited text.

use crate::diagnosis::{Change, Place, Site};
use crate::files;
use crate::remedy;
use crate::systems::pods;
use crate::yaml::{self, Edit, Step, Tree};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// An object in a file: its document, and its path in it.
#[derive(Clone, Debug)]
pub struct At {
    document: usize,
    /// The path of the text in which it is embedded, if any, and the document within that text.
    text: Option<(Vec<Step>, usize)>,
    path: Vec<Step>,
}

/// A file of one or more documents.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    /// As on disk.
    pub text: String,
    edited: String,
    /// The documents of the edited text that are not empty.
    documents: Vec<Value>,
    toml: bool,
}

impl File {
    pub fn read(path: &Path) -> Result<File> {
        File::parse(path, files::read(path, files::MANIFEST)?)
    }

    pub fn parse(path: &Path, text: String) -> Result<File> {
        let toml = path.extension().is_some_and(|end| end == "toml");
        let documents = match toml {
            true => yaml::toml_value(&text)
                .map(|document| vec![document])
                .context("invalid TOML"),
            false => yaml::documents(&text),
        };
        let documents = documents.with_context(|| {
            format!(
                "{} is not editable: render templates (Helm, envsubst) first",
                path.display()
            )
        })?;
        Ok(File {
            path: path.to_owned(),
            edited: text.clone(),
            text,
            documents,
            toml,
        })
    }

    /// The document, or the object in a list of objects, to edit.
    pub fn find(&self, change: &Change) -> Option<At> {
        let place = &change.place;
        // A chart's values have no kind.
        let of_kind = |value: &Value| match place.kind.is_empty() {
            true => value.get("kind").is_none(),
            false => value["kind"] == place.kind.as_str(),
        };
        let takes = |value: &Value| remedy::edits(value, change).is_ok();
        let mut all = self.objects();
        match place.site {
            Site::Manifest | Site::ArcRunner | Site::Controller | Site::Jenkins => {
                all.retain(|(_, value)| of_kind(value) && is_named(value, place));
                let best = all.iter().position(|(_, value)| takes(value));
                (!all.is_empty()).then(|| all.swap_remove(best.unwrap_or(0)).0)
            }
            // The template has no name yet: its container identifies it.
            Site::BitbucketAutoscaler => {
                let found = all
                    .into_iter()
                    .find(|(_, value)| of_kind(value) && takes(value));
                found.map(|(at, _)| at)
            }
            Site::BitbucketPipelines
            | Site::ArcScaleSet
            | Site::Gitlab
            | Site::GitlabRunner
            | Site::Compose => {
                let mut all = all.into_iter();
                let found = all.find(|(_, value)| value.get("kind").is_none() && takes(value));
                found.map(|(at, _)| at)
            }
            Site::Elsewhere => None,
        }
    }

    fn objects(&self) -> Vec<(At, Value)> {
        let mut all = Vec::new();
        for (document, value) in self.documents.iter().enumerate() {
            all.push((At::document(document), value.clone()));
            let mut open = vec![(Vec::new(), value)];
            while let Some((path, value)) = open.pop() {
                if path.len() >= DEEPEST {
                    continue;
                }
                for (step, inner) in value.inside().into_iter().rev() {
                    let path: Vec<Step> = path.iter().cloned().chain([step]).collect();
                    if let Some(text) = inner.as_str() {
                        add_texts(&mut all, document, &path, text);
                    } else if is_object(inner) {
                        let at = At {
                            path: path.clone(),
                            ..At::document(document)
                        };
                        all.push((at, inner.clone()));
                    }
                    open.push((path, inner));
                }
            }
        }
        all
    }

    /// Whether it contains a single object only.
    pub fn is_one_object(&self) -> bool {
        self.documents.len() == 1
    }

    pub fn object(&self, at: &At) -> Option<Value> {
        let document = self.documents.get(at.document)?;
        match &at.text {
            Some((path, inner)) => {
                let documents = inner_documents(yaml::get(document, path)?.as_str()?);
                yaml::get(documents.get(*inner)?, &at.path).cloned()
            }
            None => yaml::get(document, &at.path).cloned(),
        }
    }

    /// Edits one object.
    pub fn edit(&mut self, at: &At, edits: &[Edit]) -> Result<()> {
        let edits = edits.iter().map(|edit| edit.clone().under(&at.path));
        let mut edits: Vec<Edit> = edits.collect();
        if let Some((path, inner)) = &at.text {
            let document = self.documents.get(at.document);
            let text = document.and_then(|document| yaml::get(document, path)?.as_str());
            let text = text.unwrap_or_default();
            let text = match pods::is_runner_config(text) {
                true => yaml::edit_toml(text, &edits)?,
                false => yaml::unguarded(&yaml::edit(&yaml::guarded(text), *inner, &edits)?),
            };
            edits = vec![Edit::Set(path.clone(), Value::from(text))];
        }
        let edited = match self.toml {
            true => yaml::edit_toml(&self.edited, &edits),
            false => yaml::edit(&self.edited, at.document, &edits),
        };
        self.edited = edited.with_context(|| {
            let name = self.path.display();
            format!("cannot edit {name}: make the change manually, -o patch shows it")
        })?;
        if let Some(value) = self.documents.get_mut(at.document) {
            yaml::apply(value, &edits);
        }
        Ok(())
    }

    /// Makes a change, and returns whether the text changed; none if the change cannot be made.
    pub fn make(&mut self, change: &Change) -> Option<bool> {
        let at = self.find(change)?;
        let edits = remedy::edits(&self.object(&at)?, change).ok()?;
        let before = self.edited.clone();
        self.edit(&at, &edits).ok()?;
        Some(self.edited != before)
    }

    /// The text with all edits.
    pub fn edited(&self) -> &str {
        &self.edited
    }
}

/// The maximum nesting depth of values.
const DEEPEST: usize = 24;

impl At {
    fn document(document: usize) -> At {
        At {
            document,
            text: None,
            path: Vec::new(),
        }
    }
}

/// An object in a list of objects, or a chart's values in an object that installs it.
fn is_object(value: &Value) -> bool {
    value.get("kind").is_some() && value.get("apiVersion").is_some()
        || value.get("containerMode").is_some()
        || value.pointer("/runner/mode").is_some()
        || value.pointer("/template/spec").is_some() && value.get("kind").is_none()
}

/// The contents of an embedded text: the objects that Bitbucket's autoscaler creates, Jenkins' pods, or the
/// config.toml of GitLab Runner's chart.
fn add_texts(all: &mut Vec<(At, Value)>, document: usize, path: &[Step], text: &str) {
    if !pods::may_be_in(text) {
        return;
    }
    for (inner, object) in inner_documents(text).into_iter().enumerate() {
        let at = |own: Vec<Step>| At {
            document,
            text: Some((path.to_vec(), inner)),
            path: own,
        };
        for (index, item) in object["items"].as_array().into_iter().flatten().enumerate() {
            let path = vec![Step::Key("items".to_owned()), Step::Item(index)];
            all.push((at(path), item.clone()));
        }
        all.push((at(Vec::new()), object));
    }
}

/// The documents of an embedded text, which may be a template.
fn inner_documents(text: &str) -> Vec<Value> {
    match pods::is_runner_config(text) {
        true => yaml::toml_value(text).into_iter().collect(),
        false => yaml::documents(&yaml::guarded(text)).unwrap_or_default(),
    }
}

/// Whether an object has the name, in the namespace if both are known. An object without a name
/// matches any.
fn is_named(object: &Value, place: &Place) -> bool {
    let of = |key: &str| object.pointer(key).and_then(Value::as_str);
    let namespace = of("/metadata/namespace");
    let name = of("/metadata/name").or(of("/metadata/generateName"));
    name.is_none_or(|name| name == place.name)
        && (place.namespace.is_empty() || namespace.is_none_or(|n| n == place.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_told_from_a_manifest() {
        let error = File::parse(Path::new("t.yaml"), "a: {{ .x }}: [\n".to_owned()).unwrap_err();
        assert!(error.to_string().contains("t.yaml"), "{error}");
    }
}
