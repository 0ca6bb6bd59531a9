//! How a container's manifest starts dockerd, which decides where a flag for it goes.

use crate::systems::EngineKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::iter::Peekable;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Launch {
    pub by: Launcher,
    /// Whether there are more arguments than recorded.
    #[serde(default)]
    pub unlisted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Launcher {
    /// The image's entrypoint, with the manifest's arguments appended.
    Image,
    /// Arguments that begin with `dockerd` and replace the image's defaults.
    Args,
    /// A command that is dockerd.
    Command,
    /// Something else, for example a shell script: its arguments are not dockerd's.
    Script,
}

impl Launcher {
    pub fn of(command: &[&str], args: &[&str]) -> Launcher {
        // A command may end before the program: `env -u DOCKER_HOST`, and `dockerd` as its argument.
        let whole = [command, args].concat();
        match (command.first(), args.first()) {
            (Some(_), _) if runs_daemon(&whole) => Launcher::Command,
            (Some(_), _) => Launcher::Script,
            (None, Some(_)) if runs_daemon(args) => Launcher::Args,
            (None, Some(first)) if !first.starts_with('-') => Launcher::Script,
            (None, _) => Launcher::Image,
        }
    }
}

/// Whether a program's words are those of dockerd or another engine's daemon: it comes first, or right behind
/// an init program or `env`.
fn runs_daemon(words: &[&str]) -> bool {
    const INITS: [&str; 4] = ["docker-init", "tini", "dumb-init", "catatonit"];
    let program = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next() {
        match program(word).as_str() {
            "env" => skip_environment(&mut words),
            init if INITS.contains(&init) || init == "--" => {}
            _ => return EngineKind::of_daemon(word).is_some(),
        }
    }
    false
}

/// What `env` takes before the program: `-u NAME`, `-i`, `NAME=value`.
fn skip_environment<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) {
    while let Some(word) = words.next_if(|word| word.starts_with('-') || word.contains('=')) {
        if matches!(word, "-u" | "--unset") {
            words.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_not_dockerd() {
        for (command, args, by) in [
            (&[][..], &[][..], Launcher::Image),
            (&[], &["--mtu=1"], Launcher::Image),
            (&[], &["dockerd", "--mtu=1"], Launcher::Args),
            (&[], &["sh", "-c", "dockerd"], Launcher::Script),
            (&["/usr/bin/dockerd"], &["--mtu=1"], Launcher::Command),
            (&["docker-init", "--", "dockerd"], &[], Launcher::Command),
            (&["sh", "-c", "dockerd"], &[], Launcher::Script),
            (
                &["env", "-u", "DOCKER_HOST"],
                &["dockerd-entrypoint.sh"],
                Launcher::Command,
            ),
            (
                &["/usr/bin/env", "A=b", "-i", "dockerd"],
                &["--mtu=1"],
                Launcher::Command,
            ),
            (&["env", "-u", "dockerd"], &["sh"], Launcher::Script),
            (&["env"], &[], Launcher::Script),
            (&["sh", "-c", "exec dockerd --mtu=1"], &[], Launcher::Script),
        ] {
            assert_eq!(Launcher::of(command, args), by, "{command:?} {args:?}");
        }
    }
}
