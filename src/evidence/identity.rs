//! The identity of a finding across runs: its location, without the random parts of names.

use super::{Owner, Runner};
use sha2::{Digest, Sha256};

/// The alphabet of Kubernetes' generated suffixes: no vowels, to avoid words.
pub(crate) const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";

/// 16 hex digits that are stable across recreated pods and a step's random container names. `repeat`
/// distinguishes findings that differ only in random parts.
pub(crate) fn fingerprint(
    check: &str,
    runner: &Runner,
    engine: Option<&str>,
    subject: &str,
    repeat: usize,
) -> String {
    let mut hash = Sha256::new();
    let parts = [
        check,
        &runner.namespace,
        &identity(runner),
        &steady(engine.unwrap_or_default()),
        &steady(subject),
    ];
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    if repeat > 0 {
        hash.update(repeat.to_string().as_bytes());
    }
    hex(hash)
}

/// The fingerprint of a runner, shared by all pods that its owner creates, successive or parallel.
pub(crate) fn runner_fingerprint(runner: &Runner) -> String {
    let mut hash = Sha256::new();
    for part in [&runner.namespace, &identity(runner)] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex(hash)
}

fn hex(hash: Sha256) -> String {
    let digest = hash.finalize();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The part of a runner's identity that is stable when its pod is recreated.
fn identity(runner: &Runner) -> String {
    if let Some(declared) = &runner.declared {
        let owner = runner.owner.as_ref();
        let owner = owner.map(|owner| format!("{}/{}", owner.kind, owner.name));
        return format!("{}:{}", declared.file, owner.unwrap_or_default());
    }
    match &runner.owner {
        Some(owner) => format!("{}/{}", owner.kind, lasting_name(owner)),
        None => format!("Pod/{}", without_generated(&runner.pod, 5..=5)),
    }
}

/// Keeps a Job's UUID, which identifies a Bitbucket runner; strips suffixes added by controllers.
fn lasting_name(owner: &Owner) -> String {
    match owner.kind.as_str() {
        "ReplicaSet" => without_generated(&owner.name, 6..=10),
        "Job" => without_schedule(&owner.name),
        "EphemeralRunner" => {
            let segments = owner.name.split('-');
            let steady = segments.map(|s| if is_generated(s, &(5..=5)) { "*" } else { s });
            steady.collect::<Vec<_>>().join("-")
        }
        _ => owner.name.clone(),
    }
}

/// A CronJob appends the minute of its schedule to the names of its Jobs.
fn without_schedule(name: &str) -> String {
    match name.rsplit_once('-') {
        Some((stem, time)) if time.len() == 8 && time.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{stem}-*")
        }
        _ => name.to_owned(),
    }
}

fn without_generated(name: &str, lengths: std::ops::RangeInclusive<usize>) -> String {
    match name.rsplit_once('-') {
        Some((stem, suffix)) if is_generated(suffix, &lengths) => format!("{stem}-*"),
        _ => name.to_owned(),
    }
}

pub(crate) fn is_generated(segment: &str, lengths: &std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&segment.len()) && segment.chars().all(|c| GENERATED.contains(c))
}

/// A name with its random parts replaced: `{…}`, UUIDs, and runs of 8 hex digits or more.
pub(crate) fn steady(name: &str) -> String {
    let mut steady = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        match random_part(rest) {
            Some(length) => {
                steady.push('*');
                rest = &rest[length..];
            }
            None => {
                let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
                let length = hex.max(first.len_utf8());
                steady.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    steady
}

/// How many bytes at the start of `text` are random.
fn random_part(text: &str) -> Option<usize> {
    if text.starts_with('{') {
        return text.find('}').map(|end| end + 1);
    }
    let hex = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    if hex >= 8 {
        return Some(if is_uuid(text) { UUID_LENGTH } else { hex });
    }
    None
}

pub(crate) const UUID_LENGTH: usize = 36;

/// Whether a text begins with a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= UUID_LENGTH
        && bytes[..UUID_LENGTH]
            .iter()
            .enumerate()
            .all(|(i, byte)| match i {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;

    fn runner(pod: &str, owner: Option<(&str, &str)>) -> Runner {
        let mut runner = healthy().unwrap().runners.remove(0);
        runner.pod = pod.into();
        runner.owner = owner.map(|(kind, name)| Owner {
            kind: kind.into(),
            name: name.into(),
        });
        runner
    }

    fn print(runner: &Runner, engine: &str, subject: &str) -> String {
        fingerprint("mtu-inversion", runner, Some(engine), subject, 0)
    }

    #[test]
    fn random_parts_are_replaced() {
        assert_eq!(steady("docker0"), "docker0");
        assert_eq!(steady("br-1a2b3c4d5e6f"), "br-*");
        assert_eq!(
            steady("4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6_build"),
            "*_build"
        );
        assert_eq!(steady("{4f5e0c9a-1b2c}_{x}_build"), "*_*_build");
        assert_eq!(
            steady("docker-in-docker/bb_docker"),
            "docker-in-docker/bb_docker"
        );
        assert_eq!(steady("Größe-deadbeef"), "Größe-*");
        assert_eq!(steady("{open"), "{open");
    }

    #[test]
    fn a_recreated_pod_keeps_it() {
        for owner in [
            None,
            Some(("Job", "runner-4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6")),
        ] {
            let one = print(&runner("runner-2jpsg", owner), "dind", "docker0");
            let two = print(&runner("runner-x7k2p", owner), "dind", "docker0");
            assert_eq!(one, two, "{owner:?}");
        }
    }

    #[test]
    fn a_step_with_other_random_names_keeps_it() {
        let runner = runner("runner-2jpsg", None);
        let one = "dind/4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6_docker";
        let two = "dind/00000000-ffff-4d3e-8f90-a1b2c3d4e5f6_docker";
        assert_eq!(
            print(&runner, one, "docker0"),
            print(&runner, two, "docker0")
        );
    }

    #[test]
    fn another_runner_engine_or_network_has_another() {
        let here = runner(
            "a",
            Some(("Job", "runner-4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6")),
        );
        let other = runner(
            "a",
            Some(("Job", "runner-00000000-1b2c-4d3e-8f90-a1b2c3d4e5f6")),
        );
        let prints = [
            print(&here, "dind", "docker0"),
            print(&other, "dind", "docker0"),
            print(&here, "dind/bb_docker", "docker0"),
            print(&here, "dind", "ci"),
            fingerprint("mtu-inversion", &here, Some("dind"), "docker0", 1),
        ];
        let distinct: std::collections::BTreeSet<_> = prints.iter().collect();
        assert_eq!(distinct.len(), prints.len());
        assert!(prints.iter().all(|print| print.len() == 16));
    }

    #[test]
    fn what_a_controller_appends_goes() {
        let name = |kind: &str, name: &str| {
            let owner = Owner {
                kind: kind.into(),
                name: name.into(),
            };
            lasting_name(&owner)
        };
        assert_eq!(name("ReplicaSet", "ci-runner-7d9f8b6c5d"), "ci-runner-*");
        assert_eq!(name("Job", "nightly-28384920"), "nightly-*");
        assert_eq!(
            name("EphemeralRunner", "arc-set-8x7dj-runner-4zq8c"),
            "arc-set-*-runner-*"
        );
        assert_eq!(name("StatefulSet", "ci-runner"), "ci-runner");
    }
}
