//! Texts for users are in plain technical English: phrases that read as translated, and words that
//! treat a program as a person, stay out of checks, help, messages and documents.

use crate::{files, root};
use assert_cmd::Command;
use clap::CommandFactory;
use regex::Regex;
use runner_doctor::cli::Cli;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    let words = [
        "tells?",
        "told",
        "says",
        "mends?",
        "mended",
        "nobody",
        "somebody",
        "by (?:itself|themselves)",
        "at all(?:[.,;:)]|$)",
        "is none",
        "stands? in",
        "(?:comes?|came) through",
        "to itself",
        "goes with",
        "the doctor",
        "cure[sd]?",
        "neck",
        "anew",
    ];
    Regex::new(&format!(r"(?im)\b(?:{})(?:\b|$)", words.join("|"))).unwrap()
});

/// Sentences of old recordings, which are read and never printed.
const READ_ONLY: [&str; 1] = [" does not tell its containers: "];

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// `WHERE: the words around it`, for each forbidden phrase.
fn found(place: &str, text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| {
        let mut phrases = FORBIDDEN.find_iter(line);
        let phrase = phrases.find(|phrase| !line[..phrase.start()].ends_with("there "))?;
        Some(format!(
            "{place}: {:?} in: {}",
            phrase.as_str(),
            line.trim()
        ))
    });
    lines.collect()
}

fn none_in(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn checks_use_plain_words() {
    let mut all = Vec::new();
    for file in files("checks", "yaml") {
        let value: Value = serde_saphyr::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for text in ["title", "finding", "why"] {
            all.extend(found(
                &name(&file),
                value[text].as_str().unwrap_or_default(),
            ));
        }
        for (list, text) in [
            ("cases", "name"),
            ("also", "say"),
            ("symptoms", "decided_by"),
        ] {
            for item in value[list].as_array().into_iter().flatten() {
                all.extend(found(&name(&file), item[text].as_str().unwrap_or_default()));
            }
        }
    }
    none_in(all);
}

#[test]
fn help_uses_plain_words() {
    let help = |arguments: &[&str]| {
        let mut program = Command::cargo_bin("runner-doctor").unwrap();
        let output = program.args(arguments).arg("--help").output().unwrap();
        found(
            &arguments.join(" "),
            &String::from_utf8(output.stdout).unwrap(),
        )
    };
    let mut all = help(&[]);
    for command in Cli::command().get_subcommands() {
        all.extend(help(&[command.get_name()]));
    }
    none_in(all);
}

/// The notes after the options: what clap would break at 100 columns is broken nowhere else.
#[test]
fn help_is_not_wrapped_twice() {
    let mut all = Vec::new();
    for command in Cli::command().get_subcommands() {
        let notes = command.get_after_help().map(ToString::to_string);
        let notes = notes.unwrap_or_default();
        let mut before = "";
        for line in notes.lines() {
            let (is_list, after_prose) = (line.starts_with(' '), is_prose(before));
            if is_list && line.len() > 100 || is_prose(line) && after_prose {
                all.push(format!("{}: {line}", command.get_name()));
            }
            before = line;
        }
    }
    none_in(all);
}

fn is_prose(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':')
}

#[test]
fn documents_use_plain_words() {
    let mut documents = files("docs", "md");
    documents.extend(files("packaging", "yaml"));
    documents.extend(files("templates", "yml"));
    let others = [
        "README.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "checks/README.md",
        "action.yml",
    ];
    documents.extend(others.map(|file| root().join(file)));
    let texts = documents
        .iter()
        .map(|file| found(&name(file), &fs::read_to_string(file).unwrap()));
    none_in(texts.flatten().collect());
}

/// Texts in the source of at least two words: messages, reports, comments in manifests.
#[test]
fn messages_use_plain_words() {
    let of_tests = ["tests.rs", "forged.rs", "judged.rs"];
    let value = Regex::new(r"\{[^}]*\}").unwrap();
    let mut all = Vec::new();
    for file in files("src", "rs") {
        if of_tests.iter().any(|end| file.ends_with(end)) {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        let source = source.split("\n#[cfg(test)]\nmod ").next().unwrap();
        for text in literals(source) {
            let text = value.replace_all(&text, "{}");
            let words = text.split_whitespace();
            let is_sentence = words
                .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase()))
                .count()
                > 1;
            if is_sentence && !READ_ONLY.contains(&text.as_ref()) {
                all.extend(found(&name(&file), &text));
            }
        }
    }
    none_in(all);
}

/// The string literals of Rust source.
fn literals(source: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let from = &rest[at..];
        rest = match from.as_bytes() {
            [b'/', b'/', ..] => from.split_once('\n').map_or("", |(_, after)| after),
            // A character, and not a lifetime.
            [b'\'', b'\\', _, ..] => from[3..].split_once('\'').map_or("", |(_, after)| after),
            [b'\'', _, b'\'', ..] => &from[3..],
            [b'"', ..] => {
                let hashes = rest[..at].len() - rest[..at].trim_end_matches('#').len();
                let raw = rest[..at].trim_end_matches('#').ends_with('r');
                let (text, after) = match raw {
                    true => from[1..]
                        .split_once(&format!("\"{}", "#".repeat(hashes)))
                        .unwrap(),
                    false => quoted(&from[1..]),
                };
                all.push(text.to_owned());
                after
            }
            _ => &from[1..],
        };
    }
    all
}

/// A literal up to its closing quote, and what follows.
fn quoted(from: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, byte) in from.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (&from[..at], &from[at + 1..]),
            _ => {}
        }
    }
    (from, "")
}

#[test]
fn a_forbidden_phrase_is_found() {
    for text in [
        "the pod has it to itself",
        "it is none of these",
        "The doctor",
        "not at all.",
    ] {
        assert_eq!(found("x", text).len(), 1, "{text}");
    }
    for text in [
        "absent if there is none",
        "runner-doctor",
        "stand-in",
        "at all times",
    ] {
        assert!(found("x", text).is_empty(), "{text}");
    }
    let source = "f('\"', \"one \\\" two\"); // \"three\"\nlet x: &'a str = r#\"fo\"ur\"#;";
    assert_eq!(literals(source), ["one \\\" two", "fo\"ur"]);
}
