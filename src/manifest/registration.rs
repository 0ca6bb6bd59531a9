//! The registration of a runner with Bitbucket: read from its command and validated, with the secret
//! kept separate.

use super::docker_run::{DockerRun, Variable};
use super::words::{Place, Trouble};

const COPY_AGAIN: &str =
    "copy the whole command again from the page of the new runner in Bitbucket";

/// The variables that are interpreted; all others are passed to the runner unchanged.
const KNOWN: [&str; 6] = [
    "ACCOUNT_UUID",
    "REPOSITORY_UUID",
    "RUNNER_UUID",
    "OAUTH_CLIENT_ID",
    "OAUTH_CLIENT_SECRET",
    "WORKING_DIRECTORY",
];

/// A runner as registered in Bitbucket. UUIDs have no braces here.
pub(crate) struct Registration {
    pub(super) account: String,
    pub(super) runner: String,
    /// Absent for a workspace runner.
    pub(super) repository: Option<String>,
    /// Absent if an existing Secret contains the credentials.
    pub(super) oauth: Option<OAuth>,
    pub(super) working_directory: String,
    pub(super) others: Vec<(String, String)>,
    pub(super) name: Option<String>,
    pub(super) image: Option<String>,
}

/// No Debug and no Display: these must only be written to a Secret.
pub(super) struct OAuth {
    pub(super) id: String,
    pub(super) secret: String,
}

impl Registration {
    /// Reports all errors in the command, not only the first.
    pub(super) fn read(run: DockerRun, with_oauth: bool) -> Result<Self, Vec<Trouble>> {
        let mut reading = Reading {
            run: &run,
            troubles: Vec::new(),
        };
        let account = reading.uuid("ACCOUNT_UUID");
        let runner = reading.uuid("RUNNER_UUID");
        let repository = run.variable("REPOSITORY_UUID").is_some();
        let repository = repository.then(|| reading.uuid("REPOSITORY_UUID"));
        let oauth = with_oauth.then(|| OAuth {
            id: reading.needed("OAUTH_CLIENT_ID"),
            secret: reading.needed("OAUTH_CLIENT_SECRET"),
        });
        let working_directory = reading.working_directory();
        let others = reading.others();
        match reading.troubles {
            troubles if troubles.is_empty() => Ok(Registration {
                account,
                runner,
                repository,
                oauth,
                working_directory,
                others,
                name: run.name.map(|(name, _)| name),
                image: run.image.map(|(image, _)| image),
            }),
            troubles => Err(troubles),
        }
    }
}

struct Reading<'a> {
    run: &'a DockerRun,
    troubles: Vec<Trouble>,
}

impl Reading<'_> {
    fn fault(&mut self, place: Option<Place>, what: String, advice: &str) {
        self.troubles.push(Trouble {
            place,
            what,
            advice: advice.to_owned(),
        });
    }

    /// A required value; if it is missing, records an error and returns an empty string.
    fn needed(&mut self, name: &str) -> String {
        let Some(variable) = self.run.variable(name) else {
            match self.run.env_file {
                Some(place) => self.fault(
                    Some(place),
                    format!("{name} is not in the command; it may be in the file of --env-file, which is not read"),
                    &format!("add -e {name}=VALUE to the command"),
                ),
                None => self.fault(None, format!("{name} is missing from the command"), COPY_AGAIN),
            }
            return String::new();
        };
        match &variable.value {
            Some(value) if value.trim().is_empty() => {
                self.fault(Some(variable.place), format!("{name} is empty"), COPY_AGAIN);
                String::new()
            }
            Some(value) => value.clone(),
            None => {
                self.no_value(variable);
                String::new()
            }
        }
    }

    fn no_value(&mut self, variable: &Variable) {
        let Variable { name, place, .. } = variable;
        self.fault(
            Some(*place),
            format!("{name} has no value, so Docker would use the one of your shell"),
            &format!("write -e {name}=VALUE"),
        );
    }

    fn uuid(&mut self, name: &str) -> String {
        let value = self.needed(name);
        let value = value.trim();
        let bare = value
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(value);
        if !value.is_empty() && !is_uuid(bare) {
            let place = self.run.variable(name).map(|variable| variable.place);
            self.fault(
                place,
                format!("{name} is not a UUID"),
                "it must look like {7deb7740-f86b-50d0-9c85-671fcb3c9038}: copy it again from Bitbucket",
            );
        }
        bare.to_ascii_lowercase()
    }

    /// Runner and engine both need the directory at the same path, so it becomes a volume.
    fn working_directory(&mut self) -> String {
        const USUAL: &str = "/tmp";
        if self.run.variable("WORKING_DIRECTORY").is_none() {
            return USUAL.to_owned();
        }
        let path = self.needed("WORKING_DIRECTORY");
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let taken = [
            "/var/run",
            "/run",
            "/var/lib/docker",
            "/proc",
            "/sys",
            "/dev",
            "/etc",
            "/bin",
            "/usr",
            "/lib",
            "/opt",
            "/certs",
        ];
        let inside = |taken: &str| {
            path.strip_prefix(taken)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let good = path.starts_with('/')
            && path.len() > 1
            && path.chars().all(plain)
            && !path.split('/').any(|part| part == "..")
            && !taken.into_iter().any(inside)
            && !["/var", "/var/lib"].contains(&path.trim_end_matches('/'));
        if !good && !path.is_empty() {
            let place = self.run.variable("WORKING_DIRECTORY").map(|v| v.place);
            self.fault(
                place,
                "WORKING_DIRECTORY is not a directory that a volume can be mounted on".to_owned(),
                "use a separate directory such as /tmp or /runner",
            );
        }
        path.trim_end_matches('/').to_owned()
    }

    fn others(&mut self) -> Vec<(String, String)> {
        let mut others: Vec<(String, String)> = Vec::new();
        for variable in &self.run.variables {
            let name = variable.name.as_str();
            if KNOWN.contains(&name) {
                continue;
            }
            let Some(value) = &variable.value else {
                self.no_value(variable);
                continue;
            };
            if value.contains('\0') {
                self.fault(
                    Some(variable.place),
                    format!("{name} contains a NUL byte"),
                    COPY_AGAIN,
                );
            }
            others.retain(|(known, _)| known != name);
            others.push((name.to_owned(), value.clone()));
        }
        others
    }
}

fn is_uuid(text: &str) -> bool {
    let mut parts = text.split('-');
    let lengths = [8, 4, 4, 4, 12];
    let fits = |length: usize| {
        let part = parts.next();
        part.is_some_and(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    lengths.into_iter().all(fits) && parts.next().is_none()
}
