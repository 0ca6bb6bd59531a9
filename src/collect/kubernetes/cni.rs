//! The cluster's CNI: its name from its agents or from the node's status, its configuration from its
//! own ConfigMap or resources.

use super::agents::{AGENTS, Agents};
use super::error::{code, reason};
use crate::evidence::{
    Asked, Cni, CniSettings, Encapsulation, Observation, Observed, Reason, Unseen, Why,
};
use k8s_openapi::api::core::v1::{ConfigMap, Container, Node, Pod};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;
use std::collections::BTreeMap;

const SYSTEM: &str = "kube-system";
const CONFIG_MAPS: &str = "configmaps";

/// The CNI by its agents' labels; its settings are read later, by name.
pub(super) fn from_agents(agents: &Agents) -> Observation<Cni> {
    let agents = match agents {
        Ok(agents) => agents,
        Err(reason) => return Unseen(reason.clone()),
    };
    let found = AGENTS.iter().find_map(|known| {
        let runs = agents.iter().any(|(_, agent)| agent.name == known.name);
        known.cni.filter(|_| runs).map(|cni| (known, cni))
    });
    match found {
        Some((agent, cni)) => Observed(named(
            cni,
            format!("pods labeled {}={}", agent.label, agent.name),
        )),
        None => Observation::Unobserved(Reason::NoKnownCni),
    }
}

/// An agent pod of this CNI.
pub(super) fn agent_of<'a>(agents: &'a Agents, cni: &str) -> Option<&'a Pod> {
    let mut agents = agents.as_ref().ok()?.iter();
    agents
        .find(|(_, agent)| agent.cni == Some(cni))
        .map(|(pod, _)| pod)
}

/// Some CNIs write their name into the node's NetworkUnavailable condition.
pub(in crate::collect) fn from_condition(node: &Node) -> Option<Cni> {
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

/// The configuration of a CNI; some keep it in their agents' pods.
pub(in crate::collect) async fn settings(
    client: &Client,
    name: &str,
    agent: Option<&Pod>,
) -> Observation<CniSettings> {
    match name {
        "calico" => calico(client).await,
        "flannel" => flannel(client).await,
        "cilium" => config_map(client, SYSTEM, "cilium-config")
            .await
            .map_or_else(Unseen, |data| Observed(cilium(&data))),
        "antrea" => config_map(client, SYSTEM, "antrea-config")
            .await
            .map_or_else(Unseen, |data| Observed(antrea(&data))),
        "kube-ovn" => Observed(kube_ovn(agent)),
        // Packets leave without encapsulation.
        "aws-vpc" => Observed(aws(agent)),
        "kindnet" => Observed(CniSettings {
            mtu: None,
            encapsulation: Observed(Encapsulation::None),
            overhead: None,
            source: format!("what {name} is"),
        }),
        "ovn-kubernetes" => Observed(CniSettings {
            mtu: None,
            encapsulation: Observed(Encapsulation::Geneve),
            overhead: Some(OVN_GENEVE),
            source: format!("what {name} is"),
        }),
        other => Unseen(Reason::CniSettingsNotRead {
            cni: other.to_owned(),
        }),
    }
}

/// OVN's overhead for Geneve with options: 1400 of 1500.
const OVN_GENEVE: i64 = 100;

/// Antrea's agent reads one file; it subtracts its tunnel's overhead from the uplink's MTU.
fn antrea(data: &BTreeMap<String, String>) -> CniSettings {
    let text = data.get("antrea-agent.conf").map_or("", String::as_str);
    let config: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let says = |key: &str, default: &'static str| {
        let word = config[key].as_str().unwrap_or(default);
        word.to_lowercase()
    };
    let encrypted = says("trafficEncryptionMode", "none");
    let encapsulation = match says("trafficEncapMode", "encap").as_str() {
        _ if !config.is_object() => unknown_backend(None),
        _ if encrypted == "wireguard" => Observed(Encapsulation::Wireguard),
        _ if encrypted != "none" => unknown_backend(Some(&encrypted)),
        "noencap" | "networkpolicyonly" => Observed(Encapsulation::None),
        _ => tunnel(&says("tunnelType", "geneve")),
    };
    CniSettings {
        mtu: config["defaultMTU"].as_i64().filter(|mtu| *mtu > 0),
        encapsulation,
        overhead: None,
        source: format!("configmap {SYSTEM}/antrea-config"),
    }
}

/// Kube-OVN's agent is configured by arguments; a missing one has its default.
fn kube_ovn(agent: Option<&Pod>) -> CniSettings {
    let words = containers(agent).flat_map(|c| c.args.iter().flatten());
    let words: Vec<&str> = words.map(String::as_str).collect();
    let says = |flag: &str| words.iter().find_map(|word| word.strip_prefix(flag));
    let kind = says("--network-type=");
    let encapsulation = match kind {
        Some("vlan") => Observed(Encapsulation::None),
        Some(other) => tunnel(other),
        None => unknown_backend(None),
    };
    let geneve = encapsulation == Observed(Encapsulation::Geneve);
    CniSettings {
        mtu: says("--mtu=")
            .and_then(|mtu| mtu.parse().ok())
            .filter(|mtu| *mtu > 0),
        encapsulation,
        overhead: geneve.then_some(OVN_GENEVE),
        source: "the arguments of kube-ovn-cni".to_owned(),
    }
}

fn tunnel(kind: &str) -> Observation<Encapsulation> {
    match kind {
        "geneve" => Observed(Encapsulation::Geneve),
        "vxlan" => Observed(Encapsulation::Vxlan),
        "gre" => Observed(Encapsulation::Gre),
        "stt" => Observed(Encapsulation::Stt),
        other => unknown_backend(Some(other)),
    }
}

/// The VPC carries packets as the pods send them; POD_MTU applies only to pods.
fn aws(agent: Option<&Pod>) -> CniSettings {
    let says = |name: &str| {
        let mut variables = containers(agent).flat_map(|c| c.env.iter().flatten());
        let variable = variables.find(|variable| variable.name == name)?;
        variable.value.as_ref()?.trim().parse().ok()
    };
    let mtu: Option<i64> = says("POD_MTU").or_else(|| says("AWS_VPC_ENI_MTU"));
    CniSettings {
        mtu: mtu.filter(|mtu| *mtu > 0),
        encapsulation: Observed(Encapsulation::None),
        overhead: None,
        source: "the variables of aws-node".to_owned(),
    }
}

fn containers(pod: Option<&Pod>) -> impl Iterator<Item = &Container> {
    let spec = pod.and_then(|pod| pod.spec.as_ref());
    spec.into_iter().flat_map(|spec| &spec.containers)
}

/// The operator keeps the MTU in its Installation, a manifest-based install in a ConfigMap; both keep the
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
            overhead: None,
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
    // 0 means auto-detect.
    let mtu = number(&data, "veth_mtu").filter(|mtu| *mtu > 0);
    let encapsulation = of_pools(pools).or_else(|| match data.get("calico_backend") {
        Some(backend) if backend == "vxlan" => Observed(Encapsulation::Vxlan),
        _ => Observation::Unobserved(Reason::IpPoolsNotRead),
    });
    Observed(CniSettings {
        mtu,
        encapsulation,
        overhead: None,
        source: format!("configmap {SYSTEM}/calico-config"),
    })
}

/// The encapsulation with the largest overhead among the pools.
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

/// k3s embeds flannel and has no ConfigMap.
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
        // Backend.MTU is the underlay's (flannel#1736), not the pods'.
        mtu: None,
        // flannel reserves the overhead of IPv6 even if it is not used.
        overhead: (encapsulation == Observed(Encapsulation::Wireguard)).then_some(80),
        encapsulation,
        source: format!("configmap {namespace}/kube-flannel-cfg"),
    })
}

fn cilium(data: &BTreeMap<String, String>) -> CniSettings {
    let says = |key: &str| data.get(key).map(String::as_str);
    // Before 1.14 one key held both: `tunnel: vxlan`, `tunnel: disabled`.
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
        overhead: None,
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

/// Cluster-wide resources of a CNI, untyped.
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

    #[test]
    fn antrea_tells_its_tunnel_or_that_there_is_none() {
        let read = |text: &str| antrea(&data(&[("antrea-agent.conf", text)]));
        let plain = read("#tunnelType: geneve\nfeatureGates: {}\n");
        assert_eq!(plain.encapsulation, Observed(Encapsulation::Geneve));
        assert_eq!(plain.mtu, None);
        let bare = read("trafficEncapMode: noEncap\ndefaultMTU: 1400\n");
        assert_eq!(bare.encapsulation, Observed(Encapsulation::None));
        assert_eq!(bare.mtu, Some(1400));
        let ciphered = read("trafficEncryptionMode: wireGuard\n");
        assert_eq!(ciphered.encapsulation, Observed(Encapsulation::Wireguard));
        for text in [
            "trafficEncryptionMode: ipsec\n",
            "tunnelType: other\n",
            ": : :",
            "",
        ] {
            assert!(read(text).encapsulation.observed().is_none(), "{text}");
        }
    }

    #[test]
    fn agents_tell_by_their_arguments_and_variables() {
        let pod = |container: Value| {
            let pod = json!({"spec": {"containers": [container]}});
            serde_json::from_value::<Pod>(pod).unwrap()
        };
        let geneve =
            pod(json!({"name": "cni-server", "args": ["--network-type=geneve", "--mtu=1400"]}));
        let geneve = kube_ovn(Some(&geneve));
        assert_eq!(geneve.encapsulation, Observed(Encapsulation::Geneve));
        assert_eq!((geneve.mtu, geneve.overhead), (Some(1400), Some(100)));
        assert!(kube_ovn(None).encapsulation.observed().is_none());

        let aws_node = pod(json!({"name": "aws-node", "env": [
            {"name": "AWS_VPC_ENI_MTU", "value": "9001"}, {"name": "POD_MTU", "value": "1500"},
        ]}));
        assert_eq!(aws(Some(&aws_node)).mtu, Some(1500));
        assert_eq!(aws(None).mtu, None);
    }
}
