//! Kustomizations among the files: objects that they change are not judged as is, and a patch is not an
//! object.

use crate::yaml::{Node, Offset, load};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// What a kustomization references and changes, with paths relative to the given folder.
#[derive(Debug, Default)]
struct Kustomization {
    resources: Vec<PathBuf>,
    patches: Vec<PathBuf>,
    /// Objects that it changes: kind and name, each empty if it matches any.
    targets: Vec<(String, String)>,
    /// It changes more than can be determined here.
    all: bool,
}

#[derive(Debug, Default)]
pub(super) struct Kustomizations {
    by_folder: BTreeMap<PathBuf, Kustomization>,
    /// Files by the role they play; filled when all kustomizations are known.
    patches: BTreeSet<PathBuf>,
    changed: BTreeMap<PathBuf, Vec<(String, String)>>,
}

const MOST_LEVELS: usize = 16;

pub(super) fn is_one(file: &str) -> bool {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    matches!(name, "kustomization.yaml" | "kustomization.yml")
}

impl Kustomizations {
    pub(super) fn add(&mut self, file: &str, documents: &[Node]) {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let Some(document) = documents.iter().find(|d| d.is_map()) else {
            return;
        };
        let path = |text: &str| normal(&folder.join(text));
        let mut own = Kustomization::default();
        for key in ["resources", "bases", "components"] {
            let list = document.get(key).map_or(&[][..], Node::items);
            own.resources
                .extend(list.iter().filter_map(Node::text).map(path));
        }
        let components = document.get("components").is_some();
        let unclear = [
            "transformers",
            "replacements",
            "vars",
            "helmCharts",
            "generators",
        ];
        own.all = components || unclear.iter().any(|key| document.get(key).is_some());
        for image in document.get("images").map_or(&[][..], Node::items) {
            own.all |= image
                .text_at(&["name"])
                .is_some_and(|name| name.contains("docker"));
        }
        for key in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
            for patch in document.get(key).map_or(&[][..], Node::items) {
                own.patch(patch, &path);
            }
        }
        self.by_folder.insert(normal(folder), own);
    }

    /// Follows each kustomization to its files, now that all are known. `read` returns the documents of
    /// a patch.
    pub(super) fn resolve(&mut self, read: impl Fn(&Path) -> Option<Vec<Node>>) {
        for own in self.by_folder.values() {
            let mut targets = own.targets.clone();
            for patch in &own.patches {
                self.patches.insert(patch.clone());
                let documents = read(patch).unwrap_or_default();
                targets.extend(documents.iter().filter_map(object));
            }
            if own.all {
                targets.push((String::new(), String::new()));
            }
            if targets.is_empty() {
                continue;
            }
            let mut open: Vec<(&PathBuf, usize)> = own.resources.iter().map(|r| (r, 0)).collect();
            while let Some((resource, depth)) = open.pop() {
                match self.by_folder.get(resource).filter(|_| depth < MOST_LEVELS) {
                    Some(base) => open.extend(base.resources.iter().map(|r| (r, depth + 1))),
                    None => {
                        let known = self.changed.entry(resource.clone()).or_default();
                        known.extend(targets.iter().cloned());
                    }
                }
            }
        }
    }

    /// Whether a file is only part of the output: a patch, or objects that a kustomization changes.
    pub(super) fn is_part(&self, file: &str, documents: &[Node]) -> bool {
        let path = normal(Path::new(file));
        let fits = |said: &str, own: &str| said.is_empty() || said == own;
        self.patches.contains(&path)
            || self.changed.get(&path).is_some_and(|targets| {
                documents.iter().filter_map(object).any(|(kind, name)| {
                    targets
                        .iter()
                        .any(|(k, n)| fits(k, &kind) && fits(n, &name))
                })
            })
    }
}

impl Kustomization {
    /// `path:` or a bare name is a file; other text is an inline patch.
    fn patch(&mut self, patch: &Node, path: &impl Fn(&str) -> PathBuf) {
        let inline = |text: &str| text.contains('\n') || text.trim_start().starts_with(['{', '[']);
        let target = patch.get("target").map(|target| {
            let text = |key: &str| target.text_at(&[key]).unwrap_or_default().to_owned();
            // A name may be a pattern; a patch with a selector matches any.
            let plain = |text: String| match text.chars().all(|c| c.is_alphanumeric() || c == '-') {
                true => text,
                false => String::new(),
            };
            (text("kind"), plain(text("name")))
        });
        let text = patch.text_at(&["patch"]).or(patch.text());
        let file = patch
            .text_at(&["path"])
            .or(text.filter(|text| !inline(text)));
        self.patches.extend(file.map(path));
        if let Some(target) = target {
            self.targets.push(target);
        } else if let Some(text) = text.filter(|text| inline(text)) {
            let documents = load(text, Offset::default()).unwrap_or_default();
            self.targets.extend(documents.iter().filter_map(object));
        }
    }
}

fn object(document: &Node) -> Option<(String, String)> {
    let kind = document.text_at(&["kind"])?;
    let name = document.text_at(&["metadata", "name"]).unwrap_or_default();
    Some((kind.to_owned(), name.to_owned()))
}

/// Normalizes `a/../b` to `b` without accessing the disk.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Vec<Node> {
        load(text, Offset::default()).unwrap()
    }

    #[test]
    fn only_what_is_changed_is_a_part() {
        let mut all = Kustomizations::default();
        all.add(
            "r/over/kustomization.yaml",
            &documents("resources: [../base]\npatches: [{path: p.yaml}]\n"),
        );
        all.add(
            "r/base/kustomization.yaml",
            &documents("resources: [a.yaml, b.yaml]\n"),
        );
        let patch = "kind: Deployment\nmetadata: {name: a}\n";
        all.resolve(|path| (path == Path::new("r/over/p.yaml")).then(|| documents(patch)));
        let is_part = |file, text: &str| all.is_part(file, &documents(text));
        assert!(is_part("r/over/p.yaml", patch));
        assert!(is_part("r/base/a.yaml", patch));
        assert!(!is_part(
            "r/base/b.yaml",
            "kind: Deployment\nmetadata: {name: b}\n"
        ));
        assert!(!is_part("r/other.yaml", patch));
    }
}
