//! How a container in a file starts dockerd: whether it does, and settings of its script that are not
//! flags.

use crate::collect::walk::options;
use crate::evidence::{DaemonConfig, Launcher, Observation, Observed, Reason};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The command line of a container in a file.
pub(super) struct Start<'a> {
    pub(super) command: Vec<&'a str>,
    pub(super) args: Vec<&'a str>,
}

const DOCKERD: [&str; 3] = ["dockerd", "dockerd-entrypoint.sh", "dockerd-rootless.sh"];
const SHELLS: [&str; 5] = ["sh", "bash", "ash", "dash", "zsh"];
/// Programs that neither are nor start dockerd.
const IDLE: [&str; 9] = [
    "cat", "sleep", "tail", "true", "docker", "echo", "exit", "while", "trap",
];

impl Start<'_> {
    fn is_script(&self) -> bool {
        Launcher::of(&self.command, &self.args) == Launcher::Script
    }

    /// Its words, split as by a shell.
    fn words(&self) -> impl Iterator<Item = &str> {
        let all = self.command.iter().chain(&self.args);
        all.flat_map(|word| word.split([' ', '\t', '\n', ';', '&', '|', '(', ')']))
            .map(|word| word.trim_matches(['"', '\'']))
            .filter(|word| !word.is_empty())
    }

    fn names_dockerd(&self) -> bool {
        self.words()
            .any(|word| DOCKERD.contains(&word.rsplit('/').next().unwrap_or(word)))
    }

    /// Whether the image's own dockerd is replaced by a program that does not start one.
    pub(super) fn idles(&self) -> bool {
        if !self.is_script() || self.names_dockerd() {
            return false;
        }
        let program = |word: &&str| word.rsplit('/').next().unwrap_or(word).to_owned();
        let mut words = self.words().filter(|word| !word.starts_with('-'));
        let mut first = words.next().map(|word| program(&word)).unwrap_or_default();
        if SHELLS.contains(&first.as_str()) {
            match words.next() {
                // A shell that waits for commands.
                None => return true,
                Some(next) => first = program(&next),
            }
        }
        IDLE.contains(&first.as_str())
    }

    /// What is known of its settings other than flags.
    pub(super) fn config(&self) -> Observation<Option<DaemonConfig>> {
        if !self.is_script() {
            return Observed(None);
        }
        let text = self.words().collect::<Vec<_>>().join(" ");
        if text.contains("daemon.json") || text.contains("/etc/docker") {
            return match written_mtu(&self.command, &self.args) {
                Some(config) => Observed(Some(config)),
                None => Observation::Unobserved(Reason::ScriptMaySetMtu),
            };
        }
        let dockerd = self.words().skip_while(|word| !word.contains("dockerd"));
        let known = self.names_dockerd()
            && !dockerd.into_iter().any(|word| word.starts_with('$'))
            && !text.to_ascii_lowercase().contains("mtu");
        match known {
            true => Observed(None),
            false => Observation::Unobserved(Reason::ScriptMaySetMtu),
        }
    }
}

/// The daemon.json that a script writes, if it sets a single MTU.
fn written_mtu(command: &[&str], args: &[&str]) -> Option<DaemonConfig> {
    static MTU: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"\\?"mtu\\?"\s*:\s*([0-9]{3,5})\b"#).ok());
    let text = command.iter().chain(args).copied().collect::<Vec<_>>();
    let text = text.join(" ");
    let mut found = MTU.as_ref()?.captures_iter(&text);
    let mtu = found.next()?.get(1)?.as_str();
    if found.next().is_some() {
        return None;
    }
    options::daemon_json(format!("{{\"mtu\": {mtu}}}").as_bytes())
}

/// Flags as passed to dockerd: variables from the file are substituted, shell quotes are removed. The
/// second value is an MTU that only a running container can resolve.
pub(super) fn resolve(
    flags: Vec<String>,
    variables: &BTreeMap<String, String>,
) -> (Vec<String>, Option<String>) {
    const MTU: &str = "--mtu=";
    let mut unresolved = None;
    let mut kept = Vec::new();
    for flag in flags {
        let Some(value) = flag.strip_prefix(MTU) else {
            kept.push(flag);
            continue;
        };
        let value = value.trim_end_matches([';', '&', '|', ')']);
        let value = value.trim_matches(['"', '\'']);
        let name = value
            .trim_start_matches('$')
            .trim_matches(['{', '}', '(', ')']);
        let known = variables.get(name).filter(|_| value.starts_with('$'));
        let value = known.map_or(value, |known| known.trim());
        match value.parse::<i64>() {
            Ok(mtu) => kept.push(format!("{MTU}{mtu}")),
            Err(_) => unresolved = Some(value.to_owned()),
        }
    }
    (kept, unresolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start<'a>(command: &[&'a str]) -> Start<'a> {
        Start {
            command: command.to_vec(),
            args: Vec::new(),
        }
    }

    #[test]
    fn who_waits_is_no_dockerd() {
        for idle in [
            &["cat"][..],
            &["/bin/sleep", "infinity"],
            &["sh"],
            &["/bin/sh", "-c", "docker version && sleep 99d"],
            &["sh", "-c", "while true; do sleep 30; done"],
            &["tail", "-f", "/dev/null"],
        ] {
            assert!(start(idle).idles(), "{idle:?}");
        }
        for other in [
            &[][..],
            &["dockerd"],
            &["sh", "-c", "sleep 5; dockerd-entrypoint.sh dockerd"],
            &["/scripts/start.sh"],
            &["--mtu=1400"],
        ] {
            assert!(!start(other).idles(), "{other:?}");
        }
    }

    #[test]
    fn a_script_that_may_set_more_is_not_guessed_at() {
        let none = |words: &[&str]| start(words).config() == Observed(None);
        assert!(none(&["dockerd", "--host=unix:///x"]));
        assert!(none(&[
            "sh",
            "-c",
            "mkdir -p /x && exec dockerd --host=unix:///x"
        ]));
        for unknown in [
            &["/start.sh"][..],
            &["sh", "-c", "dockerd $OPTIONS"],
            &["sh", "-c", "dockerd --mtu=$(cat /sys/class/net/eth0/mtu)"],
            &["sh", "-c", "cp /x /etc/docker/daemon.json; dockerd"],
        ] {
            let config = start(unknown).config();
            let reason = Reason::ScriptMaySetMtu;
            assert_eq!(config, Observation::Unobserved(reason), "{unknown:?}");
        }
        let echo = "echo '{\"mtu\": 1400}' > /etc/docker/daemon.json && dockerd";
        let config = start(&["sh", "-c", echo]).config();
        assert_eq!(
            config.observed().cloned().flatten().unwrap().mtu,
            Some(1400)
        );
    }

    #[test]
    fn variables_that_the_file_gives_are_put_in() {
        let variables = BTreeMap::from([("MTU".to_owned(), "1400".to_owned())]);
        for (value, flag, left) in [
            ("1450", Some("--mtu=1450"), None),
            ("\"1450\";", Some("--mtu=1450"), None),
            ("$(MTU)", Some("--mtu=1400"), None),
            ("${MTU}", Some("--mtu=1400"), None),
            ("$OTHER", None, Some("$OTHER")),
            ("$(cat", None, Some("$(cat")),
            ("MTU", None, Some("MTU")),
        ] {
            let (flags, unresolved) = resolve(vec![format!("--mtu={value}")], &variables);
            assert_eq!(flags.first().map(String::as_str), flag, "{value}");
            assert_eq!(unresolved.as_deref(), left, "{value}");
        }
    }
}
