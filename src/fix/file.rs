//! Manifests in files: which document of which file holds an object, and its edited text.

use crate::diagnosis::{Change, Site};
use crate::files;
use crate::remedy;
use crate::yaml::{self, Edit};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

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

    fn parse(path: &Path, text: String) -> Result<File> {
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

    /// The number of the document that holds the object to edit.
    pub fn find(&self, change: &Change) -> Option<usize> {
        let place = &change.place;
        let of_kind = |value: &Value| value["kind"] == place.kind.as_str();
        let named = |value: &Value| {
            let namespace = value.pointer("/metadata/namespace").and_then(Value::as_str);
            of_kind(value)
                && value.pointer("/metadata/name") == Some(&json!(place.name))
                && namespace.is_none_or(|namespace| namespace == place.namespace)
        };
        let mut documents = self.documents.iter();
        match place.site {
            Site::Manifest => documents.position(named),
            // The template has no name yet: its container tells it.
            Site::BitbucketAutoscaler => documents
                .position(|document| of_kind(document) && remedy::edits(document, change).is_ok()),
            Site::BitbucketPipelines => {
                documents.position(|d| d.get("pipelines").is_some() && d.get("kind").is_none())
            }
            _ => None,
        }
    }

    /// Whether it holds nothing but one object.
    pub fn is_one_object(&self) -> bool {
        self.documents.len() == 1
    }

    pub fn object(&self, document: usize) -> Option<&Value> {
        self.documents.get(document)
    }

    /// Makes edits in one document.
    pub fn edit(&mut self, document: usize, edits: &[Edit]) -> Result<()> {
        self.edited = yaml::edit(&self.edited, document, edits).with_context(|| {
            let name = self.path.display();
            format!("cannot edit {name}: make the change by hand, -o patch shows it")
        })?;
        if let Some(value) = self.documents.get_mut(document) {
            yaml::apply(value, edits);
        }
        Ok(())
    }

    /// With its edits.
    pub fn edited(&self) -> &str {
        &self.edited
    }
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
