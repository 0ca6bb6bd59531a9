//! `job`: the manifest that runs runner-doctor in the cluster.

use super::{Exit, rbac, write_out};
use crate::cli::{Job, JobKind};
use crate::permissions::job::{self, Wishes};
use anyhow::Result;

pub fn run(options: &Job) -> Result<Exit> {
    let wishes = Wishes {
        scope: rbac::scope(&options.scope),
        image: &options.image,
        schedule: (options.kind == JobKind::Cronjob).then_some(options.schedule.as_str()),
        service_account: options.service_account.as_deref(),
        arguments: &options.arguments,
    };
    write_out(&job::write(&wishes), None)?;
    Ok(Exit::Fine)
}
