//! `fix --kind admission-policy`: one policy instead of a change in each manifest.

use super::{Exit, tell, tell_left};
use crate::cli::{Fix, FixFormat, FixKind};
use crate::commands::write_out;
use crate::diagnosis::Diagnosis;
use crate::fix::{Admission, Policy};
use crate::remedy::Preference;
use anyhow::{Result, bail};
use std::collections::BTreeMap;

/// Before anything is examined: whether what was asked for goes together.
pub fn admission(options: &Fix) -> Result<Option<Admission>> {
    let admission = match options.kind {
        FixKind::Manifest => return Ok(None),
        FixKind::AdmissionPolicy => Admission::Kubernetes,
        FixKind::KyvernoPolicy => Admission::Kyverno,
    };
    if !options.files.is_empty() || options.output != FixFormat::Patch {
        bail!(
            "cannot print a policy with --filename or --output: a policy changes pods and no manifest; omit both, or omit --kind"
        );
    }
    Ok(Some(admission))
}

pub fn print(options: &Fix, diagnosis: &Diagnosis, admission: Admission) -> Result<Exit> {
    let labels = match &options.source.target.labels {
        Some(selector) => labels(selector)?,
        None => BTreeMap::new(),
    };
    let clamps = options.prefer.contains(&Preference::Clamp);
    let (policy, left) = Policy::new(&diagnosis.findings, labels, clamps);
    let saved = options.output_file.as_deref();
    if !policy.is_empty() {
        write_out(&policy.sheet(admission, saved), saved)?;
        if options.source.target.labels.is_none() {
            tell(
                "runner-doctor: the policy applies to these namespaces; name the runners' labels with -l to narrow it",
            );
        }
    }
    Ok(tell_left(&left, policy.is_empty()))
}

/// The labels that `-l` asks for, as an object selector has them.
fn labels(selector: &str) -> Result<BTreeMap<String, String>> {
    let term = |term: &str| {
        let (key, value) = term.split_once("==").or_else(|| term.split_once('='))?;
        let plain = !key.ends_with('!') && !key.contains([' ', '(']);
        plain.then(|| (key.trim().to_owned(), value.trim().to_owned()))
    };
    match selector.split(',').map(term).collect() {
        Some(labels) => Ok(labels),
        None => bail!(
            "cannot use the selector {selector:?} in a policy: it contains more than equal labels; write -l KEY=VALUE[,KEY=VALUE]"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::labels;

    #[test]
    fn equal_labels_become_a_selector_and_nothing_else_does() {
        let read = labels("app=runner,tier==ci").unwrap();
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(read, [("app", "runner"), ("tier", "ci")]);
        for other in ["app!=runner", "app in (a, b)", "!app", "app"] {
            assert!(
                labels(other).unwrap_err().to_string().contains("KEY=VALUE"),
                "{other}"
            );
        }
    }
}
