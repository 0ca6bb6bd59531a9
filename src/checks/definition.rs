//! The format of a check file.

use super::section::Section;
use super::symptom;
use crate::diagnosis::{Confidence, Severity};
use crate::evidence::Layer;
use crate::remedy::WantKind;
use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;

/// A check: what can be wrong, how to detect it, why it matters and how to fix it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// Names the problem; same as the file name.
    #[schemars(with = "String")]
    pub(crate) id: Spanned<String>,
    /// The healthy fact, as a short sentence.
    pub(crate) title: String,
    pub(crate) severity: Severity,
    /// The stage of a build at which the fault strikes. Default: `run` for an error, otherwise
    /// `later`.
    pub(crate) stage: Option<Stage>,
    /// A lower severity under a condition.
    pub(crate) milder: Option<Milder>,
    /// The sections of the evidence that it reads. If one could not be read, the check is unknown.
    #[schemars(with = "Vec<Section>")]
    pub(crate) needs: Spanned<Vec<Section>>,
    /// The section that it iterates over; each item becomes `it`.
    #[schemars(with = "Section")]
    pub(crate) for_each: Spanned<Section>,
    /// The runners it applies to: an expression on `runner`. Default: all.
    #[schemars(with = "Option<String>")]
    pub(crate) applies_when: Option<Spanned<String>>,
    /// An expression that is true if `it` is at fault.
    #[schemars(with = "String")]
    pub(crate) fails_when: Spanned<String>,
    /// An expression that is true if a finding is proven and not only predicted. Default: always
    /// true.
    #[schemars(with = "Option<String>")]
    pub(crate) proven_when: Option<Spanned<String>>,
    /// What is at fault: a text with expressions in braces. Default: `{it.name}`.
    #[schemars(with = "Option<String>")]
    pub(crate) subject: Option<Spanned<String>>,
    /// What is wrong and where, as a sentence: a text with expressions in braces.
    #[schemars(with = "String")]
    pub(crate) finding: Spanned<String>,
    /// A text to append to the finding if another check finds something on the same engine.
    #[serde(default)]
    pub(crate) also: Vec<Also>,
    /// The checks whose fix alone, on the same engine or its pod, removes this finding too: one, or
    /// several, the most likely first.
    #[serde(default)]
    #[schemars(with = "OneOrMore")]
    pub(crate) caused_by: Option<Spanned<OneOrMore>>,
    /// The id of the reason for data that is missing because of this finding: a text with
    /// expressions in braces. Results that are unknown for that reason are shown under the finding.
    #[schemars(with = "Option<String>")]
    pub(crate) explains: Option<Spanned<String>>,
    /// A custom read-only command; its output is the text `probe` in expressions.
    pub(crate) probe: Option<WrittenProbe>,
    /// Remedies, the best first, with the value as a text with expressions in braces. An empty text
    /// omits the remedy.
    #[serde(default)]
    #[schemars(with = "BTreeMap<WantKind, String>")]
    pub(crate) remedy: Wants,
    /// Log lines that identify this fault.
    #[serde(default)]
    pub(crate) symptoms: Vec<symptom::Written>,
    /// Names from checks/data/recoveries.yaml: log lines that show that the error was recovered
    /// from. Earlier lines do not count.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) taken_back_by: Vec<Spanned<String>>,
    /// Whether its log lines show that something failed, but not why. If a log also contains a
    /// cause, they are listed under it.
    #[serde(default)]
    pub(crate) consequence: bool,
    /// What happens, and why.
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) references: Vec<String>,
    /// Examples, which are executed.
    pub(crate) cases: Vec<WrittenCase>,
}

/// The entries of a map in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct Wants(pub(crate) Vec<(WantKind, Spanned<String>)>);

impl<'de> Deserialize<'de> for Wants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Wants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of remedies to values")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Wants, M::Error> {
        let mut wants = Vec::new();
        while let Some(entry) = map.next_entry()? {
            wants.push(entry);
        }
        Ok(Wants(wants))
    }
}

/// The stage of a build at which a fault strikes. Of two findings with the same severity, the
/// earlier stage is reported first: until it is fixed, builds do not reach the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The pod, its engine or its runner does not start: no build starts.
    Start,
    /// Builds start, but their containers do not, or are killed.
    Run,
    /// Containers run, but cannot reach what they need.
    Network,
    /// Builds work today.
    Later,
}

impl Stage {
    /// The default stage for a severity.
    pub(crate) fn of(severity: Severity) -> Stage {
        match severity {
            Severity::Error => Stage::Run,
            Severity::Warning | Severity::Info => Stage::Later,
        }
    }
}

/// One name, or a list of names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a check id, or a list of check ids")]
pub(crate) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(crate) fn names(&self) -> &[String] {
        match self {
            OneOrMore::One(name) => std::slice::from_ref(name),
            OneOrMore::More(names) => names,
        }
    }
}

/// A command that runs for a check, in the same exec as the examination.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenProbe {
    /// Where it runs.
    #[serde(rename = "in")]
    #[schemars(with = "Layer")]
    pub(crate) layer: Spanned<Layer>,
    /// The command for `sh -c`. `$root` is the file system of the examined process, `$pid` its PID.
    /// If it exits with a status other than 0, its output is not used.
    #[schemars(with = "String")]
    pub(crate) run: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Milder {
    pub(crate) severity: Severity,
    #[schemars(with = "String")]
    pub(crate) when: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Also {
    #[schemars(with = "String")]
    pub(crate) when_found: Spanned<String>,
    #[schemars(with = "String")]
    pub(crate) say: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenCase {
    #[schemars(with = "String")]
    pub(crate) name: Spanned<String>,
    /// A change to the healthy baseline (checks/baseline.yaml).
    #[serde(default)]
    pub(crate) given: serde_json::Map<String, serde_json::Value>,
    /// The subjects of the findings, in the order of the evidence.
    pub(crate) finds: Vec<Expected>,
    /// The subjects of unknown results.
    #[serde(default)]
    pub(crate) unknown: Vec<Expected>,
}

/// An expected finding: its subject, or more fields.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a subject, or {subject, engine, severity, confidence}"
)]
pub enum Expected {
    Subject(String),
    Finding(ExpectedFinding),
}

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFinding {
    pub subject: String,
    pub engine: Option<String>,
    pub severity: Option<Severity>,
    pub confidence: Option<Confidence>,
}
