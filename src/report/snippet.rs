//! The report of `lint` for people: each finding with its line in the file, why, and the fix.

use super::findings::{self, Told};
use super::page::Page;
use super::table::write_summary;
use super::terminal::{Ink, Mark, Style};
use crate::diagnosis::{Diagnosis, Finding, Location};
use crate::text::wrap::width;

pub(super) fn render(diagnosis: &Diagnosis, style: &Style) -> String {
    let mut page = Page::new(style);
    write_fine(&mut page, diagnosis);
    let mut told = Told::default();
    for finding in in_order(diagnosis) {
        page.gap();
        write_finding(&mut page, finding, &mut told);
    }
    let unknowns: Vec<_> = diagnosis.unknowns.iter().collect();
    findings::write_unknowns(&mut page, &unknowns);
    write_summary(&mut page, diagnosis);
    page.into_string()
}

/// As one reads: by file, from the top.
fn in_order(diagnosis: &Diagnosis) -> Vec<&Finding> {
    let mut files: Vec<&str> = Vec::new();
    for runner in &diagnosis.runners {
        if !files.contains(&runner.name.as_str()) {
            files.push(&runner.name);
        }
    }
    let mut findings: Vec<&Finding> = diagnosis.findings.iter().collect();
    findings.sort_by_key(|finding| {
        let file = files.iter().position(|file| *file == finding.runner);
        let place = finding.location.as_ref().map(|at| (at.line, at.column));
        (file, place)
    });
    findings
}

fn write_fine(page: &mut Page<'_>, diagnosis: &Diagnosis) {
    let mut told: Vec<&str> = Vec::new();
    for runner in &diagnosis.runners {
        let name = runner.name.as_str();
        let found = diagnosis.findings.iter().any(|f| f.runner == name);
        if found || told.contains(&name) {
            continue;
        }
        told.push(name);
        let lead = format!("{} ", page.style.mark(Mark::Fine));
        page.heading(0, (Ink::Good, &lead), (Ink::Plain, name), "nothing found");
    }
}

fn write_finding<'a>(page: &mut Page<'_>, finding: &'a Finding, told: &mut Told<'a>) {
    let place = match &finding.location {
        Some(at) => format!("{}:{}:{}", at.file, at.line, at.column),
        None => finding.runner.clone(),
    };
    findings::write_header(page, 0, finding, &place);
    page.prose(4, Ink::Plain, &finding.message);
    if let Some(location) = finding
        .location
        .as_ref()
        .filter(|at| !at.snippet.is_empty())
    {
        page.gap();
        write_line(page, location);
    }
    findings::write_why(page, finding, told);
    findings::write_cures(page, &[finding], told);
}

/// The line as it is written, and what of it is meant underneath.
fn write_line(page: &mut Page<'_>, at: &Location) {
    let number = at.line.to_string();
    let bar = if page.style.unicode { "│" } else { "|" };
    let room = page.style.width.saturating_sub(number.len() + 9);
    let marked = (
        at.column - 1,
        at.end_column.saturating_sub(1).max(at.column),
    );
    let window = Window::around(&at.snippet, marked, room);
    let text = page.style.line(&window.text);
    let gutter = page.style.paint(Ink::Dim, &format!("    {number} {bar} "));
    page.line(&format!("{gutter}{text}"));
    let under = format!("    {} {bar} ", " ".repeat(number.len()));
    let under = page.style.paint(Ink::Dim, &under);
    // A character that is written out takes more room than it had.
    let before = width(&page.style.line(&window.before));
    let carets = width(&page.style.line(&window.inside)).max(1);
    let carets = page.style.paint(
        Ink::Bad,
        &"^".repeat(carets.min(room.saturating_sub(before).max(1))),
    );
    page.line(&format!("{under}{}{carets}", " ".repeat(before)));
}

/// As much of a line as there is room for.
struct Window {
    text: String,
    before: String,
    inside: String,
}

impl Window {
    fn around(line: &str, (from, to): (usize, usize), room: usize) -> Window {
        // A tab is one column to YAML, and should be one here.
        let chars: Vec<char> = line
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .collect();
        let (from, to) = (from.min(chars.len()), to.min(chars.len()));
        let start = if chars.len() > room {
            from.saturating_sub(room / 4)
        } else {
            0
        };
        let end = chars.len().min(start + room.max(1));
        let part = |from: usize, to: usize| -> String {
            let (from, to) = (from.clamp(start, end), to.clamp(start, end));
            chars[from..to.max(from)].iter().collect()
        };
        Window {
            text: part(start, end),
            before: part(start, from),
            inside: part(from, to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use proptest::prelude::*;

    #[test]
    fn a_long_line_is_shown_around_its_mark() {
        let line = format!("{}image: x{}", "a".repeat(200), "b".repeat(200));
        let window = Window::around(&line, (200, 208), 60);
        assert_eq!(window.inside, "image: x");
        assert_eq!(window.text.len(), 60);
        assert!(window.text.contains("image: x"));
    }

    proptest! {
        #[test]
        fn no_mark_is_out_of_reach(line in ".{0,60}", from in 0usize..90, to in 0usize..90, room in 0usize..50) {
            let window = Window::around(&line, (from, to), room);
            prop_assert!(window.text.chars().count() <= room.max(1));
        }
    }
}
