//! The command that Bitbucket prints for a new runner: a manifest comes of it, or a reason why not.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = runner_doctor::untrusted::command(text) {
        assert!(!error.to_string().is_empty());
    }
});
