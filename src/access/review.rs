//! Asks a cluster which rights the current identity lacks; the questions are kept nowhere.

use super::{Blinds, Place, Right, SYSTEM, Scope};
use crate::checks::Library;
use crate::collect::kubernetes::Cluster;
use crate::collect::permissions::{Question, allows, served_groups};
use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;
use std::fmt::Write;

const AT_ONCE: usize = 8;

/// A right, and what of it is refused.
pub(crate) struct Answer {
    right: &'static Right,
    refused: Vec<Question>,
}

/// What is missing of a scope's rights.
pub(crate) async fn ask(cluster: &Cluster, scope: &Scope<'_>) -> Result<Vec<Answer>> {
    let groups = served_groups(cluster).await?;
    // What the cluster does not have, nobody needs to read.
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

/// For people: one line a right, and below those that are missing what is unknown for it.
pub(crate) fn tell(answers: &[Answer], library: &Library) -> String {
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
            "         gives: {}\n         unknown without it: {}",
            right.gives, right.without
        );
        match right.blinds {
            Blinds::Every => unknown.extend(library.checks().map(|check| check.id.as_str())),
            Blinds::These(checks) => unknown.extend(checks),
        }
    }
    if !unknown.is_empty() {
        let unknown: Vec<&str> = unknown.into_iter().collect();
        let _ = writeln!(
            text,
            "\nunknown for what is missing, wholly or in part: {}",
            unknown.join(", ")
        );
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

    fn answers(refuse: impl Fn(&Question) -> bool) -> Vec<Answer> {
        let scope = Scope {
            namespace: "ci",
            all_namespaces: false,
            cluster_facts: true,
            node_exec: true,
            name: "runner-doctor",
        };
        let answer = |right| Answer {
            right,
            refused: questions(right, &scope)
                .into_iter()
                .filter(&refuse)
                .collect(),
        };
        RIGHTS.iter().map(answer).collect()
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
        insta::assert_snapshot!(tell(&answers, library));
    }

    #[test]
    fn without_exec_every_check_is_unknown() {
        let library = Library::shared();
        let answers = answers(|question| question.resource == "pods/exec");
        let text = tell(&answers, library);
        for check in library.checks() {
            assert!(text.contains(&check.id), "{}", check.id);
        }
        assert!(!is_missing(&super::tests::answers(|_| false)));
    }
}
