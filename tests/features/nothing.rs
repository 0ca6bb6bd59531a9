//! Nothing: the dependencies of Cargo.toml are what counts.
