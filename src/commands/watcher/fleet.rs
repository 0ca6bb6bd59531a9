//! The runners that are there now, when each is due, and those that ended badly.

use super::recording::Recording;
use super::ring::{Kept, Ring};
use crate::collect::kubernetes::{Change, Followed};
use crate::diagnosis::Verdict;
use crate::report::RunnerMetrics;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An engine that was only just started is looked for again after this time.
const SOON: Duration = Duration::from_secs(5);

pub(super) struct Fleet {
    runners: HashMap<String, Watched>,
    pub(super) ring: Ring,
    interval: Duration,
    /// What the recordings of current runners take.
    bytes: usize,
    pub(super) counts: Counts,
    /// When the loop last turned.
    pub(super) beat: Instant,
}

/// What the watcher did so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) examined: u64,
    pub(super) ended: u64,
    /// Recordings that were too large, or did not fit.
    pub(super) not_kept: u64,
    /// Whether pods are followed at the moment.
    pub(super) follows: bool,
}

struct Watched {
    pod: Arc<Followed>,
    due: Instant,
    is_busy: bool,
    is_gone: bool,
    is_settled: bool,
    last: Last,
}

/// What is kept of the last examination.
#[derive(Clone)]
pub(super) struct Last {
    pub(super) recording: Option<Recording>,
    pub(super) examined_at: Option<Timestamp>,
    pub(super) metrics: RunnerMetrics,
    /// The checks that found an error.
    pub(super) errors: Vec<String>,
    pub(super) verdict: Verdict,
    /// Whether its engine may still start.
    pub(super) starting: bool,
}

impl Last {
    /// Not examined.
    fn none() -> Self {
        Last {
            recording: None,
            examined_at: None,
            metrics: RunnerMetrics::default(),
            errors: Vec::new(),
            verdict: Verdict::Incomplete,
            starting: false,
        }
    }
}

/// What is to be done for a runner.
pub(super) struct Task {
    pub(super) pod: Arc<Followed>,
    pub(super) last: Last,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Examine,
    /// It has ended; its pod may still be there.
    Settle {
        is_gone: bool,
    },
}

impl Fleet {
    pub(super) fn new(ring: Ring, interval: Duration) -> Self {
        Fleet {
            runners: HashMap::new(),
            ring,
            interval,
            bytes: 0,
            counts: Counts::default(),
            beat: Instant::now(),
        }
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Is(pod) => self.update(pod, false),
            Change::Gone(pod) => self.update(pod, true),
            Change::All(all) => {
                self.counts.follows = true;
                let gone = self
                    .runners
                    .iter_mut()
                    .filter(|(uid, _)| !all.contains(*uid));
                gone.for_each(|(_, watched)| watched.is_gone = true);
                self.forget();
            }
            Change::Lost => self.counts.follows = false,
        }
    }

    fn update(&mut self, mut pod: Followed, is_gone: bool) {
        let now = Instant::now();
        match self.runners.get_mut(&pod.uid) {
            Some(watched) => {
                if engines_since(&pod) > engines_since(&watched.pod) {
                    watched.due = now;
                }
                // What went wrong before the deletion is not undone by it.
                for bad in &watched.pod.bad {
                    if !pod.bad.contains(bad) {
                        pod.bad.push(bad.clone());
                    }
                }
                watched.pod = Arc::new(pod);
                watched.is_gone |= is_gone;
            }
            None => {
                let watched = Watched {
                    due: now,
                    is_busy: false,
                    is_gone,
                    is_settled: false,
                    last: Last::none(),
                    pod: Arc::new(pod),
                };
                self.runners.insert(watched.pod.uid.clone(), watched);
            }
        }
        self.forget();
    }

    /// Pods that are gone and settled.
    fn forget(&mut self) {
        self.runners
            .retain(|_, watched| watched.is_busy || !(watched.is_gone && watched.is_settled));
    }

    /// What is to be done next: ends first, for what is known of them is lost last.
    pub(super) fn next(&mut self) -> Option<Task> {
        let now = Instant::now();
        let free = self.runners.values_mut().filter(|watched| !watched.is_busy);
        let (watched, what) = free
            .filter_map(|watched| watched.what(now).map(|what| (watched, what)))
            .min_by_key(|(watched, what)| (*what == What::Examine, watched.due))?;
        watched.is_busy = true;
        watched.due = now + self.interval;
        Some(Task {
            pod: watched.pod.clone(),
            last: watched.last.clone(),
            what,
        })
    }

    /// An examination of a runner. One during which its pod began to end saw engines that end.
    pub(super) fn examined(&mut self, uid: &str, last: Last) {
        self.counts.examined += 1;
        let ends = |watched: &&Watched| !watched.pod.may_be_examined || watched.is_gone;
        let ending = self.runners.get(uid).filter(ends);
        if ending.is_none_or(|watched| watched.last.examined_at.is_none()) {
            self.store(uid, last);
        }
    }

    fn store(&mut self, uid: &str, mut last: Last) {
        let Some(watched) = self.runners.get_mut(uid) else {
            return;
        };
        let size = |last: &Last| last.recording.as_ref().map_or(0, Recording::size);
        let others = self.bytes - size(&watched.last);
        if !self.ring.make_room(others + size(&last)) {
            last.recording = None;
            self.counts.not_kept += 1;
        }
        self.bytes = others + size(&last);
        if last.starting {
            watched.due = watched.due.min(Instant::now() + SOON);
        }
        watched.last = last;
    }

    /// A runner has ended; badly, where there is something to keep.
    pub(super) fn settled(&mut self, uid: &str, kept: Option<Kept>) {
        self.counts.ended += 1;
        self.store(uid, Last::none());
        if let Some(watched) = self.runners.get_mut(uid) {
            watched.is_settled = true;
        }
        if let Some(kept) = kept {
            self.ring.push(kept, self.bytes);
        }
    }

    /// The task of a runner is over, whatever became of it.
    pub(super) fn free(&mut self, uid: &str) {
        if let Some(watched) = self.runners.get_mut(uid) {
            watched.is_busy = false;
        }
        self.forget();
    }

    pub(super) fn metrics(&self) -> RunnerMetrics {
        let mut all = RunnerMetrics::default();
        self.runners
            .values()
            .for_each(|watched| all.add(&watched.last.metrics));
        all
    }

    pub(super) fn watched(&self) -> usize {
        let live = self.runners.values();
        live.filter(|watched| !watched.is_gone && !watched.is_settled)
            .count()
    }

    /// Compressed, with those of current runners.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.ring.bytes()
    }
}

impl Watched {
    fn what(&self, now: Instant) -> Option<What> {
        if self.is_settled {
            return None;
        }
        if self.is_gone || self.pod.has_ended {
            let is_gone = self.is_gone;
            return Some(What::Settle { is_gone });
        }
        (self.pod.may_be_examined && self.due <= now).then_some(What::Examine)
    }
}

/// Since when the youngest of the running engines runs.
fn engines_since(pod: &Followed) -> Option<Timestamp> {
    let containers = pod.runner.walked_containers();
    let running = containers.filter(|container| container.state.phase == "running");
    running.filter_map(|container| container.state.since).max()
}
