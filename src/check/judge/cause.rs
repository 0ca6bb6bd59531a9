//! Root and consequence: what the cure of one finding removes besides it.
//!
//! Something follows from a finding only if curing that alone would remove it. Which check's cure
//! does is for the checks to say (`caused_by`, `explains`); that it is about the same place is
//! seen here.

use super::{Item, Suspicion};
use crate::diagnosis::Unknown;

/// Something that could not be judged, with each reason for it.
#[derive(PartialEq)]
pub(super) struct Doubt {
    pub(super) unknown: Unknown,
    pub(super) reasons: Vec<String>,
}

/// A finding that is why things could not be seen.
pub(super) struct Explanation<'a> {
    /// Its place among the suspicions.
    pub(super) suspicion: usize,
    engine: Option<&'a str>,
    /// The reason that they give.
    reason: String,
}

/// What a check found where a thing is: on its engine or container, or on the pod around it.
pub(super) fn here(suspicions: &[Suspicion], check: &str, item: &Item) -> Option<usize> {
    let found = |place: &Option<String>| {
        let mut all = suspicions.iter();
        all.position(|s| s.check.id == check && s.item.place == *place)
    };
    found(&item.place).or_else(|| found(&None))
}

/// What a suspicion follows from, where one of the checks that it names found something.
pub(super) fn root(suspicions: &[Suspicion], suspicion: &Suspicion) -> Option<usize> {
    let mut named = suspicion.check.caused_by.iter();
    named.find_map(|root| here(suspicions, root, suspicion.item))
}

/// What one runner's findings explain.
pub(super) fn explanations<'a>(suspicions: &[Suspicion<'a>]) -> Vec<Explanation<'a>> {
    let one = |(at, suspicion): (usize, &Suspicion<'a>)| {
        let explains = suspicion.check.explains.as_ref()?;
        let reason = explains.render(suspicion.scope());
        let told = reason.failures.is_empty() && !reason.text.is_empty();
        told.then(|| Explanation {
            suspicion: at,
            engine: suspicion.item.engine.as_deref(),
            reason: reason.text,
        })
    };
    suspicions.iter().enumerate().filter_map(one).collect()
}

impl Explanation<'_> {
    /// Every reason of the doubt is this one, or ends in it («X does not tell its containers: …»),
    /// and it is about this engine, something inside it, or the pod.
    pub(super) fn covers(&self, doubt: &Doubt) -> bool {
        let inside = match (self.engine, doubt.unknown.engine.as_deref()) {
            (Some(engine), Some(path)) => path
                .strip_prefix(engine)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            _ => true,
        };
        inside
            && doubt.reasons.iter().all(|reason| {
                reason
                    .strip_suffix(self.reason.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with(": "))
            })
    }
}
