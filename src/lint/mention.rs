//! Files that were skipped although they mention a Docker engine: they are counted and named, so that a
//! directory never silently passes.

use crate::diagnosis::{Severity, Unknown};
use crate::evidence::Reason;
use std::collections::BTreeMap;

/// Why files could not be judged as is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    Template,
    Kustomize,
    NoRunner,
    OtherKind,
}

impl Why {
    /// Singular and plural.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Why::Template => ("a template", "templates"),
            Why::Kustomize => ("a part of a kustomization", "parts of a kustomization"),
            Why::NoRunner => (
                "a file in which no runner was found",
                "files in which no runner was found",
            ),
            Why::OtherKind => ("a file of another kind", "files of other kinds"),
        }
    }

    /// The problem in singular and plural, and what to do.
    fn advice(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Why::Template => (
                "is a template",
                "are templates",
                "render first: helm template . | runner-doctor lint -",
            ),
            Why::Kustomize => (
                "is part of a kustomization",
                "are parts of a kustomization",
                "render first: kubectl kustomize . | runner-doctor lint -",
            ),
            Why::NoRunner => (
                "no runner was found in it",
                "no runner was found in them",
                "if a chart or a pipeline creates the pod, render it or lint its manifest",
            ),
            Why::OtherKind => (
                "lint does not support this kind of file",
                "lint does not support these kinds of files",
                "lint the manifest or the pipeline that starts the engine",
            ),
        }
    }
}

/// The files that were skipped, by reason.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    all: BTreeMap<Why, Files>,
}

/// Files that were skipped for one reason.
#[derive(Debug, Default)]
struct Files {
    count: usize,
    /// How many of them mention a Docker engine, and the names of the first few.
    engines: usize,
    named: Vec<String>,
}

const SHOWN: usize = 5;
impl PassedOver {
    pub(super) fn add(&mut self, why: Why, file: &str, text: &str) {
        let files = self.all.entry(why).or_default();
        files.count += 1;
        if mentions_engine(text) {
            files.engines += 1;
            if files.named.len() < SHOWN {
                files.named.push(file.to_owned());
            }
        }
    }

    /// One line, if any file was skipped.
    pub(crate) fn summary(&self) -> Option<String> {
        let parts = self.all.iter().map(|(why, files)| {
            let (one, many) = why.words();
            let what = match files.count {
                1 => one.to_owned(),
                count => format!("{count} {many}"),
            };
            match files.engines {
                0 => what,
                1 => format!("{what} (1 mentions a Docker engine)"),
                engines => format!("{what} ({engines} mention a Docker engine)"),
            }
        });
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| format!("passed over {}", parts.join(", ")))
    }

    pub(crate) fn has_engines(&self) -> bool {
        self.all.values().any(|files| files.engines > 0)
    }

    /// The resulting unknowns: one entry for each reason.
    pub(super) fn unknowns(&self) -> Vec<Unknown> {
        let with_engines = self.all.iter().filter(|(_, files)| files.engines > 0);
        let unknown = |(why, files): (&Why, &Files)| {
            let (one, many, advice) = why.advice();
            let names = files.named.join(", ");
            let more = match files.engines.saturating_sub(files.named.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let said = match files.engines {
                1 => format!("{names} mentions a Docker engine, but {one}: {advice}"),
                _ => format!("{names}{more} mention a Docker engine, but {many}: {advice}"),
            };
            Unknown {
                check: "lint".to_owned(),
                severity: Severity::Warning,
                runner: files.named.first().cloned().unwrap_or_default(),
                engine: None,
                subject: None,
                reasons: vec![Reason::NotJudged { said }],
                caused_by: None,
            }
        };
        with_engines.map(unknown).collect()
    }
}

/// Whether a text mentions Docker's engine outside of comments: `dind`, `dockerd`, or Docker's image with a
/// tag.
pub(super) fn mentions_engine(text: &str) -> bool {
    text.lines().any(|line| {
        let code = match line.find('#') {
            Some(0) => "",
            Some(at) if line[..at].ends_with([' ', '\t']) => &line[..at],
            _ => line,
        };
        has_word(code, "dind") || has_word(code, "dockerd") || has_image(code)
    })
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// `docker:24`, `docker:$VERSION`, `docker:latest`.
fn has_image(line: &str) -> bool {
    const TAGS: [&str; 5] = ["latest", "stable", "edge", "git", "rc"];
    line.match_indices("docker:").any(|(at, word)| {
        let before = line[..at].chars().next_back();
        let tag = &line[at + word.len()..];
        let starts = tag.starts_with(|c: char| c.is_ascii_digit() || c == '$' || c == '{');
        let named = TAGS.iter().any(|name| {
            let rest = tag.strip_prefix(name);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        });
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            && (starts || named)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_told_from_a_script_and_a_comment() {
        for engine in [
            "image: docker:24",
            "  - docker:dind",
            "repository: docker\ntag: 24-dind",
            "x: registry/library/docker:${VERSION}",
            "command: [dockerd]",
            "dind:\n  enabled: true",
        ] {
            assert!(mentions_engine(engine), "{engine}");
        }
        for other in [
            "npm run docker:build",
            "# use docker:dind",
            "a: 1 # dind",
            "docker: {}",
            "rewarding: binding",
            "cri-dockerd: 1",
        ] {
            let found = mentions_engine(other);
            assert_eq!(found, other.starts_with("cri"), "{other}");
        }
    }
}
