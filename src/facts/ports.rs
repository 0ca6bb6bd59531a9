//! The ports of a Docker network's bridge, and the containers behind them.

use super::Link;
use super::mtu_path::Topology;
use crate::evidence::{DockerNetwork, Engine, Interface, NetworkNamespace};

/// The ports of a network's bridge, each with the interface at its other end.
pub(super) struct Ports<'a>(pub Vec<(&'a Interface, Option<End<'a>>)>);

pub(super) type End<'a> = (&'a NetworkNamespace, &'a Interface);

impl<'a> Ports<'a> {
    pub fn of(
        engines: &[Engine],
        engine: &Engine,
        network: &DockerNetwork,
        topology: &Topology<'a>,
    ) -> Self {
        let Some(namespace) = topology.namespace(engine.namespace) else {
            return Ports(Vec::new());
        };
        let ports = namespace.interfaces.seen().iter();
        let ports = ports
            .filter(|port| port.bridge.is_some() && port.bridge == network.bridge)
            .map(|port| (port, topology.peer(namespace, port)));
        let others = |(_, end): &(_, Option<End>)| {
            end.is_some_and(|(inside, _)| is_of_another(inside, engine, engines))
        };
        Ports(ports.filter(|port| !others(port)).collect())
    }

    /// The bridge, or the port of a container's interface, that is narrower than the interface. A bridge
    /// without ports carries nothing.
    pub fn narrowest(
        &self,
        namespace: Option<&NetworkNamespace>,
        network: &DockerNetwork,
    ) -> Option<Link> {
        let wider = |mtu: i64| {
            let mut ends = self.0.iter().filter_map(|(_, end)| end.as_ref());
            ends.any(|(_, inside)| inside.mtu > mtu)
        };
        let bridge = namespace.zip(network.bridge.as_deref());
        let bridge = bridge.and_then(|(namespace, name)| namespace.interface(name));
        let bridge = bridge
            .filter(|bridge| wider(bridge.mtu))
            .map(|bridge| Link {
                name: format!("bridge {}", bridge.name),
                mtu: bridge.mtu,
            });
        let ports = self.0.iter().filter_map(|(port, end)| {
            let (namespace, inside) = end.as_ref()?;
            let container = namespace
                .holders
                .first()
                .and_then(|path| path.rsplit('/').next());
            (inside.mtu > port.mtu).then(|| Link {
                name: format!("the bridge port of {}", container.unwrap_or(&port.name)),
                mtu: port.mtu,
            })
        });
        ports
            .chain(bridge)
            .filter(|link| link.mtu > 0)
            .min_by_key(|link| link.mtu)
    }

    /// The widest interface that containers have now; one without an MTU may be it.
    pub fn widest(&self) -> Option<i64> {
        let sizes = self.0.iter().map(|(port, end)| match end {
            Some((_, inside)) => inside.mtu,
            None => port.mtu,
        });
        sizes.max_by_key(|mtu| (*mtu <= 0, *mtu))
    }
}

/// Whether a namespace is that of a container of another engine, which works beside this one and may use
/// the same bridge: an engine with `--network host` has the docker0 of the one around it.
fn is_of_another(inside: &NetworkNamespace, engine: &Engine, engines: &[Engine]) -> bool {
    let runs = |engine: &Engine| {
        let mut around = inside.holders.iter().filter_map(|h| h.rsplit_once('/'));
        around.any(|(path, _)| path == engine.path)
    };
    let beside = |other: &&Engine| other.namespace == engine.namespace && *other != engine;
    !runs(engine) && engines.iter().filter(beside).any(runs)
}
