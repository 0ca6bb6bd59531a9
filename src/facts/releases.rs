//! Maintained, recommended and known-bad Docker releases: checks/data/docker.yaml.

use super::versions::{self, ImageRef};
use jiff::civil::Date;
use schemars::JsonSchema;
use semver::VersionReq;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

static RELEASES: LazyLock<Releases> = LazyLock::new(|| {
    // Built in and read by a test: nothing a user does makes it unreadable.
    serde_saphyr::from_str(include_str!("../../checks/data/docker.yaml"))
        .unwrap_or_else(|error| panic!("checks/data/docker.yaml: {error}"))
});

/// A release that breaks builds in every configuration.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BadRelease {
    /// `Docker` or `containerd`, and the running version.
    pub name: String,
    /// What fails, as a sentence.
    pub fault: String,
    /// The first release without the bug.
    pub fixed_in: String,
}

/// The whole list.
pub(crate) fn releases() -> &'static Releases {
    &RELEASES
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Releases {
    /// The day on which the list was checked against its source.
    pub(crate) as_of: Date,
    /// moby's list of maintained branches.
    #[allow(dead_code, reason = "documents the file")]
    source: String,
    /// The version in every fix that has to name one.
    pub(crate) recommended: String,
    maintained: Vec<Line>,
    known_bad: Vec<KnownBad>,
}

/// A release line: `29` is every 29.x, `25.0` every 25.0.x.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    line: String,
    /// The last day of its maintenance, where one was announced.
    until: Option<Date>,
}

/// A release that breaks builds in every configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownBad {
    product: Product,
    versions: VersionReq,
    fixed_in: String,
    fault: String,
    #[allow(dead_code, reason = "documents the file")]
    source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Product {
    Docker,
    Containerd,
}

impl Releases {
    /// Whether moby maintains this Docker on a day (the list's own day where none is known).
    /// A build with a distribution's mark is maintained by that; a text that is no version is not
    /// judged; a line newer than the list is younger than the list.
    pub(crate) fn is_maintained(&self, docker: &str, on: Option<Date>) -> bool {
        let Some(version) = versions::parse(docker).filter(|_| !is_of_distribution(docker)) else {
            return true;
        };
        let on = on.unwrap_or(self.as_of);
        let kept = self
            .maintained
            .iter()
            .filter(|line| line.until.is_none_or(|until| on <= until));
        let newest = versions::parse(&self.recommended);
        newest.is_some_and(|newest| version.major > newest.major)
            || kept
                .into_iter()
                .any(|line| versions::keeps_promise(&line.line, docker) == Some(true))
    }

    /// What is wrong with a release in every configuration. A distribution may have fixed its build.
    pub(crate) fn known_bad(&self, product: Product, version: &str) -> Option<BadRelease> {
        if is_of_distribution(version) {
            return None;
        }
        let parsed = versions::parse(version)?;
        let bad = self
            .known_bad
            .iter()
            .find(|bad| bad.product == product && bad.versions.matches(&parsed))?;
        Some(BadRelease {
            name: format!("{} {version}", product.name()),
            fault: bad.fault.clone(),
            fixed_in: bad.fixed_in.clone(),
        })
    }

    /// The version to name for an engine that runs this one: itself, unless it is unsupported or known
    /// to be bad.
    pub(crate) fn advised(&self, version: &str) -> String {
        if let Some(bad) = self.known_bad(Product::Docker, version) {
            return bad.fixed_in;
        }
        match self.is_maintained(version, None) {
            true => version.to_owned(),
            false => self.recommended.clone(),
        }
    }

    /// The same image in the recommended version. Nothing where its tag is not one of Docker's.
    pub(crate) fn recommended_image(&self, image: &str) -> Option<String> {
        const FLAVOURS: [&str; 2] = ["-dind", "-dind-rootless"];
        let parsed = ImageRef::parse(image);
        let flavour = parsed.tag?.strip_prefix(parsed.docker_version()?)?;
        FLAVOURS.contains(&flavour).then_some(())?;
        in_version(image, &self.recommended)
    }

    /// The recommended version of an image whose tag names none.
    pub(crate) fn pinned_image(&self, image: &str) -> Option<String> {
        ImageRef::parse(image).floats().then_some(())?;
        in_version(image, &self.recommended)
    }
}

/// The same image in another version of Docker: registry, repository and flavour stay. Nothing where
/// it is not Docker's own image or a mirror of it, whose tags are the image's own.
pub(crate) fn in_version(image: &str, version: &str) -> Option<String> {
    let image = ImageRef::parse(image);
    let rootless = image.tag.is_some_and(|tag| tag.ends_with("-rootless"));
    let flavour = if rootless { "-dind-rootless" } else { "-dind" };
    let mirror = image.may_mirror_docker();
    mirror.then(|| format!("{}:{version}{flavour}", image.repository))
}

/// Docker's own image of an engine in this version.
pub(crate) fn image(version: &str) -> String {
    format!("docker:{version}-dind")
}

impl Product {
    fn name(self) -> &'static str {
        match self {
            Product::Docker => "Docker",
            Product::Containerd => "containerd",
        }
    }
}

/// `20.10.24+dfsg1`, `1.6.20~ds1`, `20.10.21-0ubuntu1~20.04.2`.
fn is_of_distribution(version: &str) -> bool {
    version.contains(['+', '~']) || version.contains("ubuntu")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_recommended_release_is_maintained_and_not_known_to_be_bad() {
        let releases = releases();
        assert!(releases.is_maintained(&releases.recommended, None));
        for bad in &releases.known_bad {
            let fixed = versions::parse(&bad.fixed_in).unwrap();
            assert!(!bad.versions.matches(&fixed), "{bad:?}");
            assert!(bad.source.starts_with("https://"), "{bad:?}");
        }
        let bad = releases.known_bad(Product::Docker, &releases.recommended);
        assert!(bad.is_none(), "{bad:?}");
    }

    #[test]
    fn a_line_is_maintained_to_its_last_day() {
        let maintained = |version, day| releases().is_maintained(version, Some(day));
        assert!(maintained("25.0.5", date(2026, 12, 4)));
        assert!(!maintained("25.0.5", date(2026, 12, 5)));
        let today = date(2026, 11, 26);
        for old in ["19.03.15", "20.10.24", "24.0.9", "26.1.5", "28.5.2"] {
            assert!(!maintained(old, today), "{old}");
        }
        for kept in ["29.0.0", "29.7.2", "30.0.1", "dev"] {
            assert!(maintained(kept, today), "{kept}");
        }
        // A distribution maintains its own builds.
        for theirs in ["20.10.24+dfsg1", "20.10.21-0ubuntu1~20.04.2"] {
            assert!(maintained(theirs, today), "{theirs}");
        }
    }

    #[test]
    fn an_upgrade_keeps_registry_repository_and_flavour() {
        let releases = releases();
        let upgrade = |image| releases.recommended_image(image);
        let new = &releases.recommended;
        for (old, expected) in [
            ("docker:20.10.5-dind", format!("docker:{new}-dind")),
            (
                "mirror.example:5000/library/docker:20.10-dind-rootless@sha256:ab",
                format!("mirror.example:5000/library/docker:{new}-dind-rootless"),
            ),
        ] {
            assert_eq!(upgrade(old), Some(expected));
        }
        for other in [
            "docker:dind",
            "team/docker-with-ca:20.10.5-dind",
            "docker:20.10.5-dind-alpine3.13",
            "bitbucket-pipelines-docker-daemon:v25.0.5-tlsfalse-prod-stable",
            "docker:20.10.5",
        ] {
            assert_eq!(upgrade(other), None, "{other}");
        }
    }

    #[test]
    fn a_known_bad_release_says_what_fixes_it() {
        let bad = |version| releases().known_bad(Product::Docker, version);
        assert_eq!(bad("29.1.0").unwrap().fixed_in, "29.1.1");
        assert!(bad("29.1.1").is_none());
        let containerd = releases().known_bad(Product::Containerd, "v2.3.0");
        assert_eq!(containerd.unwrap().fixed_in, "2.3.1");
    }
}
