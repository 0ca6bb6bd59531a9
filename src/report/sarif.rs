//! SARIF 2.1.0, for code scanning in GitHub, GitLab and editors: findings with their places, and the
//! checks behind them.

use super::grouped_findings::place;
use super::json::escape;
use super::page::cut_at as cut;
use crate::checks::page;
use crate::diagnosis::{Confidence, Diagnosis, Finding, Location, Severity, Unknown};
use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// GitHub's limit for a rule's description.
const DESCRIPTION: usize = 1024;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let rules = rules(diagnosis);
    let ids: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    let results: Vec<Value> = diagnosis.findings.iter().map(|f| result(f, &ids)).collect();
    let mut notes: Vec<Value> = diagnosis.unknowns.iter().map(unknown).collect();
    if let Some(reason) = &diagnosis.incomplete {
        notes.push(note("warning", &format!("incomplete: {reason}")));
    }
    let mut invocation = json!({
        "executionSuccessful": diagnosis.incomplete.is_none(),
        "toolExecutionNotifications": notes,
    });
    if let Some(at) = diagnosis.environment.examined_at {
        invocation["startTimeUtc"] = json!(at.to_string());
    }
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "runner-doctor",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation],
            "results": results,
        }],
    });
    match serde_json::to_string_pretty(&log) {
        Ok(text) => escape(&text) + "\n",
        // Only plain values are serialized: this cannot happen.
        Err(error) => format!("{}\n", json!({ "error": error.to_string() })),
    }
}

/// One rule for each check that found something, with its reason and a fix, if any.
fn rules(diagnosis: &Diagnosis) -> Vec<Value> {
    let mut seen: Vec<&Finding> = Vec::new();
    for finding in &diagnosis.findings {
        if !seen.iter().any(|known| known.check == finding.check) {
            seen.push(finding);
        }
    }
    seen.into_iter().map(rule).collect()
}

fn rule(finding: &Finding) -> Value {
    let why = match finding.why.trim() {
        "" => finding.message.as_str(),
        why => why,
    };
    let short = match finding.title.as_str() {
        "" => finding.check.replace('-', " "),
        title => title.to_owned(),
    };
    let first = why.split("\n\n").next().unwrap_or(why);
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rule = json!({
        "id": finding.check,
        "shortDescription": { "text": cut(&short, DESCRIPTION) },
        "fullDescription": { "text": cut(&one_line(first), DESCRIPTION) },
        "help": { "text": why, "markdown": why },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": { "tags": ["ci", "docker", "kubernetes"] },
    });
    if let Some(page) = page(&finding.check) {
        rule["helpUri"] = json!(page);
    }
    rule
}

fn result(finding: &Finding, rules: &[&str]) -> Value {
    let predicted = match finding.confidence {
        Confidence::Proven => "",
        Confidence::Predicted => " (predicted)",
    };
    let mut text = format!("{}{predicted}", finding.message.trim());
    if finding.location.is_none() {
        // Of everything that names the runner, code scanning shows only the message.
        text.push_str(&format!("\n\n{}: {}", finding.runner, place(finding)));
    }
    if let Some(fix) = finding.remedies.first() {
        text.push_str(&format!(
            "\n\n{}:\n\n{}",
            fix.title.trim_end_matches(':'),
            fix.snippet
        ));
    }
    let physical = match &finding.location {
        Some(at) => physical(at),
        None => stand_in(finding),
    };
    let mut result = json!({
        "ruleId": finding.check,
        "ruleIndex": rules.iter().position(|id| *id == finding.check),
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": physical, "logicalLocations": logical(finding) }],
        "partialFingerprints": fingerprints(finding),
        "properties": { "confidence": finding.confidence, "subject": finding.subject },
    });
    if finding.known {
        result["baselineState"] = json!("unchanged");
    }
    result
}

/// GitHub computes its own from the file's line; without a file, it uses this one.
fn fingerprints(finding: &Finding) -> Value {
    match finding.location {
        Some(_) => json!({ "runnerDoctor/v1": finding.fingerprint }),
        None => json!({
            "runnerDoctor/v1": finding.fingerprint,
            "primaryLocationLineHash": finding.fingerprint,
        }),
    }
}

/// GitHub rejects a whole log if one result has no file ("expected a physical location"). In a cluster
/// the namespace and the container replace it, which stay the same when a pod is recreated; without a
/// cluster only the engine does, because a step's host name differs in every run. docs/formats.md
/// documents both.
fn stand_in(finding: &Finding) -> Value {
    let engine = finding.engine.as_deref().unwrap_or_default();
    let engine = engine.split('/').next().unwrap_or_default();
    let outer = match finding.runner.split_once('/') {
        Some((namespace, _)) => format!("cluster/{namespace}"),
        None => "docker".to_owned(),
    };
    let path = match engine {
        "" => outer,
        engine => format!("{outer}/{engine}"),
    };
    json!({
        "artifactLocation": { "uri": uri(&path) },
        "region": { "startLine": 1 },
    })
}

fn physical(at: &Location) -> Value {
    json!({
        "artifactLocation": { "uri": uri(&at.file) },
        "region": {
            "startLine": at.line,
            "startColumn": at.column,
            "endLine": at.end_line,
            "endColumn": at.end_column,
            "snippet": { "text": at.snippet },
        },
    })
}

/// The runner and its engine, which are the only location in a cluster.
fn logical(finding: &Finding) -> Value {
    let mut name = finding.runner.clone();
    for part in [finding.engine.as_deref(), Some(&finding.subject)]
        .into_iter()
        .flatten()
    {
        name.push_str(&format!("/{part}"));
    }
    json!([{ "name": finding.subject, "fullyQualifiedName": name, "kind": "resource" }])
}

fn unknown(unknown: &Unknown) -> Value {
    let place = unknown.engine.as_ref().or(unknown.subject.as_ref());
    let place = place.map(|place| format!(", {place}")).unwrap_or_default();
    let text = format!(
        "unknown: {} on {}{place}: {}",
        unknown.check,
        unknown.runner,
        unknown.reason()
    );
    note("note", &text)
}

fn note(level: &str, text: &str) -> Value {
    json!({ "level": level, "message": { "text": text } })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// A path as a URI reference: relative if the path is, so that it fits any checkout.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("ci/job.yaml"), "ci/job.yaml");
        assert_eq!(uri("/a b/ő.yaml"), "file:///a%20b/%C5%91.yaml");
        assert_eq!(uri("a:b#c?d.yaml"), "a%3Ab%23c%3Fd.yaml");
    }
}
