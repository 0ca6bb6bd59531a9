//! The recording of one runner: compressed while it is kept, and with the end of its pod.

use crate::evidence::{Evidence, Reason, Runner, Unseen};
use crate::report;
use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};
use std::sync::Arc;

/// Compressed; that of a runner with two engines takes some 10 KiB.
const MOST: usize = 1 << 20;
/// Not compressed.
const MOST_TEXT: u64 = 64 << 20;

#[derive(Clone)]
pub(super) struct Recording {
    compressed: Arc<[u8]>,
    /// Of its text.
    pub(super) bytes: usize,
}

impl Recording {
    pub(super) fn new(evidence: &Evidence) -> Result<Self> {
        let text = report::json(evidence);
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(text.as_bytes())?;
        let compressed = out.finish()?;
        let fits = compressed.len() <= MOST && text.len() as u64 <= MOST_TEXT;
        ensure!(fits, "its recording is too large to keep");
        Ok(Recording {
            compressed: compressed.into(),
            bytes: text.len(),
        })
    }

    /// What it takes.
    pub(super) fn size(&self) -> usize {
        self.compressed.len()
    }

    pub(super) fn text(&self) -> Result<String> {
        let mut text = String::new();
        GzDecoder::new(&*self.compressed)
            .take(MOST_TEXT)
            .read_to_string(&mut text)
            .context("cannot unpack a recording")?;
        Ok(text)
    }

    pub(super) fn evidence(&self) -> Result<Evidence> {
        Evidence::parse(&self.text()?, "a recording")
    }
}

/// The last examination of a runner, and how its pod ended after it: its engines are as they were
/// when they were last seen.
pub(super) fn with_end(before: Option<Evidence>, now: Runner) -> Evidence {
    let before = before.and_then(|mut before| Some((before.runners.pop()?, before)));
    let Some((mut runner, mut evidence)) = before else {
        let mut evidence = Evidence::new(Unseen(Reason::NotWalked));
        evidence.runners = vec![now];
        return evidence;
    };
    runner.phase = now.phase;
    runner.standing.evicted = now.standing.evicted;
    for end in now.containers {
        let mut containers = runner.containers.iter_mut();
        if let Some(container) = containers.find(|container| container.name == end.name) {
            container.state = end.state;
            container.restarts = end.restarts;
            container.last_end = end.last_end;
            if let Some(log) = end.log.filter(|log| log.reason().is_none()) {
                container.log = Some(log);
            }
        }
    }
    evidence.runners = vec![runner];
    evidence
}

/// Whether a container that an engine was looked for in still runs.
pub(super) fn runs(runner: &Runner) -> bool {
    let mut containers = runner.walked_containers();
    containers.any(|container| container.state.phase == "running")
}
