//! Why a program cannot make a change in a document.

use crate::yaml::Step;
use std::fmt::{self, Display, Formatter};

/// Why a program cannot make a change in a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// It has no such container or service.
    NotThere(String),
    /// A script or another program starts dockerd, with these flags to add.
    Script(Vec<String>),
    /// A command line is quoted in a way that only a shell takes apart.
    Quoted(Vec<Step>),
    /// An object of this kind has no field for it.
    NoField(String),
    /// Its image is made of variables, which others may use.
    Variables(String),
    /// The executor of GitLab Runner has the setting, in config.toml.
    Executor,
    /// The chart makes the engine's container, and takes no settings for it.
    ContainerMode,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotThere(name) => write!(f, "it has no {name}"),
            Refusal::Script(flags) => write!(
                f,
                "a script starts dockerd there: add {} to its dockerd command",
                flags.join(" ")
            ),
            Refusal::Quoted(path) => {
                let last = path.last();
                let key = last.map(|step| match step {
                    Step::Key(key) => key.clone(),
                    Step::Item(index) => index.to_string(),
                });
                let key = key.unwrap_or_default();
                write!(f, "its {key} has quotes: change it by hand")
            }
            Refusal::NoField(kind) => write!(f, "{kind} has no field for it"),
            Refusal::Variables(image) => {
                write!(f, "its image {image} contains variables: change those")
            }
            Refusal::Executor => {
                f.write_str("GitLab Runner's config.toml sets it, not .gitlab-ci.yml")
            }
            Refusal::ContainerMode => f.write_str(
                "containerMode dind has no settings: replace it with its template first",
            ),
        }
    }
}
