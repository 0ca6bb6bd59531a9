//! Permissions as roles, with the purpose of each rule and what is unknown without it.

use super::{Place, Right, SYSTEM, Scope};
use crate::yaml::{Page, scalar};

/// An account and all that it may do, one YAML stream.
pub(crate) fn roles(scope: &Scope) -> String {
    let mut page = Page::default();
    page.comment(0, "The minimal permissions for all of runner-doctor's results. It only reads; `create` on pods/exec runs its script, which changes nothing. If you remove a rule, results that need it are reported as unknown, never as healthy.");
    page.comment(0, match scope.all_namespaces {
        true => "Exec into a privileged pod is root on its node. These permissions cover all namespaces, so this ServiceAccount is root on the whole cluster: use it for nothing else.",
        false => "Exec into a privileged pod is root on its node, and runners are privileged: use this ServiceAccount for nothing else.",
    });
    if let Some(unknown) = scope.unknown_without_cluster_facts() {
        page.comment(0, &unknown);
    }
    page.line(0, "apiVersion: v1")
        .line(0, "kind: ServiceAccount");
    metadata(&mut page, scope.name, Some(scope.namespace));
    let of = |places: &[Place]| -> Vec<&'static Right> {
        scope
            .rights()
            .filter(|right| places.contains(&right.place))
            .collect()
    };
    match scope.all_namespaces {
        true => {
            // One role: whoever may exec everywhere has what is in kube-system already.
            let all = of(&[Place::Runners, Place::System, Place::Cluster]);
            role(&mut page, scope, scope.name, None, &all);
        }
        false => {
            role(
                &mut page,
                scope,
                scope.name,
                Some(scope.namespace),
                &of(&[Place::Runners]),
            );
            if scope.cluster_facts {
                // Told apart from that of the same doctor for another namespace.
                let name = format!("{}-{}", scope.name, scope.namespace);
                role(&mut page, scope, &name, None, &of(&[Place::Cluster]));
                role(&mut page, scope, &name, Some(SYSTEM), &of(&[Place::System]));
            }
        }
    }
    page.finish()
}

fn metadata(page: &mut Page, name: &str, namespace: Option<&str>) {
    page.line(0, "metadata:").field(2, "name", name);
    if let Some(namespace) = namespace {
        page.field(2, "namespace", namespace);
    }
}

/// A role in a namespace, or of the cluster, and the account bound to it.
fn role(page: &mut Page, scope: &Scope, name: &str, namespace: Option<&str>, rights: &[&Right]) {
    let kind = match namespace {
        Some(_) => "Role",
        None => "ClusterRole",
    };
    head(page, kind, name, namespace);
    page.line(0, "rules:");
    for right in rights {
        rule(page, scope, right);
    }
    head(page, &format!("{kind}Binding"), name, namespace);
    page.line(0, "roleRef:")
        .line(2, "apiGroup: rbac.authorization.k8s.io");
    page.field(2, "kind", kind).field(2, "name", name);
    page.line(0, "subjects:").line(0, "- kind: ServiceAccount");
    page.field(2, "name", scope.name)
        .field(2, "namespace", scope.namespace);
}

fn head(page: &mut Page, kind: &str, name: &str, namespace: Option<&str>) {
    page.line(0, "---")
        .line(0, "apiVersion: rbac.authorization.k8s.io/v1");
    page.field(0, "kind", kind);
    metadata(page, name, namespace);
}

fn rule(page: &mut Page, scope: &Scope, right: &Right) {
    let mut gives = match right.watch {
        true => format!("Used to {}: without it, {}.", right.gives, right.without),
        false => format!(
            "Used to {}. Unknown without it: {}.",
            right.gives, right.without
        ),
    };
    if scope.all_namespaces
        && right.place == Place::Runners
        && right.resource == "pods/exec"
        && scope.node_exec
    {
        gives.push_str(" Also reads the MTU of the uplink in one CNI agent of each node.");
    }
    page.comment(0, &gives);
    let list = |items: &[&str]| -> String {
        let items: Vec<String> = items.iter().map(|item| scalar(item)).collect();
        format!("[{}]", items.join(", "))
    };
    page.line(0, format_args!("- apiGroups: {}", list(&[right.group])));
    page.line(2, format_args!("resources: {}", list(&[right.resource])));
    if !right.names.is_empty() {
        page.line(2, format_args!("resourceNames: {}", list(right.names)));
    }
    page.line(2, format_args!("verbs: {}", list(right.verbs)));
}
