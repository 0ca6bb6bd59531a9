//! How docker commands in a container look for their engine: what the walk prints of it there.

use super::frames::{Frames, Record};
use super::proxies::{self, open_ports};
use crate::evidence::{Denied, DockerClient, Observation, Observed, Part, Reason, Throttling};
use crate::text::plain::plain;
use std::net::IpAddr;

pub(super) const SCRIPT: &str = include_str!("client.sh");

/// What was printed; `addresses` are the pod's own.
pub(super) fn read(
    frames: &Frames,
    container: &str,
    addresses: &[String],
) -> Observation<DockerClient> {
    let Some(record) = frames.get("client", "-") else {
        return Observation::Unobserved(Reason::WalkNotRun {
            container: container.to_owned(),
        });
    };
    if record.cut || !record.lines().any(|line| line == "# read") {
        return Observation::Unobserved(Reason::CutOff {
            part: Part::Settings,
        });
    }
    let told = |key: &str| {
        let mut values = record.lines().filter_map(|line| line.strip_prefix(key));
        values.next().map(plain).filter(|value| !value.is_empty())
    };
    let host = told("uses ");
    let port = host.as_deref().and_then(DockerClient::tcp);
    let local = match (&host, &port) {
        (Some(host), None) => host.starts_with("unix://").then_some(true),
        (_, Some((name, _))) => {
            let hosts = record
                .lines()
                .filter_map(|line| line.strip_prefix("hosts "));
            Some(is_local(name, hosts, addresses))
        }
        (None, None) => None,
    };
    let open = open_ports(record.lines());
    let listens = match (&port, local) {
        (None, Some(true)) => Some(record.lines().any(|line| line == "there")),
        (Some((_, port)), Some(true)) => Some(open.contains(port)),
        _ => None,
    };
    let proxies = proxies::of_client(record.lines(), &open);
    Observed(DockerClient {
        host,
        set_by: told("by "),
        context: told("context "),
        api_version: told("version "),
        lacks: told("lacks "),
        local,
        listens,
        denied: told("denied ").and_then(|words| denied(&words)),
        proxies: Some(proxies.names),
        local_proxies: Some(proxies.local),
        throttling: throttling(record),
        oom_kills: number(record, "oom_kill "),
    })
}

/// `GROUP USER OWN-GROUP…`
fn denied(words: &str) -> Option<Denied> {
    const MOST: usize = 32;
    let mut numbers = words.split(' ').map_while(|word| word.parse().ok());
    Some(Denied {
        group: numbers.next()?,
        user: numbers.next()?,
        groups: numbers.take(MOST).collect(),
    })
}

/// A container without a limit has no periods.
fn throttling(record: &Record) -> Option<Throttling> {
    let throttling = Throttling {
        periods: number(record, "nr_periods ")?,
        throttled: number(record, "nr_throttled ")?,
    };
    (throttling.periods > 0).then_some(throttling)
}

fn number(record: &Record, key: &str) -> Option<i64> {
    let mut found = record.lines().filter_map(|line| line.strip_prefix(key));
    found.next()?.trim().parse().ok()
}

/// Whether a name is an address of the pod; `hosts` are lines of its /etc/hosts.
fn is_local<'a>(name: &str, hosts: impl Iterator<Item = &'a str>, addresses: &[String]) -> bool {
    let is_own = |address: &str| {
        let parsed = address.parse::<IpAddr>();
        parsed.is_ok_and(|ip| ip.is_loopback()) || addresses.iter().any(|own| own == address)
    };
    let resolved = hosts.filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?;
        words.any(|word| word == name).then_some(address)
    });
    is_own(name) || name == "localhost" || resolved.into_iter().any(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> DockerClient {
        let stream = format!("\nM> client -\n{text}\n# read\n\nM< -\n");
        let frames = Frames::parse(stream.as_bytes(), "M");
        let read = read(&frames, "runner", &["10.1.2.3".to_owned()]);
        read.observed().unwrap().clone()
    }

    #[test]
    fn an_address_of_the_pod_is_one_whatever_its_name() {
        for (text, local, listens) in [
            (
                "uses tcp://localhost:2375\nport 0947",
                Some(true),
                Some(true),
            ),
            (
                "uses tcp://127.0.0.1:2376\nport 0947",
                Some(true),
                Some(false),
            ),
            ("uses tcp://[::1]:2375\nport 0947", Some(true), Some(true)),
            ("uses tcp://10.1.2.3:2375", Some(true), Some(false)),
            (
                "uses tcp://docker:2375\nhosts 127.0.0.1 docker\nport 0947",
                Some(true),
                Some(true),
            ),
            (
                "uses tcp://docker:2375\nhosts 10.9.9.9 docker",
                Some(false),
                None,
            ),
            (
                "uses tcp://docker:2375\nhosts 127.0.0.1 my-docker",
                Some(false),
                None,
            ),
            (
                "uses unix:///var/run/docker.sock\nthere",
                Some(true),
                Some(true),
            ),
            ("uses unix:///var/run/docker.sock", Some(true), Some(false)),
            ("uses ssh://ci@host", None, None),
            ("uses \ncontext nowhere", None, None),
        ] {
            let client = client(text);
            assert_eq!((client.local, client.listens), (local, listens), "{text}");
        }
    }

    #[test]
    fn who_may_not_open_the_socket_is_told_with_the_groups_that_decide() {
        let told = client("uses unix:///run/docker.sock\nthere\ndenied 0 1001 1001 123");
        let groups = vec![1001, 123];
        let denied = Denied {
            group: 0,
            user: 1001,
            groups,
        };
        assert_eq!(told.denied, Some(denied));
        let forged = client("uses unix:///run/docker.sock\nthere\ndenied a b");
        assert_eq!((forged.denied, forged.listens), (None, Some(true)));
    }

    #[test]
    fn a_container_without_a_limit_is_not_throttled() {
        let limited = client("uses \nnr_periods 900\nnr_throttled 800").throttling;
        let counted = Throttling {
            periods: 900,
            throttled: 800,
        };
        assert_eq!(limited, Some(counted));
        let unlimited = client("uses \nnr_periods 0\nnr_throttled 0").throttling;
        assert_eq!(unlimited, None);
    }

    #[test]
    fn processes_that_were_killed_are_counted() {
        assert_eq!(client("uses \noom_kill 3").oom_kills, Some(3));
        assert_eq!(client("uses \noom_kill x").oom_kills, None);
    }

    #[test]
    fn a_client_that_was_cut_off_is_unknown() {
        let frames = Frames::parse(b"\nM> client -\nuses unix:///x\n\nM< -\n", "M");
        assert!(read(&frames, "runner", &[]).reason().is_some());
    }
}
