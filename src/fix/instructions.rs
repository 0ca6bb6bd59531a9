//! The output of `fix`: what changes and why, how to apply it, and the change itself.

use super::Fixed;
use crate::diagnosis::{Change, Finding, Place, Site};
use crate::evidence::Launcher;
use crate::remedy::{self, Part};
use crate::text::clean::clean;
use crate::text::shell;
use crate::text::wrap::wrap;
use crate::yaml;
use serde_json::Value;
use similar::TextDiff;
use std::path::Path;

pub const WIDTH: usize = 96;

/// kubectl with the flags that select the same cluster.
#[derive(Clone, Debug, Default)]
pub struct Kubectl {
    pub flags: String,
}

impl Kubectl {
    fn at(&self, place: &Place) -> String {
        format!("kubectl{} -n {}", self.flags, place.namespace)
    }
}

/// A patch with its explanation in comments: a file for `kubectl patch --patch-file`.
pub fn patch_sheet(
    fixed: &Fixed,
    live: Option<&Value>,
    kubectl: &Kubectl,
    saved: Option<&Path>,
) -> String {
    let file = match saved {
        Some(file) => shell::word(&file.to_string_lossy()),
        None => format!("fix-{}.yaml", fixed.place.name),
    };
    let save = match saved {
        Some(_) => "Then run:".to_owned(),
        None => format!("Save this as {file} and run:"),
    };
    let mut lines = notes(fixed);
    let place = &fixed.place;
    lines.extend(wrap(&format!("{} {save}", interrupts(place)), WIDTH, 0));
    let (kind, name, at) = (place.kind.to_lowercase(), &place.name, kubectl.at(place));
    match is_replaced(place) {
        true => lines.extend([
            format!("  {at} get {kind} {name} -o yaml \\"),
            format!(
                "    | kubectl patch --local -f - --type strategic --patch-file {file} -o yaml \\"
            ),
            format!("    | kubectl{} replace --force -f -", kubectl.flags),
        ]),
        false => lines.push(format!(
            "  {at} patch {kind} {name} --type strategic --patch-file {file}"
        )),
    }
    comments(&lines) + &yaml::write(&fixed.patch(live))
}

/// What is wrong, and what changes.
pub fn notes(fixed: &Fixed) -> Vec<String> {
    let place = &fixed.place;
    let mut lines = vec![format!("{} {}/{}", place.kind, place.namespace, place.name)];
    lines.extend(told(fixed.findings()));
    for part in &fixed.parts {
        let text = format!("{}.", remedy::title(&part.change));
        lines.extend(wrap(&clean(&text), WIDTH, 0));
        if let Some(caution) = caution(&part.change, fixed.whole) {
            lines.extend(wrap(&caution, WIDTH, 0));
        }
    }
    lines
}

pub fn told<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for finding in findings {
        let severity = finding.severity.word();
        let text = format!("{severity} {}: {}", finding.check, finding.message);
        let text: Vec<String> = text
            .split_whitespace()
            .map(|word| clean(word).into_owned())
            .collect();
        let wrapped = wrap(&text.join(" "), WIDTH - 2, 2);
        let wrapped: Vec<String> = wrapped
            .into_iter()
            .map(|line| format!("  {line}"))
            .collect();
        // Replicas of one object have the same lines.
        if !lines.windows(wrapped.len()).any(|known| known == wrapped) {
            lines.extend(wrapped);
        }
    }
    lines
}

/// kubectl replaces a list of arguments as a whole, so arguments missing from the patch would be lost.
fn caution(change: &Change, whole: bool) -> Option<String> {
    if whole || !change.settings.has_flags() {
        return None;
    }
    let rest = match &change.launch {
        Some(launch) if !launch.unlisted && launch.by != Launcher::Command => return None,
        Some(_) => "has more arguments than the recording contains",
        None => "may have arguments that the recording does not contain",
    };
    Some(format!(
        "ATTENTION: {} {rest}, and a patch replaces the whole list: put them into it, or let fix read the manifest (-f FILE, or the cluster).",
        change.container
    ))
}

/// The effect on running pods when the change is applied.
fn interrupts(place: &Place) -> &'static str {
    match place.kind.as_str() {
        _ if place.site == Site::BitbucketAutoscaler => "Only new Jobs of the autoscaler use it.",
        "Job" => {
            "A Job's pod template is immutable: the Job is deleted and recreated, which ends the step that runs in it."
        }
        "Pod" => {
            "A pod's containers are immutable: the pod is deleted and recreated, which ends what runs in it."
        }
        "CronJob" => "Only new Jobs use it; the running Job does not change.",
        "ReplicationController" => {
            "Only new pods use it: delete the running pods, which ends their steps."
        }
        _ => "Its pods are restarted, which ends the steps that run in them.",
    }
}

fn is_replaced(place: &Place) -> bool {
    place.site != Site::BitbucketAutoscaler && matches!(place.kind.as_str(), "Job" | "Pod")
}

/// How to apply a corrected manifest. A file with more objects must not be used with `replace`:
/// that would also delete the others, such as a namespace with everything in it.
pub fn apply(place: &Place, kubectl: &Kubectl, step: &str, file: &str, alone: bool) -> Vec<String> {
    let mut lines = wrap(&format!("{} {step}", interrupts(place)), WIDTH, 0);
    let (at, kind) = (kubectl.at(place), place.kind.to_lowercase());
    if place.site == Site::BitbucketAutoscaler {
        // Its ConfigMap is in another namespace.
        lines.push(format!("  kubectl{} apply -f {file}", kubectl.flags));
        return lines;
    }
    lines.push(match (is_replaced(place), alone) {
        (true, true) => format!("  {at} replace --force -f {file}"),
        (true, false) => format!(
            "  {at} delete {kind} {} && {at} apply -f {file}",
            place.name
        ),
        (false, _) => format!("  {at} apply -f {file}"),
    });
    lines
}

/// A change to something that is in no manifest of the cluster, to paste by hand.
pub fn other(part: &Part) -> String {
    let mut lines = told(part.findings.iter().copied());
    for remedy in remedy::paste(&part.change) {
        let lead = if remedy.together { "And: " } else { "" };
        lines.extend(wrap(&clean(&format!("{lead}{}", remedy.title)), WIDTH, 0));
        lines.push(String::new());
        lines.extend(remedy.snippet.lines().map(|line| clean(line).into_owned()));
        lines.push(String::new());
    }
    lines.join("\n")
}

/// Whether a document is readable in a terminal as is.
pub fn is_plain(document: &Value) -> bool {
    yaml::write(document)
        .lines()
        .all(|line| clean(line) == line)
}

/// Lines as YAML comments.
pub fn comments(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("# {}", clean(line)).trim_end().to_owned() + "\n")
        .collect()
}

/// A unified diff of two texts, as from `diff -u`.
pub fn unified(before: &str, after: &str, name: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .header(name, name)
        .to_string()
}
