//! The format of a check file, as it is written.

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

/// A check: what can be wrong, how to tell, why it matters and what cures it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// Names the problem; the file is called the same.
    #[schemars(with = "String")]
    pub(crate) id: Spanned<String>,
    /// The healthy fact, in a sentence.
    pub(crate) title: String,
    pub(crate) severity: Severity,
    /// At which stage of a build it strikes; `run` for an error and `later` for the rest, unless
    /// told.
    pub(crate) stage: Option<Stage>,
    /// A lower severity in some circumstances.
    pub(crate) milder: Option<Milder>,
    /// The sections of the evidence that it reads: where one was not seen, the check is unknown.
    #[schemars(with = "Vec<Section>")]
    pub(crate) needs: Spanned<Vec<Section>>,
    /// The section that it goes through; each thing in it becomes `it`.
    #[schemars(with = "Section")]
    pub(crate) for_each: Spanned<Section>,
    /// Of which runners it is asked at all: an expression over `runner`; of all, unless told.
    #[schemars(with = "Option<String>")]
    pub(crate) applies_when: Option<Spanned<String>>,
    /// When `it` is at fault: an expression, true or false.
    #[schemars(with = "String")]
    pub(crate) fails_when: Spanned<String>,
    /// When a finding is proven and not only predicted; always, unless told.
    #[schemars(with = "Option<String>")]
    pub(crate) proven_when: Option<Spanned<String>>,
    /// What is at fault: a text with expressions in braces; `{it.name}` unless told.
    #[schemars(with = "Option<String>")]
    pub(crate) subject: Option<Spanned<String>>,
    /// What is wrong and where, in a sentence: a text with expressions in braces.
    #[schemars(with = "String")]
    pub(crate) finding: Spanned<String>,
    /// What to add to the sentence when another check finds something on the same engine.
    #[serde(default)]
    pub(crate) also: Vec<Also>,
    /// The checks of which the cure alone, on the same engine or of the pod around it, removes this
    /// finding too: one, or several, the likeliest first.
    #[serde(default)]
    #[schemars(with = "OneOrMore")]
    pub(crate) caused_by: Option<Spanned<OneOrMore>>,
    /// The reason that things give which could not be seen because of what this check finds: a text
    /// with expressions in braces. What is unknown for it is told under the finding.
    #[schemars(with = "Option<String>")]
    pub(crate) explains: Option<Spanned<String>>,
    /// A read-only command of the check's own; its output is the text `probe` in expressions.
    pub(crate) probe: Option<WrittenProbe>,
    /// What must become true, the best fix first, with the value as a text with expressions in
    /// braces; left out where that text is empty.
    #[serde(default)]
    #[schemars(with = "BTreeMap<WantKind, String>")]
    pub(crate) remedy: Wants,
    /// Known error texts of logs that point to this.
    #[serde(default)]
    pub(crate) symptoms: Vec<symptom::Written>,
    /// What a log shows once this is over: names of checks/data/recoveries.yaml. Its lines before that
    /// do not count.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) taken_back_by: Vec<Spanned<String>>,
    /// Its lines show that something failed, and not why: where a log also names a cause, they are
    /// listed under it.
    #[serde(default)]
    pub(crate) consequence: bool,
    /// What happens, and how it comes about.
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) references: Vec<String>,
    /// Examples that are executed.
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
        f.write_str("a map of what must become true")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Wants, M::Error> {
        let mut wants = Vec::new();
        while let Some(entry) = map.next_entry()? {
            wants.push(entry);
        }
        Ok(Wants(wants))
    }
}

/// The stage of a build at which a fault strikes. Of two findings of one severity, the one that
/// strikes first comes first: until it is fixed, the other is not even reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The pod, its engine or its runner does not come up: no build starts.
    Start,
    /// Builds start, but their containers do not, or are killed.
    Run,
    /// Containers run, but do not reach what they need.
    Network,
    /// Builds work today.
    Later,
}

impl Stage {
    /// Where a check does not say.
    pub(crate) fn of(severity: Severity) -> Stage {
        match severity {
            Severity::Error => Stage::Run,
            Severity::Warning | Severity::Info => Stage::Later,
        }
    }
}

/// One name, or a list of names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a check's id, or a list of them")]
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

/// A command that the walk runs for a check, in the same exec.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenProbe {
    /// Where it runs.
    #[serde(rename = "in")]
    #[schemars(with = "Layer")]
    pub(crate) layer: Spanned<Layer>,
    /// What `sh -c` is given. `$root` is the file system of the process looked at, `$pid` its
    /// number. Where it ends with another status than 0, its output is not used.
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
    /// The subjects of what stays unknown.
    #[serde(default)]
    pub(crate) unknown: Vec<Expected>,
}

/// A finding that a case expects: its subject, or more of it.
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
