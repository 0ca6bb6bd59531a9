//! Reads the answers of a daemon's API, by allow-list.

use super::frames::{Frames, Record, more};
use super::proxies::{self, open_ports};
use super::{MOST, http};
use crate::evidence::{
    AddressPool, DockerContainer, DockerNetwork, EngineApi, MTU_OPTION, Observation, Observed,
    Part, Reason, Unseen,
};
use crate::text::plain::plain;
use serde_json::Value;

/// The PID of an engine whose process is not visible from the walk.
pub(super) const ELSEWHERE: i64 = 0;

const MOST_NETWORKS: usize = 1000;

const MOST_CONTAINERS: usize = 2000;

const KILLED: i32 = 137;

const TIMED_OUT: [i32; 3] = [124, KILLED, 143];

/// The daemon's answer, or why there is none, and the IDs of its networks.
pub(super) fn api(frames: &Frames, pid: i64) -> (Observation<EngineApi>, Vec<String>) {
    let prefix = format!("{pid} ");
    let Some(record) = frames.of("api", pid) else {
        return (Unseen(not_asked(frames, pid)), Vec::new());
    };
    let endpoint = &record.key[prefix.len()..];
    let answers: Vec<Option<Value>> = http::responses(record.content)
        .into_iter()
        .map(|r| {
            (r.status == 200)
                .then(|| serde_json::from_slice(&r.body).ok())
                .flatten()
        })
        .collect();
    let answer = |at: usize| answers.get(at).and_then(Option::as_ref);
    let cut = || why_silent(record, endpoint);
    let Some(version) = answer(0) else {
        return (Unseen(cut()), Vec::new());
    };
    let Some(number) = text(version, "Version") else {
        return (Unseen(cut()), Vec::new());
    };
    let info = answer(3);
    let list = |at: usize| answer(at).and_then(Value::as_array).map(Vec::as_slice);
    let networks = list(1).unwrap_or_default();
    let identity = networks.iter().filter_map(|n| text(n, "Id")).collect();
    let ports = frames.get("ports", &pid.to_string());
    let ports = ports.map(|record| open_ports(record.lines()));
    let proxies = info.map(|info| proxies::of_engine(info, ports.as_ref()));
    let observed = EngineApi {
        endpoint: plain(endpoint),
        id: info.and_then(|info| text(info, "ID")),
        version: number,
        api_version: text(version, "ApiVersion"),
        min_api_version: text(version, "MinAPIVersion"),
        containerd: component(version, "containerd"),
        runc: component(version, "runc"),
        // Even if runc exists, an older daemon may just not understand its output.
        missing_runtime: info
            .and_then(silent_runtime)
            .filter(|_| frames.of("no-runc", pid).is_some()),
        storage_driver: info.and_then(|info| text(info, "Driver")),
        data_root: info.and_then(|info| text(info, "DockerRootDir")),
        cgroup_version: info.and_then(|info| text(info, "CgroupVersion")),
        pools: info.map(pools),
        proxies: proxies.as_ref().map(|proxies| proxies.names.clone()),
        local_proxies: proxies.map(|proxies| proxies.local),
        insecure_registries: info.map(insecure_registries),
        firewall_backend: info.and_then(|info| text(info.get("FirewallBackend")?, "Driver")),
        networks: match list(1) {
            Some(all) => bounded(all, MOST_NETWORKS, network).map(in_order),
            None => Unseen(cut()),
        },
        containers: match list(2) {
            Some(all) => bounded(all, MOST_CONTAINERS, container),
            None => Unseen(cut()),
        },
    };
    (Observed(observed), identity)
}

fn not_asked(frames: &Frames, pid: i64) -> Reason {
    let key = pid.to_string();
    if frames.get("no-client", &key).is_some() {
        return Reason::NoDockerClient {
            dockerd_runs: pid != ELSEWHERE,
        };
    }
    if frames.get("closed", &key).is_some() {
        return Reason::SocketClosed;
    }
    if let Some(record) = frames.get("more-engines", &key) {
        return Reason::MoreEngines {
            more: more(record),
            most: count(MOST),
        };
    }
    if frames.get("skipped", &key).is_some() {
        // Not TimedOut: the daemon was not queried, so this is no evidence against it.
        return Reason::OutOfTime;
    }
    if !frames.complete {
        return Reason::CutOff { part: Part::Api };
    }
    Reason::NoSocket { pid }
}

/// The reason when a client printed something other than an answer.
fn why_silent(record: &Record, endpoint: &str) -> Reason {
    let endpoint = plain(endpoint);
    if record
        .status
        .is_some_and(|status| TIMED_OUT.contains(&status))
    {
        return Reason::EngineHangs { endpoint };
    }
    if record.cut {
        return Reason::EngineAnswerTooLarge {
            endpoint,
            bytes: count(record.content.len()),
        };
    }
    let said = String::from_utf8_lossy(record.content);
    if said.contains("Cannot connect to the Docker daemon") || said.contains("connection refused") {
        return Reason::EngineRefuses { endpoint };
    }
    let denied = said.contains("permission denied");
    let refused = http::responses(record.content)
        .into_iter()
        .find(|r| r.status != 200);
    let (status, said) = match refused {
        Some(answer) => (
            Some(i64::from(answer.status)),
            plain(&String::from_utf8_lossy(&answer.body)),
        ),
        None if said.starts_with("HTTP/") => return Reason::EngineAnswerCut { endpoint },
        None => (None, plain(said.lines().next().unwrap_or_default())),
    };
    match denied {
        true => Reason::EngineDenies {
            endpoint,
            status,
            said,
        },
        false => Reason::EngineFails {
            endpoint,
            status,
            said,
        },
    }
}

fn bounded<T>(all: &[Value], most: usize, read: fn(&Value) -> Option<T>) -> Observation<Vec<T>> {
    if all.len() > most {
        return Unseen(Reason::TooMany {
            count: count(all.len()),
            most: count(most),
        });
    }
    Observed(all.iter().filter_map(read).collect())
}

/// Docker lists its networks in any order; two examinations of one engine must agree.
fn in_order(mut networks: Vec<DockerNetwork>) -> Vec<DockerNetwork> {
    networks.sort_by(|a, b| (a.name != "bridge", &a.name).cmp(&(b.name != "bridge", &b.name)));
    networks
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn text(value: &Value, key: &str) -> Option<String> {
    value
        .get(key)?
        .as_str()
        .map(plain)
        .filter(|text| !text.is_empty())
}

fn component(version: &Value, name: &str) -> Option<String> {
    let mut all = version.get("Components")?.as_array()?.iter();
    let component = all.find(|c| c.get("Name").and_then(Value::as_str) == Some(name))?;
    text(component, "Version")
}

fn network(value: &Value) -> Option<DockerNetwork> {
    let driver = text(value, "Driver").unwrap_or_default();
    let options = value.get("Options");
    let option = |key: &str| options.and_then(|options| text(options, key));
    let id = text(value, "Id").unwrap_or_default();
    let named = option("com.docker.network.bridge.name");
    let bridge = named.or_else(|| id.get(..12).map(|short| format!("br-{short}")));
    let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
    Some(DockerNetwork {
        name: text(value, "Name")?,
        bridge: bridge.filter(|_| driver == "bridge"),
        parent: option("parent").filter(|_| matches!(driver.as_str(), "macvlan" | "ipvlan")),
        driver,
        internal: flag("Internal"),
        ipv6: flag("EnableIPv6"),
        mtu_option: option(MTU_OPTION).and_then(|mtu| mtu.parse().ok()),
        subnets: subnets(value),
    })
}

fn subnets(network: &Value) -> Option<Vec<String>> {
    const MOST: usize = 16;
    let ranges = network.get("IPAM")?.get("Config")?.as_array()?.iter();
    Some(
        ranges
            .filter_map(|range| text(range, "Subnet"))
            .take(MOST)
            .collect(),
    )
}

fn container(value: &Value) -> Option<DockerContainer> {
    let name = value.get("Names").and_then(|names| names.get(0)?.as_str());
    let mode = value
        .get("HostConfig")
        .and_then(|config| text(config, "NetworkMode"));
    Some(DockerContainer {
        id: text(value, "Id")?,
        name: plain(name.unwrap_or_default().trim_start_matches('/')),
        image: crate::text::plain::image(&text(value, "Image").unwrap_or_default()),
        network_mode: mode.unwrap_or_default(),
        gateways: gateways(value).unwrap_or_default(),
    })
}

fn gateways(container: &Value) -> Option<Vec<String>> {
    const MOST: usize = 16;
    let networks = container
        .get("NetworkSettings")?
        .get("Networks")?
        .as_object()?;
    let gateways = networks
        .values()
        .filter_map(|network| text(network, "Gateway"));
    Some(gateways.take(MOST).collect())
}

/// The configured pools, else Docker's defaults (libnetwork's ipamutils): 31 subnets.
fn pools(info: &Value) -> Vec<AddressPool> {
    const MOST: usize = 64;
    const DEFAULTS: [(&str, i64); 5] = [
        ("172.17.0.0/16", 16),
        ("172.18.0.0/15", 16),
        ("172.20.0.0/14", 16),
        ("172.24.0.0/13", 16),
        ("192.168.0.0/16", 20),
    ];
    let pools = info.get("DefaultAddressPools").and_then(Value::as_array);
    let pools = pools.into_iter().flatten().filter_map(|pool| {
        Some(AddressPool {
            base: text(pool, "Base")?,
            size: pool.get("Size")?.as_i64()?,
        })
    });
    let pools: Vec<AddressPool> = pools.take(MOST).collect();
    if !pools.is_empty() {
        return pools;
    }
    let own = DEFAULTS.map(|(base, size)| AddressPool {
        base: base.to_owned(),
        size,
    });
    own.to_vec()
}

/// The default runtime, if it is runc and the daemon could not read its version. Older daemons may just
/// not understand the output of newer versions.
fn silent_runtime(info: &Value) -> Option<String> {
    let runtime = text(info, "DefaultRuntime").filter(|name| name == "runc")?;
    let program = text(info.get("Runtimes")?.get(&runtime)?, "path")?;
    let version = text(info.get("RuncCommit")?, "ID")?;
    (program == "runc" && version == "N/A").then_some(runtime)
}

/// CIDR ranges, and host names with their ports.
fn insecure_registries(info: &Value) -> Vec<String> {
    const MOST: usize = 64;
    let config = info.get("RegistryConfig");
    let ranges = config.and_then(|config| config.get("InsecureRegistryCIDRs")?.as_array());
    let ranges = ranges.into_iter().flatten().filter_map(Value::as_str);
    let named = config.and_then(|config| config.get("IndexConfigs")?.as_object());
    let named = named.into_iter().flatten().filter_map(|(name, index)| {
        let secure = index.get("Secure").and_then(Value::as_bool);
        (secure == Some(false)).then_some(name.as_str())
    });
    ranges.chain(named).take(MOST).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn registries_are_insecure_by_name_or_range() {
        let info = json!({"RegistryConfig": {
            "InsecureRegistryCIDRs": ["127.0.0.0/8"],
            "IndexConfigs": {"docker.io": {"Secure": true}, "registry.example:5000": {"Secure": false}},
        }});
        let insecure = ["127.0.0.0/8", "registry.example:5000"];
        assert_eq!(insecure_registries(&info), insecure);
        assert!(insecure_registries(&json!({"RegistryConfig": null})).is_empty());
    }

    #[test]
    fn without_pools_docker_has_its_own() {
        let info = json!({"DefaultAddressPools": [{"Base": "10.0.0.0/16", "Size": 24}]});
        let own = AddressPool {
            base: "10.0.0.0/16".to_owned(),
            size: 24,
        };
        assert_eq!(pools(&info), [own]);
        assert_eq!(pools(&json!({"DefaultAddressPools": null})).len(), 5);
    }
}
