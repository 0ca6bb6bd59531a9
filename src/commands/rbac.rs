//! `rbac`: the permissions that runner-doctor needs, or those that are missing.

use super::{Exit, write_out};
use crate::checks::Library;
use crate::cli::{self, Rbac};
use crate::collect::kubernetes::{Cluster, Waits};
use crate::permissions::{self, Scope, review};
use anyhow::{Context, Result, anyhow};
use std::time::Duration;

pub fn run(options: &Rbac) -> Result<Exit> {
    let scope = scope(&options.scope, options.watch);
    if !options.verify {
        write_out(&permissions::roles(&scope), None)?;
        return Ok(Exit::Fine);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start: failed to create threads")?;
    let asking = async {
        let (context, file) = (options.context.as_deref(), options.kubeconfig.as_deref());
        let cluster = Cluster::connect(context, file, Waits::within(options.timeout)).await?;
        review::ask(&cluster, &scope).await
    };
    let answers = runtime.block_on(async { tokio::time::timeout(options.timeout, asking).await });
    runtime.shutdown_timeout(Duration::from_millis(200));
    let answers = answers.map_err(|_| {
        anyhow!("the cluster did not respond within --timeout: check `kubectl version` with the same --kubeconfig and --context")
    })??;
    write_out(&review::tell(&answers, &scope, &Library::load(&[])?), None)?;
    Ok(match review::is_missing(&answers) {
        true => Exit::Findings,
        false => Exit::Fine,
    })
}

pub(super) fn scope(scope: &cli::Scope, watch: bool) -> Scope<'_> {
    Scope {
        namespace: &scope.namespace,
        all_namespaces: scope.all_namespaces,
        cluster_facts: scope.cluster_facts,
        node_exec: !scope.no_node_exec,
        watch,
        name: &scope.name,
    }
}
