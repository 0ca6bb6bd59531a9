//! The Secret and the Job or Deployment of a runner, as commented YAML.

use super::{Kind, Plan};
use crate::remedy;
use crate::yaml::Page;
use k8s_openapi::ByteString;

const ID_KEY: &str = "oauthClientId";
const SECRET_KEY: &str = "oauthClientSecret";
const ENGINE: &str = "docker-in-docker";

pub(super) fn write(plan: &Plan) -> String {
    let mut page = Page::default();
    secret(&mut page, plan);
    page.line(0, "---");
    workload(&mut page, plan);
    page.finish()
}

fn secret(page: &mut Page, plan: &Plan) {
    let Some(oauth) = &plan.registration.oauth else {
        page.comment(0, "The OAuth client is in an existing Secret with the keys oauthClientId and oauthClientSecret.");
        return;
    };
    page.comment(
        0,
        "Contains the runner's OAuth client: anyone who has this file can register as this runner.",
    );
    page.line(0, "apiVersion: v1").line(0, "kind: Secret");
    metadata(page, plan, &plan.secret_name());
    page.line(0, "type: Opaque").line(0, "data:");
    for (key, value) in [(ID_KEY, &oauth.id), (SECRET_KEY, &oauth.secret)] {
        page.line(2, format_args!("{key}: {}", base64(value)));
    }
}

/// In quotes, as base64 may look like a number.
fn base64(text: &str) -> String {
    let bytes = ByteString(text.as_bytes().to_vec());
    // Text always becomes JSON.
    serde_json::to_string(&bytes).unwrap_or_default()
}

fn metadata(page: &mut Page, plan: &Plan, name: &str) {
    page.line(0, "metadata:").field(2, "name", name);
    if let Some(namespace) = plan.wishes.namespace {
        page.field(2, "namespace", namespace);
    }
    labels(page, 2, plan);
}

/// UUIDs go without their braces, which labels may not have.
fn labels(page: &mut Page, indent: usize, plan: &Plan) {
    let registration = &plan.registration;
    page.line(indent, "labels:");
    page.line(
        indent + 2,
        "app.kubernetes.io/name: bitbucket-pipelines-runner",
    );
    page.field(indent + 2, "app.kubernetes.io/instance", &plan.name);
    page.field(indent + 2, "accountUuid", &registration.account);
    if let Some(repository) = &registration.repository {
        page.field(indent + 2, "repositoryUuid", repository);
    }
    page.field(indent + 2, "runnerUuid", &registration.runner);
}

fn workload(page: &mut Page, plan: &Plan) {
    match plan.wishes.kind {
        Kind::Job => {
            page.line(0, "apiVersion: batch/v1").line(0, "kind: Job");
            metadata(page, plan, &plan.name);
            page.line(0, "spec:");
            page.comment(2, "After this many failures the Job fails permanently; a Deployment does not (--kind deployment).");
            page.line(2, "backoffLimit: 6");
        }
        Kind::Deployment => {
            page.line(0, "apiVersion: apps/v1")
                .line(0, "kind: Deployment");
            metadata(page, plan, &plan.name);
            page.line(0, "spec:");
            page.comment(2, "Never more than one pod: each Bitbucket runner has its own UUID. For more parallel builds, add more runners in Bitbucket.");
            page.line(2, "replicas: 1");
            page.line(2, "strategy:").line(4, "type: Recreate");
            page.line(2, "selector:").line(4, "matchLabels:");
            page.field(6, "app.kubernetes.io/instance", &plan.name);
        }
    }
    page.line(2, "template:").line(4, "metadata:");
    labels(page, 6, plan);
    page.line(4, "spec:");
    pod(page, plan);
}

fn pod(page: &mut Page, plan: &Plan) {
    let policy = match plan.wishes.kind {
        Kind::Job => "OnFailure",
        Kind::Deployment => "Always",
    };
    page.field(6, "restartPolicy", policy);
    page.comment(6, "Builds do not need the cluster's API.");
    page.line(6, "automountServiceAccountToken: false");
    page.line(6, "containers:");
    runner(page, plan);
    engine(page, plan);
    page.line(6, "volumes:");
    page.comment(6, "Empty directories that are deleted with the pod.");
    for volume in ["work", "docker-containers", "var-run", "docker-storage"] {
        page.field(6, "- name", volume).line(8, "emptyDir: {}");
    }
}

fn runner(page: &mut Page, plan: &Plan) {
    let registration = &plan.registration;
    page.line(6, "- name: runner")
        .field(8, "image", &plan.runner_image);
    page.line(8, "env:");
    page.comment(8, "Bitbucket needs the UUIDs with their braces.");
    let braced = |uuid: &str| format!("{{{uuid}}}");
    variable(page, "ACCOUNT_UUID", &braced(&registration.account));
    if let Some(repository) = &registration.repository {
        variable(page, "REPOSITORY_UUID", &braced(repository));
    }
    variable(page, "RUNNER_UUID", &braced(&registration.runner));
    for (name, key) in [
        ("OAUTH_CLIENT_ID", ID_KEY),
        ("OAUTH_CLIENT_SECRET", SECRET_KEY),
    ] {
        page.field(8, "- name", name)
            .line(10, "valueFrom:")
            .line(12, "secretKeyRef:");
        page.field(14, "name", &plan.secret_name())
            .field(14, "key", key);
    }
    variable(page, "WORKING_DIRECTORY", &registration.working_directory);
    for (name, value) in &registration.others {
        variable(page, name, value);
    }
    page.comment(8, "Atlassian requires at least 512 MB.");
    resources(page, "512Mi", "1Gi");
    page.comment(8, "Shared with the engine: the working directory, whose paths the runner passes to Docker; Docker's socket; the logs of the step's containers.");
    mounts(page, plan);
    page.line(10, "readOnly: true");
}

fn variable(page: &mut Page, name: &str, value: &str) {
    page.field(8, "- name", name);
    // Kubernetes would put variables in the place of $(NAME); $$ is a $.
    page.field(10, "value", &value.replace('$', "$$"));
}

fn engine(page: &mut Page, plan: &Plan) {
    page.field(6, "- name", ENGINE);
    page.comment(8, &plan.engine.why);
    page.field(8, "image", &plan.engine.image);
    page.comment(8, &plan.mtu.why);
    let flags = remedy::mtu_flags(plan.engine.version().as_ref(), plan.mtu.value);
    let networks = match flags.len() {
        1 => "Networks that builds create keep MTU 1500: before Docker 24 no flag applies to them.",
        _ => {
            "The first flag is for the default bridge, the second for networks that builds create."
        }
    };
    if !plan.mtu.is_default() {
        page.comment(8, networks);
    }
    page.line(8, "args:");
    for flag in flags {
        page.line(8, format_args!("- {flag}"));
    }
    page.comment(8, "Docker-in-Docker requires it; if the namespace enforces Pod Security, it must allow `privileged`.");
    page.line(8, "securityContext:")
        .line(10, "privileged: true");
    page.comment(8, "Every step and its services run inside this container. A memory request also keeps the pod from being BestEffort, where old Docker versions cannot start containers (failed to adjust OOM score).");
    let memory = plan.wishes.memory.quantity();
    resources(page, &memory, &memory);
    page.comment(8, "Ready when Docker responds.");
    page.line(8, "readinessProbe:").line(10, "exec:");
    page.line(
        12,
        "command: [docker, --host=unix:///var/run/docker.sock, version]",
    );
    page.line(10, "periodSeconds: 20")
        .line(10, "timeoutSeconds: 10");
    mounts(page, plan);
    page.comment(
        8,
        "Not on the container's overlay, where Docker is slow or does not start.",
    );
    page.line(8, "- name: docker-storage")
        .line(10, "mountPath: /var/lib/docker");
}

fn resources(page: &mut Page, request: &str, limit: &str) {
    page.line(8, "resources:");
    page.line(10, format_args!("requests: {{memory: {request}}}"));
    page.line(10, format_args!("limits: {{memory: {limit}}}"));
}

/// What both containers must see at the same path; the last is Docker's logs.
fn mounts(page: &mut Page, plan: &Plan) {
    page.line(8, "volumeMounts:");
    page.line(8, "- name: work");
    page.field(10, "mountPath", &plan.registration.working_directory);
    page.line(8, "- name: var-run")
        .line(10, "mountPath: /var/run");
    page.line(8, "- name: docker-containers");
    page.line(10, "mountPath: /var/lib/docker/containers");
}
