//! runner-doctor walks every network and Docker layer under a CI runner, writes down what is there
//! and judges it by checks that are data.
//!
//! ```text
//! discover ──► probe ──► Evidence ──► judge ──► Diagnosis ──► report
//! (which     (one exec   (a plain,    (checks/   (findings,   (table, json,
//!  runners)   per pod)    recordable   are YAML   unknowns,     …)
//!                         document)    + CEL)     remedies)
//! ```
//!
//! Left of [`evidence::Evidence`] everything touches the world, is async and may fail in parts.
//! Right of it everything is pure, and knows nothing of Kubernetes: a recording replays to the
//! same diagnosis on any machine.

mod access;
pub mod check;
pub mod cli;
pub mod commands;
pub mod comparison;
mod config;
pub mod diagnosis;
mod discover;
mod document;
pub mod evidence;
mod fix;
#[doc(hidden)]
pub mod foreign;
mod layers;
mod lint;
mod manifest;
mod probe;
pub mod redact;
pub mod remedy;
pub mod report;
pub mod schema;
mod secret;
mod shell;
mod symptoms;
mod target;
mod ticket;
