//! The fix at the cluster's side: an admission policy that changes each new pod, so that no repository
//! and no chart has to change.

use super::instructions::{WIDTH, told};
use super::{comments, fix_object, object_plans};
use crate::diagnosis::{Change, Finding};
use crate::facts::releases::releases;
use crate::facts::versions::ImageRef;
use crate::remedy::{Part, default_network_opt, template};
use crate::text::shell;
use crate::text::wrap::wrap;
use crate::yaml;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const NAME: &str = "runner-doctor";

/// Who applies the policy: the API server itself, or Kyverno, which reads the same expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Kubernetes,
    Kyverno,
}

/// What every new pod that runs one of these engines gets.
#[derive(Debug)]
pub struct Policy<'a> {
    namespaces: BTreeSet<String>,
    labels: BTreeMap<String, String>,
    containers: BTreeSet<String>,
    images: BTreeSet<String>,
    mtu: Option<i64>,
    clamp: Option<Change>,
    findings: Vec<&'a Finding>,
}

impl<'a> Policy<'a> {
    /// One policy for all findings that it can fix; the others, and why it cannot.
    pub fn new(
        findings: &'a [Finding],
        labels: BTreeMap<String, String>,
        clamps: bool,
    ) -> (Self, Vec<(&'a Finding, String)>) {
        let mut policy = Policy {
            namespaces: BTreeSet::new(),
            labels,
            containers: BTreeSet::new(),
            images: BTreeSet::new(),
            mtu: None,
            clamp: None,
            findings: Vec::new(),
        };
        let mut left = Vec::new();
        for finding in findings {
            let changes = finding.remedies.iter().filter_map(|r| r.change.as_ref());
            let (clamp, size): (Vec<_>, Vec<_>) = changes
                .filter(|change| change.place.is_in_namespace())
                .filter(|change| change.settings.clamp || is_size(change))
                .partition(|change| change.settings.clamp);
            let size = size.first().filter(|_| !clamps || clamp.is_empty());
            match size.or(clamp.first()) {
                Some(change) => policy.add(finding, change),
                None => left.push((
                    finding,
                    "an admission policy sets only the MTU and the MSS clamp of engines in pods"
                        .to_owned(),
                )),
            }
        }
        (policy, left)
    }

    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, finding: &'a Finding, change: &Change) {
        self.namespaces.insert(change.place.namespace.clone());
        self.containers.insert(change.container.clone());
        let image = change.image.as_deref().unwrap_or("docker");
        self.images
            .insert(ImageRef::parse(image).repository.to_owned());
        if change.settings.clamp {
            self.clamp.get_or_insert_with(|| change.clone());
        } else {
            let mtu = change.settings.mtu.or(change.settings.network_mtu);
            self.mtu = [self.mtu, mtu].into_iter().flatten().min();
        }
        self.findings.push(finding);
    }

    /// The policy as a manifest, with its instructions in comments.
    pub fn sheet(&self, admission: Admission, saved: Option<&Path>) -> String {
        let mut documents = vec![self.policy(admission)];
        if admission == Admission::Kubernetes {
            documents.push(self.binding());
        }
        let documents: Vec<String> = documents.iter().map(yaml::write_blocks).collect();
        comments(&self.notes(admission, saved)) + &documents.join("---\n")
    }

    fn policy(&self, admission: Admission) -> Value {
        let mut constraints = json!({"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
        }]});
        let mut spec = json!({
            // A pod that this policy cannot judge is created as it is.
            "failurePolicy": "Ignore",
            "reinvocationPolicy": "Never",
            "variables": self.variables(),
            "mutations": self.mutations(),
        });
        let (version, kind) = match admission {
            Admission::Kubernetes => ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"),
            Admission::Kyverno => {
                merge(&mut constraints, self.scope());
                // It would rewrite the policy for templates of Deployments and Jobs.
                spec["autogen"] = json!({"podControllers": {"controllers": []}});
                ("policies.kyverno.io/v1", "MutatingPolicy")
            }
        };
        spec["matchConstraints"] = constraints;
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": NAME}, "spec": spec})
    }

    fn binding(&self) -> Value {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": NAME},
            "spec": {"policyName": NAME, "matchResources": self.scope()},
        })
    }

    fn scope(&self) -> Value {
        let mut scope = json!({"namespaceSelector": {"matchExpressions": [{
            "key": "kubernetes.io/metadata.name", "operator": "In", "values": self.namespaces,
        }]}});
        if !self.labels.is_empty() {
            scope["objectSelector"] = json!({"matchLabels": self.labels});
        }
        scope
    }

    fn variables(&self) -> Value {
        let engines = format!(
            "(object.spec.containers + object.spec.?initContainers.orValue([])).filter(c, c.name in {} &&
  {}.exists(i, c.image == i || c.image.startsWith(i + ':') || c.image.startsWith(i + '@')))",
            json!(self.containers),
            json!(self.images)
        );
        // Those whose dockerd reads its flags from the arguments, and has no MTU of its own.
        let to_size = "\
variables.engines.filter(c,
  (c.?command.orValue([]) + c.?args.orValue([])).all(w, !w.startsWith('--mtu') && !w.startsWith('--config-file')) &&
  (has(c.command) ? c.command.exists(w, w.matches('(^|/)dockerd(-entrypoint.sh)?$'))
    : c.?args.orValue([]).all(w, c.args[0].matches('^-|(^|/)dockerd$'))) &&
  !c.?volumeMounts.orValue([]).exists(m, m.mountPath.startsWith('/etc/docker')))";
        let to_clamp = format!(
            "\
variables.engines.size() > 0 &&
!object.spec.?initContainers.orValue([]).exists(c, c.name == '{}')",
            template::CLAMP
        );
        let mut variables = vec![json!({"name": "engines", "expression": engines})];
        if self.mtu.is_some() {
            variables.push(json!({"name": "to_size", "expression": to_size}));
        }
        if self.clamp.is_some() {
            variables.push(json!({"name": "to_clamp", "expression": to_clamp}));
        }
        Value::Array(variables)
    }

    fn mutations(&self) -> Vec<Value> {
        let mut expressions = Vec::new();
        if let Some(mtu) = self.mtu {
            let lists = [
                ("containers", "object.spec.containers"),
                ("initContainers", "object.spec.?initContainers.orValue([])"),
            ];
            expressions.extend(lists.map(|(name, list)| flags(name, list, mtu)));
        }
        if let Some(change) = &self.clamp {
            let change = Change {
                init: true, // so that it never keeps a pod from ending
                ..change.clone()
            };
            let clamp = template::clamp(&change, None);
            let mut clamp = clamp.as_object().cloned().unwrap_or_default();
            clamp.remove("image");
            // In one patch: between two, an empty list is dropped.
            expressions.push(format!(
                "\
!variables.to_clamp ? [] :
(has(object.spec.initContainers) ? [] : [JSONPatch{{op: 'add', path: '/spec/initContainers', value: []}}]) +
[JSONPatch{{op: 'add', path: '/spec/initContainers/-', value: {}}}]",
                typed(
                    "Object.spec.initContainers",
                    &clamp,
                    &["image", "imagePullPolicy"].map(|own| format!("{own}: variables.engines[0].{own}")),
                )
            ));
        }
        let patch = |expression: String| json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}});
        expressions.into_iter().map(patch).collect()
    }

    fn notes(&self, admission: Admission, saved: Option<&Path>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |text: &str| lines.extend(wrap(text, WIDTH, 0));
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
        let what = [
            self.mtu.map(|mtu| {
                format!("dockerd flag --mtu={mtu} (and the MTU of new networks, from Docker 24 on)")
            }),
            self.clamp
                .is_some()
                .then(|| "a sidecar that clamps TCP MSS to the path MTU (TCP only)".to_owned()),
        ];
        let what: Vec<String> = what.into_iter().flatten().collect();
        say(&format!(
            "Each new pod in {} with a Docker engine in container {} gets {}:",
            join(&self.namespaces),
            join(&self.containers),
            what.join(" and "),
        ));
        lines.extend(told(self.findings.iter().copied()));
        let mut say = |text: &str| lines.extend(wrap(text, WIDTH, 0));
        say(match admission {
            Admission::Kubernetes => {
                "Requires Kubernetes 1.36 or later; on older clusters use --kind kyverno-policy."
            }
            Admission::Kyverno => {
                "Requires a Kyverno that serves MutatingPolicy as policies.kyverno.io/v1."
            }
        });
        say(
            "Limits: running pods stay as they are. A container of another name or image, one that starts dockerd from a script, one that mounts /etc/docker, and a pod that the policy cannot evaluate are created unchanged.",
        );
        let file = saved.map_or("policy.yaml".into(), |file| {
            shell::word(&file.to_string_lossy())
        });
        let namespace = self.namespaces.first().map_or("default", String::as_str);
        let container = self.containers.first().map_or("", String::as_str);
        let image = self.images.first().map_or("docker", String::as_str);
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!(" --labels={}", shell::word(&labels.join(","))),
        };
        let (container, image) = (
            shell::word(container),
            shell::word(&format!("{image}:{}-dind", releases().recommended)),
        );
        let save = match saved {
            Some(_) => "Now run:".to_owned(),
            None => format!("Save this as {file} and run:"),
        };
        lines.extend([
            "The last of these commands shows what the policy does to a pod, without creating one.".to_owned(),
            save,
            format!("  kubectl apply --dry-run=server -f {file}"),
            format!("  kubectl apply -f {file}"),
            format!(
                "  kubectl -n {namespace} run {container} --image={image}{labels} --dry-run=server -o yaml"
            ),
            "To undo it for new pods, run:".to_owned(),
            format!("  kubectl delete -f {file}"),
        ]);
        lines
    }
}

/// Whether it sets an MTU by flags of an engine's container, which a program can add.
fn is_size(change: &Change) -> bool {
    let settings = &change.settings;
    let in_pod = !change.container.contains('/') && change.network.is_none();
    let sized = settings.mtu.is_some() || settings.network_mtu.is_some();
    let part = Part {
        change: change.clone(),
        findings: Vec::new(),
    };
    in_pod
        && sized
        && object_plans(vec![part])
            .iter()
            .all(|plan| fix_object(plan, None).refused.is_empty())
}

/// Adds the flags to each engine of a list that needs them.
fn flags(name: &str, list: &str, mtu: i64) -> String {
    format!(
        "\
{list}.transformList(i, c, variables.to_size.exists(e, e.name == c.name),
  JSONPatch{{op: 'add', path: '/spec/{name}/' + string(i) + '/args', value: c.?args.orValue([]) + ['--mtu={mtu}']
    + (c.image.matches('(^|/)docker:(2[4-9]|[3-9][0-9])([.-]|$)')
      && !c.?args.orValue([]).exists(w, w.startsWith('--default-network-opt'))
      ? ['{network_flag}'] : [])}})",
        network_flag = default_network_opt(mtu)
    )
}

fn merge(value: &mut Value, other: Value) {
    if let (Value::Object(value), Value::Object(other)) = (value, other) {
        value.extend(other);
    }
}

/// A JSON object as an expression that makes an object of that type, behind other fields.
fn typed(kind: &str, object: &Map<String, Value>, fields: &[String]) -> String {
    let mut fields = fields.to_vec();
    fields.extend(object.iter().map(|(name, value)| match value {
        Value::Object(inner) => format!("{name}: {}", typed(&format!("{kind}.{name}"), inner, &[])),
        other => format!("{name}: {other}"),
    }));
    format!("{kind}{{{}}}", fields.join(",\n  "))
}
