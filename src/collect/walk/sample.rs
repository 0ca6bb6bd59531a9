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
mod tests {
    use super::*;
    use crate::evidence::Why;

    /// Three processes of one namespace: 50 hangs after some data, 51 moves, 52 keeps an idle connection.
    const SOCKETS: &str = "\
/proc/7/net/tcp:   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 9 1 0 100 0 0 10 0
/proc/7/net/tcp:   1: 030011AC:89F0 020012C6:0050 01 00000000:00000000 00:00000000 00000000 0 0 100 1 0 20 4 30 11 -1
/proc/7/net/tcp:   2: 030011AC:89F1 020012C6:01BB 01 00000000:00000000 00:00000000 00000000 0 0 101 1 0 20 4 30 11 -1
/proc/7/net/tcp:   3: 030011AC:89F2 020012C6:01BB 01 00000000:00000000 00:00000000 00000000 0 0 102 1 0 20 4 30 11 -1
/proc/7/net/tcp:   4: 030011AC:89F3 020012C6:01BB 01 00000000:00000000 00:00000000 00000000 0 0 103 1 0 20 0 30 11 -1
/proc/7/net/tcp:   5: 030011AC:0016 020012C6:89F1 01 00000000:00000000 00:00000000 00000000 0 0 104 1 0 20 0 30 11 -1
/proc/7/net/tcp:   6: 0100007F:89F4 0100007F:01BB 01 00000000:00000000 00:00000000 00000000 0 0 105 1 0 20 0 30 11 -1
/proc/7/net/tcp:   7: 030011AC:89F5 020012C6:01BB 01 00003000:00000000 01:00000014 00000004 0 0 106 2 0 20 0 0 1 280
# read
";

    fn sample(sockets: &str, details: [&str; 2], segments: i64) -> Observation<Sample> {
        let half = |key: &str, details: &str, arrived: i64| {
            format!(
                "\nM> counters {key}\n/proc/7/net/snmp:Tcp: InSegs RetransSegs\n/proc/7/net/snmp:Tcp: {arrived} 4\n\
/proc/7/net/netstat:TcpExt: X TCPOFOQueue\n/proc/7/net/netstat:TcpExt: 1 {key}\n\
/proc/7/net/netstat:IpExt: InOctets\n/proc/7/net/netstat:IpExt: {}\n# read\n\nM< -\n\
\nM> connections {key}\n{sockets}\nM< -\n\nM> details {key}\n{details}\n\nM< -\n",
                arrived * 60
            )
        };
        let stream = format!(
            "\nM> self -\npid 1\n\nM< -\n\nM> status -\n/proc/7/status:Name: sh\n/proc/50/status:Name: wget\n/proc/51/status:Name: curl\n/proc/52/status:Name: node\n\nM< -\n\
\nM> namespaces -\n7 net 1\n50 net 1\n51 net 1\n52 net 1\n\nM< -\n{}\nM> slept -\n1003\nM< -\n{}\
\nM> holders -\n50\n= 3 socket:[100]\n51\n= 3 socket:[101]\n52\n= 20 socket:[102]\n= 21 socket:[103]\n= 22 socket:[106]\n\nM< -\n\
\nM> waits -\nmachine x86_64\ncommand 50 /usr/bin/wget -q --header=Token:s3cr3t http://x/\nwaits 50 7 0x7ffeb3277fb0 0x1 0x3e8\n\
command 51 curl https://user:pass@x/\nwaits 51 0 0x3 0x7ffe 0x400\ncommand 52 npm ci\nwaits 52 232 0xd 0x7ffe 0x400\n\nM< -\n",
            half("1", details[0], 100),
            half("2", details[1], 100 + segments),
        );
        let frames = Frames::parse(stream.as_bytes(), "M");
        let processes = Processes::parse(&frames, false);
        Samples::parse(&frames)
            .unwrap()
            .of(1, &processes, &Containers::of(&[]))
    }

    const SS: [&str; 2] = [
        "7 0 0 a b ino:100 sk:1 cubic cwnd:10 bytes_received:200 rcvmss:536 skmem:(r768,rb131072,t0)\n7 0 0 a b ino:101 cwnd:10 bytes_received:1000\n7 0 0 a b ino:102 cwnd:10 bytes_received:7",
        "7 0 0 a b ino:100 sk:1 cubic cwnd:10 bytes_received:200 rcvmss:536 skmem:(r768,rb131072,t0)\n7 0 0 a b ino:101 cwnd:10 bytes_received:5000\n7 0 0 a b ino:102 cwnd:10 bytes_received:7",
    ];

    #[test]
    fn who_waits_is_told_from_who_is_idle() {
        let sample = sample(SOCKETS, SS, 5);
        let sample = sample.observed().unwrap();
        assert_eq!((sample.seconds, sample.out_of_order), (10, Some(1)));
        let told: Vec<_> = sample
            .connections
            .iter()
            .map(|c| {
                let command = c.command.as_deref().unwrap_or_default();
                (command, c.remote.as_str(), c.received, c.waits_for)
            })
            .collect();
        let (data, sent) = (Some(WaitsFor::Data), Some(WaitsFor::Acknowledgment));
        assert_eq!(
            told,
            [
                ("wget", "198.18.0.2:80", Some(0), data),
                // It moves, whatever it waits for at this moment.
                ("curl", "198.18.0.2:443", Some(4000), data),
                ("npm ci", "198.18.0.2:443", Some(0), None),
                // Nothing has ever arrived on this one.
                ("npm ci", "198.18.0.2:443", Some(0), data),
                ("npm ci", "198.18.0.2:443", Some(0), sent),
            ]
        );
        assert_eq!(sample.connections[0].segment_missing, Some(true));
        assert_eq!(sample.connections[1].segment_missing, Some(false));
        assert_eq!(sample.connections[0].largest_segment, Some(576));
        assert_eq!(sample.connections[4].retransmissions, 4);
    }

    #[test]
    fn without_ss_the_counters_of_the_namespace_tell_only_that_nothing_arrived() {
        let received = |segments| {
            let sample = sample(SOCKETS, ["", ""], segments);
            let all = sample.observed().unwrap().connections.clone();
            all.iter().map(|c| c.received).collect::<Vec<_>>()
        };
        assert_eq!(received(0), [Some(0); 5]);
        let opened = SOCKETS.replace("20 0 30 11 -1", "20 0 0 10 -1");
        let opened = sample(&opened, ["", ""], 0);
        assert_eq!(opened.observed().unwrap().connections[3].waits_for, None);
        assert_eq!(received(3), [None, None, None, Some(0), Some(0)]);
        // The only connection of its namespace.
        let alone: Vec<&str> = SOCKETS
            .lines()
            .filter(|l| l.contains(" 100 1 ") || l.starts_with('#'))
            .collect();
        let one = sample(&alone.join("\n"), ["", ""], 3);
        assert_eq!(one.observed().unwrap().connections[0].received, Some(180));
    }

    #[test]
    fn what_was_cut_off_is_unknown() {
        let cut = SOCKETS.replace("# read", "");
        assert_eq!(
            sample(&cut, ["", ""], 0).reason().map(Reason::why),
            Some(Why::Unreadable)
        );
        let line = SOCKETS.lines().nth(1).unwrap();
        let many = [&[line; 60][..], &["# read"]].concat().join("\n");
        assert_eq!(
            sample(&many, ["", ""], 0).reason().map(Reason::why),
            Some(Why::TooLarge)
        );
    }

    /// The process of this test, with a thread that reads a connection on which nothing comes.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_script_finds_who_reads_in_the_shells_of_this_machine() {
        use super::super::tests::shells;
        use std::io::{Read, Write};
        use std::net::{TcpListener, TcpStream};
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::MetadataExt;
        use std::process::Command;

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        stream.write_all(b"request").unwrap();
        let (pid, fd) = (std::process::id(), stream.as_raw_fd());
        let inode = std::fs::metadata(format!("/proc/{pid}/fd/{fd}"))
            .unwrap()
            .ino();
        let reader = std::thread::spawn(move || stream.read(&mut [0; 9]));
        let scripts = [include_str!("walk.sh"), SCRIPT].map(super::super::without_comments);
        let run = format!(
            "mark=M step=2 bytes=999999 room=9999999 reserve=0 bound=1 crowd=9 seconds=1 own={pid} leaders={pid}; now; ends=$((now + 900)); take_samples"
        );
        for shell in shells() {
            let script = format!("{}\n{run}", scripts.concat());
            let printed = Command::new(shell[0])
                .args(&shell[1..])
                .args(["-c", &script])
                .output();
            let printed = printed.unwrap().stdout;
            let frames = Frames::parse(&printed, "M");
            let said = String::from_utf8_lossy(&printed);
            let samples = Samples::parse(&frames).unwrap_or_else(|| panic!("{shell:?}: {said}"));
            let (pid, inode) = (i64::from(pid), i64::try_from(inode).unwrap());
            assert_eq!(samples.seconds, 1, "{shell:?}");
            let sockets = samples
                .after
                .sockets()
                .unwrap_or_else(|| panic!("{shell:?}: {said}"));
            let socket = sockets[&pid].iter().find(|socket| socket.inode == inode);
            let socket = socket.unwrap_or_else(|| panic!("{shell:?}: {said}"));
            assert!(
                socket.established && socket.never_received(),
                "{shell:?}: {said}"
            );
            assert!(
                samples.after.counter(pid, "TCPOFOQueue").is_some(),
                "{shell:?}"
            );
            assert_eq!(
                samples.holders.of(inode),
                [(pid, i64::from(fd))],
                "{shell:?}: {said}"
            );
            assert!(
                samples.holders.reads(pid, i64::from(fd)),
                "{shell:?}: {said}"
            );
            assert!(samples.holders.commands.contains_key(&pid), "{shell:?}");
        }
        other.write_all(b"response").unwrap();
        reader.join().unwrap().unwrap();
    }

    #[test]
    fn commands_are_cut_before_their_options() {
        for (line, expected) in [
            ("apk add --no-cache curl ", "apk add"),
            ("/usr/bin/git clone https://u:p@x/y ", "git clone"),
            ("curl -u me:s3cr3t http://x ", "curl"),
            (
                "python3 /usr/bin/pip install requests ",
                "python3 /usr/bin/pip install",
            ),
            ("env TOKEN=abc x ", "env"),
        ] {
            assert_eq!(command(line).as_deref(), Some(expected));
        }
        assert_eq!(command(" "), None);
    }
}
