//! Faults between runner-doctor and a runner, on a fake API server: each fault has its reason, everything
//! else is still examined, and the run ends in time.

mod access;
mod ended;
pub(crate) mod stand_in;

use serde_json::Value;
use stand_in::Answer::{self, Busy, Gone, Nothing, Refused, Walk, Well};
use stand_in::{StandIn, Walked};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Extra time for a busy machine.
const BUSY: Duration = Duration::from_secs(30);

/// A kubeconfig for one run, in a temporary folder.
struct Run {
    folder: TempDir,
    user: String,
    environment: Vec<(&'static str, String)>,
}

impl Run {
    fn new(server: &str) -> Self {
        let run = Run {
            folder: TempDir::new().unwrap(),
            user: "{token: t}".to_owned(),
            environment: Vec::new(),
        };
        run.write(server);
        run
    }

    fn write(&self, server: &str) {
        let user = &self.user;
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: ci}}}}]\nusers: [{{name: u, user: {user}}}]\n"
        );
        fs::write(self.folder.path().join("config"), config).unwrap();
    }

    /// With credentials from an exec plugin.
    fn with_plugin(server: &str, script: &str) -> Self {
        let mut run = Run::new(server);
        let program = run.folder.path().join("plugin");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        run.user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{}', args: [--password, hunter2], interactiveMode: IfAvailable}}}}",
            program.display()
        );
        run.write(server);
        run
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner-doctor"));
        for name in [
            "HTTPS_PROXY",
            "https_proxy",
            "NO_PROXY",
            "no_proxy",
            "KUBERNETES_SERVICE_HOST",
        ] {
            command.env_remove(name);
        }
        command
            .env("KUBECONFIG", self.folder.path().join("config"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn ended(&self, arguments: &[&str]) -> Seen {
        let started = Instant::now();
        // Standard input stays open: a plugin that asks for a password waits.
        let mut child = self.start(arguments);
        let input = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(input);
        Seen::new(output, started)
    }

    fn checked(&self, more: &[&str]) -> Seen {
        self.ended(&[&["check", "-o", "json"], more].concat())
    }
}

/// The outcome of a run.
struct Seen {
    code: Option<i32>,
    report: Value,
    said: String,
    took: Duration,
}

impl Seen {
    fn new(output: Output, started: Instant) -> Self {
        Seen {
            code: output.status.code(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            said: String::from_utf8(output.stderr).unwrap(),
            took: started.elapsed(),
        }
    }

    fn listed(&self, list: &str) -> &[Value] {
        self.report[list].as_array().map_or(&[][..], Vec::as_slice)
    }

    /// Both runners were examined completely.
    fn is_whole(&self) -> bool {
        self.is_examined("well") && self.is_examined("ill")
    }

    /// Ended within this many seconds, plus the extra time for a busy machine.
    fn in_time(&self, seconds: u64, what: &str) {
        let most = BUSY + Duration::from_secs(seconds);
        assert!(self.took < most, "{what}: {:?}", self.took);
    }

    /// Has both of the article's MTU inversions.
    fn is_examined(&self, pod: &str) -> bool {
        let of_pod = self.listed("findings").iter().filter(|finding| {
            finding["check"] == "mtu-inversion" && finding["runner"] == format!("ci/{pod}")
        });
        of_pod.count() == 2
    }

    fn unknown(&self, check: &str, pod: &str) -> String {
        let found = self
            .listed("unknowns")
            .iter()
            .find(|unknown| unknown["check"] == check && unknown["runner"] == format!("ci/{pod}"));
        found.map_or(String::new(), |unknown| {
            unknown["reason"].as_str().unwrap().to_owned()
        })
    }

    fn requests(&self, key: &str) -> i64 {
        self.report["environment"]["requests"][key]
            .as_i64()
            .unwrap()
    }
}

fn of_ill(path: &str, part: &str) -> bool {
    path.contains(&format!("/pods/ill/{part}?"))
}

#[test]
fn an_api_server_that_knows_only_the_old_exec_is_examined_and_its_requests_counted() {
    let server = StandIn::with(|_, _| Well);
    let seen = Run::new(&server.url()).checked(&[]);
    assert_eq!(seen.code, Some(1), "{}", seen.said);
    assert!(seen.is_whole());
    assert_eq!(
        seen.requests("sent"),
        i64::try_from(server.asked()).unwrap()
    );
    assert_eq!(seen.requests("retried"), 0);
    let told = Run::new(&server.url()).ended(&["check", "-v"]);
    assert!(
        told.said
            .contains("requests to the API server, 0 of them retries"),
        "{}",
        told.said
    );
}

/// Faults of one pod: name, response, reason of the unknown, and time limit in seconds.
#[test]
fn what_is_wrong_with_one_runner_is_unknown_of_it_alone() {
    type Fault = fn(&str) -> Answer;
    let faults: [(&str, Fault, &str, u64); 8] = [
        (
            "its pod was deleted since the list",
            |_| Refused(404),
            "pod ill or its container docker-in-docker no longer exists",
            3,
        ),
        (
            "its kubelet is down",
            |_| Refused(500),
            "connection refused",
            3,
        ),
        (
            "exec is forbidden",
            |_| Refused(403),
            "grant `get` and `create` on pods/exec",
            3,
        ),
        (
            "the server has no time",
            |_| Busy(429, None),
            "(HTTP 429)",
            12,
        ),
        (
            "it asks for an hour",
            |_| Busy(429, Some(3600)),
            "(HTTP 429)",
            3,
        ),
        (
            "the stream is cut in a record",
            |_| Walk(Walked::Cut),
            "the examination was cut off",
            3,
        ),
        (
            "exec does not answer",
            |_| Nothing,
            "timed out after 4 s",
            7,
        ),
        (
            "lines without end",
            |_| Walk(Walked::Floods),
            "printed more than",
            7,
        ),
    ];
    std::thread::scope(|threads| {
        for (name, fault, reason, seconds) in faults {
            threads.spawn(move || {
                let server = StandIn::with(move |path, _| match of_ill(path, "exec") {
                    true => fault(path),
                    false => Well,
                });
                let seen = Run::new(&server.url()).checked(&["--timeout", "2s"]);
                assert!(seen.is_examined("well"), "{name}: {}", seen.said);
                assert_eq!(seen.code, Some(1), "{name}");
                let unknown = seen.unknown("mtu-inversion", "ill");
                eprintln!("{name}: {:.1?}: {unknown}", seen.took);
                assert!(unknown.contains(reason), "{name}: {unknown}");
                seen.in_time(seconds, name);
            });
        }
    });
}

#[test]
fn a_walk_that_stays_after_its_end_is_whole() {
    let server = StandIn::with(|path, _| match of_ill(path, "exec") {
        true => Walk(Walked::Stays),
        false => Well,
    });
    let seen = Run::new(&server.url()).checked(&["--timeout", "2s"]);
    assert!(seen.is_whole());
}

/// A request that an overloaded server rejects is repeated after its Retry-After.
#[test]
fn a_server_that_has_no_time_is_asked_again_when_it_says() {
    for (part, code) in [
        ("/version", 503),
        ("/pods?", 429),
        ("/exec?", 429),
        ("/nodes/n", 504),
        ("/log?", 429),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let server = StandIn::with({
            let asked = asked.clone();
            move |path, _| match path.contains(part) && asked.fetch_add(1, Ordering::SeqCst) == 0 {
                true => Busy(code, Some(1)),
                false => Well,
            }
        });
        let seen = Run::new(&server.url()).checked(&[]);
        assert!(seen.is_whole(), "{part}: {}", seen.said);
        assert_eq!(seen.requests("retried"), 1, "{part}");
        assert_eq!(
            seen.requests("sent"),
            i64::try_from(server.asked()).unwrap(),
            "{part}"
        );
        assert!(
            seen.took >= Duration::from_secs(1),
            "{part}: {:?}",
            seen.took
        );
    }
}

#[test]
fn an_api_server_that_restarts_is_waited_for() {
    let gone = Arc::new(AtomicBool::new(false));
    let server = StandIn::with({
        let gone = gone.clone();
        move |path, _| {
            if path.contains("/namespaces/ci/pods?") && !gone.swap(true, Ordering::SeqCst) {
                let back = gone.clone();
                std::thread::spawn(move || {
                    sleep(Duration::from_secs(2));
                    back.store(false, Ordering::SeqCst);
                });
                return Well;
            }
            match gone.load(Ordering::SeqCst) {
                true => Gone,
                false => Well,
            }
        }
    });
    let seen = Run::new(&server.url()).checked(&[]);
    assert!(seen.is_whole(), "{}", seen.report);
    assert!(seen.requests("retried") > 0);
    seen.in_time(8, "a restart");
}

/// Without permission to list Jobs, their check is unknown, whatever else is visible.
#[test]
fn jobs_that_could_not_be_listed_are_unknown() {
    let server = StandIn::with(|path, _| match path.contains("/jobs?") {
        true => Refused(403),
        false => Well,
    });
    let gate = ["--check", "job-given-up"];
    let seen = Run::new(&server.url()).checked(&gate);
    assert_eq!(seen.code, Some(3), "{}", seen.report);
    let unknown = &seen.listed("unknowns")[0];
    assert_eq!(unknown["check"], "job-given-up");
    assert_eq!(unknown["reasons"][0]["asked"]["namespace"], "ci");
    let accepted = Run::new(&server.url()).checked(&[&gate[..], &["--allow-unknown"]].concat());
    assert_eq!(accepted.code, Some(0));
}
