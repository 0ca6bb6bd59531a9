//! Which command of a pipeline's scripts creates a Docker network without an MTU. Networks of Compose
//! are judged in its own files.

use crate::yaml::Node;

const SCRIPTS: [&str; 3] = ["before_script", "script", "after_script"];
const DEEPEST: usize = 32;

/// The command, where one of the scripts anywhere in these documents has it.
pub(super) fn created_by(documents: &[Node]) -> Option<String> {
    let mut found = documents.iter().filter_map(|document| below(document, 0));
    found.next().map(str::to_owned)
}

fn below(node: &Node, depth: usize) -> Option<&'static str> {
    if depth > DEEPEST {
        return None;
    }
    let of_keys = node.entries().iter().filter_map(|(key, value)| {
        match key.text().is_some_and(|key| SCRIPTS.contains(&key)) {
            true => in_script(value, depth),
            false => below(value, depth + 1),
        }
    });
    let of_items = node
        .items()
        .iter()
        .filter_map(|item| below(item, depth + 1));
    of_keys.chain(of_items).next()
}

/// A script is a text, or a list of texts and of lists that `!reference` or an anchor put there.
fn in_script(script: &Node, depth: usize) -> Option<&'static str> {
    if depth > DEEPEST {
        return None;
    }
    let own = script.text().into_iter().flat_map(str::lines);
    let own = own.filter_map(command);
    let items = script.items().iter();
    own.chain(items.filter_map(|item| in_script(item, depth + 1)))
        .next()
}

fn command(line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    if line.starts_with('#') {
        return None;
    }
    let has = |words: &str| line.contains(words);
    if has("docker network create ") && !has("driver.mtu") {
        return Some("docker network create");
    }
    (has("k3d cluster create") && !has("--network")).then_some("k3d cluster create")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn found(text: &str) -> Option<String> {
        created_by(&yaml::load(text, yaml::Offset::default()).unwrap())
    }

    #[test]
    fn scripts_are_read_and_nothing_else() {
        let network = Some("docker network create".to_owned());
        assert_eq!(found("test: {script: [docker network create ci]}"), network);
        let step =
            "pipelines: {default: [{step: {script: [\"set -e\\ndocker network create a\"]}}]}";
        assert_eq!(found(step), network);
        let k3d = found("test: {before_script: [[k3d cluster create test --wait]]}");
        assert_eq!(k3d.as_deref(), Some("k3d cluster create"));
        for other in [
            "test: {script: [docker network create --opt com.docker.network.driver.mtu=1450 ci]}",
            "test: {script: ['# docker network create ci']}",
            "test: {script: [k3d cluster create --network bridge]}",
            "test: {name: docker network create ci}",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
