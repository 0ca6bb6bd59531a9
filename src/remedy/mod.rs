//! What a check wants, as something to paste: right for the CI system and for the Docker version.

mod bitbucket;
mod container;
mod docker;
mod pod;

use crate::diagnosis::Remedy;
use crate::evidence::versions;
use crate::evidence::{Engine, Provider, Runner};
use semver::Version;
use std::collections::BTreeMap;

/// The engine that a remedy is for.
struct Patient<'a> {
    runner: &'a Runner,
    /// Its path, `docker-in-docker/bb_docker`.
    path: &'a str,
    /// Absent where it was not seen.
    engine: Option<&'a Engine>,
}

/// The ways to make come true what a check wants; each is enough by itself.
pub fn remedies(
    wants: &BTreeMap<String, String>,
    runner: &Runner,
    engine: Option<&str>,
) -> Vec<Remedy> {
    let Some(path) = engine else {
        return Vec::new();
    };
    let patient = Patient {
        runner,
        path,
        engine: runner
            .engines
            .seen()
            .iter()
            .find(|engine| engine.path == path),
    };
    wants
        .iter()
        .flat_map(|(want, value)| patient.cure(want, value))
        .collect()
}

impl Patient<'_> {
    fn cure(&self, want: &str, value: &str) -> Vec<Remedy> {
        match (want, value.parse()) {
            ("engine_mtu", Ok(mtu)) => {
                let mut cures = vec![self.engine_mtu(mtu)];
                cures.extend(pod::clamp(self, mtu));
                cures
            }
            ("network_mtu", Ok(mtu)) => {
                let mut cures = docker::network_mtu(self, mtu);
                cures.extend(pod::clamp(self, mtu));
                cures
            }
            ("engine_image", _) => vec![self.image("a version without this fault", value)],
            ("pin_image", _) => vec![self.image("the version that runs now", value)],
            ("memory_request", _) => vec![pod::memory_request(self, value)],
            ("engine_restart", _) => vec![pod::restart(self)],
            _ => container::cure(self, want, value),
        }
    }

    fn engine_mtu(&self, mtu: i64) -> Remedy {
        match (self.is_nested(), self.runner.provider) {
            (false, _) => pod::engine_mtu(self, mtu),
            (true, Provider::Bitbucket) => bitbucket::engine_mtu(self, mtu),
            (true, _) => docker::engine_mtu(self, mtu),
        }
    }

    fn image(&self, which: &str, image: &str) -> Remedy {
        match (self.is_nested(), self.runner.provider) {
            (true, Provider::Bitbucket) => bitbucket::image(which, image),
            (true, _) => docker::image(self, which, image),
            (false, _) => pod::image(self, which, image),
        }
    }

    fn is_nested(&self) -> bool {
        self.path.contains('/')
    }

    /// The last part of the path: the container that the engine runs in.
    fn container(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// The version of the engine, or what its image promises.
    fn version(&self) -> Option<Version> {
        let running = self.engine.and_then(|engine| engine.api.observed());
        match running {
            Some(api) => versions::parse(&api.version),
            None => {
                let mut containers = self.runner.containers.iter();
                let container = containers.find(|c| c.name == self.path)?;
                versions::parse(versions::ImageRef::parse(&container.image).docker_version()?)
            }
        }
    }
}
