//! `schema`: the JSON Schemas of the formats that runner-doctor reads and writes.

use super::{Exit, write_out};
use crate::cli::{Document, Schema};
use crate::schema;
use anyhow::{Context, Result};

pub fn run(options: &Schema) -> Result<Exit> {
    let schema = match options.of {
        Document::Report => schema::report(),
        Document::Evidence => schema::evidence(),
        Document::Check => schema::check(),
        Document::Facts => schema::facts(),
    };
    let mut text =
        serde_json::to_string_pretty(&schema).context("cannot write the schema as JSON")?;
    text.push('\n');
    write_out(&text, None)?;
    Ok(Exit::Fine)
}
