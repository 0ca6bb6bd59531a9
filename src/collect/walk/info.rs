//! Settings of a daemon that it tells itself (`/info`), by allow-list.

use super::engine::text;
use crate::evidence::AddressPool;
use crate::text::plain::plain;
use serde_json::Value;

/// Without a setting they are Docker's own (libnetwork's ipamutils): 31 subnets.
pub(super) fn pools(info: &Value) -> Vec<AddressPool> {
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

/// Of proxies only which there are: their addresses may hold passwords.
pub(super) fn proxies(info: &Value) -> Vec<String> {
    const KEYS: [(&str, &str); 2] = [("HttpProxy", "HTTP_PROXY"), ("HttpsProxy", "HTTPS_PROXY")];
    let set = KEYS.iter().filter(|(key, _)| text(info, key).is_some());
    set.map(|(_, name)| (*name).to_owned()).collect()
}

/// The default runtime, where it is runc and the daemon could not ask it for its version. Older daemons
/// may only not understand what newer ones print.
pub(super) fn silent_runtime(info: &Value) -> Option<String> {
    let runtime = text(info, "DefaultRuntime").filter(|name| name == "runc")?;
    let program = text(info.get("Runtimes")?.get(&runtime)?, "path")?;
    let version = text(info.get("RuncCommit")?, "ID")?;
    (program == "runc" && version == "N/A").then_some(runtime)
}

/// Ranges, and names with their ports.
pub(super) fn insecure_registries(info: &Value) -> Vec<String> {
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
    fn of_proxies_only_names_are_kept() {
        let info = json!({"HttpProxy": "", "HttpsProxy": "http://user:SECRET@proxy:3128"});
        assert_eq!(proxies(&info), ["HTTPS_PROXY"]);
        assert!(proxies(&json!({})).is_empty());
    }

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
