//! Root and consequence: what the fix of one finding also removes.
//!
//! One finding is a consequence of another only if fixing the other alone would remove it. Checks
//! declare this (`caused_by`, `explains`); this module verifies that both are about the same place.

use super::{Item, Suspicion};
use crate::diagnosis::Unknown;

/// A finding that explains why facts are unknown.
pub(super) struct Explanation<'a> {
    /// Its index in the suspicions.
    pub(super) suspicion: usize,
    engine: Option<&'a str>,
    /// The id of the reason that these unknowns give.
    reason: String,
}

/// The index of a check's suspicion in the place of an item: on its engine or container, or on the pod
/// around it.
pub(super) fn here(suspicions: &[Suspicion], check: &str, item: &Item) -> Option<usize> {
    let found = |place: &Option<String>| {
        let mut all = suspicions.iter();
        all.position(|s| s.check.id == check && s.item.place == *place)
    };
    found(&item.place).or_else(|| found(&None))
}

/// The cause of a suspicion: the first check in its `caused_by` that found something here.
pub(super) fn root(suspicions: &[Suspicion], suspicion: &Suspicion) -> Option<usize> {
    let mut named = suspicion.check.caused_by.iter();
    named.find_map(|root| here(suspicions, root, suspicion.item))
}

/// The findings of one runner that explain unknowns.
pub(super) fn explanations<'a>(suspicions: &[Suspicion<'a>]) -> Vec<Explanation<'a>> {
    let one = |(at, suspicion): (usize, &Suspicion<'a>)| {
        let explains = suspicion.check.explains.as_ref()?;
        let reason = explains.render(suspicion.scope());
        let told = reason.failures.is_empty() && !reason.text.is_empty();
        told.then_some(Explanation {
            suspicion: at,
            engine: suspicion.item.engine.as_deref(),
            reason: reason.text,
        })
    };
    suspicions.iter().enumerate().filter_map(one).collect()
}

impl Explanation<'_> {
    /// Whether every reason of the unknown is this one or derives from it, and the unknown is about this
    /// engine, something inside it, or the pod.
    pub(super) fn covers(&self, doubt: &Unknown) -> bool {
        let inside = match (self.engine, doubt.engine.as_deref()) {
            (Some(engine), Some(path)) => path
                .strip_prefix(engine)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            _ => true,
        };
        let mut reasons = doubt.reasons.iter();
        inside && reasons.all(|reason| reason.root().id() == self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ANY_ENGINE, ANY_NETWORK, check, judged, with};
    use super::super::{Judgement, judge_by};
    use crate::checks::case;
    use crate::checks::rule::Check;
    use crate::evidence::{Evidence, Observation, Observed, Why};

    const OUTER: &str = "docker-in-docker";
    const INNER: &str = "docker-in-docker/bb_docker";

    /// A check that finds something in every pod.
    const ANY_POD: &str = "
needs: [pods]
for_each: pods
fails_when: it.name != ''
finding: '{it.name}'
";
    const SILENT: &str = "
needs: [engines]
for_each: engines
fails_when: has(it.trouble)
finding: '{it.trouble}'
explains: \"{has(it.unseen_because) ? it.unseen_because : ''}\"
";
    const NEEDS_VERSION: &str = "
needs: [engines]
for_each: engines
fails_when: it.version == '' || it.node_disagrees
finding: '{it.name}'
";

    fn causes(judgement: &Judgement, id: &str) -> Vec<Option<String>> {
        let of = |print: &String| {
            let found = judgement.findings.iter().find(|f| f.fingerprint == *print);
            let found = found.unwrap();
            format!("{} {}", found.check, found.engine.as_deref().unwrap_or("-"))
        };
        let findings = judgement.findings.iter().filter(|f| f.check == id);
        findings.map(|f| f.caused_by.as_ref().map(of)).collect()
    }

    #[test]
    fn of_several_causes_the_first_that_was_found_counts() {
        let rule = with(ANY_NETWORK, "caused_by: [absent, second, first]");
        let absent = ANY_ENGINE.replace("it.depth >= 0", "it.depth > 9");
        let judgement = judged(&[
            check("absent", &absent),
            check("consequence", &rule),
            check("first", ANY_ENGINE),
            check("second", ANY_ENGINE),
        ]);
        let second = |engine| Some(format!("second {engine}"));
        assert_eq!(
            causes(&judgement, "consequence"),
            [second(OUTER), second(INNER)]
        );
    }

    #[test]
    fn a_root_in_the_pod_is_one_for_everything_in_it() {
        let rule = with(ANY_NETWORK, "caused_by: pod");
        let judgement = judged(&[check("consequence", &rule), check("pod", ANY_POD)]);
        let pod = Some("pod -".to_owned());
        assert_eq!(causes(&judgement, "consequence"), [pod.clone(), pod]);
        // But not the reverse.
        let rule = with(ANY_POD, "caused_by: engine");
        let judgement = judged(&[check("consequence", &rule), check("engine", ANY_ENGINE)]);
        assert_eq!(causes(&judgement, "consequence"), [None]);
    }

    /// The healthy baseline, but the engines at these paths hang.
    fn hanging(paths: &[&str]) -> Evidence {
        let mut evidence = case::healthy().unwrap();
        let Observed(engines) = &mut evidence.runners[0].engines else {
            panic!("the baseline has engines");
        };
        for engine in engines
            .iter_mut()
            .filter(|e| paths.contains(&e.path.as_str()))
        {
            engine.api =
                Observation::Unobserved(crate::evidence::Reason::prose(Why::TimedOut, "it hangs"));
        }
        evidence
    }

    fn unknown_for(checks: &[Check], evidence: &Evidence) -> Vec<(String, Option<String>)> {
        let checks: Vec<&Check> = checks.iter().collect();
        let judgement = judge_by(&checks, evidence);
        let engine_of = |print: &String| {
            let found = judgement.findings.iter().find(|f| f.fingerprint == *print);
            found.unwrap().engine.clone().unwrap_or_default()
        };
        let told = judgement.unknowns.iter().map(|unknown| {
            let engine = unknown.engine.clone().unwrap_or_default();
            (engine, unknown.caused_by.as_ref().map(engine_of))
        });
        told.collect()
    }

    #[test]
    fn what_a_silent_engine_hides_follows_from_that() {
        let checks = [check("silent", SILENT), check("version", NEEDS_VERSION)];
        let both = unknown_for(&checks, &hanging(&[OUTER, INNER]));
        let own = |engine: &str| (engine.to_owned(), Some(engine.to_owned()));
        assert_eq!(both.first(), Some(&own(OUTER)));
        // Each has its own cause: the reason is the same, but fixing one engine reveals nothing about
        // another.
        assert!(
            both.iter().skip(1).all(|inner| inner.1.is_some()),
            "{both:?}"
        );
    }

    #[test]
    fn what_has_another_reason_too_does_not_follow() {
        let checks = [check("silent", SILENT), check("version", NEEDS_VERSION)];
        let mut evidence = hanging(&[OUTER]);
        evidence.nodes.clear();
        let unknown = unknown_for(&checks, &evidence);
        assert_eq!(unknown.first(), Some(&(OUTER.to_owned(), None)));
    }

    #[test]
    fn an_engine_that_hangs_inside_explains_nothing_outside() {
        let checks = [check("silent", SILENT), check("version", NEEDS_VERSION)];
        let mut evidence = hanging(&[INNER]);
        let Observed(engines) = &mut evidence.runners[0].engines else {
            panic!("the baseline has engines");
        };
        // It was not queried, and gives the same reason.
        engines[0].api =
            Observation::Unobserved(crate::evidence::Reason::prose(Why::Missing, "it hangs"));
        let unknown = unknown_for(&checks, &evidence);
        assert!(unknown.contains(&(OUTER.to_owned(), None)), "{unknown:?}");
        assert!(unknown.contains(&(INNER.to_owned(), Some(INNER.to_owned()))));
    }
}
