//! The command line, as types. Nothing happens here.

mod after;
mod output;

pub use after::{Completions, Diff, DiffFormat, Man, Ticket};
pub use output::{Output, Outputs};

use crate::collect::walk::Url;
use crate::config::Config;
use crate::diagnosis::Severity;
use crate::remedy::Preference;
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Finds out why CI builds hang or die in Docker-in-Docker runners on Kubernetes, and says what to
/// paste to cure it.
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
    /// When to use colours
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Read the settings in this file instead of .runner-doctor.yaml in the current directory
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ignore .runner-doctor.yaml in the current directory
    #[arg(long, global = true, conflicts_with = "config")]
    pub no_config: bool,
    /// What that file says.
    #[arg(skip)]
    pub(crate) settings: Config,
    /// Say nothing on standard error but what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// As kubectl finds it in PATH: `kubectl runner-doctor`.
const PLUGIN: &str = "kubectl-runner_doctor";

impl Cli {
    /// The command as it was called: help and mistakes name it so.
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

/// Nothing else need be in PATH, so that examples to paste must say it too.
fn with_examples_of_plugin(command: clap::Command) -> clap::Command {
    match command.get_after_help().map(ToString::to_string) {
        Some(help) => command.after_help(help.replace("runner-doctor ", "kubectl runner-doctor ")),
        None => command,
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Examine runners and say what is wrong, where, why, and what cures it
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<Check>),
    /// Write down what is there, without judging it: a recording for a ticket or for `check --evidence`
    #[command(after_help = COLLECT_EXAMPLES)]
    Collect(Box<Collect>),
    /// Tell what a check means, why it matters and what cures it; or which checks know an error in a
    /// job's log
    #[command(after_help = EXPLAIN_HELP)]
    Explain(Explain),
    /// List every check, one line each
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
    /// Run the cases in check files
    #[command(after_help = TEST_EXAMPLES)]
    Test(Test),
    /// Print the JSON Schema of what the doctor reads or writes
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema(Schema),
    /// Turn the command that Bitbucket prints for a new runner into the manifest that runs it on
    /// Kubernetes, right from the start
    #[command(after_help = MANIFEST_EXAMPLES)]
    Manifest(Box<Manifest>),
    /// Print the least rights with which the doctor sees everything, or ask which of them are missing
    #[command(after_help = RBAC_HELP)]
    Rbac(Rbac),
    /// Print the manifest that runs the doctor inside the cluster, once or again and again
    #[command(after_help = JOB_EXAMPLES)]
    Job(Job),
    /// Print what cures the findings, as patches or corrected manifests; applies nothing itself
    #[command(after_help = FIX_EXAMPLES)]
    Fix(Box<Fix>),
    /// Find in files, before they are deployed, what `check` would find in the cluster
    #[command(after_help = LINT_EXAMPLES)]
    Lint(Box<Lint>),
    /// Write recording and reports, without names, into one archive to attach to a ticket
    #[command(after_help = after::TICKET_EXAMPLES)]
    Ticket(Box<Ticket>),
    /// Compare two reports or recordings: what was fixed, what is new, which layers changed
    #[command(after_help = after::DIFF_EXAMPLES)]
    Diff(Diff),
    /// Print what completes this program's commands in a shell
    #[command(after_help = after::COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print the manual page, or write one for each command
    #[command(after_help = after::MAN_EXAMPLES)]
    Man(Man),
}

const FIX_EXAMPLES: &str = "\
Examples:
  runner-doctor fix -n ci > fix.yaml                  a patch; its comments say how to apply it
  runner-doctor fix -n ci -f job.yaml -o yaml         job.yaml with the cure in it, comments kept
  runner-doctor fix -n ci -o diff                     what would change in the cluster's objects
  runner-doctor fix --demo --prefer clamp             one rule in the pod instead of many edits

Exit codes:
  0  nothing to fix, or what was printed cures every error
  1  errors are left that no printed change cures
  2  could not examine, or could not print what was asked for";

#[derive(Debug, Args)]
pub struct Fix {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub checks: Checks,
    /// Cure the findings of this JSON report instead of examining; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pods", "namespace", "all_namespaces", "labels", "context", "kubeconfig", "evidence", "demo"])]
    pub report: Option<PathBuf>,
    /// Correct the manifest in this file, not the cluster's copy of it; may be repeated
    #[arg(short, long = "filename", value_name = "FILE")]
    pub files: Vec<PathBuf>,
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
    /// Where there are several cures, take this one; may be repeated
    #[arg(long, value_enum, value_name = "CURE")]
    pub prefer: Vec<Preference>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FixFormat {
    /// A strategic merge patch for each object
    Patch,
    /// The whole object or file, corrected
    Yaml,
    /// The difference that makes
    Diff,
}

const LINT_EXAMPLES: &str = "\
Examples:
  runner-doctor lint job.yaml bitbucket-pipelines.yml     the runner and what runs in it, together
  runner-doctor lint . -o sarif --output-file lint.sarif  every file of a repository, for code scanning
  helm template arc … | runner-doctor lint -              what a chart makes
  kubectl kustomize overlays/prod | runner-doctor lint -  what a kustomization makes
  runner-doctor lint job.yaml --pod-mtu 8951              a pod network that is not the usual one

It reads any object or Helm values with a pod template inside, values of ARC and GitLab Runner, GitLab
Runner's config.toml, bitbucket-pipelines.yml, .gitlab-ci.yml, pipelines of Drone and Woodpecker, and
Compose files, and changes none without --fix=write. Secrets in them are named, never shown.

Exit codes:
  0  read, and nothing at or above --fail-on
  1  findings at or above --fail-on
  2  could not read: bad arguments, no YAML, a file of no kind that is understood, no runner in any
  3  a file in a folder could not be read; with --strict also: a runner's pipeline is not among the files";

#[derive(Debug, Args)]
pub struct Lint {
    /// Files, folders (every *.yml and *.yaml below), or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Print the first fix of each finding that needs no input from you, as a diff of the files;
    /// --fix=write edits them, then reports what is left. A file is only changed where it lints better
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "diff")]
    pub fix: Option<FixFiles>,
    /// The MTU of the pod network, which no file says. Without it 1450 is assumed, what VXLAN leaves of
    /// an Ethernet of 1500, and findings that depend on it are warnings. `auto` reads it from the
    /// cluster of the current context
    #[arg(long, value_name = "MTU", value_parser = PodMtu::parse)]
    pub pod_mtu: Option<PodMtu>,
    #[command(flatten)]
    pub checks: Checks,
    #[command(flatten)]
    pub outputs: Outputs,
    /// The least severity of a finding that makes the exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    /// Exit with 3 also where something is not there yet, gone, or outside the view, and where a
    /// warning could not be judged
    #[arg(long)]
    pub strict: bool,
    /// Exit with 0 instead of 3 where nothing fails but something could not be looked at
    #[arg(long, conflicts_with = "strict")]
    pub allow_unknown: bool,
    /// Exit with 0 where no file tells of a runner
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
  runner-doctor check --demo                  the cluster of the story this began with; needs no cluster
  runner-doctor check                         every runner of the current namespace
  runner-doctor check -n ci runner-2jpsg      one pod
  runner-doctor check -A -o json              everything, for a program
  runner-doctor check --fail-on warning       a stricter gate
  runner-doctor check --baseline old.json     a gate for what is new only
  runner-doctor check -n ci --watch=1m        what changes, as it changes
  runner-doctor check -o table -o html=report.html -o junit=report.xml
                                              the table here, and artefacts for others

Exit codes:
  0  examined, and nothing at or above --fail-on
  1  findings at or above --fail-on
  2  could not examine: bad arguments, no cluster, no runner, or none of them could be seen
  3  an error could not be ruled out, because something could not be looked at (forbidden, cut off, no
     tool), or one runner of several could not be seen; --allow-unknown accepts that. With --strict also:
     something is not there yet, gone, or outside the view
  130  interrupted (Ctrl-C or SIGTERM), after printing what is known";

const COLLECT_EXAMPLES: &str = "\
Examples:
  runner-doctor collect -n ci > runner.yaml       then, anywhere: runner-doctor check --evidence runner.yaml
  runner-doctor collect -n ci --redact            the same without the names of your machines
  runner-doctor collect -n ci --output-file r.yaml; runner-doctor diff old.yaml r.yaml

Exit codes: 0 written; 2 no cluster or no runner; 130 interrupted, after writing what is known";

const LIST_EXAMPLES: &str = "\
Examples:
  runner-doctor list                              every check, with what is healthy
  runner-doctor list -o json                      the same for a program";

const TEST_EXAMPLES: &str = "\
Examples:
  runner-doctor test checks/ours.yaml             the cases in one file
  runner-doctor test checks                       of every file in a folder

Exit codes: 0 all cases pass; 1 one does not; 2 a file could not be read";

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub checks: Checks,
    #[command(flatten)]
    pub outputs: Outputs,
    /// The least severity of a finding that makes the exit code 1
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub fail_on: FailOn,
    /// Exit with 3 also where something is not there yet, gone, or outside the view, and where a
    /// warning could not be judged
    #[arg(long)]
    pub strict: bool,
    /// Exit with 0 instead of 3 where nothing fails but something could not be looked at
    #[arg(long, conflicts_with = "strict")]
    pub allow_unknown: bool,
    /// Exit with 0 where there is no runner
    #[arg(long)]
    pub allow_empty: bool,
    /// Write tokens for the names of nodes, namespaces, pods, registries and hosts, and for addresses
    #[arg(long)]
    pub redact: bool,
    /// Fail only on what is not in this JSON report or recording; what is, is marked as known
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Read a job's log too, and say of each error that it shows whether its cause was found; - for
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["redact", "watch"])]
    pub log: Option<PathBuf>,
    /// Check again and again, every 30s unless told, and print what changed; ends with Ctrl-C
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "30s",
        value_parser = duration, conflicts_with_all = ["evidence", "demo", "output_file"])]
    pub watch: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct Collect {
    #[command(flatten)]
    pub source: Source,
    /// Run the commands of the checks in this folder too, and write down what they say
    #[arg(long, value_name = "DIR", requires = "allow_probes")]
    pub checks_dir: Vec<PathBuf>,
    /// Let those checks run the commands that they hold, in every runner
    #[arg(long)]
    pub allow_probes: bool,
    /// Write tokens for the names of nodes, namespaces, pods, registries and hosts, and for addresses
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
    /// Pods to examine, whatever they look like; all runners unless given
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
    /// Examine only pods with these labels
    #[arg(short = 'l', long = "selector", value_name = "SELECTOR")]
    pub labels: Option<String>,
    /// The kubeconfig's context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Examine a recording instead of a cluster, all of it unless PODs or -n are given; - for standard
    /// input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all_namespaces", "labels", "context", "kubeconfig"])]
    pub evidence: Option<PathBuf>,
    /// Examine a built-in recording: the story's cluster as it was (article), half mended
    /// (half-fixed), or cured
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "article",
        conflicts_with_all = ["evidence", "all_namespaces", "labels", "context", "kubeconfig"])]
    pub demo: Option<String>,
    /// Examine a Docker engine instead of a cluster: this machine's (a runner on a VM, a laptop,
    /// or a step of a pipeline that runs this), or the one in a container
    #[arg(long, value_name = "CONTAINER", num_args = 0..=1,
        conflicts_with_all = ["evidence", "demo", "pods", "namespace", "all_namespaces", "labels", "context", "kubeconfig", "wait_nested"])]
    pub docker: Option<Option<String>>,
    /// Prove it: download this URL from every network, and see which downloads hang (some 100 KB;
    /// nothing is written or created)
    #[arg(long, value_name = "URL", value_parser = Url::parse, conflicts_with_all = ["evidence", "demo"])]
    pub confirm: Option<Url>,
    /// Wait so long for a step that starts a Docker engine inside a runner's, then check
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["evidence", "demo"])]
    pub wait_nested: Option<Duration>,
    /// Do not execute anything in the nodes' network agents; the ethernet's MTU is then unknown
    #[arg(long)]
    pub no_node_exec: bool,
    /// How long the walk of one runner may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
    /// How long everything may take; what is known by then is reported
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub deadline: Duration,
    /// How long an engine may take to start before it counts as broken; a container's own startup
    /// probe takes precedence
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, conflicts_with_all = ["evidence", "demo"])]
    pub startup_grace: Duration,
    /// How many runners to walk at once
    #[arg(long, value_name = "N", default_value = "16", value_parser = at_least_one)]
    pub concurrency: usize,
    /// How many engines inside each other to look at
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub max_depth: usize,
}

/// Which checks there are, and which to run.
#[derive(Debug, Args)]
pub struct Checks {
    /// Run only this check; may be repeated
    #[arg(long = "check", value_name = "ID")]
    pub only: Vec<String>,
    /// Leave this check out; may be repeated
    #[arg(long, value_name = "ID")]
    pub skip: Vec<String>,
    #[command(flatten)]
    pub files: CheckFiles,
    /// Let checks from --checks-dir and --override run the commands that they hold, in every runner
    #[arg(long)]
    pub allow_probes: bool,
}

/// Check files beside those built in.
#[derive(Debug, Default, Args)]
pub struct CheckFiles {
    /// Add the checks in this folder; may be repeated
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Vec<PathBuf>,
    /// Use the check in this file instead of the one with the same id; may be repeated
    #[arg(long = "override", value_name = "FILE")]
    pub overrides: Vec<PathBuf>,
}

const SCHEMA_EXAMPLES: &str = "\
Examples:
  runner-doctor schema report > report.schema.json    of what `check -o json` prints
  runner-doctor schema check                          of a check file, for completion in an editor";

const EXPLAIN_HELP: &str = "\
Examples:
  runner-doctor explain mtu-inversion              what a check means, why, and the cure
  runner-doctor explain --log build.log            which checks know an error in a job's log
  kubectl logs -f POD -c docker | runner-doctor explain --log -

Exit codes:
  0  explained; with --log: at least one error in it is known
  2  could not: no such check, no such file
  3  with --log: nothing in it is known";

#[derive(Debug, Args)]
pub struct Explain {
    /// The check, as `runner-doctor list` names it
    #[arg(value_name = "ID", required_unless_present = "log")]
    pub id: Option<String>,
    /// Read a job's log, of any size, and name the checks that know an error in it; - for standard
    /// input, of which each error is told on standard error when it comes
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    pub log: Option<PathBuf>,
    /// How to print it
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
    /// For a page or a ticket; not of a log
    Markdown,
}

#[derive(Debug, Args)]
pub struct List {
    /// How to list
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
    /// Of what
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
    /// What the expressions of a check may read
    Facts,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Check files, or folders of them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

const MANIFEST_EXAMPLES: &str = "\
Examples:
  runner-doctor manifest -n ci                     then paste the command, and end with Ctrl-D
  runner-doctor manifest -n ci command.txt --output-file runner.yaml
  runner-doctor manifest -n ci --secret-from runner-oauth -- docker container run -it -e …

What follows -- stays in your shell's history, the secret too. The result holds the secret as well,
in base64, unless --secret-from names a Secret that has it. From the cluster, unless --offline, only
the nodes' Docker version and the CNI's MTU are read; nothing is created.";

#[derive(Debug, Args)]
pub struct Manifest {
    /// A file with the command that Bitbucket printed; standard input unless given
    #[arg(value_name = "FILE", conflicts_with = "command")]
    pub file: Option<PathBuf>,
    /// The command itself
    #[arg(value_name = "COMMAND", last = true)]
    pub command: Vec<String>,
    /// What keeps the runner running
    #[arg(long, value_enum, default_value = "job", value_name = "KIND")]
    pub kind: RunnerKind,
    /// The namespace that the manifest names; it names none unless given
    #[arg(short, long, value_name = "NAMESPACE", value_parser = kubernetes_name)]
    pub namespace: Option<String>,
    /// The name of the Job or Deployment, instead of the one in the command
    #[arg(long, value_name = "NAME", value_parser = kubernetes_name)]
    pub name: Option<String>,
    /// Use this Secret, which exists (keys oauthClientId, oauthClientSecret), and write none
    #[arg(long, value_name = "SECRET", value_parser = kubernetes_name)]
    pub secret_from: Option<String>,
    /// The image of the Docker engine, instead of a supported version or the nodes' own
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub engine_image: Option<String>,
    /// The image of the runner, instead of the one in the command
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub runner_image: Option<String>,
    /// How many bytes the pod network carries, instead of what the CNI says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(576..=65535))]
    pub pod_mtu: Option<i64>,
    /// Memory of the engine, in which all steps run; 4Gi for each x of a step's size and 512Mi
    #[arg(long, value_name = "MEMORY", default_value = crate::manifest::Memory::DEFAULT, value_parser = crate::manifest::Memory::parse)]
    pub memory: crate::manifest::Memory,
    /// Labels that the runner has in Bitbucket beside self.hosted and linux
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// Read nothing from a cluster
    #[arg(long)]
    pub offline: bool,
    /// The kubeconfig's context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Write the part of bitbucket-pipelines.yml to a file, instead of comments at the end
    #[arg(long, value_name = "FILE")]
    pub pipelines_file: Option<PathBuf>,
    /// Write to a file that only you may read, instead of standard output
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
  runner-doctor rbac -n ci                      the runners of one namespace, and nothing else
  runner-doctor rbac -n ci --cluster-facts      with what tells of nodes and the CNI
  runner-doctor rbac -A | kubectl apply -f -    the runners of all namespaces
  runner-doctor rbac -n ci --verify             what of it you lack, and what is unknown for that

--verify asks the cluster with SelfSubjectAccessReviews. Those are `create` requests, as an audit log
will show, but of a question that is answered and kept nowhere: nothing is stored or changed.

Exec into a privileged pod is root on its node, and with -A on the whole cluster: SECURITY.md.

Exit codes: 0 printed, or nothing is missing; 1 a right is missing; 2 could not ask";

#[derive(Debug, Args)]
pub struct Rbac {
    #[command(flatten)]
    pub scope: Scope,
    /// Ask the cluster which of these rights the current identity lacks, and print that
    #[arg(long)]
    pub verify: bool,
    /// The kubeconfig's context to use
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// How long the cluster may take to answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
}

/// Which runners the rights are for, and who has them.
#[derive(Debug, Args)]
pub struct Scope {
    /// The namespace of the runners, and of the doctor's account; with -A, of the account only
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default", value_parser = kubernetes_name)]
    pub namespace: String,
    /// Runners in all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// With -n: also what is outside of that namespace (nodes, the CNI), for the ethernet's MTU
    #[arg(long, conflicts_with = "all_namespaces")]
    pub cluster_facts: bool,
    /// Without the right to execute anything in the nodes' network agents
    #[arg(long)]
    pub no_node_exec: bool,
    /// The name of the account and of its roles
    #[arg(long, value_name = "NAME", default_value = "runner-doctor", value_parser = kubernetes_name)]
    pub name: String,
}

const JOB_EXAMPLES: &str = "\
Examples:
  runner-doctor job -n ci --image registry.example/runner-doctor:0.1.0 | kubectl apply -f -
  runner-doctor job -A --image … --kind cronjob --schedule '*/30 * * * *' -- --strict -o json
  runner-doctor job -n ci --image … -- collect -n ci

What follows -- is added to `check`; where it begins with a word and not with a flag, it replaces that.
The image is made from the Dockerfile beside the doctor's source. The account that this prints may exec
into privileged pods, which is root on their nodes, and with -A on the whole cluster: SECURITY.md.";

#[derive(Debug, Args)]
pub struct Job {
    #[command(flatten)]
    pub scope: Scope,
    /// The doctor's image
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub image: String,
    /// Once, or by a schedule
    #[arg(long, value_enum, default_value = "job", value_name = "KIND")]
    pub kind: JobKind,
    /// When, as cron writes it
    #[arg(long, value_name = "CRON", default_value = "0 * * * *")]
    pub schedule: String,
    /// Use this account, which exists, and print no rights
    #[arg(long, value_name = "NAME", value_parser = kubernetes_name)]
    pub service_account: Option<String>,
    /// What the doctor is told, instead of only where to look
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
            Err("a name in Kubernetes has at most 63 small letters, digits and dashes".to_owned())
        }
    }
}

fn image(text: &str) -> Result<String, String> {
    match crate::manifest::is_image(text) {
        true => Ok(text.to_owned()),
        false => Err("an image looks like docker:VERSION-dind".to_owned()),
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
    let wrong = || format!("{text:?} is no length of time: write 10s, 5m or 1h");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    match count.checked_mul(unit) {
        Some(0) => Err("it must be longer than nothing: write 10s, 5m or 1h".to_owned()),
        Some(seconds) if seconds <= 24 * 3600 => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=1000).contains(&number) => Ok(number),
        _ => Err(format!("{text:?} is no number from 1 to 1000")),
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
