//! The command line as types, without any actions.

mod after;
mod output;
mod run;

pub use after::{Completions, Diff, DiffFormat, Man, Ticket};
pub use output::{Output, Outputs};
pub use run::Run;

use crate::collect::walk::Url;
use crate::diagnosis::Severity;
use crate::remedy::Preference;
use crate::systems::Provider;
use crate::text::shell::word;
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Diagnoses why CI builds hang or die in Docker-in-Docker runners on Kubernetes, and prints the fix
/// to paste.
#[derive(Debug, Parser)]
#[command(
    name = "runner-doctor",
    version,
    long_version = env!("RUNNER_DOCTOR_VERSION"),
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// When to use colors
    #[arg(long, global = true, help_heading = GENERAL, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Print more on standard error; repeat it for everything
    #[arg(short, long, global = true, help_heading = GENERAL, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Read the settings in this file instead of .runner-doctor.yaml in the current directory
    #[arg(long, global = true, help_heading = GENERAL, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ignore .runner-doctor.yaml in the current directory
    #[arg(long, global = true, help_heading = GENERAL, conflicts_with = "config")]
    pub no_config: bool,
    /// Print only errors on standard error
    #[arg(short, long, global = true, help_heading = GENERAL, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// The heading of the options that every command has.
const GENERAL: &str = "General options";

/// The file name under which kubectl finds the plugin in PATH: `kubectl runner-doctor`.
const PLUGIN: &str = "kubectl-runner_doctor";

impl Cli {
    /// The command under the name it was called by, which help and errors use.
    pub(crate) fn as_called(arguments: &[OsString]) -> clap::Command {
        match is_plugin(arguments.first()) {
            true => Cli::command()
                .bin_name("kubectl runner-doctor")
                .mut_subcommands(with_examples_of_plugin),
            false => Cli::command(),
        }
    }
}

pub(crate) fn is_plugin(called: Option<&OsString>) -> bool {
    let called = called.map(PathBuf::from);
    called.is_some_and(|path| path.file_stem() == Some(PLUGIN.as_ref()))
}

/// `runner-doctor` itself may not be in PATH, so examples to paste use the plugin's name.
fn with_examples_of_plugin(command: clap::Command) -> clap::Command {
    match command.get_after_help().map(ToString::to_string) {
        Some(help) => command.after_help(help.replace("runner-doctor ", "kubectl runner-doctor ")),
        None => command,
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Examine runners and report what is wrong, where, why, and how to fix it
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<Check>),
    /// Run a command of a pipeline step, and diagnose its Docker engine if it stalls or fails
    #[command(after_help = run::EXAMPLES)]
    Run(Box<Run>),
    /// Record the facts without judging them, for a ticket or for `check --evidence`
    #[command(after_help = COLLECT_EXAMPLES)]
    Collect(Box<Collect>),
    /// Explain a check and its fix, or find the checks for the errors in a job's log
    #[command(after_help = EXPLAIN_HELP)]
    Explain(Explain),
    /// List all checks, one per line
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
    /// Run the test cases in check files
    #[command(after_help = TEST_EXAMPLES)]
    Test(Test),
    /// Print the JSON Schema of a format that runner-doctor reads or writes
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema(Schema),
    /// Convert the command that Bitbucket prints for a new runner into a Kubernetes manifest with the
    /// right settings
    #[command(after_help = MANIFEST_EXAMPLES)]
    Manifest(Box<Manifest>),
    /// Print the minimal RBAC permissions that runner-doctor needs, or check which are missing
    #[command(after_help = RBAC_HELP)]
    Rbac(Rbac),
    /// Print a manifest that runs runner-doctor in the cluster, as a Job or CronJob
    #[command(after_help = JOB_EXAMPLES)]
    Job(Job),
    /// Print fixes for the findings as patches or corrected manifests; changes nothing
    #[command(after_help = FIX_EXAMPLES)]
    Fix(Box<Fix>),
    /// Check manifests and pipeline files before they are deployed
    #[command(after_help = LINT_EXAMPLES)]
    Lint(Box<Lint>),
    /// Write a redacted recording and its reports into one archive to attach to a ticket
    #[command(after_help = after::TICKET_EXAMPLES)]
    Ticket(Box<Ticket>),
    /// Compare two reports or recordings: fixed and new findings, changed layers
    #[command(after_help = after::DIFF_EXAMPLES)]
    Diff(Diff),
    /// Print a shell completion script
    #[command(after_help = after::COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print the man page, or write one for each command
    #[command(after_help = after::MAN_EXAMPLES)]
    Man(Man),
}

const FIX_EXAMPLES: &str = "\
Examples:
  runner-doctor fix -n ci --output-file fix.yaml      a patch; its comments show how to apply it
  runner-doctor fix -n ci -f job.yaml -o yaml         job.yaml with the fixes applied, comments kept
  runner-doctor fix -n ci -o diff                     the changes to the cluster's objects
  runner-doctor fix --demo --prefer clamp             one rule in the pod instead of many edits
  runner-doctor fix -A --kind admission-policy        one policy for all runners instead of many edits

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

const LINT_EXAMPLES: &str = "\
Examples:
  runner-doctor lint job.yaml bitbucket-pipelines.yml     the runner and what runs in it, together
  runner-doctor lint . -o sarif --output-file lint.sarif  every file of a repository, for code scanning
  helm template arc … | runner-doctor lint -              the output of a chart
  kubectl kustomize overlays/prod | runner-doctor lint -  the output of a kustomization
  runner-doctor lint job.yaml --pod-mtu 8951              a pod network with a different MTU

Supported files are objects and Helm values with a pod template inside, values of ARC and GitLab Runner,
GitLab Runner's config.toml, bitbucket-pipelines.yml, .gitlab-ci.yml, pipelines of Drone and Woodpecker, and
Compose files. Files are changed only with --fix=write. Secrets are reported by name, never by value.

Exit codes:
  0  no findings at or above --fail-on
  1  findings at or above --fail-on
  2  could not read: bad arguments, invalid YAML, a file of an unsupported kind, or no runner in any file
  3  a file in a directory could not be read; with --strict also: a runner's pipeline file is missing";

#[derive(Debug, Args)]
pub struct Lint {
    /// Files, directories (all *.yml and *.yaml files in them), or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Print the first fix of each finding that needs no input, as a diff of the files; --fix=write
    /// edits the files, then reports what remains. A file is only changed if it lints better
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "diff")]
    pub fix: Option<FixFiles>,
    /// The MTU of the pod network, which no file contains; `auto` reads it from the cluster of the current
    /// context. The default 1450 is that of a VXLAN overlay (Calico, flannel, k3s, Cilium) on Ethernet with
    /// 1500: the most common case in which downloads hang. Findings that depend on the default are warnings
    #[arg(long, value_name = "MTU", value_parser = PodMtu::parse)]
    pub pod_mtu: Option<PodMtu>,
    #[command(flatten)]
    pub checks: Checks,
    #[command(flatten)]
    pub outputs: Outputs,
    /// The lowest severity of a finding that sets exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    /// Exit with 3 also if something does not exist yet, is gone, or is not visible, and if a warning
    /// could not be judged
    #[arg(long)]
    pub strict: bool,
    /// Exit with 0 instead of 3 if nothing fails but something could not be examined
    #[arg(long, conflicts_with = "strict")]
    pub allow_unknown: bool,
    /// Exit with 0 if no file contains a runner
    #[arg(long)]
    pub allow_empty: bool,
}

/// What `lint` does with fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FixFiles {
    /// Print the difference
    Diff,
    /// Edit the files
    Write,
}

/// What the pod network carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodMtu {
    /// What the cluster of the current context says.
    Auto,
    Bytes(i64),
}

impl PodMtu {
    fn parse(text: &str) -> Result<PodMtu, String> {
        match text.parse() {
            _ if text == "auto" => Ok(PodMtu::Auto),
            Ok(bytes) if (576..=65535).contains(&bytes) => Ok(PodMtu::Bytes(bytes)),
            _ => Err("name a number from 576 to 65535, or auto".to_owned()),
        }
    }
}

const CHECK_EXAMPLES: &str = "\
Examples:
  runner-doctor check --demo                  a built-in recording; needs no cluster
  runner-doctor check                         all runners in the current namespace
  runner-doctor check -n ci runner-2jpsg      one pod
  runner-doctor check -A -o json=old.json     all namespaces, as JSON in a file
  runner-doctor check --fail-on warning       a stricter gate
  runner-doctor check --baseline old.json     fail only on new findings
  runner-doctor check -n ci --watch=1m        print changes as they happen
  runner-doctor check -o table -o html=report.html -o junit=report.xml
                                              a table, and reports in files

Exit codes:
  0  no findings at or above --fail-on
  1  findings at or above --fail-on
  2  could not examine: bad arguments, no cluster, no runner, or no runner could be examined
  3  an error could not be ruled out, because something could not be examined
     (no permission, cut off, missing tool), or one of several runners could not
     be examined; --allow-unknown accepts that. With --strict also: something
     does not exist yet, is gone, or is not visible
  130  interrupted (Ctrl-C or SIGTERM), after printing the results so far";

const COLLECT_EXAMPLES: &str = "\
Examples:
  runner-doctor collect -n ci > runner.yaml       record the runners in a namespace
  runner-doctor check --evidence runner.yaml      check the recording, on any machine
  runner-doctor collect -n ci --redact            the same with names and addresses redacted

Exit codes: 0 written; 2 no cluster or no runner; 130 interrupted, after writing the results so far";

const LIST_EXAMPLES: &str = "\
Examples:
  runner-doctor list                              id, severity, title and an error message
  runner-doctor list | grep -i 'no space'         the check for a symptom
  runner-doctor list -o json                      the same as JSON";

const TEST_EXAMPLES: &str = "\
Examples:
  runner-doctor test checks/ours.yaml             the cases in one file
  runner-doctor test checks                       of all files in a directory

Exit codes: 0 all cases pass; 1 a case fails; 2 a file could not be read";

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub checks: Checks,
    #[command(flatten)]
    pub outputs: Outputs,
    /// The lowest severity of a finding that sets exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    /// Exit with 3 also if something does not exist yet, is gone, or is not visible, and if a warning
    /// could not be judged
    #[arg(long)]
    pub strict: bool,
    /// Exit with 0 instead of 3 if nothing fails but something could not be examined
    #[arg(long, conflicts_with = "strict")]
    pub allow_unknown: bool,
    /// Exit with 0 if there is no runner
    #[arg(long)]
    pub allow_empty: bool,
    /// Replace names of nodes, namespaces, pods, registries and hosts, and addresses, with tokens
    #[arg(long)]
    pub redact: bool,
    /// Fail only on findings that are not in this JSON report or recording; mark the others as known
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Also read a job's log, and report for each error in it whether its cause was found; - for
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["redact", "watch"])]
    pub log: Option<PathBuf>,
    /// Repeat every INTERVAL (default 30s) and print changes; stop with Ctrl-C
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "30s",
        value_parser = duration, conflicts_with_all = ["evidence", "demo", "output_file"])]
    pub watch: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct Collect {
    #[command(flatten)]
    pub source: Source,
    /// Also run the commands of the checks in this directory, and record their output
    #[arg(long, value_name = "DIR", requires = "allow_probes")]
    pub checks_dir: Vec<PathBuf>,
    /// Allow those checks to run their commands in every runner
    #[arg(long)]
    pub allow_probes: bool,
    /// Replace names of nodes, namespaces, pods, registries and hosts, and addresses, with tokens
    #[arg(long)]
    pub redact: bool,
    /// The format of the recording
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    pub output: DocumentFormat,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
}

/// Where the evidence comes from.
#[derive(Debug, Args)]
pub struct Source {
    /// Pods to examine, runners or not (default: all runners)
    #[arg(value_name = "POD", conflicts_with_all = ["labels", "all_namespaces"])]
    pub pods: Vec<String>,
    /// Examine this namespace instead of the current one
    #[arg(
        short,
        long,
        value_name = "NAMESPACE",
        conflicts_with = "all_namespaces"
    )]
    pub namespace: Option<String>,
    /// Examine all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Examine only pods that match this label selector
    #[arg(short = 'l', long = "selector", value_name = "SELECTOR")]
    pub labels: Option<String>,
    /// The kubeconfig context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Examine a recording instead of a cluster (all runners in it by default); - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all_namespaces", "labels", "context", "kubeconfig"])]
    pub evidence: Option<PathBuf>,
    /// Examine a built-in recording: a cluster with faults (article), partially fixed (half-fixed),
    /// or fixed
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "article",
        conflicts_with_all = ["evidence", "all_namespaces", "labels", "context", "kubeconfig"])]
    pub demo: Option<String>,
    /// Examine a Docker engine instead of a cluster: that of this machine (a runner on a VM, a laptop,
    /// or the pipeline step that runs this command), or the one in a container
    #[arg(long, value_name = "CONTAINER", num_args = 0..=1,
        conflicts_with_all = ["evidence", "demo", "pods", "namespace", "all_namespaces", "labels", "context", "kubeconfig", "wait_nested"])]
    pub docker: Option<Option<String>>,
    /// Download this URL from every network to confirm which downloads hang, and measure the path MTU to
    /// its host (about 100 KB and 40 pings each; nothing is written or created). Where ICMP
    /// "fragmentation needed" arrives, the kernel keeps that path MTU for the host for about ten minutes
    #[arg(long, value_name = "URL", value_parser = Url::parse, conflicts_with_all = ["evidence", "demo"])]
    pub confirm: Option<Url>,
    /// Wait up to this long for a step that starts a nested Docker engine, then check
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["evidence", "demo"])]
    pub wait_nested: Option<Duration>,
    /// Do not exec into the nodes' network agents; the MTU of the node uplinks is then unknown
    #[arg(long)]
    pub no_node_exec: bool,
    /// Time limit for examining one runner
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
    /// Time limit for the whole run; results so far are reported
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub deadline: Duration,
    /// Time limit for an engine to start before it counts as broken; a container's own startup probe
    /// takes precedence
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, conflicts_with_all = ["evidence", "demo"])]
    pub startup_grace: Duration,
    /// How many runners to examine at the same time
    #[arg(long, value_name = "N", default_value = "16", value_parser = at_least_one)]
    pub concurrency: usize,
    /// How many levels of nested engines to examine
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub max_depth: usize,
}

impl Source {
    /// The arguments by which another command finds the same runners, each after a space.
    pub(crate) fn arguments(&self) -> String {
        let file = |path: &PathBuf| path.to_string_lossy().into_owned();
        let flags = [
            ("-n ", self.namespace.clone()),
            ("-l ", self.labels.clone()),
            ("--context ", self.context.clone()),
            ("--kubeconfig ", self.kubeconfig.as_ref().map(file)),
            ("--evidence ", self.evidence.as_ref().map(file)),
            ("--demo=", self.demo.clone()),
            ("--docker=", self.docker.clone().flatten()),
        ];
        let flags = flags.into_iter();
        let flags = flags.filter_map(|(flag, value)| Some(format!("{flag}{}", word(&value?))));
        let all = self.all_namespaces.then(|| "-A".to_owned());
        let here = (self.docker == Some(None)).then(|| "--docker".to_owned());
        let pods = self.pods.iter().map(|pod| word(pod));
        let arguments = all.into_iter().chain(here).chain(flags).chain(pods);
        arguments.map(|argument| format!(" {argument}")).collect()
    }

    /// The Docker engine that commands here use, with the defaults of `check`.
    pub(crate) fn here(confirm: Option<Url>, deadline: Duration) -> Source {
        #[derive(Parser)]
        struct Here {
            #[command(flatten)]
            source: Source,
        }
        let Here { source } = Here::parse_from(["check", "--docker", "--concurrency=1"]);
        Source {
            confirm,
            deadline,
            ..source
        }
    }
}

/// Which checks there are, and which to run.
#[derive(Debug, Args)]
pub struct Checks {
    /// Run only this check; can be repeated
    #[arg(long = "check", value_name = "ID")]
    pub only: Vec<String>,
    /// Skip this check; can be repeated
    #[arg(long, value_name = "ID")]
    pub skip: Vec<String>,
    #[command(flatten)]
    pub files: CheckFiles,
    /// Allow checks from --checks-dir and --override to run their commands in every runner
    #[arg(long)]
    pub allow_probes: bool,
}

/// Check files beside those built in.
#[derive(Debug, Default, Args)]
pub struct CheckFiles {
    /// Add the checks in this directory; can be repeated
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Vec<PathBuf>,
    /// Use the check in this file instead of the one with the same id; can be repeated
    #[arg(long = "override", value_name = "FILE")]
    pub overrides: Vec<PathBuf>,
}

const SCHEMA_EXAMPLES: &str = "\
Examples:
  runner-doctor schema report > report.schema.json    for the output of `check -o json`
  runner-doctor schema check                          for a check file, for completion in an editor";

const EXPLAIN_HELP: &str = "\
Examples:
  runner-doctor explain mtu-inversion --for gitlab    what a check means, why, and the fix
  runner-doctor explain --log build.log               the checks for the errors in a job's log
  kubectl logs -f POD -c docker | runner-doctor explain --log -

Exit codes:
  0  explained; with --log: the log contains a known error
  2  no such check, or no such file
  3  with --log: the log contains no known error";

#[derive(Debug, Args)]
pub struct Explain {
    /// The id of the check (see `runner-doctor list`)
    #[arg(value_name = "ID", required_unless_present = "log")]
    pub id: Option<String>,
    /// Read a job's log of any size and print the checks for the errors in it; - for standard input,
    /// whose errors are also printed on standard error as they come
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    pub log: Option<PathBuf>,
    /// Show the fix for this CI system; default: that of --evidence, otherwise Bitbucket
    #[arg(
        long = "for",
        value_enum,
        value_name = "SYSTEM",
        conflicts_with = "log"
    )]
    pub system: Option<Provider>,
    /// Show the fix for the runners in this recording, with their names where the check finds something
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    pub evidence: Option<PathBuf>,
    /// The output format
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: ExplainFormat,
    #[command(flatten)]
    pub files: CheckFiles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people
    #[value(alias = "table")]
    Text,
    /// For programs
    Json,
    /// For a page or a ticket; not with --log
    Markdown,
}

#[derive(Debug, Args)]
pub struct List {
    /// The output format
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    pub output: ListFormat,
    #[command(flatten)]
    pub files: CheckFiles,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// The format to describe
    #[arg(value_enum, value_name = "WHAT")]
    pub of: Document,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// What `check -o json` prints
    Report,
    /// What `collect` writes
    Evidence,
    /// A check file
    Check,
    /// What the expressions of a check can read
    Facts,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Check files, or directories that contain them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

const MANIFEST_EXAMPLES: &str = "\
Examples:
  runner-doctor manifest -n ci                     then paste the command and press Ctrl-D
  runner-doctor manifest -n ci command.txt --output-file runner.yaml
  runner-doctor manifest -n ci --secret-from runner-oauth -- docker container run -it -e …

Arguments after -- stay in your shell's history, including the secret. The output also contains the secret,
in base64, unless --secret-from names an existing Secret. Without --offline, only the nodes' Docker
version and the CNI's MTU are read from the cluster; nothing is created.";

#[derive(Debug, Args)]
pub struct Manifest {
    /// A file with the command that Bitbucket printed (default: standard input)
    #[arg(value_name = "FILE", conflicts_with = "command")]
    pub file: Option<PathBuf>,
    /// The command itself
    #[arg(value_name = "COMMAND", last = true)]
    pub command: Vec<String>,
    /// The kind of workload that runs the runner
    #[arg(long, value_enum, default_value = "job", value_name = "KIND")]
    pub kind: RunnerKind,
    /// The namespace in the manifest (default: none)
    #[arg(short, long, value_name = "NAMESPACE", value_parser = kubernetes_name)]
    pub namespace: Option<String>,
    /// The name of the Job or Deployment, instead of the one in the command
    #[arg(long, value_name = "NAME", value_parser = kubernetes_name)]
    pub name: Option<String>,
    /// Use this existing Secret (keys oauthClientId, oauthClientSecret) and do not write one
    #[arg(long, value_name = "SECRET", value_parser = kubernetes_name)]
    pub secret_from: Option<String>,
    /// The image of the Docker engine, instead of a supported version or that of the nodes
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub engine_image: Option<String>,
    /// The image of the runner, instead of the one in the command
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub runner_image: Option<String>,
    /// The MTU of the pod network, instead of the CNI's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(576..=65535))]
    pub pod_mtu: Option<i64>,
    /// Memory of the engine, in which all steps run: 4Gi for each x of a step's size, plus 512Mi
    #[arg(long, value_name = "MEMORY", default_value = crate::manifest::Memory::DEFAULT, value_parser = crate::manifest::Memory::parse)]
    pub memory: crate::manifest::Memory,
    /// Labels that the runner has in Bitbucket in addition to self.hosted and linux
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// Do not read anything from a cluster
    #[arg(long)]
    pub offline: bool,
    /// The kubeconfig context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Write the bitbucket-pipelines.yml section to a file instead of comments at the end
    #[arg(long, value_name = "FILE")]
    pub pipelines_file: Option<PathBuf>,
    /// Write to a file with mode 0600 instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunnerKind {
    Job,
    Deployment,
}

const RBAC_HELP: &str = "\
Examples:
  runner-doctor rbac -n ci                      for the runners in one namespace only
  runner-doctor rbac -n ci --cluster-facts      with node and CNI information
  runner-doctor rbac -A | kubectl apply -f -    for the runners in all namespaces
  runner-doctor rbac -n ci --verify             missing permissions, and what needs them

--verify sends SelfSubjectAccessReviews to the cluster. They appear as `create` requests in an audit
log, but they store and change nothing.

Exec into a privileged pod is root on its node, and with -A on the whole cluster: see SECURITY.md.

Exit codes: 0 printed, or nothing is missing; 1 a permission is missing; 2 no response from the cluster";

#[derive(Debug, Args)]
pub struct Rbac {
    #[command(flatten)]
    pub scope: Scope,
    /// Check which of these permissions the current identity lacks
    #[arg(long)]
    pub verify: bool,
    /// The kubeconfig context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Time limit for the cluster's response
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
}

/// Which runners the rights are for, and who has them.
#[derive(Debug, Args)]
pub struct Scope {
    /// The namespace of the runners and of the ServiceAccount; with -A, of the ServiceAccount only
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default", value_parser = kubernetes_name)]
    pub namespace: String,
    /// Runners in all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// With -n: also read nodes and the CNI, outside that namespace, for the MTU of the node uplinks
    #[arg(long, conflicts_with = "all_namespaces")]
    pub cluster_facts: bool,
    /// Omit the permission to exec into the nodes' network agents
    #[arg(long)]
    pub no_node_exec: bool,
    /// The name of the ServiceAccount and its roles
    #[arg(long, value_name = "NAME", default_value = "runner-doctor", value_parser = kubernetes_name)]
    pub name: String,
}

const JOB_EXAMPLES: &str = "\
Examples:
  runner-doctor job -n ci --image registry.example/runner-doctor:0.1.0 | kubectl apply -f -
  runner-doctor job -A --image … --kind cronjob --schedule '*/30 * * * *' -- --strict -o json
  runner-doctor job -n ci --image … -- collect -n ci

Arguments after -- are added to `check`; if the first is not a flag, it replaces `check`. Build the
image from the Dockerfile in the source. The ServiceAccount in the output may exec into privileged
pods, which is root on their nodes, and with -A on the whole cluster: see SECURITY.md.";

#[derive(Debug, Args)]
pub struct Job {
    #[command(flatten)]
    pub scope: Scope,
    /// The image of runner-doctor
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub image: String,
    /// Run once (job) or on a schedule (cronjob)
    #[arg(long, value_enum, default_value = "job", value_name = "KIND")]
    pub kind: JobKind,
    /// The schedule in cron format
    #[arg(long, value_name = "CRON", default_value = "0 * * * *")]
    pub schedule: String,
    /// Use this existing ServiceAccount and print no roles
    #[arg(long, value_name = "NAME", value_parser = kubernetes_name)]
    pub service_account: Option<String>,
    /// Arguments for runner-doctor
    #[arg(value_name = "ARGUMENT", last = true)]
    pub arguments: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JobKind {
    Job,
    Cronjob,
}

fn kubernetes_name(text: &str) -> Result<String, String> {
    match crate::manifest::is_label(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("a Kubernetes name has at most 63 lowercase letters, digits and dashes".to_owned())
        }
    }
}

fn image(text: &str) -> Result<String, String> {
    match crate::manifest::is_image(text) {
        true => Ok(text.to_owned()),
        false => Err("invalid image: write it like docker:VERSION-dind".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    Yaml,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

impl FailOn {
    pub fn severity(self) -> Option<Severity> {
        match self {
            FailOn::Error => Some(Severity::Error),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Info => Some(Severity::Info),
            FailOn::Never => None,
        }
    }
}

/// `90s`, `5m`, `1h`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("invalid duration {text:?}: write 10s, 5m or 1h (at most 24h)");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    match count.checked_mul(unit) {
        Some(0) => Err("the duration must be longer than zero: write 10s, 5m or 1h".to_owned()),
        Some(seconds) if seconds <= 24 * 3600 => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=1000).contains(&number) => Ok(number),
        _ => Err(format!("invalid number {text:?}: use 1 to 1000")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let has_one = help.is_some_and(|help| help.contains("Examples:\n  "));
            assert!(has_one, "{}", command.get_name());
        }
    }

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "s", "0", "-1s", "1d", "ten", "99999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
