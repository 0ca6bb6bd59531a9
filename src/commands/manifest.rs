//! `manifest`: converts the command that Bitbucket prints for a new runner into a Kubernetes
//! manifest.

use super::{Exit, keep_existing, tell, write_out};
use crate::cli::{Manifest, RunnerKind};
use crate::collect::kubernetes::{Cluster, Waits};
use crate::collect::surroundings::Surroundings;
use crate::files;
use crate::manifest::{Command, Kind, Plan, Wishes};
use crate::text::shell;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Read, Write as _};
use std::path::Path;
use std::time::Duration;

/// The maximum wait for the cluster, whose information is optional.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn run(options: &Manifest) -> Result<Exit> {
    let files = [
        (&options.output_file, "--output-file"),
        (&options.pipelines_file, "--pipelines-file"),
    ];
    for (file, flag) in files {
        if let Some(file) = file {
            keep_existing(file, options.overwrite, flag)?;
        }
    }
    let command = command(options)?;
    let around = match options.offline {
        true => Surroundings::default(),
        false => around(options.context.as_deref(), options.kubeconfig.as_deref()),
    };
    let wishes = Wishes {
        kind: match options.kind {
            RunnerKind::Job => Kind::Job,
            RunnerKind::Deployment => Kind::Deployment,
        },
        namespace: options.namespace.as_deref(),
        name: options.name.as_deref(),
        secret_from: options.secret_from.as_deref(),
        engine_image: options.engine_image.as_deref(),
        runner_image: options.runner_image.as_deref(),
        pod_mtu: options.pod_mtu,
        memory: options.memory,
        labels: &options.labels,
    };
    let plan = Plan::make(command, wishes, &around)?;
    let mut text = plan.manifest();
    match &options.pipelines_file {
        Some(file) => write_out(&plan.pipelines(), Some(file)).with_context(|| {
            format!(
                "cannot write {}: name another with --pipelines-file",
                file.display()
            )
        })?,
        None => append_as_comment(&mut text, &plan.pipelines()),
    }
    match &options.output_file {
        Some(file) => write_private(&text, file, options.overwrite)?,
        None => write_out(&text, None)?,
    }
    tell(&next_steps(options, &plan));
    Ok(Exit::Fine)
}

fn command(options: &Manifest) -> Result<Command> {
    if !options.command.is_empty() {
        return Ok(Command::Arguments(options.command.clone()));
    }
    let file = options
        .file
        .as_deref()
        .filter(|file| *file != Path::new("-"));
    let bytes = match file {
        Some(file) => read_all(files::open(file)?).with_context(|| {
            format!(
                "cannot read the command from {}: name the file that contains it",
                file.display()
            )
        })?,
        None => {
            if io::stdin().is_terminal() {
                tell(
                    "Paste the command that Bitbucket printed for the runner, then press Enter and Ctrl-D:",
                );
            }
            read_all(io::stdin().lock()).context(
                "cannot read the command from standard input: pipe it in, or name a file",
            )?
        }
    };
    if bytes.len() as u64 > files::COMMAND {
        bail!("the command is longer than any that Bitbucket prints: pass only that command");
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => bail!(
            "the input is empty: paste the command that Bitbucket printed for the runner, or name the file that contains it"
        ),
        Ok(text) => Ok(Command::Text(text)),
        // The error would print the input, which contains a secret.
        Err(_) => bail!(
            "the command is not UTF-8 text: save the file as UTF-8 (PowerShell's > writes UTF-16)"
        ),
    }
}

fn read_all(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(files::COMMAND + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Information from the cluster, if there is one that responds in time.
pub(super) fn around(context: Option<&str>, file: Option<&Path>) -> Surroundings {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return Surroundings::default();
    };
    let look = async {
        let cluster = Cluster::connect(context, file, Waits::within(PATIENCE)).await?;
        anyhow::Ok(Surroundings::read(&cluster).await)
    };
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, look).await });
    runtime.shutdown_timeout(Duration::from_millis(200));
    match found {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::info!("the cluster was not read: {error}");
            Surroundings::default()
        }
        Err(_) => {
            tracing::warn!(
                "the cluster did not respond within {} s, so it was not read: use --offline to skip it",
                PATIENCE.as_secs()
            );
            Surroundings::default()
        }
    }
}

fn append_as_comment(text: &mut String, part: &str) {
    text.push_str("\n# For the repository, not for Kubernetes:\n#\n");
    for line in part.lines() {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "# {line}");
    }
}

/// The file contains a secret, so it is created with private permissions.
fn write_private(text: &str, file: &Path, overwrite: bool) -> Result<()> {
    let mut how = OpenOptions::new();
    how.write(true).truncate(true);
    // Do not replace a file that was created in the meantime either; a device may be written to.
    match overwrite || file.exists() && !file.is_file() {
        true => how.create(true),
        false => how.create_new(true),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        how.mode(0o600);
    }
    let write = || -> io::Result<()> {
        let mut out = how.open(file)?;
        // An existing file keeps its mode.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if out.metadata()?.is_file() {
                out.set_permissions(fs::Permissions::from_mode(0o600))?;
            }
        }
        out.write_all(text.as_bytes())
    };
    write().with_context(|| {
        format!(
            "cannot write {}: name another with --output-file",
            file.display()
        )
    })
}

fn next_steps(options: &Manifest, plan: &Plan) -> String {
    let (begin, file) = match &options.output_file {
        Some(file) => (
            "To start it",
            crate::report::clean(&file.display().to_string()).into_owned(),
        ),
        None => (
            "To start it, save the output as runner.yaml",
            "runner.yaml".to_owned(),
        ),
    };
    let file = shell::word(&file);
    let namespace = options.namespace.as_ref();
    let flag = namespace
        .map(|name| format!(" -n {name}"))
        .unwrap_or_default();
    let kind = match options.kind {
        RunnerKind::Job => "job",
        RunnerKind::Deployment => "deployment",
    };
    let mut text = format!("{begin}:\n");
    let mut step = |line: String| _ = writeln!(text, "  {line}");
    if let Some(namespace) = &options.namespace {
        step(format!(
            "kubectl create namespace {namespace}    # if it does not exist"
        ));
        step(format!(
            "kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=privileged    # if the cluster enforces Pod Security"
        ));
    }
    step(format!("kubectl{flag} apply -f {file}"));
    if options.kind == RunnerKind::Job {
        step(format!(
            "kubectl{flag} replace --force -f {file}    # to apply a change: Jobs must be replaced"
        ));
    }
    step(format!("runner-doctor check{flag}"));
    step(format!(
        "runner-doctor lint {file} --pod-mtu {}    # in CI, before each change",
        plan.mtu.value
    ));
    text.push_str("To delete it:\n");
    let secret = match &options.secret_from {
        Some(_) => String::new(),
        None => format!(" secret/{}", plan.secret_name()),
    };
    let _ = write!(text, "  kubectl{flag} delete {kind}/{}{secret}", plan.name);
    if plan.mtu.assumed {
        text.push_str("\nThe MTU of the pod network is assumed, not read: set it with --pod-mtu, or run `runner-doctor check` to read it.");
    }
    text
}
