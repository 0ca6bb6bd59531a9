//! Reads files that a user names or a directory contains: regular files only, with a size limit. A
//! FIFO, a device, or a link to one neither blocks nor fills the memory.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The largest file of each kind.
pub(crate) const SETTINGS: u64 = MIB;
pub(crate) const CHECK: u64 = MIB;
pub(crate) const MANIFEST: u64 = 4 * MIB;
pub(crate) const COMMAND: u64 = 64 * KIB;
/// A recording or a report of a fleet: 1,000 runners take some 20 MiB.
pub(crate) const RECORDING: u64 = 512 * MIB;

const MOST_FILES: usize = 20_000;
const DEEPEST: usize = 32;
/// Folders that hold the files of others.
const SKIPPED: [&str; 6] = [
    ".git",
    "node_modules",
    "target",
    "vendor",
    ".terraform",
    ".venv",
];

/// Opens a regular file, or a link to one.
pub(crate) fn open(path: &Path) -> Result<File> {
    let mut how = OpenOptions::new();
    how.read(true);
    // Opening a FIFO waits for its writer otherwise.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        const O_NONBLOCK: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 4 };
        how.custom_flags(O_NONBLOCK);
    }
    let name = shown(path);
    let file = how.open(path).with_context(|| match path.exists() {
        true => format!("cannot read {name}: check its permissions"),
        false => format!("cannot read {name}: check the path"),
    })?;
    // Asked of the handle: what the path leads to may have changed.
    let kind = file.metadata().map(|metadata| metadata.is_file());
    match kind.with_context(|| format!("cannot read {name}: check its permissions"))? {
        true => Ok(file),
        false => bail!("{name} is not a regular file: name a file, or use - for standard input"),
    }
}

/// The text of a regular file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<String> {
    text(open(path)?, limit, &shown(path))
}

/// The same; `-` is standard input.
pub(crate) fn read_or_stdin(path: &Path, limit: u64) -> Result<String> {
    match is_stdin(path) {
        true => text(io::stdin().lock(), limit, "standard input"),
        false => read(path, limit),
    }
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// As the user would write it: `./a/../b.yaml` stays, but for the `./` in front.
pub(crate) fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

fn text(source: impl Read, limit: u64, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    source
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}: check its permissions"))?;
    if bytes.len() as u64 > limit {
        let limit = match limit / MIB {
            0 => format!("{} KiB", limit / KIB),
            whole => format!("{whole} MiB"),
        };
        bail!("{name} is larger than {limit}: split it, or name another file");
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = good
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&good[start..]).chars().count() + 1;
        anyhow::anyhow!("{name}:{line}:{column}: invalid UTF-8: save the file as UTF-8")
    })
}

/// YAML, JSON that may be a manifest, and GitLab Runner's configuration.
fn is_one(path: &Path, name: &str) -> bool {
    const OTHERS: [&str; 5] = [
        "package.json",
        "package-lock.json",
        "composer.lock",
        "tsconfig.json",
        "angular.json",
    ];
    let extension = path.extension().and_then(|e| e.to_str());
    match extension {
        Some("yml" | "yaml") => true,
        Some("json") => !OTHERS.contains(&name),
        Some("toml") => name.ends_with("config.toml"),
        _ => false,
    }
}

/// The files below a folder that may be manifests, in the order of their names. Links to folders are not followed.
pub(crate) fn below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![(root.to_owned(), 0)];
    while let Some((dir, depth)) = open.pop() {
        let context = || {
            format!(
                "cannot read the directory {}: check its permissions",
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
            } else if is_one(&path, &name) {
                found.push(path);
            }
            if found.len() > MOST_FILES {
                bail!(
                    "{} contains more than {MOST_FILES} YAML and JSON files: name the relevant directories",
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
        let error = text(&b"a: 1\nb: \xff\n"[..], MANIFEST, "x.yaml").unwrap_err();
        assert!(
            error.to_string().starts_with("x.yaml:2:4: invalid UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn a_limit_is_named_in_the_error() {
        for (limit, named) in [
            (COMMAND, "larger than 64 KiB"),
            (MANIFEST, "larger than 4 MiB"),
        ] {
            let exact = io::repeat(b'a').take(limit);
            assert_eq!(text(exact, limit, "x.yaml").unwrap().len() as u64, limit);
            let error = text(io::repeat(b'a'), limit, "x.yaml").unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_read() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let made = std::process::Command::new("mkfifo")
            .arg(at("fifo"))
            .status();
        assert!(made.unwrap().success());
        fs::write(at("file"), "text").unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        symlink("fifo", at("pipe")).unwrap();
        symlink("file", at("link")).unwrap();
        for odd in ["fifo", "pipe", "zero", "."] {
            let error = read(&at(odd), MANIFEST).unwrap_err().to_string();
            assert!(error.contains("not a regular file"), "{odd}: {error}");
        }
        assert!(read(Path::new("/dev/null"), MANIFEST).is_err());
        assert_eq!(read(&at("link"), MANIFEST).unwrap(), "text");
        let error = read(&at("nothing"), MANIFEST).unwrap_err();
        assert!(error.to_string().ends_with("check the path"), "{error}");
    }
}
