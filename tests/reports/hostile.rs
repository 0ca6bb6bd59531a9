//! Text that means something to whatever reads a report, in every place that foreign text has.

use super::patients::{article, remedy};
use super::standards::Sarif;
use super::{assert_no_markup, exposition, insights, page, plain};
use clap::ValueEnum;
use runner_doctor::diagnosis::{Diagnosis, Location, Severity, Suppressed, Suppression, Unknown};
use runner_doctor::report::{Format, render};
use serde_json::Value;

/// What it is, and the text. Invalid UTF-8 has become U+FFFD before anything is judged.
pub const TEXTS: [(&str, &str); 27] = [
    ("colour", "\u{1b}[31;1mred\u{1b}[0m"),
    ("a cleared screen", "\u{1b}[2J\u{1b}[H"),
    ("the clipboard", "\u{1b}]52;c;cm0gLXJmIC8=\u{7}"),
    (
        "a link",
        "\u{1b}]8;;http://x.example\u{1b}\\here\u{1b}]8;;\u{1b}\\",
    ),
    ("C1 controls", "\u{9b}31m\u{9d}0;title\u{9c}"),
    ("line breaks", "a\nfake ✓ healthy\r\n\u{2028}b\u{85}c"),
    ("a tab and a bell", "a\tb\u{7}c\u{8}"),
    ("a NUL", "a\0b"),
    ("broken UTF-8", "a\u{fffd}\u{fffd}b"),
    ("no character", "a\u{fffe}\u{ffff}b"),
    ("turned around", "\u{202e}gpj.exe\u{202c}"),
    ("isolated", "\u{2066}a\u{2067}b\u{2069}"),
    (
        "no width",
        "doc\u{200b}ker\u{200d}\u{2060}0\u{feff}\u{ad}x\u{e0041}",
    ),
    (
        "HTML",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
    ),
    ("an attribute", "\" autofocus onfocus=\"alert(1)\" x='"),
    ("entities", "&lt;b&gt; &#x3c;"),
    (
        "Markdown",
        "[l](javascript:x) ![i](//x.example) **b** ~~s~~ a|b @admin #1 !2 <b>",
    ),
    ("fences", "`a` ```\n```\n# Heading\n- item\n"),
    ("a formula", "=cmd|' /C calc'!A0"),
    ("a command", "::set-output name=x::y"),
    ("a command on a line of its own", "a\n::error file=x::y\nb"),
    (
        "older commands",
        "a ##[set-output name=x]y ##vso[task.setvariable variable=x]y ##teamcity[x]",
    ),
    ("an encoded command", "a%0A::error::y%0D%25"),
    ("templates", "{{x}} ${{ github.token }} $(id) ${HOME}"),
    ("YAML", "x: [y, *z] # &a\n---\n!!x |\n"),
    (
        "XML",
        "]]> --> <!DOCTYPE x [<!ENTITY e SYSTEM \"file:///x\">]>&e;",
    ),
    ("metrics", "\"} 1\n# HELP x\ny{a=\"\\"),
];

/// These are not foreign: they are enumerations, or made by the doctor.
const OURS: [&str; 9] = [
    "schema",
    "class",
    "why",
    "verdict",
    "severity",
    "confidence",
    "provider",
    "kind",
    "fingerprint",
];

/// The article with a text in the place of every other.
pub fn with(text: &str) -> Diagnosis {
    let mut diagnosis = article();
    let first = diagnosis.findings[0].clone();
    diagnosis.findings[1].location = Some(Location {
        file: String::new(),
        line: 3,
        column: 5,
        end_line: 3,
        end_column: 9,
        snippet: String::new(),
    });
    diagnosis.unknowns = vec![Unknown {
        check: String::new(),
        runner: String::new(),
        engine: Some(String::new()),
        subject: Some(String::new()),
        severity: Severity::Error,
        reasons: Vec::new(),
        caused_by: None,
    }];
    diagnosis.summary.unknown = 1;
    diagnosis.incomplete = Some(String::new());
    diagnosis.suppressed = vec![Suppressed {
        finding: first,
        suppression: Suppression {
            reason: String::new(),
            until: Some(String::new()),
            place: String::new(),
        },
    }];
    let mut value = serde_json::to_value(diagnosis).expect("JSON");
    fill(&mut value, text);
    serde_json::from_value(value).expect("a diagnosis")
}

fn fill(value: &mut Value, text: &str) {
    match value {
        Value::String(old) => *old = text.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, text)),
        Value::Object(fields) => {
            let foreign = fields
                .iter_mut()
                .filter(|(key, _)| !OURS.contains(&key.as_str()) && *key != "caused_by");
            foreign.for_each(|(_, value)| fill(value, text));
        }
        _ => {}
    }
}

/// What moves a cursor, turns the direction of writing, or cannot be seen.
pub fn is_unsafe(c: char) -> bool {
    c != '\n' && c.is_control()
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
        || ['\u{ad}', '\u{feff}'].contains(&c)
}

/// What GitHub's runner takes for a command in a line that a step prints: `::name …::` behind
/// spaces, and `##[name]` anywhere. Azure's and TeamCity's are like the latter.
pub fn is_obeyed(line: &str) -> bool {
    let older = ["##[", "##vso[", "##teamcity["];
    let named = line.trim_start().strip_prefix("::");
    let named = named.and_then(|rest| Some(rest.split_once("::")?.0));
    let named = named.is_some_and(|head| head.starts_with(|c: char| c.is_ascii_alphabetic()));
    named || older.iter().any(|command| line.contains(command))
}

#[test]
fn whatever_foreign_text_means_no_format_lets_it_act() {
    let sarif = Sarif::new();
    for (what, foreign) in TEXTS {
        let diagnosis = with(foreign);
        for format in Format::value_variants() {
            for width in [60, 120] {
                let text = render(*format, &diagnosis, &plain(width));
                let place = format!("{what} in {format:?}");
                let bad = text.chars().find(|c| is_unsafe(*c));
                let tab = *format == Format::Junit && bad == Some('\t');
                assert!(bad.is_none() || tab, "{place}: {bad:?} in {text}");
                let commands = text.lines().filter(|line| is_obeyed(line));
                let ours = match format {
                    Format::Github => text.lines().count(),
                    _ => 0,
                };
                assert_eq!(commands.count(), ours, "{place}: {text}");
                examine(*format, &diagnosis, &text, &sarif, &place);
            }
        }
    }
}

/// What must hold of a format beyond what holds of all.
fn examine(format: Format, diagnosis: &Diagnosis, text: &str, sarif: &Sarif, place: &str) {
    match format {
        Format::Json => {
            let back: Diagnosis = serde_json::from_str(text).expect(place);
            assert_eq!(&back, diagnosis, "{place}");
        }
        Format::Yaml => {
            let back: Diagnosis = serde_saphyr::from_str(text).expect(place);
            assert_eq!(&back, diagnosis, "{place}");
        }
        Format::Short => {
            // Findings, one reason for what is unknown, and that it is incomplete.
            let lines = diagnosis.findings.len() + 2;
            assert_eq!(text.lines().count(), lines, "{place}: {text}");
        }
        Format::Github => {
            let lines = diagnosis.findings.len() + 3;
            assert_eq!(text.lines().count(), lines, "{place}: {text}");
        }
        Format::Html => page::examine(text),
        Format::Markdown => {
            assert_no_markup(text);
            let mut rows = text.lines().filter(|line| line.starts_with("| "));
            assert!(
                rows.all(|row| row.matches('|').count() == 5),
                "{place}: {text}"
            );
        }
        Format::Sarif => _ = sarif.examine(text),
        Format::Prometheus => {
            exposition::parse(text).unwrap_or_else(|error| panic!("{place}: {error}: {text}"));
        }
        Format::Bitbucket => {
            let insights: serde_json::Value = serde_json::from_str(text).expect(place);
            insights::examine_report(&insights["report"]);
            let annotations = insights["annotations"].as_array().expect(place);
            annotations.iter().for_each(insights::examine_annotation);
        }
        // JUnit has a test of its own, and tables are looked at in the others.
        Format::Table | Format::Junit => {}
    }
}

#[test]
fn a_megabyte_of_text_breaks_no_form() {
    let foreign = "a<b>`|\u{202e} ";
    let long = foreign.repeat(1 << 12);
    let mut diagnosis = article();
    let finding = &mut diagnosis.findings[0];
    for text in [&mut finding.message, &mut finding.why, &mut finding.subject] {
        text.clone_from(&long);
    }
    finding.remedies = vec![remedy(&long, "args: []\n")];
    finding.message = foreign.repeat((1 << 20) / foreign.len());
    diagnosis.runners[0].layers[3].name = long;
    let sarif = Sarif::new();
    for format in Format::value_variants() {
        let text = render(*format, &diagnosis, &plain(80));
        match format {
            Format::Markdown => {
                assert!(text.chars().count() < 32_767);
                assert!(text.contains("### error: `mtu-inversion`"), "{text}");
            }
            // A message may have 64 KiB, a title 255 characters.
            Format::Github => assert!(text.lines().all(|line| line.len() < 70_000)),
            Format::Table | Format::Short | Format::Junit => {}
            other => examine(*other, &diagnosis, &text, &sarif, "a megabyte"),
        }
    }
}
