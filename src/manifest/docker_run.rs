//! Parses `docker run` as Bitbucket prints it: variables, name and image.

use super::words::{Place, Trouble, Word};

/// The parts of a command that matter here. It may hold a secret, so it has no Debug.
pub(super) struct DockerRun {
    /// In the order of the command; of duplicates the last counts, as in Docker.
    pub(super) variables: Vec<Variable>,
    pub(super) name: Option<(String, Place)>,
    pub(super) image: Option<(String, Place)>,
    /// Variables in an env file, which is not available here.
    pub(super) env_file: Option<Place>,
}

pub(super) struct Variable {
    pub(super) name: String,
    /// None if Docker would take it from the shell's environment.
    pub(super) value: Option<String>,
    pub(super) place: Place,
}

impl DockerRun {
    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables
            .iter()
            .rev()
            .find(|variable| variable.name == name)
    }
}

/// Flags of `docker run` without a value; all others take one.
const SWITCHES: [&str; 14] = [
    "detach",
    "disable-content-trust",
    "help",
    "init",
    "interactive",
    "no-healthcheck",
    "oom-kill-disable",
    "privileged",
    "publish-all",
    "quiet",
    "read-only",
    "rm",
    "sig-proxy",
    "tty",
];
const SHORT_SWITCHES: &str = "ditPq";
const SHORT_WITH_VALUE: &str = "acehlmpuvw";

pub(super) fn parse(words: Vec<Word>) -> Result<DockerRun, Trouble> {
    let mut words = words.into_iter();
    skip_to_run(&mut words)?;
    let mut run = DockerRun {
        variables: Vec::new(),
        name: None,
        image: None,
        env_file: None,
    };
    while let Some(word) = words.next() {
        let Some(flag) = word.text.strip_prefix('-') else {
            // Words after the image are for the container.
            run.image = Some((word.text, word.place));
            break;
        };
        match flag.strip_prefix('-') {
            Some("") => {}
            Some(long) => run.long(long, word.place, &mut words)?,
            None => run.short(flag, word.place, &mut words)?,
        }
    }
    Ok(run)
}

/// Skips `$ sudo docker container run` or whichever part of it is present.
fn skip_to_run(words: &mut impl Iterator<Item = Word>) -> Result<(), Trouble> {
    let mut before = String::new();
    let mut docker = false;
    for word in words {
        let program = word.text.rsplit(['/', '\\']).next().unwrap_or_default();
        match word.text.as_str() {
            "run" if docker || before == "container" => return Ok(()),
            "container" if docker => docker = false,
            _ => docker = matches!(program, "docker" | "docker.exe" | "podman" | "nerdctl"),
        }
        before = word.text;
    }
    Err(Trouble {
        place: None,
        what: "the command contains no `docker run`".to_owned(),
        advice: "paste the whole command that Bitbucket prints when a runner is added, from `docker container run` on".to_owned(),
    })
}

impl DockerRun {
    fn long(
        &mut self,
        flag: &str,
        place: Place,
        words: &mut impl Iterator<Item = Word>,
    ) -> Result<(), Trouble> {
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        if SWITCHES.contains(&name) {
            return Ok(());
        }
        let (value, place) = match value {
            Some(value) => (value, place),
            None => value_of(&format!("--{}", plain(name)), place, words)?,
        };
        match name {
            "env" => self.add(&value, place)?,
            "env-file" => self.env_file = Some(place),
            "name" => self.name = Some((value, place)),
            _ => {}
        }
        Ok(())
    }

    /// `-it`, `-e K=V`, `-eK=V`, `-ite K=V`, `-e=K=V`.
    fn short(
        &mut self,
        flags: &str,
        place: Place,
        words: &mut impl Iterator<Item = Word>,
    ) -> Result<(), Trouble> {
        for (at, flag) in flags.char_indices() {
            if SHORT_SWITCHES.contains(flag) {
                continue;
            }
            if !SHORT_WITH_VALUE.contains(flag) {
                return Err(Trouble {
                    place: Some(place),
                    what: "this is not a flag of `docker run`".to_owned(),
                    advice: "paste the command as Bitbucket prints it".to_owned(),
                });
            }
            let rest = &flags[at + flag.len_utf8()..];
            let (value, place) = match rest.strip_prefix('=').unwrap_or(rest) {
                "" => value_of(&format!("-{flag}"), place, words)?,
                value => (value.to_owned(), place),
            };
            if flag == 'e' {
                self.add(&value, place)?;
            }
            return Ok(());
        }
        Ok(())
    }

    fn add(&mut self, text: &str, place: Place) -> Result<(), Trouble> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Trouble {
                place: Some(place),
                what: "the value of -e is not NAME=VALUE".to_owned(),
                advice: "paste the command as Bitbucket prints it, with its quotes".to_owned(),
            });
        }
        self.variables.push(Variable {
            name: name.to_owned(),
            value,
            place,
        });
        Ok(())
    }
}

fn value_of(
    flag: &str,
    place: Place,
    words: &mut impl Iterator<Item = Word>,
) -> Result<(String, Place), Trouble> {
    let word = words.next().ok_or_else(|| Trouble {
        place: Some(place),
        what: format!("the flag {flag} has no value"),
        advice: "paste the whole command, to its last line".to_owned(),
    })?;
    Ok((word.text, word.place))
}

/// A flag's name if it is safe to print: an unknown flag may be a misplaced secret.
fn plain(name: &str) -> &str {
    let known = [
        "env", "env-file", "name", "volume", "network", "memory", "restart",
    ];
    known
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or("…")
}

#[cfg(test)]
mod tests {
    use super::super::words::split;
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> DockerRun {
        split(text)
            .and_then(parse)
            .map_err(|trouble| trouble.to_string())
            .unwrap()
    }

    fn value(run: &DockerRun, name: &str) -> Option<String> {
        run.variable(name)?.value.clone()
    }

    #[test]
    fn every_way_to_give_a_variable_is_read() {
        for flag in [
            "-e A=b=c",
            "--env A=b=c",
            "--env=A=b=c",
            "-eA=b=c",
            "-ite A=b=c",
            "-e=A=b=c",
            "-e 'A=b=c'",
            "--env \"A=b=c\"",
        ] {
            let run = read(&format!(
                "$ sudo /usr/bin/docker container run -it -v /tmp:/tmp --rm {flag} -d --name=r image:1 sh -e B=c"
            ));
            assert_eq!(value(&run, "A").as_deref(), Some("b=c"), "{flag}");
            assert!(run.variable("B").is_none(), "{flag}");
            assert_eq!(run.name.map(|name| name.0).as_deref(), Some("r"), "{flag}");
            assert_eq!(
                run.image.map(|image| image.0).as_deref(),
                Some("image:1"),
                "{flag}"
            );
        }
    }

    #[test]
    fn the_last_of_two_counts_and_one_without_a_value_has_none() {
        let run = read("docker run -e A=1 -e A=2 -e B image");
        assert_eq!(value(&run, "A").as_deref(), Some("2"));
        assert!(
            run.variable("B")
                .is_some_and(|variable| variable.value.is_none())
        );
    }

    #[test]
    fn what_is_not_understood_is_told_and_never_repeated() {
        let said = |text: &str| split(text).and_then(parse).err().unwrap().to_string();
        for text in [
            "docker run -e hush-hush=x",
            "docker run -zhush-hush",
            "docker run --hush-hush",
            "docker run -e",
            "hush-hush",
            "docker pull hush-hush",
        ] {
            let said = said(text);
            assert!(!said.contains("hush"), "{said}");
            assert!(said.contains("paste"), "{said}");
        }
        assert!(said("docker run \\\n -e").contains("-e has no value (line 2, column 2"));
    }

    proptest! {
        #[test]
        fn no_command_panics(text in "(docker )?(container )?run( (-{0,3}[a-zé=]{0,6}|-e A=b|'|\"|\\\\))*") {
            let _ = split(&text).and_then(parse);
        }
    }
}
