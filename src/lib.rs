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
//! This library is for the program and its own tests: it is not an API, and any version may change
//! it. The command line and the JSON report are stable.
//!
//! Left of [`evidence::Evidence`] everything touches the world, is async and may fail in parts.
//! Right of it everything is pure, and knows nothing of Kubernetes: a recording replays to the
//! same diagnosis on any machine.

pub mod checks;
pub mod cli;
mod collect;
pub mod commands;
pub mod compare;
mod config;
mod diagnose;
pub mod diagnosis;
pub mod evidence;
pub mod facts;
mod files;
mod fix;
mod lint;
mod manifest;
mod permissions;
pub mod redact;
pub mod remedy;
pub mod report;
pub mod schema;
mod symptoms;
pub mod systems;
mod text;
#[doc(hidden)]
pub mod untrusted;
mod yaml;
