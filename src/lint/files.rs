//! The files to read: those named, and those found in folders; bounded, and in UTF-8.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

const LARGEST: u64 = 4 * 1024 * 1024;
const MOST_FILES: usize = 20_000;
const DEEPEST: usize = 32;
/// Folders of what others wrote.
const SKIPPED: [&str; 6] = [
    ".git",
    "node_modules",
    "target",
    "vendor",
    ".terraform",
    ".venv",
];

/// A file's text, and how it was come by.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    /// It was named, and not only found in a folder.
    pub(crate) named: bool,
    pub(crate) text: String,
}

/// What there is to read; and of folders, what could not be read, and why.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) read: Vec<Input>,
    pub(crate) unreadable: Vec<(String, String)>,
}

pub(crate) fn gather(paths: &[PathBuf]) -> Result<Inputs> {
    let mut inputs = Inputs::default();
    for path in paths {
        if path == Path::new("-") {
            inputs.add("stdin".to_owned(), true, stdin()?);
        } else if metadata(path)?.is_dir() {
            for file in walk(path)? {
                let name = shown(&file);
                match read(&file) {
                    Ok(text) => inputs.add(name, false, text),
                    Err(error) => inputs.unreadable.push((name, format!("{error:#}"))),
                }
            }
        } else {
            inputs.add(shown(path), true, read(path)?);
        }
    }
    Ok(inputs)
}

impl Inputs {
    /// A file that is named twice, or named and found, is read once.
    fn add(&mut self, name: String, named: bool, text: String) {
        match self.read.iter_mut().find(|known| known.name == name) {
            Some(known) => known.named |= named,
            None => self.read.push(Input { name, named, text }),
        }
    }
}

fn metadata(path: &Path) -> Result<fs::Metadata> {
    fs::metadata(path)
        .with_context(|| format!("cannot read {}: is the path right?", path.display()))
}

/// As the user would write it: `./a/../b.yaml` stays, but for the `./` in front.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

fn stdin() -> Result<String> {
    let context = "cannot read standard input: pipe a manifest in, or name a file";
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .context(context)?;
    text(bytes, "stdin")
}

fn read(path: &Path) -> Result<String> {
    let name = shown(path);
    // A pipe or a device has no end that can be waited for.
    if !metadata(path)?.is_file() {
        bail!("{name} is no ordinary file: pipe its content into `runner-doctor lint -`");
    }
    let file = fs::File::open(path)
        .with_context(|| format!("cannot read {name}: look at its permissions"))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}: look at its permissions"))?;
    text(bytes, &name)
}

fn text(bytes: Vec<u8>, name: &str) -> Result<String> {
    if bytes.len() as u64 > LARGEST {
        bail!(
            "{name} is larger than {} MiB, which no manifest is: split it, or leave it out",
            LARGEST / 1024 / 1024
        );
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = good
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&good[start..]).chars().count() + 1;
        anyhow::anyhow!("{name}:{line}:{column}: this is not UTF-8: save the file in UTF-8")
    })
}

/// The YAML files below a folder, in the order of their names. Links are not followed into folders.
fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![(root.to_owned(), 0)];
    while let Some((dir, depth)) = open.pop() {
        let context = || {
            format!(
                "cannot read the folder {}: look at its permissions",
                dir.display()
            )
        };
        for entry in fs::read_dir(&dir).with_context(context)? {
            let entry = entry.with_context(context)?;
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let kind = entry.file_type().with_context(context)?;
            if kind.is_dir() {
                if depth < DEEPEST && !SKIPPED.contains(&name.as_ref()) {
                    open.push((path, depth + 1));
                }
            } else if path.extension().is_some_and(|e| e == "yml" || e == "yaml") {
                found.push(path);
            }
            if found.len() > MOST_FILES {
                bail!(
                    "{} holds more than {MOST_FILES} YAML files: name the folders that matter",
                    root.display()
                );
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf8_is_told_with_its_place() {
        let error = text(b"a: 1\nb: \xff\n".to_vec(), "x.yaml").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("x.yaml:2:4: this is not UTF-8"),
            "{error}"
        );
        let error = text(vec![b'a'; LARGEST as usize + 1], "x.yaml").unwrap_err();
        assert!(error.to_string().contains("larger than 4 MiB"), "{error}");
    }

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
        let inputs = gather(&[dir.path().to_owned()]).unwrap();
        let names: Vec<_> = inputs
            .read
            .iter()
            .map(|i| i.name.rsplit('/').next().unwrap())
            .collect();
        assert_eq!(names, ["a.yaml", "b.yml", "d.yaml"]);
        assert!(inputs.read.iter().all(|input| !input.named));
        assert!(gather(&[dir.path().join("nothing")]).is_err());
    }
}
