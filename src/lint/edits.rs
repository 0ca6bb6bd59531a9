//! Fixes as edits of the file with the finding: shown as a diff instead of a snippet to paste.

use super::place::Source;
use crate::diagnosis::{Change, Finding};
use crate::fix::File;
use crate::remedy;
use std::path::Path;

/// A large file, or one with many runners, is parsed again for each edit.
const LONGEST: usize = 256 << 10;
const MOST: usize = 64;

/// Proposed edits of one file; none is applied.
pub(super) struct Edits {
    /// None if the text cannot be edited.
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

    /// Adds to each fix that can be made in this file its diff.
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
        // The image build instructions are more useful than the edit.
        if remedy::builds_image(change) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let mut file = self.file.clone()?;
        let changed = file.make(change)?;
        changed.then(|| file.edited().to_owned())
    }
}
