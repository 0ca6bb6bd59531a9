//! The walk's output from real shells on the lab, whole and damaged, and from this machine's shells.

use super::*;
use crate::evidence::{Layer, Unseen, Why};
use proptest::prelude::*;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What dash, bash and busybox printed under the article's engine, with a nested one and a build.
const CAPTURES: [(&str, &[u8]); 3] = [
    (
        "dash",
        include_bytes!("../../../tests/recordings/walks/dash.txt"),
    ),
    (
        "bash",
        include_bytes!("../../../tests/recordings/walks/bash.txt"),
    ),
    (
        "ash",
        include_bytes!("../../../tests/recordings/walks/ash.txt"),
    ),
];

fn orders() -> Orders {
    Orders {
        step: Duration::from_secs(2),
        whole: Duration::from_secs(10),
        await_nested: None,
        grace: Duration::from_secs(60),
        confirm: None,
        sample: None,
        probes: Vec::new(),
    }
}

pub(super) fn read(stream: &[u8]) -> Seen {
    let walk = Walk::recorded(crate::untrusted::MARK, None);
    let walked = Walked {
        name: "docker-in-docker".to_owned(),
        image: "docker:20.10.5-dind".to_owned(),
        other_engine: None,
    };
    walk.read_pod(stream, &walked)
}

#[test]
fn every_shell_sees_the_same_tower() {
    for (shell, stream) in CAPTURES {
        let seen = read(stream);
        let paths: Vec<&str> = seen
            .engines
            .seen()
            .iter()
            .map(|e| e.path.as_str())
            .collect();
        assert_eq!(
            paths,
            ["docker-in-docker", "docker-in-docker/bb_docker"],
            "{shell}"
        );
        for engine in seen.engines.seen() {
            assert!(engine.api.observed().is_some(), "{shell} {}", engine.path);
        }
        let build = seen
            .namespaces
            .seen()
            .iter()
            .find(|ns| ns.holders == ["docker-in-docker/bb_docker/build"]);
        let build = build.unwrap_or_else(|| panic!("{shell}: no build container"));
        assert_eq!(
            build.interface("eth0").map(|eth0| eth0.mtu),
            Some(1500),
            "{shell}"
        );
        let pods: Vec<_> = seen
            .namespaces
            .seen()
            .iter()
            .filter(|ns| ns.parent.is_none())
            .collect();
        assert_eq!(pods.len(), 1, "{shell}");
        assert_eq!(
            pods[0].interface("eth0").map(|eth0| eth0.mtu),
            Some(1450),
            "{shell}"
        );
    }
}

#[test]
fn a_whole_capture_reads_as_this() {
    let seen = read(CAPTURES[0].1);
    insta::assert_yaml_snapshot!((seen.namespaces, seen.engines));
}

#[test]
fn busybox_does_not_tell_the_mtu_of_routes() {
    let route = |stream| {
        let seen = read(stream);
        let pod = seen
            .namespaces
            .seen()
            .iter()
            .find(|ns| ns.parent.is_none())
            .cloned();
        pod.and_then(|pod| pod.route_v4.observed().cloned().flatten())
            .unwrap()
    };
    assert_eq!(route(CAPTURES[0].1).mtu, Observed(None));
    assert!(route(CAPTURES[2].1).mtu.reason().is_some());
}

#[test]
fn what_a_cut_walk_did_not_reach_is_unobserved() {
    let stream = CAPTURES[0].1;
    let whole = read(stream);
    for cut in (0..stream.len() - 20).step_by(97) {
        let seen = read(&stream[..cut]);
        for engine in seen.engines.seen() {
            let same = whole.engines.seen().iter().find(|e| e.pid == engine.pid);
            match (&engine.api, same.map(|e| &e.api)) {
                (Observed(api), Some(Observed(full))) => assert_eq!(api.version, full.version),
                (Unseen(reason), _) => {
                    assert_ne!(reason.why(), Why::NotRunning, "cut at {cut}: {reason}")
                }
                (api, _) => panic!("cut at {cut}: {api:?}"),
            }
        }
    }
}

/// The part cut off may be the process of an inner engine.
#[test]
fn processes_that_were_cut_lose_no_engine_in_silence() {
    let stream = CAPTURES[0].1;
    let mark = crate::untrusted::MARK;
    let place = |of: &str, from: usize| {
        let mut rest = stream[from..].windows(of.len());
        from + rest.position(|bytes| bytes == of.as_bytes()).unwrap()
    };
    let begin = place(&format!("{mark}> status -\n"), 0);
    let end = place(&format!("{mark}< "), begin);
    let bound = format!("\n{mark}! 4194304\n");
    let seen = read(
        &[
            &stream[..begin.midpoint(end)],
            bound.as_bytes(),
            &stream[end..],
        ]
        .concat(),
    );
    assert!(seen.engines.reason().is_some() && seen.namespaces.reason().is_some());
}

proptest! {
    #[test]
    fn no_damage_panics(at in 0..CAPTURES[0].1.len(), noise in proptest::collection::vec(any::<u8>(), 1..80)) {
        let mut stream = CAPTURES[0].1.to_vec();
        let end = (at + noise.len()).min(stream.len());
        stream.splice(at..end, noise);
        let _ = read(&stream);
    }

    #[test]
    fn swapped_lines_do_not_panic(a in 0usize..400, b in 0usize..400) {
        let mut lines: Vec<&[u8]> = CAPTURES[0].1.split_inclusive(|byte| *byte == b'\n').collect();
        let (a, b) = (a % lines.len(), b % lines.len());
        lines.swap(a, b);
        let _ = read(&lines.concat());
    }
}

/// Runs the real script as runner-doctor does.
#[cfg(target_os = "linux")]
fn run_here(shell: &[&str], mode: &Mode) -> (Walk, Vec<u8>) {
    let walk = Walk::new(mode, &orders());
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .args(&walk.command()[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    // Held open: its end would signal the walk that its reader is gone.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(walk.script.as_bytes()).unwrap();
    let mut printed = Vec::new();
    std::io::Read::read_to_end(&mut child.stdout.take().unwrap(), &mut printed).unwrap();
    child.wait().unwrap();
    (walk, printed)
}

/// The shells that the script supports; this machine must have all of them.
#[cfg(target_os = "linux")]
pub(super) fn shells() -> [Vec<&'static str>; 3] {
    let shells = [vec!["dash"], vec!["bash"], vec!["busybox", "ash"]];
    for shell in &shells {
        let mut probe = Command::new(shell[0]);
        let ended = probe.args(&shell[1..]).args(["-c", "true"]).status();
        let runs = ended.is_ok_and(|status| status.success());
        assert!(runs, "no {shell:?}: install it (CONTRIBUTING.md)");
    }
    shells
}

#[cfg(target_os = "linux")]
#[test]
fn the_script_runs_in_the_shells_of_this_machine() {
    for shell in shells() {
        let (walk, printed) = run_here(&shell, &Mode::Node);
        let frames = Frames::parse(&printed, &walk.mark);
        assert!(
            frames.complete,
            "{shell:?}: {}",
            String::from_utf8_lossy(&printed)
        );
        let docker = walk.read_node(&printed).unwrap().docker_bridge;
        assert!(
            docker.observed().is_some(),
            "{shell:?}: its own interfaces are seen"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_walk_ends_when_nobody_listens() {
    for shell in shells() {
        let walk = Walk::new(&Mode::Pod, &orders());
        // A walk that would run for long: every query is a sleep.
        let script = walk.script.replace(
            "\tread_processes\n",
            "\tcount=0; while [ $count -lt 30 ]; do sleep 1; count=$((count + 1)); done\n",
        );
        assert_ne!(script, walk.script);
        let command = format!("eval \"$(head -c {})\"", script.len());
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", &command])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(script.as_bytes()).unwrap();
        drop(stdin);
        let begun = std::time::Instant::now();
        let status = child.wait().unwrap();
        assert!(!status.success(), "{shell:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{shell:?} went on"
        );
    }
}

/// Only the relevant parts: a walk of this machine would query every engine on it.
#[cfg(target_os = "linux")]
#[test]
fn commands_of_checks_run_in_the_shells_of_this_machine() {
    let ask = |check: &str, command: &str| Probe {
        check: check.to_owned(),
        layer: Layer::Pod,
        command: command.to_owned(),
    };
    let mut orders = orders();
    orders.probes = vec![
        ask("quotes", "printf '%s' \"it's $pid; $root\"\necho"),
        ask("fails", "echo said; false"),
        ask("hangs", "sleep 60"),
        ask("floods", "yes"),
    ];
    let walk = Walk::new(&Mode::Pod, &orders);
    let (functions, _) = walk.script.trim_end().rsplit_once('\n').unwrap();
    let script = format!(
        "{functions}\nmark=M step=1 bytes=65536 room=999999 reserve=0 ends=99999999999; exec 3<&0 </dev/null; guard & guard=$!; ask_in pod - $$; finish; open_record end -; close_record 0"
    );
    for shell in shells() {
        let mut run = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Held open: its end would end the walk.
        let _stdin = run.stdin.take();
        let run = run.wait_with_output().unwrap();
        let frames = Frames::parse(&run.stdout, "M");
        let none = Containers::of(&[]);
        let said = probed::read(&frames, &orders.probes, &Processes::default(), &[], &none);
        assert_eq!(said.len(), 4, "{shell:?}");
        let output = said[0].output.observed().unwrap();
        assert!(
            output.starts_with("it's ") && output.contains("; /proc/"),
            "{shell:?}: {output}"
        );
        let why = |at: usize| said[at].output.reason().map(Reason::why);
        assert_eq!(why(1), Some(Why::Unreadable), "{shell:?}");
        assert_eq!(why(2), Some(Why::TimedOut), "{shell:?}");
        assert_eq!(why(3), Some(Why::TooLarge), "{shell:?}");
    }
}

#[test]
fn a_sample_that_was_asked_for_and_did_not_come_is_unknown() {
    let mut orders = orders();
    let walked = Walked {
        name: "docker-in-docker".to_owned(),
        image: String::new(),
        other_engine: None,
    };
    for asked in [None, Some(Duration::from_secs(5))] {
        orders.sample = asked;
        let walk = Walk::new(&Mode::Pod, &orders);
        let stream = String::from_utf8_lossy(CAPTURES[0].1);
        let stream = stream.replace(crate::untrusted::MARK, walk.mark());
        let seen = walk.read_pod(stream.as_bytes(), &walked);
        for namespace in seen.namespaces.seen() {
            let unknown = namespace
                .sample
                .as_ref()
                .map(|sample| sample.reason().is_some());
            assert_eq!(unknown, asked.map(|_| true));
        }
    }
}

#[test]
fn a_cut_script_runs_nothing() {
    let walk = Walk::new(&Mode::Pod, &orders());
    let calls = walk.script.lines().filter(|line| line.starts_with("walk "));
    assert_eq!(calls.count(), 1, "it is called once");
    assert!(
        walk.script
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("walk "))
    );
    let outside = walk
        .script
        .lines()
        .filter(|l| !l.starts_with(['\t', '}', ' ']) && !l.is_empty());
    for line in outside.filter(|line| !line.starts_with("walk ")) {
        let defines = line.contains("() {") || line == "'";
        assert!(defines, "runs before the whole script came: {line}");
    }
}

#[test]
fn a_forged_packet_counter_breaks_nothing() {
    let (lowest, highest) = (Observed(i64::MIN), Observed(i64::MAX));
    assert_eq!(difference(&lowest, &highest).observed(), Some(&i64::MAX));
    assert_eq!(difference(&highest, &lowest).observed(), Some(&i64::MIN));
}
