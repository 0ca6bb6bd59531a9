//! One or more recordings from each world of the lab, judged as its scenario expects. The worlds are
//! built and run by `.ci/worlds NAME`.

use runner_doctor::checks::{Library, judge};
use runner_doctor::diagnosis::{Diagnosis, Severity};
use runner_doctor::evidence::Evidence;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const RECORDINGS: &str = "tests/recordings/worlds";

/// Worlds and their folders.
fn worlds() -> Vec<(String, PathBuf)> {
    crate::files("tests/lab/worlds", "yaml")
        .into_iter()
        .filter(|path| path.ends_with("world.yaml"))
        .map(|path| path.parent().unwrap().to_owned())
        .map(|folder| (name(&folder), folder))
        .collect()
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// `WORLD-SCENARIO`: the scenario is the world's own, or one of the default world.
fn scenario(recording: &str) -> Value {
    let worlds = worlds();
    let (world, folder) = worlds
        .iter()
        .find(|(world, _)| recording.starts_with(&format!("{world}-")))
        .unwrap();
    let file = format!("{}.yaml", &recording[world.len() + 1..]);
    let own = folder.join(&file);
    let path = match own.exists() {
        true => own,
        false => crate::root().join("tests/lab/scenarios").join(file),
    };
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether a result matches the expectation: missing keys match anything, `*` matches any text.
fn is(expected: &Value, said: &Value) -> bool {
    ["check", "engine", "subject", "severity", "confidence"]
        .iter()
        .all(|key| match (expected[key].as_str(), said[key].as_str()) {
            (None, _) => true,
            (Some(wanted), said) => {
                let said = said.unwrap_or_default();
                match wanted.split_once('*') {
                    Some((start, end)) => said.starts_with(start) && said.ends_with(end),
                    None => said == wanted,
                }
            }
        })
}

fn differences(what: &str, expected: &Value, said: &Value) -> Vec<String> {
    let none = Vec::new();
    let expected = expected[what].as_array().unwrap_or(&none);
    let mut left: Vec<&Value> = said[what].as_array().unwrap().iter().collect();
    let mut wrong = Vec::new();
    for wanted in expected {
        match left.iter().position(|said| is(wanted, said)) {
            Some(found) => drop(left.remove(found)),
            None => wrong.push(format!("missing in {what}: {wanted}")),
        }
    }
    wrong.extend(
        left.iter()
            .map(|said| format!("too many in {what}: {said}")),
    );
    wrong
}

#[test]
fn recordings_of_every_world_are_judged_as_their_scenarios_expect() {
    let library = Library::load(&[]).unwrap();
    let mut seen = BTreeSet::new();
    for path in crate::files(RECORDINGS, "yaml") {
        let recording = name(&path);
        let evidence = Evidence::parse(&fs::read_to_string(&path).unwrap(), &recording).unwrap();
        let judgement = judge(&library, &evidence);
        let diagnosis = Diagnosis::new(
            &evidence,
            judgement.findings,
            judgement.unknowns,
            Some(Severity::Error),
        );
        let said = serde_json::to_value(&diagnosis).unwrap();
        let expected = &scenario(&recording)["expect"];
        let mut wrong = differences("findings", expected, &said);
        wrong.extend(differences("unknowns", expected, &said));
        assert_eq!(wrong, Vec::<String>::new(), "{recording}");
        let world = worlds().into_iter().map(|(world, _)| world);
        seen.extend(world.filter(|world| recording.starts_with(&format!("{world}-"))));
    }
    let all: BTreeSet<String> = worlds().into_iter().map(|(world, _)| world).collect();
    assert_eq!(seen, all, "a world has no recording in {RECORDINGS}");
}
