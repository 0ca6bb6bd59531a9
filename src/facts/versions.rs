//! Parses and compares versions as found in practice (`19.03.13`, `1.4.13~ds1`, `20.10.7+dfsg1`,
//! `docker:20.10.7-dind`).

use semver::{Prerelease, Version};

/// Parses a version of Docker or containerd; `None` if the text is not a version.
///
/// Strips the `v`, a Debian epoch and revision, the flavour of an image tag and leading zeros;
/// absent parts are 0. The result is compared by semver's precedence.
pub fn parse(text: &str) -> Option<Version> {
    let (parts, rest) = numbers(text)?;
    let mut version = Version::new(parts[0], *parts.get(1)?, parts.get(2).copied().unwrap_or(0));
    version.pre = prerelease(rest);
    Some(version)
}

/// The leading dotted numbers and what follows them.
fn numbers(text: &str) -> Option<(Vec<u64>, &str)> {
    let text = text.trim();
    let text = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => text,
    };
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let parts: Option<Vec<u64>> = head
        .trim_end_matches('.')
        .split('.')
        .map(|part| part.parse().ok())
        .collect();
    parts.map(|parts| (parts, rest))
}

/// `-rc1`, `-beta.2`, `~rc1` and similar; any other suffix is a flavour or a packager's revision.
fn prerelease(rest: &str) -> Prerelease {
    let Some(word) = rest.strip_prefix(['-', '~', '.']) else {
        return Prerelease::EMPTY;
    };
    let word = word.split(['-', '+', '~']).next().unwrap_or_default();
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if !matches!(letters, "rc" | "beta" | "alpha" | "tp") {
        return Prerelease::EMPTY;
    }
    let number = word[letters.len()..].trim_matches('.');
    let number = number.split('.').next().unwrap_or_default();
    // `rc10` sorts after `rc9` only if the number is a separate identifier.
    let text = match number.parse::<u64>() {
        Ok(number) => format!("{letters}.{number}"),
        Err(_) => letters.to_owned(),
    };
    Prerelease::new(&text).unwrap_or(Prerelease::EMPTY)
}

/// A parsed image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageRef<'a> {
    /// Registry and repository.
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> ImageRef<'a> {
    pub fn parse(image: &'a str) -> Self {
        let (name, digest) = match image.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (image, None),
        };
        let path = name.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match name[path..].find(':') {
            Some(colon) => (&name[..path + colon], Some(&name[path + colon + 1..])),
            None => (name, None),
        };
        ImageRef {
            repository,
            tag,
            digest,
        }
    }

    /// The last part of the repository: `docker` of `registry.example:5000/library/docker`.
    pub fn name(&self) -> &'a str {
        self.repository
            .rsplit('/')
            .next()
            .unwrap_or(self.repository)
    }

    /// Whether it may be a mirror of Docker's image. A Docker Hub user's image such as `team/docker` is
    /// custom.
    pub fn may_mirror_docker(&self) -> bool {
        let first = self.repository.split('/').next().unwrap_or_default();
        let is_host = first.contains(['.', ':', '$', '{']) || first == "localhost";
        let of_user = self.repository.contains('/') && !is_host && first != "library";
        self.name() == "docker" && !of_user
    }

    /// Whether it is Docker's official image or a plain mirror of it, whose entrypoint is known.
    pub fn is_official_docker(&self) -> bool {
        self.repository == "docker"
            || self.repository == "docker.io/docker"
            || self.repository == "library/docker"
            || self.repository.ends_with("/library/docker")
    }

    /// Whether its name or tag contains `dind`.
    pub fn is_dind(&self) -> bool {
        self.name().contains("dind") || self.tag.is_some_and(|tag| tag.contains("dind"))
    }

    /// Whether a later pull may bring another Docker version: no digest, and a tag without a version.
    pub fn floats(&self) -> bool {
        const FLOATING: [&str; 5] = ["latest", "stable", "dind", "edge", "rc"];
        let rootful = |tag: &'a str| tag.strip_suffix("-rootless").unwrap_or(tag);
        let flavour = |tag: &'a str| match tag.strip_suffix("-dind") {
            Some(tag) => tag,
            None => tag,
        };
        self.digest.is_none()
            && self
                .tag
                .is_none_or(|tag| FLOATING.contains(&flavour(rootful(tag))))
    }

    /// The Docker version in the tag, as written: `20.10.7` of `docker:20.10.7-dind`.
    pub fn docker_version(&self) -> Option<&'a str> {
        let tag = self.tag?;
        let tag = tag.strip_prefix('v').unwrap_or(tag);
        if !self.name().contains("docker") && !self.is_dind() {
            return None;
        }
        let (parts, rest) = numbers(tag)?;
        let version = tag[..tag.len() - rest.len()].trim_end_matches('.');
        is_release_line(&parts, version).then_some(version)
    }
}

/// Whether Docker has, or may have, releases of this line. Tags may also be dates or versions of other
/// programs: `2024.11.3`, `24.11`, `2.1`. Docker numbered its lines by year and month up to 20.10.
fn is_release_line(parts: &[u64], text: &str) -> bool {
    let minor = parts.get(1).copied();
    let digits = text.split('.').nth(1).map_or(0, str::len);
    match parts[0] {
        17..=19 => minor.is_none_or(|month| month <= 12),
        20 => minor.is_none_or(|month| month == 10),
        23..=99 => digits < 2,
        _ => false,
    }
}

/// Whether `version` matches the parts that `promise` gives: `20.10` matches any 20.10.x.
pub fn keeps_promise(promise: &str, version: &str) -> Option<bool> {
    let (promised, _) = numbers(promise)?;
    let (running, _) = numbers(version)?;
    Some(running.starts_with(&promised))
}

/// Whether containerd starts shims with its own OOM score plus one without a limit, which the kernel
/// rejects above 1000: containerd#4837, fixed in 1.3.10 and 1.4.4, never in 1.5.
pub fn oom_score_overflows(containerd: &Version) -> bool {
    let within = |major, minor, fixed| {
        (containerd.major, containerd.minor) == (major, minor) && containerd.patch < fixed
    };
    within(1, 3, 10) || within(1, 4, 4)
}

/// The containerd version that an upstream Docker release pins, as read from its git tag.
pub fn pinned_containerd(docker: &Version) -> Option<&'static str> {
    Some(match (docker.major, docker.minor, docker.patch) {
        (19, 3, 9..=12) => "1.2.13",
        (19, 3, 13) => "1.3.7",
        (19, 3, 14..=15) => "1.3.9",
        (20, 10, 0..=5) => "1.4.3",
        (20, 10, 6) => "1.4.4",
        (20, 10, 7) => "1.4.6",
        (23, 0, 0) => "1.6.16",
        (24, 0, 0) => "1.7.1",
        (29, 0, 0) => "2.1.5",
        _ => return None,
    })
}

/// Before 20.10 dockerd set containerd's OOM score to -500 (moby#41528).
pub fn inherits_oom_score(docker: &Version) -> bool {
    *docker >= Version::new(20, 10, 0)
}

/// Whether `--oom-score-adjust` sets containerd's score: without effect in 25, unknown from 26 on.
pub fn hands_on_oom_score(docker: &Version) -> bool {
    *docker < Version::new(25, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_of_the_wild_are_read() {
        for (text, expected) in [
            ("19.03.13", "19.3.13"),
            ("1.4.13~ds1", "1.4.13"),
            ("20.10.7+dfsg1", "20.10.7"),
            ("v1.4.3", "1.4.3"),
            ("29.0", "29.0.0"),
            ("20.10.7-dind", "20.10.7"),
            ("1:20.10.24+dfsg1-1+deb12u1", "20.10.24"),
            ("1.3.3-0ubuntu2.3", "1.3.3"),
            ("28.0.0-rc.1", "28.0.0-rc.1"),
            ("1.4.0-beta2", "1.4.0-beta.2"),
            ("25.0.5-tlsfalse-prod-stable", "25.0.5"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "dind", "latest", "v", "20", "99999999999999999999.1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_release_candidate_comes_before_its_release() {
        assert!(parse("1.4.0-rc9").unwrap() < parse("1.4.0-rc10").unwrap());
        assert!(parse("1.4.0-rc10").unwrap() < parse("1.4.0").unwrap());
    }

    #[test]
    fn exactly_the_containerds_without_the_clamp_overflow() {
        for bad in ["1.3.0", "1.3.9", "1.4.0", "1.4.3", "v1.4.3", "1.4.0-rc.0"] {
            assert!(oom_score_overflows(&parse(bad).unwrap()), "{bad}");
        }
        for good in ["1.2.13", "1.3.10", "1.4.4", "1.4.13~ds1", "1.5.0", "2.1.5"] {
            assert!(!oom_score_overflows(&parse(good).unwrap()), "{good}");
        }
    }

    #[test]
    fn images_are_taken_apart() {
        let image = ImageRef::parse("registry.example:5000/ci/docker:20.10.7-dind@sha256:ab");
        assert_eq!(image.repository, "registry.example:5000/ci/docker");
        assert_eq!(image.tag, Some("20.10.7-dind"));
        assert_eq!(image.digest, Some("sha256:ab"));
        assert_eq!(image.docker_version(), Some("20.10.7"));
        assert_eq!(ImageRef::parse("registry.example:5000/dind").tag, None);
        assert_eq!(ImageRef::parse("team/builder:1.2").docker_version(), None);
        for other in [
            "1.2",
            "2024.11.3",
            "24.11.3",
            "24.01.3",
            "20.04",
            "22.04",
            "2024",
        ] {
            let image = format!("team/dind:{other}");
            assert_eq!(ImageRef::parse(&image).docker_version(), None, "{other}");
        }
        for docker in [
            "17.12.1", "18.09", "19.03.13", "20.10.7", "23.0.6", "29.7.2", "30",
        ] {
            let image = format!("team/dind:{docker}");
            assert_eq!(ImageRef::parse(&image).docker_version(), Some(docker));
        }
        assert_eq!(
            ImageRef::parse("docker:20-dind").docker_version(),
            Some("20")
        );
    }

    #[test]
    fn only_tags_without_a_version_float() {
        for floating in [
            "docker",
            "docker:dind",
            "docker:latest",
            "docker:stable",
            "docker:stable-dind",
            "docker:dind-rootless",
            "docker:stable-dind-rootless",
        ] {
            assert!(ImageRef::parse(floating).floats(), "{floating}");
        }
        for pinned in [
            "docker:20.10.7-dind",
            "docker:27-dind",
            "docker:dind@sha256:ab",
            "x/daemon:v25.0.5-tlsfalse-prod-stable",
        ] {
            assert!(!ImageRef::parse(pinned).floats(), "{pinned}");
        }
    }

    #[test]
    fn a_short_tag_promises_a_series() {
        assert_eq!(keeps_promise("20.10", "20.10.24+dfsg1"), Some(true));
        assert_eq!(keeps_promise("20.10.5", "20.10.7"), Some(false));
        assert_eq!(keeps_promise("19.03.5", "19.03.5"), Some(true));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse(&text);
            let image = ImageRef::parse(&text);
            let _ = (image.floats(), image.docker_version(), image.name());
            let _ = keeps_promise(&text, &text);
        }

        #[test]
        fn packaging_does_not_change_the_order(a in 0u64..40, b in 0u64..40, c in 0u64..40) {
            let plain = parse(&format!("{a}.{b}.{c}")).unwrap();
            prop_assert_eq!(&plain, &parse(&format!("v{a}.{b:02}.{c}-dind")).unwrap());
            prop_assert_eq!(&plain, &parse(&format!("1:{a}.{b}.{c}+dfsg1-2")).unwrap());
        }
    }
}
