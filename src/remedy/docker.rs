//! Settings of dockerd and of Docker networks, as each version of Docker takes them.

use super::{Patient, place, template, words};
use crate::diagnosis::{Change, Remedy, Settings};
use crate::evidence::DaemonConfig;
use crate::facts::versions::{self, ImageRef};
use crate::text::shell;
use semver::Version;

pub const NETWORK_OPTION: &str = "com.docker.network.driver.mtu";

/// Where people name their own.
pub const MIRROR: &str = "https://YOUR-MIRROR";

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

/// A new tag in the repository and the flavour of the image that is there, if that is Docker's own or
/// a mirror of it.
pub fn retagged(now: &str, new: &str) -> Option<String> {
    const ROOTLESS: &str = "-rootless";
    let (now, tag) = (ImageRef::parse(now), ImageRef::parse(new).tag?);
    let rootless = now.tag.is_some_and(|tag| tag.ends_with(ROOTLESS));
    let flavour = if rootless && !tag.ends_with(ROOTLESS) {
        ROOTLESS
    } else {
        ""
    };
    (now.name() == "docker").then(|| format!("{}:{tag}{flavour}", now.repository))
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
        mirror,
        ..
    } = change.settings;
    let networks = network_mtu.filter(|_| knows_default_network_opts(version.as_ref()));
    let score = oom_score_adjust.filter(|_| takes_oom_score(version.as_ref()));
    let typed = [
        mtu.map(|mtu| format!("--mtu={mtu}")),
        networks.map(|mtu| format!("--default-network-opt=bridge={NETWORK_OPTION}={mtu}")),
        score.map(|score| format!("--oom-score-adjust={score}")),
        mirror.then(|| format!("--registry-mirror={MIRROR}")),
    ];
    let mut flags: Vec<String> = typed.into_iter().flatten().collect();
    for flag in &change.settings.flags {
        if !flags.iter().any(|known| same_setting(known, flag)) {
            flags.push(flag.clone());
        }
    }
    flags
}

/// The MTU in daemon.json: a number there, the option's value a text.
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
        network: None,
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

/// Flags that may be given more than once, each time for something else.
const LISTS: [&str; 16] = [
    "--add-runtime",
    "--allow-nondistributable-artifacts",
    "--authorization-plugin",
    "--default-address-pool",
    "--dns",
    "--dns-opt",
    "--dns-search",
    "--exec-opt",
    "--feature",
    "--host",
    "-H",
    "--insecure-registry",
    "--label",
    "--node-generic-resource",
    "--registry-mirror",
    "--storage-opt",
];

/// Whether two flags set the same thing, so that one must make way for the other.
pub fn same_setting(one: &str, other: &str) -> bool {
    let key = |flag: &str| match flag.split_once('=') {
        // Of the options for networks, logs and limits, each is one setting.
        Some(("--default-network-opt" | "--log-opt" | "--default-ulimit", option)) => option
            .rsplit_once('=')
            .map_or(option, |(key, _)| key)
            .to_owned(),
        Some((name, _)) if !LISTS.contains(&name) => name.to_owned(),
        _ => flag.to_owned(),
    };
    key(one) == key(other)
}

/// Words in JSON's quotes, which YAML, TOML and a Dockerfile understand too.
pub fn quoted(words: &[String]) -> String {
    let words = words
        .iter()
        .map(|word| serde_json::Value::from(word.as_str()).to_string());
    words.collect::<Vec<_>>().join(", ")
}

pub fn sets_mtu(config: &DaemonConfig) -> bool {
    config.mtu.is_some() || config.bridge_network_mtu.is_some()
}

/// The same setting as a flag and in the file is rejected: dockerd would not start.
pub fn change_config(patient: &Patient, change: &Change, key: &str, config: String) -> Remedy {
    let flags = flags(change);
    let is_given = |arg: &String| flags.iter().any(|flag| same_setting(arg, flag));
    let both = match patient.engine.is_some_and(|e| e.args.iter().any(is_given)) {
        true => "remove the flag: dockerd rejects a setting that is in both",
        false => "dockerd rejects it as a flag beside the file",
    };
    let target = words::target(change);
    Remedy::new(
        format!("Change {key} in daemon.json for {target} ({both})"),
        config,
    )
}

/// A nested engine that no manifest reaches: what starts it sets its flags.
pub fn paste(change: &Change) -> Remedy {
    let flags = flags(change);
    let mut lines = Vec::new();
    if let Some(image) = &change.settings.image {
        lines.push(image.clone());
    }
    if !flags.is_empty() {
        lines.push(format!("dockerd {}", shell::flags(&flags)));
    }
    if change.settings.volume {
        lines.push(format!(
            "docker run … --volume {} …",
            template::data(change)
        ));
    }
    for (name, value) in &change.settings.env {
        lines.push(format!("{name}={}", shell::word(value)));
    }
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(words::title(change), lines.join("\n"))
    }
}

/// A network's MTU is fixed when it is created; `--mtu` does not reach it.
pub fn networks(mtu: i64) -> Vec<Remedy> {
    vec![
        Remedy::new(
            "Create the network with an MTU where a command creates it",
            format!("docker network create --opt {NETWORK_OPTION}={mtu} NAME"),
        ),
        Remedy::new(
            "Set the network's MTU in the Compose file where Compose creates it (then run `docker compose down` and `up`)",
            format!("networks:\n  default:\n    driver_opts:\n      {NETWORK_OPTION}: \"{mtu}\""),
        ),
    ]
}
