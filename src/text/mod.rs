//! Text before output: control characters escaped, secrets hidden, words quoted.

pub(crate) mod clean;
pub(crate) mod plain;
pub(crate) mod secret;
pub(crate) mod shell;
pub(crate) mod wrap;
pub(crate) mod yaml;
