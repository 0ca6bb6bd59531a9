//! Packet counters of each network namespace (/proc/PID/net/snmp).

use super::frames::{Frames, Record, split};
use crate::evidence::{Observation, Observed, Part, Reason};
use std::collections::HashMap;

/// IP counters from /proc/PID/net/snmp of each namespace, by process.
pub struct Counters {
    /// Packets dropped because they were too large: counted at the start and at the end of the walk,
    /// and after the downloads.
    dropped: [HashMap<i64, i64>; 3],
    /// net.ipv4.ip_forward as 1 or 2 (RFC 1213's ipForwarding): unlike /proc/sys, the file shows
    /// another process' namespace.
    forwarding: HashMap<i64, i64>,
}

impl Counters {
    pub fn parse(frames: &Frames) -> Self {
        Counters {
            dropped: ["net", "again", "after"].map(|record| field(frames, record, "FragFails")),
            forwarding: field(frames, "net", "Forwarding"),
        }
    }

    pub fn dropped_before(&self, pid: i64) -> Observation<i64> {
        known(&self.dropped[0], pid)
    }

    pub fn dropped_again(&self, pid: i64) -> Observation<i64> {
        known(&self.dropped[1], pid)
    }

    pub fn dropped_after(&self, pid: i64) -> Observation<i64> {
        known(&self.dropped[2], pid)
    }

    pub fn ip_forward(&self, pid: i64) -> Observation<bool> {
        known(&self.forwarding, pid).map(|value| value == 1)
    }
}

fn known(counters: &HashMap<i64, i64>, pid: i64) -> Observation<i64> {
    match counters.get(&pid) {
        Some(count) => Observed(*count),
        None => Observation::Unobserved(Reason::Unreadable {
            part: Part::PacketCounters,
        }),
    }
}

/// One field of every /proc/PID/net/snmp in a record, from its two `Ip:` lines (names and values).
fn field(frames: &Frames, record: &str, field: &str) -> HashMap<i64, i64> {
    let mut names: HashMap<i64, &str> = HashMap::new();
    let mut numbers = HashMap::new();
    let lines = frames.named(record).flat_map(Record::lines);
    for (pid, file, text) in lines.filter_map(|line| split(line, "net/")) {
        let Some(text) = text.strip_prefix("Ip:").filter(|_| file == "snmp") else {
            continue;
        };
        let Some(names) = names.get(&pid) else {
            names.insert(pid, text);
            continue;
        };
        let at = names.split_whitespace().position(|name| name == field);
        let number = at.and_then(|at| text.split_whitespace().nth(at)?.parse().ok());
        if let Some(number) = number {
            numbers.entry(pid).or_insert(number);
        }
    }
    numbers
}
