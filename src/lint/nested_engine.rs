//! The engine that Bitbucket starts inside a runner's for steps that use Docker: its MTU is set in
//! bitbucket-pipelines.yml only, so without that file it is unknown.

use super::network::{self, POD};
use super::place::Places;
use super::{Context, declared};
use crate::checks::Judgement;
use crate::diagnosis::Unknown;
use crate::evidence::{Observed, Provider, Reason, Runner};

/// Adds that engine with its defaults, to check whether they suffice. It does not inherit the MTU,
/// so fixing only the runner's own engine is not enough.
pub(super) fn engine(
    runner: &mut Runner,
    places: &mut Places,
    context: &Context<'_>,
) -> Option<String> {
    if context.pipelines || runner.provider != Provider::Bitbucket {
        return None;
    }
    let (outer, mtu) = declared::engine_mtu(runner)?;
    let (Observed(namespaces), Observed(engines)) = (&mut runner.namespaces, &mut runner.engines)
    else {
        return None;
    };
    let around = engines.iter().find(|engine| engine.path == outer)?;
    let pod = namespaces
        .iter_mut()
        .find(|namespace| namespace.id == POD)?;
    if around.namespace != POD {
        return None;
    }
    let inner = network::behind(network::NESTED, pod, "docker0", mtu);
    namespaces.push(inner);
    let path = format!("{outer}/docker");
    let mut nested = declared::engine(&path, None, Vec::new(), &[]);
    nested.namespace = network::NESTED;
    engines.push(nested);
    places.note_as(&path, &outer);
    Some(path)
}

/// Its findings with default settings are unknowns: a pipeline may fix them, as `check` also
/// reports for a runner without a running step.
pub(super) fn unknowns(judged: &mut Judgement, presumed: Option<&str>) -> Vec<Unknown> {
    let Some(path) = presumed else {
        return Vec::new();
    };
    let found = std::mem::take(&mut judged.findings).into_iter();
    let (supposed, known): (Vec<_>, Vec<_>) =
        found.partition(|finding| finding.engine.as_deref() == Some(path));
    judged.findings = known;
    let unknown = supposed.into_iter().map(|finding| Unknown {
        reasons: vec![Reason::NoPipeline {
            without: finding.message,
        }],
        check: finding.check,
        severity: finding.severity,
        runner: finding.runner,
        engine: finding.engine,
        subject: Some(finding.subject),
        caused_by: None,
    });
    unknown.collect()
}
