//! What is kept, how much of it, and what is due.

use super::recording::{Recording, with_end};
use super::ring::{Kept, Ring};
use crate::checks::case::healthy;
use crate::diagnosis::Verdict;
use crate::evidence::Observation;
use jiff::Timestamp;

fn kept(name: &str) -> Kept {
    let recording = Recording::new(&healthy().unwrap()).unwrap();
    Kept {
        name: name.to_owned(),
        namespace: "ci".to_owned(),
        pod: name.to_owned(),
        node: None,
        ended_at: Timestamp::UNIX_EPOCH,
        examined_at: None,
        ended_badly: Vec::new(),
        errors: Vec::new(),
        verdict: Verdict::Failing,
        bytes: recording.bytes,
        recording,
    }
}

fn names(ring: &Ring) -> String {
    let names: Vec<&str> = ring.iter().map(|kept| kept.name.as_str()).collect();
    names.join(" ")
}

#[test]
fn the_newest_are_kept_and_what_was_dropped_is_counted() {
    let mut ring = Ring::new(2, usize::MAX);
    for name in ["a", "b", "c"] {
        ring.push(kept(name), 0);
    }
    assert_eq!((names(&ring).as_str(), ring.dropped), ("b c", 1));
    assert!(ring.get("a").is_none() && ring.get("c").is_some());
}

#[test]
fn bytes_bound_what_is_kept_together_with_current_runners() {
    let size = kept("a").recording.size();
    let mut ring = Ring::new(100, 3 * size);
    for name in ["a", "b", "c"] {
        ring.push(kept(name), 0);
    }
    assert_eq!((names(&ring).as_str(), ring.bytes()), ("a b c", 3 * size));
    ring.push(kept("d"), size);
    assert_eq!((names(&ring).as_str(), ring.bytes()), ("c d", 2 * size));
    assert!(ring.make_room(2 * size));
    assert_eq!(names(&ring), "d");
    assert!(!ring.make_room(3 * size + 1), "it does not fit alone");
    assert_eq!(
        (names(&ring).as_str(), ring.bytes(), ring.dropped),
        ("", 0, 4)
    );
}

#[test]
fn a_recording_is_small_and_comes_back() {
    let evidence = healthy().unwrap();
    let recording = Recording::new(&evidence).unwrap();
    assert!(recording.size() < 16 << 10, "{}", recording.size());
    assert_eq!(recording.evidence().unwrap(), evidence);
}

#[test]
fn the_end_of_a_pod_is_added_to_what_was_last_seen_of_its_engines() {
    let before = healthy().unwrap();
    let mut end = before.runners[0].clone();
    end.engines = Observation::Unobserved(crate::evidence::Reason::NotWalked);
    end.phase = "Failed".to_owned();
    end.containers[0].state.phase = "terminated".to_owned();
    end.containers[0].state.exit_code = Some(3);
    let both = with_end(Some(before.clone()), end.clone());
    let runner = &both.runners[0];
    assert_eq!(runner.engines, before.runners[0].engines);
    assert_eq!(
        (runner.phase.as_str(), runner.containers[0].state.exit_code),
        ("Failed", Some(3))
    );
    assert_eq!(with_end(None, end.clone()).runners, [end]);
}
