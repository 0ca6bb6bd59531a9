//! The facts of one runner, ready for expressions.

use crate::checks::definition::Section;
use crate::checks::expression::{Bound, Scope};
use crate::checks::fault::Place;
use crate::evidence::{Evidence, Layer, Observation, Probe, Probed, Reason, Runner};
use crate::facts::{self, Facts};
use serde::Serialize;
use serde_json::Value;

pub(super) struct View {
    pub(super) runner: String,
    pub(super) about_runner: Scope,
    about: Bound,
    probes: Vec<Probed>,
    networks: Listed,
    engines: Listed,
    pods: Listed,
    containers: Listed,
    builds: Listed,
    subnets: Listed,
    namespaces: Listed,
    steps: Listed,
    secrets: Listed,
}

pub(super) struct Listed {
    pub(super) items: Vec<Item>,
    pub(super) holes: Vec<facts::Hole>,
}

/// One thing that is judged: `it`.
pub(super) struct Item {
    pub(super) engine: Option<String>,
    pub(super) name: String,
    /// Where in the pod it is: its engine, or its container; nothing for the pod as a whole.
    pub(super) place: Option<String>,
    it: Bound,
    pub(super) scope: Scope,
}

impl View {
    pub(super) fn new(evidence: &Evidence, runner: &Runner) -> View {
        let facts = Facts::derive(evidence, runner);
        let probes = runner.probes.clone();
        let runner = Bound::new("runner", &document(&facts.runner));
        let mut containers = Listed::new(facts.containers, &runner);
        for container in &mut containers.items {
            container.place = Some(container.name.clone());
        }
        View {
            networks: Listed::new(facts.networks, &runner),
            engines: Listed::new(facts.engines, &runner),
            pods: Listed::new(facts.pods, &runner),
            containers,
            builds: Listed::new(facts.builds, &runner),
            subnets: Listed::new(facts.subnets, &runner),
            namespaces: Listed::new(facts.namespaces, &runner),
            steps: Listed::new(facts.steps, &runner),
            secrets: Listed::new(facts.secrets, &runner),
            about_runner: Scope::new([&runner]),
            about: runner,
            probes,
            runner: facts.runner.name,
        }
    }

    /// What a thing is to a check that asks more of it: what its command said there is `probe`.
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

    pub(super) fn section(&self, section: Section) -> &Listed {
        match section {
            Section::Networks => &self.networks,
            Section::Engines => &self.engines,
            Section::Pods => &self.pods,
            Section::Containers => &self.containers,
            Section::Builds => &self.builds,
            Section::Subnets => &self.subnets,
            Section::Namespaces => &self.namespaces,
            Section::Steps => &self.steps,
            Section::Secrets => &self.secrets,
        }
    }
}

impl Listed {
    fn new<T: Serialize>(section: facts::Section<T>, runner: &Bound) -> Listed {
        let items = section.items.iter().map(|item| {
            let it = document(item);
            let text = |key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
            let engine = text("engine");
            let name = text("name").unwrap_or_default();
            let it = Bound::new("it", &it);
            Item {
                place: engine.clone(),
                engine,
                name,
                scope: Scope::new([&it, runner]),
                it,
            }
        });
        Listed {
            items: items.collect(),
            holes: section.holes,
        }
    }
}

/// Facts are plain data, which always can be written as a document.
fn document<T: Serialize>(facts: &T) -> Value {
    serde_json::to_value(facts).unwrap_or_default()
}
