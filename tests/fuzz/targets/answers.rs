//! A daemon's answers over dial-stdio: no body is longer than what was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let answers = runner_doctor::untrusted::answers(stream);
    let bodies: usize = answers.iter().map(|(_, body)| body.len()).sum();
    assert!(bodies <= stream.len());
});
