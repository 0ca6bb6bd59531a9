//! The cluster's CNI: its name by the agents that run, or by what it writes on the node, and how it
//! is set up by its own ConfigMap or resources.

use super::kubernetes::{code, reason};
use super::nodes::{AGENTS, Agents};
use crate::evidence::{
    Asked, Cni, CniSettings, Encapsulation, Observation, Observed, Reason, Unseen, Why,
};
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;
use std::collections::BTreeMap;

const SYSTEM: &str = "kube-system";
const CONFIG_MAPS: &str = "configmaps";

/// What the agents' labels tell; its settings are read later, by name.
pub(super) fn from_agents(agents: &Agents) -> Observation<Cni> {
    let agents = match agents {
        Ok(agents) => agents,
        Err(reason) => return Unseen(reason.clone()),
    };
    let found = AGENTS.iter().find_map(|(name, cni)| {
        let runs = agents.iter().any(|(_, agent)| agent == name);
        cni.filter(|_| runs).map(|cni| (name, cni))
    });
    match found {
        Some((agent, cni)) => Observed(named(cni, format!("pods labelled k8s-app={agent}"))),
        None => Observation::Unobserved(Reason::NoKnownCni),
    }
}

/// The CNI writes its name where it reports that the node's network is up.
pub(super) fn from_condition(node: &Node) -> Option<Cni> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    let network = conditions
        .iter()
        .find(|c| c.type_ == "NetworkUnavailable")?;
    let reason = network.reason.as_deref()?;
    let name = reason.strip_suffix("IsUp")?.to_lowercase();
    ["calico", "cilium", "flannel", "weave"]
        .contains(&name.as_str())
        .then(|| named(&name, format!("the node's condition {reason}")))
}

fn named(name: &str, source: String) -> Cni {
    Cni {
        name: name.to_owned(),
        source,
        settings: Observation::Unobserved(Reason::CniSettingsNotAsked),
    }
}

/// How a CNI of this name is set up.
pub(super) async fn settings(client: &Client, name: &str) -> Observation<CniSettings> {
    match name {
        "calico" => calico(client).await,
        "flannel" => flannel(client).await,
        "cilium" => config_map(client, SYSTEM, "cilium-config")
            .await
            .map_or_else(Unseen, |data| Observed(cilium(&data))),
        // Packets leave as the pods send them.
        "aws-vpc" | "kindnet" => Observed(CniSettings {
            mtu: None,
            encapsulation: Observed(Encapsulation::None),
            source: format!("what {name} is"),
        }),
        other => Unseen(Reason::CniSettingsNotRead {
            cni: other.to_owned(),
        }),
    }
}

/// The operator keeps the MTU in its Installation, a plain manifest in a ConfigMap; both keep the
/// encapsulation in the IP pools.
async fn calico(client: &Client) -> Observation<CniSettings> {
    let (pools, installation) = tokio::join!(
        objects(client, "crd.projectcalico.org", "IPPool", "ippools"),
        objects(
            client,
            "operator.tigera.io",
            "Installation",
            "installations"
        ),
    );
    let installed = installation.as_ref().ok().and_then(|all| all.first());
    if let Some(installed) = installed {
        let at = |path: &str| installed.pointer(path).and_then(Value::as_i64);
        return Observed(CniSettings {
            mtu: at("/status/mtu").or(at("/spec/calicoNetwork/mtu")),
            encapsulation: of_pools(pools),
            source: "installation default".to_owned(),
        });
    }
    let data = match config_map(client, SYSTEM, "calico-config").await {
        Ok(data) => data,
        Err(missing) if missing.why() == Why::Missing => {
            return Unseen(installation.err().unwrap_or(missing));
        }
        Err(reason) => return Unseen(reason),
    };
    // 0 is "find out by yourself".
    let mtu = number(&data, "veth_mtu").filter(|mtu| *mtu > 0);
    let encapsulation = of_pools(pools).or_else(|| match data.get("calico_backend") {
        Some(backend) if backend == "vxlan" => Observed(Encapsulation::Vxlan),
        _ => Observation::Unobserved(Reason::IpPoolsNotRead),
    });
    Observed(CniSettings {
        mtu,
        encapsulation,
        source: format!("configmap {SYSTEM}/calico-config"),
    })
}

/// The widest wrapping that any pool asks for.
fn of_pools(pools: Result<Vec<Value>, Reason>) -> Observation<Encapsulation> {
    let pools = match pools {
        Ok(pools) if pools.is_empty() => {
            return Observation::Unobserved(Reason::NoIpPool);
        }
        Ok(pools) => pools,
        Err(reason) => return Unseen(reason),
    };
    let used = |pool: &Value, mode: &str| {
        let mode = pool
            .pointer(&format!("/spec/{mode}"))
            .and_then(Value::as_str);
        mode.is_some_and(|mode| mode != "Never")
    };
    let wrapping = |pool: &Value| match (used(pool, "vxlanMode"), used(pool, "ipipMode")) {
        (true, _) => Encapsulation::Vxlan,
        (false, true) => Encapsulation::Ipip,
        (false, false) => Encapsulation::None,
    };
    let widest = pools.iter().map(wrapping).max_by_key(|w| w.overhead());
    Observed(widest.unwrap_or(Encapsulation::None))
}

/// k3s has it built in and leaves no ConfigMap.
async fn flannel(client: &Client) -> Observation<CniSettings> {
    let mut found = Err(Reason::NoFlannelConfig);
    for namespace in ["kube-flannel", SYSTEM] {
        found = config_map(client, namespace, "kube-flannel-cfg")
            .await
            .map(|data| (namespace, data));
        if found.is_ok() {
            break;
        }
    }
    let (namespace, data) = match found {
        Ok(found) => found,
        Err(reason) => return Unseen(reason),
    };
    let config: Value = data
        .get("net-conf.json")
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let backend = config.pointer("/Backend/Type").and_then(Value::as_str);
    let encapsulation = match backend {
        Some("vxlan") => Observed(Encapsulation::Vxlan),
        Some("ipip") => Observed(Encapsulation::Ipip),
        Some("wireguard") => Observed(Encapsulation::Wireguard),
        Some("host-gw") => Observed(Encapsulation::None),
        other => unknown_backend(other),
    };
    Observed(CniSettings {
        // Backend.MTU is that of the underlay (flannel#1736), so it says nothing of pods.
        mtu: None,
        encapsulation,
        source: format!("configmap {namespace}/kube-flannel-cfg"),
    })
}

fn cilium(data: &BTreeMap<String, String>) -> CniSettings {
    let says = |key: &str| data.get(key).map(String::as_str);
    // Before 1.14 one key said both: `tunnel: vxlan`, `tunnel: disabled`.
    let tunnel = says("tunnel-protocol")
        .or(says("tunnel"))
        .unwrap_or("vxlan");
    let encapsulation = match (says("routing-mode"), tunnel) {
        _ if says("enable-wireguard") == Some("true") => Observed(Encapsulation::Wireguard),
        (Some("native"), _) | (_, "disabled") => Observed(Encapsulation::None),
        (_, "vxlan") => Observed(Encapsulation::Vxlan),
        (_, other) => unknown_backend(Some(other)),
    };
    CniSettings {
        mtu: number(data, "mtu").filter(|mtu| *mtu > 0),
        encapsulation,
        source: format!("configmap {SYSTEM}/cilium-config"),
    }
}

fn unknown_backend(backend: Option<&str>) -> Observation<Encapsulation> {
    Unseen(Reason::BackendUnknown {
        backend: backend.map(crate::text::plain::plain),
    })
}

fn number(data: &BTreeMap<String, String>, key: &str) -> Option<i64> {
    data.get(key)?.trim().parse().ok()
}

async fn config_map(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<BTreeMap<String, String>, Reason> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = api.get(name).await.map_err(|error| match code(&error) {
        Some(404) => Reason::NotInCluster {
            resource: CONFIG_MAPS.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
        },
        _ => reason(&error, Asked::get(CONFIG_MAPS, Some(namespace), name)),
    })?;
    Ok(found.data.unwrap_or_default())
}

/// Cluster-wide resources of a CNI, as plain documents.
async fn objects(
    client: &Client,
    group: &str,
    kind: &str,
    plural: &str,
) -> Result<Vec<Value>, Reason> {
    let kind = GroupVersionKind::gvk(group, "v1", kind);
    let api: Api<DynamicObject> = Api::all_with(
        client.clone(),
        &ApiResource::from_gvk_with_plural(&kind, plural),
    );
    let found = api
        .list(&ListParams::default().limit(100))
        .await
        .map_err(|error| match code(&error) {
            Some(404) => Reason::NotInCluster {
                resource: format!("{plural}.{group}"),
                namespace: None,
                name: None,
            },
            _ => reason(&error, Asked::list(format!("{plural}.{group}"), None)),
        })?;
    Ok(found.items.into_iter().map(|object| object.data).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn the_widest_pool_decides() {
        let pool =
            |ipip: &str, vxlan: &str| json!({"spec": {"ipipMode": ipip, "vxlanMode": vxlan}});
        let ipip = pool("Always", "Never");
        let vxlan = pool("Never", "CrossSubnet");
        let plain = pool("Never", "Never");
        assert_eq!(
            of_pools(Ok(vec![plain.clone()])),
            Observed(Encapsulation::None)
        );
        assert_eq!(
            of_pools(Ok(vec![plain, vxlan, ipip])),
            Observed(Encapsulation::Vxlan)
        );
        assert!(of_pools(Ok(vec![])).observed().is_none());
    }

    #[test]
    fn cilium_is_read_in_its_old_and_its_new_words() {
        let new = cilium(&data(&[
            ("routing-mode", "tunnel"),
            ("tunnel-protocol", "vxlan"),
        ]));
        assert_eq!(new.encapsulation, Observed(Encapsulation::Vxlan));
        let old = cilium(&data(&[("tunnel", "disabled"), ("mtu", "1400")]));
        assert_eq!(old.encapsulation, Observed(Encapsulation::None));
        assert_eq!(old.mtu, Some(1400));
        let other = cilium(&data(&[("tunnel-protocol", "geneve")]));
        assert!(other.encapsulation.observed().is_none());
    }
}
