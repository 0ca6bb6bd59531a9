//! Reasons are data, their text is not: findings, folding, grouping and redaction do not depend on it.
//! Recordings made by commit f0d775f, in which reasons are text only, are judged as they were then.

use clap::ValueEnum;
use runner_doctor::checks::{Library, judge};
use runner_doctor::diagnosis::{Diagnosis, Severity};
use runner_doctor::evidence::{Evidence, Observation, Observed, Reason, Why};
use runner_doctor::redact::redact;
use runner_doctor::report::{Format, Style, render};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const STYLE: Style = Style {
    width: 80,
    color: false,
    unicode: true,
    ..Style::PLAIN
};

fn recordings() -> Vec<(String, Evidence)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/f0d775f");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let evidence = Evidence::parse(&text, &name).unwrap();
        (name, evidence)
    };
    files.into_iter().map(read).collect()
}

fn diagnose(evidence: &Evidence) -> Diagnosis {
    static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::load(&[]).unwrap());
    let judgement = judge(&LIBRARY, evidence);
    let fail_on = Some(Severity::Error);
    Diagnosis::new(evidence, judgement.findings, judgement.unknowns, fail_on)
}

/// The item with only these keys.
fn only(item: &Value, keys: &[&str]) -> Value {
    let pairs = keys
        .iter()
        .map(|key| ((*key).to_owned(), item[*key].clone()));
    Value::Object(pairs.collect())
}

/// Findings and unknowns of that version's checks.
#[test]
fn recordings_of_f0d775f_are_judged_as_by_its_45_checks() {
    const FINDING: [&str; 8] = [
        "check",
        "severity",
        "confidence",
        "runner",
        "engine",
        "subject",
        "caused_by",
        "fingerprint",
    ];
    const UNKNOWN: [&str; 5] = ["check", "runner", "engine", "subject", "caused_by"];
    let judged = include_str!("recordings/f0d775f/judged.json");
    let judged: Value = serde_json::from_str(judged).unwrap();
    let checks = judged["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 45);
    let recordings = recordings();
    assert_eq!(
        recordings.len(),
        judged["recordings"].as_object().unwrap().len()
    );
    for (name, evidence) in recordings {
        let report = serde_json::to_value(diagnose(&evidence)).unwrap();
        let of_then = |list: &str, keys: &[&str]| -> Value {
            let all = report[list].as_array().unwrap().iter();
            let known = all.filter(|item| checks.contains(&item["check"]));
            in_order(known.map(|item| only(item, keys)).collect())
        };
        let now = json!({
            "findings": of_then("findings", &FINDING),
            "unknowns": of_then("unknowns", &UNKNOWN),
        });
        let then = &judged["recordings"][&name];
        let then = json!({
            "findings": in_order(then["findings"].as_array().unwrap().clone()),
            "unknowns": in_order(then["unknowns"].as_array().unwrap().clone()),
        });
        assert_eq!(now, then, "{name}");
    }
}

/// Sorted: since 0.2.0 what breaks first is listed first, and only the order differs.
fn in_order(mut list: Vec<Value>) -> Value {
    list.sort_by_cached_key(Value::to_string);
    Value::Array(list)
}

/// The recordings, and runners with parts that were not observed, for reasons of several kinds.
fn patients() -> Vec<Evidence> {
    let recorded: Vec<Evidence> = recordings().into_iter().map(|(_, e)| e).collect();
    let article = &recorded[0];
    let mut patients = recorded.clone();
    let mut with = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = article.clone();
        change(&mut evidence);
        patients.push(evidence);
    };
    let api = |evidence: &mut Evidence, reason: Reason| {
        let Observed(engines) = &mut evidence.runners[0].engines else {
            panic!("the article has engines");
        };
        engines[0].api = Observation::Unobserved(reason.clone());
        // The nested engine is listed by the outer one.
        engines[1].image = Observation::Unobserved(Reason::ContainersUntold {
            engine: engines[0].path.clone(),
            because: Box::new(reason),
        });
    };
    let endpoint = || "unix:///var/run/docker.sock".to_owned();
    with(&|evidence| {
        api(
            evidence,
            Reason::EngineHangs {
                endpoint: endpoint(),
            },
        )
    });
    with(&|evidence| {
        api(
            evidence,
            Reason::EngineRefuses {
                endpoint: endpoint(),
            },
        )
    });
    with(&|evidence| api(evidence, Reason::prose(Why::TimedOut, "the engine hangs")));
    with(&|evidence| api(evidence, Reason::SocketClosed));
    with(&|evidence| {
        let runner = &mut evidence.runners[0];
        runner.namespace = "vm".to_owned();
        let reason = Reason::ExecForbidden {
            namespace: "vm".to_owned(),
        };
        runner.namespaces = Observation::Unobserved(reason.clone());
        runner.engines = Observation::Unobserved(reason);
    });
    with(&|evidence| evidence.nodes.clear());
    patients
}

/// Replaces the text of every reason; equal texts of untyped reasons get equal replacements.
#[derive(Default)]
struct Scrambled {
    prose: BTreeMap<String, String>,
    sentences: usize,
}

impl Scrambled {
    fn evidence(&mut self, evidence: &Evidence) -> Evidence {
        let mut document = serde_json::to_value(evidence).unwrap();
        self.scramble(&mut document);
        serde_json::from_value(document).unwrap()
    }

    fn scramble(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.scramble(item)),
            Value::Object(fields) => {
                let typed = fields.get("reason").is_some_and(|reason| reason != "prose");
                if let Some(Value::String(detail)) = fields.get_mut("detail") {
                    self.sentences += 1;
                    let next = format!("lorem {} ipsum; dolor: node pod", self.sentences);
                    *detail = match typed {
                        true => next,
                        false => self.prose.entry(detail.clone()).or_insert(next).clone(),
                    };
                }
                fields.values_mut().for_each(|field| self.scramble(field));
            }
            _ => {}
        }
    }
}

/// Removes the sentences from a report.
fn without_words(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_words),
        Value::Object(fields) => {
            for key in ["detail", "reason", "note", "message"] {
                fields.remove(key);
            }
            fields.values_mut().for_each(without_words);
        }
        _ => {}
    }
}

#[test]
fn the_words_of_a_reason_change_nothing() {
    let mut sentences = 0;
    let mut folded = 0;
    for evidence in patients() {
        let mut words = Scrambled::default();
        let scrambled = words.evidence(&evidence);
        sentences += words.sentences;
        let (one, other) = (diagnose(&evidence), diagnose(&scrambled));
        folded += one
            .unknowns
            .iter()
            .filter(|u| u.caused_by.is_some())
            .count();
        let structure = |diagnosis: &Diagnosis| {
            let mut report = serde_json::to_value(diagnosis).unwrap();
            without_words(&mut report);
            report
        };
        assert_eq!(structure(&one), structure(&other));
        // Typed reasons generate their text: every format is the same, byte for byte.
        if words.prose.is_empty() {
            assert_eq!(evidence, scrambled);
            for format in Format::value_variants() {
                assert_eq!(
                    render(*format, &one, &STYLE),
                    render(*format, &other, &STYLE)
                );
            }
        }
        // The same number of groups, each of the same size.
        let lines = |diagnosis: &Diagnosis| {
            let text = render(Format::Short, diagnosis, &STYLE);
            let words = text
                .lines()
                .map(|line| line.split(':').next().map(str::to_owned));
            words.collect::<Vec<_>>()
        };
        assert_eq!(lines(&one).len(), lines(&other).len());
        let (one, other) = (redact(&evidence).unwrap(), redact(&scrambled).unwrap());
        assert_eq!(one.key, other.key);
        let text = serde_json::to_string(&one.evidence).unwrap();
        assert!(!text.contains("namespace vm"), "{text}");
    }
    assert!(sentences > 0 && folded > 0, "{sentences}, {folded}");
}
