//! A check file: refused with a reason, or it judges a sick runner and runs its own cases.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner_doctor::checks::{judge, run_cases};
use runner_doctor::evidence::Evidence;
use runner_doctor_fuzz::SICK;
use std::sync::LazyLock;

static EVIDENCE: LazyLock<Option<Evidence>> = LazyLock::new(|| Evidence::parse(SICK, "sick").ok());

fuzz_target!(|text: &str| {
    let library = match runner_doctor::untrusted::check(text) {
        Ok(library) => library,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    if let Some(evidence) = &*EVIDENCE {
        let _ = judge(&library, evidence);
    }
    for check in library.checks() {
        let _ = run_cases(check);
    }
});
