//! Two samples of connections: which received nothing in between, and whose command waits for it.

use super::Containers;
use super::frames::split;
use super::frames::{Frames, Record};
use super::processes::Processes;
use super::traffic::address;
use crate::evidence::{Connection, Observation, Observed, Part, Reason, Sample, WaitsFor};
use crate::text::plain::plain;
use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) const SCRIPT: &str = include_str!("sample.sh");
/// As many lines as the walk prints of one file: there may be more. In our own namespace, and in others.
const MOST_OWN_LINES: usize = 500;
const MOST_LINES: usize = 50;
/// Longer commands are truncated.
const MOST_COMMAND: usize = 60;
const MOST_WORDS: usize = 3;
/// Once more may be a lost packet; twice, and nothing was acknowledged for over half a second.
const RETRANSMITTED: i64 = 2;
/// The kernel's timer of a socket that sends again.
const RETRANSMITS: i64 = 1;
const HEADERS: i64 = 40;
/// The congestion window of a new connection (RFC 6928).
const FIRST_WINDOW: i64 = 10;

/// What both samples showed; nothing where none was asked for.
pub(super) struct Samples<'a> {
    seconds: i64,
    /// The walk's own process.
    own: Option<i64>,
    before: Half<'a>,
    after: Half<'a>,
    holders: Holders<'a>,
}

impl<'a> Samples<'a> {
    pub fn parse(frames: &'a Frames<'a>) -> Option<Self> {
        let slept = frames.get("slept", "-")?.lines().next()?;
        let slept: i64 = slept.trim().parse().ok()?;
        Some(Samples {
            seconds: slept.max(0).saturating_add(50) / 100,
            own: super::own_pid(frames),
            before: Half::parse(frames, "1"),
            after: Half::parse(frames, "2"),
            holders: Holders::parse(frames),
        })
    }

    /// Of the namespace with this number.
    pub fn of(
        &self,
        namespace: i64,
        processes: &Processes,
        containers: &Containers,
    ) -> Observation<Sample> {
        let lives = |pid: &&i64| processes.get(**pid).and_then(|p| p.net) == Some(namespace);
        let (Some(before), Some(after)) = (self.before.sockets(), self.after.sockets()) else {
            return Observation::Unobserved(Reason::CutOff {
                part: Part::Sockets,
            });
        };
        let pid = after.keys().chain(before.keys()).find(lives).copied();
        let before = pid.and_then(|pid| before.get(&pid));
        let after = pid.and_then(|pid| after.get(&pid));
        let (before, after) = (
            before.map_or(&[][..], Vec::as_slice),
            after.map_or(&[][..], Vec::as_slice),
        );
        let own = self.own.and_then(|pid| processes.get(pid)?.net);
        let most = match own == Some(namespace) {
            true => MOST_OWN_LINES,
            false => MOST_LINES,
        };
        if before.len().max(after.len()) >= most {
            return Observation::Unobserved(Reason::PartTooLarge {
                part: Part::Sockets,
            });
        }
        let counted = |name: &str| {
            let pid = pid?;
            let (before, after) = (
                self.before.counter(pid, name)?,
                self.after.counter(pid, name)?,
            );
            Some(after.saturating_sub(before))
        };
        let both = Both {
            samples: self,
            pid: pid.unwrap_or_default(),
            alone: after.iter().filter(|s| s.established).count() == 1,
            arrived: counted("InSegs"),
            bytes: counted("InOctets"),
        };
        let served: HashSet<&str> = after
            .iter()
            .filter(|s| !s.established)
            .map(|s| s.port())
            .collect();
        let connections = after.iter().filter_map(|now| {
            let then = before.iter().find(|then| then.inode == now.inode)?;
            let outgoing = now.established && now.inode != 0 && !served.contains(now.port());
            let same = then.established && then.remote == now.remote;
            (outgoing && same && !now.is_local())
                .then(|| both.connection(then, now, processes, containers))
        });
        Observed(Sample {
            seconds: self.seconds,
            connections: connections.collect(),
            out_of_order: counted("TCPOFOQueue"),
            retransmitted: counted("RetransSegs"),
        })
    }
}

/// What is known of the connections of one namespace.
struct Both<'a, 'b> {
    samples: &'b Samples<'a>,
    pid: i64,
    /// Whether there is only one.
    alone: bool,
    /// Segments and bytes that arrived between the samples, on all of them together.
    arrived: Option<i64>,
    bytes: Option<i64>,
}

impl Both<'_, '_> {
    fn connection(
        &self,
        then: &Socket,
        now: &Socket,
        processes: &Processes,
        containers: &Containers,
    ) -> Connection {
        let key = (self.pid, now.inode);
        let first = self.samples.before.details.get(&key);
        let last = self.samples.after.details.get(&key);
        let received = match (first, last) {
            (Some(first), Some(last)) => Some(last.received.saturating_sub(first.received)),
            _ if now.never_received() => Some(0),
            _ if self.arrived == Some(0) => Some(0),
            _ if self.alone => self.bytes,
            _ => None,
        };
        let holders = self.samples.holders.of(now.inode);
        let holder = holders
            .iter()
            .find(|(pid, _)| processes.get(*pid).is_some());
        let reads = holders
            .iter()
            .any(|(pid, fd)| self.samples.holders.reads(*pid, *fd));
        let unacknowledged = then.unsent > 0
            && now.unsent >= then.unsent
            && now.timer == RETRANSMITS
            && now.retransmits >= RETRANSMITTED;
        // What has arrived waits for the command, not the command for it.
        // A connection that was only opened in advance has sent nothing.
        let sent = match last {
            Some(last) => last.sent > 0,
            None => now.window > FIRST_WINDOW,
        };
        let waits = now.unread == 0 && (reads || sent && now.never_received());
        let container = holder.and_then(|(pid, _)| {
            let id = processes.get(*pid)?.container.as_deref()?;
            let (engine, name) = containers.find(id)?;
            Some(format!("{engine}/{name}"))
        });
        Connection {
            remote: now.remote.clone(),
            command: holder.and_then(|(pid, _)| {
                let told = self.samples.holders.commands.get(pid).copied();
                let name = || processes.get(*pid).map(|process| process.name.clone());
                told.and_then(command).or_else(name)
            }),
            container,
            received,
            waits_for: match unacknowledged {
                true => Some(WaitsFor::Acknowledgment),
                false => waits.then_some(WaitsFor::Data),
            },
            retransmissions: match unacknowledged {
                true => now.retransmits,
                false => 0,
            },
            // The socket holds data that cannot be read until a missing segment arrives.
            segment_missing: first.zip(last).map(|(first, last)| {
                let nothing_to_read = then.unread == 0 && now.unread == 0;
                nothing_to_read && first.held > 0 && last.held > 0
            }),
            largest_segment: last.and_then(|last| last.segment),
        }
    }
}

/// One of the two samples.
struct Half<'a> {
    /// Absent where they were not read to their end.
    sockets: Option<BTreeMap<i64, Vec<Socket<'a>>>>,
    /// The names and the numbers of each group of counters.
    counters: HashMap<(i64, &'a str), Vec<&'a str>>,
    details: HashMap<(i64, i64), Details>,
}

impl<'a> Half<'a> {
    fn parse(frames: &'a Frames<'a>, key: &str) -> Self {
        let whole = |record: &&Record| !record.cut && record.lines().any(|line| line == "# read");
        let read = frames.get("connections", key).filter(whole);
        let sockets = read.map(|record| {
            let mut sockets: BTreeMap<i64, Vec<Socket>> = BTreeMap::new();
            for (pid, _, text) in record.lines().filter_map(|line| split(line, "net/")) {
                sockets.entry(pid).or_default().extend(Socket::parse(text));
            }
            sockets
        });
        let mut counters: HashMap<_, Vec<&str>> = HashMap::new();
        let lines = frames
            .get("counters", key)
            .into_iter()
            .flat_map(Record::lines);
        for (pid, _, text) in lines.filter_map(|line| split(line, "net/")) {
            if let Some((group, numbers)) = text.split_once(':') {
                counters.entry((pid, group)).or_default().push(numbers);
            }
        }
        let details = frames
            .get("details", key)
            .into_iter()
            .flat_map(Record::lines);
        Half {
            sockets,
            counters,
            details: details.filter_map(Details::parse).collect(),
        }
    }

    fn sockets(&self) -> Option<&BTreeMap<i64, Vec<Socket<'a>>>> {
        self.sockets.as_ref()
    }

    fn counter(&self, pid: i64, name: &str) -> Option<i64> {
        ["Tcp", "TcpExt", "IpExt"].iter().find_map(|group| {
            let [names, numbers, ..] = self.counters.get(&(pid, *group))?[..] else {
                return None;
            };
            let at = names.split_whitespace().position(|known| known == name)?;
            numbers.split_whitespace().nth(at)?.parse().ok()
        })
    }
}

/// A line of /proc/PID/net/tcp or tcp6.
struct Socket<'a> {
    local: &'a str,
    far: &'a str,
    remote: String,
    established: bool,
    unsent: i64,
    unread: i64,
    timer: i64,
    retransmits: i64,
    inode: i64,
    /// The kernel's delay of acknowledgments: zero until the first data arrive in their order.
    delay: Option<i64>,
    /// The congestion window, which grows as what was sent is acknowledged; the same on some kernels.
    window: i64,
}

impl<'a> Socket<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().take(17).collect();
        let [
            _,
            local,
            far,
            state,
            queues,
            timer,
            retransmits,
            _,
            _,
            inode,
            ..,
        ] = words[..]
        else {
            return None;
        };
        let hex = |text: &str| i64::from_str_radix(text, 16).ok();
        let (unsent, unread) = queues.split_once(':')?;
        Some(Socket {
            local,
            far,
            remote: address(far)?,
            established: state == "01",
            unsent: hex(unsent)?,
            unread: hex(unread)?,
            timer: hex(timer.split_once(':')?.0)?,
            retransmits: hex(retransmits)?,
            inode: inode.parse().ok()?,
            delay: words.get(13).and_then(|word| word.parse().ok()),
            window: words
                .get(15)
                .and_then(|word| word.parse().ok())
                .unwrap_or(0),
        })
    }

    fn port(&self) -> &'a str {
        self.local.rsplit_once(':').map_or("", |(_, port)| port)
    }

    fn never_received(&self) -> bool {
        self.delay == Some(0)
    }

    /// It ends where it begins.
    fn is_local(&self) -> bool {
        let host = |text: &'a str| text.split_once(':').map(|(host, _)| host);
        let loopback = self.remote.starts_with("127.") || self.remote.starts_with("[::1]");
        loopback || host(self.local) == host(self.far)
    }
}

/// A connection as `ss` prints it.
struct Details {
    received: i64,
    sent: i64,
    /// The memory of what has arrived, read or not.
    held: i64,
    segment: Option<i64>,
}

impl Details {
    fn parse(line: &str) -> Option<((i64, i64), Details)> {
        let (pid, rest) = line.split_once(' ')?;
        let number = |name: &str| {
            let mut words = rest.split_whitespace();
            let value = words.find_map(|word| word.strip_prefix(name)?.strip_prefix(':'))?;
            value.parse::<i64>().ok()
        };
        // Without it, this `ss` knows nothing beyond /proc; what is zero it leaves out.
        number("cwnd")?;
        let memory = rest
            .split_once("skmem:(r")
            .and_then(|(_, rest)| rest.split_once(','));
        let details = Details {
            received: number("bytes_received").unwrap_or(0),
            sent: number("bytes_sent").unwrap_or(0),
            held: memory.and_then(|(held, _)| held.parse().ok()).unwrap_or(0),
            segment: number("rcvmss").map(|size| size.saturating_add(HEADERS)),
        };
        Some(((pid.parse().ok()?, number("ino")?), details))
    }
}

/// Who holds which sockets, and what their threads wait for.
#[derive(Default)]
struct Holders<'a> {
    by_inode: HashMap<i64, Vec<(i64, i64)>>,
    /// How many of the connections a process holds.
    held: HashMap<i64, usize>,
    commands: HashMap<i64, &'a str>,
    /// The system calls of its threads, with their first arguments.
    calls: HashMap<i64, Vec<[i64; 3]>>,
    machine: &'a str,
}

impl<'a> Holders<'a> {
    fn parse(frames: &'a Frames<'a>) -> Self {
        let mut holders = Holders::default();
        let mut pid = 0;
        for line in frames
            .get("holders", "-")
            .into_iter()
            .flat_map(Record::lines)
        {
            match line
                .strip_prefix("= ")
                .map(|rest| rest.split_once(" socket:["))
            {
                Some(Some((fd, inode))) => {
                    let inode = inode.trim_end_matches(']').parse();
                    if let (Ok(fd), Ok(inode)) = (fd.parse(), inode) {
                        let all: &mut Vec<(i64, i64)> = holders.by_inode.entry(inode).or_default();
                        if !all.contains(&(pid, fd)) {
                            all.push((pid, fd));
                            *holders.held.entry(pid).or_default() += 1;
                        }
                    }
                }
                Some(None) => {}
                None => pid = line.parse().unwrap_or(0),
            }
        }
        for line in frames.get("waits", "-").into_iter().flat_map(Record::lines) {
            let mut words = line.splitn(3, ' ');
            let (what, first, rest) = (words.next(), words.next(), words.next());
            match (what, first, rest) {
                (Some("machine"), Some(machine), _) => holders.machine = machine,
                (Some("command"), Some(pid), Some(rest)) => {
                    if let Ok(pid) = pid.parse() {
                        holders.commands.entry(pid).or_insert(rest);
                    }
                }
                (Some("waits"), Some(pid), Some(rest)) => {
                    if let (Ok(pid), Some(call)) = (pid.parse(), call(rest)) {
                        holders.calls.entry(pid).or_default().push(call);
                    }
                }
                _ => {}
            }
        }
        holders
    }

    fn of(&self, inode: i64) -> &[(i64, i64)] {
        self.by_inode.get(&inode).map_or(&[], Vec::as_slice)
    }

    /// Whether a thread of a process waits to read from a file, and from no other. One that waits for
    /// one of several files may leave a connection idle.
    fn reads(&self, pid: i64, fd: i64) -> bool {
        let (reading, polling): (&[i64], &[i64]) = match self.machine {
            // read, readv, recvfrom, recvmsg; poll, ppoll
            "x86_64" => (&[0, 19, 45, 47], &[7, 271]),
            "aarch64" => (&[63, 65, 207, 212], &[73]),
            _ => return false,
        };
        let alone = self.held.get(&pid) == Some(&1);
        let mut calls = self.calls.get(&pid).into_iter().flatten();
        calls.any(|[call, first, second]| {
            reading.contains(call) && *first == fd
                || alone && polling.contains(call) && *second == 1
        })
    }
}

/// `7 0x7ffeb3277fb0 0x1 0x3e8`: a system call and its arguments.
fn call(text: &str) -> Option<[i64; 3]> {
    let mut words = text.split_whitespace();
    let call = words.next()?.parse().ok()?;
    let mut argument = || {
        let digits = words.next()?.strip_prefix("0x")?;
        // An address may be larger than what a number holds here; it is no file.
        Some(i64::from_str_radix(digits, 16).unwrap_or(-1))
    };
    Some([call, argument()?, argument()?])
}

/// The program and what follows up to its first option, which may have a secret as its value.
fn command(line: &str) -> Option<String> {
    let line = plain(line);
    let mut words = line.split_whitespace();
    let program = words.next()?;
    let program = program.rsplit('/').next().filter(|name| !name.is_empty())?;
    let plain_word = |word: &&str| !word.starts_with('-') && !word.contains(['=', '@', ':', '?']);
    let named: Vec<&str> = [program]
        .into_iter()
        .chain(words.take_while(plain_word))
        .take(MOST_WORDS)
        .collect();
    Some(named.join(" ").chars().take(MOST_COMMAND).collect())
}

#[cfg(test)]
mod tests;
