//! What the expressions of a check can read, and where it comes from.

use super::definition::Definition;
use super::expression::{Expression, Variables};
use super::section::Section;
use super::shape::Shape;
use crate::facts::{Origin, Origins, RunnerFacts};
use schemars::{Schema, schema_for};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What a variable of expressions looks like, and where it comes from.
struct Known {
    shape: Shape,
    origins: Origins,
}

impl Known {
    fn of(schema: Schema) -> Known {
        Known {
            origins: Origins::of(&schema),
            shape: Shape::of(schema),
        }
    }
}

/// The items of each section, and a runner: worked out once for all checks.
static KNOWN: LazyLock<(BTreeMap<Section, Known>, Known)> = LazyLock::new(|| {
    let items = Section::ALL.iter();
    let items = items.map(|section| (*section, Known::of(section.schema())));
    (items.collect(), Known::of(schema_for!(RunnerFacts)))
});

/// What a check's expressions may read.
pub(super) fn variables(definition: &Definition) -> Variables {
    let (items, runner) = &*KNOWN;
    let it = items.get(&definition.for_each.value);
    let it = it.map_or(Shape::Any, |known| known.shape.clone());
    let mut variables = Variables::new([("it", it), ("runner", runner.shape.clone())]);
    if definition.probe.is_some() {
        variables.0.insert("probe".to_owned(), Shape::Leaf);
    }
    variables
}

/// What an expression about the runner alone may read.
pub(super) fn about_runner() -> Variables {
    Variables::new([("runner", KNOWN.1.shape.clone())])
}

/// Where everything comes from that a check's verdict rests on: the sections that it needs, and the
/// attributes that its conditions read.
pub(super) fn origins<'a>(
    definition: &Definition,
    conditions: impl Iterator<Item = &'a Expression>,
) -> BTreeSet<Origin> {
    let (items, runner) = &*KNOWN;
    let it = items.get(&definition.for_each.value);
    let needed = definition.needs.value.iter();
    let needed = needed.filter_map(|section| items.get(section));
    let mut origins: BTreeSet<Origin> = needed
        .flat_map(|known| known.origins.of_items())
        .copied()
        .collect();
    for condition in conditions {
        for (variable, known) in [("it", it), ("runner", Some(runner))] {
            let read = condition.attributes(variable);
            let read = read.flat_map(|name| known.map_or(&[][..], |k| k.origins.of_field(name)));
            origins.extend(read);
        }
    }
    if definition.probe.is_some() {
        origins.insert(Origin::Walk);
    }
    origins
}
