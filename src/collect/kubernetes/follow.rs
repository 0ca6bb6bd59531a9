//! Follows the pods that are runners with one list and one watch, and examines one of them at a time.

use super::error::{code, forbidden, unreachable};
use super::find::not_listed;
use super::{Cluster, Found, clock, nodes};
use crate::collect::discover::ended::{self, BadEnd};
use crate::collect::{Limits, Selection, discover};
use crate::evidence::{
    Cluster as ClusterFacts, Evidence, Node, Observation, Observed, Reason, Requests, Role, Runner,
    Unseen,
};
use crate::symptoms::Symptoms;
use anyhow::{Result, anyhow};
use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};

/// Pods are large, and most are no runners.
const PAGE: u32 = 100;
/// The API server ends a watch after this time; what is silent for longer is gone.
const WATCH_SECONDS: u32 = 240;
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 30);
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long what is known of a node holds.
const NODE_HOLDS: Duration = Duration::from_secs(5 * 60);

/// What became of a pod.
pub enum Change {
    Is(Followed),
    /// By its UID; what is known of its end.
    Gone(Followed),
    /// All that there are: others are gone.
    All(BTreeSet<String>),
    /// The API server does not answer; it is asked again.
    Lost,
}

/// A pod that is a runner, as it is now.
#[derive(Clone)]
pub struct Followed {
    pub uid: String,
    pub runner: Runner,
    /// Whether its containers have ended for good.
    pub has_ended: bool,
    /// Whether it may be examined: it is not about to end.
    pub may_be_examined: bool,
    pub bad: Vec<BadEnd>,
    scope: Option<String>,
}

impl Followed {
    fn of(pod: &Pod) -> Option<Self> {
        let runner = discover::runner(pod, false)?;
        Some(Followed {
            uid: pod.metadata.uid.clone()?,
            has_ended: matches!(runner.phase.as_str(), "Succeeded" | "Failed"),
            may_be_examined: !discover::is_over(pod) && !is_done(&runner),
            bad: ended::badly(pod),
            scope: discover::process_scope(pod),
            runner,
        })
    }
}

/// Whether the container that takes jobs has ended: its engine ends next.
fn is_done(runner: &Runner) -> bool {
    let mut containers = runner.containers.iter();
    containers.any(|c| c.role == Role::Runner && c.state.phase == "terminated")
}

impl Cluster {
    /// Sends every change until the receiver is dropped. Fails only if it cannot start.
    pub async fn follow(&self, selection: &Selection, changes: &Sender<Change>) -> Result<()> {
        let (api, place) = self.pods_of(selection);
        let labels = selection.labels.as_deref();
        let (mut listed, mut watched, mut pause) = (false, false, PAUSE);
        let mut version: Option<String> = None;
        while !changes.is_closed() {
            let began = Instant::now();
            let next = match &version {
                None => list(&api, labels, changes).await.map(Some),
                Some(version) => watch(&api, labels, version, changes).await,
            };
            match next {
                Ok(next) => {
                    listed = true;
                    watched |= version.is_some();
                    version = next;
                    pause = PAUSE;
                }
                Err(error) if !listed && !is_passing(&error) || !watched && forbidden(&error) => {
                    let verb = if version.is_some() { "watch" } else { "list" };
                    return Err(match forbidden(&error) {
                        true => anyhow!(
                            "no permission to {verb} pods in {place}: grant `{verb}` on pods, as `runner-doctor rbac --watch` prints it"
                        ),
                        false => not_listed(&error, selection),
                    });
                }
                Err(error) => {
                    let said = unreachable(&error);
                    tracing::warn!("{said}; next attempt in {} s", pause.as_secs());
                    let _ = changes.send(Change::Lost).await;
                    version = None;
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            // A server that ends each watch at once is not asked without a break.
            if version.is_none() || watched && began.elapsed() < PAUSE {
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Everything there is to see of one runner now.
    pub async fn examine_one(
        &self,
        followed: &Followed,
        symptoms: &Symptoms,
        limits: &Limits,
        surroundings: &Surroundings,
    ) -> Evidence {
        let found = Found {
            runner: followed.runner.clone(),
            scope: followed.scope.clone(),
        };
        let began = Timestamp::now();
        let (mut runner, logs, around) = futures::join!(
            self.walk(found, limits),
            self.logs(&followed.runner, symptoms, limits.timeout),
            surroundings.of(self, followed.runner.node.as_deref(), limits),
        );
        runner.add_logs(logs);
        runner.standing.tell_clock_by(around.clock_ahead);
        let runners = vec![runner];
        let mut evidence = Evidence::new(around.cluster.clone());
        evidence.nodes = around.nodes.clone();
        nodes::keep_narrow_ends(&mut evidence.nodes, &runners);
        evidence.runners = runners;
        evidence.examined_at = Timestamp::from_second(began.as_second()).ok();
        evidence
    }

    /// The known errors in the logs of a pod that has ended and is still there.
    pub async fn last_words(&self, runner: &mut Runner, symptoms: &Symptoms, limit: Duration) {
        let logs = self.logs(runner, symptoms, limit).await;
        runner.add_logs(logs);
    }

    /// Requests to the API server so far.
    pub fn requests(&self) -> Requests {
        self.requests.counted()
    }

    /// Works until a signal; then walks are ended, and the work has a moment to end as well.
    pub async fn until<T>(
        &self,
        signal: impl Future<Output = String>,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.stop.unless(signal, work).await.0
    }

    /// Waits until the work must end.
    pub async fn told_to_stop(&self) {
        self.stop.told().await;
    }
}

/// Whether asking again may help.
fn is_passing(error: &kube::Error) -> bool {
    code(error).is_some_and(|code| code == 410 || code == 429 || code >= 500)
}

/// All pods, page by page; the version from which to watch.
async fn list(
    api: &Api<Pod>,
    labels: Option<&str>,
    changes: &Sender<Change>,
) -> Result<String, kube::Error> {
    let mut wanted = ListParams::default().limit(PAGE);
    wanted.label_selector = labels.map(str::to_owned);
    let mut all = BTreeSet::new();
    loop {
        let page = api.list(&wanted).await?;
        for pod in page.items {
            if let Some(followed) = Followed::of(&pod) {
                all.insert(followed.uid.clone());
                let _ = changes.send(Change::Is(followed)).await;
            }
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => wanted.continue_token = Some(token),
            None => {
                let _ = changes.send(Change::All(all)).await;
                return Ok(page.metadata.resource_version.unwrap_or_default());
            }
        }
    }
}

/// Until the watch ends; the version from which to watch again, or none where all must be listed.
async fn watch(
    api: &Api<Pod>,
    labels: Option<&str>,
    version: &str,
    changes: &Sender<Change>,
) -> Result<Option<String>, kube::Error> {
    let mut wanted = WatchParams::default().timeout(WATCH_SECONDS);
    wanted.label_selector = labels.map(str::to_owned);
    let mut version = version.to_owned();
    let mut events = std::pin::pin!(api.watch(&wanted, &version).await?);
    while let Ok(event) = timeout(SILENCE, events.try_next()).await {
        let (pod, gone) = match event? {
            Some(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) => (pod, false),
            Some(WatchEvent::Deleted(pod)) => (pod, true),
            Some(WatchEvent::Bookmark(bookmark)) => {
                version = bookmark.metadata.resource_version;
                continue;
            }
            Some(WatchEvent::Error(status)) if status.code == 410 => return Ok(None),
            Some(WatchEvent::Error(status)) => return Err(kube::Error::Api(status)),
            None => return Ok(Some(version)),
        };
        if let Some(newer) = &pod.metadata.resource_version {
            version.clone_from(newer);
        }
        if let Some(followed) = Followed::of(&pod) {
            let change = match gone {
                true => Change::Gone(followed),
                false => Change::Is(followed),
            };
            if changes.send(change).await.is_err() {
                break;
            }
        }
    }
    Ok(Some(version))
}

/// What is known beside the pods: of the cluster, and of each node for a while.
pub struct Surroundings {
    enter_nodes: bool,
    of_node: Mutex<HashMap<Option<String>, OfNode>>,
}

/// Read once, for all runners that wait for it.
struct OfNode {
    since: Instant,
    around: Arc<OnceCell<Arc<Around>>>,
}

struct Around {
    cluster: Observation<ClusterFacts>,
    nodes: Vec<Node>,
    clock_ahead: Option<i64>,
}

impl Surroundings {
    pub fn new(enter_nodes: bool) -> Self {
        Surroundings {
            enter_nodes,
            of_node: Mutex::default(),
        }
    }

    async fn of(&self, cluster: &Cluster, node: Option<&str>, limits: &Limits) -> Arc<Around> {
        let cell = {
            let mut known = self.of_node.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, node| node.since.elapsed() < NODE_HOLDS);
            let new = || OfNode {
                since: Instant::now(),
                around: Arc::default(),
            };
            let node = known.entry(node.map(str::to_owned)).or_insert_with(new);
            node.around.clone()
        };
        let read = || async {
            let (version, clock_ahead) = clock::version(&cluster.client).await?;
            let names = node.map(str::to_owned).into_iter().collect();
            let nodes = nodes::examine(cluster, names, self.enter_nodes, limits).await;
            Ok::<_, kube::Error>(Arc::new(Around {
                cluster: Observed(ClusterFacts {
                    server_version: version.git_version,
                    cni: nodes.cni,
                }),
                nodes: nodes.nodes,
                clock_ahead,
            }))
        };
        // What failed is asked again the next time.
        match cell.get_or_try_init(read).await {
            Ok(around) => around.clone(),
            Err(_) => Arc::new(Around {
                cluster: Unseen(Reason::ClusterSilent),
                nodes: Vec::new(),
                clock_ahead: None,
            }),
        }
    }
}
