//! The exit code for every reason, as a table, and for everything else that affects it.

use super::Gate;
use crate::checks::case::healthy;
use crate::cli::FailOn;
use crate::commands::Exit;
use crate::diagnosis::{Diagnosis, Severity, Unknown};
use crate::evidence::{Evidence, Observation, Reason, Unseen, Why};
use serde_json::{Value, json};

const DEFAULT: Gate = Gate {
    fail_on: FailOn::Error,
    strict: false,
    allow_unknown: false,
    allow_empty: false,
};
const STRICT: Gate = Gate {
    strict: true,
    ..DEFAULT
};
const ALLOW_UNKNOWN: Gate = Gate {
    allow_unknown: true,
    ..DEFAULT
};

/// One of every variant, made by its schema: none can be forgotten.
fn every_reason() -> Vec<Reason> {
    let schema = serde_json::to_value(schemars::schema_for!(Reason)).unwrap();
    let variants = schema["oneOf"].as_array().unwrap().iter();
    let one = |variant: &Value| {
        let properties = variant["properties"].as_object().unwrap();
        let required = variant["required"].as_array().unwrap();
        let fields = properties
            .iter()
            .filter(|(name, _)| required.iter().any(|known| known == *name))
            .map(|(name, shape)| (name.clone(), example(shape)));
        let value = Value::Object(fields.collect());
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
    };
    variants.map(one).collect()
}

fn example(shape: &Value) -> Value {
    if let Some(value) = shape.get("const") {
        return value.clone();
    }
    let reference = shape["$ref"].as_str().unwrap_or_default();
    match (shape["type"].as_str(), reference.rsplit('/').next()) {
        (Some("string"), _) => json!("x"),
        (Some("integer"), _) => json!(1),
        (Some("boolean"), _) => json!(false),
        (_, Some("Asked")) => json!({"verb": "list", "resource": "jobs"}),
        (_, Some("Part")) => json!("routes"),
        (_, Some("Why")) => json!("missing"),
        (_, Some("Class")) => json!("could-not-look"),
        (_, Some("EngineKind")) => json!("buildkit"),
        _ => json!({"reason": "no-node"}),
    }
}

fn unknown(severity: Severity, reason: Reason) -> Unknown {
    Unknown {
        check: "mtu-inversion".to_owned(),
        severity,
        runner: "ci/a".to_owned(),
        engine: None,
        subject: None,
        reasons: vec![reason],
        caused_by: None,
    }
}

fn diagnosis(evidence: &Evidence, unknowns: Vec<Unknown>) -> Diagnosis {
    Diagnosis::new(evidence, Vec::new(), unknowns, Some(Severity::Error))
}

fn number(exit: Exit) -> u8 {
    match exit {
        Exit::Fine => 0,
        Exit::Findings => 1,
        Exit::CouldNotExamine => 2,
        Exit::Unknown => 3,
        Exit::Interrupted => 130,
        Exit::Of(code) => code,
    }
}

#[test]
fn every_reason_has_its_exit_code() {
    let evidence = healthy().unwrap();
    let mut table = String::from("reason: class: default, --strict, --allow-unknown\n");
    for reason in every_reason() {
        let value = serde_json::to_value(&reason).unwrap();
        let class = serde_json::to_value(reason.class()).unwrap();
        let judged = diagnosis(&evidence, vec![unknown(Severity::Error, reason)]);
        let codes = [DEFAULT, STRICT, ALLOW_UNKNOWN].map(|gate| number(gate.exit(&judged)));
        let [default, strict, allowed] = codes;
        let (name, class) = (value["reason"].as_str(), class.as_str());
        let (name, class) = (name.unwrap(), class.unwrap());
        table += &format!("{name}: {class}: {default} {strict} {allowed}\n");
    }
    insta::assert_snapshot!(table);
}

/// Every reason has words, and a document gives it back.
#[test]
fn every_reason_is_written_and_read() {
    for reason in every_reason() {
        assert!(!reason.to_string().is_empty(), "{reason:?}");
        let value: Observation<i64> = Unseen(reason.clone());
        let written = serde_json::to_string(&value).unwrap();
        let read: Observation<i64> = serde_json::from_str(&written).unwrap();
        assert_eq!(read, value, "{written}");
        let yaml = serde_saphyr::to_string(&value).unwrap();
        let read: Observation<i64> = crate::yaml::parse::read(&yaml).unwrap();
        assert_eq!(read, value, "{yaml}");
    }
}

#[test]
fn a_warning_that_could_not_be_judged_counts_for_the_strict_alone() {
    let evidence = healthy().unwrap();
    let forbidden = || unknown(Severity::Warning, Reason::SocketClosed);
    let judged = diagnosis(&evidence, vec![forbidden()]);
    assert_eq!(DEFAULT.exit(&judged), Exit::Fine);
    assert_eq!(STRICT.exit(&judged), Exit::Unknown);
}

/// The runner of the baseline, with nothing seen of it for this reason.
fn unseen(reason: Reason) -> Evidence {
    let mut evidence = healthy().unwrap();
    evidence.runners.truncate(1);
    evidence.runners[0].namespaces = Unseen(reason.clone());
    evidence.runners[0].engines = Unseen(reason);
    evidence
}

#[test]
fn what_was_seen_of_the_runners_decides_between_2_and_3() {
    let forbidden = || Reason::ExecForbidden {
        namespace: "ci".to_owned(),
    };
    let none = unseen(forbidden());
    for gate in [DEFAULT, STRICT, ALLOW_UNKNOWN] {
        assert_eq!(
            gate.exit(&diagnosis(&none, Vec::new())),
            Exit::CouldNotExamine
        );
    }
    let mut some = none.clone();
    some.runners.push(healthy().unwrap().runners[0].clone());
    let some = diagnosis(&some, Vec::new());
    assert_eq!(DEFAULT.exit(&some), Exit::Unknown);
    assert_eq!(ALLOW_UNKNOWN.exit(&some), Exit::Fine);
    // One that has not started, or is gone, is not counted among them.
    for reason in [Reason::Unschedulable, Reason::Evicted] {
        let idle = unseen(reason);
        assert_eq!(DEFAULT.exit(&diagnosis(&idle, Vec::new())), Exit::Fine);
        let mut both = idle.clone();
        both.runners.extend(none.runners.clone());
        let both = diagnosis(&both, Vec::new());
        assert_eq!(DEFAULT.exit(&both), Exit::CouldNotExamine);
    }
}

#[test]
fn without_a_runner_nothing_was_examined() {
    let mut evidence = healthy().unwrap();
    evidence.runners.clear();
    let empty = Gate {
        allow_empty: true,
        ..DEFAULT
    };
    let none = diagnosis(&evidence, Vec::new());
    assert_eq!(DEFAULT.exit(&none), Exit::CouldNotExamine);
    assert_eq!(empty.exit(&none), Exit::Fine);
    // Whether there is one is not known yet.
    evidence.incomplete = Some("--deadline passed".to_owned());
    let ended = diagnosis(&evidence, Vec::new());
    assert_eq!(empty.exit(&ended), Exit::CouldNotExamine);
}

#[test]
fn what_a_recording_is_too_old_for_counts_once() {
    let evidence = healthy().unwrap();
    let old = || unknown(Severity::Error, Reason::NotRecorded);
    let seen = unknown(Severity::Error, Reason::prose(Why::Missing, "no iptables"));
    let judged = diagnosis(&evidence, vec![old(), old(), seen]);
    assert_eq!(judged.summary.unknown, 2);
}
