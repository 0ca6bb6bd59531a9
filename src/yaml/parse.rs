//! Parses documents written by runner-doctor: recordings and reports, YAML or JSON, of any size.

use crate::text::secret;
use anyhow::{Result, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// JSON is valid YAML, but a JSON parser is many times as fast.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    let json = text.trim_start().starts_with('{');
    match json.then(|| serde_json::from_str(text)) {
        Some(Ok(read)) => Ok(read),
        _ => serde_saphyr::from_str_with_options(text, bounds(text)).map_err(|error| plain(&error)),
    }
}

/// The same document with secrets redacted: it may predate the current rules, or have been edited.
pub(crate) fn without_secrets<T: Serialize + DeserializeOwned>(
    document: T,
) -> serde_json::Result<T> {
    let mut value = serde_json::to_value(&document)?;
    match secret::hide_in(&mut value) {
        true => serde_json::from_value(value),
        false => Ok(document),
    }
}

/// The first line of the parser's error: the rest is the offending text and parser internals.
fn plain(error: &serde_saphyr::Error) -> anyhow::Error {
    let said = error.without_snippet().to_string();
    let said = said.lines().next().unwrap_or_default();
    match said.starts_with("budget breached") {
        true => anyhow!("its aliases expand to too many values"),
        false => anyhow!("{}", said.to_owned()),
    }
}

/// The parser's own limits suit a configuration file; recordings and reports of a fleet are larger.
/// Scales the limits with the text, but keeps those on alias expansion.
fn bounds(text: &str) -> serde_saphyr::Options {
    let usual = serde_saphyr::Budget::default();
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: usual.max_nodes.max(text.len()),
            max_events: usual.max_events.max(text.len() * 2),
            max_total_scalar_bytes: usual.max_total_scalar_bytes.max(text.len()),
        },
    }
}
