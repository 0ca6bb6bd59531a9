//! The walk's stream: whatever a container prints, it is read, and what is read can be judged and shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner_doctor::evidence::Evidence;
use runner_doctor::facts::Facts;
use runner_doctor_fuzz::{HEALTHY, judge_and_render};
use std::sync::LazyLock;

static AROUND: LazyLock<Option<Evidence>> =
    LazyLock::new(|| Evidence::parse(HEALTHY, "healthy").ok());

fuzz_target!(|stream: &[u8]| {
    let _ = runner_doctor::untrusted::node_walk(stream);
    let (namespaces, engines) = runner_doctor::untrusted::walk(stream);
    if engines.seen().is_empty() && namespaces.seen().is_empty() {
        return;
    }
    let Some(mut evidence) = AROUND.clone() else {
        return;
    };
    if let Some(runner) = evidence.runners.first_mut() {
        runner.namespaces = namespaces;
        runner.engines = engines;
    }
    for runner in &evidence.runners {
        let _ = Facts::derive(&evidence, runner);
    }
    // Slow beside all before: for some only.
    if stream.len().is_multiple_of(16) {
        judge_and_render(&evidence);
    }
});
