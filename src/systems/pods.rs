//! Where pods lie in documents, whatever these are called: a map with a list of containers is one, in a
//! Deployment as in a task of Tekton, a workflow of Argo, an operator's own kind or a chart's values.

use crate::yaml::{Step, Tree};

/// The lists of a pod that hold containers, as Kubernetes, Argo and Tekton call them.
pub(crate) const LISTS: [&str; 3] = ["containers", "initContainers", "sidecars"];

/// No document nests its pods deeper.
pub(crate) const DEEPEST: usize = 32;

/// Whether a text inside a document is worth reading as one: a template, values of a chart, or GitLab
/// Runner's configuration.
pub(crate) fn may_be_in(text: &str) -> bool {
    const WORDS: [&str; 3] = ["containers:", "containerMode:", "sidecars:"];
    is_runner_config(text) || WORDS.iter().any(|word| text.contains(word))
}

/// GitLab Runner's config.toml.
pub(crate) fn is_runner_config(text: &str) -> bool {
    text.contains("[[runners]]")
}

pub(crate) fn is_pod<T: Tree>(node: &T) -> bool {
    let is_container = |one: &T| one.child("image").is_some() || one.child("name").is_some();
    LISTS.iter().any(|list| {
        let list = node.child(list).map_or(&[][..], Tree::elements);
        list.iter().any(is_container)
    })
}

/// The paths to all pods in a document, but for those inside of texts.
pub(crate) fn find<T: Tree>(root: &T) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    let mut open = vec![(Vec::new(), root)];
    while let Some((path, node)) = open.pop() {
        if is_pod(node) {
            found.push(path);
            continue;
        }
        if path.len() >= DEEPEST {
            continue;
        }
        let inside = node.inside().into_iter().rev();
        open.extend(inside.map(|(step, inner)| {
            let path: Vec<Step> = path.iter().cloned().chain([step]).collect();
            (path, inner)
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Offset, at, load};
    use serde_json::json;

    #[test]
    fn a_pod_is_found_wherever_it_lies() {
        let containers = json!([{"name": "dind", "image": "docker:dind"}]);
        for (object, expected) in [
            (json!({"spec": {"containers": containers}}), &["spec"][..]),
            (
                json!({"spec": {"jobTargetRef": {"template": {"spec": {"containers": containers}}}}}),
                &["spec", "jobTargetRef", "template", "spec"],
            ),
            (
                json!({"spec": {"podTemplateSpec": {"spec": {"initContainers": containers}}}}),
                &["spec", "podTemplateSpec", "spec"],
            ),
            (json!({"spec": {"sidecars": containers}}), &["spec"]),
        ] {
            let expected = at(&[], expected.iter().copied());
            let expected = vec![expected];
            assert_eq!(find(&object), expected, "{object}");
            let tree = load(&object.to_string(), Offset::default()).unwrap();
            assert_eq!(find(&tree[0]), expected);
        }
        for other in [
            json!({"containers": 3}),
            json!({"containers": ["a"]}),
            json!([]),
        ] {
            assert_eq!(find(&other), Vec::<Vec<Step>>::new(), "{other}");
        }
    }
}
