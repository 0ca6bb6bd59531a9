//! Text of logs and errors: hiding its secrets never fails, and hides nothing more the second time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner_doctor::untrusted::without_secrets;

fuzz_target!(|text: &str| {
    let hidden = without_secrets(text);
    assert_eq!(without_secrets(&hidden), hidden);
});
