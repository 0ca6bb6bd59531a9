//! All checks: the built-in ones, and those in directories given by the user.

use super::entry::Entry;
use super::fault::{Fault, Source};
use super::rule::Check;
use super::suggestion::advise;
use super::symptom::RECOVERIES;
use crate::diagnosis::Severity;
use crate::evidence::Probe;
use crate::files;
use crate::symptoms::{Relations, Symptoms};
use anyhow::{Context, Result, bail};
use include_dir::{Dir, DirEntry, include_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/checks");

/// The healthy runner that cases are merged into; it is among the checks, but is not one.
const BASELINE: &str = "baseline.yaml";

/// The URL of the page of a check or a fault; only built-in ones have one.
pub(crate) fn page(id: &str) -> Option<String> {
    static IDS: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| built_in().into_iter().map(|file| file.id).collect());
    let site = env!("CARGO_PKG_HOMEPAGE");
    IDS.contains(id).then(|| format!("{site}/checks/{id}.html"))
}

/// Checks in the order of their ids.
#[derive(Clone, Debug)]
pub struct Library {
    checks: BTreeMap<String, Arc<Check>>,
    /// Faults that appear in logs only.
    entries: BTreeMap<String, Arc<Entry>>,
}

impl Library {
    /// The built-in checks and those in `dirs`, whose ids must differ.
    pub fn load(dirs: &[PathBuf]) -> Result<Library> {
        let mut files = built_in();
        for dir in dirs {
            files.extend(read(dir)?);
        }
        let library = Library::parse(&files)?;
        library.resolve_names(&library.ids())?;
        Ok(library)
    }

    /// The built-in checks, read once for all tests.
    #[cfg(test)]
    pub(crate) fn shared() -> &'static Library {
        static SHARED: std::sync::LazyLock<Library> =
            std::sync::LazyLock::new(|| Library::load(&[]).unwrap());
        &SHARED
    }

    /// Only the checks in these files and directories, for check authors; they may refer to
    /// built-in checks, and may be newer versions of them.
    pub fn only(paths: &[PathBuf]) -> Result<Library> {
        let mut files = Vec::new();
        for path in paths {
            files.extend(read(path)?);
        }
        let library = Library::parse(&files)?;
        let built_in = built_in();
        let mut known = library.ids();
        known.extend(built_in.iter().map(|file| file.id.as_str()));
        library.resolve_names(&known)?;
        Ok(library)
    }

    /// Whether a user's check has the id of a built-in one.
    pub fn is_taken(check: &Check) -> bool {
        let mut built_in = built_in().into_iter();
        built_in.any(|file| file.id == check.id && !check.file.ends_with(&file.name))
    }

    /// The single check in this text, which must not refer to others.
    pub(crate) fn of_text(name: &str, text: &str) -> Result<Library> {
        let file = CheckFile::new(name.to_owned(), Path::new(name), text.to_owned());
        let library = Library::parse(&[file])?;
        library.resolve_names(&library.ids())?;
        Ok(library)
    }

    /// The checks that `only` names (all if it is empty), except those in `skip`.
    pub fn select(&self, only: &[String], skip: &[String]) -> Result<Library> {
        for id in only.iter().chain(skip) {
            if !self.checks.contains_key(id) {
                let advice = advise(id, "", &self.ids());
                bail!("unknown check `{id}`: {advice} (see `runner-doctor list`)");
            }
        }
        let chosen = |id: &String| (only.is_empty() || only.contains(id)) && !skip.contains(id);
        let checks = self.checks.iter().filter(|(id, _)| chosen(id));
        Ok(Library {
            checks: checks
                .map(|(id, check)| (id.clone(), Arc::clone(check)))
                .collect(),
            entries: self.entries.clone(),
        })
    }

    /// The same library with the checks in these files replacing those with the same ids.
    pub fn replace(mut self, files: &[PathBuf]) -> Result<Library> {
        let mut written = Vec::new();
        for file in files {
            written.extend(read(file)?);
        }
        for (id, check) in Library::parse(&written)?.checks {
            let Some(there) = self.checks.get_mut(&id) else {
                let ids = self.ids();
                bail!(
                    "{} replaces no check: unknown id `{id}`, {}; use --checks-dir for your own checks",
                    check.file,
                    advise(&id, "", &ids)
                );
            };
            let group = there.group.clone();
            *there = Arc::new(Check {
                group,
                ..Arc::unwrap_or_clone(check)
            });
        }
        self.resolve_names(&self.ids())?;
        Ok(self)
    }

    /// The same library with the severity of these checks overridden in all cases.
    pub fn with_severity(mut self, severities: &BTreeMap<String, Severity>) -> Library {
        for (id, severity) in severities {
            if let Some(check) = self.checks.get_mut(id) {
                let check = Arc::make_mut(check);
                check.severity = *severity;
                check.milder = None;
            }
        }
        self
    }

    /// The custom commands of its checks. Those from the user's files run only if allowed.
    pub fn probes(&self, allowed: bool) -> Result<Vec<Probe>> {
        let mut probes = Vec::new();
        for check in self.checks() {
            let Some((probe, place)) = &check.probe else {
                continue;
            };
            if !allowed && !check.built_in {
                return Err(Fault {
                    what: format!("`{}` runs a custom command in every runner", check.id),
                    place: place.clone(),
                    advice: "review it and use --allow-probes, or skip the check with --skip"
                        .into(),
                }
                .into());
            }
            probes.push(probe.clone());
        }
        Ok(probes)
    }

    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.values().map(Arc::as_ref)
    }

    /// The checks whose findings are only proven if the MTU of the pod network is known.
    pub(crate) fn checks_that_assume(&self) -> impl Iterator<Item = String> {
        const ASSUMED: &str = "it.carrier_assumed";
        let assume = self.checks().filter(|check| check.proven_reads(ASSUMED));
        assume.map(|check| check.id.clone())
    }

    pub fn get(&self, id: &str) -> Option<&Check> {
        self.checks.get(id).map(Arc::as_ref)
    }

    /// The faults that appear in logs only.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().map(Arc::as_ref)
    }

    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id).map(Arc::as_ref)
    }

    /// The symptoms of these checks and faults in logs.
    pub fn symptoms(&self) -> Symptoms {
        let checks = self.checks().flat_map(|check| &check.symptoms);
        let entries = self.entries().flat_map(|entry| &entry.symptoms);
        Symptoms::new(checks.chain(entries).cloned(), &RECOVERIES)
    }

    /// The ids of all checks and faults.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let ids = self.checks.keys().chain(self.entries.keys());
        let mut ids: Vec<&str> = ids.map(String::as_str).collect();
        ids.sort_unstable();
        ids
    }

    fn parse(files: &[CheckFile]) -> Result<Library> {
        let mut checks: BTreeMap<String, Arc<Check>> = BTreeMap::new();
        let mut entries: BTreeMap<String, Arc<Entry>> = BTreeMap::new();
        for file in files {
            let source = file.source();
            let there = checks
                .get(&file.id)
                .map(|check| (&check.file, check.built_in));
            let there = there.or(entries
                .get(&file.id)
                .map(|entry| (&entry.file, entry.built_in)));
            if let Some((first, built_in)) = there {
                return Err(Fault {
                    what: format!("check `{}` already exists in {first}", file.id),
                    place: source.place(1, 1),
                    advice: match built_in {
                        true => "choose another id and file name, or replace the built-in check with --override FILE",
                        false => "choose another id and file name",
                    }
                    .into(),
                }
                .into());
            }
            match Check::parse(source, &file.id, &file.group) {
                Ok(mut check) => {
                    check.built_in = file.built_in;
                    checks.insert(file.id.clone(), Arc::new(check));
                }
                Err(_) if Entry::is_in(source) => {
                    let mut entry = Entry::parse(source, &file.id, &file.group)?;
                    entry.built_in = file.built_in;
                    entries.insert(file.id.clone(), Arc::new(entry));
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(Library { checks, entries })
    }

    /// References to checks and faults must resolve, and must not be circular.
    fn resolve_names(&self, known: &[&str]) -> Result<()> {
        let checks = self.checks().map(|check| (&check.id, &check.names));
        let entries = self.entries().map(|entry| (&entry.id, &entry.names));
        for (id, names) in checks.chain(entries) {
            for (name, place) in names {
                let causes = self.causes(id).contains(name);
                let (what, advice) = if name == id || causes && self.leads_to(name, id) {
                    let what = format!("`{id}` is named as its own cause");
                    (
                        what,
                        "name a different check, whose fix removes this finding too".into(),
                    )
                } else if !known.contains(&name.as_str()) {
                    (format!("unknown check `{name}`"), advise(name, "", known))
                } else {
                    continue;
                };
                let place = place.clone();
                return Err(Fault {
                    what,
                    place,
                    advice,
                }
                .into());
            }
        }
        Ok(())
    }

    /// The faults whose fix also removes this one.
    fn causes(&self, id: &str) -> &[String] {
        let check = self.get(id).map(|check| &check.caused_by);
        let causes = check.or(self.entry(id).map(|entry| &entry.caused_by));
        causes.map_or(&[], Vec::as_slice)
    }

    /// Whether `other` is the check itself or one of its direct or indirect causes.
    fn leads_to(&self, id: &str, other: &str) -> bool {
        let mut seen = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if id == other {
                return true;
            }
            if !seen.contains(&id) {
                seen.push(id);
                open.extend(self.causes(id).iter().map(String::as_str));
            }
        }
        false
    }
}

/// A file that should hold a check.
struct CheckFile {
    /// As shown to users: `checks/network/mtu-inversion.yaml`.
    name: String,
    id: String,
    group: String,
    text: String,
    built_in: bool,
}

impl CheckFile {
    fn new(name: String, path: &Path, text: String) -> Self {
        let part = |part: Option<&std::ffi::OsStr>| {
            part.map_or_else(
                || "local".to_owned(),
                |part| part.to_string_lossy().into_owned(),
            )
        };
        CheckFile {
            name,
            id: part(path.file_stem()),
            group: part(path.parent().and_then(Path::file_name)),
            text,
            built_in: false,
        }
    }

    fn source(&self) -> Source<'_> {
        Source {
            file: &self.name,
            text: &self.text,
            built_in: self.built_in,
        }
    }
}

/// Any YAML file except the baseline of the cases and files in a `data` directory.
fn is_check(path: &Path) -> bool {
    let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    let is_data = path.parent().is_some_and(|folder| folder.ends_with("data"));
    yaml && !is_data && path.file_name().is_some_and(|name| name != BASELINE)
}

fn built_in() -> Vec<CheckFile> {
    let mut files = Vec::new();
    let mut open = vec![&BUILT_IN];
    while let Some(dir) = open.pop() {
        for entry in dir.entries() {
            match entry {
                DirEntry::Dir(inner) => open.push(inner),
                DirEntry::File(file) if is_check(file.path()) => {
                    let text = file.contents_utf8().unwrap_or_default().to_owned();
                    let name = format!("checks/{}", file.path().display());
                    files.push(CheckFile {
                        built_in: true,
                        ..CheckFile::new(name, file.path(), text)
                    });
                }
                DirEntry::File(_) => {}
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// The check files in a directory (recursively), or the one given file.
fn read(path: &Path) -> Result<Vec<CheckFile>> {
    let hint = || format!("cannot read checks from {}: check the path", path.display());
    let paths = match fs::metadata(path).with_context(hint)?.is_dir() {
        true => files::below(path)?
            .into_iter()
            .filter(|file| is_check(file))
            .collect(),
        false => vec![path.to_owned()],
    };
    let texts = paths.into_iter().map(|path| {
        let text = files::read(&path, files::CHECK)?;
        Ok(CheckFile::new(path.display().to_string(), &path, text))
    });
    texts.collect()
}

impl Relations for Library {
    fn causes(&self, id: &str) -> &[String] {
        Library::causes(self, id)
    }

    fn is_consequence(&self, id: &str) -> bool {
        let check = self.get(id).map(|check| check.consequence);
        check.or(self.entry(id).map(|entry| entry.consequence)) == Some(true)
    }
}
