//! Files before deployment, under each name that helps to detect their kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner_doctor::checks::Library;
use std::sync::LazyLock;

const NAMES: [&str; 4] = [
    "job.yaml",
    "bitbucket-pipelines.yml",
    ".gitlab-ci.yml",
    "compose.yaml",
];

static LIBRARY: LazyLock<Option<Library>> = LazyLock::new(|| Library::load(&[]).ok());

fuzz_target!(|text: &str| {
    let Some(library) = &*LIBRARY else { return };
    let name = NAMES[text.len() % NAMES.len()];
    runner_doctor::untrusted::file(name, text, library);
});
