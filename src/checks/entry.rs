//! A fault that only logs show: a check file without a rule.

use super::definition::OneOrMore;
use super::fault::{Fault, Place, Source};
use super::symptom::{self, Written};
use crate::diagnosis::Severity;
use crate::symptoms::Symptom;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

/// A fault that `explain --log` recognizes and `check` does not detect. With a check's other fields
/// it becomes a check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    /// Names the problem; same as the file name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// The healthy fact, in a sentence.
    title: String,
    severity: Severity,
    /// The faults whose fix alone removes this one too: one, or several, the most likely first.
    #[serde(default)]
    #[schemars(with = "OneOrMore")]
    caused_by: Option<Spanned<OneOrMore>>,
    /// Log lines that identify this fault.
    symptoms: Vec<Written>,
    /// Names from checks/data/recoveries.yaml: log lines that show that the error was recovered
    /// from. Earlier lines do not count.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    taken_back_by: Vec<Spanned<String>>,
    /// Whether its log lines show that something failed, but not why. If a log also contains a
    /// cause, they are listed under it.
    #[serde(default)]
    consequence: bool,
    /// What happens, why, and how to fix it.
    why: String,
    #[serde(default)]
    references: Vec<String>,
}

/// Whether a file has a rule.
#[derive(Deserialize)]
struct Rule {
    for_each: Option<IgnoredAny>,
    fails_when: Option<IgnoredAny>,
    finding: Option<IgnoredAny>,
    symptoms: Option<IgnoredAny>,
}

/// A fault that is known by its lines alone.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: String,
    /// The healthy fact, in a sentence.
    pub title: String,
    pub severity: Severity,
    /// The folder that its file lies in.
    pub group: String,
    pub symptoms: Vec<Symptom>,
    pub(crate) consequence: bool,
    pub(crate) caused_by: Vec<String>,
    pub why: String,
    pub references: Vec<String>,
    /// The file that it was read from.
    pub file: String,
    pub(super) built_in: bool,
    /// The faults that it names, and where.
    pub(super) names: Vec<(String, Place)>,
}

impl Entry {
    /// Whether this is the file of an entry and not of a check.
    pub(super) fn is_in(source: Source) -> bool {
        serde_saphyr::from_str(source.text).is_ok_and(|rule: Rule| {
            rule.symptoms.is_some()
                && rule.for_each.is_none()
                && rule.fails_when.is_none()
                && rule.finding.is_none()
        })
    }

    pub(super) fn parse(source: Source, id: &str, group: &str) -> Result<Entry, Fault> {
        let definition: Definition = serde_saphyr::from_str(source.text).map_err(|error| {
            let advice = "see checks/README.md for the fields of a log fault";
            source.unreadable(&error, "not a log fault", advice)
        })?;
        source.must_be_called(&definition.id, id)?;
        let taken_back_by = &definition.taken_back_by;
        let (symptoms, mut names) =
            symptom::compile(source, id, &definition.symptoms, taken_back_by)?;
        let caused_by = definition.caused_by.as_ref();
        let caused_by = caused_by.map_or(&[][..], |causes| causes.value.names());
        if let Some(place) = definition
            .caused_by
            .as_ref()
            .map(|causes| causes.referenced)
        {
            let place = |name: &String| source.find(place.line(), place.column(), name);
            names.extend(caused_by.iter().map(|name| (name.clone(), place(name))));
        }
        Ok(Entry {
            caused_by: caused_by.to_vec(),
            symptoms,
            names,
            consequence: definition.consequence,
            id: definition.id.value,
            title: definition.title,
            severity: definition.severity,
            group: group.to_owned(),
            why: definition.why.trim_end().to_owned(),
            references: definition.references,
            file: source.file.to_owned(),
            built_in: false,
        })
    }
}
