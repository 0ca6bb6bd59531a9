//! The objects in the cluster to change, and their owners.

use crate::collect::kubernetes::Cluster;
use crate::collect::object::resource;
use crate::diagnosis::{Place, Site};
use crate::evidence::{Owner, Reason};
use crate::fix;
use crate::remedy::{Part, place};
use serde_json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The maximum depth of an owner chain.
const GENERATIONS: usize = 4;

pub type Objects = HashMap<(String, String, String), Result<Value, Reason>>;

pub fn key(place: &Place) -> (String, String, String) {
    (
        place.kind.clone(),
        place.namespace.clone(),
        place.name.clone(),
    )
}

/// Reads the object of each part, and its owners.
pub async fn resolve(
    cluster: &Cluster,
    parts: &mut [Part<'_>],
    owners: &HashMap<String, Owner>,
) -> Objects {
    let mut objects = Objects::new();
    for part in parts {
        let start = part
            .findings
            .first()
            .and_then(|finding| owners.get(&finding.runner));
        let at = &mut part.change.place;
        if !matches!(at.site, Site::Manifest | Site::BitbucketAutoscaler) {
            continue;
        }
        // The pod's own owner is certain; the owner of that one is only inferred from its name.
        let guess = at.clone();
        if let Some(owner) = start.filter(|owner| resource(&owner.kind).is_some()) {
            (at.kind, at.name) = (owner.kind.clone(), owner.name.clone());
        }
        for _ in 0..GENERATIONS {
            if let Entry::Vacant(unread) = objects.entry(key(at)) {
                unread.insert(cluster.object(&at.kind, &at.namespace, &at.name).await);
            }
            let object = match &objects[&key(at)] {
                Ok(object) => object,
                Err(reason) => {
                    let reason = reason.clone();
                    *at = guess;
                    objects.entry(key(at)).or_insert(Err(reason));
                    break;
                }
            };
            match fix::controller(object) {
                Some(owner) if resource(&owner.kind).is_some() => {
                    (at.kind, at.name) = (owner.kind, owner.name);
                    at.site = Site::Manifest;
                }
                Some(owner) => {
                    *at = place::of_owner(&at.namespace, &owner);
                    break;
                }
                None => {
                    // A user's object may have a name like the autoscaler's, but not its labels.
                    at.site = match fix::is_autoscaled(object) {
                        true => Site::BitbucketAutoscaler,
                        false => Site::Manifest,
                    };
                    break;
                }
            }
        }
    }
    objects
}
