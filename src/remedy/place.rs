//! Where an engine's settings are written, depending on what created its pod.

use super::EngineRef;
use crate::diagnosis::{Place, Site};
use crate::evidence::{Declared, Outermost, Owner, Provider, Runner};
use crate::systems::site_of;

impl EngineRef<'_> {
    /// The place of this engine's settings.
    pub fn place(&self) -> Place {
        let runner = self.runner;
        let nested = || Place {
            site: runner.provider.system().nested,
            ..elsewhere(&runner.namespace)
        };
        match (&runner.declared, runner.outermost) {
            (Some(declared), _) => match declared.site {
                Some(Site::BitbucketPipelines | Site::Compose) => in_file(runner, declared),
                _ if self.is_nested() => nested(),
                _ => pod(runner),
            },
            (None, Outermost::Container) => nested(),
            (None, _) if self.is_nested() => nested(),
            (None, Outermost::Machine) => elsewhere(&runner.namespace),
            (None, Outermost::Pod) => pod(runner),
        }
    }
}

/// The place in a file: the object in it is the one to edit.
fn in_file(runner: &Runner, declared: &Declared) -> Place {
    let owner = runner.owner.as_ref();
    Place {
        site: declared.site.unwrap_or(Site::Manifest),
        kind: owner.map_or(String::new(), |owner| owner.kind.clone()),
        name: owner.map_or(String::new(), |owner| owner.name.clone()),
        namespace: runner.namespace.clone(),
    }
}

/// No object in the cluster contains the settings.
pub fn elsewhere(namespace: &str) -> Place {
    Place {
        site: Site::Elsewhere,
        namespace: namespace.to_owned(),
        kind: String::new(),
        name: String::new(),
    }
}

/// The place of the pod's template.
pub fn pod(runner: &Runner) -> Place {
    match &runner.declared {
        // The runner's manifest is in another file.
        Some(declared) if declared.site == Some(Site::BitbucketPipelines) => {
            return Place {
                site: Site::Controller,
                ..elsewhere(&runner.namespace)
            };
        }
        Some(declared) => return in_file(runner, declared),
        None => {}
    }
    let Some(owner) = &runner.owner else {
        return at(runner, runner.provider.system().pod, "Pod", &runner.pod);
    };
    let name = owner.name.as_str();
    let mut own = runner.provider.system().owners.iter();
    if let Some((kind, site)) = own.find(|(kind, _)| *kind == owner.kind) {
        return at(runner, *site, kind, name);
    }
    match owner.kind.as_str() {
        "Job" => job(runner, name),
        // The Deployment's name and a hash of its template.
        "ReplicaSet" => at(runner, Site::Manifest, "Deployment", before_last_dash(name)),
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" | "ReplicationController" => {
            at(runner, Site::Manifest, &owner.kind, name)
        }
        kind => at(
            runner,
            site_of(kind).unwrap_or(Site::Controller),
            kind,
            name,
        ),
    }
}

fn job(runner: &Runner, name: &str) -> Place {
    if runner.provider == Provider::Bitbucket && is_autoscaled(name) {
        return at(runner, Site::BitbucketAutoscaler, "Job", name);
    }
    // The name of a CronJob's Job ends in its scheduled time, in minutes since the Unix epoch.
    let minute = name.rsplit_once('-').map_or("", |(_, last)| last);
    match minute.len() == 8 && minute.bytes().all(|b| b.is_ascii_digit()) {
        true => at(runner, Site::Manifest, "CronJob", before_last_dash(name)),
        false => at(runner, Site::Manifest, "Job", name),
    }
}

/// Bitbucket's autoscaler names its Jobs `runner-` plus the runner's UUID.
fn is_autoscaled(job: &str) -> bool {
    let uuid = job.strip_prefix("runner-").unwrap_or_default();
    let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && uuid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn before_last_dash(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(before, _)| before)
}

fn at(runner: &Runner, site: Site, kind: &str, name: &str) -> Place {
    Place {
        site,
        namespace: runner.namespace.clone(),
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

/// What to edit instead if an object turns out to be generated from another.
pub(crate) fn of_owner(namespace: &str, owner: &Owner) -> Place {
    let site = site_of(&owner.kind).unwrap_or(Site::Controller);
    Place {
        site,
        namespace: namespace.to_owned(),
        kind: owner.kind.clone(),
        name: owner.name.clone(),
    }
}
