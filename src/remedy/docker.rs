//! Settings of dockerd and of Docker networks, as each version of Docker takes them.

use super::Patient;
use crate::diagnosis::Remedy;
use semver::Version;

const NETWORK_OPTION: &str = "com.docker.network.driver.mtu";

/// `default-network-opts` came with 24.0.0. Before it the flag or the key is unknown, and a dockerd
/// that is given it does not start.
fn knows_default_network_opts(version: Option<&Version>) -> bool {
    version.is_some_and(|version| *version >= Version::new(24, 0, 0))
}

/// The flags that give the default bridge, and where Docker can, new networks, an MTU.
pub fn mtu_flags(version: Option<&Version>, mtu: i64) -> Vec<String> {
    let mut flags = vec![format!("--mtu={mtu}")];
    if knows_default_network_opts(version) {
        flags.push(format!(
            "--default-network-opt=bridge={NETWORK_OPTION}={mtu}"
        ));
    }
    flags
}

/// The same in daemon.json: the MTU as a number, the option's value as a text.
pub fn mtu_config(version: Option<&Version>, mtu: i64) -> String {
    match knows_default_network_opts(version) {
        true => format!(
            r#"{{"mtu": {mtu}, "default-network-opts": {{"bridge": {{"{NETWORK_OPTION}": "{mtu}"}}}}}}"#
        ),
        false => format!(r#"{{"mtu": {mtu}}}"#),
    }
}

/// A nested engine that no manifest reaches: whoever starts it must tell it.
pub fn engine_mtu(patient: &Patient, mtu: i64) -> Remedy {
    let version = patient.version();
    Remedy {
        title: format!(
            "Where {} is started, give its dockerd these flags (its networks must be made anew)",
            patient.path
        ),
        snippet: format!("dockerd {}", mtu_flags(version.as_ref(), mtu).join(" ")),
    }
}

pub fn image(patient: &Patient, which: &str, image: &str) -> Remedy {
    Remedy {
        title: format!("Where {} is started, use {which}", patient.path),
        snippet: image.to_owned(),
    }
}

/// A network's MTU is fixed when it is made; `--mtu` does not reach it.
pub fn network_mtu(patient: &Patient, mtu: i64) -> Vec<Remedy> {
    let mut cures = vec![
        Remedy {
            title: "Where the network is created by command, create it with an MTU".to_owned(),
            snippet: format!("docker network create --opt {NETWORK_OPTION}={mtu} NAME"),
        },
        Remedy {
            title: "Where Compose creates it, in the compose file (then `docker compose down` and `up`)".to_owned(),
            snippet: format!(
                "networks:\n  default:\n    driver_opts:\n      {NETWORK_OPTION}: \"{mtu}\""
            ),
        },
    ];
    if knows_default_network_opts(patient.version().as_ref()) {
        cures.push(Remedy {
            title: format!(
                "For every network that {} creates from now on, a flag of its dockerd",
                patient.path
            ),
            snippet: format!("--default-network-opt=bridge={NETWORK_OPTION}={mtu}"),
        });
    }
    cures
}
