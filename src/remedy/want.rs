//! What a fix makes true: each kind with its name in check files, and with its value as a type.

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Deserialize;

macro_rules! wants {
    ($($(#[$doc:meta])* $kind:ident $(($value:ty))? = $name:literal,)*) => {
        /// What a fix makes true. How depends on the CI system and the Docker version, and is not part
        /// of a check.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Want {
            $($(#[$doc])* $kind $(($value))?,)*
        }

        /// What a fix makes true, without its value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
        pub enum WantKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl WantKind {
            pub const ALL: &'static [WantKind] = &[$(WantKind::$kind),*];

            pub fn name(self) -> &'static str {
                match self {
                    $(WantKind::$kind => $name,)*
                }
            }

            /// Parses the value in a check file; the error is what was expected.
            pub(crate) fn with(self, text: &str) -> Result<Want, &'static str> {
                match self {
                    $(WantKind::$kind => wants!(@read $kind $($value)?, text),)*
                }
            }
        }

        impl Want {
            pub fn kind(&self) -> WantKind {
                match self {
                    $(wants!(@any $kind $($value)?) => WantKind::$kind,)*
                }
            }
        }
    };
    (@read $kind:ident, $text:ident) => {
        match $text {
            "true" => Ok(Want::$kind),
            _ => Err("true, or an empty text"),
        }
    };
    (@read $kind:ident $value:ty, $text:ident) => {
        <$value as Value>::read($text).map(Want::$kind).ok_or(<$value as Value>::EXPECTED)
    };
    (@any $kind:ident) => { Want::$kind };
    (@any $kind:ident $value:ty) => { Want::$kind(_) };
}

wants! {
    /// The engine's default bridge, and networks made after it, have this MTU.
    EngineMtu(i64) = "engine_mtu",
    /// The user-defined networks of the engine have this MTU.
    NetworkMtu(i64) = "network_mtu",
    /// The engine runs from this image.
    EngineImage(String) = "engine_image",
    /// The engine runs from its image in the recommended version of Docker: `true`.
    SupportedImage = "supported_image",
    /// The memory limit of the engine that runs the steps is this high.
    EngineMemory(Quantity) = "engine_memory",
    /// The Secret of this name is created with a command and is not in a file.
    SecretByCommand(String) = "secret_by_command",
    /// The engine's container requests this much memory.
    MemoryRequest(Quantity) = "memory_request",
    /// The engine's image has this tag.
    PinImage(String) = "pin_image",
    /// The engine of this path runs and responds.
    EngineRestart(String) = "engine_restart",
    /// The engine's data directory is on its own volume: `true`.
    EngineVolume = "engine_volume",
    /// The engine sets this OOM score for containerd, if its version supports it.
    OomScoreAdjust(i64) = "oom_score_adjust",
    /// The engine's container is privileged: `true`.
    Privileged = "privileged",
    /// The runner's image (currently this one) has a version tag.
    RunnerImage(String) = "runner_image",
    /// These variables, separated by `, `, come from a Secret.
    SecretEnv(Names) = "secret_env",
    /// The engine pulls Docker Hub's images through a mirror: `true`.
    RegistryMirror = "registry_mirror",
    /// The engine sends its requests through a proxy, by these variables, separated by `, `.
    EngineProxy(Names) = "engine_proxy",
    /// The engine's container has this variable: `NAME=value`.
    EngineEnv(Variable) = "engine_env",
    /// Unused data is removed from the engine's data directory: `true`.
    FreeSpace = "free_space",
    /// The container's memory limit is higher than this one.
    MemoryLimit(Quantity) = "memory_limit",
    /// No other engine uses the engine's data directory: `true`.
    OwnData = "own_data",
    /// The engine is no longer configured to use this storage driver.
    StorageDriver(String) = "storage_driver",
    /// The open-file limit of the engine's containers is normal: `true`.
    OpenFiles = "open_files",
    /// A node has these labels, separated by `,`, which the pod selects.
    NodeLabel(Labels) = "node_label",
    /// A node has more of these resources, separated by `, `, or the pod requests less of them.
    NodeRoom(Names) = "node_room",
    /// IPv6 is disabled for the network: `true`.
    Ipv6Off = "ipv6_off",
    /// The runner uses its engine without TLS: `true`.
    TlsOff = "tls_off",
    /// This Job is recreated.
    JobRestart(String) = "job_restart",
    /// This terminated pod is deleted.
    DeletePod(String) = "delete_pod",
    /// This command was run on the pod's node.
    NodeCommand(String) = "node_command",
    /// The engine's dockerd has these flags, separated by spaces.
    EngineFlags(Flags) = "engine_flags",
    /// New networks of the engine use this address range.
    EngineRange(Ipv4Net) = "engine_range",
    /// This command was run in the engine's container.
    EngineCommand(String) = "engine_command",
    /// The runner has this DOCKER_HOST.
    DockerHost(String) = "docker_host",
    /// Names are resolved by a server that can be reached, in the container of this path or in the
    /// `pod`.
    NameServer(Resolver) = "name_server",
}

/// A value that is written as text in a check file.
trait Value: Sized {
    const EXPECTED: &'static str;
    fn read(text: &str) -> Option<Self>;
}

impl Value for i64 {
    const EXPECTED: &'static str = "a whole number";
    fn read(text: &str) -> Option<i64> {
        text.parse().ok()
    }
}

impl Value for String {
    const EXPECTED: &'static str = "a text";
    fn read(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

impl Value for Ipv4Net {
    const EXPECTED: &'static str = "an IPv4 range such as 172.29.0.0/16";
    fn read(text: &str) -> Option<Ipv4Net> {
        text.parse().ok().map(|range: Ipv4Net| range.trunc())
    }
}

macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $separator:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub Vec<String>);

        impl Value for $name {
            const EXPECTED: &'static str = $expected;
            fn read(text: &str) -> Option<$name> {
                let items: Vec<String> = text.split($separator).map(str::to_owned).collect();
                items.iter().all(|item| !item.is_empty()).then_some($name(items))
            }
        }
    };
}

list!(
    /// Names of variables.
    Names, ", ", "names separated by `, `"
);
list!(
    /// Flags of dockerd.
    Flags, " ", "flags separated by spaces"
);
list!(
    /// Labels of a node, `key=value`.
    Labels, ",", "labels separated by `,`"
);

/// A variable of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub value: String,
}

impl Value for Variable {
    const EXPECTED: &'static str = "NAME=value";
    fn read(text: &str) -> Option<Variable> {
        let (name, value) = text.split_once('=')?;
        Some(Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// Whose DNS servers are wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolver {
    Pod,
    Container(String),
}

impl Value for Resolver {
    const EXPECTED: &'static str = "`pod`, or the path of a container";
    fn read(text: &str) -> Option<Resolver> {
        Some(match text {
            "pod" => Resolver::Pod,
            path => Resolver::Container(path.to_owned()),
        })
    }
}

/// An amount of memory, as Kubernetes writes it: `512Mi`, `1.5Gi`, `8589934592`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    text: String,
    bytes: f64,
}

impl Value for Quantity {
    const EXPECTED: &'static str = "an amount of memory such as 512Mi";
    fn read(text: &str) -> Option<Quantity> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        Some(Quantity {
            text: text.to_owned(),
            bytes: number.parse::<f64>().ok()? * size(unit)?,
        })
    }
}

/// The bytes of a Kubernetes unit.
fn size(unit: &str) -> Option<f64> {
    if unit.is_empty() {
        return Some(1.0);
    }
    if let Some(exponent) = unit
        .strip_prefix(['e', 'E'])
        .filter(|rest| !rest.is_empty())
    {
        return Some(10_f64.powi(exponent.parse().ok()?));
    }
    let (base, power) = match unit.strip_suffix('i') {
        Some(unit) => (1024_f64, unit),
        None => (1000_f64, unit),
    };
    Some(match power {
        "m" if base == 1000.0 => 0.001,
        "k" | "K" => base,
        "M" => base.powi(2),
        "G" => base.powi(3),
        "T" => base.powi(4),
        "P" => base.powi(5),
        "E" => base.powi(6),
        _ => return None,
    })
}

impl Quantity {
    /// Twice as much, in the same unit if that takes whole numbers.
    pub(super) fn doubled(&self) -> String {
        let end = self.text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = self.text.split_at(end.unwrap_or(self.text.len()));
        match (number.parse::<u64>(), unit.starts_with(['.', 'e', 'm'])) {
            (Ok(number), false) if !unit.is_empty() => {
                format!("{}{unit}", number.saturating_mul(2))
            }
            _ => format!("{:.0}Mi", (self.bytes * 2.0 / 1024_f64.powi(2)).ceil()),
        }
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_means_nothing_says_what_was_expected() {
        for (kind, text) in [
            (WantKind::EngineMtu, "large"),
            (WantKind::Privileged, "yes"),
            (WantKind::MemoryLimit, "lots"),
            (WantKind::EngineEnv, "NAME"),
            (WantKind::EngineRange, "none"),
            (WantKind::EngineFlags, "--a  --b"),
        ] {
            assert!(kind.with(text).is_err(), "{kind:?}: {text}");
        }
        assert_eq!(WantKind::EngineMtu.with("1450"), Ok(Want::EngineMtu(1450)));
        assert_eq!(WantKind::Privileged.with("true"), Ok(Want::Privileged));
    }

    #[test]
    fn a_quantity_is_doubled_in_its_own_unit() {
        for (text, twice) in [
            ("512Mi", "1024Mi"),
            ("1Gi", "2Gi"),
            ("1.5Gi", "3072Mi"),
            ("8589934592", "16384Mi"),
            ("1e9", "1908Mi"),
            ("2G", "4G"),
        ] {
            assert_eq!(Quantity::read(text).unwrap().doubled(), twice, "{text}");
        }
        for odd in ["", "Gi", "5X", "1.2.3Gi", "-1Gi"] {
            assert_eq!(Quantity::read(odd), None, "{odd}");
        }
    }
}
