//! Report formats: one file per format, each a pure function of the diagnosis.

mod bitbucket;
mod comparison;
mod findings;
mod fleet;
mod github;
mod grouped_findings;
mod html;
mod identical_runners;
mod json;
mod junit;
mod layers;
mod links;
mod log;
mod markdown;
mod page;
mod prometheus;
pub(crate) mod reason;
mod sarif;
mod scale;
mod short;
mod snippet;
mod table;
mod terminal;
mod verdict;
mod yaml;

pub use crate::text::clean::clean;
pub(crate) use crate::text::wrap::wrap;
pub(crate) use links::Links;
pub(crate) use prometheus::{RunnerMetrics, gauge};
pub use terminal::Style;
pub(crate) use verdict::few;

use crate::compare::Comparison;
use crate::diagnosis::Diagnosis;
use clap::ValueEnum;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: the layers of each faulty runner, then what is wrong, why, and the fix
    #[default]
    Table,
    /// One line per finding
    Short,
    /// For programs: runner-doctor/report/v1
    Json,
    /// The same report as YAML
    Yaml,
    /// For a ticket in Jira, GitHub or GitLab
    Markdown,
    /// A page with a diagram of the layers: one file without external resources
    Html,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For CI: JUnit XML, one test case per finding
    Junit,
    /// For GitHub Actions: annotations on the step that prints them
    Github,
    /// For Bitbucket Cloud: Code Insights as JSON, with the commands to send it
    Bitbucket,
    /// For Prometheus: text exposition format
    Prometheus,
}

/// The whole report, with its final newline.
pub fn render(format: Format, diagnosis: &Diagnosis, style: &Style) -> String {
    match format {
        Format::Table => table::render(diagnosis, style),
        Format::Short => short::render(diagnosis, style),
        Format::Json => json::render(diagnosis),
        Format::Yaml => yaml::render(diagnosis),
        Format::Markdown => markdown::render(diagnosis),
        Format::Html => html::render(diagnosis),
        Format::Sarif => sarif::render(diagnosis),
        Format::Junit => junit::render(diagnosis),
        Format::Github => github::render(diagnosis),
        Format::Bitbucket => bitbucket::render(diagnosis),
        Format::Prometheus => prometheus::render(diagnosis),
    }
}

/// The verdict and the counts in one line.
pub(crate) fn verdict_line(diagnosis: &Diagnosis) -> String {
    let outcome = verdict::outcome(diagnosis);
    format!("{}: {} ({})", outcome.word, outcome.found, outcome.scope)
}

/// The same for files: the text format shows each finding at its position in the file.
pub(crate) fn render_files(format: Format, diagnosis: &Diagnosis, style: &Style) -> String {
    match format {
        Format::Table => snippet::render(diagnosis, style),
        _ => render(format, diagnosis, style),
    }
}

/// A comparison of two examinations as text.
pub fn render_comparison(comparison: &Comparison, style: &Style) -> String {
    comparison::render(comparison, style)
}

/// Serializes a document to JSON that is safe to print in a terminal.
pub(crate) fn json<T: serde::Serialize>(document: &T) -> String {
    json::write(document)
}
