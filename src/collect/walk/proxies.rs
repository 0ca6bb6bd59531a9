//! The proxies that an engine or the programs of a container use: the variable names, and loopback addresses.
//! Other values are not kept, as they may contain passwords.

use crate::evidence::LocalProxy;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

const NAMES: [&str; 2] = ["HTTP_PROXY", "HTTPS_PROXY"];

#[derive(Debug, Default, PartialEq)]
pub(super) struct Proxies {
    /// In upper case.
    pub names: Vec<String>,
    pub local: Vec<LocalProxy>,
}

/// From the output of `show_client`, given the open ports in its network namespace.
pub(super) fn of_client<'a>(
    lines: impl Iterator<Item = &'a str>,
    ports: &BTreeSet<u16>,
) -> Proxies {
    let mut set = BTreeMap::new();
    for line in lines {
        if line == "direct" {
            return Proxies::default();
        }
        if let Some(said) = line.strip_prefix("proxy ") {
            let (name, address) = said.split_once(' ').unwrap_or((said, ""));
            set.insert(name.to_uppercase(), address);
        }
    }
    let values = NAMES.map(|name| set.get(name).copied());
    proxies(values, Some(ports))
}

/// From an engine's `info`, given the open ports in its network namespace.
pub(super) fn of_engine(info: &Value, ports: Option<&BTreeSet<u16>>) -> Proxies {
    let text = |key| info.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("NoProxy").split(',').any(|host| host.trim() == "*") {
        return Proxies::default();
    }
    let values = ["HttpProxy", "HttpsProxy"].map(|key| Some(text(key)).filter(|v| !v.is_empty()));
    proxies(values, ports)
}

pub(super) fn open_ports<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<u16> {
    let open = lines.filter_map(|line| line.strip_prefix("port "));
    open.filter_map(|port| u16::from_str_radix(port, 16).ok())
        .collect()
}

/// The proxies of `NAMES` that have a value.
fn proxies(values: [Option<&str>; 2], ports: Option<&BTreeSet<u16>>) -> Proxies {
    let mut found = Proxies::default();
    for (name, value) in NAMES.into_iter().zip(values) {
        let Some(value) = value else { continue };
        found.names.push(name.to_owned());
        if let Some(address) = loopback(value) {
            found.local.push(LocalProxy {
                name: name.to_owned(),
                address: address.to_string(),
                listens: ports.map(|ports| ports.contains(&address.port())),
            });
        }
    }
    found
}

/// `http://user:password@localhost:3128/` as 127.0.0.1:3128.
fn loopback(value: &str) -> Option<SocketAddr> {
    let host = value.rsplit_once('@').map_or(value, |(_, host)| host);
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    let host = host.split('/').next().unwrap_or(host);
    let (name, port) = host.rsplit_once(':')?;
    let address: IpAddr = match name {
        "localhost" => [127, 0, 0, 1].into(),
        _ => name.trim_matches(['[', ']']).parse().ok()?,
    };
    let local = address.is_loopback().then_some(address)?;
    Some(SocketAddr::new(local, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn local(proxies: &Proxies) -> Vec<(&str, &str, Option<bool>)> {
        let local = proxies.local.iter();
        local
            .map(|p| (p.name.as_str(), p.address.as_str(), p.listens))
            .collect()
    }

    #[test]
    fn only_names_and_loopback_addresses_are_kept() {
        let told = |text: &str| of_client(text.lines(), &open_ports(text.lines()));
        let remote = told("proxy https_proxy\nproxy HTTPS_PROXY\nproxy http://u:SECRET@p");
        assert_eq!(
            (remote.names, remote.local),
            (vec!["HTTPS_PROXY".to_owned()], Vec::new())
        );
        let here = told("proxy HTTP_PROXY localhost:3128\nproxy https_proxy [::1]:8080\nport 0C38");
        let expected = [
            ("HTTP_PROXY", "127.0.0.1:3128", Some(true)),
            ("HTTPS_PROXY", "[::1]:8080", Some(false)),
        ];
        assert_eq!(local(&here), expected);
        assert!(told("proxy HTTP_PROXY 127.x:SECRET").local.is_empty());
    }

    #[test]
    fn an_engine_tells_its_proxies() {
        let info = json!({"HttpProxy": "", "HttpsProxy": "http://user:SECRET@proxy:3128"});
        let remote = of_engine(&info, None);
        assert_eq!(
            (remote.names, remote.local),
            (vec!["HTTPS_PROXY".to_owned()], Vec::new())
        );
        let info = json!({"HttpProxy": "http://u:S/E@127.0.0.1:9/x"});
        let open = BTreeSet::from([9]);
        let expected = |listens| [("HTTP_PROXY", "127.0.0.1:9", listens)];
        assert_eq!(local(&of_engine(&info, Some(&open))), expected(Some(true)));
        assert_eq!(local(&of_engine(&info, None)), expected(None));
        assert_eq!(of_engine(&json!({}), None), Proxies::default());
    }

    #[test]
    fn what_bypasses_every_proxy_uses_none() {
        let told = of_client(
            ["proxy HTTPS_PROXY 127.0.0.1:9", "direct"].into_iter(),
            &BTreeSet::new(),
        );
        assert_eq!(told, Proxies::default());
        let info = json!({"HttpsProxy": "http://127.0.0.1:9", "NoProxy": "10.0.0.0/8, *"});
        assert_eq!(of_engine(&info, None), Proxies::default());
    }
}
