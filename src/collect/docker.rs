//! A Docker engine without a cluster: the walk runs on this machine, in this pipeline step, or in a
//! container of the engine.

use super::runner::walk_runner;
use super::stop::{Stop, unreached};
use super::talk::{Ended, Talk};
use super::{Exec, Limits, Place, client_limit, whole};
use crate::collect::walk::{Mode, Walk};
use crate::evidence::{
    ContainerState, Evidence, InterfaceKind, Observation, Observed, Outermost, PodContainer,
    Provider, Reason, Role, Runner, Standing,
};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::Instant;

/// The name of this machine's engine in reports.
const ENGINE: &str = "docker";

/// Where to walk.
pub struct Docker {
    /// A container of the engine; if absent, this machine or step.
    pub container: Option<String>,
    pub stop: Stop,
}

impl Docker {
    /// Collects everything that is visible from there.
    pub async fn collect(&self, limits: &Limits, stop: impl Future<Output = String>) -> Evidence {
        let mode = match self.container {
            Some(_) => Mode::Pod,
            None => Mode::Here,
        };
        let before = self.runner();
        let orders = limits.orders();
        let walk = walk_runner(self, before.clone(), &mode, &orders, limits.max_depth);
        let (walked, incomplete) = self.stop.unless(stop, walk).await;
        let mut runner = walked.unwrap_or(before);
        runner.forget_registries();
        if self.container.is_none() {
            runner.outermost = outermost(&runner);
        }
        // This is runner-doctor's own clock, or there is no other clock to compare it with.
        runner.standing.clock_ahead = None;
        let mut evidence = Evidence::new(Observation::Unobserved(Reason::NoCluster));
        evidence.runners = vec![runner];
        evidence.incomplete = incomplete;
        evidence
    }

    fn runner(&self) -> Runner {
        let name = self.container.clone();
        let unseen = unreached();
        Runner {
            namespace: String::new(),
            pod: name.clone().unwrap_or_else(host_name),
            owner: None,
            provider: provider(),
            node: None,
            phase: "Running".to_owned(),
            qos_class: None,
            host_network: false,
            outermost: Outermost::Container,
            containers: vec![PodContainer {
                name: name.unwrap_or_else(|| ENGINE.to_owned()),
                role: Role::Engine,
                image: String::new(),
                digest: None,
                init: false,
                privileged: false,
                dockerd_args: Vec::new(),
                docker_opts: Vec::new(),
                launch: None,
                plain_secrets: Vec::new(),
                env: BTreeMap::new(),
                memory_request: None,
                memory_limit: None,
                mounts: Vec::new(),
                state: ContainerState {
                    phase: "running".to_owned(),
                    reason: None,
                    message: None,
                    exit_code: None,
                    since: None,
                },
                restarts: 0,
                log: Some(Observation::Unobserved(Reason::LogsNotRead)),
                last_end: None,
                other_engine: None,
                docker_client: None,
                startup_seconds: None,
            }],
            namespaces: Observation::Unobserved(unseen.clone()),
            engines: Observation::Unobserved(unseen),
            declared: None,
            addresses: Vec::new(),
            runtime_class: None,
            user_namespace: false,
            probes: Vec::new(),
            standing: Standing::default(),
        }
    }
}

impl Exec for Docker {
    async fn exec(&self, _: &Place, walk: &Walk, limit: Duration) -> Result<Vec<u8>, Reason> {
        let mut arguments = walk.command();
        if let Some(container) = &self.container {
            let docker = ["docker", "exec", "-i", "--", container];
            arguments.splice(0..0, docker.map(str::to_owned));
        }
        let program = arguments.remove(0);
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().map_err(|error| {
            let said = error.to_string();
            let program = program.clone();
            Reason::ProgramNotStarted { program, said }
        })?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (
            process.stdin.take(),
            process.stdout.take(),
            process.stderr.take(),
        ) else {
            let program = Some(program);
            return Err(Reason::NoStreams { program });
        };
        let mut talk = Talk::default();
        let limit = client_limit(limit);
        let ends = Instant::now() + limit;
        let streams = (stdin, stdout, stderr);
        match talk.hold_until(ends, &self.stop, streams, walk).await {
            _ if !talk.printed.is_empty() => Ok(talk.printed),
            Ended::Late => Err(Reason::DockerLate {
                seconds: whole(limit.as_secs()),
            }),
            Ended::Stopped => Err(unreached()),
            Ended::ByItself => Err(self.no_output(&talk.complaint())),
        }
    }
}

impl Docker {
    fn no_output(&self, said: &str) -> Reason {
        let said = crate::text::plain::plain(said);
        match &self.container {
            Some(name) => Reason::DockerExecFailed {
                container: name.clone(),
                said,
            },
            None => Reason::WalkSilent {
                container: None,
                said,
            },
        }
    }
}

/// The outermost visible network: the pod's if Kubernetes sets its variables, the container's if the
/// default route uses one end of a veth pair, otherwise the machine's.
fn outermost(runner: &Runner) -> Outermost {
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Outermost::Pod;
    }
    let way_out = runner.pod_namespace().and_then(|namespace| {
        let Observed(Some(route)) = &namespace.route_v4 else {
            return None;
        };
        namespace.interface(&route.interface)
    });
    match way_out.map(|device| device.kind) {
        Some(InterfaceKind::Linked) | None => Outermost::Container,
        Some(_) => Outermost::Machine,
    }
}

/// The CI system that runs this step, detected by the variable that it sets.
fn provider() -> Provider {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let mut all = Provider::ALL.iter().copied();
    let found = all.find(|provider| provider.system().step_variable.is_some_and(is_set));
    found.unwrap_or(Provider::Generic)
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match crate::text::plain::plain(&name) {
        name if name.is_empty() => "this-machine".to_owned(),
        name => name,
    }
}
