//! Manifests in files: which document of which file holds an object, and its edited text.

use crate::diagnosis::{Change, Place, Site};
use crate::files;
use crate::remedy;
use crate::yaml::{self, Edit, Step};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// An object in a file: its document, and where it lies in that.
#[derive(Clone, Debug)]
pub struct At {
    document: usize,
    path: Vec<Step>,
}

/// A file of one or more documents.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    /// As it is on the disk.
    pub text: String,
    edited: String,
    /// The documents of the edited text that are not empty.
    documents: Vec<Value>,
}

impl File {
    pub fn read(path: &Path) -> Result<File> {
        File::parse(path, files::read(path, files::MANIFEST)?)
    }

    pub fn parse(path: &Path, text: String) -> Result<File> {
        let documents = yaml::documents(&text).with_context(|| {
            format!(
                "{} is no YAML that can be edited: a template (Helm, envsubst) must be rendered first",
                path.display()
            )
        })?;
        Ok(File {
            path: path.to_owned(),
            edited: text.clone(),
            text,
            documents,
        })
    }

    /// The document, or the object in a list of objects, that holds what is to be edited.
    pub fn find(&self, change: &Change) -> Option<At> {
        let place = &change.place;
        let of_kind = |value: &Value| value["kind"] == place.kind.as_str();
        let takes = |value: &Value| remedy::edits(value, change).is_ok();
        let mut all = self.objects();
        match place.site {
            Site::Manifest | Site::ArcRunner | Site::Controller | Site::Jenkins => {
                all.retain(|(_, value)| of_kind(value) && is_named(value, place));
                let best = all.iter().position(|(_, value)| takes(value));
                (!all.is_empty()).then(|| all.swap_remove(best.unwrap_or(0)).0)
            }
            // The template has no name yet: its container tells it.
            Site::BitbucketAutoscaler => {
                let found = all
                    .into_iter()
                    .find(|(_, value)| of_kind(value) && takes(value));
                found.map(|(at, _)| at)
            }
            Site::BitbucketPipelines | Site::ArcScaleSet | Site::Gitlab | Site::Compose => {
                let mut all = all.into_iter();
                let found = all.find(|(_, value)| value.get("kind").is_none() && takes(value));
                found.map(|(at, _)| at)
            }
            Site::Elsewhere => None,
        }
    }

    fn objects(&self) -> Vec<(At, &Value)> {
        let mut all = Vec::new();
        for (document, value) in self.documents.iter().enumerate() {
            let path = Vec::new();
            all.push((At { document, path }, value));
            let items = value["items"].as_array().into_iter().flatten();
            for (index, item) in items.enumerate() {
                let path = vec![Step::Key("items".to_owned()), Step::Item(index)];
                all.push((At { document, path }, item));
            }
        }
        all
    }

    /// Whether it holds nothing but one object.
    pub fn is_one_object(&self) -> bool {
        self.documents.len() == 1
    }

    pub fn object(&self, at: &At) -> Option<&Value> {
        yaml::get(self.documents.get(at.document)?, &at.path)
    }

    /// Makes edits in one object.
    pub fn edit(&mut self, at: &At, edits: &[Edit]) -> Result<()> {
        let edits = edits.iter().cloned().map(|edit| edit.under(&at.path));
        let edits: Vec<Edit> = edits.collect();
        self.edited = yaml::edit(&self.edited, at.document, &edits).with_context(|| {
            let name = self.path.display();
            format!("cannot edit {name}: make the change by hand, -o patch shows it")
        })?;
        if let Some(value) = self.documents.get_mut(at.document) {
            yaml::apply(value, &edits);
        }
        Ok(())
    }

    /// Makes a change, and says whether the text is another then; nothing where it cannot be made.
    pub fn make(&mut self, change: &Change) -> Option<bool> {
        let at = self.find(change)?;
        let edits = remedy::edits(self.object(&at)?, change).ok()?;
        let before = self.edited.clone();
        self.edit(&at, &edits).ok()?;
        Some(self.edited != before)
    }

    /// With its edits.
    pub fn edited(&self) -> &str {
        &self.edited
    }
}

/// Whether an object has the name, in the namespace as far as that is known. What has no name yet
/// may be any.
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
