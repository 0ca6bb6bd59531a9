//! Tables as nft 1.0.6 lists them, and as Docker 29 writes them.

use super::super::chains::{Clamped, Fate, Packet, Source, Trace, Way};
use super::*;
use proptest::prelude::*;
use serde_json::json;

const FORWARD: &str = r#"{"chain":{"family":"inet","table":"t","name":"f","type":"filter","hook":"forward","prio":0,"policy":"accept"}}"#;

/// What an nftables dockerd writes for docker0, as far as packets from it go.
const DOCKER: &str = r#"
{"map":{"family":"ip","name":"filter-forward-in-jumps","table":"docker-bridges","type":"ifname","map":"verdict","elem":[["docker0",{"jump":{"target":"filter-forward-in__docker0"}}]]}}
{"map":{"family":"ip","name":"filter-forward-out-jumps","table":"docker-bridges","type":"ifname","map":"verdict","elem":[["docker0",{"jump":{"target":"filter-forward-out__docker0"}}]]}}
{"map":{"family":"ip","name":"nat-postrouting-out-jumps","table":"docker-bridges","type":"ifname","map":"verdict","elem":[["docker0",{"jump":{"target":"nat-postrouting-out__docker0"}}]]}}
{"chain":{"family":"ip","table":"docker-bridges","name":"filter-FORWARD","type":"filter","hook":"forward","prio":0,"policy":"accept"}}
{"chain":{"family":"ip","table":"docker-bridges","name":"nat-POSTROUTING","type":"nat","hook":"postrouting","prio":100,"policy":"accept"}}
{"chain":{"family":"ip","table":"docker-bridges","name":"filter-forward-in__docker0"}}
{"chain":{"family":"ip","table":"docker-bridges","name":"filter-forward-out__docker0"}}
{"chain":{"family":"ip","table":"docker-bridges","name":"nat-postrouting-out__docker0"}}
{"rule":{"family":"ip","table":"docker-bridges","chain":"filter-FORWARD","expr":[{"vmap":{"key":{"meta":{"key":"oifname"}},"data":"@filter-forward-in-jumps"}}]}}
{"rule":{"family":"ip","table":"docker-bridges","chain":"filter-FORWARD","expr":[{"vmap":{"key":{"meta":{"key":"iifname"}},"data":"@filter-forward-out-jumps"}}]}}
{"rule":{"family":"ip","table":"docker-bridges","chain":"nat-POSTROUTING","expr":[{"vmap":{"key":{"meta":{"key":"iifname"}},"data":"@nat-postrouting-out-jumps"}}]}}
{"rule":{"family":"ip","table":"docker-bridges","chain":"filter-forward-in__docker0","expr":[{"counter":null},{"drop":null}]}}
{"rule":{"family":"ip","table":"docker-bridges","chain":"filter-forward-out__docker0","expr":[{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},{"counter":null},{"accept":null}]}}
{"rule":{"family":"ip","table":"docker-bridges","chain":"filter-forward-out__docker0","expr":[{"counter":null},{"accept":null}]}}
{"rule":{"family":"ip","table":"docker-bridges","chain":"nat-postrouting-out__docker0","expr":[{"match":{"op":"!=","left":{"meta":{"key":"oifname"}},"right":"docker0"}},{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":"172.17.0.0","len":16}}}},{"counter":null},{"masquerade":null}]}}
"#;

fn listing(items: &str) -> String {
    let items: Vec<&str> = items.trim().lines().collect();
    format!("{{\"nftables\":[{}]}}", items.join(","))
}

fn rules(items: &str) -> Ruleset {
    parse(&listing(items), &Listed::new()).unwrap()
}

/// A forward chain with a rule of these statements.
fn rule(expr: &str) -> Ruleset {
    let rule = r#"{"rule":{"family":"inet","table":"t","chain":"f","expr":["#;
    rules(&format!("{FORWARD}\n{rule}{expr}]}}}}"))
}

fn packet(from: &str) -> Packet<'_> {
    Packet {
        way: Way::Through,
        from,
        to: "eth0",
        inside: "172.17.0.0/16".parse().ok(),
        source: None,
        destination: None,
        protocol: "tcp",
        port: 443,
        response: false,
        own: None,
    }
}

fn fate(rules: &Ruleset) -> &'static str {
    match rules.fate(&packet("docker0"), &mut Trace::default()) {
        Fate::Passes => "passes",
        Fate::Dropped(_) => "dropped",
        Fate::Unclear => "unclear",
    }
}

fn clamp(rules: &Ruleset) -> Option<Tcpmss> {
    match rules.clamped(&packet("docker0"), &mut Trace::default()) {
        Clamped::To(clamp) => Some(clamp),
        _ => None,
    }
}

#[test]
fn what_docker_29_writes_lets_its_networks_out() {
    let docker = rules(DOCKER);
    assert!(docker.of_docker);
    assert_eq!(fate(&docker), "passes");
    let source = |from| docker.source(&packet(from), &mut Trace::default());
    assert_eq!(
        (source("docker0"), source("br-1")),
        (Source::Own, Source::Kept)
    );
}

#[test]
fn rules_decide_by_what_they_match() {
    let tcp =
        r#"{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":"#;
    for (expr, expected) in [
        (r#"{"drop":null}"#.to_owned(), "dropped"),
        (r#"{"reject":{"type":"tcp reset"}}"#.to_owned(), "dropped"),
        (format!(r#"{tcp}443}}}},{{"drop":null}}"#), "dropped"),
        (format!(r#"{tcp}{{"set":[22,{{"range":[400,500]}}]}}}}}},{{"drop":null}}"#), "dropped"),
        (format!(r#"{tcp}25}}}},{{"drop":null}}"#), "passes"),
        (r#"{"match":{"op":"!=","left":{"meta":{"key":"iifname"}},"right":{"set":["br-*","docker*"]}}},{"drop":null}"#.into(), "passes"),
        (r#"{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},{"drop":null}"#.into(), "passes"),
        (r#"{"vmap":{"key":{"ct":{"key":"state"}},"data":{"set":[["established",{"accept":null}],["invalid",{"drop":null}]]}}}"#.into(), "passes"),
        (r#"{"vmap":{"key":{"ct":{"key":"state"}},"data":{"set":[["new",{"drop":null}]]}}}"#.into(), "dropped"),
        (r#"{"match":{"op":"==","left":{"fib":{"result":"type","flags":["daddr"]}},"right":"local"}},{"drop":null}"#.into(), "passes"),
        (r#"{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"daddr"}},"right":"192.0.2.1"}},{"drop":null}"#.into(), "passes"),
        (r#"{"match":{"op":"==","left":{"payload":{"protocol":"ip6","field":"saddr"}},"right":"::1"}},{"drop":null}"#.into(), "passes"),
        // Not evaluated: never "lets out".
        (r#"{"match":{"op":"==","left":{"meta":{"key":"mark"}},"right":1}},{"drop":null}"#.into(), "unclear"),
        (r#"{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@gone"}},{"drop":null}"#.into(), "unclear"),
        (r#"{"match":{"op":">","left":{"meta":{"key":"length"}},"right":1400}},{"drop":null}"#.into(), "unclear"),
        (r#"{"limit":{"rate":5,"per":"second"}},{"drop":null}"#.into(), "unclear"),
        (r#"{"xt":{"type":"match","name":"string"}},{"drop":null}"#.into(), "unclear"),
        (r#"{"queue":{"num":0}}"#.into(), "unclear"),
        (r#"{"jump":{"target":"gone"}}"#.into(), "unclear"),
        (r#"{"vmap":{"key":{"meta":{"key":"iifname"}},"data":"@gone"}}"#.into(), "unclear"),
        (r#"{"tomorrow":null}"#.into(), "unclear"),
        // They only mark and count.
        (r#"{"counter":null},{"log":{"prefix":"x"}},{"mangle":{"key":{"meta":{"key":"mark"}},"value":1}}"#.into(), "passes"),
    ] {
        assert_eq!(fate(&rule(&expr)), expected, "{expr}");
    }
}

#[test]
fn an_accepting_chain_does_not_spare_the_next_one() {
    let other = r#"{"chain":{"family":"ip","table":"u","name":"g","type":"filter","hook":"forward","prio":10,"policy":"drop"}}"#;
    let accepts = r#"{"rule":{"family":"inet","table":"t","chain":"f","expr":[{"accept":null}]}}"#;
    assert_eq!(
        fate(&rules(&format!("{FORWARD}\n{other}\n{accepts}"))),
        "dropped"
    );
    let own = FORWARD.replace("accept", "drop");
    assert_eq!(fate(&rules(&format!("{own}\n{accepts}"))), "passes");
}

#[test]
fn chains_that_iptables_lists_are_not_counted_twice() {
    let base = |name: &str| {
        format!(
            r#"{{"chain":{{"family":"ip","table":"filter","name":"{name}","type":"filter","hook":"forward","prio":0,"policy":"drop"}}}}"#
        )
    };
    let text = listing(&(base("FORWARD") + "\n" + &base("extra")));
    let both =
        Listed::from(["FORWARD", "extra"].map(|name| ("filter".to_owned(), name.to_owned())));
    let one = Listed::from([("filter".to_owned(), "FORWARD".to_owned())]);
    assert_eq!(fate(&parse(&text, &both).unwrap()), "passes");
    assert_eq!(fate(&parse(&text, &one).unwrap()), "dropped");
}

#[test]
fn what_is_dropped_below_ip_is_unclear() {
    for (family, hook) in [
        ("netdev", "ingress"),
        ("bridge", "prerouting"),
        ("inet", "ingress"),
    ] {
        let chain = format!(
            r#"{{"chain":{{"family":"{family}","table":"t","name":"c","type":"filter","hook":"{hook}","prio":0,"policy":"accept"}}}}"#
        );
        let drop = format!(
            r#"{{"rule":{{"family":"{family}","table":"t","chain":"c","expr":[{{"drop":null}}]}}}}"#
        );
        assert_eq!(fate(&rules(&chain)), "passes");
        assert_eq!(fate(&rules(&format!("{chain}\n{drop}"))), "unclear");
    }
}

#[test]
fn the_mss_is_lowered_by_rules_that_every_connection_meets() {
    let size = r#"{"key":{"tcp option":{"name":"maxseg","field":"size"}},"value":"#;
    let to = |value: &str| format!(r#"{{"mangle":{size}{value}}}}}"#);
    let path = to(r#"{"rt":{"key":"mtu"}}"#);
    let syn = r#"{"match":{"op":"in","left":{"payload":{"protocol":"tcp","field":"flags"}},"right":"syn"}}"#;
    let masked = r#"{"match":{"op":"==","left":{"&":[{"payload":{"protocol":"tcp","field":"flags"}},["syn","rst"]]},"right":"syn"}}"#;
    let out = r#"{"match":{"op":"==","left":{"meta":{"key":"oifname"}},"right":"eth0"}}"#;
    let large = r#"{"match":{"op":">","left":{"tcp option":{"name":"maxseg","field":"size"}},"right":1410}}"#;
    for before in ["", syn, masked, out, large] {
        let comma = if before.is_empty() { "" } else { "," };
        let of = |clamp: &str| rule(&format!("{before}{comma}{clamp}"));
        assert_eq!(clamp(&of(&path)), Some(Tcpmss::PathMtu), "{before}");
        assert_eq!(clamp(&of(&to("1410"))), Some(Tcpmss::Mss(1410)), "{before}");
    }
    let inwards = out.replace("eth0", "docker0");
    let answers = masked
        .replace("\"right\":\"syn\"", "\"right\":[\"syn\",\"ack\"]")
        .replace("\"rst\"]", "\"ack\"]");
    let marked = r#"{"match":{"op":"==","left":{"meta":{"key":"mark"}},"right":1}}"#;
    for before in [&inwards, &answers, marked] {
        assert_eq!(clamp(&rule(&format!("{before},{path}"))), None, "{before}");
    }
    // What was accepted meets no further rule of the chain.
    assert_eq!(
        clamp(&rule(&format!(
            "{{\"accept\":null}}]}}}},{{\"rule\":{{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"f\",\"expr\":[{path}"
        ))),
        None
    );
}

#[test]
fn a_listing_of_endless_sets_ends() {
    let elements: Vec<Value> = (0..3000)
        .map(|n| json!(format!("10.0.{}.{}", n / 256, n % 256)))
        .collect();
    let set = json!({"set": {"family": "inet", "table": "t", "name": "s", "elem": elements}});
    let asks = r#"{"rule":{"family":"inet","table":"t","chain":"f","expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@s"}},{"jump":{"target":"f"}}]}}"#;
    let all: Vec<&str> = std::iter::repeat_n(asks, 500).collect();
    let found = rules(&format!("{FORWARD}\n{set}\n{}", all.join("\n")));
    assert_eq!(fate(&found), "unclear");
}

proptest! {
    #[test]
    fn no_listing_panics(noise in "[]\\[{}\":, a-z0-9@]{0,200}") {
        let _ = parse(&noise, &Listed::new());
        let _ = parse(&format!("{{\"nftables\":[{{\"rule\":{noise}}}]}}"), &Listed::new());
    }
}
