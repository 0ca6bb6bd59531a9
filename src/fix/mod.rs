//! Corrected manifests: a plan of changes, applied to objects, as patches, text or diffs.

mod file;
mod instructions;
mod object;
mod patch;
mod policy;

pub use file::{At, File};
pub use instructions::{Kubectl, apply, comments, is_plain, notes, other, patch_sheet, unified};
pub use object::{controller, is_autoscaled, manifest, secret};
pub use policy::{Admission, Policy};

use crate::diagnosis::{Change, Finding, Place};
use crate::remedy::{self, Part, Refusal, template};
use crate::yaml::{self, Edit};
use serde_json::Value;

/// Everything to change in one place.
#[derive(Clone, Debug)]
pub struct ObjectPlan<'a> {
    pub place: Place,
    pub parts: Vec<Part<'a>>,
}

/// Groups parts by object.
pub fn object_plans(parts: Vec<Part<'_>>) -> Vec<ObjectPlan<'_>> {
    let mut object_plans: Vec<ObjectPlan> = Vec::new();
    for part in parts {
        let place = part.change.place.clone();
        match object_plans.iter_mut().find(|other| other.place == place) {
            Some(other) => other.add(part),
            None => object_plans.push(ObjectPlan {
                place,
                parts: vec![part],
            }),
        }
    }
    object_plans
}

impl<'a> ObjectPlan<'a> {
    fn add(&mut self, part: Part<'a>) {
        let container = &part.change.container;
        match self
            .parts
            .iter_mut()
            .find(|other| other.change.container == *container)
        {
            Some(other) => {
                other.change.settings.merge(&part.change.settings);
                other.findings.extend(part.findings);
            }
            None => self.parts.push(part),
        }
    }

    pub fn findings(&self) -> impl Iterator<Item = &'a Finding> {
        self.parts
            .iter()
            .flat_map(|part| part.findings.iter().copied())
    }
}

/// An object before and after.
#[derive(Clone, Debug)]
pub struct Fixed<'a> {
    pub place: Place,
    pub before: Value,
    pub after: Value,
    pub edits: Vec<Edit>,
    pub parts: Vec<Part<'a>>,
    /// What no edit can do, and why.
    pub refused: Vec<(Part<'a>, Refusal)>,
    /// The object is complete, not a sketch from evidence.
    pub whole: bool,
}

/// Applies the changes to an object, or to a sketch of it if the object is not available.
pub fn fix_object<'a>(object_plan: &ObjectPlan<'a>, object: Option<Value>) -> Fixed<'a> {
    let whole = object.is_some();
    let changes: Vec<&Change> = object_plan.parts.iter().map(|part| &part.change).collect();
    let before = object.unwrap_or_else(|| object::sketch(&object_plan.place, &changes));
    let mut fixed = Fixed {
        place: object_plan.place.clone(),
        after: before.clone(),
        before,
        edits: Vec::new(),
        parts: Vec::new(),
        refused: Vec::new(),
        whole,
    };
    for part in &object_plan.parts {
        match remedy::edits(&fixed.after, &part.change) {
            Ok(edits) => {
                yaml::apply(&mut fixed.after, &edits);
                fixed.edits.extend(edits);
                fixed.parts.push(part.clone());
            }
            Err(why) => fixed.refused.push((part.clone(), why)),
        }
    }
    fixed
}

impl<'a> Fixed<'a> {
    pub fn findings(&self) -> impl Iterator<Item = &'a Finding> {
        self.parts
            .iter()
            .flat_map(|part| part.findings.iter().copied())
    }

    /// For `kubectl patch --type strategic`; `live` is the object on the server.
    pub fn patch(&self, live: Option<&Value>) -> Value {
        let mut whole = patch::strategic(&self.after, &self.edits);
        patch::merge(&mut whole, object::generated(&self.place, live));
        whole
    }

    /// An argument list in the patch that contains a secret.
    pub fn secret_in_patch(&self) -> Option<String> {
        let path = template::pod_spec(&self.place.kind);
        let patch = patch::strategic(&self.after, &self.edits);
        let spec = path.iter().try_fold(&patch, |value, key| value.get(key))?;
        let lists = ["containers", "initContainers"];
        let containers = lists
            .iter()
            .filter_map(|list| spec.get(list)?.as_array())
            .flatten();
        containers.into_iter().find_map(object::secret_argument)
    }
}

#[cfg(test)]
mod tests;
