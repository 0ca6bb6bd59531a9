//! Groups runners with the same diagnosis, so that reports print it once.

use crate::diagnosis::{Diagnosis, ExaminedRunner, Finding, Layer, Remedy, Unknown};
use crate::evidence::Reason;
use std::collections::HashMap;

/// Runners with the same diagnosis; the findings of the first represent all. A file or a cluster that a
/// finding names is treated like a runner.
pub(super) struct Cohort<'a> {
    pub names: Vec<&'a str>,
    pub runners: Vec<&'a ExaminedRunner>,
    pub findings: Vec<&'a Finding>,
    pub unknowns: Vec<&'a Unknown>,
    /// Whether the others need identical fixes; otherwise, each needs them with its own names.
    pub same_cures: bool,
}

impl<'a> Cohort<'a> {
    fn of(name: &'a str) -> Self {
        Cohort {
            names: vec![name],
            runners: Vec::new(),
            findings: Vec::new(),
            unknowns: Vec::new(),
            same_cures: true,
        }
    }

    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty() && self.unknowns.is_empty() && !self.is_unseen()
    }

    pub fn is_unseen(&self) -> bool {
        self.runners.iter().any(|runner| runner.unseen)
    }

    pub fn first(&self) -> Option<&'a ExaminedRunner> {
        self.runners.first().copied()
    }

    /// The nodes of its runners, with counts.
    pub fn nodes(&self) -> Vec<(&'a str, usize)> {
        tally(self.runners.iter().filter_map(|r| r.node.as_deref()))
    }

    /// The images of its engines, with counts.
    pub fn images(&self) -> Vec<(&'a str, usize)> {
        let images = self.runners.iter().flat_map(|r| &r.images);
        tally(images.map(String::as_str))
    }
}

/// Failures first, then unknowns; within these, the largest first.
pub(super) fn cohorts(diagnosis: &Diagnosis) -> Vec<Cohort<'_>> {
    let mut cohorts: Vec<Cohort<'_>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for patient in patients(diagnosis) {
        let signature = signature(&patient);
        let Some(&at) = known.get(&signature) else {
            known.insert(signature, cohorts.len());
            cohorts.push(patient);
            continue;
        };
        let cohort = &mut cohorts[at];
        cohort.same_cures &= fixes(&cohort.findings) == fixes(&patient.findings);
        cohort.names.extend(patient.names);
        cohort.runners.extend(patient.runners);
    }
    cohorts.sort_by_key(|cohort| {
        let worst = cohort.findings.iter().map(|f| f.severity).max();
        std::cmp::Reverse((!cohort.is_healthy(), worst, cohort.names.len()))
    });
    cohorts
}

/// Each runner alone, in the order of the evidence; what is not a runner comes last.
fn patients(diagnosis: &Diagnosis) -> Vec<Cohort<'_>> {
    let mut patients = Patients::default();
    for runner in &diagnosis.runners {
        patients.of(&runner.name).runners.push(runner);
    }
    for finding in &diagnosis.findings {
        patients.of(&finding.runner).findings.push(finding);
    }
    for unknown in &diagnosis.unknowns {
        patients.of(&unknown.runner).unknowns.push(unknown);
    }
    patients.all
}

#[derive(Default)]
struct Patients<'a> {
    all: Vec<Cohort<'a>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Patients<'a> {
    fn of(&mut self, name: &'a str) -> &mut Cohort<'a> {
        let all = &mut self.all;
        let at = *self.places.entry(name).or_insert_with(|| {
            all.push(Cohort::of(name));
            all.len() - 1
        });
        &mut self.all[at]
    }
}

fn fixes<'a>(findings: &[&'a Finding]) -> Vec<&'a [Remedy]> {
    findings.iter().map(|f| f.remedies.as_slice()).collect()
}

/// Everything reported about a runner except fixes, without what is unique to it: its name, its node's
/// name, and the random parts of others.
fn signature(patient: &Cohort<'_>) -> String {
    let name = patient.names[0];
    // A finding in a file is reported with its location.
    if patient.findings.iter().any(|f| f.location.is_some()) {
        return name.to_owned();
    }
    let pod = name.rsplit('/').next().unwrap_or(name);
    let node = patient.first().and_then(|runner| runner.node.as_deref());
    let plain = |text: &str| {
        let text = text.replace(name, "*").replace(pod, "*");
        without_random_parts(&match node {
            Some(node) if !node.is_empty() => text.replace(node, "*"),
            _ => text,
        })
    };
    let mut parts: Vec<String> = Vec::new();
    if let Some(runner) = patient.first() {
        parts.push(format!("{:?} {}", runner.provider, runner.unseen));
        parts.extend(runner.layers.iter().map(|layer| plain(&layer_words(layer))));
    }
    for f in &patient.findings {
        let (engine, confidence) = (f.engine.as_deref().unwrap_or("-"), f.confidence);
        let words = format!("{engine} {} {}", f.subject, f.message);
        let severity = f.severity;
        let consequence = f.caused_by.is_some();
        parts.push(format!(
            "{} {severity:?} {confidence:?} {consequence} {} {}",
            f.check,
            f.known,
            plain(&words)
        ));
    }
    for u in &patient.unknowns {
        let place = u.engine.as_deref().or(u.subject.as_deref());
        let reasons: Vec<String> = u.reasons.iter().map(Reason::id).collect();
        let place = place.unwrap_or("-");
        parts.push(plain(&format!("{} {place} {}", u.check, reasons.join(" "))));
    }
    parts.join("\n")
}

fn layer_words(layer: &Layer) -> String {
    let note = match &layer.unseen {
        Some(reason) => reason.id(),
        // The number of packets that a node has dropped does not change the diagnosis.
        None => {
            let note = layer.note.as_deref().unwrap_or_default();
            note.replace(|c: char| c.is_ascii_digit(), "")
        }
    };
    let carrier = layer.carrier.as_ref().map(|c| (&c.name, c.mtu));
    format!(
        "{:?} {} {} {:?} {:?} {:?} {carrier:?} {} {} {note}",
        layer.kind,
        layer.depth,
        layer.name,
        layer.engine,
        layer.runs,
        layer.mtu,
        layer.inverted,
        layer.clamped,
    )
}

/// Removes UUIDs and container ids: runs of 8 or more hex digits with a number among them.
fn without_random_parts(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric();
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| is_word(c) != is_word(first));
        let (part, after) = rest.split_at(length.unwrap_or(rest.len()));
        let hex = part.bytes().all(|b| b.is_ascii_hexdigit());
        let random = part.len() >= 8 && hex && part.bytes().any(|b| b.is_ascii_digit());
        out.push_str(if random { "*" } else { part });
        rest = after;
    }
    out
}

/// The most common first.
fn tally<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for name in names.filter(|name| !name.is_empty()) {
        let at = *places.entry(name).or_insert_with(|| {
            counts.push((name, 0));
            counts.len() - 1
        });
        counts[at].1 += 1;
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::without_random_parts;

    #[test]
    fn random_parts_make_no_difference() {
        assert_eq!(
            without_random_parts("net of dind/0b5a7e9c0d11_build"),
            "net of dind/*_build"
        );
        assert_eq!(
            without_random_parts("docker-in-docker 1500"),
            "docker-in-docker 1500"
        );
        assert_eq!(without_random_parts("deadbeef, facade"), "deadbeef, facade");
    }
}
