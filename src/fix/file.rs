//! Manifests in files: which document of which file holds an object, and its edited text.

use super::rewrite::rewrite;
use crate::diagnosis::{Change, Site};
use crate::files;
use crate::remedy::template::{self, Edit, Step};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A file of one or more documents.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    /// As it is on the disk.
    pub text: String,
    documents: Vec<Document>,
}

#[derive(Clone, Debug)]
struct Document {
    /// With the line that separates it from the one before.
    text: String,
    value: Value,
}

impl File {
    pub fn read(path: &Path) -> Result<File> {
        File::parse(path, files::read(path, files::MANIFEST)?)
    }

    fn parse(path: &Path, text: String) -> Result<File> {
        let documents = split(&text)
            .into_iter()
            .map(|text| {
                let value = serde_saphyr::from_str::<Option<Value>>(text).with_context(|| {
                    format!(
                        "{} is no YAML that can be edited: a template (Helm, envsubst) must be rendered first",
                        path.display()
                    )
                })?;
                Ok(Document {
                    text: text.to_owned(),
                    value: value.unwrap_or_default(),
                })
            })
            .collect::<Result<_>>()?;
        Ok(File {
            path: path.to_owned(),
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
            Site::Manifest => documents.position(|document| named(&document.value)),
            // The template has no name yet: its container tells it.
            Site::BitbucketAutoscaler => documents.position(|document| {
                of_kind(&document.value) && template::edits(&document.value, change).is_ok()
            }),
            Site::BitbucketPipelines => documents
                .position(|d| d.value.get("pipelines").is_some() && d.value.get("kind").is_none()),
            _ => None,
        }
    }

    /// Whether it holds nothing but one object.
    pub fn is_one_object(&self) -> bool {
        self.documents
            .iter()
            .filter(|document| !document.value.is_null())
            .count()
            == 1
    }

    pub fn object(&self, document: usize) -> Option<&Value> {
        self.documents.get(document).map(|document| &document.value)
    }

    /// Makes edits in one document.
    pub fn edit(&mut self, document: usize, edits: &[Edit]) -> Result<()> {
        let name = self.path.display().to_string();
        let Some(document) = self.documents.get_mut(document) else {
            return Ok(());
        };
        document.text = rewrite(&document.text, edits).with_context(|| {
            format!("cannot edit {name}: make the change by hand, -o patch shows it")
        })?;
        template::apply(&mut document.value, edits);
        Ok(())
    }

    /// With its edits.
    pub fn edited(&self) -> String {
        self.documents
            .iter()
            .map(|document| document.text.as_str())
            .collect()
    }
}

/// The documents of a stream, each with the separator before it.
fn split(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let word = line.trim_end();
        if at > 0 && (word == "---" || line.starts_with("--- ")) {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(text.len());
    starts
        .windows(2)
        .map(|pair| &text[pair[0]..pair[1]])
        .collect()
}

/// The edit that names another image for the docker service of bitbucket-pipelines.yml.
pub fn service_image(image: &str) -> Edit {
    let path = ["definitions", "services", "docker", "image"];
    let path = path
        .iter()
        .map(|key| Step::Key((*key).to_owned()))
        .collect();
    Edit::Set(path, json!(image))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_keeps_its_text() {
        let text = "# head\n---\na: 1\n---\n# none\n--- # b\nb: |\n  ---\n  x\n";
        let file = File::parse(Path::new("f.yaml"), text.to_owned()).unwrap();
        assert_eq!(file.edited(), text);
        let values: Vec<&Value> = (0..4).filter_map(|at| file.object(at)).collect();
        assert_eq!(
            values,
            [
                &Value::Null,
                &json!({"a": 1}),
                &Value::Null,
                &json!({"b": "---\nx\n"})
            ]
        );
    }

    #[test]
    fn a_template_is_told_from_a_manifest() {
        let error = File::parse(Path::new("t.yaml"), "a: {{ .x }}: [\n".to_owned()).unwrap_err();
        assert!(error.to_string().contains("t.yaml"), "{error}");
    }
}
