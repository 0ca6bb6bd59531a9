//! What delays the start of a dockerd.

use crate::evidence::{Engine, Observation, Observed, Unseen};
use crate::facts::versions;
use semver::Version;
use std::net::IpAddr;

/// Since 20.10 dockerd waits before it listens on a port without TLS, unless TLS is explicitly
/// configured (moby's loadListeners): a second for each port, and 15 more if other machines may connect.
pub(super) fn pause(engine: &Engine) -> Observation<Option<String>> {
    let slow = Version::new(20, 10, 0);
    let Observed(api) = &engine.api else {
        return Observed(None);
    };
    let is_slow = versions::parse(&api.version).is_some_and(|version| version >= slow);
    let told = |flag: &String| flag.starts_with("--tls");
    let mut hosts = engine
        .args
        .iter()
        .filter_map(|arg| arg.strip_prefix("--host="));
    let Some(open) = hosts.find(|host| is_open(host)) else {
        return Observed(None);
    };
    if !is_slow || engine.args.iter().any(told) {
        return Observed(None);
    }
    match &engine.config {
        Unseen(reason) => Unseen(reason.clone()),
        // Older recordings lack its TLS keys.
        Observed(Some(_)) if api.pools.is_none() => Observed(None),
        Observed(Some(config)) if config.also.iter().any(|key| key.starts_with("tls")) => {
            Observed(None)
        }
        Observed(_) => Observed(Some(open.to_owned())),
    }
}

/// A port that other machines may reach, judging by its address.
fn is_open(host: &str) -> bool {
    let Some(address) = host.strip_prefix("tcp://") else {
        return false;
    };
    let (name, _) = address.rsplit_once(':').unwrap_or((address, ""));
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.is_empty() || name.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn only_what_others_may_reach_is_open() {
        for host in [
            "tcp://0.0.0.0:2375",
            "tcp://:2375",
            "tcp://[::]:2375",
            "tcp://10.1.2.3:2375",
        ] {
            assert!(is_open(host), "{host}");
        }
        for host in [
            "tcp://127.0.0.1:2375",
            "tcp://[::1]:2375",
            "tcp://localhost:2375",
            "unix:///x",
        ] {
            assert!(!is_open(host), "{host}");
        }
    }
}
