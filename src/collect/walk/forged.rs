//! Streams that no walk prints: far more of everything than its limits allow. Each must be read and
//! judged in time proportional to what is kept, and what is dropped must be reported as unknown.

use super::tests::read;
use super::*;
use crate::checks::case::healthy;
use crate::checks::{Judgement, Library, judge};
use crate::evidence::Why;
use std::time::Instant;

/// Generous for a debug build alongside other tests: quadratic code took 20 s to 5 min.
const LIMIT: Duration = Duration::from_secs(60);
const OWN: i64 = 1;

/// Nested or sibling processes, each with its own mount and network namespace.
struct Forgery {
    status: String,
    namespaces: String,
    cgroup: String,
    /// The records after the process table.
    records: String,
}

impl Forgery {
    fn new() -> Self {
        let mut forgery = Forgery {
            status: String::new(),
            namespaces: String::new(),
            cgroup: String::new(),
            records: String::new(),
        };
        forgery.process(OWN, 0, "sh");
        forgery
    }

    fn process(&mut self, pid: i64, parent: i64, name: &str) {
        let (net, mnt) = (4_000_000_000 + pid, 5_000_000_000 + pid);
        let _ = write!(
            self.status,
            "/proc/{pid}/status:Name:\t{name}\n/proc/{pid}/status:PPid:\t{parent}\n"
        );
        let _ = write!(self.namespaces, "{pid} net {net}\n{pid} mnt {mnt}\n");
    }

    fn container(&mut self, pid: i64, id: &str) {
        let _ = writeln!(self.cgroup, "/proc/{pid}/cgroup:0::/docker/{id}");
    }

    fn network(&mut self, pid: i64) {
        let base = format!("/proc/{pid}/root/sys/class/net/eth0");
        let route = format!(
            "/proc/{pid}/net/route:eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        );
        let file = |name: &str, value: &str| format!("{base}/{name}:{value}\n");
        let content = [
            route,
            file("mtu", "1450"),
            file("operstate", "up"),
            file("ifindex", "2"),
            file("iflink", "3"),
        ];
        self.record("net", &pid.to_string(), &content.concat());
    }

    fn record(&mut self, name: &str, key: &str, content: &str) {
        self.records.push_str(&framed(name, key, content));
    }

    fn read(&self) -> Seen {
        let stream = [
            framed("self", "-", &format!("pid {OWN}\n")),
            framed("status", "-", &self.status),
            framed("cgroup", "-", &self.cgroup),
            framed("namespaces", "-", &self.namespaces),
            self.records.clone(),
            framed("end", "-", ""),
        ];
        read(stream.concat().as_bytes())
    }
}

fn framed(name: &str, key: &str, content: &str) -> String {
    let mark = crate::untrusted::MARK;
    format!("\n{mark}> {name} {key}\n{content}\n{mark}< -\n")
}

/// Reads and judges a forgery within the limit.
fn examined(what: &str, forgery: &Forgery) -> (Seen, Judgement) {
    let begun = Instant::now();
    let seen = forgery.read();
    let read = begun.elapsed();
    let mut evidence = healthy().unwrap();
    let runner = &mut evidence.runners[0];
    runner.namespaces = seen.namespaces.clone();
    runner.engines = seen.engines.clone();
    let judgement = judge(Library::shared(), &evidence);
    let both = begun.elapsed();
    eprintln!("{what}: read in {read:.2?}, judged after {both:.2?}");
    assert!(both < LIMIT, "{what}: {read:?} and {both:?}");
    (seen, judgement)
}

fn is_unknown(judgement: &Judgement, said: &str) -> bool {
    let mut reasons = judgement.unknowns.iter().flat_map(|u| &u.reasons);
    reasons.any(|reason| reason.why() == Why::TooLarge && reason.to_string().contains(said))
}

/// Nested dockerds, ranked by the walk or, in `old` walks, found by name.
fn nested(count: i64, old: bool) -> Forgery {
    let mut forgery = Forgery::new();
    let pids = OWN + 1..=OWN + count;
    for pid in pids.clone() {
        forgery.process(pid, pid - 1, "dockerd");
        forgery.container(pid, &format!("{pid:064x}"));
    }
    if !old {
        let listed: String = pids.map(|pid| format!("{pid}\n")).collect();
        forgery.record("engines", "-", &listed);
    }
    forgery
}

#[test]
fn engines_inside_each_other_cost_what_is_kept_of_them() {
    for (count, old) in [
        (1_000, false),
        (2_000, true),
        (10_000, false),
        (10_000, true),
    ] {
        let (seen, judgement) = examined(&format!("{count} engines"), &nested(count, old));
        assert_eq!(seen.engines.seen().len(), MOST + 1);
        let more = count - MOST as i64 - 1;
        assert!(
            is_unknown(&judgement, &more.to_string()),
            "{more}: {:?}",
            judgement.unknowns.last()
        );
    }
}

#[test]
fn a_daemon_that_answers_beyond_the_bound_is_not_believed_to_be_the_last() {
    let mut forgery = nested(300, false);
    let last = OWN + 1 + MOST as i64;
    let body = r#"{"Version":"20.10.24"}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    forgery.record("api", &format!("{last} unix:///s"), &answer);
    let (seen, _) = examined("300 engines", &forgery);
    let engine = seen.engines.seen().iter().find(|e| e.pid == last).unwrap();
    let more = Reason::MoreEngines {
        more: 300 - MOST as i64 - 1,
        most: MOST as i64,
    };
    assert_eq!(engine.api.reason(), Some(&more));
}

#[test]
fn namespaces_cost_what_is_kept_of_them() {
    for count in [1_000, 12_000] {
        let mut forgery = Forgery::new();
        forgery.network(OWN);
        for pid in OWN + 1..OWN + count {
            forgery.process(pid, OWN, "sleep");
            forgery.network(pid);
        }
        let (seen, _) = examined(&format!("{count} namespaces"), &forgery);
        let all = seen.namespaces.seen();
        assert_eq!(all.len(), MOST + 1);
        let more = Reason::MoreNamespaces {
            more: count - MOST as i64 - 1,
            most: MOST as i64,
        };
        let unread: Vec<_> = all
            .iter()
            .filter(|ns| ns.interfaces.reason().is_some())
            .collect();
        assert_eq!(unread.len(), 1);
        assert_eq!(unread[0].interfaces.reason(), Some(&more));
    }
}

/// One engine with `count` containers, all running.
fn crowded(count: i64) -> Forgery {
    let mut forgery = nested(1, false);
    forgery.network(OWN);
    let engine = OWN + 1;
    forgery.network(engine);
    let mut listed = Vec::new();
    for pid in engine + 1..=engine + count {
        let id = format!("{pid:064x}");
        forgery.process(pid, engine, "sleep");
        forgery.container(pid, &id);
        listed.push(format!(
            r#"{{"Id":"{id}","Names":["/c{pid}"],"Image":"busybox:1","HostConfig":{{"NetworkMode":"default"}}}}"#
        ));
    }
    let bodies = [
        r#"{"Version":"20.10.24"}"#.to_owned(),
        r#"[{"Name":"bridge","Id":"aa","Driver":"bridge","Options":{"com.docker.network.bridge.name":"docker0"}}]"#.to_owned(),
        format!("[{}]", listed.join(",")),
        r#"{"ID":"A","Driver":"overlay2"}"#.to_owned(),
    ];
    let answers: String = bodies
        .iter()
        .map(|body| {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        })
        .collect();
    forgery.record("api", &format!("{engine} unix:///s"), &answers);
    forgery
}

/// Ten times the input takes about ten times as long; quadratic code would take a hundred times.
#[test]
fn reading_grows_with_what_there_is_to_read() {
    let fastest = |forgery: &Forgery| {
        let once = |_| {
            let begun = Instant::now();
            forgery.read();
            begun.elapsed()
        };
        (0..3).map(once).min().unwrap_or_default()
    };
    let many = |count: i64| {
        let mut forgery = crowded(2_000);
        for pid in 10_000..10_000 + count {
            forgery.process(pid, pid - 1, "dockerd");
            forgery.network(pid);
        }
        forgery
    };
    for (what, forge) in [
        (
            "engines",
            (&|count| nested(count, true)) as &dyn Fn(i64) -> Forgery,
        ),
        ("everything", &many),
    ] {
        let (few, more) = (fastest(&forge(1_000)), fastest(&forge(10_000)));
        eprintln!("{what}: {few:.2?}, ten times as much {more:.2?}");
        assert!(more < few * 70, "{what}: {few:?}, then {more:?}");
    }
}
