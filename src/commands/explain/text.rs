//! An explanation for a terminal: at most one screen, with the fix for one CI system. The page of the
//! check has the rest.

use super::explanation::{Explanation, severity, word};
use crate::evidence::Provider;
use crate::remedy;
use crate::report::{Links, clean, wrap};
use std::fmt::Write as _;

/// The lines of an explanation. A custom check with a long text may have more.
const MOST: usize = 60;
/// How many errors of logs are quoted.
const MOST_IN_LOGS: usize = 3;

/// A part of the text. Of parts that may be left out, the highest rank goes first.
struct Part {
    rank: u8,
    text: String,
}

/// For whom it is.
pub(super) struct Reader {
    pub(super) provider: Provider,
    /// Whether the fixes have the names of the reader's own runners.
    pub(super) own: bool,
    pub(super) width: usize,
    pub(super) links: Links,
}

pub(super) fn render(told: &Explanation, reader: &Reader) -> String {
    let width = reader.width;
    let mut parts = vec![
        Part::needed(format!(
            "{}\n{}\n{}",
            told.id,
            wrapped(told.title, width),
            severity(told.severity)
        )),
        Part::needed(paragraphs(told.why, width)),
        Part::needed(how_to_see(told, width)),
    ];
    parts.extend(told.detected.probe.map(|probe| Part {
        rank: 2,
        text: format!("It runs this command:\n{}", prose(probe, width)),
    }));
    parts.extend(in_logs(told, width));
    parts.extend(fixes(told, reader));
    if !told.caused_by.is_empty() {
        let causes = told.caused_by.join(", ");
        let lead = format!("Fixing one of these also fixes it: {causes}");
        parts.push(Part {
            rank: 3,
            text: wrapped(&lead, width),
        });
    }
    parts.extend(more(told.page.as_deref(), told.references, reader.links));
    fit(parts)
}

impl Part {
    fn needed(text: String) -> Part {
        Part { rank: 0, text }
    }

    fn lines(&self) -> usize {
        // The empty line before it.
        self.text.lines().count() + 1
    }
}

fn fit(mut parts: Vec<Part>) -> String {
    while parts.iter().map(Part::lines).sum::<usize>() > MOST + 1 {
        let last = (0..parts.len()).max_by_key(|at| parts[*at].rank);
        match last {
            Some(at) if parts[at].rank > 0 => parts.remove(at),
            _ => break,
        };
    }
    let texts: Vec<String> = parts.into_iter().map(|part| part.text).collect();
    texts.join("\n\n") + "\n"
}

fn paragraphs(text: &str, width: usize) -> String {
    let paragraphs = text.split("\n\n").map(|text| wrapped(text, width));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn how_to_see(told: &Explanation, width: usize) -> String {
    let mut text = format!("How to see it: runner-doctor {}", told.command());
    if let Some(example) = &told.example {
        let _ = write!(text, "\n{}", prose(&example.message, width));
    }
    text
}

fn in_logs(told: &Explanation, width: usize) -> Option<Part> {
    let shown = told.in_logs.len().min(MOST_IN_LOGS);
    let (shown, others) = told.in_logs.split_at(shown);
    if shown.is_empty() {
        return None;
    }
    let mut text = "In logs:".to_owned();
    for line in shown {
        let _ = write!(text, "\n{}", prose(line, width));
    }
    if !others.is_empty() {
        let _ = write!(text, "\n  and {} more", others.len());
    }
    Some(Part { rank: 4, text })
}

/// The first fix in full, with what belongs to it; of the others what they do.
fn fixes(told: &Explanation, reader: &Reader) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    for fix in &told.fixes {
        let mut needed = true;
        for (rank, one) in fix.remedies.iter().enumerate() {
            needed &= rank == 0 || one.together;
            let title = one.title.trim_end_matches(':');
            if !needed {
                if !others.contains(&title) {
                    others.push(title);
                }
                continue;
            }
            let title = match rank {
                0 => title.to_owned(),
                _ => format!("{}: {title}", word(rank, one)),
            };
            let mut text = prose(&title, reader.width);
            let excerpt = remedy::excerpt(one);
            if !excerpt.trim().is_empty() {
                let _ = write!(text, "\n\n{}", indented(&indented(&excerpt)));
            }
            parts.push(Part::needed(text));
        }
    }
    parts.extend(others.into_iter().map(|title| Part {
        rank: 5,
        text: prose(&format!("Or: {title}"), reader.width),
    }));
    if let Some(first) = parts.first_mut() {
        let name = reader.provider.system().name;
        let everywhere = told.fixes.iter().all(super::explanation::Fix::is_for_all);
        let lead = match (reader.own, everywhere) {
            (true, _) => "Fix:".to_owned(),
            (false, true) => "Example fix:".to_owned(),
            (false, false) => format!("Example fix on {name} (other CI systems: --for):"),
        };
        first.text = format!("{}\n{}", wrapped(&lead, reader.width), first.text);
    }
    parts
}

/// The page, which has everything, and the references.
fn more(page: Option<&str>, references: &[String], links: Links) -> Vec<Part> {
    let page = page.map(|page| Part::needed(format!("More:\n  {}", links.write(page))));
    let mut parts: Vec<Part> = page.into_iter().collect();
    if !references.is_empty() {
        let mut text = "References:".to_owned();
        for reference in references {
            let _ = write!(text, "\n  {}", links.write(&clean(reference)));
        }
        parts.insert(0, Part { rank: 6, text });
    }
    parts
}

/// Text of a file or of a finding, wrapped and set in.
fn prose(text: &str, width: usize) -> String {
    indented(&wrapped(text, width.saturating_sub(2)))
}

pub(super) fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("  {}", clean(line)).trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Words in lines of at most `width`, of text that came from a file.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let words: Vec<_> = text.split_whitespace().map(clean).collect();
    wrap(&words.join(" "), width, 0).join("\n")
}
