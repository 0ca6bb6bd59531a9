//! Facts of containers that use an engine: whether they may open its socket, how much of their CPU limit
//! they get.

use super::hosts::{docker_clients, same_volume};
use crate::evidence::{
    DockerClient, Observation, Observed, PodContainer, Reason, Runner, Unseen, Why,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A user who may not connect to a Docker socket.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SocketDenied {
    /// The container that uses the socket.
    pub container: String,
    /// The path of the socket there.
    pub socket: String,
    /// The ID of the user.
    pub user: i64,
    /// The IDs of the user's groups, separated by `, `.
    pub groups: String,
    /// The ID of the group that owns the socket.
    pub group: i64,
    /// A group of the user that could own the socket. Absent if the socket's mode denies access to its
    /// group.
    pub own_group: Option<i64>,
}

/// A container whose user may not connect to the socket of this engine.
pub(super) fn socket_denied(
    runner: &Runner,
    engine: &PodContainer,
) -> Observation<Option<SocketDenied>> {
    first(runner, |asks, client| {
        Observed(denied(runner, engine, asks, client))
    })
}

/// The first container of which something holds. Where one could not be looked into in time, it may.
pub(super) fn first<T>(
    runner: &Runner,
    holds: impl Fn(&PodContainer, &DockerClient) -> Observation<Option<T>>,
) -> Observation<Option<T>> {
    let mut unknown = None;
    for asks in docker_clients(runner) {
        match &asks.docker_client {
            Some(Observed(client)) => match holds(asks, client) {
                Observed(None) => {}
                Unseen(reason) => unknown = unknown.or(Some(reason)),
                found => return found,
            },
            Some(Unseen(reason)) if was_cut(reason) => unknown = unknown.or(Some(reason.clone())),
            _ => {}
        }
    }
    unknown.map_or(Observed(None), Unseen)
}

/// An image without a shell is no gap: it has no docker commands either.
fn was_cut(reason: &Reason) -> bool {
    matches!(reason.why(), Why::TimedOut | Why::TooLarge)
}

fn denied(
    runner: &Runner,
    engine: &PodContainer,
    asks: &PodContainer,
    client: &DockerClient,
) -> Option<SocketDenied> {
    let denied = client.denied.as_ref()?;
    let socket = client.host.as_deref()?.strip_prefix("unix://")?;
    let alone = runner.engine_containers().nth(1).is_none();
    if !alone && !same_volume(asks, engine, socket) {
        return None;
    }
    let in_group = denied.groups.contains(&denied.group);
    let groups: Vec<String> = denied.groups.iter().map(i64::to_string).collect();
    Some(SocketDenied {
        container: asks.name.clone(),
        socket: socket.to_owned(),
        user: denied.user,
        groups: groups.join(", "),
        group: denied.group,
        own_group: denied.groups.first().copied().filter(|_| !in_group),
    })
}

/// How many of its periods a container had to wait in, in percent.
pub(super) fn throttled(container: &PodContainer) -> Option<i64> {
    const A_MINUTE: i64 = 600;
    let client = container.docker_client.as_ref()?.observed()?;
    let throttling = client.throttling.as_ref()?;
    let known = throttling.periods >= A_MINUTE && throttling.throttled >= 0;
    known.then(|| throttling.throttled.saturating_mul(100) / throttling.periods)
}
