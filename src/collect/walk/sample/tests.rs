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
    let scripts = [include_str!("../walk.sh"), SCRIPT].map(super::super::without_comments);
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
