//! The standards that consumers of reports require: SARIF's schema with GitHub's own requirements, and
//! the XSD for JUnit's XML that Jenkins uses (its own copy, MIT licensed, is next to this file).

use super::patients::article;
use super::{everybody, hostile, plain};
use runner_doctor::report::{Format, render};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

pub struct Sarif(jsonschema::Validator);

impl Sarif {
    pub fn new() -> Self {
        let schema = include_str!("../lint/sarif-schema-2.1.0.json");
        let mut schema: Value = serde_json::from_str(schema).expect("JSON");
        // Not every regex library accepts this pattern of the official schema (`]?`).
        for path in ["run", "toolComponent"] {
            let language = &mut schema["definitions"][path]["properties"]["language"];
            language
                .as_object_mut()
                .expect("a property")
                .remove("pattern");
        }
        Sarif(jsonschema::validator_for(&schema).expect("a schema"))
    }

    pub fn examine(&self, text: &str) -> Value {
        let log: Value = serde_json::from_str(text).expect(text);
        let faults = self.0.iter_errors(&log);
        let faults: Vec<_> = faults
            .map(|e| format!("{e} at {}", e.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
        examine_for_github(&log);
        log
    }
}

/// <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>
fn examine_for_github(log: &Value) {
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("results");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.len() <= 25_000);
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(
                !rule[text]["text"].as_str().expect(text).is_empty(),
                "{rule}"
            );
        }
        let short = rule["shortDescription"]["text"].as_str().expect("text");
        let full = rule["fullDescription"]["text"].as_str().expect("text");
        assert!(
            short.chars().count() <= 1024 && full.chars().count() <= 1024,
            "{rule}"
        );
        assert!(rule["properties"]["tags"].as_array().expect("tags").len() <= 20);
    }
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("a rule") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().expect("text").is_empty());
        // GitHub rejects the whole log if one location has no file.
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a file");
        assert!(
            !uri.is_empty() && !uri.starts_with('/') && !uri.contains("://"),
            "{uri}"
        );
        assert!(place["region"]["startLine"].as_u64().expect("a line") > 0);
        let prints = result["partialFingerprints"]
            .as_object()
            .expect("fingerprints");
        assert!(
            prints
                .values()
                .all(|print| print.as_str().is_some_and(|p| !p.is_empty()))
        );
    }
}

/// Validates JUnit reports against the XSD. GitHub's actions and GitLab read `file` and `line` of a test
/// case, which it does not define: reports on files may have these two and no others.
pub fn examine_junit(reports: &[(bool, String)]) {
    let version = Command::new("xmllint").arg("--version").output();
    assert!(
        version.is_ok(),
        "no xmllint: install libxml2-utils (CONTRIBUTING.md)"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let strict = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/junit-10.xsd");
    let xsd = std::fs::read_to_string(&strict).expect("the XSD");
    let group = "<xs:attribute name=\"classname\" type=\"xs:string\"/>";
    let place = ["file", "line"]
        .map(|n| group.replace("classname", n))
        .concat();
    let with_places = folder.path().join("places.xsd");
    assert_eq!(xsd.matches(group).count(), 1);
    std::fs::write(&with_places, xsd.replace(group, &format!("{group}{place}"))).expect("a file");
    for (schema, files) in [(strict, false), (with_places, true)] {
        let mut command = Command::new("xmllint");
        command
            .args(["--noout", "--nonet", "--huge", "--schema"])
            .arg(schema);
        for (at, (_, text)) in reports.iter().enumerate().filter(|(_, r)| r.0 == files) {
            let file = folder.path().join(format!("{at}.xml"));
            std::fs::write(&file, text).expect("a file");
            command.arg(file);
        }
        let output = command.output().expect("xmllint");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn sarif_is_what_the_standard_and_github_ask() {
    let sarif = Sarif::new();
    for diagnosis in everybody() {
        sarif.examine(&render(Format::Sarif, &diagnosis, &plain(80)));
    }
}

/// A recreated pod has another name; the location and fingerprint of its findings must not change.
#[test]
fn code_scanning_knows_a_finding_again_when_its_pod_is_made_anew() {
    let sarif = Sarif::new();
    let place = |pod: &str| {
        let mut diagnosis = article();
        for finding in &mut diagnosis.findings {
            finding.runner = format!("bitbucket-runner/{pod}");
        }
        let log = sarif.examine(&render(Format::Sarif, &diagnosis, &plain(80)));
        let result = &log["runs"][0]["results"][1];
        let text = result["message"]["text"].as_str().expect("text").to_owned();
        assert!(text.contains(pod), "{text}");
        let physical = result["locations"][0]["physicalLocation"].to_string();
        physical + &result["partialFingerprints"].to_string()
    };
    assert_eq!(place("runner-2jpsg"), place("runner-9x4zk"));
    assert!(place("x").contains("\"uri\":\"cluster/bitbucket-runner/docker-in-docker\""));
}

#[test]
fn junit_is_what_jenkins_reads() {
    let plain_reports = everybody().into_iter().map(|d| (false, d));
    let in_files = hostile::TEXTS.map(|(_, text)| (true, hostile::with(text)));
    let reports = plain_reports.chain(in_files);
    let reports = reports.map(|(files, d)| (files, render(Format::Junit, &d, &plain(80))));
    examine_junit(&reports.collect::<Vec<_>>());
}
