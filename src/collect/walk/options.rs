//! A daemon's settings, by allow-list: its flags and daemon.json. What is not listed is not kept,
//! so that no secret among them can leak.

use super::frames::Record;
use crate::evidence::{DaemonConfig, MTU_OPTION, Observation, Observed, Part, Reason};
use crate::text::plain::plain;
use serde_json::Value;

/// dockerd's flags that matter here, with their short forms.
const FLAGS: [(&str, Option<&str>); 20] = [
    ("--bip", None),
    ("--bridge", Some("-b")),
    ("--cgroup-parent", None),
    ("--config-file", None),
    ("--containerd", None),
    ("--data-root", Some("-g")),
    ("--default-address-pool", None),
    ("--default-network-opt", None),
    ("--default-ulimit", None),
    ("--feature", None),
    ("--firewall-backend", None),
    ("--group", Some("-G")),
    ("--host", Some("-H")),
    ("--iptables", None),
    ("--ipv6", None),
    ("--mtu", None),
    ("--oom-score-adjust", None),
    ("--storage-driver", Some("-s")),
    ("--tls", None),
    ("--tlsverify", None),
];
const BOOLEAN: [&str; 4] = ["--iptables", "--ipv6", "--tls", "--tlsverify"];

/// Keys of daemon.json of which only the names matter: beside them dockerd rejects the flag.
const ALSO: [&str; 14] = [
    "bip",
    "data-root",
    "default-address-pools",
    "default-network-opts",
    "default-ulimits",
    "dns",
    "features",
    "group",
    "insecure-registries",
    "ip-masq",
    "ipv6",
    "registry-mirrors",
    "tls",
    "tlsverify",
];

/// Whether a flag is on the list, so that its value is kept.
pub fn is_listed(flag: &str) -> bool {
    let name = flag.split('=').next().unwrap_or(flag);
    FLAGS.iter().any(|(long, _)| *long == name)
}

/// The flags of DOCKER_OPTS: the listed ones as `--flag=value`, of others the name.
pub fn opts(text: &str) -> Vec<String> {
    let mut kept = flags(text.split_whitespace());
    let names = text.split_whitespace().filter_map(|word| {
        let name = word.split('=').next()?;
        let is_short = FLAGS.iter().any(|(_, short)| *short == Some(name));
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (name.starts_with("--") && plain && !is_listed(name) && !is_short).then_some(name)
    });
    for name in names {
        if !kept.iter().any(|known| known == name) {
            kept.push(name.to_owned());
        }
    }
    kept
}

/// The listed flags of a command line, each as `--flag=value`.
pub fn flags<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut awaits_value: Option<&str> = None;
    for word in words {
        if let Some(flag) = awaits_value.take() {
            kept.push(format!("{flag}={}", plain(word)));
            continue;
        }
        if !word.starts_with('-') {
            continue;
        }
        let (given, value) = match word.split_once('=') {
            Some((given, value)) => (given, Some(value)),
            None => (word, None),
        };
        let known = FLAGS
            .iter()
            .find(|(long, short)| *long == given || *short == Some(given))
            .map(|(long, _)| *long);
        match (known, value) {
            (Some(flag), Some(value)) => kept.push(format!("{flag}={}", plain(value))),
            (Some(flag), None) if BOOLEAN.contains(&flag) => kept.push(flag.to_owned()),
            (Some(flag), None) => awaits_value = Some(flag),
            (None, _) => {}
        }
    }
    kept
}

pub fn arguments(record: Option<&Record>) -> Vec<String> {
    record.map_or(Vec::new(), |record| flags(record.lines().skip(1)))
}

/// dockerd's flags in DOCKER_OPTS; absent where the walk could not see its variables.
pub fn docker_opts(record: Option<&Record>) -> Option<Vec<String>> {
    let mut lines = record?.lines();
    (lines.next() == Some("# read")).then(|| {
        let value = lines.find_map(|line| line.strip_prefix("DOCKER_OPTS="));
        opts(value.unwrap_or_default())
    })
}

/// daemon.json; nothing where the walk found none.
pub fn config(record: Option<&Record>) -> Observation<Option<DaemonConfig>> {
    let Some(record) = record else {
        return Observed(None);
    };
    if record.content == b"absent\n" || record.content == b"absent" {
        return Observed(None);
    }
    match daemon_json(record.content) {
        Some(config) => Observed(Some(config)),
        None if record.cut || record.content.is_empty() => {
            Observation::Unobserved(Reason::Unreadable {
                part: Part::DaemonJson,
            })
        }
        None => Observation::Unobserved(Reason::DaemonJsonInvalid),
    }
}

/// What matters of a daemon.json; nothing where it is no JSON.
pub fn daemon_json(content: &[u8]) -> Option<DaemonConfig> {
    // dockerd takes a byte order mark, too.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let json: Value = serde_json::from_slice(content).ok()?;
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let of_bridge = json
        .get("default-network-opts")
        .and_then(|options| options.get("bridge")?.get(MTU_OPTION));
    let open_files = json
        .get("default-ulimits")
        .and_then(|limits| limits.get("nofile")?.get("Soft"));
    Some(DaemonConfig {
        iptables: json.get("iptables").and_then(Value::as_bool),
        mtu: json.get("mtu").and_then(number),
        bridge_network_mtu: of_bridge.and_then(number),
        storage_driver: json
            .get("storage-driver")
            .and_then(|name| name.as_str().map(plain)),
        open_files: open_files.and_then(number),
        also: ALSO
            .iter()
            .filter(|key| json.get(key).is_some())
            .map(|key| (*key).to_owned())
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_flags_are_kept() {
        let line = [
            "--mtu",
            "1450",
            "-H",
            "unix:///run/docker.sock",
            "--label",
            "token=SECRET",
            "--tls=false",
            "--registry-mirror=https://user:SECRET@mirror",
            "--iptables",
            "--log-opt=splunk-token=SECRET",
            "--default-network-opt=bridge=com.docker.network.driver.mtu=1450",
        ];
        assert_eq!(
            flags(line),
            [
                "--mtu=1450",
                "--host=unix:///run/docker.sock",
                "--tls=false",
                "--iptables",
                "--default-network-opt=bridge=com.docker.network.driver.mtu=1450"
            ]
        );
    }

    #[test]
    fn of_docker_opts_every_name_is_kept_and_no_value_that_is_not_listed() {
        let text = "--mtu 1450 --registry-mirror=https://user:SECRET@mirror --insecure-registry registry.example";
        let kept = opts(text);
        assert_eq!(
            kept,
            ["--mtu=1450", "--registry-mirror", "--insecure-registry"]
        );
    }

    #[test]
    fn daemon_json_is_read_by_allow_list() {
        let record = Record {
            name: "config",
            key: "1",
            content: br#"{"mtu":1400,"default-network-opts":{"bridge":{"com.docker.network.driver.mtu":"1400"}},"storage-driver":"vfs","default-ulimits":{"nofile":{"Name":"nofile","Soft":1024,"Hard":2048}},"proxies":{"http-proxy":"http://u:SECRET@p"}}"#,
            status: None,
            cut: false,
        };
        let config = config(Some(&record));
        assert_eq!(
            config,
            Observed(Some(DaemonConfig {
                mtu: Some(1400),
                bridge_network_mtu: Some(1400),
                iptables: None,
                storage_driver: Some("vfs".to_owned()),
                open_files: Some(1024),
                also: vec![
                    "default-network-opts".to_owned(),
                    "default-ulimits".to_owned()
                ],
            }))
        );
    }
}
