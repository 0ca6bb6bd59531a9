//! `watcher` against a fake API server: what it keeps of a runner that ended badly, what it serves, and
//! what it requests.

use crate::faults::stand_in::Answer;
use crate::faults::stand_in::Answer::{Nothing, Refused, Says, Well};
use crate::faults::stand_in::{StandIn, Walked, pod};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BUSY: Duration = Duration::from_secs(60);

/// A server with two runners whose watches deliver each queued event once, and the requests it received.
struct Cluster {
    server: StandIn,
    events: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Cluster {
    fn new(faults: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, heard) = (events.clone(), asked.clone());
        let server = StandIn::with(move |path, _| {
            heard.lock().unwrap().push(path.to_owned());
            if let Some(answer) = faults(path) {
                return answer;
            }
            if !path.contains("watch=true") {
                return Well;
            }
            let events: Vec<Value> = told.lock().unwrap().drain(..).collect();
            let lines = events.iter().map(|event| format!("{event}\n"));
            Says(Value::String(lines.collect()))
        });
        Cluster {
            server,
            events,
            asked,
        }
    }

    fn tell(&self, kind: &str, object: Value) {
        let event = json!({"type": kind, "object": object});
        self.events.lock().unwrap().push(event);
    }
}

struct Watcher {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Watcher {
    fn start(server: &StandIn, more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut child = command(server, &folder, more).spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        said.read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").unwrap().1.to_owned();
        // Drained, so that later messages do not block the watcher on a full pipe.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Watcher {
            child,
            address,
            _folder: folder,
        }
    }

    /// Returns status and body.
    fn ask(&self, request: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(connection, "{request} HTTP/1.1\r\nhost: w\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    fn get(&self, path: &str) -> String {
        let (status, body) = self.ask(&format!("GET {path}"));
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn list(&self) -> Value {
        serde_json::from_str(&self.get("/recordings")).unwrap()
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics");
        let line = text.lines().find_map(|line| {
            let rest = line.strip_prefix("runner_doctor_")?;
            rest.strip_prefix(name)?.strip_prefix(' ')
        });
        line.unwrap_or_default().parse().unwrap_or(-1.0)
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let waited = began.elapsed();
            assert!(
                waited < BUSY,
                "{what}: {}\n{}",
                self.list(),
                self.get("/metrics")
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// Stops the watcher with SIGTERM and returns its exit code.
    fn end(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(server: &StandIn, folder: &TempDir, more: &[&str]) -> Command {
    let config = folder.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{}'}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: ci}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n",
        server.url()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner-doctor"));
    for name in ["HTTPS_PROXY", "https_proxy", "KUBERNETES_SERVICE_HOST"] {
        command.env_remove(name);
    }
    command
        .env("KUBECONFIG", config)
        .current_dir(folder.path())
        .args(["watcher", "--listen", "127.0.0.1:0", "--interval", "1s"])
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn examined(watcher: &Watcher) {
    watcher.until("both are examined", |w| {
        let text = w.get("/metrics");
        let found = |pod: &str| {
            let inversions = format!(
                "runner_doctor_findings{{check=\"mtu-inversion\",severity=\"error\",runner=\"ci/{pod}\",namespace=\"ci\",pod=\"{pod}\"}} 2"
            );
            text.contains(&inversions)
        };
        found("well") && found("ill")
    });
}

#[test]
fn a_runner_that_ended_badly_can_be_downloaded_and_judged() {
    // Once the pod has ended, the server no longer has it.
    let cluster = Cluster::new(|path| path.ends_with("/pods/ill").then_some(Refused(404)));
    let watcher = Watcher::start(&cluster.server, &[]);
    examined(&watcher);
    assert_eq!(watcher.list()["recordings"], json!([]));
    assert_eq!(watcher.metric("watcher_connected"), 1.0);

    let mut killed = pod("ill");
    let status = &mut killed["status"]["containerStatuses"][1];
    status["state"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    cluster.tell("MODIFIED", killed.clone());
    cluster.tell("DELETED", killed);
    watcher.until("its end is seen", |w| {
        w.list()["recordings"]
            .as_array()
            .is_some_and(|all| all.len() == 1)
    });
    let kept = watcher.list()["recordings"][0].clone();
    assert_eq!(
        (&kept["namespace"], &kept["pod"]),
        (&json!("ci"), &json!("ill"))
    );
    assert_eq!(
        kept["ended_badly"],
        json!([{"why": "oom-killed", "container": "docker-in-docker"}])
    );
    assert_eq!(kept["verdict"], "failing");
    let errors = kept["errors"].as_array().unwrap();
    for check in ["mtu-inversion", "out-of-memory-killed"] {
        assert!(errors.contains(&json!(check)), "{kept}");
    }
    watcher.until("it is no current runner any more", |w| {
        !w.get("/metrics").contains("pod=\"ill\"")
    });

    // The recording holds the runner's state before its end, and how it ended.
    let name = kept["name"].as_str().unwrap();
    let recording = watcher.get(&format!("/recordings/{name}"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, &recording).unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_runner-doctor"))
        .args(["check", "--no-config", "-o", "json", "--evidence"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let found = |check: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|f| f["check"] == check && f["runner"] == "ci/ill")
            .count()
    };
    assert_eq!(
        (found("mtu-inversion"), found("out-of-memory-killed")),
        (2, 1)
    );
    let redacted = watcher.get(&format!("/recordings/{name}?redact"));
    assert!(recording.contains("\"ill\"") && !redacted.contains("\"ill\""));
    assert!(redacted.contains("\"redacted\": true"));

    // Every request is read-only.
    let asked = cluster.asked.lock().unwrap().clone();
    assert!(
        asked.iter().all(|path| path.starts_with("GET ")),
        "{asked:?}"
    );
    assert!(asked.iter().any(|path| path.contains("watch=true")));
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_runner_that_ends_well_is_not_kept_and_what_is_missed_is_listed_again() {
    let lists = Arc::new(Mutex::new(0_usize));
    let healthy = |name: &str| {
        let mut pod = pod(name);
        // A pending pod has no engine to examine, and so no findings.
        pod["status"]["phase"] = json!("Pending");
        pod["status"]["containerStatuses"] = json!([]);
        pod
    };
    let counted = lists.clone();
    let cluster = Cluster::new(move |path| {
        if !path.contains("/ci/pods?") || path.contains("watch=true") {
            return None;
        }
        let mut lists = counted.lock().unwrap();
        *lists += 1;
        // The second list lacks one pod.
        let mut pods = vec![healthy("a"), healthy("b")];
        pods.truncate(if *lists == 1 { 2 } else { 1 });
        Some(Says(
            json!({"metadata": {"resourceVersion": "7"}, "items": pods}),
        ))
    });
    let watcher = Watcher::start(&cluster.server, &[]);
    watcher.until("both are followed", |w| w.metric("watcher_runners") == 2.0);
    let gone = json!({"kind": "Status", "code": 410, "status": "Failure", "message": "too old", "reason": "Expired"});
    cluster.tell("ERROR", gone);
    watcher.until("one is gone", |w| {
        w.metric("watcher_runners") == 1.0 && w.metric("watcher_pods_ended") == 1.0
    });
    assert_eq!(watcher.list()["recordings"], json!([]));
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn it_serves_only_what_is_asked_properly() {
    let cluster = Cluster::new(|_| None);
    let watcher = Watcher::start(&cluster.server, &[]);
    assert_eq!(watcher.ask("GET /healthz"), (200, "ok\n".to_owned()));
    assert!(watcher.get("/").contains("/recordings"));
    for (request, status) in [
        ("POST /recordings", 405),
        ("DELETE /recordings/a", 405),
        ("GET /recordings/../../etc/passwd", 404),
        ("GET /recordings/", 404),
        ("GET /nothing", 404),
    ] {
        assert_eq!(watcher.ask(request).0, status, "{request}");
    }
    // Idle connections do not block active ones.
    let silent = (0..40).map(|_| TcpStream::connect(&watcher.address).unwrap());
    let silent: Vec<TcpStream> = silent.collect();
    assert_eq!(watcher.ask("GET /healthz").0, 200);
    drop(silent);
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn it_ends_at_once_while_walks_hang() {
    let cluster = Cluster::new(|path| {
        path.contains("/exec?")
            .then_some(Answer::Walk(Walked::Hangs))
    });
    let watcher = Watcher::start(&cluster.server, &["--timeout", "1h"]);
    let asked = cluster.asked.clone();
    let execs = move || {
        let asked = asked.lock().unwrap();
        asked.iter().filter(|path| path.contains("/exec?")).count()
    };
    watcher.until("walks have begun", |_| execs() >= 2);
    let began = Instant::now();
    assert_eq!(watcher.end(), Some(0));
    assert!(began.elapsed() < BUSY);
}

#[test]
fn what_may_not_be_watched_is_told_with_the_right_to_grant() {
    for (denied, verb) in [("watch=true", "watch"), ("/pods?", "list")] {
        let cluster = Cluster::new(move |path| path.contains(denied).then_some(Refused(403)));
        let folder = TempDir::new().unwrap();
        let output = command(&cluster.server, &folder, &[]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        let expected = format!(
            "no permission to {verb} pods in namespace ci: grant `{verb}` on pods, as `runner-doctor rbac --watch` prints it"
        );
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn recordings_that_flood_leave_the_others() {
    let cluster = Cluster::new(|path| match path.contains("/pods/ill/exec?") {
        true => Some(Answer::Walk(Walked::Floods)),
        false => path.contains("/pods/none").then_some(Nothing),
    });
    let watcher = Watcher::start(&cluster.server, &["--keep-bytes", "1"]);
    watcher.until("both are examined", |w| {
        w.metric("watcher_examinations") >= 2.0
    });
    // No recording fits, and the watcher continues.
    assert_eq!(watcher.metric("watcher_recording_bytes"), 0.0);
    assert!(watcher.metric("watcher_recordings_not_kept") >= 2.0);
    cluster.tell("DELETED", pod("well"));
    watcher.until("its end is seen", |w| w.metric("watcher_pods_ended") == 1.0);
    assert_eq!(watcher.end(), Some(0));
}
