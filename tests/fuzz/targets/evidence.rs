//! A recording: what is read can be judged, shown, and written and read again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner_doctor::evidence::Evidence;
use runner_doctor_fuzz::judge_and_render;

fuzz_target!(|text: &str| {
    let Ok(evidence) = Evidence::parse(text, "fuzz") else {
        return;
    };
    let written = evidence.to_yaml().expect("what was read can be written");
    let again = Evidence::parse(&written, "fuzz").expect("what was written can be read");
    assert_eq!(evidence, again);
    judge_and_render(&evidence);
});
