//! Chooses the settings of a runner's pod: the engine's image, the MTU, the memory.

use crate::collect::surroundings::Surroundings;
use crate::facts::releases::{Product, image, releases};
use crate::facts::versions::{self, ImageRef};
use semver::Version;

/// Ethernet's 1500 minus the VXLAN overhead.
const ASSUMED_MTU: i64 = 1450;

/// Docker's default, which servers on the Internet do not exceed either.
const ETHERNET: i64 = 1500;

/// A step of size 1x, in MiB: <https://support.atlassian.com/bitbucket-cloud/docs/step-options/>.
const STEP_MEMORY: u64 = 4096;

/// An image, and why it was chosen.
pub(crate) struct Engine {
    pub(super) image: String,
    pub(super) why: String,
}

impl Engine {
    pub(super) fn version(&self) -> Option<Version> {
        versions::parse(ImageRef::parse(&self.image).docker_version()?)
    }

    pub(super) fn choose(given: Option<&str>, around: &Surroundings) -> Self {
        let engine = |image: &str, why: &str| Engine {
            image: image.to_owned(),
            why: why.to_owned(),
        };
        if let Some(image) = given {
            return engine(image, "Set by --engine-image.");
        }
        let recommended = image(&releases().recommended);
        let pinned = "A pinned, supported version: a tag like docker:dind can resolve to another Docker later.";
        match around.docker.as_slice() {
            [] => engine(&recommended, pinned),
            [one] => match versions::parse(one).filter(is_usable) {
                Some(version) => {
                    let why = "The same Docker version as on the nodes.";
                    engine(&image(&number(&version)), why)
                }
                None => engine(
                    &recommended,
                    &format!("{pinned} The nodes' Docker {one} is not suitable for builds."),
                ),
            },
            _ => engine(
                &recommended,
                &format!("{pinned} The nodes run several Docker versions."),
            ),
        }
    }
}

fn number(version: &Version) -> String {
    format!("{}.{}.{}", version.major, version.minor, version.patch)
}

/// Supported and without a known bug. 29.0 to 29.2 reject clients with an API older than 1.44, and
/// Bitbucket chooses the client.
fn is_usable(version: &Version) -> bool {
    let short_api = Version::new(29, 0, 0)..Version::new(29, 3, 0);
    let number = number(version);
    version.pre.is_empty()
        && !short_api.contains(version)
        && releases().is_maintained(&number, None)
        && releases().known_bad(Product::Docker, &number).is_none()
}

/// The MTU of the Docker networks, and how it is known.
pub(crate) struct Mtu {
    pub(crate) value: i64,
    pub(super) why: String,
    /// Neither given nor read.
    pub(crate) assumed: bool,
}

impl Mtu {
    pub(super) fn choose(given: Option<i64>, around: &Surroundings) -> Self {
        let read = around.pod_mtu.as_ref();
        let (pod, why, assumed) = match (given, read) {
            (Some(mtu), _) => (
                mtu,
                format!("The MTU of the pod network is {mtu} (--pod-mtu)."),
                false,
            ),
            (None, Some((mtu, source))) => (
                *mtu,
                format!("The MTU of the pod network is {mtu} ({source})."),
                false,
            ),
            (None, None) => (
                ASSUMED_MTU,
                format!(
                    "{ASSUMED_MTU} is assumed, the MTU of a VXLAN overlay on Ethernet with 1500; if the pod network carries less (see `runner-doctor check`), recreate this with --pod-mtu."
                ),
                true,
            ),
        };
        Mtu {
            value: pod.min(ETHERNET),
            why: format!(
                "{why} Docker does not detect it and defaults to {ETHERNET}: if that is larger, downloads hang."
            ),
            assumed,
        }
    }

    /// Whether an unconfigured engine uses the right MTU.
    pub(super) fn is_default(&self) -> bool {
        self.value == ETHERNET
    }
}

/// Memory of the engine's container, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(u64);

impl Memory {
    /// One step of size 1x, plus the engine itself.
    pub const DEFAULT: &'static str = "4608Mi";

    /// `4608Mi`, `8Gi`; as Kubernetes writes it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match &text[digits.len()..] {
            "Mi" => 1,
            "Gi" => 1024,
            _ => return Err("write it as 4608Mi or 8Gi".to_owned()),
        };
        let count: u64 = digits.parse().map_err(|_| "write it as 4608Mi or 8Gi")?;
        match count.checked_mul(unit) {
            Some(memory) if (512..=4 << 20).contains(&memory) => Ok(Memory(memory)),
            _ => Err("it must be from 512Mi to 4096Gi".to_owned()),
        }
    }

    pub(super) fn quantity(self) -> String {
        format!("{}Mi", self.0)
    }

    /// The largest step that fits; nothing if even the smallest does not.
    pub(crate) fn step_size(self) -> Option<u64> {
        [8, 4, 2, 1]
            .into_iter()
            .find(|size| size * STEP_MEMORY <= self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(docker: &[&str], pod_mtu: Option<i64>) -> Surroundings {
        Surroundings {
            docker: docker.iter().map(|version| (*version).to_owned()).collect(),
            pod_mtu: pod_mtu.map(|mtu| (mtu, "configmap kube-system/calico-config".to_owned())),
        }
    }

    #[test]
    fn the_engine_is_the_nodes_own_where_that_is_one_to_build_with() {
        let image = |docker: &[&str]| Engine::choose(None, &around(docker, None)).image;
        let recommended = super::image(&releases().recommended);
        assert_eq!(image(&[]), recommended);
        assert_eq!(image(&["29.3.1+dfsg1"]), "docker:29.3.1-dind");
        let unusable = [
            &["20.10.24"][..],
            &["29.0.1"],
            &["29.3.0", "29.4.0"],
            &["?"],
            &["29.7.0"],
        ];
        for unusable in unusable {
            assert_eq!(image(unusable), recommended, "{unusable:?}");
        }
        let given = Engine::choose(Some("x/docker:27.1.0-dind"), &around(&["29.3.1"], None));
        assert_eq!(given.image, "x/docker:27.1.0-dind");
        assert_eq!(given.version(), Some(Version::new(27, 1, 0)));
    }

    #[test]
    fn the_mtu_is_the_given_then_the_read_then_the_usual() {
        let mtu = |given, read| Mtu::choose(given, &around(&[], read));
        assert_eq!(mtu(Some(1400), Some(1440)).value, 1400);
        assert_eq!(mtu(None, Some(1440)).value, 1440);
        assert_eq!(mtu(None, Some(9001)).value, 1500);
        let assumed = mtu(None, None);
        assert!(assumed.value == 1450 && assumed.assumed);
    }

    #[test]
    fn steps_fit_their_memory() {
        let size = |text: &str| Memory::parse(text).unwrap().step_size();
        assert_eq!(size(Memory::DEFAULT), Some(1));
        assert_eq!(size("8704Mi"), Some(2));
        assert_eq!(size("64Gi"), Some(8));
        assert_eq!(size("2Gi"), None);
        for wrong in [
            "",
            "4",
            "4G",
            "1Mi",
            "-1Gi",
            "99999999999999999999Gi",
            "18446744073709551615Gi",
            "Gi",
        ] {
            assert!(Memory::parse(wrong).is_err(), "{wrong}");
        }
    }
}
