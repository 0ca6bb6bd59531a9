//! Command lines in documents, help and reports work as printed: a shell runs each, after the lines before
//! it, in a folder that holds only what the reader has.

use crate::faults::stand_in::{Answer, StandIn, pod};
use clap::CommandFactory;
use runner_doctor::cli::Cli;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The files that a reader has before the first line.
const THEIRS: [(&str, &str); 8] = [
    ("job.yaml", JOB),
    ("runner-secret.yaml", SECRET),
    ("bitbucket-pipelines.yml", PIPELINES),
    (
        "build.log",
        "npm ERR! network read ECONNRESET\nERROR: failed to adjust OOM score for shim: set shim OOM score: write /proc/1/oom_score_adj: invalid argument\n",
    ),
    ("command.txt", COMMAND),
    ("checks/ours.yaml", ""),
    ("my-checks/large-network.yaml", ""),
    (".zfunc/empty", ""),
];
const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: { name: runner, namespace: ci }\nspec:\n  template:\n    spec:\n      containers:\n        - name: docker-in-docker\n          image: docker:20.10.24-dind\n          securityContext: { privileged: true }\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: runner-oauth-credentials, namespace: ci }\nstringData: { oauthClientSecret: HUSH-1234-abcd }\n";
const PIPELINES: &str = "pipelines:\n  default:\n    - step:\n        runs-on: [self.hosted, linux]\n        services: [docker]\n        script: [docker build .]\n";
const COMMAND: &str = "docker container run -it -v /tmp:/tmp -e ACCOUNT_UUID={3f1c9c55-0a3d-4d0e-9a53-4cf0a3c0f6b1} -e RUNNER_UUID={7deb7740-f86b-50d0-9c85-671fcb3c9038} -e OAUTH_CLIENT_ID=id -e OAUTH_CLIENT_SECRET=HUSH-secret -e WORKING_DIRECTORY=/tmp --name runner-7deb7740 docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1\n";

/// Fake kubectl, helm, docker and make: fail on a missing file or namespace, and print an object.
const OTHERS: &str = r#"#!/bin/sh
last=
for argument; do
	case $last in
	-f | --patch-file) case $argument in
		-) cat >/dev/null ;;
		*) [ -e "$argument" ] || { echo "no such file: $argument" >&2; exit 9; } ;;
		esac ;;
	esac
	last=$argument
done
case " $* " in
*" -n "*) ;;
*" create secret "* | *" exec "* | *" logs "* | *" delete "* | *" describe pod "*)
	echo "no namespace: $*" >&2
	exit 9 ;;
esac
cat job.yaml
"#;

/// Placeholders that the reader replaces: a line with one only has to parse.
const PLACEHOLDERS: [&str; 13] = [
    "…",
    "FILE",
    "POD",
    " ID",
    " NS",
    "NODE",
    "DIRECTORY",
    "NAME",
    "COMMAND",
    "CONTAINER",
    "YOUR-",
    "GROUP",
    // A token in redacted reports.
    "namespace-1",
];

struct Reader {
    folder: TempDir,
    kubeconfig: String,
}

impl Reader {
    fn new(server: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        THEIRS.iter().for_each(|(name, text)| write(name, text));
        write("my-checks/large-network.yaml", &own_check());
        let ours = own_check().replace("id: large-network", "id: ours");
        write("checks/ours.yaml", &ours);
        for other in ["kubectl", "helm", "docker", "make"] {
            write(&format!(".bin/{other}"), OTHERS);
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.path().join(".bin").join(other), mode).unwrap();
        }
        let program = folder.path().join(".bin/runner-doctor");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_runner-doctor"), program).unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "ci"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        });
        Reader {
            folder,
            kubeconfig: kubeconfig.to_string(),
        }
    }

    /// Runs a line. Returns its output on both streams, as an error if it fails.
    fn run(&self, line: &str) -> Result<String, String> {
        let home = self.folder.path();
        let config = home.join(".kubeconfig");
        fs::write(&config, &self.kubeconfig).unwrap();
        let printed = home.join(".printed");
        let out = fs::File::create(&printed).unwrap();
        let mut child = Command::new("bash")
            .args(["-c", &format!("set -o pipefail\n{line}")])
            .current_dir(home)
            .env_clear()
            .env("PATH", format!("{}/.bin:/usr/bin:/bin", home.display()))
            .env("HOME", home)
            .env("KUBECONFIG", config)
            .env("COLUMNS", "500")
            // `manifest` reads a pasted command.
            .stdin(fs::File::open(home.join("command.txt")).unwrap())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .process_group(0)
            .spawn()
            .unwrap();
        // Commands that repeat or wait are interrupted with Ctrl-C, as a reader would do.
        let waits = line.contains("--watch") || line.contains("--wait-nested");
        let limit = Duration::from_secs(if waits { 5 } else { 100 });
        let started = Instant::now();
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            assert!(started.elapsed() < limit * 3, "{line}: does not end");
            if started.elapsed() > limit {
                let group = format!("-{}", child.id());
                Command::new("kill")
                    .args(["-INT", "--", &group])
                    .status()
                    .unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let text = fs::read_to_string(printed).unwrap();
        let is_open = PLACEHOLDERS.iter().any(|word| line.contains(word));
        let ended = match code {
            _ if text.contains("Usage: ") && text.contains("try '--help'") => false,
            Some(0 | 1 | 3 | 130) => true,
            // Docker is not available here.
            Some(2) if line.contains("--docker") => true,
            _ => is_open,
        };
        match ended {
            true => Ok(text),
            false => Err(format!("{line}\n  exit code {code:?}: {text}")),
        }
    }
}

/// The check that checks/README.md shows.
fn own_check() -> String {
    let readme = include_str!("../checks/README.md");
    let block = readme.split("```yaml\n").nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// A namespace with one runner, owned by a Job.
fn cluster() -> StandIn {
    StandIn::with(|request, _| {
        let runner = || {
            let mut pod = pod("runner-2jpsg");
            pod["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "batch/v1", "kind": "Job", "name": "runner", "uid": "j", "controller": true,
            }]);
            pod
        };
        let path = request.split([' ', '?']).nth(1).unwrap_or_default();
        Answer::Says(match path {
            "/api/v1/pods" | "/api/v1/namespaces/ci/pods" => {
                json!({"metadata": {}, "items": [runner()]})
            }
            "/api/v1/namespaces/ci/pods/runner-2jpsg" => runner(),
            "/apis/batch/v1/namespaces/ci/jobs/runner" => serde_saphyr::from_str(JOB).unwrap(),
            "/api/v1/namespaces/kube-system/configmaps/calico-config" => {
                json!({"metadata": {}, "data": {"veth_mtu": "1450"}})
            }
            "/apis" => json!({"kind": "APIGroupList", "groups": []}),
            review if review.ends_with("/selfsubjectaccessreviews") => {
                json!({"spec": {}, "status": {"allowed": true}})
            }
            _ => return Answer::Well,
        })
    })
}

/// The commands in a text: whole lines, text in backquotes, and what follows an introduction.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n# ", "").replace("\\\n", "");
    let starts = ["runner-doctor ", "kubectl ", "helm "];
    let program = Cli::command();
    let is_ours = |line: &str| {
        line.split("runner-doctor ").skip(1).any(|rest| {
            let word = rest.split([' ', '`']).next().unwrap_or_default();
            program
                .get_subcommands()
                .any(|known| known.get_name() == word)
        })
    };
    let is_one = |line: &str| {
        starts.iter().any(|start| line.starts_with(start))
            && (is_ours(line) || line.starts_with("kubectl -") || line.starts_with("kubectl patch"))
            || line.starts_with("source <(runner-doctor ")
    };
    let mut found = Vec::new();
    for line in joined.lines() {
        let line = line.trim_start_matches([' ', '#', '$', '-', '|']);
        let line = line.replace("cargo run -- ", "runner-doctor ");
        let line = ["more: ", "meaning and fix:  ", "is it present:    "]
            .iter()
            .fold(line.as_str(), |line, lead| {
                line.strip_prefix(lead).unwrap_or(line)
            });
        if is_one(line) && !line.contains("</") {
            // In help, a description follows the command, and may contain another one.
            let (command, words) = line.split_once("  ").unwrap_or((line, ""));
            found.push(command.trim().to_owned());
            found.extend(
                words
                    .find(": runner-doctor ")
                    .map(|at| words[at + 2..].to_owned()),
            );
        }
        // In a sentence, two words are only a command's name.
        let quoted = line.split('`').skip(1).step_by(2);
        let quoted = quoted.filter(|quoted| is_one(quoted) && quoted.split(' ').count() > 2);
        found.extend(quoted.map(str::to_owned));
    }
    found
}

/// Runs a text's commands in order, then those that their output prints. Returns how many there were, and
/// those that failed.
fn run_all(text: &str, server: &StandIn) -> (usize, Vec<String>) {
    let reader = Reader::new(&server.url());
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut lines = commands(text);
    for round in ["", "printed by one of these: "] {
        let mut printed = String::new();
        lines.retain(|line| seen.insert(line.clone()));
        for line in &lines {
            match reader.run(line) {
                Ok(text) => printed += &text,
                Err(text) => wrong.push(format!("{round}{text}")),
            }
        }
        lines = commands(&printed);
    }
    (seen.len(), wrong)
}

#[test]
fn documents_print_commands_that_work() {
    let server = cluster();
    let mut count = 0;
    let documents = [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "checks/README.md",
    ];
    let documents = documents.iter().map(|name| crate::root().join(name));
    for document in documents.chain(crate::files("docs", "md")) {
        let text = fs::read_to_string(&document).unwrap();
        let (run, wrong) = run_all(&text, &server);
        assert!(
            wrong.is_empty(),
            "{}: {}",
            document.display(),
            wrong.join("\n")
        );
        count += run;
    }
    assert!(count > 40, "only {count} commands were found");
}

#[test]
fn help_prints_commands_that_work() {
    let server = cluster();
    let program = Cli::command();
    for command in program.get_subcommands() {
        let mut help = Command::new(env!("CARGO_BIN_EXE_runner-doctor"));
        let help = help.args([command.get_name(), "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let examples = help
            .split_once("Examples:")
            .map_or("", |(_, examples)| examples);
        let (_, wrong) = run_all(examples, &server);
        assert!(
            wrong.is_empty(),
            "{}: {}",
            command.get_name(),
            wrong.join("\n")
        );
    }
}

#[test]
fn reports_and_fixes_print_commands_that_work() {
    let server = cluster();
    for line in [
        "check --demo --full",
        "check -n ci -o markdown",
        "check -A -l app=runner",
        "check --evidence nothing.yaml",
        "check -n elsewhere",
        "fix -n ci",
        "fix -n ci -f job.yaml -o yaml",
        "fix -n ci -o diff",
        "fix -n ci --output-file fix.yaml; cat fix.yaml",
        "lint job.yaml runner-secret.yaml",
        "lint . -o markdown",
        "explain mtu-inversion",
        "explain --log build.log",
        "manifest -n ci command.txt > runner.yaml",
        "diff job.yaml job.yaml",
    ] {
        let text = match line.contains("nothing.yaml")
            || line.contains("elsewhere")
            || line.contains("diff job")
        {
            // Expected to fail, and to print what to run.
            true => format!("runner-doctor {line} || true"),
            false => format!("runner-doctor {line}"),
        };
        let (_, wrong) = run_all(&text, &server);
        assert!(wrong.is_empty(), "{line}: {}", wrong.join("\n"));
    }
}

#[test]
fn a_secrets_command_names_its_namespace() {
    let reader = Reader::new("http://127.0.0.1:1");
    assert!(
        Path::new(reader.folder.path())
            .join("runner-secret.yaml")
            .exists()
    );
    let printed = reader
        .run("runner-doctor lint runner-secret.yaml --allow-empty")
        .unwrap();
    assert!(
        printed.contains("kubectl -n ci create secret generic runner-oauth-credentials"),
        "{printed}"
    );
}
