//! Path MTUs that the walk measured with pings: sizes that got through or were lost, and ICMP errors.

use super::frames::Frames;
use crate::evidence::{Observation, Observed, PathMtu, Reason};

pub(super) const SCRIPT: &str = include_str!("measure.sh");
/// The largest IP packet.
const MOST_BYTES: i64 = 65_535;
/// The distance between common MTUs: within a larger gap, the path MTU is unknown.
const CLOSE: i64 = 20;

/// The path MTU from a process's namespace; `None` if it was not measured.
pub fn path_mtu(frames: &Frames, pid: i64) -> Option<Observation<PathMtu>> {
    if frames.get("no-ping", "-").is_some() {
        return Some(Observation::Unobserved(Reason::NoPing));
    }
    let prefix = format!("{pid} ");
    let mut tries = Tries::default();
    for line in frames.get("measured", "-")?.lines() {
        if let Some(line) = line.strip_prefix(&prefix) {
            tries.read(line);
        }
    }
    tries.found()
}

/// The walk's output for one namespace.
#[derive(Default)]
struct Tries {
    silent: bool,
    /// The measurement completed in time.
    done: bool,
    passed: Option<i64>,
    failed: Vec<i64>,
    /// The size that an ICMP error reported as too large.
    refused: Option<i64>,
    /// The path MTU that the kernel cached.
    kept: Option<i64>,
}

impl Tries {
    fn read(&mut self, line: &str) {
        let mut words = line.split(' ');
        let what = words.next();
        let mut number = || -> Option<i64> {
            let number = words.next()?.parse().ok()?;
            (0..=MOST_BYTES).contains(&number).then_some(number)
        };
        match what {
            Some("silent") => self.silent = true,
            Some("done") => self.done = true,
            Some("icmp") => self.refused = number(),
            Some("known") => self.kept = number(),
            Some("size") => match (number(), number()) {
                (Some(size), Some(0)) => self.failed.push(size),
                (Some(size), Some(_)) => self.passed = self.passed.max(Some(size)),
                _ => {}
            },
            _ => {}
        }
    }

    fn found(&self) -> Option<Observation<PathMtu>> {
        if self.silent {
            return Some(Observation::Unobserved(Reason::NoPingAnswer));
        }
        if let Some(top) = self
            .refused
            .filter(|top| self.kept.is_some_and(|kept| kept >= *top))
        {
            // The fragments belonged to other traffic.
            return Some(Observed(PathMtu {
                mtu: Some(top),
                too_large: None,
                icmp: false,
            }));
        }
        if let Some(refused) = self.refused {
            // Larger packets that got an answer had been fragmented.
            return Some(Observed(PathMtu {
                mtu: self.kept,
                too_large: Some(refused),
                icmp: true,
            }));
        }
        let smallest = self.failed.iter().min().copied();
        Some(match (self.passed, smallest) {
            (None, None) => return None,
            (Some(mtu), None) => Observed(PathMtu {
                mtu: Some(mtu),
                too_large: None,
                icmp: false,
            }),
            _ if !self.done => Observation::Unobserved(Reason::PingsLate),
            // If a smaller packet was lost than one that got through, the loss is not due to size.
            (Some(mtu), Some(failed)) if mtu < failed && failed - mtu <= CLOSE => {
                Observed(PathMtu {
                    mtu: Some(mtu),
                    too_large: Some(failed),
                    icmp: false,
                })
            }
            (Some(mtu), Some(failed)) if mtu < failed => Observation::Unobserved(Reason::PingsLate),
            (Some(_), Some(_)) => Observation::Unobserved(Reason::PingsUnclear),
            (None, Some(_)) => Observation::Unobserved(Reason::NoLargePingAnswer),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Observation<PathMtu>> {
        let stream = format!("\nM> measured -\n{text}\n\nM< -\n");
        path_mtu(&Frames::parse(stream.as_bytes(), "M"), 7)
    }

    fn path(mtu: Option<i64>, too_large: Option<i64>, icmp: bool) -> Option<Observation<PathMtu>> {
        Some(Observed(PathMtu {
            mtu,
            too_large,
            icmp,
        }))
    }

    #[test]
    fn the_largest_that_got_through_is_the_path_mtu() {
        let tries = "7 size 1450 0\n7 size 1280 3\n7 size 1390 0\n7 size 1360 2\n8 size 1400 3\n7 size 1361 0\n7 size 1360 3\n7 done";
        assert_eq!(found(tries), path(Some(1360), Some(1361), false));
        assert_eq!(found("7 size 1450 1"), path(Some(1450), None, false));
    }

    #[test]
    fn where_icmp_arrives_only_the_kernel_knows_the_number() {
        let icmp = "7 size 1450 2\n7 icmp 1450";
        assert_eq!(found(icmp), path(None, Some(1450), true));
        let known = format!("{icmp}\n7 known 1400");
        assert_eq!(found(&known), path(Some(1400), Some(1450), true));
        let known = format!("{icmp}\n7 known 1450");
        assert_eq!(found(&known), path(Some(1450), None, false));
    }

    #[test]
    fn lost_pings_are_no_number() {
        for text in [
            "7 silent",
            // The host answers only some pings.
            "7 size 1450 0\n7 size 1360 3\n7 size 1361 0\n7 size 1360 0\n7 done",
            "7 size 1450 0\n7 size 1280 0\n7 size 1350 1\n7 done",
            // Not finished.
            "7 size 1450 0\n7 size 1280 3\n7 done",
            "7 size 1450 0\n7 size 1390 3\n7 size 1400 0",
            "7 size 1450 0\n7 size 576 0\n7 done",
        ] {
            assert!(found(text).unwrap().observed().is_none(), "{text}");
        }
        assert_eq!(
            found("8 size 1450 3\n7 size x y\n7 size 99999999 3\n7"),
            None
        );
    }
}
