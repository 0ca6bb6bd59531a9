//! Text as it leaves the program: secrets hidden, words quoted for a shell.

pub(crate) mod secret;
pub(crate) mod shell;
