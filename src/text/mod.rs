//! Text as it leaves the program: what acts written out, secrets hidden, words quoted.

pub(crate) mod clean;
pub(crate) mod secret;
pub(crate) mod shell;
pub(crate) mod yaml;
