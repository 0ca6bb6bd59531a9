//! The manifest that runs runner-doctor in the cluster, with its ServiceAccount.

use super::{Scope, roles};
use crate::yaml::{Page, scalar};

pub(crate) struct Wishes<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) image: &'a str,
    /// By cron's clock; once where there is none.
    pub(crate) schedule: Option<&'a str>,
    /// An account that exists.
    pub(crate) service_account: Option<&'a str>,
    pub(crate) arguments: &'a [String],
}

pub(crate) fn write(wishes: &Wishes) -> String {
    let mut page = Page::default();
    if wishes.service_account.is_none() {
        for line in roles(&wishes.scope).lines() {
            page.line(0, line);
        }
        page.line(0, "---");
    }
    let scope = &wishes.scope;
    let kind = match wishes.schedule {
        Some(_) => "CronJob",
        None => "Job",
    };
    page.line(0, "apiVersion: batch/v1").field(0, "kind", kind);
    page.line(0, "metadata:")
        .field(2, "name", scope.name)
        .field(2, "namespace", scope.namespace);
    page.line(2, "labels:")
        .line(4, "app.kubernetes.io/name: runner-doctor");
    page.line(0, "spec:");
    match wishes.schedule {
        Some(schedule) => {
            page.field(2, "schedule", schedule);
            page.comment(2, "Only one run at a time.");
            page.line(2, "concurrencyPolicy: Forbid");
            page.line(2, "jobTemplate:").line(4, "spec:");
            job(&mut page, 6, wishes);
        }
        None => job(&mut page, 2, wishes),
    }
    page.finish()
}

fn job(page: &mut Page, indent: usize, wishes: &Wishes) {
    page.comment(
        indent,
        "The exit code is the verdict (1: findings), so a retry does not help.",
    );
    page.line(indent, "backoffLimit: 0");
    page.comment(indent, "Keep the log for a day.");
    page.line(indent, "ttlSecondsAfterFinished: 86400");
    page.line(indent, "template:")
        .line(indent + 2, "metadata:")
        .line(indent + 4, "labels:");
    page.line(indent + 6, "app.kubernetes.io/name: runner-doctor");
    page.line(indent + 2, "spec:");
    pod(page, indent + 4, wishes);
}

fn pod(page: &mut Page, indent: usize, wishes: &Wishes) {
    let account = wishes.service_account.unwrap_or(wishes.scope.name);
    page.field(indent, "serviceAccountName", account);
    page.line(indent, "restartPolicy: Never");
    page.comment(
        indent,
        "It only calls the API and needs nothing from its node: this meets the Pod Security Standard `restricted`.",
    );
    page.line(indent, "securityContext:");
    page.line(indent + 2, "runAsNonRoot: true")
        .line(indent + 2, "runAsUser: 65532");
    page.line(indent + 2, "seccompProfile: {type: RuntimeDefault}");
    page.line(indent, "containers:")
        .line(indent, "- name: runner-doctor");
    let indent = indent + 2;
    page.field(indent, "image", wishes.image);
    page.line(indent, "args:");
    for argument in arguments(wishes) {
        // $(NAME) is Kubernetes' own in arguments, and $$ is a $.
        page.line(
            indent,
            format_args!("- {}", scalar(&argument.replace('$', "$$"))),
        );
    }
    page.line(indent, "securityContext:");
    page.line(indent + 2, "allowPrivilegeEscalation: false");
    page.line(indent + 2, "readOnlyRootFilesystem: true");
    page.line(indent + 2, "capabilities: {drop: [ALL]}");
    page.line(indent, "resources:");
    page.line(indent + 2, "requests: {cpu: 50m, memory: 64Mi}");
    page.line(indent + 2, "limits: {memory: 256Mi}");
}

/// Flags are for `check`; words that begin with a command replace it.
fn arguments(wishes: &Wishes) -> Vec<String> {
    let given = wishes.arguments;
    if given.first().is_some_and(|first| !first.starts_with('-')) {
        return given.to_vec();
    }
    let scope = &wishes.scope;
    let mut arguments = vec!["check".to_owned()];
    match scope.all_namespaces {
        true => arguments.push("-A".to_owned()),
        false => arguments.extend(["-n".to_owned(), scope.namespace.to_owned()]),
    }
    if !scope.node_exec {
        arguments.push("--no-node-exec".to_owned());
    }
    arguments.extend(given.iter().cloned());
    arguments
}
