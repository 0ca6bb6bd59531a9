//! Tokens for IP addresses that are addresses too: addresses in one network stay in one network,
//! and overlapping ranges still overlap.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A family's addresses as numbers.
#[derive(Clone, Copy)]
struct Family {
    bits: u32,
    /// Where addresses go that are in no network which was written down.
    single: u128,
    /// Where networks go: a place for small ones, and a wide one.
    small: (u128, u32),
    wide: (u128, u32),
}

/// 198.18.0.0/15 is for tests (RFC 2544), 240.0.0.0/4 reserved.
const V4: Family = Family {
    bits: 32,
    single: 0xc612_0000,
    small: (0xc613_0000, 16),
    wide: (0xf000_0000, 4),
};
/// 2001:db8::/32 and 3fff::/20 are for documentation (RFC 3849, RFC 9637).
const V6: Family = Family {
    bits: 128,
    single: 0x2001_0db8 << 96,
    small: ((0x2001_0db8_u128 << 96) + (1 << 95), 33),
    wide: (0x3fff << 112, 20),
};
/// The default bridge of every Docker there is.
const DOCKER0: (u128, u32) = (0xac11_0000, 16);
/// A network narrower than this is as good as an address, a wider one is no network.
const NETWORKS: std::ops::RangeInclusive<u32> = 8..=30;

#[derive(Default)]
pub struct Addresses {
    v4: Space,
    v6: Space,
}

impl Addresses {
    /// Remembers a network, so that the addresses in it stay in it.
    pub fn learn(&mut self, address: IpAddr, length: u32) {
        match address {
            IpAddr::V4(ip) if NETWORKS.contains(&length) => self.v4.learn(V4, bits4(ip), length),
            IpAddr::V6(ip) if (24..=126).contains(&length) => {
                self.v6.learn(V6, u128::from(ip), length)
            }
            _ => {}
        }
    }

    pub fn token(&mut self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(ip) if is_everywhere(ip) => address,
            IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => address,
            IpAddr::V4(ip) => {
                let token = self.v4.token(V4, bits4(ip));
                Ipv4Addr::from(u32::try_from(token).unwrap_or_default()).into()
            }
            IpAddr::V6(ip) => Ipv6Addr::from(self.v6.token(V6, u128::from(ip))).into(),
        }
    }
}

fn bits4(ip: Ipv4Addr) -> u128 {
    u128::from(u32::from(ip))
}

fn is_everywhere(ip: Ipv4Addr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || ip.is_broadcast() || ip.is_link_local()
}

#[derive(Default)]
struct Space {
    /// Networks in the order in which they were seen, none inside another.
    networks: Vec<(u128, u32)>,
    /// Where each went, once all are known.
    moved: Option<Vec<u128>>,
    singles: BTreeMap<u128, u128>,
}

impl Space {
    fn learn(&mut self, family: Family, address: u128, length: u32) {
        let network = (base(family, address, length), length);
        let holds = |outer: (u128, u32), inner: (u128, u32)| {
            outer.1 <= inner.1 && base(family, inner.0, outer.1) == outer.0
        };
        if self.networks.iter().any(|outer| holds(*outer, network)) {
            return;
        }
        self.networks.retain(|inner| !holds(network, *inner));
        self.networks.push(network);
    }

    fn token(&mut self, family: Family, address: u128) -> u128 {
        let moved = self
            .moved
            .get_or_insert_with(|| places(family, &self.networks));
        let inside = self.networks.iter().zip(moved.iter());
        for ((network, length), place) in inside {
            if base(family, address, *length) == *network {
                return place + (address - network);
            }
        }
        if family.bits == 32 && base(family, address, DOCKER0.1) == DOCKER0.0 {
            return address;
        }
        let next = family.single + self.singles.len() as u128 + 1;
        *self.singles.entry(address).or_insert(next)
    }
}

fn base(family: Family, address: u128, length: u32) -> u128 {
    let host = family.bits.saturating_sub(length);
    address.checked_shr(host).map_or(0, |bits| bits << host)
}

/// A place for each network, one behind the other, each aligned as networks are.
fn places(family: Family, networks: &[(u128, u32)]) -> Vec<u128> {
    let mut free = [family.small, family.wide].map(|(start, _)| start);
    let mut place = |(network, length): (u128, u32)| {
        if family.bits == 32 && (network, length) == DOCKER0 {
            return network;
        }
        // Sixteen of the largest fit into the place for small ones.
        let wide = usize::from(length < family.small.1 + 4);
        let size = 1_u128 << (family.bits - length);
        let start = free[wide].div_ceil(size) * size;
        free[wide] = start + size;
        start
    };
    networks.iter().map(|network| place(*network)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_lay_in_one_network_still_does() {
        let mut addresses = Addresses::default();
        for (network, length) in [
            ("10.42.0.0", 16),
            ("10.42.3.0", 24),
            ("172.17.0.0", 16),
            ("192.168.5.0", 24),
            ("10.96.0.0", 12),
            ("fd00:10:244::", 64),
        ] {
            addresses.learn(ip(network), length);
        }
        for (address, token) in [
            ("10.42.3.7", "240.0.3.7"),
            ("10.42.9.1", "240.0.9.1"),
            ("172.17.0.1", "172.17.0.1"),
            ("192.168.5.9", "198.19.0.9"),
            ("10.96.0.10", "240.16.0.10"),
            ("8.8.4.4", "198.18.0.1"),
            ("203.0.113.9", "198.18.0.2"),
            ("8.8.4.4", "198.18.0.1"),
            ("127.0.0.11", "127.0.0.11"),
            ("fd00:10:244::7", "2001:db8:8000::7"),
            ("fe80::1", "2001:db8::1"),
        ] {
            assert_eq!(addresses.token(ip(address)), ip(token), "{address}");
        }
    }
}
