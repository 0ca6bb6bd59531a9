//! The recordings of pods that ended badly: the newest, as many as fit.

use super::recording::Recording;
use crate::collect::discover::ended::BadEnd;
use crate::diagnosis::Verdict;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;

/// A pod that ended badly.
#[derive(Clone, Serialize)]
pub(super) struct Kept {
    /// By which its recording is downloaded.
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) node: Option<String>,
    /// When it was seen to have ended.
    pub(super) ended_at: Timestamp,
    /// When it was last examined; absent if it ended before.
    pub(super) examined_at: Option<Timestamp>,
    pub(super) ended_badly: Vec<BadEnd>,
    /// The checks with an error in its last diagnosis.
    pub(super) errors: Vec<String>,
    pub(super) verdict: Verdict,
    pub(super) bytes: usize,
    #[serde(skip)]
    pub(super) recording: Recording,
}

/// Bounded by count and bytes; what is taken by recordings elsewhere counts as well.
pub(super) struct Ring {
    kept: VecDeque<Kept>,
    most: usize,
    most_bytes: usize,
    bytes: usize,
    pub(super) dropped: u64,
    /// When the pod ended whose recording was dropped last.
    pub(super) dropped_until: Option<Timestamp>,
}

impl Ring {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Ring {
            kept: VecDeque::new(),
            most,
            most_bytes,
            bytes: 0,
            dropped: 0,
            dropped_until: None,
        }
    }

    pub(super) fn push(&mut self, kept: Kept, elsewhere: usize) {
        self.bytes += kept.recording.size();
        self.kept.push_back(kept);
        while self.kept.len() > self.most {
            self.drop_oldest();
        }
        self.make_room(elsewhere);
    }

    /// Drops the oldest until all fits; whether it does.
    pub(super) fn make_room(&mut self, elsewhere: usize) -> bool {
        while self.bytes + elsewhere > self.most_bytes && self.drop_oldest() {}
        self.bytes + elsewhere <= self.most_bytes
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.kept.pop_front() else {
            return false;
        };
        self.bytes -= oldest.recording.size();
        self.dropped += 1;
        self.dropped_until = Some(oldest.ended_at);
        true
    }

    pub(super) fn get(&self, name: &str) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.name == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
