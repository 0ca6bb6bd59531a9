//! Code Insights of Bitbucket Cloud: the body of a report, those of its annotations, and the
//! commands that send them from a pipeline.
//! See <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/>.

use super::grouped_findings::{first_why, place, remarks};
use super::json::escape;
use super::page::cut_at as cut;
use super::verdict::{is_empty, outcome};
use crate::diagnosis::{Diagnosis, Finding, Severity, Verdict};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// What one request takes, and what a report does.
const MOST_AT_ONCE: usize = 100;
const MOST_ANNOTATIONS: usize = 1000;
const SUMMARY: usize = 450;
const DETAILS: usize = 2000;

/// Inside of a pipeline this proxy adds the credentials, for plain HTTP only.
const SEND: &str =
    "curl -fsS --proxy http://localhost:29418 -H 'Content-Type: application/json' -d @-";
const REPORT: &str = "\"http://api.bitbucket.org/2.0/repositories/$BITBUCKET_REPO_FULL_NAME/commit/$BITBUCKET_COMMIT/reports/runner-doctor";

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let mut findings: Vec<&Finding> = diagnosis.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let left_out = findings.len().saturating_sub(MOST_ANNOTATIONS);
    findings.truncate(MOST_ANNOTATIONS);
    let mut ids = HashMap::new();
    let annotations: Vec<Value> = findings.iter().map(|f| annotation(f, &mut ids)).collect();
    let insights = json!({
        "comment": "In a step, after runner-doctor check -o bitbucket=insights.json; inside a container, the proxy is host.docker.internal:29418",
        "send": send(annotations.len()),
        "report": report(diagnosis, left_out),
        "annotations": annotations,
    });
    match serde_json::to_string_pretty(&insights) {
        Ok(text) => escape(&text) + "\n",
        // Plain values only; this cannot happen.
        Err(error) => format!("{}\n", json!({ "error": error.to_string() })),
    }
}

/// The report first: annotations need one.
fn send(annotations: usize) -> Vec<String> {
    let mut lines = vec![format!(
        "jq .report insights.json | {SEND} -X PUT {REPORT}\""
    )];
    for from in (0..annotations).step_by(MOST_AT_ONCE) {
        let part = match annotations > MOST_AT_ONCE {
            true => format!("'.annotations[{from}:{}]'", from + MOST_AT_ONCE),
            false => ".annotations".to_owned(),
        };
        lines.push(format!(
            "jq {part} insights.json | {SEND} -X POST {REPORT}/annotations\""
        ));
    }
    lines
}

fn report(diagnosis: &Diagnosis, left_out: usize) -> Value {
    let outcome = outcome(diagnosis);
    let mut details = format!("{}: {} ({})", outcome.word, outcome.found, outcome.scope);
    if left_out > 0 {
        details += &format!(". {left_out} more findings do not fit here.");
    }
    if let Some(reason) = &diagnosis.incomplete {
        details += &format!("\nIncomplete: {reason}. Results are partial.");
    }
    let summary = &diagnosis.summary;
    let number =
        |title: &str, value: usize| json!({ "title": title, "type": "NUMBER", "value": value });
    json!({
        "title": "runner-doctor",
        "details": cut(&details, DETAILS),
        "report_type": "BUG",
        "reporter": "runner-doctor",
        "result": result(diagnosis),
        "data": [
            number("Errors", summary.error),
            number("Warnings", summary.warning),
            number("Unknown", summary.unknown),
            number("Runners", summary.runners),
            number("Engines", summary.engines),
        ],
    })
}

/// What was not seen is not passed.
fn result(diagnosis: &Diagnosis) -> &'static str {
    let unseen = diagnosis.runners.iter().any(|runner| runner.unseen);
    match diagnosis.verdict {
        Verdict::Failing => "FAILED",
        _ if diagnosis.incomplete.is_some() || unseen || is_empty(diagnosis) => "PENDING",
        _ => "PASSED",
    }
}

fn annotation(finding: &Finding, ids: &mut HashMap<String, usize>) -> Value {
    // An id is taken once only; findings in two places of a file may share a fingerprint.
    let times = ids.entry(finding.fingerprint.clone()).or_insert(0);
    *times += 1;
    let id = match times {
        1 => format!("runner-doctor-{}", finding.fingerprint),
        again => format!("runner-doctor-{}-{again}", finding.fingerprint),
    };
    let title = format!("{}{}", finding.check, remarks(finding));
    let mut body = Map::new();
    let mut add = |key: &str, value: Value| body.insert(key.to_owned(), value);
    add("external_id", cut(&id, SUMMARY).into());
    add("title", cut(&title, SUMMARY).into());
    add("annotation_type", "BUG".into());
    add("severity", severity(finding.severity).into());
    add("summary", cut(finding.message.trim(), SUMMARY).into());
    add("details", cut(&details(finding), DETAILS).into());
    if let Some(at) = &finding.location {
        add("path", at.file.clone().into());
        add("line", at.line.into());
    }
    Value::Object(body)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "HIGH",
        Severity::Warning => "MEDIUM",
        Severity::Info => "LOW",
    }
}

/// The fix comes first: what is too long is cut at its end.
fn details(finding: &Finding) -> String {
    let mut text = format!("{}: {}", finding.runner, place(finding));
    if let Some(fix) = finding.remedies.first() {
        let title = fix.title.trim_end_matches(':');
        text += &format!("\n\ncure: {title}\n\n{}", fix.snippet.trim_end());
    }
    text + "\n\nwhy: " + first_why(finding)
}
