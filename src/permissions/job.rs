//! The manifest that runs runner-doctor in the cluster, with its ServiceAccount.

use super::{Scope, roles};
use crate::yaml::{Page, scalar};

pub(crate) struct Wishes<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) image: &'a str,
    pub(crate) kind: Kind<'a>,
    /// An account that exists.
    pub(crate) service_account: Option<&'a str>,
    pub(crate) arguments: &'a [String],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    Once,
    /// By cron's clock.
    Scheduled(&'a str),
    /// Always, with a port.
    Watcher,
}

const PORT: u16 = 8080;

pub(crate) fn write(wishes: &Wishes) -> String {
    let mut page = Page::default();
    if wishes.service_account.is_none() {
        for line in roles(&wishes.scope).lines() {
            page.line(0, line);
        }
        page.line(0, "---");
    }
    match wishes.kind {
        Kind::Once => {
            head(&mut page, "batch/v1", "Job", wishes);
            page.line(0, "spec:");
            job(&mut page, 2, wishes);
        }
        Kind::Scheduled(schedule) => {
            head(&mut page, "batch/v1", "CronJob", wishes);
            page.line(0, "spec:").field(2, "schedule", schedule);
            page.comment(2, "Only one run at a time.");
            page.line(2, "concurrencyPolicy: Forbid");
            page.line(2, "jobTemplate:").line(4, "spec:");
            job(&mut page, 6, wishes);
        }
        Kind::Watcher => {
            deployment(&mut page, wishes);
            page.line(0, "---");
            service(&mut page, wishes);
        }
    }
    page.finish()
}

fn head(page: &mut Page, version: &str, kind: &str, wishes: &Wishes) {
    let scope = &wishes.scope;
    page.field(0, "apiVersion", version).field(0, "kind", kind);
    page.line(0, "metadata:")
        .field(2, "name", scope.name)
        .field(2, "namespace", scope.namespace);
    labels(page, 2, wishes);
}

fn labels(page: &mut Page, indent: usize, wishes: &Wishes) {
    page.line(indent, "labels:")
        .line(indent + 2, "app.kubernetes.io/name: runner-doctor");
    if wishes.kind == Kind::Watcher {
        own_labels(page, indent + 2, wishes);
    }
}

/// They distinguish the pod of one watcher from others, and from those of Jobs.
fn own_labels(page: &mut Page, indent: usize, wishes: &Wishes) {
    page.line(indent, "app.kubernetes.io/component: watcher");
    page.field(indent, "app.kubernetes.io/instance", wishes.scope.name);
}

fn job(page: &mut Page, indent: usize, wishes: &Wishes) {
    page.comment(
        indent,
        "The exit code is the verdict (1: findings), so a retry does not help.",
    );
    page.line(indent, "backoffLimit: 0");
    page.comment(indent, "Keep the log for a day.");
    page.line(indent, "ttlSecondsAfterFinished: 86400");
    page.line(indent, "template:").line(indent + 2, "metadata:");
    labels(page, indent + 4, wishes);
    page.line(indent + 2, "spec:");
    pod(page, indent + 4, wishes);
}

fn deployment(page: &mut Page, wishes: &Wishes) {
    head(page, "apps/v1", "Deployment", wishes);
    page.line(0, "spec:");
    page.comment(
        2,
        "Recordings are in its memory: a second one would examine every runner again.",
    );
    page.line(2, "replicas: 1");
    page.line(2, "strategy: {type: Recreate}");
    page.line(2, "selector:").line(4, "matchLabels:");
    own_labels(page, 6, wishes);
    page.line(2, "template:").line(4, "metadata:");
    labels(page, 6, wishes);
    page.line(6, "annotations:");
    page.line(8, "prometheus.io/scrape: \"true\"");
    page.line(8, format_args!("prometheus.io/port: \"{PORT}\""));
    page.line(4, "spec:");
    pod(page, 6, wishes);
}

fn service(page: &mut Page, wishes: &Wishes) {
    page.comment(
        0,
        "There is no login: whoever reaches this port can read recordings. They contain names and addresses, but no secrets.",
    );
    head(page, "v1", "Service", wishes);
    page.line(0, "spec:").line(2, "selector:");
    own_labels(page, 4, wishes);
    page.line(2, "ports:").line(2, "- name: http");
    page.line(4, format_args!("port: {PORT}"))
        .line(4, "targetPort: http");
}

fn pod(page: &mut Page, indent: usize, wishes: &Wishes) {
    let watches = wishes.kind == Kind::Watcher;
    let account = wishes.service_account.unwrap_or(wishes.scope.name);
    page.field(indent, "serviceAccountName", account);
    if !watches {
        page.line(indent, "restartPolicy: Never");
    }
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
    if watches {
        page.line(indent, "ports:");
        page.line(
            indent,
            format_args!("- {{name: http, containerPort: {PORT}}}"),
        );
        for probe in ["readinessProbe", "livenessProbe"] {
            page.line(indent, format_args!("{probe}:"));
            page.line(indent + 2, "httpGet: {path: /healthz, port: http}");
            page.line(indent + 2, "timeoutSeconds: 5");
        }
    }
    page.line(indent, "securityContext:");
    page.line(indent + 2, "allowPrivilegeEscalation: false");
    page.line(indent + 2, "readOnlyRootFilesystem: true");
    page.line(indent + 2, "capabilities: {drop: [ALL]}");
    page.line(indent, "resources:");
    let (request, limit) = match watches {
        true => ("128Mi", "512Mi"),
        false => ("64Mi", "256Mi"),
    };
    page.line(
        indent + 2,
        format_args!("requests: {{cpu: 50m, memory: {request}}}"),
    );
    page.line(indent + 2, format_args!("limits: {{memory: {limit}}}"));
}

/// Flags are for the command; words that begin with a command replace it.
fn arguments(wishes: &Wishes) -> Vec<String> {
    let given = wishes.arguments;
    if given.first().is_some_and(|first| !first.starts_with('-')) {
        return given.to_vec();
    }
    let scope = &wishes.scope;
    let watches = wishes.kind == Kind::Watcher;
    let command = if watches { "watcher" } else { "check" };
    let mut arguments = vec![command.to_owned()];
    match scope.all_namespaces {
        true => arguments.push("-A".to_owned()),
        false => arguments.extend(["-n".to_owned(), scope.namespace.to_owned()]),
    }
    if !scope.node_exec {
        arguments.push("--no-node-exec".to_owned());
    }
    if watches {
        arguments.push(format!("--listen=[::]:{PORT}"));
    }
    arguments.extend(given.iter().cloned());
    arguments
}
