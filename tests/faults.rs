//! What goes wrong between the doctor and a runner, on a stand-in for the API server: each fault
//! has its reason, everything else is examined all the same, and all of it ends in time.

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

/// A busy machine needs more for everything.
const BUSY: Duration = Duration::from_secs(30);

/// A kubeconfig for one run, in a folder that goes with it.
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

    /// With credentials from a program.
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
        // Standard input stays open: a program that asks for a password waits.
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

/// How a run ended.
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

    /// Of both runners all is known.
    fn is_whole(&self) -> bool {
        self.is_examined("well") && self.is_examined("ill")
    }

    /// It ended in so many seconds, on a machine that has time.
    fn in_time(&self, seconds: u64, what: &str) {
        let most = BUSY + Duration::from_secs(seconds);
        assert!(self.took < most, "{what}: {:?}", self.took);
    }

    /// Both of the article's inversions.
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

/// One pod is ill; how, what is unknown of it, and the seconds that this may take.
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

/// Whatever has no time once or twice, for as long as the server asks.
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

/// The part of the API that is forbidden, what is said of it and where.
#[test]
fn each_right_that_is_missing_is_named() {
    enum Told {
        Plainly(&'static str),
        Of(&'static str),
        /// Nothing is lost.
        Nowhere,
    }
    use Told::{Nowhere, Of, Plainly};
    let faults = [
        ("GET /version", &[][..], Plainly("forbids the request")),
        (
            "GET /api/v1/namespaces/ci/pods?",
            &[],
            Plainly("grant `list` on pods"),
        ),
        (
            "GET /api/v1/namespaces/ci/pods/ill",
            &["ill"],
            Plainly("grant `get` on pods"),
        ),
        ("/exec?", &[], Of("grant `get` and `create` on pods/exec")),
        ("/log?", &[], Of("grant `get` on pods/log")),
        (
            "GET /apis/batch/v1/namespaces/ci/jobs?",
            &[],
            Of("listing jobs is forbidden: grant `list` on jobs in ci"),
        ),
        ("GET /api/v1/nodes/n", &[], Nowhere),
        ("GET /api/v1/pods?", &[], Nowhere),
    ];
    for (path, arguments, told) in faults {
        let server = StandIn::with(move |asked, _| match asked.contains(path) {
            true => Refused(403),
            false => Well,
        });
        let seen = Run::new(&server.url()).checked(arguments);
        match told {
            Plainly(said) => {
                assert_eq!(seen.code, Some(2), "{path}");
                assert!(seen.said.contains(said), "{path}: {}", seen.said);
            }
            Of(reason) => {
                let unknowns = seen.report["unknowns"].to_string();
                assert!(unknowns.contains(reason), "{path}: {unknowns}");
            }
            Nowhere => {
                assert!(seen.is_whole(), "{path}");
                eprintln!("{path}: {}", seen.report["unknowns"]);
            }
        }
    }
}

/// A gate is never green because the walk of its only runner was cut: by an API server that freezes
/// or dies in the middle of it, or before it.
#[test]
fn a_walk_that_was_cut_never_passes() {
    let faults: [fn() -> Answer; 3] = [|| Walk(Walked::Cut), || Walk(Walked::Hangs), || Gone];
    std::thread::scope(|threads| {
        for fault in faults {
            threads.spawn(move || {
                let server = StandIn::with(move |path, _| match of_ill(path, "exec") {
                    true => fault(),
                    false => Well,
                });
                let run = Run::new(&server.url());
                let gate = ["ill", "--timeout", "2s", "--check", "mtu-inversion"];
                let seen = run.checked(&gate);
                let failing = seen.report["verdict"] == "failing";
                let code = seen.code.unwrap();
                assert!(failing && code == 1 || matches!(code, 2 | 3), "{code}");
                let classes: Vec<&Value> = seen
                    .listed("unknowns")
                    .iter()
                    .map(|unknown| &unknown["class"])
                    .collect();
                assert!(
                    classes.contains(&&Value::from("could-not-look")),
                    "{classes:?}"
                );
            });
        }
    });
}

/// An account that may not list Jobs is told so, whatever else it sees.
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

/// What is said where the cluster cannot be had at all: the kubeconfig's server or what it answers,
/// and the seconds that this may take.
#[test]
fn a_cluster_that_cannot_be_had_is_told_with_what_to_do() {
    let expired = StandIn::with(|_, _| Refused(401));
    let storm = StandIn::with(|_, _| Busy(503, None));
    let hour = StandIn::with(|_, _| Busy(429, Some(3600)));
    let silent = StandIn::with(|_, _| Nothing);
    let plain = StandIn::with(|_, _| Well);
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let faults: [(&str, String, &[&str], &str, u64); 8] = [
        (
            "an expired token",
            expired.url(),
            &[],
            "rejects these credentials: log in again",
            2,
        ),
        ("a storm of 503", storm.url(), &[], "(HTTP 503)", 12),
        ("an hour's patience", hour.url(), &[], "(HTTP 429)", 2),
        (
            "no answer",
            silent.url(),
            &["--deadline", "2s"],
            "did not respond within --deadline",
            4,
        ),
        (
            "no TLS",
            format!("https://{}", plain.address),
            &[],
            "cannot reach the cluster",
            2,
        ),
        (
            "no such name",
            "https://no-such-cluster.invalid:6443".to_owned(),
            &[],
            "lookup",
            6,
        ),
        (
            "nobody there",
            format!("https://{closed}"),
            &[],
            "refused",
            2,
        ),
        (
            "another context",
            plain.url(),
            &["--context", "elsewhere"],
            "elsewhere",
            2,
        ),
    ];
    std::thread::scope(|threads| {
        for (name, server, arguments, said, seconds) in faults {
            threads.spawn(move || {
                let seen = Run::new(&server).checked(arguments);
                eprintln!("{name}: {:.1?}: {}", seen.took, seen.said);
                assert_eq!(seen.code, Some(2), "{name}");
                assert!(seen.said.contains(said), "{name}: {}", seen.said);
                seen.in_time(seconds, name);
            });
        }
    });
}

#[test]
fn a_program_that_gives_no_credentials_is_named_and_its_secrets_are_not() {
    let server = StandIn::with(|_, _| Well);
    let faults = [
        (
            "fails",
            "echo hunter3; echo 'your session has expired' >&2; exit 7",
            "your session has expired",
        ),
        ("prints something else", "echo hunter3", "no credentials"),
        (
            "asks for a password",
            "printf 'Password: ' >&2; read -r password",
            "timed out after 2 s",
        ),
        (
            "is broken",
            "exec /no/such/program",
            "exited with exit status: 127",
        ),
    ];
    for (name, script, said) in faults {
        let seen = Run::with_plugin(&server.url(), script).checked(&["--deadline", "2s"]);
        eprintln!("{name}: {:.1?}: {}", seen.took, seen.said);
        assert_eq!(seen.code, Some(2), "{name}: {}", seen.said);
        assert!(
            seen.said.contains(said) && seen.said.contains("/plugin"),
            "{name}: {}",
            seen.said
        );
        assert!(!seen.said.contains("hunter"), "{name}: {}", seen.said);
        seen.in_time(4, name);
    }
    let mut run = Run::new(&server.url());
    run.user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: not-installed, interactiveMode: Never}}".to_owned();
    run.write(&server.url());
    let seen = run.checked(&[]);
    assert!(
        seen.said.contains("the credential plugin not-installed"),
        "{}",
        seen.said
    );
}

#[test]
fn a_proxy_is_used_unless_the_cluster_is_excepted() {
    let tunnels = Arc::new(AtomicUsize::new(0));
    let proxy = StandIn::with({
        let tunnels = tunnels.clone();
        move |path, _| {
            tunnels.fetch_add(
                usize::from(path.starts_with("CONNECT cluster.invalid:")),
                Ordering::SeqCst,
            );
            Well
        }
    });
    let mut run = Run::new("http://cluster.invalid");
    run.environment = vec![("HTTPS_PROXY", proxy.url())];
    let seen = run.checked(&[]);
    assert!(seen.is_whole(), "{}", seen.said);
    assert!(tunnels.load(Ordering::SeqCst) > 0);
    let through = tunnels.load(Ordering::SeqCst);
    run.environment
        .push(("NO_PROXY", "10.0.0.0/8,.invalid".to_owned()));
    let seen = run.checked(&[]);
    assert_eq!(seen.code, Some(2), "{}", seen.said);
    assert_eq!(tunnels.load(Ordering::SeqCst), through);
    let mut here = Run::new(&proxy.url());
    here.environment = vec![(
        "HTTPS_PROXY",
        "http://u:hunter2@no-such-proxy.invalid:3128".to_owned(),
    )];
    assert!(here.checked(&[]).is_examined("well"));
    here.write("http://cluster.invalid");
    let seen = here.checked(&[]);
    eprintln!("{}", seen.said);
    assert_eq!(seen.code, Some(2));
    assert!(!seen.said.contains("hunter2"), "{}", seen.said);
}

#[test]
fn a_node_that_is_never_read_costs_no_more_than_the_deadline() {
    let server = StandIn::with(|path, _| match path.contains("/nodes/n") {
        true => Nothing,
        false => Well,
    });
    let seen = Run::new(&server.url()).checked(&["--deadline", "3s"]);
    assert!(seen.is_whole());
    assert!(
        seen.report["incomplete"]
            .as_str()
            .unwrap()
            .contains("--deadline of 3 s")
    );
    seen.in_time(5, "a node");
}

/// Waits until the server was asked for something, and interrupts.
fn interrupted(run: &Run, arguments: &[&str], reached: &AtomicBool) -> Seen {
    signalled("-INT", run, arguments, || reached.load(Ordering::SeqCst))
}

fn signalled(signal: &str, run: &Run, arguments: &[&str], reached: impl Fn() -> bool) -> Seen {
    let mut child = run.start(arguments);
    let input = child.stdin.take();
    let ends = Instant::now() + Duration::from_secs(20);
    while !reached() {
        assert!(Instant::now() < ends, "it did not come so far");
        sleep(Duration::from_millis(10));
    }
    let started = Instant::now();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    drop(input);
    Seen::new(output, started)
}

#[test]
fn an_interrupt_at_any_moment_prints_what_is_known() {
    for (path, known) in [
        ("/version", 0),
        ("/namespaces/ci/pods?", 0),
        ("/pods/ill/exec?", 2),
        ("/nodes/n", 2),
        ("/pods/ill/log?", 2),
    ] {
        let reached = Arc::new(AtomicBool::new(false));
        let server = StandIn::with({
            let reached = reached.clone();
            move |asked, _| match asked.contains(path) {
                true => {
                    reached.store(true, Ordering::SeqCst);
                    Nothing
                }
                false => Well,
            }
        });
        let run = Run::new(&server.url());
        let seen = interrupted(&run, &["check", "-o", "json"], &reached);
        assert_eq!(seen.code, Some(130), "{path}: {}", seen.said);
        seen.in_time(1, path);
        let runners = seen.report["runners"].as_array().unwrap();
        assert_eq!(runners.len(), known, "{path}");
        assert!(
            seen.report["incomplete"]
                .as_str()
                .unwrap()
                .starts_with("interrupted"),
            "{path}"
        );
    }
}

#[test]
fn what_a_walk_has_told_counts_when_the_run_is_ended() {
    for signal in ["-INT", "-TERM"] {
        let reached = Arc::new(AtomicBool::new(false));
        let server = StandIn::with({
            let reached = reached.clone();
            move |path, _| match of_ill(path, "exec") {
                true => {
                    reached.store(true, Ordering::SeqCst);
                    Walk(Walked::Hangs)
                }
                false => Well,
            }
        });
        let run = Run::new(&server.url());
        let begun = || {
            let begun = reached.load(Ordering::SeqCst);
            if begun {
                // What is printed at once is on its way.
                sleep(Duration::from_secs(2));
            }
            begun
        };
        let seen = signalled(signal, &run, &["check", "-o", "json"], begun);
        assert_eq!(seen.code, Some(130), "{signal}: {}", seen.said);
        seen.in_time(2, signal);
        assert!(seen.is_examined("well"), "{signal}");
        let reason = seen.unknown("mtu-inversion", "ill");
        assert!(
            reason.contains("the examination was cut off"),
            "{signal}: {reason}"
        );
        let ill = &seen.report["runners"][1];
        assert!(
            ill["layers"].as_array().is_some_and(|l| l.len() > 1),
            "{signal}: {ill}"
        );
    }
}

#[test]
fn an_interrupt_ends_a_wait_for_credentials_and_a_watch() {
    let server = StandIn::with(|_, _| Well);
    let run = Run::with_plugin(&server.url(), "touch asked; read -r password");
    let asked = run.folder.path().join("asked");
    let reached = Arc::new(AtomicBool::new(false));
    std::thread::spawn({
        let reached = reached.clone();
        move || {
            while !asked.exists() {
                sleep(Duration::from_millis(10));
            }
            reached.store(true, Ordering::SeqCst);
        }
    });
    let seen = interrupted(&run, &["check", "-o", "json"], &reached);
    assert_eq!(seen.code, Some(130), "{}", seen.said);
    seen.in_time(1, "an interrupt");
    // The second look at the cluster hangs at its very first request.
    let reached = Arc::new(AtomicBool::new(false));
    let looks = Arc::new(AtomicUsize::new(0));
    let server = StandIn::with({
        let reached = reached.clone();
        move |path, _| match path.contains("/version") && looks.fetch_add(1, Ordering::SeqCst) == 1
        {
            true => {
                reached.store(true, Ordering::SeqCst);
                Nothing
            }
            false => Well,
        }
    });
    let run = Run::new(&server.url());
    let seen = interrupted(&run, &["check", "--watch=1s"], &reached);
    assert_eq!(seen.code, Some(130), "{}", seen.said);
    seen.in_time(1, "an interrupt");
}
