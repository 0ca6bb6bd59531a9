//! Reads the command line, and adds the flags that only the settings contain.

use super::{Config, Written};
use crate::checks::fault::{Fault, Place, Source};
use crate::checks::suggestion::advise;
use crate::cli::Cli;
use crate::diagnosis::AppliedSettings;
use anyhow::Result;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use serde_json::Value;
use std::ffi::OsString;

/// The commands that read settings, because they judge.
const COMMANDS: [&str; 7] = ["check", "collect", "explain", "fix", "lint", "list", "run"];

/// Those of them that apply suppressions.
const SUPPRESSING: [&str; 4] = ["check", "fix", "lint", "run"];

/// The flags that settings may set. Flags that run commands or open connections (--allow-probes,
/// --confirm, --kubeconfig) are reserved for the command line: the settings file of the current
/// directory must not set them.
const FLAGS: [&str; 19] = [
    "allow-empty",
    "allow-unknown",
    "check",
    "checks-dir",
    "concurrency",
    "deadline",
    "fail-on",
    "for",
    "max-depth",
    "namespace",
    "no-node-exec",
    "output",
    "override",
    "pod-mtu",
    "prefer",
    "selector",
    "skip",
    "strict",
    "timeout",
];

/// Flags that select a target: if the command line has one, settings add no other.
const TARGETS: [&str; 7] = [
    "pods",
    "namespace",
    "all_namespaces",
    "labels",
    "evidence",
    "demo",
    "docker",
];

/// A flag set by the settings.
struct Default {
    words: Vec<String>,
    place: Place,
}

/// The parsed command line and the settings. A usage error exits the process, as clap does.
pub fn command_line(arguments: Vec<OsString>) -> Result<(Cli, Config)> {
    let said = Cli::as_called(&arguments)
        .try_get_matches_from(&arguments)
        .unwrap_or_else(|error| with_likeliest(error).exit());
    let mut cli = Cli::from_arg_matches(&said).unwrap_or_else(|error| error.exit());
    let Some((command, given)) = said.subcommand() else {
        return Ok((cli, Config::default()));
    };
    if !COMMANDS.contains(&command) || cli.no_config {
        return Ok((cli, Config::default()));
    }
    let Some((file, text)) = Config::read(cli.config.as_deref())? else {
        return Ok((cli, Config::default()));
    };
    let source = Source {
        file: &file,
        text: &text,
        built_in: false,
    };
    let (mut config, written) = Config::parse(source)?;
    let defaults = defaults(&written, source, command, given)?;
    let with = |defaults: &[Default]| {
        let end = arguments.iter().position(|word| word == "--");
        let mut all = arguments.clone();
        let at = end.unwrap_or(all.len());
        let words = defaults.iter().flat_map(|default| &default.words);
        all.splice(at..at, words.map(OsString::from));
        Cli::as_called(&arguments).try_get_matches_from(all)
    };
    if !defaults.is_empty() {
        match with(&defaults) {
            Ok(matches) => cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit()),
            Err(error) => {
                let mut each = defaults.chunks(1);
                let wrong = each.find_map(|one| Some((one.first()?, with(one).err()?)));
                let (default, error) = match &wrong {
                    Some((default, error)) => (*default, error),
                    // Each is valid alone, but not in combination.
                    None => (&defaults[0], &error),
                };
                return Err(refused(default, error).into());
            }
        }
    }
    let flags = defaults.into_iter().flat_map(|default| default.words);
    let changes: Vec<String> = flags.chain(config.changes(command)).collect();
    if !changes.is_empty() {
        config.applied = Some(AppliedSettings {
            file: file.clone(),
            changes,
        });
    }
    Ok((cli, config))
}

/// Suggests only the nearest match for a mistyped command.
fn with_likeliest(mut error: clap::Error) -> clap::Error {
    let (Some(ContextValue::String(typed)), Some(ContextValue::Strings(names))) = (
        error.get(ContextKind::InvalidSubcommand),
        error.get(ContextKind::SuggestedSubcommand),
    ) else {
        return error;
    };
    let distance = |name: &String| strsim::damerau_levenshtein(typed, name);
    let nearest = names.iter().map(distance).min();
    let names = names.iter().filter(|name| Some(distance(name)) == nearest);
    let names = ContextValue::Strings(names.cloned().collect());
    error.insert(ContextKind::SuggestedSubcommand, names);
    error
}

impl Config {
    /// Changes other than flags.
    fn changes(&self, command: &str) -> Vec<String> {
        let severities = self.severities.iter().filter(|_| command != "collect");
        let severities =
            severities.map(|(id, severity)| format!("severity {id}={}", severity.word()));
        let rules = self.rules.iter().filter(|_| SUPPRESSING.contains(&command));
        let rules = rules.map(|rule| format!("suppress {}", rule.check));
        severities.chain(rules).collect()
    }
}

/// Built from clap's message: the error is in the first line, the valid values are below.
fn refused(default: &Default, error: &clap::Error) -> Fault {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let what = lines.next().unwrap_or_default();
    let known = lines.find(|line| line.starts_with('[') || line.starts_with("tip:"));
    Fault {
        what: what.trim_start_matches("error: ").to_owned(),
        place: default.place.clone(),
        advice: known
            .unwrap_or("see `runner-doctor COMMAND --help`")
            .to_owned(),
    }
}

/// Validates the flags of every command, and returns those of `command` that were not given.
fn defaults(
    written: &Written,
    source: Source,
    command: &str,
    given: &ArgMatches,
) -> Result<Vec<Default>, Fault> {
    let cli = Cli::command();
    let mut defaults = Vec::new();
    for (name, flags) in &written.defaults {
        let (line, column) = (flags.referenced.line(), flags.referenced.column());
        let of = cli
            .find_subcommand(name)
            .filter(|_| COMMANDS.contains(&name.as_str()));
        let Some(of) = of else {
            return Err(Fault {
                what: format!("`{name}` has no defaults"),
                place: source.place(line, column),
                advice: advise(name, "", &COMMANDS),
            });
        };
        for (flag, value) in &flags.value {
            let at = &value.referenced;
            let place = source.place(at.line(), at.column());
            let words = words(of, flag, &value.value, &place)?;
            let said = |id: &str| {
                let known = given.try_contains_id(id).is_ok();
                known && given.value_source(id) == Some(ValueSource::CommandLine)
            };
            let id = id(of, flag).unwrap_or_default();
            let elsewhere = TARGETS.contains(&id.as_str()) && TARGETS.iter().any(|t| said(t));
            if name == command && !said(&id) && !elsewhere {
                defaults.push(Default { words, place });
            }
        }
    }
    Ok(defaults)
}

fn id(command: &Command, flag: &str) -> Option<String> {
    let mut all = command.get_arguments();
    let found = all.find(|argument| argument.get_long() == Some(flag))?;
    Some(found.get_id().as_str().to_owned())
}

/// A flag in command-line form.
fn words(
    command: &Command,
    flag: &str,
    value: &Value,
    place: &Place,
) -> Result<Vec<String>, Fault> {
    let fault = |what: String, advice: String| Fault {
        what,
        place: place.clone(),
        advice,
    };
    let name = command.get_name();
    let mut all = command.get_arguments();
    let known = all.find(|argument| argument.get_long() == Some(flag));
    let argument = known.filter(|_| FLAGS.contains(&flag)).ok_or_else(|| {
        let longs = command
            .get_arguments()
            .filter_map(|argument| argument.get_long());
        let may: Vec<&str> = longs.filter(|long| FLAGS.contains(long)).collect();
        match known {
            Some(_) => fault(
                format!("--{flag} cannot have a default"),
                "set it on the command line".to_owned(),
            ),
            None => fault(format!("`{name}` has no --{flag}"), advise(flag, "", &may)),
        }
    })?;
    let switch = matches!(argument.get_action(), ArgAction::SetTrue);
    let one = |value: &Value| match value {
        Value::String(text) => Some(format!("--{flag}={text}")),
        Value::Number(number) => Some(format!("--{flag}={number}")),
        _ => None,
    };
    let words = match (value, switch) {
        (Value::Bool(true), true) => Some(vec![format!("--{flag}")]),
        (Value::Bool(false), true) => Some(Vec::new()),
        (Value::Array(values), false) => values.iter().map(one).collect(),
        (value, false) => one(value).map(|word| vec![word]),
        _ => None,
    };
    // Output files may be set only on the command line.
    let names_file = |word: &String| {
        let value = word.strip_prefix("--output=");
        value.is_some_and(|value| value.contains('='))
    };
    if words.iter().flatten().any(names_file) {
        return Err(fault(
            "the default of --output cannot name a file".to_owned(),
            "name only the format; set the file on the command line".to_owned(),
        ));
    }
    words.ok_or_else(|| {
        let advice = match switch {
            true => "write true or false",
            false => "write a string, a number, or a list of them",
        };
        fault(format!("invalid value for --{flag}"), advice.to_owned())
    })
}
