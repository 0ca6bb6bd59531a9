//! How many subnets an engine has left for new Docker networks.

use crate::evidence::{AddressPool, DockerNetwork, Engine, Observation, Observed, Runner, Unseen};
use ipnet::Ipv4Net;

/// Nobody needs to know more.
const MOST: usize = 32;

/// Those left, up to a bound. Docker passes over what networks of it have, and what its namespace reaches
/// without a gateway.
pub(super) fn free(runner: &Runner, engine: &Engine) -> Observation<Option<i64>> {
    let api = match &engine.api {
        _ if engine.planned.is_some() => return Observed(None),
        Observed(api) => api,
        Unseen(reason) => return super::data::unused(reason),
    };
    let Some(pools) = &api.pools else {
        return Observed(None);
    };
    let networks = match &api.networks {
        Observed(networks) => networks,
        Unseen(reason) => return Unseen(reason.clone()),
    };
    let Some(mut taken) = subnets(networks) else {
        return Observed(None);
    };
    let mut namespaces = runner.namespaces.seen().iter();
    let namespace = namespaces.find(|namespace| namespace.id == engine.namespace);
    let on_link = namespace.and_then(|namespace| Some(&namespace.traffic.as_ref()?.on_link));
    let links = on_link.and_then(|on_link| on_link.observed());
    // A route to nowhere (blackhole) has no interface, and Docker does not mind it.
    let links = links.into_iter().flatten();
    let links = links.filter(|link| link.interface != "*");
    taken.extend(links.filter_map(|link| link.subnet.parse::<Ipv4Net>().ok()));
    let left = split(pools)
        .filter(|subnet| !taken.iter().any(|taken| overlap(taken, subnet)))
        .take(MOST)
        .count();
    match on_link {
        // What more is taken is not known.
        Some(Unseen(reason)) if left > 0 => Unseen(reason.clone()),
        _ => Observed(i64::try_from(left).ok()),
    }
}

/// What networks have; nothing where that was not recorded of one. Two kinds have no addresses.
fn subnets(networks: &[DockerNetwork]) -> Option<Vec<Ipv4Net>> {
    let mut taken = Vec::new();
    for network in networks {
        if matches!(network.driver.as_str(), "host" | "null") {
            continue;
        }
        let subnets = network.subnets.as_ref()?;
        taken.extend(
            subnets
                .iter()
                .filter_map(|subnet| subnet.parse::<Ipv4Net>().ok()),
        );
    }
    Some(taken)
}

/// The subnets of IPv4 in pools.
fn split(pools: &[AddressPool]) -> impl Iterator<Item = Ipv4Net> {
    let ranges = pools.iter().filter_map(range);
    let subnets = ranges.filter_map(|(base, size)| base.trunc().subnets(size).ok());
    subnets.flatten()
}

fn range(pool: &AddressPool) -> Option<(Ipv4Net, u8)> {
    Some((pool.base.parse().ok()?, u8::try_from(pool.size).ok()?))
}

fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.contains(other) || other.contains(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;

    /// What is left for the pod's engine with these pools and networks.
    fn left(pools: Option<&[(&str, i64)]>, networks: &[&str]) -> Option<i64> {
        let runner = healthy().unwrap().runners.remove(0);
        let mut engine = runner.engines.seen()[0].clone();
        let Observed(api) = &mut engine.api else {
            panic!("it answered");
        };
        api.pools = pools.map(|pools| {
            let pool = |(base, size): &(&str, i64)| AddressPool {
                base: (*base).to_owned(),
                size: *size,
            };
            pools.iter().map(pool).collect()
        });
        let network = |subnet: &&str| DockerNetwork {
            name: "n".to_owned(),
            driver: "bridge".to_owned(),
            parent: None,
            bridge: None,
            internal: false,
            ipv6: false,
            mtu_option: None,
            subnets: Some(vec![(*subnet).to_owned()]),
        };
        api.networks = Observed(networks.iter().map(network).collect());
        free(&runner, &engine).observed().copied().unwrap()
    }

    #[test]
    fn every_subnet_that_docker_would_pass_over_is_taken() {
        assert_eq!(left(None, &[]), None);
        // The pod's namespace reaches docker0 and 10.42.1.0/24.
        let dockers = [("172.16.0.0/12", 16)];
        assert_eq!(left(Some(&dockers), &[]), Some(15));
        assert_eq!(
            left(Some(&dockers), &["172.18.0.0/16", "172.19.5.0/24"]),
            Some(13)
        );
        let small = [("10.200.0.0/23", 24)];
        assert_eq!(left(Some(&small), &["10.200.0.0/24"]), Some(1));
        assert_eq!(
            left(Some(&small), &["10.200.0.0/24", "10.200.1.0/24"]),
            Some(0)
        );
        assert_eq!(left(Some(&small), &["10.200.0.0/16"]), Some(0));
        assert_eq!(left(Some(&[("10.42.1.0/24", 24)]), &[]), Some(0));
        assert_eq!(left(Some(&[("10.0.0.0/8", 24)]), &[]), Some(32));
    }

    #[test]
    fn pools_that_make_no_sense_are_no_subnets() {
        for pool in [
            ("10.0.0.0/24", 16),
            ("10.0.0.0/24", 99),
            ("x", 24),
            ("fd00::/8", 64),
        ] {
            assert_eq!(left(Some(&[pool]), &[]), Some(0), "{pool:?}");
        }
    }
}
