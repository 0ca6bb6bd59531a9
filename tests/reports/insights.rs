//! What Bitbucket Cloud accepts as Code Insights, and a fake of the pipeline's proxy, to which a shell
//! sends the printed lines unchanged.
//! The limits: <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/>.

use super::patients::{article, blind, diagnose, fleet, healthy};
use super::{everybody, plain};
use runner_doctor::diagnosis::Diagnosis;
use runner_doctor::report::{Format, render};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

pub const AT_ONCE: usize = 100;
pub const ANNOTATIONS: usize = 1000;

pub fn examine_report(report: &Value) {
    for (key, most) in [("title", 450), ("details", 2000), ("reporter", 450)] {
        assert!(text(report, key).chars().count() <= most, "{key}: {report}");
    }
    assert!(!text(report, "title").is_empty() && !text(report, "details").is_empty());
    one_of(
        report,
        "report_type",
        &["SECURITY", "COVERAGE", "TEST", "BUG"],
    );
    one_of(report, "result", &["PASSED", "FAILED", "PENDING"]);
    let data = report["data"].as_array().expect("data");
    assert!(data.len() <= 10);
    for field in data {
        assert_eq!(field["type"], "NUMBER");
        assert!(
            field["value"].is_u64() && field["title"].is_string(),
            "{field}"
        );
    }
}

pub fn examine_annotation(annotation: &Value) {
    let known = [
        "external_id",
        "title",
        "annotation_type",
        "severity",
        "summary",
        "details",
        "path",
        "line",
    ];
    for key in annotation.as_object().expect("an object").keys() {
        assert!(known.contains(&key.as_str()), "{key}");
    }
    for (key, most) in [
        ("external_id", 450),
        ("title", 450),
        ("summary", 450),
        ("details", 2000),
    ] {
        let length = text(annotation, key).chars().count();
        assert!(length > 0 && length <= most, "{key}: {annotation}");
    }
    one_of(
        annotation,
        "annotation_type",
        &["VULNERABILITY", "CODE_SMELL", "BUG"],
    );
    one_of(
        annotation,
        "severity",
        &["CRITICAL", "HIGH", "MEDIUM", "LOW"],
    );
    if let Some(line) = annotation.get("line") {
        assert!(line.as_u64().is_some_and(|line| line > 0), "{annotation}");
        assert!(annotation["path"].is_string(), "{annotation}");
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key}: {value}"))
}

fn one_of(value: &Value, key: &str, words: &[&str]) {
    assert!(words.contains(&text(value, key)), "{key}: {value}");
}

/// What arrived in one request.
pub struct Request {
    /// The request line, as sent to a proxy.
    pub line: String,
    pub headers: String,
    pub body: Value,
}

/// Runs a line with a shell, in the folder of insights.json. A SOCKS proxy in curl's configuration
/// replaces the proxy that the line names: the line stays unchanged, and that port can be closed.
pub fn send(line: &str, folder: &Path, environment: &[(&str, &str)]) -> (Output, Request) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let settings = format!("preproxy = \"socks5h://127.0.0.1:{port}\"\nmax-time = 20\n");
    std::fs::write(folder.join(".curlrc"), settings).expect("a folder");
    let answering = thread::spawn(move || answer(listener.accept().expect("curl").0));
    let mut command = Command::new("bash");
    command
        .args(["-o", "pipefail", "-c", line])
        .current_dir(folder);
    for name in [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "ALL_PROXY",
        "NO_PROXY",
    ] {
        command.env_remove(name);
    }
    command
        .env("CURL_HOME", folder)
        .envs(environment.iter().copied());
    let output = command.output().expect("bash");
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    (output, answering.join().expect("a request"))
}

fn answer(mut stream: TcpStream) -> Request {
    let mut reader = BufReader::new(stream.try_clone().expect("the same"));
    let mut take = |n: usize| {
        let mut bytes = vec![0; n];
        reader.read_exact(&mut bytes).expect("SOCKS");
        bytes
    };
    let methods = take(2)[1];
    take(methods.into());
    stream.write_all(&[5, 0]).expect("SOCKS");
    let wanted = take(5);
    assert_eq!(wanted[..4], [5, 1, 0, 3], "a connection to a name");
    let name = take(wanted[4].into());
    let port = take(2);
    let port = u16::from_be_bytes([port[0], port[1]]);
    assert_eq!(
        (String::from_utf8_lossy(&name).as_ref(), port),
        ("localhost", 29418)
    );
    stream
        .write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])
        .expect("SOCKS");
    let (mut line, mut headers, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut line).expect("a request");
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header");
        if header.trim().is_empty() {
            break;
        }
        let header = header.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if header.starts_with("expect:") {
            stream
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .expect("an answer");
        }
        headers += &header;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(answer).expect("an answer");
    Request {
        line: line.trim().to_owned(),
        headers,
        body: serde_json::from_slice(&body).expect("JSON"),
    }
}

#[test]
fn insights_keep_to_what_bitbucket_takes() {
    for diagnosis in everybody() {
        let text = render(Format::Bitbucket, &diagnosis, &plain(80));
        let insights: Value = serde_json::from_str(&text).expect(&text);
        examine_report(&insights["report"]);
        let annotations = insights["annotations"].as_array().expect("annotations");
        assert!(annotations.len() <= ANNOTATIONS);
        let mut ids = std::collections::HashSet::new();
        for annotation in annotations {
            examine_annotation(annotation);
            assert!(
                ids.insert(annotation["external_id"].to_string()),
                "{annotation}"
            );
        }
    }
    let result = |diagnosis: &Diagnosis| {
        let text = render(Format::Bitbucket, diagnosis, &plain(80));
        let insights: Value = serde_json::from_str(&text).expect(&text);
        insights["report"]["result"].clone()
    };
    assert_eq!(result(&article()), "FAILED");
    assert_eq!(result(&healthy()), "PASSED");
    assert_eq!(result(&blind()), "PENDING");
    assert_eq!(result(&diagnose(vec![], vec![], vec![])), "PENDING");
}

/// One line for each batch of annotations that Bitbucket accepts, run by a shell, byte for byte.
#[test]
fn the_lines_that_send_insights_send_them() {
    for program in ["bash", "curl", "jq"] {
        let version = Command::new(program).arg("--version").output();
        assert!(
            version.is_ok(),
            "no {program}: install it (CONTRIBUTING.md)"
        );
    }
    for (diagnosis, posts) in [
        (healthy(), 0),
        (article(), 1),
        (fleet(91), 4),
        (fleet(1000), 10),
    ] {
        let text = render(Format::Bitbucket, &diagnosis, &plain(80));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("insights.json"), &text).expect("a file");
        let insights: Value = serde_json::from_str(&text).expect(&text);
        let lines = insights["send"].as_array().expect("lines");
        assert_eq!(lines.len(), posts + 1);
        let environment = [
            ("BITBUCKET_REPO_FULL_NAME", "team/repo"),
            ("BITBUCKET_COMMIT", "0123abc"),
            ("BITBUCKET_STEP_OAUTH_ACCESS_TOKEN", "HUSH"),
        ];
        let base = "http://api.bitbucket.org/2.0/repositories/team/repo/commit/0123abc/reports/runner-doctor";
        let mut arrived: Vec<Value> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let line = line.as_str().expect("a line");
            let (output, request) = send(line, folder.path(), &environment);
            let said = [output.stdout, output.stderr].concat();
            assert_eq!(String::from_utf8_lossy(&said), "", "{line}");
            // The proxy adds the credentials; the request has none.
            assert!(
                !request.headers.contains("hush") && !request.headers.contains("authorization")
            );
            assert!(request.headers.contains("content-type: application/json"));
            if at == 0 {
                assert_eq!(request.line, format!("PUT {base} HTTP/1.1"));
                assert_eq!(request.body, insights["report"]);
                continue;
            }
            assert_eq!(request.line, format!("POST {base}/annotations HTTP/1.1"));
            let part = request.body.as_array().expect("annotations");
            assert!(!part.is_empty() && part.len() <= AT_ONCE);
            arrived.extend(part.iter().cloned());
        }
        assert_eq!(Value::Array(arrived), insights["annotations"]);
        assert!(!text.contains("HUSH"));
    }
}

#[test]
fn what_bitbucket_cannot_take_is_said_and_the_worst_is_kept() {
    let diagnosis = fleet(1000);
    let text = render(Format::Bitbucket, &diagnosis, &plain(80));
    let insights: Value = serde_json::from_str(&text).expect(&text);
    let annotations = insights["annotations"].as_array().expect("annotations");
    assert_eq!(annotations.len(), ANNOTATIONS);
    let left_out = diagnosis.findings.len() - annotations.len();
    let details = insights["report"]["details"].as_str().expect("details");
    assert!(
        details.contains(&format!("{left_out} more findings")),
        "{details}"
    );
    assert!(
        annotations
            .iter()
            .all(|annotation| annotation["severity"] == "HIGH")
    );
}
