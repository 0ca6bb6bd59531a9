//! A ticket: the files of one examination, and the archive that contains them.

use crate::diagnosis::Diagnosis;
use crate::evidence::Evidence;
use crate::report::{self, Format, Style, clean};
use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use std::fmt::Write;

const FOLDER: &str = "runner-doctor-ticket";
const EVIDENCE: (&str, &str) = (
    "evidence.yaml",
    "the recording; check it with runner-doctor check --evidence evidence.yaml",
);
/// What is made of the diagnosis.
const REPORTS: [(&str, &str, Format); 4] = [
    ("report.txt", "the report as text", Format::Table),
    (
        "report.md",
        "the report to paste into a ticket",
        Format::Markdown,
    ),
    ("report.html", "the report for a browser", Format::Html),
    ("report.json", "the report as JSON", Format::Json),
];
const WIDTH: usize = 100;

pub struct Ticket {
    /// Names and texts, the list of them first.
    files: Vec<(&'static str, String)>,
}

impl Ticket {
    pub fn new(evidence: &Evidence, diagnosis: &Diagnosis) -> Result<Ticket> {
        let style = Style {
            width: WIDTH,
            color: false,
            unicode: true,
            ..Style::PLAIN
        };
        let mut files = vec![(EVIDENCE.0, evidence.to_yaml()?)];
        for (name, _, format) in REPORTS {
            files.push((name, report::render(format, diagnosis, &style)));
        }
        files.insert(0, ("CONTENTS.txt", contents(&files, evidence)));
        Ok(Ticket { files })
    }

    /// The same bytes for the same files, whenever and wherever: no time, no owner.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let compressed = GzBuilder::new().write(Vec::new(), Compression::best());
        let mut archive = tar::Builder::new(compressed);
        for (name, text) in &self.files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            let path = format!("{FOLDER}/{name}");
            let added = archive.append_data(&mut header, path, text.as_bytes());
            added.context("cannot create the archive")?;
        }
        let compressed = archive.into_inner().context("cannot create the archive")?;
        compressed.finish().context("cannot compress the archive")
    }

    /// Every file with its whole text.
    pub fn preview(&self) -> String {
        let mut out = String::new();
        for (name, text) in &self.files {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "==> {FOLDER}/{name} <==\n{text}");
        }
        out
    }

    pub fn in_a_line(&self) -> String {
        let names: Vec<&str> = self.files.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

/// The list of what is inside.
fn contents(files: &[(&'static str, String)], evidence: &Evidence) -> String {
    let mut out = format!("A ticket of {}.\n\n", clean(&evidence.doctor));
    let about = |name: &str| {
        let reports = REPORTS.iter().map(|(name, about, _)| (*name, *about));
        let mut all = reports.chain([EVIDENCE]);
        all.find(|(known, _)| *known == name)
            .map_or("", |(_, about)| about)
    };
    if let Some(at) = evidence.examined_at {
        let _ = writeln!(out, "{}\n", at.strftime("Examined %Y-%m-%d %H:%M UTC."));
    }
    for (name, text) in files {
        let _ = writeln!(out, "{name:14} {:>8} bytes  {}", text.len(), about(name));
    }
    out.push_str(match evidence.redacted {
        true => {
            "\nNames of nodes, namespaces, pods, their owners, registries and hosts, IP addresses, UUIDs and\ncontainer ids are replaced with tokens, the same token for the same name. Names of containers, Docker\nnetworks and volumes, public images and versions are kept.\n"
        }
        false => "\nNames are not redacted: the archive was written with --no-redact.\n",
    });
    out.push_str("\nNo Secret was read, and only listed environment variables, arguments and daemon.json keys.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::case::healthy;
    use crate::checks::{Library, judge};
    use crate::text::clean::is_unsafe;
    use clap::ValueEnum;
    use serde_json::Value;
    use std::io::Read;

    fn ticket() -> Ticket {
        let evidence = healthy().unwrap();
        let diagnosis = Diagnosis::new(&evidence, Vec::new(), Vec::new(), None);
        Ticket::new(&evidence, &diagnosis).unwrap()
    }

    /// What a terminal, GitHub, Azure, TeamCity and GitLab would obey.
    const HOSTILE: &str =
        "\u{1b}]0;x\u{7}\u{202e}::error::y ##vso[z] ##teamcity[z] section_start:1:z\r\u{9b}";

    fn each_text(value: &mut Value, with: &mut impl FnMut(&mut String)) {
        match value {
            Value::String(text) => with(text),
            Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, with)),
            Value::Object(fields) => fields.values_mut().for_each(|value| each_text(value, with)),
            _ => {}
        }
    }

    /// A recording with hostile text wherever it may hold any text, and how many such places it has.
    fn hostile() -> (Evidence, usize) {
        let document = serde_json::to_value(healthy().unwrap()).unwrap();
        let changed = |places: &dyn Fn(usize) -> bool| {
            let (mut document, mut at) = (document.clone(), 0);
            each_text(&mut document, &mut |text| {
                if places(at) {
                    text.push_str(HOSTILE);
                }
                at += 1;
            });
            (serde_json::from_value::<Evidence>(document), at)
        };
        let count = changed(&|_| false).1;
        let free: Vec<usize> = (0..count)
            .filter(|place| changed(&|at| at == *place).0.is_ok())
            .collect();
        (changed(&|at| free.contains(&at)).0.unwrap(), free.len())
    }

    #[test]
    fn no_text_of_a_recording_acts_where_it_is_shown() {
        let (evidence, places) = hostile();
        assert!(places > 30, "{places}");
        let judgement = judge(Library::shared(), &evidence);
        let (findings, unknowns) = (judgement.findings, judgement.unknowns);
        let diagnosis = Diagnosis::new(&evidence, findings, unknowns, None);
        let mut shown = vec![
            Ticket::new(&evidence, &diagnosis).unwrap().preview(),
            evidence.to_yaml().unwrap(),
            report::json(&evidence),
        ];
        // In a command of GitHub's, which is a whole line, there is no other.
        let formats = Format::value_variants().iter();
        let formats = formats.filter(|format| **format != Format::Github);
        shown.extend(formats.map(|format| report::render(*format, &diagnosis, &Style::PLAIN)));
        for text in shown {
            let acts = text.chars().find(|c| *c != '\n' && is_unsafe(*c));
            assert_eq!(acts, None, "{text}");
            for command in ["::error::", "##vso[", "##teamcity[", "section_start:1"] {
                assert!(!text.contains(command), "{command} in {text}");
            }
        }
        let yaml = evidence.to_yaml().unwrap();
        assert_eq!(Evidence::parse(&yaml, "x").unwrap(), evidence);
    }

    #[test]
    fn the_archive_holds_what_the_preview_shows() {
        let bytes = ticket().archive().unwrap();
        assert_eq!(bytes, ticket().archive().unwrap());
        let preview = ticket().preview();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            names.push(entry.path().unwrap().display().to_string());
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert!(preview.contains(&text));
        }
        assert_eq!(names.len(), REPORTS.len() + 2);
        assert!(
            names
                .iter()
                .all(|name| name.starts_with("runner-doctor-ticket/"))
        );
    }
}
