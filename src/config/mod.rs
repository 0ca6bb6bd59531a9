//! `.runner-doctor.yaml`: default flags, severities and suppressions.

mod defaults;
mod pattern;
mod suppression;

pub use defaults::command_line;
pub(crate) use suppression::today;

use crate::checks::Library;
use crate::checks::fault::{Fault, Source};
use crate::checks::suggestion::advise;
use crate::diagnosis::{AppliedSettings, Severity};
use crate::files;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::path::Path;
use suppression::{Rule, WrittenRule};

/// Read from the working directory only, not its parents, so that it is obvious which settings apply.
pub const NAME: &str = ".runner-doctor.yaml";
const NAMES: [&str; 2] = [NAME, ".runner-doctor.yml"];

#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Severities by check.
    severities: BTreeMap<String, Severity>,
    rules: Vec<Rule>,
    /// What the file changes in this run.
    applied: Option<AppliedSettings>,
    /// Where the file names each check.
    names: Vec<(String, crate::checks::fault::Place)>,
}

/// The file's format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Default flags by command.
    #[serde(default)]
    defaults: BTreeMap<String, Spanned<BTreeMap<String, Spanned<serde_json::Value>>>>,
    #[serde(default)]
    severity: BTreeMap<String, Spanned<Severity>>,
    #[serde(default)]
    suppress: Vec<WrittenRule>,
}

impl Config {
    /// Reads the given file, else the one in the working directory if there is one.
    fn read(named: Option<&Path>) -> Result<Option<(String, String)>> {
        // A dangling symlink is an error, not a missing file.
        let is_here = |name: &&str| Path::new(name).symlink_metadata().is_ok();
        let here: Vec<&str> = NAMES.into_iter().filter(is_here).collect();
        let path = match (named, here.as_slice()) {
            (Some(path), _) => path,
            (None, []) => return Ok(None),
            (None, [name]) => Path::new(name),
            (None, _) => bail!("{} both exist: remove one of them", here.join(" and ")),
        };
        let name = path.display().to_string();
        let text = files::read(path, files::SETTINGS).with_context(|| {
            format!("cannot read the settings in {name}: name another file with --config")
        })?;
        Ok(Some((name, text)))
    }

    fn parse(source: Source) -> Result<(Config, Written), Fault> {
        // A file without content counts as an empty mapping.
        let empty = source.text.lines().all(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line == "---"
        });
        let written: Written = match serde_saphyr::from_str(if empty { "{}" } else { source.text })
        {
            Ok(written) => written,
            Err(error) => {
                let advice =
                    "allowed keys are `defaults`, `severity` and `suppress`: see docs/settings.md";
                return Err(source.unreadable(&error, "invalid settings", advice));
            }
        };
        let mut config = Config::default();
        for (check, severity) in &written.severity {
            config.severities.insert(check.clone(), severity.value);
            let line = severity.referenced.line();
            config
                .names
                .push((check.clone(), source.find(line, 1, check)));
        }
        for rule in &written.suppress {
            let rule = Rule::read(rule, source)?;
            config.names.push((rule.check.clone(), rule.place.clone()));
            config.rules.push(rule);
        }
        Ok((config, written))
    }

    /// What the file changes in this run, for users who did not write it.
    pub(crate) fn applied(&self) -> Option<&AppliedSettings> {
        self.applied.as_ref()
    }

    /// The library with the file's severities; every check that the file names must exist.
    pub(crate) fn apply(&self, library: Library) -> Result<Library> {
        for (check, place) in &self.names {
            if library.get(check).is_none() {
                let ids: Vec<&str> = library.checks().map(|check| check.id.as_str()).collect();
                return Err(Fault {
                    what: format!("unknown check `{check}`"),
                    place: place.clone(),
                    advice: advise(check, "", &ids),
                }
                .into());
            }
        }
        Ok(library.with_severity(&self.severities))
    }
}

#[cfg(test)]
mod tests;
