//! A range of IPv4 addresses: what it holds, and what it overlaps.

use std::fmt;
use std::net::Ipv4Addr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: u32,
    length: u32,
}

impl Subnet {
    /// Reads `172.17.0.0/16`; IPv6 is none of these.
    pub fn parse(text: &str) -> Option<Subnet> {
        let (address, length) = text.split_once('/')?;
        Subnet::new(address.parse().ok()?, length.parse().ok()?)
    }

    pub fn new(address: Ipv4Addr, length: u32) -> Option<Subnet> {
        (length <= 32).then(|| Subnet {
            base: u32::from(address) & mask(length),
            length,
        })
    }

    /// An address alone.
    pub fn of(address: &str) -> Option<Subnet> {
        Subnet::new(address.parse().ok()?, 32)
    }

    /// The address that is so many behind its first.
    pub fn address(self, number: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.base.saturating_add(number))
    }

    pub fn overlaps(self, other: Subnet) -> bool {
        let common = mask(self.length.min(other.length));
        self.base & common == other.base & common
    }

    /// From a mask that is a row of ones.
    pub fn of_mask(address: Ipv4Addr, mask: u32) -> Option<Subnet> {
        let length = mask.leading_ones();
        (mask.count_ones() == length).then(|| Subnet::new(address, length))?
    }

    pub fn is_loopback(self) -> bool {
        Ipv4Addr::from(self.base).is_loopback()
    }
}

fn mask(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        Subnet::parse(text).unwrap()
    }

    #[test]
    fn one_holds_the_other_or_they_are_apart() {
        assert!(subnet("172.16.0.0/12").overlaps(subnet("172.20.3.0/24")));
        assert!(subnet("172.20.3.0/24").overlaps(subnet("172.16.0.0/12")));
        assert!(!subnet("172.20.0.0/16").overlaps(subnet("172.21.0.0/16")));
        assert!(subnet("0.0.0.0/0").overlaps(subnet("10.0.0.1/32")));
        assert!(subnet("10.96.0.0/12").overlaps(Subnet::of("10.96.0.10").unwrap()));
        assert_eq!(subnet("172.17.0.5/16").to_string(), "172.17.0.0/16");
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "fd00::/64",
            "a/8",
            "10.0.0/8",
        ] {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
        let of_mask = |mask| Subnet::of_mask(Ipv4Addr::new(10, 1, 2, 3), mask);
        assert_eq!(of_mask(0xffff_ff00), Some(subnet("10.1.2.0/24")));
        assert_eq!(of_mask(0xff00_ff00), None);
    }
}
