//! Settings of dockerd and of Docker networks, as each version of Docker takes them.

use super::{Patient, place, template};
use crate::diagnosis::{Change, Remedy, Settings};
use crate::evidence::{DaemonConfig, Launcher};
use crate::facts::versions::{self, ImageRef};
use semver::Version;

const NETWORK_OPTION: &str = "com.docker.network.driver.mtu";

/// `default-network-opts` came with 24.0.0. Before it the flag or the key is unknown, and a dockerd
/// that is given it does not start.
pub fn knows_default_network_opts(version: Option<&Version>) -> bool {
    version.is_some_and(|version| *version >= Version::new(24, 0, 0))
}

/// `--oom-score-adjust` is deprecated in 24, without effect in 25 and unknown from 26 on; before
/// 20.10 it was not needed (moby#41528).
pub fn takes_oom_score(version: Option<&Version>) -> bool {
    version.is_some_and(|v| *v >= Version::new(20, 10, 0) && *v < Version::new(24, 0, 0))
}

/// The version that an image's tag names.
pub fn promised(image: &str) -> Option<Version> {
    let named = ImageRef::parse(image).docker_version()?;
    // `28` is a series, of which the first is the least.
    versions::parse(named).or_else(|| versions::parse(&format!("{named}.0")))
}

/// The version that will take the settings: the new image's where there is one.
pub fn version(change: &Change) -> Option<Version> {
    let new = change.settings.image.as_deref();
    match new {
        Some(image) => promised(image),
        None => versions::parse(change.docker.as_deref()?),
    }
}

/// The flags of a change, none of which keeps its dockerd from starting.
pub fn flags(change: &Change) -> Vec<String> {
    let version = version(change);
    let Settings {
        mtu,
        network_mtu,
        oom_score_adjust,
        ..
    } = change.settings;
    let networks = network_mtu.filter(|_| knows_default_network_opts(version.as_ref()));
    let score = oom_score_adjust.filter(|_| takes_oom_score(version.as_ref()));
    [
        mtu.map(|mtu| format!("--mtu={mtu}")),
        networks.map(|mtu| format!("--default-network-opt=bridge={NETWORK_OPTION}={mtu}")),
        score.map(|score| format!("--oom-score-adjust={score}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The same in daemon.json: the MTU as a number, the option's value as a text.
pub fn config(change: &Change) -> String {
    let Settings {
        mtu, network_mtu, ..
    } = change.settings;
    let known = knows_default_network_opts(version(change).as_ref());
    let parts = [
        mtu.map(|mtu| format!(r#""mtu": {mtu}"#)),
        network_mtu.filter(|_| known).map(|mtu| {
            format!(r#""default-network-opts": {{"bridge": {{"{NETWORK_OPTION}": "{mtu}"}}}}"#)
        }),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{{{}}}", parts.join(", "))
}

/// The flags that give an engine of this version, and the networks it makes, an MTU.
pub fn mtu_flags(version: Option<&Version>, mtu: i64) -> Vec<String> {
    flags(&new_engine(version, mtu))
}

/// The same as daemon.json.
pub fn mtu_config(version: Option<&Version>, mtu: i64) -> String {
    config(&new_engine(version, mtu))
}

fn new_engine(version: Option<&Version>, mtu: i64) -> Change {
    Change {
        place: place::elsewhere(""),
        container: String::new(),
        init: false,
        docker: version.map(Version::to_string),
        image: None,
        launch: None,
        args: Vec::new(),
        data_root: None,
        settings: Settings {
            mtu: Some(mtu),
            network_mtu: Some(mtu),
            ..Settings::default()
        },
    }
}

/// Whether two flags set the same thing, so that one must make way for the other.
pub fn same_setting(one: &str, other: &str) -> bool {
    let key = |flag: &str| match flag.split_once('=') {
        // Of the options for networks, each is one setting.
        Some(("--default-network-opt", option)) => option
            .rsplit_once('=')
            .map_or(option, |(key, _)| key)
            .to_owned(),
        Some((flag, _)) => flag.to_owned(),
        None => flag.to_owned(),
    };
    key(one) == key(other)
}

pub fn sets_mtu(config: &DaemonConfig) -> bool {
    config.mtu.is_some() || config.bridge_network_mtu.is_some()
}

/// What a change does, for the title of what is pasted.
pub fn phrase(change: &Change) -> String {
    let settings = &change.settings;
    let parts = [
        settings
            .has_flags()
            .then_some("add to the arguments of its engine"),
        settings.image.is_some().then_some("another image"),
        settings
            .memory_request
            .is_some()
            .then_some("a memory request"),
        settings.volume.then_some("a volume for its data"),
        settings.privileged.then_some("privileged"),
        settings
            .clamp
            .then_some("a container that lowers TCP connections"),
    ];
    let mut parts = parts.into_iter().flatten();
    match (parts.next(), parts.next()) {
        (Some(only), None) => only.to_owned(),
        _ => "these settings".to_owned(),
    }
}

/// How the flags go with what starts the engine now, where that must be said.
pub fn how_launched(change: &Change) -> &'static str {
    if !change.settings.has_flags() {
        return "";
    }
    match change.launch.as_ref().map(|launch| launch.by) {
        Some(Launcher::Args) => {
            ", after those that are there: they begin with dockerd and so replace the image's own"
        }
        Some(Launcher::Command) => ", behind the command that starts dockerd there",
        Some(Launcher::Script) => ": its own script or program starts dockerd, so put them there",
        Some(Launcher::Image) | None => "",
    }
}

/// The same setting as a flag and in the file is refused: dockerd would not start.
pub fn change_config(patient: &Patient, mtu: i64) -> Remedy {
    let mut change = patient.unchanged(patient.place());
    change.settings.mtu = Some(mtu);
    change.settings.network_mtu = Some(mtu);
    let is_flag = |flag: &String| same_setting(flag, "--mtu");
    let flag = match patient.engine.is_some_and(|e| e.args.iter().any(is_flag)) {
        true => ", and take --mtu from its arguments: both together it refuses",
        false => " (as a flag beside it dockerd would refuse it)",
    };
    Remedy::new(
        format!(
            "{}, container {}: change the MTU in its daemon.json, where it is set now{flag}",
            place::words(&place::pod(patient.runner)),
            patient.path
        ),
        config(&change),
    )
}

/// A nested engine that no manifest reaches: whoever starts it must tell it.
pub fn paste(change: &Change, phrase: &str) -> Remedy {
    let path = &change.container;
    let flags = flags(change);
    let mut lines = Vec::new();
    if let Some(image) = &change.settings.image {
        lines.push(image.clone());
    }
    if !flags.is_empty() {
        lines.push(format!("dockerd {}", flags.join(" ")));
    }
    if change.settings.volume {
        lines.push(format!(
            "docker run … --volume {} …",
            template::data(change)
        ));
    }
    let title = match (flags.is_empty(), &change.settings.image) {
        (false, _) => format!(
            "Where {path} is started, give its dockerd these flags (its networks must be made anew)"
        ),
        (true, Some(_)) => format!("Where {path} is started, use {phrase}"),
        (true, None) => format!("Where {path} is started: {phrase}"),
    };
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(title, lines.join("\n"))
    }
}

/// A network's MTU is fixed when it is made; `--mtu` does not reach it.
pub fn networks(mtu: i64) -> Vec<Remedy> {
    vec![
        Remedy::new(
            "Where the network is created by command, create it with an MTU",
            format!("docker network create --opt {NETWORK_OPTION}={mtu} NAME"),
        ),
        Remedy::new(
            "Where Compose creates it, in the compose file (then `docker compose down` and `up`)",
            format!("networks:\n  default:\n    driver_opts:\n      {NETWORK_OPTION}: \"{mtu}\""),
        ),
    ]
}
