//! Converts the command that Bitbucket prints for a new runner into the Secret, the Job and the
//! pipeline section to run it on Kubernetes.

mod docker_run;
mod document;
mod pipelines;
mod plan;
mod registration;
mod words;

pub use plan::Memory;

use crate::collect::surroundings::Surroundings;
use crate::facts::versions::ImageRef;
use anyhow::{Result, anyhow};
use plan::{Engine, Mtu};
use registration::Registration;
use words::{Place, Word};

/// The default image of the runner, if the command has none.
const RUNNER_IMAGE: &str =
    "docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Job,
    Deployment,
}

/// The user's options beyond the command.
pub(crate) struct Wishes<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    /// An existing Secret.
    pub(crate) secret_from: Option<&'a str>,
    pub(crate) engine_image: Option<&'a str>,
    pub(crate) runner_image: Option<&'a str>,
    pub(crate) pod_mtu: Option<i64>,
    pub(crate) memory: Memory,
    pub(crate) labels: &'a [String],
}

/// All decisions, ready to be written.
pub(crate) struct Plan<'a> {
    pub(crate) name: String,
    pub(crate) mtu: Mtu,
    wishes: Wishes<'a>,
    registration: Registration,
    runner_image: String,
    engine: Engine,
}

/// A command as text, or as arguments split by a shell.
pub(crate) enum Command {
    Text(String),
    Arguments(Vec<String>),
}

impl<'a> Plan<'a> {
    pub(crate) fn make(
        command: Command,
        wishes: Wishes<'a>,
        around: &Surroundings,
    ) -> Result<Self> {
        let registration = read(command, wishes.secret_from.is_none())?;
        let name = match (wishes.name, &registration.name) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) if is_label(name) => name.clone(),
            _ => format!("runner-{}", registration.runner),
        };
        let runner_image = match (wishes.runner_image, &registration.image) {
            (Some(image), _) => image.to_owned(),
            (None, Some(image)) if is_image(image) => pinned(image),
            _ => RUNNER_IMAGE.to_owned(),
        };
        Ok(Plan {
            name,
            mtu: Mtu::choose(wishes.pod_mtu, around),
            engine: Engine::choose(wishes.engine_image, around),
            wishes,
            registration,
            runner_image,
        })
    }

    /// The Secret and the Job in one YAML stream.
    pub(crate) fn manifest(&self) -> String {
        document::write(self)
    }

    /// The section of bitbucket-pipelines.yml to use this runner.
    pub(crate) fn pipelines(&self) -> String {
        pipelines::write(self)
    }

    pub(crate) fn secret_name(&self) -> String {
        match self.wishes.secret_from {
            Some(name) => name.to_owned(),
            None => format!("{}-oauth-credentials", self.name),
        }
    }
}

/// Adds the tag of Bitbucket's own manifests if the image has none.
fn pinned(image: &str) -> String {
    let parsed = ImageRef::parse(image);
    let tagged = parsed.tag.is_some() || parsed.digest.is_some();
    match RUNNER_IMAGE.rsplit_once(':') {
        Some((runner, tag)) if !tagged && parsed.repository == runner => format!("{image}:{tag}"),
        _ => image.to_owned(),
    }
}

fn read(command: Command, with_oauth: bool) -> Result<Registration> {
    let words = match command {
        Command::Text(text) => words::split(&text),
        Command::Arguments(arguments) => match <[String; 1]>::try_from(arguments) {
            // The whole command was quoted.
            Ok([text]) => words::split(&text),
            Err(arguments) => Ok(numbered(arguments)),
        },
    };
    let run = words
        .and_then(docker_run::parse)
        .map_err(|trouble| anyhow!(trouble))?;
    Registration::read(run, with_oauth).map_err(|troubles| {
        let lines: Vec<String> = troubles.iter().map(ToString::to_string).collect();
        anyhow!(lines.join("\n"))
    })
}

fn numbered(arguments: Vec<String>) -> Vec<Word> {
    let arguments = arguments.into_iter().enumerate();
    let word = |(at, text)| Word {
        text,
        place: Place::Argument(at + 1),
    };
    arguments.map(word).collect()
}

/// A valid Kubernetes name that is also a valid label value.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A rough check that it is an image name.
pub(crate) fn is_image(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(known)
}
