//! Walks one runner: every running engine container of its pod, once.

use super::discover::pod::HOOKS;
use super::{Exec, Place};
use crate::collect::walk::{Mode, Orders, STREAM_BYTES, Seen, Walk, Walked, out_of_sight};
use crate::evidence::{
    AsksElsewhere, DockerClient, Engine, Observation, Observed, OtherEngine, PodContainer, Probed,
    Reason, Role, Runner, Unseen, Why, outermost,
};
use crate::facts::docker_clients;
use futures::future::{join, join_all};
use jiff::Timestamp;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Fills in what is below a runner, down to `max_depth` nested engines.
pub async fn walk_runner<E: Exec>(
    exec: &E,
    mut runner: Runner,
    mode: &Mode,
    orders: &Orders,
    max_depth: usize,
) -> Runner {
    let (walked, clients) = join(
        walk_engines(exec, &runner, mode, orders),
        walk_clients(exec, &runner, orders),
    )
    .await;
    for (name, client) in clients {
        let mut containers = runner.containers.iter_mut();
        if let Some(container) = containers.find(|container| container.name == name) {
            container.docker_client = Some(client);
        }
    }
    let Walks {
        mut seen,
        failed,
        ahead,
    } = walked;
    for container in borrowers(&runner, &mut seen) {
        let mut containers = runner.containers.iter_mut();
        if let Some(container) = containers.find(|c| c.name == container) {
            container.role = Role::Other;
        }
    }
    if seen.is_empty() {
        seen.push(Seen::nothing(no_engine(&runner)));
    }
    let Some(mut seen) = seen.into_iter().reduce(merge) else {
        return runner;
    };
    if let Some(reason) = starting_up(&runner, &seen, orders.grace) {
        seen.engines = Unseen(reason);
    }
    if let Observed(engines) = &mut seen.engines {
        // The engines of another container that was walked are not those of this one.
        engines.extend(failed);
        bound(engines, max_depth);
    }
    runner.standing.clock_ahead = match (ahead, &seen.engines) {
        (Some(ahead), _) => Some(Observed(ahead)),
        (None, Unseen(reason)) if reason.why() == Why::NotApplicable => None,
        (None, Unseen(reason)) => Some(Unseen(reason.clone())),
        (None, Observed(_)) => Some(Unseen(Reason::NoClock)),
    };
    runner.namespaces = seen.namespaces;
    runner.engines = seen.engines;
    know_engines(&mut runner);
    runner.probes = seen.probes;
    runner
}

/// The results of walking a pod's engine containers.
struct Walks {
    seen: Vec<Seen>,
    /// An engine for each container in which exec failed.
    failed: Vec<Engine>,
    /// The seconds by which the node's clock is ahead of the local one.
    ahead: Option<i64>,
}

async fn walk_engines<E: Exec>(exec: &E, runner: &Runner, mode: &Mode, orders: &Orders) -> Walks {
    let mut seen = Vec::new();
    let mut failed = Vec::new();
    let mut ahead = None;
    for container in runner.walked_containers() {
        if container.state.phase != "running" {
            let container = container.name.clone();
            seen.push(Seen::nothing(Reason::ContainerNotRunning { container }));
            continue;
        }
        let place = place(runner, container);
        let walked = Walked {
            name: container.name.clone(),
            image: container.image.clone(),
            other_engine: container.other_engine,
        };
        let walk = Walk::new(mode, orders);
        let begun = seconds();
        let stream = match exec.exec(&place, &walk, orders.longest()).await {
            Ok(stream) if stream.len() >= STREAM_BYTES => Err(Reason::StreamTooLarge {
                container: container.name.clone(),
                bytes: STREAM_BYTES as i64,
            }),
            said => said,
        };
        seen.push(match stream {
            Ok(stream) => read(walk, stream, walked).await,
            Err(reason) => {
                failed.push(out_of_sight(&container.name, Unseen(reason.clone())));
                Seen::nothing(reason)
            }
        });
        let clock = seen.last().and_then(|seen| seen.clock);
        ahead = ahead.or(clock.map(|clock| outside(clock, begun..=seconds())));
    }
    Walks {
        seen,
        failed,
        ahead,
    }
}

/// How docker commands reach the engine, for each running container that may use it.
async fn walk_clients<E: Exec>(
    exec: &E,
    runner: &Runner,
    orders: &Orders,
) -> Vec<(String, Observation<DockerClient>)> {
    let running = docker_clients(runner).into_iter();
    let running = running.filter(|container| container.state.phase == "running");
    let walks = running.map(|container| async move {
        let walk = Walk::new(&Mode::Client, orders);
        let place = place(runner, container);
        let client = match exec.exec(&place, &walk, orders.whole).await {
            Ok(stream) => walk.read_client(&stream, &container.name, &runner.addresses),
            Err(reason) => Unseen(reason),
        };
        (container.name.clone(), client)
    });
    join_all(walks).await
}

/// The containers that look like an engine's, but only use the engine of another container of the pod.
fn borrowers(runner: &Runner, seen: &mut [Seen]) -> Vec<String> {
    let id = |engine: &Engine| engine.api.observed().and_then(|api| api.id.clone());
    let running = seen.iter().flat_map(|seen| seen.engines.seen());
    let running: HashSet<String> = running.filter(|e| e.pid != 0).filter_map(id).collect();
    let mut borrowers = Vec::new();
    for (container, seen) in runner.walked_containers().zip(seen) {
        if let Observed(engines) = &mut seen.engines
            && let [engine] = engines.as_slice()
            && engine.pid == 0
            && id(engine).is_some_and(|id| running.contains(&id))
        {
            engines.clear();
            borrowers.push(container.name.clone());
        }
    }
    borrowers
}

/// Corrects the kind of engine of containers that were assumed to run Docker, and run another.
fn know_engines(runner: &mut Runner) {
    let engines = runner.engines.seen();
    for container in &mut runner.containers {
        let mut here = engines.iter().filter(|e| e.path == container.name);
        let supposed = container.role == Role::Engine;
        if let Some(engine) = here.next().filter(|e| supposed && !e.kind.is_docker()) {
            container.role = Role::Other;
            container.other_engine = Some(OtherEngine {
                kind: engine.kind,
                on_demand: engine.kind.engine().is_on_demand(),
            });
        }
    }
}

fn place(runner: &Runner, container: &PodContainer) -> Place {
    Place {
        namespace: runner.namespace.clone(),
        pod: runner.pod.clone(),
        container: container.name.clone(),
    }
}

/// The engine is absent because its container has just started. A bridge may remain from an earlier run.
fn starting_up(runner: &Runner, seen: &Seen, grace: Duration) -> Option<Reason> {
    let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
    let standing = &runner.standing;
    if standing.unschedulable.is_some() || standing.given_up.is_some() || runner.phase == "Failed" {
        return None;
    }
    let age = |container: &PodContainer| {
        let waits = match container.state.phase.as_str() {
            "running" => true,
            "waiting" => {
                let reason = container.state.reason.as_deref();
                matches!(reason, None | Some("ContainerCreating" | "PodInitializing"))
            }
            _ => false,
        };
        let age = seconds().saturating_sub(container.state.since?.as_second());
        (waits && container.restarts == 0 && age < container.startup_seconds.unwrap_or(grace))
            .then_some(age.max(0))
    };
    let not_running = |reason: Option<&Reason>| reason.map(Reason::why) == Some(Why::NotRunning);
    let absent = match &seen.engines {
        Observed(engines) => engines
            .iter()
            .all(|engine| not_running(engine.api.reason())),
        unseen => not_running(unseen.reason()),
    };
    let ran =
        outermost(seen.namespaces.seen()).is_some_and(|pod| pod.interface("docker0").is_some());
    let stays = |c: &&PodContainer| !c.other_engine.is_some_and(|other| other.on_demand);
    let mut young = runner
        .walked_containers()
        .filter(stays)
        .filter_map(|container| Some((container, age(container)?)));
    let (container, seconds) = young.next().filter(|_| absent && !ran)?;
    Some(Reason::StartingUp {
        container: container.name.clone(),
        seconds,
    })
}

/// Parses a walk's output on a blocking thread, so that the run can be interrupted at any moment.
async fn read(walk: Walk, stream: Vec<u8>, walked: Walked) -> Seen {
    let reading = tokio::task::spawn_blocking(move || walk.read_pod(&stream, &walked));
    reading.await.unwrap_or_else(|error| {
        Seen::nothing(Reason::StreamUnread {
            said: error.to_string(),
        })
    })
}

/// Why there was nothing to walk, and where to look instead.
fn no_engine(runner: &Runner) -> Reason {
    let mut containers = runner.containers.iter();
    if let Some(hooked) = containers.find(|c| c.env.contains_key(HOOKS)) {
        return Reason::ContainerHooks {
            container: hooked.name.clone(),
        };
    }
    let asks = |container: &PodContainer| {
        Some(AsksElsewhere {
            docker_host: container.env.get("DOCKER_HOST")?.clone(),
            container: container.name.clone(),
        })
    };
    Reason::NoEngineContainer {
        asks: runner.containers.iter().find_map(asks),
    }
}

/// Drops engines below the requested depth; the first level beyond it is reported as unknown.
fn bound(engines: &mut Vec<Engine>, max_depth: usize) {
    engines.retain(|engine| engine.depth() <= max_depth);
    for engine in engines.iter_mut().filter(|e| e.depth() == max_depth) {
        engine.api = Unseen(Reason::TooDeep {
            engine: engine.path.clone(),
            max_depth: i64::try_from(max_depth).unwrap_or(i64::MAX),
        });
    }
}

/// Unix time of the local clock.
fn seconds() -> i64 {
    Timestamp::now().as_second()
}

/// The seconds by which a clock was outside the interval in which it was read.
fn outside(clock: i64, read: RangeInclusive<i64>) -> i64 {
    let (begun, ended) = (*read.start(), *read.end());
    clock.saturating_sub(begun).min(0) + clock.saturating_sub(ended).max(0)
}

/// Several engine containers show parts of one pod: namespaces are identified by inode number, and
/// containers that share a PID namespace show the same engines.
fn merge(mut mine: Seen, next: Seen) -> Seen {
    let asked = |p: &Probed| (p.check.clone(), p.engine.clone(), p.container.clone());
    let mut known: HashSet<_> = mine.probes.iter().map(asked).collect();
    let new = next.probes.into_iter();
    mine.probes
        .extend(new.filter(|probed| known.insert(asked(probed))));
    Seen {
        namespaces: both(mine.namespaces, next.namespaces, |a, b| a.id == b.id),
        engines: both(mine.engines, next.engines, same_engine),
        probes: mine.probes,
        clock: mine.clock.or(next.clock),
    }
}

fn both<T>(
    mine: Observation<Vec<T>>,
    other: Observation<Vec<T>>,
    same: impl Fn(&T, &T) -> bool,
) -> Observation<Vec<T>> {
    match (mine, other) {
        (Observed(mut mine), Observed(other)) => {
            for item in other {
                if !mine.iter().any(|known| same(known, &item)) {
                    mine.push(item);
                }
            }
            Observed(mine)
        }
        (Observed(seen), Unseen(_)) | (Unseen(_), Observed(seen)) => Observed(seen),
        (unseen, Unseen(_)) => unseen,
    }
}

fn same_engine(a: &Engine, b: &Engine) -> bool {
    let id = |engine: &Engine| engine.api.observed().and_then(|api| api.id.clone());
    a.path == b.path || a.namespace == b.namespace && id(a).is_some() && id(a) == id(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;
    use crate::evidence::KnownLine;

    /// A pod in which exec into one container is forbidden.
    struct OneRefused(&'static str);

    impl Exec for OneRefused {
        async fn exec(&self, place: &Place, walk: &Walk, _: Duration) -> Result<Vec<u8>, Reason> {
            let stream = include_str!("../../tests/recordings/walks/dash.txt");
            match place.container == self.0 {
                true => Err(Reason::OutOfTime),
                false => Ok(stream
                    .replace(crate::untrusted::MARK, walk.mark())
                    .into_bytes()),
            }
        }
    }

    #[test]
    fn of_registries_only_those_that_an_error_names_are_kept() {
        let mut runner = healthy().unwrap().runners.remove(0);
        let Observed(engines) = &mut runner.engines else {
            panic!("a healthy runner has engines")
        };
        let Observed(api) = &mut engines[0].api else {
            panic!("a healthy engine answers")
        };
        let all = ["127.0.0.0/8", "named.example:5000", "other.example"];
        api.insecure_registries = Some(all.map(str::to_owned).to_vec());
        let line = KnownLine {
            check: "registry-not-trusted".to_owned(),
            text: "Get \"https://named.example:5000/v2/\": x509: unknown authority".to_owned(),
            time: None,
            previous: false,
            may_pass: false,
        };
        let container = runner.containers[0].name.clone();
        runner.add_logs(vec![(container, Observed(vec![line]))]);
        let api = runner.engines.seen()[0].api.observed().unwrap();
        let kept = api.insecure_registries.as_ref().unwrap();
        assert_eq!(*kept, ["127.0.0.0/8", "named.example:5000"]);
    }

    fn orders() -> Orders {
        Orders {
            step: Duration::from_secs(1),
            whole: Duration::from_secs(1),
            await_nested: None,
            grace: Duration::from_secs(60),
            confirm: None,
            sample: None,
            probes: Vec::new(),
        }
    }

    #[tokio::test]
    async fn an_engine_container_that_could_not_be_entered_is_not_lost_beside_one_that_could() {
        let mut runner = healthy().unwrap().runners.remove(0);
        let mut second = runner.engine_containers().next().unwrap().clone();
        second.name = "second".to_owned();
        runner.containers.push(second);
        let walked = walk_runner(&OneRefused("second"), runner, &Mode::Pod, &orders(), 8).await;
        let engines = walked.engines.seen();
        let told = engines.iter().map(|e| (e.path.as_str(), e.api.reason()));
        let told: Vec<_> = told.collect();
        assert_eq!(
            told,
            [
                ("docker-in-docker", None),
                ("docker-in-docker/bb_docker", None),
                ("second", Some(&Reason::OutOfTime))
            ]
        );
    }

    /// As ARC's scale set chart creates it with containerMode kubernetes.
    #[tokio::test]
    async fn a_runner_with_container_hooks_uses_no_engine() {
        let pod = serde_json::json!({
            "metadata": {"name": "set-x-runner-y", "namespace": "arc", "labels": {"actions.github.com/scale-set-name": "set"}},
            "spec": {"containers": [{"name": "runner", "image": "ghcr.io/actions/actions-runner:latest",
                "command": ["/home/runner/run.sh"],
                "env": [{"name": "ACTIONS_RUNNER_CONTAINER_HOOKS", "value": "/home/runner/k8s/index.js"},
                    {"name": "ACTIONS_RUNNER_REQUIRE_JOB_CONTAINER", "value": "true"}]}]},
            "status": {"phase": "Running"},
        });
        let pod = serde_json::from_value(pod).unwrap();
        let runner = crate::collect::discover::runner(&pod, false).unwrap();
        let walked = walk_runner(&OneRefused("none"), runner, &Mode::Pod, &orders(), 8).await;
        let reason = Reason::ContainerHooks {
            container: "runner".to_owned(),
        };
        assert_eq!(walked.engines, Unseen(reason));
    }

    #[test]
    fn an_engine_may_still_be_starting_in_a_container_that_has_just_started() {
        let nothing = Seen::nothing(Reason::NoDockerd {
            container: "docker-in-docker".to_owned(),
        });
        let starts = |since: Option<Timestamp>, restarts: i64| {
            let mut runner = healthy().unwrap().runners.remove(0);
            let mut containers = runner.containers.iter_mut();
            let engine = containers.find(|c| c.role == Role::Engine).unwrap();
            (engine.state.since, engine.restarts) = (since, restarts);
            starting_up(&runner, &nothing, Duration::from_secs(60)).is_some()
        };
        let now = Timestamp::now();
        assert!(starts(Some(now), 0));
        assert!(!starts(None, 0), "nothing is known of its age");
        assert!(!starts(Some(now), 1), "it has ended before");
        let minutes = jiff::SignedDuration::from_mins(2);
        assert!(!starts(Some(now - minutes), 0), "it is old enough");
        let mut probed = healthy().unwrap().runners.remove(0);
        for container in &mut probed.containers {
            container.state.since = Some(now - minutes);
            container.startup_seconds = Some(300);
        }
        let grace = Duration::from_secs(60);
        assert!(
            starting_up(&probed, &nothing, grace).is_some(),
            "its probe gives it longer"
        );
    }

    #[test]
    fn an_engine_below_the_last_level_is_unknown_and_what_is_in_it_left_out() {
        let mut engines = healthy().unwrap().runners[0].engines.seen().to_vec();
        let template = engines[0].clone();
        engines.truncate(1);
        for path in ["dind/a", "dind/a/b", "dind/a/b/c"] {
            engines.push(crate::evidence::Engine {
                path: path.to_owned(),
                ..template.clone()
            });
        }
        bound(&mut engines, 2);
        let seen: Vec<_> = engines.iter().map(|e| e.api.observed().is_some()).collect();
        assert_eq!(seen, [true, true, false]);
        let reason = engines[2].api.reason().unwrap();
        assert_eq!(
            reason.to_string(),
            "dind/a/b is nested deeper than --max-depth 2: raise it"
        );
    }

    #[test]
    fn a_clock_is_wrong_by_what_it_is_outside_of_the_time_of_reading() {
        assert_eq!(outside(105, 100..=110), 0);
        assert_eq!(outside(40, 100..=110), -60);
        assert_eq!(outside(170, 100..=110), 60);
        assert_eq!(outside(i64::MIN, 100..=110), i64::MIN);
    }
}
