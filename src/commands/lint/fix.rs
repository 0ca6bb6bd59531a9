//! `lint --fix`: the fixes that need no input, as edits of the files. A file is changed only where it lints
//! better for it.

use super::super::{tell, write_out};
use super::Edited;
use crate::diagnosis::Finding;
use crate::files;
use crate::fix::File;
use crate::lint::{Linted, difference};
use crate::remedy;
use crate::report;
use anyhow::Result;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

/// A fix may show what another hid; after so many rounds something is fixed back and forth.
const MOST_ROUNDS: usize = 8;

/// What the files are once no fix is left that can be made.
pub(super) fn edit(
    linted: &Linted,
    judge: &dyn Fn(&Edited) -> Result<Linted>,
    suppress: &dyn Fn(Vec<Finding>) -> Vec<Finding>,
) -> Result<Edited> {
    let mut edited = Edited::new();
    let mut findings = suppress(linted.judgement.findings.clone());
    for _ in 0..MOST_ROUNDS {
        let new = round(&findings, &edited);
        if new.is_empty() {
            break;
        }
        let mut next = edited.clone();
        next.extend(new);
        let Ok(judged) = judge(&next) else { break };
        let left = suppress(judged.judgement.findings);
        let worse = |file: &String| {
            let of = |findings: &[Finding]| findings.iter().filter(|f| f.runner == *file).count();
            of(&left) >= of(&findings) && next.get(file) != edited.get(file)
        };
        if next.keys().any(worse) {
            break;
        }
        edited = next;
        findings = left;
    }
    Ok(edited)
}

/// Applies to each file the first fix of each of its findings that a program can apply.
fn round(findings: &[Finding], edited: &Edited) -> Edited {
    let mut files: BTreeMap<&str, File> = BTreeMap::new();
    for finding in findings {
        let Some(location) = &finding.location else {
            continue;
        };
        let name = location.file.as_str();
        let file = match files.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let path = Path::new(name);
                let file = match edited.get(name) {
                    Some(text) => File::parse(path, text.clone()),
                    None => File::read(path),
                };
                match file {
                    Ok(file) => new.insert(file),
                    // It is written in a way that cannot be edited.
                    Err(_) => continue,
                }
            }
        };
        let changes = finding.remedies.iter().filter_map(|r| r.change.as_ref());
        let mut changes = changes.filter(|change| !remedy::needs_input(change));
        changes.find_map(|change| file.make(change));
    }
    let changed = files
        .into_iter()
        .filter(|(_, file)| file.edited() != file.text);
    changed
        .map(|(name, file)| (name.to_owned(), file.edited().to_owned()))
        .collect()
}

/// The differences to what is on the disk, without secrets.
pub(super) fn differences(edited: &Edited) -> String {
    let each = edited.iter().filter_map(|(name, text)| {
        let before = files::read(Path::new(name), files::MANIFEST).ok()?;
        Some(difference(name, &before, text))
    });
    let whole: String = each.collect();
    let lines = whole
        .lines()
        .map(|line| format!("{}\n", report::clean(line)));
    lines.collect()
}

pub(super) fn write(edited: &Edited) -> Result<()> {
    for (name, text) in edited {
        write_out(text, Some(Path::new(name)))?;
        tell(&format!("runner-doctor: edited {}", report::clean(name)));
    }
    Ok(())
}
