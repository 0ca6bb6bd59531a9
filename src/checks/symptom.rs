//! The symptoms in a check file, as written and compiled.

use super::fault::{Fault, Place, Source};
use super::suggestion::advise;
use crate::symptoms::{self, Pattern, Recovery, Symptom};
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::sync::LazyLock;

/// How to recognize an error in a log line.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// A regular expression for the text that identifies this error: it must match at the start of
    /// a line or of a field, or after a colon. With `.*` at its start it can match anywhere.
    #[schemars(with = "String")]
    pattern: Spanned<String>,
    /// A line that it matches; with `after`, two.
    #[schemars(with = "String")]
    example: Spanned<String>,
    /// A regular expression for one of the few lines before it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    after: Option<Spanned<String>>,
    /// A regular expression for this line, or one of the few before it, with which the text is no
    /// error of this kind.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    unless: Option<Spanned<String>>,
    /// Whether it also matches lines of level info.
    #[serde(default)]
    at_info: bool,
    /// Whether the program retries after this error: in a container's log it counts only from the
    /// second line on.
    #[serde(default)]
    transient: bool,
    /// Other faults with the same text, the most likely first; this one is more likely.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    or: Vec<Spanned<String>>,
    /// Faults that are caused by this one if both are in a log.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    causes: Vec<Spanned<String>>,
    /// How `check` decides between them.
    decided_by: Option<String>,
}

/// What takes errors back, read once.
pub(super) static RECOVERIES: LazyLock<Vec<Recovery>> = LazyLock::new(|| {
    let text = include_str!("../../checks/data/recoveries.yaml");
    serde_saphyr::from_str(text).unwrap_or_default()
});

/// The ids of faults that a file names, and where.
pub(super) type Names = Vec<(String, Place)>;

/// The symptoms of a fault, and the faults that they name.
pub(super) fn compile(
    source: Source,
    id: &str,
    written: &[Written],
    taken_back_by: &[Spanned<String>],
) -> Result<(Vec<Symptom>, Names), Fault> {
    for by in taken_back_by {
        let known: Vec<&str> = RECOVERIES.iter().map(|recovery| &*recovery.name).collect();
        if !known.contains(&by.value.as_str()) {
            return Err(Fault {
                what: format!("unknown recovery `{}`", by.value),
                place: source.place(by.referenced.line(), by.referenced.column()),
                advice: advise(&by.value, "", &known),
            });
        }
    }
    let mut names = Vec::new();
    let mut compiled = Vec::new();
    for written in written {
        let named = written.or.iter().chain(&written.causes).map(|name| {
            let (line, column) = (name.referenced.line(), name.referenced.column());
            (name.value.clone(), source.place(line, column))
        });
        names.extend(named);
        if !source.built_in {
            validate(source, written)?;
        }
        compiled.push(Symptom {
            check: id.to_owned(),
            pattern: Pattern::new(&written.pattern.value),
            example: written.example.value.trim_end().to_owned(),
            after: optional(written.after.as_ref()),
            unless: optional(written.unless.as_ref()),
            at_info: written.at_info,
            transient: written.transient,
            or: values(&written.or),
            causes: values(&written.causes),
            decided_by: written
                .decided_by
                .as_ref()
                .map(|text| text.trim().to_owned()),
            taken_back_by: values(taken_back_by),
        });
    }
    Ok((compiled, names))
}

fn optional(pattern: Option<&Spanned<String>>) -> Option<Pattern> {
    pattern.map(|pattern| Pattern::new(&pattern.value))
}

fn values(names: &[Spanned<String>]) -> Vec<String> {
    names.iter().map(|name| name.value.clone()).collect()
}

/// The pattern must match its example where an error may begin.
fn validate(source: Source, written: &Written) -> Result<(), Fault> {
    let Written {
        pattern, example, ..
    } = written;
    for context in [&written.after, &written.unless].into_iter().flatten() {
        expression(source, context)?;
    }
    let compiled = expression(source, pattern)?;
    if !symptoms::states(&example.value, &compiled) {
        return Err(Fault {
            what: format!("`{}` does not match its own example", pattern.value),
            place: source.place(example.referenced.line(), example.referenced.column()),
            advice: "correct the pattern or the example: the error must begin the line, or follow a colon".into(),
        });
    }
    Ok(())
}

fn expression(source: Source, written: &Spanned<String>) -> Result<Regex, Fault> {
    symptoms::compile(&written.value).map_err(|(what, advice)| {
        let (line, column) = (written.referenced.line(), written.referenced.column());
        Fault {
            what,
            place: source.find(line, column, &written.value),
            advice,
        }
    })
}
