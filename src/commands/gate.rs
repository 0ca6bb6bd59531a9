//! The exit code of an examination: from findings, classes of unknown results, and which runners
//! could be examined. It never depends on texts.

use super::Exit;
use crate::cli::Gate;
use crate::diagnosis::{Diagnosis, ExaminedRunner, Severity, Unknown, Verdict};
use crate::evidence::Class;

impl Gate {
    /// 1, 2, 3, 0, in this order.
    pub(super) fn exit(self, diagnosis: &Diagnosis) -> Exit {
        if diagnosis.verdict == Verdict::Failing {
            return Exit::Findings;
        }
        let accepted = self.allow_empty && diagnosis.incomplete.is_none();
        if diagnosis.runners.is_empty() && !accepted {
            return Exit::CouldNotExamine;
        }
        let started = || {
            diagnosis
                .runners
                .iter()
                .filter(|runner| has_started(runner))
        };
        let unseen = started().filter(|runner| runner.unseen).count();
        if unseen > 0 && unseen == started().count() {
            return Exit::CouldNotExamine;
        }
        if self.allow_unknown {
            return Exit::Fine;
        }
        let unknown = |unknown: &Unknown| self.counts(unknown.class(), unknown.severity);
        match unseen > 0 || diagnosis.incomplete.is_some() || diagnosis.unknowns.iter().any(unknown)
        {
            true => Exit::Unknown,
            false => Exit::Fine,
        }
    }

    /// Whether a check that is unknown for a reason of this class makes the exit code 3.
    fn counts(self, class: Class, severity: Severity) -> bool {
        match class {
            Class::NotRecorded | Class::NotAsked | Class::DoesNotApply => false,
            Class::NotThereYet | Class::Gone | Class::OutsideTheView => self.strict,
            Class::CouldNotLook => self.strict || severity == Severity::Error,
        }
    }
}

/// Those of which nothing was seen, though there was something to see.
pub(super) fn unseen(diagnosis: &Diagnosis) -> Vec<&str> {
    let unseen = diagnosis
        .runners
        .iter()
        .filter(|runner| runner.unseen && has_started(runner));
    unseen.map(|runner| runner.name.as_str()).collect()
}

fn has_started(runner: &ExaminedRunner) -> bool {
    let class = runner.unseen_because.as_ref().map(|reason| reason.class());
    !matches!(
        class,
        Some(Class::NotThereYet | Class::Gone | Class::DoesNotApply)
    )
}

#[cfg(test)]
mod tests;
