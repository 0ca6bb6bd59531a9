//! Settings of dockerd and of Docker networks, as each version of Docker takes them.

use super::place;
use crate::diagnosis::{Change, Settings};
use crate::evidence::{DaemonConfig, MTU_OPTION};
use crate::facts::releases::{image, releases};
use crate::facts::versions::{self, ImageRef};
use semver::Version;
use serde_json::{Map, Value, json};

/// Where people name their own.
pub const MIRROR: &str = "https://YOUR-MIRROR";
pub const PROXY: &str = "http://YOUR-PROXY:PORT";

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

/// Docker's own image in the recommended version, where no other is known.
pub fn recommended_image() -> String {
    image(&releases().recommended)
}

/// The version that will take the settings: the new image's where there is one.
pub fn version(change: &Change) -> Option<Version> {
    let new = change.settings.image.as_deref();
    match new {
        Some(image) => promised(image),
        None => versions::parse(change.docker.as_deref()?),
    }
}

/// The flag that sets the MTU of new networks, from Docker 24 on.
pub fn default_network_opt(mtu: i64) -> String {
    format!("--default-network-opt=bridge={MTU_OPTION}={mtu}")
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
        networks.map(default_network_opt),
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

/// The flags of a change as daemon.json has them: an object, to be merged into what is there.
pub fn config(change: &Change) -> String {
    let mut file = Map::new();
    for flag in flags(change) {
        let Some((key, value)) = config_entry(&flag) else {
            continue;
        };
        match (file.get_mut(key), value) {
            (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
            (_, value) => {
                file.insert(key.to_owned(), value);
            }
        }
    }
    in_one_line(&Value::Object(file))
}

/// The key of daemon.json that sets what a flag sets, and its value there. Kinds differ: an MTU is a
/// number, the option of a network is a text.
fn config_entry(flag: &str) -> Option<(&'static str, Value)> {
    let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
    let number = || value.parse::<i64>().map_or(json!(value), Value::from);
    let truth = || json!(value == "true");
    let pair = |text: &str| {
        let (key, value) = text.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    };
    let object = |key: String, value: Value| Value::Object(Map::from_iter([(key, value)]));
    Some(match name {
        "--mtu" => ("mtu", number()),
        "--oom-score-adjust" => ("oom-score-adjust", number()),
        "--bip" => ("bip", json!(value)),
        "--group" => ("group", json!(value)),
        "--tls" => ("tls", truth()),
        "--storage-driver" => ("storage-driver", json!(value)),
        "--data-root" => ("data-root", json!(value)),
        "--iptables" => ("iptables", truth()),
        "--ip-masq" => ("ip-masq", truth()),
        "--ipv6" => ("ipv6", truth()),
        "--registry-mirror" => ("registry-mirrors", json!([value])),
        "--insecure-registry" => ("insecure-registries", json!([value])),
        "--dns" => ("dns", json!([value])),
        "--default-network-opt" => {
            let (driver, option) = pair(value)?;
            let (option, value) = pair(&option)?;
            let options = object(option, json!(value));
            ("default-network-opts", object(driver, options))
        }
        "--feature" => {
            let (feature, value) = pair(value).unwrap_or((value.to_owned(), "true".to_owned()));
            ("features", object(feature, json!(value == "true")))
        }
        "--default-ulimit" => {
            let (limit, value) = pair(value)?;
            let (soft, hard) = value.split_once(':').unwrap_or((&value, &value));
            let (soft, hard): (i64, i64) = (soft.parse().ok()?, hard.parse().ok()?);
            let value = json!({"Name": limit, "Soft": soft, "Hard": hard});
            ("default-ulimits", object(limit, value))
        }
        "--default-address-pool" => {
            let parts = value.split(',').filter_map(pair);
            let parts = parts.map(|(key, value)| match value.parse::<i64>() {
                Ok(size) => (key, json!(size)),
                Err(_) => (key, json!(value)),
            });
            (
                "default-address-pools",
                json!([Value::Object(parts.collect())]),
            )
        }
        _ => return None,
    })
}

/// JSON as people write it in one line.
fn in_one_line(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Object(fields) => {
            let field =
                |(key, value): (&String, &Value)| format!("{}: {}", json!(key), in_one_line(value));
            format!("{{{}}}", list(fields.iter().map(field).collect()))
        }
        Value::Array(items) => format!("[{}]", list(items.iter().map(in_one_line).collect())),
        other => other.to_string(),
    }
}

/// Whether daemon.json sets one of these flags now: dockerd rejects a setting that is in both.
pub fn sets_one_of(config: &DaemonConfig, flags: &[String]) -> bool {
    // Both MTUs belong together.
    let mtu = config.mtu.is_some() || config.bridge_network_mtu.is_some();
    let known = [
        ("mtu", mtu),
        ("default-network-opts", mtu),
        ("storage-driver", config.storage_driver.is_some()),
        ("iptables", config.iptables.is_some()),
        ("default-ulimits", config.open_files.is_some()),
    ];
    let is_set =
        |key: &str| known.contains(&(key, true)) || config.also.iter().any(|other| other == key);
    let keys = flags.iter().filter_map(|flag| config_entry(flag));
    keys.into_iter().any(|(key, _)| is_set(key))
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
        legacy_iptables: false,
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

/// Whether a flag that the change sets comes from DOCKER_OPTS now: in a file as well it would keep
/// dockerd from starting.
pub fn reads_opts(change: &Change) -> bool {
    let flags = flags(change);
    let is_set = |arg: &String| flags.iter().any(|flag| same_setting(arg, flag));
    change.args.iter().any(is_set)
}

/// Words in JSON's quotes, which YAML, TOML and a Dockerfile understand too.
pub fn quoted(words: &[String]) -> String {
    let words = words
        .iter()
        .map(|word| serde_json::Value::from(word.as_str()).to_string());
    words.collect::<Vec<_>>().join(", ")
}
