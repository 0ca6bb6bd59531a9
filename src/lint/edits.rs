//! Fixes as edits of the file that a finding stands in: what is pasted elsewhere is a difference here.

use super::place::Source;
use crate::diagnosis::{Change, Finding};
use crate::fix::File;
use crate::remedy;
use std::path::Path;

/// A large file, or one of many runners, is read again for each edit.
const LONGEST: usize = 256 << 10;
const MOST: usize = 64;

/// Edits of one file, none of which is made.
pub(super) struct Edits {
    /// Absent where the text is none that can be edited.
    file: Option<File>,
    left: usize,
}

impl Edits {
    pub(super) fn of(name: &str, text: &str) -> Edits {
        let file = match text.len() <= LONGEST {
            true => File::parse(Path::new(name), text.to_owned()).ok(),
            false => None,
        };
        Edits { file, left: MOST }
    }

    /// Shows each fix that can be made in this file as it would be.
    pub(super) fn show(&mut self, findings: &mut [Finding], source: &Source) {
        let remedies = findings.iter_mut().flat_map(|f| &mut f.remedies);
        for remedy in remedies {
            let change = remedy.change.as_ref();
            let edited = change.and_then(|change| self.edited(change));
            if let Some(edited) = edited {
                remedy.snippet = source.difference(&edited);
            }
        }
    }

    fn edited(&mut self, change: &Change) -> Option<String> {
        // What people build first says more than the edit.
        if remedy::builds_image(change) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let mut file = self.file.clone()?;
        let changed = file.make(change)?;
        changed.then(|| file.edited().to_owned())
    }
}
