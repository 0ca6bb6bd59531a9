//! `job`: the manifest that runs runner-doctor in the cluster.

use super::{Exit, rbac, write_out};
use crate::cli::{Job, JobKind};
use crate::permissions::job::{self, Kind, Wishes};
use anyhow::Result;

pub fn run(options: &Job) -> Result<Exit> {
    let wishes = Wishes {
        scope: rbac::scope(&options.scope, options.kind == JobKind::Watcher),
        image: &options.image,
        kind: match options.kind {
            JobKind::Job => Kind::Once,
            JobKind::Cronjob => Kind::Scheduled(&options.schedule),
            JobKind::Watcher => Kind::Watcher,
        },
        service_account: options.service_account.as_deref(),
        arguments: &options.arguments,
    };
    write_out(&job::write(&wishes), None)?;
    Ok(Exit::Fine)
}
