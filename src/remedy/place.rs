//! Where the settings of an engine are written, by who made its pod.

use super::Patient;
use crate::diagnosis::{Place, Site};
use crate::evidence::{Outermost, Owner, Provider, Runner};

impl Patient<'_> {
    /// The place of this engine's settings.
    pub fn place(&self) -> Place {
        let elsewhere = elsewhere(&self.runner.namespace);
        let in_step = self.runner.outermost == Outermost::Container;
        match (self.is_nested() || in_step, self.runner.provider) {
            (true, Provider::Bitbucket) => Place {
                site: Site::BitbucketPipelines,
                ..elsewhere
            },
            (true, _) => elsewhere,
            (false, _) if self.runner.outermost == Outermost::Machine => elsewhere,
            (false, _) => pod(self.runner),
        }
    }
}

/// No object of the cluster holds the settings.
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
    let Some(owner) = &runner.owner else {
        let site = match runner.provider {
            Provider::Gitlab => Site::Gitlab,
            Provider::Jenkins => Site::Jenkins,
            _ => Site::Manifest,
        };
        return at(runner, site, "Pod", &runner.pod);
    };
    let name = owner.name.as_str();
    match owner.kind.as_str() {
        "Job" => job(runner, name),
        // The Deployment's name and a hash of its template.
        "ReplicaSet" => at(runner, Site::Manifest, "Deployment", before_last_dash(name)),
        "EphemeralRunner" => at(runner, Site::ArcScaleSet, "EphemeralRunner", name),
        "Runner" | "RunnerReplicaSet" | "RunnerDeployment" | "RunnerSet" => {
            at(runner, Site::ArcRunner, &owner.kind, name)
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" | "ReplicationController" => {
            at(runner, Site::Manifest, &owner.kind, name)
        }
        kind => at(runner, Site::Controller, kind, name),
    }
}

fn job(runner: &Runner, name: &str) -> Place {
    if runner.provider == Provider::Bitbucket && is_autoscaled(name) {
        return at(runner, Site::BitbucketAutoscaler, "Job", name);
    }
    // A CronJob's Job ends in the minute of its schedule, since 1970.
    let minute = name.rsplit_once('-').map_or("", |(_, last)| last);
    match minute.len() == 8 && minute.bytes().all(|b| b.is_ascii_digit()) {
        true => at(runner, Site::Manifest, "CronJob", before_last_dash(name)),
        false => at(runner, Site::Manifest, "Job", name),
    }
}

/// Bitbucket's autoscaler calls its Jobs `runner-` and the runner's UUID.
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

/// What to edit instead, where an object turns out to be the product of another.
pub(crate) fn of_owner(namespace: &str, owner: &Owner) -> Place {
    let site = match owner.kind.as_str() {
        "EphemeralRunner" | "EphemeralRunnerSet" | "AutoscalingRunnerSet" => Site::ArcScaleSet,
        "Runner" | "RunnerReplicaSet" | "RunnerDeployment" | "RunnerSet" => Site::ArcRunner,
        _ => Site::Controller,
    };
    Place {
        site,
        namespace: namespace.to_owned(),
        kind: owner.kind.clone(),
        name: owner.name.clone(),
    }
}
