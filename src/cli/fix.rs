//! `fix`.

use super::{Checks, Source};
use crate::remedy::Preference;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const FIX_EXAMPLES: &str = "\
Examples:
  runner-doctor fix -n ci --output-file fix.yaml      a patch; its comments show how to apply it
  runner-doctor fix -n ci -f job.yaml -o yaml         job.yaml with the fixes applied, comments kept
  runner-doctor fix -n ci -o diff                     the changes to the cluster's objects
  runner-doctor fix --demo --prefer clamp             one rule in the pod instead of many edits
  runner-doctor fix -A --kind admission-policy        one policy for all runners

Exit codes:
  0  nothing to fix, or the printed changes fix every error
  1  errors remain that no printed change fixes
  2  could not examine, or could not print the fix";

#[derive(Debug, Args)]
pub struct Fix {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub checks: Checks,
    /// Fix the findings of this JSON report instead of examining runners; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pods", "namespace", "all_namespaces", "labels", "context", "kubeconfig", "evidence", "demo"])]
    pub report: Option<PathBuf>,
    /// Fix the manifest in this file instead of the object in the cluster; can be repeated
    #[arg(short, long = "filename", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Where the fix is made
    #[arg(long, value_enum, default_value = "manifest", value_name = "KIND")]
    pub kind: FixKind,
    /// What to print
    #[arg(
        short,
        long,
        value_enum,
        default_value = "patch",
        value_name = "FORMAT"
    )]
    pub output: FixFormat,
    /// Write it to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Prefer this kind of fix if there are several; can be repeated
    #[arg(long, value_enum, value_name = "KIND")]
    pub prefer: Vec<Preference>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FixKind {
    /// In the manifest of each runner
    Manifest,
    /// In all new pods, by a MutatingAdmissionPolicy (Kubernetes 1.36); no manifest changes
    AdmissionPolicy,
    /// The same by a MutatingPolicy of Kyverno
    KyvernoPolicy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FixFormat {
    /// A strategic merge patch for each object
    Patch,
    /// The whole object or file, corrected
    Yaml,
    /// The difference as a unified diff
    Diff,
}
