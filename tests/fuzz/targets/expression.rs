//! The condition of a check: refused at load, or true, false or unknown for every network within its budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner_doctor::checks::judge;
use runner_doctor::evidence::Evidence;
use runner_doctor_fuzz::SICK;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// For all networks of the runner, in a build with sanitizers.
const LONGEST: Duration = Duration::from_secs(20);

static EVIDENCE: LazyLock<Option<Evidence>> = LazyLock::new(|| Evidence::parse(SICK, "sick").ok());

fuzz_target!(|text: &str| {
    let Ok(library) = runner_doctor::untrusted::expression(text) else {
        return;
    };
    if let Some(evidence) = &*EVIDENCE {
        let start = Instant::now();
        let _ = judge(&library, evidence);
        assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    }
});
