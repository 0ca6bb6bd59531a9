//! Builds again when a file is added to checks/ or to the recordings: the compiler notices changes in the files that it
//! has built in, not new ones.
#![allow(clippy::print_stdout)]

fn main() {
    println!("cargo::rerun-if-changed=checks");
    println!("cargo::rerun-if-changed=tests/recordings/demo");
}
