//! Checks: what can be wrong with a runner, written as data, and the judging of evidence by it.
//!
//! ```text
//! checks/*.yaml ─► definition ─► rule (compiled expressions) ─► library ─┐
//!                                                evidence ─► facts ──────┴─► judge ─► findings, unknowns
//! ```

mod baseline;
pub mod case;
mod definition;
mod entry;
mod expression;
pub(crate) mod fault;
mod judge;
mod library;
mod rule;
mod section;
mod shape;
pub(crate) mod suggestion;
mod symptom;
mod template;
mod trial;
mod vocabulary;

pub use case::Case;
pub use definition::Stage;
pub use entry::Entry;
pub use judge::{Judgement, judge, judge_alone};
pub use library::Library;
pub(crate) use library::page;
pub use rule::Check;
pub use section::Section;
pub use trial::{CaseReport, Outcome, run_cases};

/// What the file of a check may hold.
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "only its schema is used: each kind is parsed apart"
)]
enum CheckFile {
    Check(Box<definition::Definition>),
    Entry(entry::Definition),
}

/// The JSON Schema of a check file, for editors.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(CheckFile)
}
