//! Which reports to write, and where each goes.

use crate::report::Format;
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, Error, ValueEnum};
use std::ffi::OsStr;
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
pub struct Outputs {
    /// The report format; with =FILE, write it to a file. Can be repeated for several reports
    #[arg(
        short = 'o',
        long = "output",
        default_value = "table",
        value_name = "FORMAT[=FILE]",
        value_parser = OutputParser
    )]
    pub outputs: Vec<Output>,
    /// Write the report without =FILE to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// In the table, also show why, alternative fixes, and all unknown results
    #[arg(long)]
    pub full: bool,
}

/// `json`, or `json=report.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub format: Format,
    pub file: Option<PathBuf>,
}

/// Knows the formats by name, so that help, errors and completions list them.
#[derive(Clone)]
struct OutputParser;

impl TypedValueParser for OutputParser {
    type Value = Output;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Output, Error> {
        let text = value.to_string_lossy();
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(file)),
            None => (&*text, None),
        };
        let format = EnumValueParser::<Format>::new().parse_ref(cmd, arg, OsStr::new(name))?;
        if file == Some("") || (file.is_some() && value.to_str().is_none()) {
            let text = format!("-o {name}= needs a file name, for example -o {name}=report.txt\n");
            return Err(Error::raw(ErrorKind::ValueValidation, text).with_cmd(cmd));
        }
        Ok(Output {
            format,
            file: file.filter(|file| *file != "-").map(PathBuf::from),
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let formats = Format::value_variants().iter();
        Some(Box::new(formats.filter_map(ValueEnum::to_possible_value)))
    }
}
