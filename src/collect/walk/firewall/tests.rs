//! Rules as Docker writes them, and what others do to them.

use super::*;
use proptest::prelude::*;

/// What Docker 20.10 writes for docker0.
const DOCKER: &str = "\
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
";

fn of(policy: &str, rules: &str) -> Vec<Firewall> {
    let text = format!("# from iptables-save\n*filter\n:FORWARD {policy} [0:0]\n{rules}# read\n");
    read(&text)
}

fn record(text: &str) -> Record<'_> {
    Record {
        name: "clamps",
        key: "1",
        content: text.as_bytes(),
        status: None,
        cut: false,
    }
}

fn read(text: &str) -> Vec<Firewall> {
    let networks = Networks {
        from: vec![("docker0", "172.17.0.0/16".parse().ok())],
        way_out: Some("eth0"),
        name_server: "10.96.0.10".parse().ok(),
        own: Some(vec!["10.42.1.7".parse().unwrap()]),
    };
    super::read(&record(text), None)
        .unwrap()
        .firewalls(&networks)
}

fn drops(policy: &str, rules: &str) -> bool {
    let firewall = &of(policy, rules)[0];
    !(firewall.drops_from.is_empty() && firewall.drops_by_rule.is_empty())
}

#[test]
fn what_docker_writes_lets_its_networks_out() {
    assert!(!drops("DROP", DOCKER));
    assert_eq!(of("DROP", DOCKER)[0].rules, 11);
    let docker_28 = "\
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-BRIDGE -o docker0 -j DOCKER
";
    assert!(!drops("DROP", docker_28));
}

#[test]
fn without_those_rules_a_policy_of_drop_cuts_off() {
    assert!(drops("DROP", ""));
    assert!(!drops("ACCEPT", ""));
    let user = "-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -j RETURN\n";
    assert!(drops("DROP", user));
    let other = "-A FORWARD -i docker1 ! -o docker1 -j ACCEPT\n";
    assert!(drops("DROP", other));
    let answers = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
    assert!(drops("DROP", answers));
}

#[test]
fn a_rule_before_docker_s_cuts_off_too() {
    let all = |first: &str| format!("{first}\n{DOCKER}");
    assert!(drops("ACCEPT", &all("-A FORWARD -i docker0 -j DROP")));
    assert!(drops(
        "ACCEPT",
        "-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n"
    ));
    let logged = "-A FORWARD -j LOG --log-prefix \"-j ACCEPT \"\n-A FORWARD -j DROP\n";
    assert!(drops("ACCEPT", &all(logged)));
    assert!(!drops(
        "ACCEPT",
        &all("-A FORWARD -i docker0 -o docker0 -j DROP")
    ));
    assert!(!drops(
        "ACCEPT",
        &all("-A FORWARD -i docker0 -p udp -j DROP")
    ));
    assert!(!drops(
        "ACCEPT",
        &all("-A FORWARD -i docker0 -m length --length 1401:65535 -j DROP")
    ));
}

#[test]
fn connections_of_the_namespace_itself_pass_output_and_input() {
    let own = |rules: &str| {
        let text = format!("# from iptables-save\n*filter\n{rules}# read\n");
        let own = read(&text).remove(0).own.unwrap();
        let blocks = own.blocks.iter();
        let blocks =
            blocks.map(|block| format!("{} {}", block.chain, block.packets.as_deref().unwrap()));
        let unclear = own.unclear.then(|| "unclear".to_owned());
        blocks.chain(unclear).collect::<Vec<_>>().join(", ")
    };
    let dropping = ":INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n";
    for (rules, expected) in [
        (
            String::from(":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"),
            "",
        ),
        (
            format!("{dropping}-A OUTPUT -p tcp -j ACCEPT\n"),
            "OUTPUT UDP port 53",
        ),
        (
            format!("{dropping}-A OUTPUT -m owner --uid-owner 0 -j ACCEPT\n"),
            "unclear",
        ),
        (
            String::from(":INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n"),
            "INPUT responses",
        ),
        (
            String::from(
                ":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
            ),
            "",
        ),
        // What kubelet adds on a node, and what comes back from a container.
        (
            String::from(
                ":OUTPUT ACCEPT [0:0]\n-A OUTPUT ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n",
            ),
            "",
        ),
        (
            String::from(":OUTPUT ACCEPT [0:0]\n-A OUTPUT -o docker0 -j DROP\n"),
            "",
        ),
    ] {
        assert_eq!(own(&rules), expected, "{rules}");
    }
}

#[test]
fn nat_needs_tracking_and_an_address_of_the_namespace() {
    let nat = |rules: &str| {
        let text = format!("# from iptables-save\n{rules}# read\n");
        let firewall = read(&text).remove(0);
        let marked = !firewall.marks_from.is_empty();
        let nat = firewall.nat.unwrap();
        let foreign = nat.foreign.iter().map(|f| f.address.clone());
        let foreign = foreign.collect::<Vec<_>>().join(" ");
        let is = |all: &[String]| !all.is_empty();
        let found = [
            (is(&nat.keeps_address), "kept"),
            (is(&nat.unclear), "unclear"),
            (is(&nat.untracked), "untracked"),
            (marked, "marked"),
            (!foreign.is_empty(), foreign.as_str()),
        ];
        let found = found.iter().filter(|(is, _)| *is).map(|(_, what)| *what);
        found.collect::<Vec<_>>().join(", ")
    };
    let masquerade = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n";
    let raw = |rule: &str| {
        nat(&format!(
            "{masquerade}*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {rule}\n"
        ))
    };
    let post = |rule: &str| {
        nat(&format!(
            "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING {rule}\n"
        ))
    };
    assert_eq!(nat(masquerade), "");
    assert_eq!(raw("-i docker0 -j CT --notrack"), "untracked");
    assert_eq!(raw("-i eth0 -p tcp -j NOTRACK"), "untracked");
    assert_eq!(
        raw("-m set --match-set local src -j CT --notrack"),
        "unclear"
    );
    assert_eq!(
        raw("-d 169.254.20.10/32 -p udp -m udp --dport 53 -j CT --notrack"),
        ""
    );
    assert_eq!(raw("-i docker0 -j CT --helper ftp"), "");
    assert_eq!(raw("-i br-1 -j CT --notrack"), "");
    assert_eq!(
        raw("-i docker0 -j MARK --set-xmark 0x1/0xffffffff"),
        "marked"
    );
    assert_eq!(post("-s 172.17.0.0/16 -j SNAT --to-source 10.42.1.7"), "");
    assert_eq!(
        post("-j SNAT --to-source 10.42.1.0-10.42.1.9:1024-2047"),
        ""
    );
    assert_eq!(
        post("-j SNAT --to-source 192.0.2.99 --random"),
        "192.0.2.99"
    );
    assert_eq!(post("-p tcp -m tcp --dport 443 -j MASQUERADE"), "kept");
}

#[test]
fn what_may_be_accepted_is_not_certainly_dropped() {
    for rule in [
        "-A FORWARD -s 172.17.0.0/16 -j ACCEPT",
        "-A FORWARD -j KUBE-FORWARD",
        "-A FORWARD -m mark --mark 0x1 -j RETURN\n-A FORWARD -j NFQUEUE",
        "-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -d 10.0.0.0/8 -j ACCEPT",
        "-A FORWARD -i docker+ -j ACCEPT",
        "-A FORWARD ! -i lo -m comment --comment \"all -j DROP\" -j ACCEPT",
    ] {
        assert!(!drops("DROP", &format!("{rule}\n")), "{rule}");
    }
}

#[test]
fn one_kind_without_rules_says_nothing_of_one_that_is_not_listed() {
    let legacy = "# from iptables-legacy-save\n# read\n";
    let rules = |text: &str| super::read(&record(text), None).is_some();
    assert!(rules(legacy));
    assert!(!rules(&format!("{legacy}# from iptables-nft-save\n")));
    assert!(rules(&format!(
        "{legacy}# from iptables-nft-save\n# read\n"
    )));
}

#[test]
fn each_kind_decides_for_itself() {
    let filter = |kind: &str, policy: &str| {
        format!("# from iptables-{kind}-save\n*filter\n:FORWARD {policy} [0:0]\n# read\n")
    };
    let both = read(&(filter("legacy", "DROP") + &filter("nft", "ACCEPT")));
    let drops: Vec<_> = both.iter().map(|f| (f.kind, f.drops_from.len())).collect();
    assert_eq!(
        drops,
        [(FirewallKind::Legacy, 1), (FirewallKind::NfTables, 0)]
    );
    let twice = of("DROP", "").len();
    assert_eq!(twice, 1);
}

/// The packets of the blocks of one listing, and where each is dropped.
fn blocks(tables: &str) -> Vec<String> {
    let text = format!("# from iptables-save\n{tables}# read\n");
    let blocks = read(&text).remove(0).blocks;
    let line = |block: Block| {
        let packets = block.packets.as_deref().unwrap_or("all");
        format!("{packets}: {} {}", block.table, block.chain)
    };
    blocks.into_iter().map(line).collect()
}

#[test]
fn every_table_on_the_way_and_every_port_of_a_build_counts() {
    for (table, chain) in [
        ("raw", "PREROUTING"),
        ("mangle", "PREROUTING"),
        ("mangle", "FORWARD"),
        ("mangle", "POSTROUTING"),
    ] {
        let listing =
            format!("*{table}\n:{chain} ACCEPT [0:0]\n-A {chain} -s 172.17.0.0/16 -j DROP\n");
        assert_eq!(blocks(&listing), [format!("all: {table} {chain}")]);
    }
    let filter =
        |rule: &str| format!("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD {rule}\n{DOCKER}");
    for (rule, packets) in [
        ("-p tcp -m tcp --dport 443 -j DROP", "TCP port 443"),
        (
            "-p tcp -m multiport --dports 80,8080 -j REJECT --reject-with icmp-port-unreachable",
            "TCP port 80",
        ),
        ("-p udp -m udp --dport 53 -j DROP", "UDP port 53"),
        ("-d 10.96.0.0/12 -j DROP", "UDP port 53"),
    ] {
        assert_eq!(
            blocks(&filter(rule)),
            [format!("{packets}: filter FORWARD")],
            "{rule}"
        );
    }
    for rule in [
        "-d 169.254.169.254/32 -j DROP",
        "-p tcp -m tcp --dport 25 -j DROP",
        "-s 192.168.0.0/16 -j DROP",
        "-m addrtype --dst-type LOCAL -j DROP",
        "-m conntrack --ctstate INVALID -j DROP",
    ] {
        let firewall = &of("DROP", &format!("-A FORWARD {rule}\n{DOCKER}"))[0];
        assert!(
            firewall.blocks.is_empty() && firewall.unclear_from.is_empty(),
            "{rule}"
        );
    }
}

#[test]
fn a_rule_that_is_not_understood_is_unclear() {
    for rule in [
        "-m mark --mark 0x1 -j DROP",
        "-m length --length 1401:65535 -j DROP",
        "-s 172.17.0.9/32 -j DROP",
        "-j NFQUEUE --queue-num 0",
    ] {
        let firewall = &of("DROP", &format!("-A FORWARD {rule}\n{DOCKER}"))[0];
        assert_eq!(firewall.unclear_from, ["docker0"], "{rule}");
    }
}

#[test]
fn packets_leave_with_the_address_of_the_namespace_or_keep_their_own() {
    let nat = |rules: &str| {
        let text = format!(
            "# from iptables-save\n*nat\n:POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n{rules}# read\n"
        );
        read(&text).remove(0).nat.unwrap()
    };
    let docker = "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n";
    assert_eq!(nat(docker).keeps_address, <[String; 0]>::default());
    assert_eq!(
        nat("-A POSTROUTING -o eth0 -j MASQUERADE\n").keeps_address,
        <[String; 0]>::default()
    );
    let other = "-A POSTROUTING -s 172.18.0.0/16 ! -o br-1 -j MASQUERADE\n";
    assert_eq!(nat(other).keeps_address, ["docker0"]);
    assert_eq!(nat("").keeps_address, ["docker0"]);
    let marked = "-A POSTROUTING -m mark --mark 0x4000 -j MASQUERADE\n";
    assert_eq!(nat(marked).unclear, ["docker0"]);
    assert!(nat("").of_docker);
    let none = &of("ACCEPT", "")[0].nat;
    assert_eq!(none.as_ref().unwrap().keeps_address, ["docker0"]);
}

/// As CNI's plugins make them, a pair for each container.
#[test]
fn addresses_with_rules_of_their_own_are_counted() {
    let pair = |address: &str, id: &str| {
        format!(
            "-A POSTROUTING -s {address}/32 -j CNI-{id}\n-A CNI-{id} -d 172.17.0.0/16 -j ACCEPT\n\
             -A CNI-{id} ! -d 224.0.0.0/4 -j MASQUERADE\n"
        )
    };
    let nat = |rules: &str| {
        let text =
            format!("# from iptables-save\n*nat\n:POSTROUTING ACCEPT [0:0]\n{rules}# read\n");
        read(&text).remove(0).nat.unwrap()
    };
    let translated = |rules: &str| {
        let all = nat(rules).translated.unwrap();
        let of_docker = all.iter().filter(|one| one.from == "docker0");
        of_docker.map(|one| one.addresses).sum::<i64>()
    };
    let (one, two) = (pair("172.17.0.2", "a"), pair("172.17.0.3", "b"));
    assert_eq!(translated(&one), 1);
    assert_eq!(nat(&one).unclear, ["docker0"]);
    assert_eq!(translated(&format!("{one}{two}")), 2);
    assert_eq!(translated(&pair("10.99.0.2", "a")), 0, "of another network");
    let without = one.replace("-j MASQUERADE", "-j RETURN");
    assert_eq!(translated(&without), 0);
    let before = format!("-A POSTROUTING -s 172.17.0.2/32 -j ACCEPT\n{one}");
    assert_eq!(translated(&before), 0);
    assert_eq!(translated(""), 0);
}

#[test]
fn chains_that_lead_in_circles_end() {
    let circle = "-A FORWARD -j DOCKER-A\n-A DOCKER-A -j DOCKER-A\n-A DOCKER-A -j DOCKER-A\n";
    let wide: String = (0..40).map(|_| "-A DOCKER-A -j DOCKER-A\n").collect();
    assert!(!drops("DROP", circle));
    assert!(!drops("DROP", &format!("-A FORWARD -j DOCKER-A\n{wide}")));
}

#[test]
fn responses_count_as_well() {
    let filter =
        |rule: &str| format!("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD {rule}\n{DOCKER}");
    for rule in [
        "-o docker0 -j DROP",
        "-i eth0 -d 172.16.0.0/12 -j DROP",
        "-i eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j REJECT",
    ] {
        assert_eq!(
            blocks(&filter(rule)),
            ["responses: filter FORWARD"],
            "{rule}"
        );
    }
    for rule in [
        "-i eth0 -m conntrack --ctstate NEW -j DROP",
        "-o docker0 -p tcp -m tcp --dport 443 -j DROP",
        "-o docker0 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
    ] {
        assert!(blocks(&filter(rule)).is_empty(), "{rule}");
        assert!(
            of("DROP", &format!("-A FORWARD {rule}\n{DOCKER}"))[0]
                .unclear_from
                .is_empty(),
            "{rule}"
        );
    }
    // Docker's policy needs Docker's rule for what comes back.
    let without = DOCKER.replace(
        "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
        "",
    );
    let filter = format!("*filter\n:FORWARD DROP [0:0]\n:DOCKER - [0:0]\n{without}");
    assert_eq!(blocks(&filter), ["responses: filter FORWARD"]);
    // Docker 28 writes one for each container; a response is not yet addressed to it there.
    let raw =
        "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP\n";
    assert!(blocks(raw).is_empty());
    let all = read(&format!("# from iptables-save\n{raw}# read\n"));
    assert!(all[0].unclear_from.is_empty());
}

#[test]
fn what_is_sent_elsewhere_is_unclear() {
    let nat = |rule: &str| {
        let nat =
            format!("*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A PREROUTING {rule}\n");
        read(&format!("# from iptables-save\n{nat}# read\n"))
            .remove(0)
            .unclear_from
    };
    assert_eq!(
        nat("-i docker0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128"),
        ["docker0"]
    );
    assert_eq!(
        nat("-p tcp -j DNAT --to-destination 192.0.2.1"),
        ["docker0"]
    );
    assert!(nat("-m addrtype --dst-type LOCAL -j DOCKER").is_empty());
    assert!(
        nat("-d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.0.3:53")
            .is_empty()
    );
    assert!(nat("-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES").is_empty());
}

#[test]
fn a_rule_that_iptables_cannot_express_is_unclear() {
    let text = |kind: &str| {
        format!(
            "# from iptables-{kind}-save\n*filter\n:FORWARD DROP [0:0]\n-A FORWARD\n{DOCKER}# read\n"
        )
    };
    assert_eq!(read(&text("nft"))[0].unclear_from, ["docker0"]);
    // There, it is a rule that counts.
    assert!(read(&text("legacy"))[0].unclear_from.is_empty());
}

proptest! {
    #[test]
    fn no_listing_panics(noise in "[-A-Z!io \"\\\\*:#\n]{0,300}") {
        let _ = read(&format!("# from iptables-save\n*filter\n:FORWARD DROP\n{noise}\n# read\n"));
    }
}
