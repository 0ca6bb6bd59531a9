//! The facts of one runner as variables for expressions.

use crate::checks::expression::{Bound, Scope};
use crate::checks::fault::Place;
use crate::checks::section::{Section, document};
use crate::evidence::{Evidence, Layer, Observation, Probe, Probed, Reason, Runner};
use crate::facts::{self, Facts};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) struct View {
    pub(super) runner: String,
    pub(super) about_runner: Scope,
    about: Bound,
    probes: Vec<Probed>,
    sections: BTreeMap<Section, Listed>,
}

/// The items of a section, and what is missing from it.
struct Listed {
    items: Vec<Item>,
    gaps: Vec<facts::Gap>,
}

/// One item under evaluation: `it`.
pub(super) struct Item {
    pub(super) engine: Option<String>,
    pub(super) name: String,
    /// Its place in the pod: engine or container; None for the pod as a whole.
    pub(super) place: Option<String>,
    it: Bound,
    pub(super) scope: Scope,
}

impl View {
    pub(super) fn new(evidence: &Evidence, runner: &Runner) -> View {
        let facts = Facts::derive(evidence, runner);
        let probes = runner.probes.clone();
        let runner = Bound::new("runner", &document(&facts.runner));
        let name = facts.runner.name.clone();
        let listed = Section::documents(facts).into_iter();
        let listed = listed.map(|(section, facts)| (section, Listed::new(section, facts, &runner)));
        View {
            runner: name,
            about_runner: Scope::new([&runner]),
            sections: listed.collect(),
            about: runner,
            probes,
        }
    }

    /// The scope for a check with a probe: the probe's output is `probe`.
    pub(super) fn asked(&self, (probe, _): &(Probe, Place), item: &Item) -> Scope {
        let of_pod = probe.layer == Layer::Pod;
        let said = self.probes.iter().find(|probed| {
            probed.check == probe.check
                && (of_pod || probed.engine == item.engine)
                && (probe.layer != Layer::Container
                    || probed.container.as_ref() == Some(&item.name))
                && probed
                    .command
                    .as_ref()
                    .is_none_or(|ran| *ran == probe.command)
        });
        let output = match said {
            Some(probed) => probed.output.clone(),
            None => Observation::Unobserved(Reason::ProbeNotRun),
        };
        let output = Bound::new("probe", &document(&output));
        Scope::new([&item.it, &self.about, &output])
    }

    pub(super) fn items(&self, section: Section) -> &[Item] {
        self.sections
            .get(&section)
            .map_or(&[], |listed| &listed.items)
    }

    pub(super) fn gaps(&self, section: Section) -> &[facts::Gap] {
        self.sections
            .get(&section)
            .map_or(&[], |listed| &listed.gaps)
    }
}

impl Listed {
    fn new(section: Section, facts: facts::Section<Value>, runner: &Bound) -> Listed {
        let items = facts.items.iter().map(|it| {
            let text = |key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
            let engine = text("engine");
            let name = text("name").unwrap_or_default();
            let it = Bound::new("it", it);
            Item {
                place: match section {
                    Section::Containers => Some(name.clone()),
                    _ => engine.clone(),
                },
                engine,
                name,
                scope: Scope::new([&it, runner]),
                it,
            }
        });
        Listed {
            items: items.collect(),
            gaps: facts.gaps,
        }
    }
}
