//! The files to read: those named, and those found in folders.

use crate::files;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A file to judge.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    /// It was named, and not only found in a folder.
    pub(crate) named: bool,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// Read when it is looked at, and not kept.
    At(PathBuf),
    Text(String),
    /// What a fix makes of it.
    Edited(String),
}

impl Input {
    /// A text that was named.
    pub(crate) fn of_text(name: &str, text: &str) -> Input {
        Input {
            name: name.to_owned(),
            named: true,
            content: Content::Text(text.to_owned()),
        }
    }

    /// A file that another one leads to.
    pub(super) fn below(path: PathBuf) -> Input {
        Input {
            name: files::shown(&path),
            named: false,
            content: Content::At(path),
        }
    }

    /// The same file with another text in it.
    pub(crate) fn with_text(self, text: &str) -> Input {
        Input {
            content: Content::Edited(text.to_owned()),
            ..self
        }
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.content, Content::At(_) | Content::Edited(_))
    }

    pub(super) fn text(&self) -> Result<String> {
        match &self.content {
            Content::At(path) => files::read(path, files::MANIFEST),
            Content::Text(text) | Content::Edited(text) => Ok(text.clone()),
        }
    }
}

/// A file that is named twice, or named and found, is read once.
pub(crate) fn gather(paths: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut add = |name: String, named: bool, content: Content| match known.get(&name) {
        Some(at) => inputs[*at].named |= named,
        None => {
            known.insert(name.clone(), inputs.len());
            inputs.push(Input {
                name,
                named,
                content,
            });
        }
    };
    for path in paths {
        if files::is_stdin(path) {
            let text = files::read_or_stdin(path, files::MANIFEST)?;
            add("stdin".to_owned(), true, Content::Text(text));
        } else if is_folder(path)? {
            for file in files::below(path)? {
                add(files::shown(&file), false, Content::At(file));
            }
        } else {
            add(files::shown(path), true, Content::At(path.clone()));
        }
    }
    Ok(inputs)
}

fn is_folder(path: &Path) -> Result<bool> {
    let metadata = fs::metadata(path);
    let metadata =
        metadata.with_context(|| format!("cannot read {}: check the path", path.display()))?;
    Ok(metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_walked_without_what_others_wrote() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "b.yml",
            "a.yaml",
            "c.txt",
            ".git/x.yaml",
            "node_modules/m/x.yaml",
            "deep/er/d.yaml",
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "a: 1").unwrap();
        }
        let named = [dir.path().to_owned(), dir.path().join("b.yml")];
        let inputs = gather(&named).unwrap();
        let names: Vec<_> = inputs
            .iter()
            .map(|i| (i.name.rsplit('/').next().unwrap(), i.named))
            .collect();
        assert_eq!(
            names,
            [("a.yaml", false), ("b.yml", true), ("d.yaml", false)]
        );
        assert!(gather(&[dir.path().join("nothing")]).is_err());
    }
}
