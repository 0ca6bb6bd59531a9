//! Tokens for Kubernetes names: nodes, namespaces, pods and their owners.

use crate::evidence::Evidence;
use crate::evidence::identity::{GENERATED, UUID_LENGTH, is_generated, is_uuid};
use std::collections::BTreeMap;

/// On every cluster.
const EVERYWHERE: [&str; 2] = ["default", "kube-system"];

/// Names by what they stand for. A pod keeps the shape of its name: its token begins with its
/// owner's and ends in letters such as Kubernetes makes up.
#[derive(Default)]
pub struct Names {
    whole: BTreeMap<String, String>,
    stems: BTreeMap<String, String>,
    endings: BTreeMap<String, String>,
    counts: BTreeMap<String, usize>,
}

impl Names {
    pub fn of(evidence: &Evidence) -> Names {
        let mut names = Names::default();
        for node in &evidence.nodes {
            names.place("node", &node.name);
        }
        for runner in &evidence.runners {
            if let Some(node) = &runner.node {
                names.place("node", node);
            }
            names.place("namespace", &runner.namespace);
            if let Some(owner) = &runner.owner {
                names.object(&word(&owner.kind), &owner.name);
            }
            names.object("pod", &runner.pod);
            if let Some(declared) = &runner.declared {
                names.place("file", &declared.file);
            }
        }
        for runner in &evidence.runners {
            let both = format!("{}/{}", runner.namespace, runner.pod);
            let tokens = [&runner.namespace, &runner.pod].map(|name| {
                let token = names.whole.get(name);
                token.unwrap_or(name).clone()
            });
            names.whole.insert(both, tokens.join("/"));
        }
        names
    }

    /// The token of a name that is one, as a whole.
    pub fn token(&self, name: &str) -> Option<&str> {
        self.whole.get(name).map(String::as_str)
    }

    /// Every name, and what begins the names of several things.
    pub fn all(&self) -> impl Iterator<Item = (&String, &String)> {
        self.whole.iter().chain(&self.stems)
    }

    /// The token of a UUID that is part of a name.
    pub fn ending_token(&self, uuid: &str) -> Option<&str> {
        self.endings.get(uuid).map(String::as_str)
    }

    fn place(&mut self, word: &str, name: &str) {
        if name.is_empty() || EVERYWHERE.contains(&name) || self.whole.contains_key(name) {
            return;
        }
        let token = self.next(word);
        self.whole.insert(name.to_owned(), token);
    }

    fn object(&mut self, word: &str, name: &str) {
        if name.is_empty() || self.whole.contains_key(name) {
            return;
        }
        let (stem, endings) = split(name);
        let of_runner = stem == "runner" && endings.first().is_some_and(|e| is_uuid(e));
        let mut token = match self.stems.get(stem) {
            Some(token) => token.clone(),
            // So Bitbucket's autoscaler calls its Jobs.
            None if of_runner => stem.to_owned(),
            None => {
                let token = self.next(word);
                self.stems.insert(stem.to_owned(), token.clone());
                token
            }
        };
        for ending in endings {
            token = format!("{token}-{}", self.ending(ending));
        }
        self.whole.insert(name.to_owned(), token);
    }

    fn ending(&mut self, ending: &str) -> String {
        let number = self.endings.len();
        let made = || match ending {
            uuid if is_uuid(uuid) => uuid_token(number),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() < 8 => {
                digits.to_owned()
            }
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => format!("{number:08}"),
            letters => generated(number, letters.len()),
        };
        let known = self.endings.entry(ending.to_owned());
        known.or_insert_with(made).clone()
    }

    fn next(&mut self, word: &str) -> String {
        let count = self.counts.entry(word.to_owned()).or_default();
        *count += 1;
        format!("{word}-{count}")
    }
}

pub fn uuid_token(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

fn word(kind: &str) -> String {
    match kind {
        "ReplicaSet" => "deployment".to_owned(),
        kind if kind.bytes().all(|b| b.is_ascii_alphanumeric()) => kind.to_ascii_lowercase(),
        _ => "object".to_owned(),
    }
}

/// What somebody chose of a name, and what was appended to it, from the left.
fn split(name: &str) -> (&str, Vec<&str>) {
    let mut stem = name;
    let mut endings = Vec::new();
    while let Some(at) = ending(stem).filter(|at| *at > 0) {
        endings.insert(0, &stem[at + 1..]);
        stem = &stem[..at];
    }
    (stem, endings)
}

/// Where the dash before an ending stands: a UUID, an ordinal, the minute of a schedule, or letters
/// of a controller's.
fn ending(name: &str) -> Option<usize> {
    let uuid = name.len().checked_sub(UUID_LENGTH + 1);
    if let Some(at) = uuid.filter(|at| name.is_char_boundary(*at))
        && name[at..].starts_with('-')
        && is_uuid(&name[at + 1..])
    {
        return Some(at);
    }
    let (before, last) = name.rsplit_once('-')?;
    let digits = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    let has_digit = last.bytes().any(|b| b.is_ascii_digit());
    let appended = digits && matches!(last.len(), 1..=4 | 8)
        || is_generated(last, &(5..=5))
        || has_digit && is_generated(last, &(6..=10));
    appended.then_some(before.len())
}

/// Letters as a controller makes them up, but counted.
fn generated(mut number: usize, length: usize) -> String {
    let letters: Vec<char> = GENERATED.chars().collect();
    let mut text = Vec::new();
    for _ in 0..length {
        text.push(letters[number % letters.len()]);
        number /= letters.len();
    }
    text.iter().rev().collect()
}
