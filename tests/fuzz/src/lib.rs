//! Handling of evidence that several targets share.

use clap::ValueEnum;
use runner_doctor::checks::{Library, judge};
use runner_doctor::diagnosis::{Diagnosis, Severity};
use runner_doctor::evidence::Evidence;
use runner_doctor::report::{Format, Style, render};
use std::sync::LazyLock;

pub const HEALTHY: &str = include_str!("../../recordings/demo/cured.yaml");
pub const SICK: &str = include_str!("../../recordings/demo/article.yaml");

static LIBRARY: LazyLock<Option<Library>> = LazyLock::new(|| Library::load(&[]).ok());

/// Renders evidence in every format. No output of a container may reach a terminal as a control character.
pub fn judge_and_render(evidence: &Evidence) {
    let Some(library) = &*LIBRARY else { return };
    let judgement = judge(library, evidence);
    let fail_on = Some(Severity::Error);
    let diagnosis = Diagnosis::new(evidence, judgement.findings, judgement.unknowns, fail_on);
    let style = Style {
        width: 80,
        color: false,
        unicode: true,
        ..Style::PLAIN
    };
    for format in Format::value_variants() {
        let report = render(*format, &diagnosis, &style);
        if *format == Format::Table {
            assert!(!report.contains('\u{1b}'), "{report}");
        }
    }
}
