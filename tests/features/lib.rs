//! Nothing: Cargo.toml is what counts.
