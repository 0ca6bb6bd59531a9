//! Every document that runner-doctor writes or reads matches the schemas that it prints.

use crate::files;
use crate::reports::patients;
use runner_doctor::checks::{Library, judge};
use runner_doctor::diagnosis::{Diagnosis, Severity, Suppressed, Suppression};
use runner_doctor::evidence::Evidence;
use runner_doctor::report::{Format, Style, render};
use runner_doctor::schema;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn validator(schema: schemars::Schema) -> jsonschema::Validator {
    jsonschema::validator_for(schema.as_value()).unwrap()
}

fn agree(validator: &jsonschema::Validator, document: &Value, name: &str) {
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// All recordings, and the runner of every case of every check.
fn evidence() -> Vec<(String, Evidence)> {
    let recordings = files("tests/recordings/demo", "yaml")
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.display().to_string();
            let evidence = Evidence::parse(&text, &name).unwrap();
            (name, evidence)
        });
    let library = Library::load(&[]).unwrap();
    let cases = library.checks().flat_map(|check| {
        let named = check.cases.iter();
        named.map(|case| {
            (
                format!("{}: {}", check.id, case.name),
                case.evidence().unwrap(),
            )
        })
    });
    recordings.chain(cases).collect()
}

#[test]
fn evidence_is_as_its_schema_says() {
    let validator = validator(schema::evidence());
    for path in files("tests/recordings/demo", "yaml")
        .iter()
        .chain(&[baseline()])
    {
        agree(&validator, &yaml(path), &path.display().to_string());
    }
    for (name, evidence) in evidence() {
        agree(&validator, &serde_json::to_value(evidence).unwrap(), &name);
    }
}

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/baseline.yaml")
}

#[test]
fn reports_are_as_their_schema_says() {
    let validator = validator(schema::report());
    let library = Library::load(&[]).unwrap();
    let mut diagnoses: Vec<(String, Diagnosis)> = Vec::new();
    for (name, evidence) in evidence() {
        let judgement = judge(&library, &evidence);
        let (findings, unknowns) = (judgement.findings, judgement.unknowns);
        let diagnosis = Diagnosis::new(&evidence, findings, unknowns, Some(Severity::Error));
        diagnoses.push((name, diagnosis));
    }
    for (name, diagnosis) in [
        ("article", patients::article()),
        ("healthy", patients::healthy()),
        ("idle", patients::idle()),
        ("blind", patients::blind()),
        ("many", patients::many()),
        ("hostile", patients::hostile()),
        ("long", patients::long()),
        ("impostor", patients::impostor()),
        ("fleet", patients::fleet(20)),
        ("forty", patients::forty()),
        ("suppressed", suppressed()),
    ] {
        diagnoses.push((name.to_owned(), diagnosis));
    }
    let style = Style {
        width: 80,
        color: false,
        unicode: true,
        ..Style::PLAIN
    };
    for (name, diagnosis) in diagnoses {
        let text = render(Format::Json, &diagnosis, &style);
        agree(&validator, &serde_json::from_str(&text).unwrap(), &name);
    }
}

fn suppressed() -> Diagnosis {
    let suppressed = patients::article_findings()
        .into_iter()
        .map(|finding| Suppressed {
            finding,
            suppression: Suppression {
                reason: "it waits for OPS-12".to_owned(),
                until: Some("2027-01-31".to_owned()),
                place: ".runner-doctor.yaml:2".to_owned(),
            },
        });
    patients::healthy().with_suppressed(suppressed.collect())
}

#[test]
fn check_files_are_as_their_schema_says() {
    let validator = validator(schema::check());
    let is_data = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("data"));
    let all = files("checks", "yaml");
    for path in all
        .iter()
        .filter(|path| **path != baseline() && !is_data(path))
    {
        agree(&validator, &yaml(path), &path.display().to_string());
    }
}

#[test]
fn a_wrong_document_does_not_agree() {
    let mut report = serde_json::to_value(patients::article()).unwrap();
    report["verdict"] = "fine".into();
    assert!(!validator(schema::report()).is_valid(&report));
    let mut evidence = yaml(&baseline());
    evidence["runners"][0]["engines"] = 7.into();
    assert!(!validator(schema::evidence()).is_valid(&evidence));
    let check = serde_json::json!({ "id": "x" });
    assert!(!validator(schema::check()).is_valid(&check));
}

#[test]
fn schemas_say_what_they_are_and_what_they_promise() {
    for schema in [
        schema::report(),
        schema::evidence(),
        schema::check(),
        schema::facts(),
    ] {
        let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap().to_owned();
        assert!(text("title").starts_with("runner-doctor "));
        assert!(text("description").contains("keys are only added"));
        assert!(text("$schema").contains("2020-12"));
    }
}
