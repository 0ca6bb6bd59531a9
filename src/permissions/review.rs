//! Checks which permissions the current identity lacks, without storing anything in the cluster.

use super::{Place, Right, SYSTEM, Scope};
use crate::checks::Library;
use crate::collect::kubernetes::Cluster;
use crate::collect::permissions::{Question, allows, served_groups};
use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;
use std::fmt::Write;

const AT_ONCE: usize = 8;

/// A permission, and the parts of it that are denied.
pub(crate) struct Answer {
    right: &'static Right,
    refused: Vec<Question>,
}

/// Asks which of a scope's permissions are denied.
pub(crate) async fn ask(cluster: &Cluster, scope: &Scope<'_>) -> Result<Vec<Answer>> {
    let groups = served_groups(cluster).await?;
    // API groups that the cluster does not serve need no permission.
    let rights: Vec<&'static Right> = scope
        .rights()
        .filter(|right| right.group.is_empty() || groups.contains(right.group))
        .collect();
    let questions = rights.iter().enumerate().flat_map(|(at, right)| {
        questions(right, scope)
            .into_iter()
            .map(move |question| (at, question))
    });
    let refused: Vec<(usize, Question)> = stream::iter(questions)
        .map(|(at, question)| async move {
            let allowed = allows(cluster, &question).await?;
            anyhow::Ok((!allowed).then_some((at, question)))
        })
        .buffered(AT_ONCE)
        .try_filter_map(|refused| async move { Ok(refused) })
        .try_collect()
        .await?;
    Ok(rights
        .iter()
        .enumerate()
        .map(|(at, right)| Answer {
            right,
            refused: refused
                .iter()
                .filter(|(of, _)| *of == at)
                .map(|(_, question)| question.clone())
                .collect(),
        })
        .collect())
}

fn questions(right: &Right, scope: &Scope) -> Vec<Question> {
    let namespace = match right.place {
        Place::Runners if scope.all_namespaces => None,
        Place::Runners => Some(scope.namespace.to_owned()),
        Place::System => Some(SYSTEM.to_owned()),
        Place::Cluster => None,
    };
    let names: Vec<Option<&'static str>> = match right.names {
        [] => vec![None],
        names => names.iter().map(|name| Some(*name)).collect(),
    };
    let question = |verb: &'static str, name| Question {
        verb,
        group: right.group,
        resource: right.resource,
        name,
        namespace: namespace.clone(),
    };
    let each = right.verbs.iter();
    each.flat_map(|verb| names.iter().map(move |name| question(verb, *name)))
        .collect()
}

/// As text: one line per permission, and below the missing ones the checks that are unknown.
pub(crate) fn tell(answers: &[Answer], scope: &Scope<'_>, library: &Library) -> String {
    let mut text = String::new();
    let mut unknown = BTreeSet::new();
    for Answer { right, refused } in answers {
        // Writing into a String cannot fail.
        if refused.is_empty() {
            let _ = writeln!(text, "allowed  {}", named(right));
            continue;
        }
        for question in refused {
            let _ = writeln!(text, "MISSING  {}", asked(question, right.place));
        }
        let _ = writeln!(
            text,
            "         used to: {}\n         {}: {}",
            right.gives,
            if right.watch {
                "without it"
            } else {
                "unknown without it"
            },
            right.without
        );
        // Checks do not need permissions that only the watcher uses.
        let blind = library
            .checks()
            .filter(|check| !right.watch && check.reads(right.origin));
        unknown.extend(blind.map(|check| check.id.as_str()));
    }
    if !unknown.is_empty() {
        let unknown: Vec<&str> = unknown.into_iter().collect();
        let _ = writeln!(
            text,
            "\nchecks that are unknown, wholly or in part: {}",
            unknown.join(", ")
        );
    }
    if let Some(unknown) = scope.unknown_without_cluster_facts() {
        let _ = writeln!(text, "\n{unknown}");
    }
    text
}

pub(crate) fn is_missing(answers: &[Answer]) -> bool {
    answers.iter().any(|answer| !answer.refused.is_empty())
}

fn named(right: &Right) -> String {
    let of = match right.place {
        Place::System => format!(" in {SYSTEM}"),
        Place::Runners | Place::Cluster => String::new(),
    };
    format!(
        "{} {}{of}",
        right.verbs.join(", "),
        full_resource(right.resource, right.group)
    )
}

fn asked(question: &Question, place: Place) -> String {
    let Question { verb, .. } = question;
    let mut text = format!(
        "{verb} {}",
        full_resource(question.resource, question.group)
    );
    if let Some(name) = question.name {
        let _ = write!(text, " {name}");
    }
    match (&question.namespace, place) {
        (Some(namespace), _) => _ = write!(text, " in {namespace}"),
        (None, Place::Runners) => text.push_str(" in all namespaces"),
        (None, _) => {}
    }
    text
}

fn full_resource(resource: &str, group: &str) -> String {
    match group {
        "" => resource.to_owned(),
        group => format!("{resource}.{group}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::RIGHTS;
    use super::*;
    use crate::checks::judge_alone;
    use crate::evidence::{Evidence, Observed, Reason, Unseen};
    use crate::facts::Origin;

    const SCOPE: Scope<'_> = Scope {
        namespace: "ci",
        all_namespaces: false,
        cluster_facts: true,
        node_exec: true,
        watch: false,
        name: "runner-doctor",
    };

    fn answers(refuse: impl Fn(&Question) -> bool) -> Vec<Answer> {
        let answer = |right| Answer {
            right,
            refused: questions(right, &SCOPE)
                .into_iter()
                .filter(&refuse)
                .collect(),
        };
        SCOPE.rights().map(answer).collect()
    }

    #[test]
    fn what_is_missing_is_told_with_what_is_unknown_for_it() {
        let library = Library::shared();
        let answers = answers(|question| {
            question.resource == "nodes"
                || question.name == Some("cilium-config")
                || (question.resource == "pods/exec"
                    && question.verb == "create"
                    && question.namespace.as_deref() == Some(SYSTEM))
        });
        assert!(is_missing(&answers));
        insta::assert_snapshot!(tell(&answers, &SCOPE, library));
    }

    /// A single-namespace role and its verification list the same gaps.
    #[test]
    fn what_a_namespace_alone_leaves_unknown_is_named() {
        let alone = Scope {
            cluster_facts: false,
            ..SCOPE
        };
        let told = tell(&[], &alone, Library::shared());
        assert!(told.contains("--cluster-facts") && told.contains("the MTU of the node uplinks"));
        let role = super::super::roles(&alone).replace("\n# ", " ");
        assert!(role.contains(told.trim()), "{role}");
        assert!(!super::super::roles(&SCOPE).contains("--cluster-facts"));
    }

    /// The checks listed as unknown.
    fn named_unknown(refuse: impl Fn(&Question) -> bool) -> Vec<String> {
        let text = tell(&answers(refuse), &SCOPE, Library::shared());
        let (_, list) = text.split_once("in part: ").unwrap_or_default();
        let ids = list.trim().split(", ").filter(|id| !id.is_empty());
        ids.map(str::to_owned).collect()
    }

    #[test]
    fn without_logs_the_checks_that_read_them_are_named() {
        let named = named_unknown(|question| question.resource == "pods/log");
        insta::assert_snapshot!(named.join("\n"));
        assert!(named_unknown(|_| false).is_empty());
    }

    /// Removes from the evidence what a permission provides.
    fn blind(evidence: &mut Evidence, origin: Origin) {
        let unseen = || Reason::ExecForbidden {
            namespace: "ci".to_owned(),
        };
        for runner in &mut evidence.runners {
            let standing = &mut runner.standing;
            match origin {
                Origin::Walk => {
                    runner.engines = Unseen(unseen());
                    runner.namespaces = Unseen(unseen());
                    standing.clock_ahead = Some(Unseen(unseen()));
                }
                Origin::Logs => {
                    for container in &mut runner.containers {
                        container.log = Some(Unseen(unseen()));
                    }
                }
                _ => {}
            }
        }
        match (origin, &mut evidence.cluster) {
            (Origin::Nodes, _) => evidence.nodes.clear(),
            (Origin::Agents, _) => {
                for node in &mut evidence.nodes {
                    node.uplink = Unseen(unseen());
                }
            }
            (Origin::Cni, Observed(cluster)) => cluster.cni = Unseen(unseen()),
            _ => {}
        }
    }

    #[test]
    fn what_a_missing_right_makes_unknown_is_named_for_it() {
        let origins: BTreeSet<Origin> = RIGHTS.iter().map(|right| right.origin).collect();
        let all = Library::shared().checks();
        let cases = all.flat_map(|check| check.cases.iter().map(move |case| (check, case)));
        for (check, case) in cases {
            let evidence = case.evidence().unwrap();
            let unknowns = |evidence: &Evidence| judge_alone(check, evidence).unknowns.len();
            let whole = unknowns(&evidence);
            for origin in origins.iter().filter(|origin| !check.reads(**origin)) {
                let mut blinded = evidence.clone();
                blind(&mut blinded, *origin);
                let (id, case) = (&check.id, &case.name);
                assert!(unknowns(&blinded) <= whole, "{id} reads {origin:?}: {case}");
            }
        }
    }
}
