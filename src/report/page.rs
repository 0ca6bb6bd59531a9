//! Lines of a report: indented, wrapped to the terminal width, and colored last so that colors take
//! no space.

use super::terminal::{Ink, Style};
use crate::text::wrap::{width, wrap};
use std::borrow::Cow;

/// Longer lines of prose are hard to read, however wide the terminal is.
const PROSE_WIDTH: usize = 100;

pub(super) struct Page<'a> {
    pub style: &'a Style<'a>,
    out: String,
}

impl<'a> Page<'a> {
    pub fn new(style: &'a Style<'a>) -> Self {
        let out = String::new();
        Page { style, out }
    }

    pub fn into_string(self) -> String {
        self.out
    }

    pub fn lines(&self) -> usize {
        self.out.lines().count()
    }

    /// A line as it is, without the spaces at its end.
    pub fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end_matches(' '));
        self.out.push('\n');
    }

    /// An empty line, never two, and none at the top.
    pub fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Foreign text, wrapped.
    pub fn prose(&mut self, indent: usize, ink: Ink, text: &str) {
        self.labeled(indent, "", ink, text);
    }

    /// A short line, as a link where there is an address and the terminal has links.
    pub fn link(&mut self, indent: usize, ink: Ink, text: &str, address: Option<&str>) {
        let Some(address) = address else {
            return self.prose(indent, ink, text);
        };
        let text = self.style.paint(ink, &self.style.text(text));
        let link = self.style.links.to(address, &text);
        self.line(&format!("{}{link}", " ".repeat(indent)));
    }

    /// Foreign text, wrapped, behind a short bold label of ours.
    pub fn labeled(&mut self, indent: usize, label: &str, ink: Ink, text: &str) {
        let margin = " ".repeat(indent);
        let room = self
            .style
            .width
            .min(PROSE_WIDTH + indent)
            .saturating_sub(indent);
        let text = format!("{label} {}", self.style.text(text));
        // A label may be longer than the first line.
        let mut left = label;
        for line in wrap(text.trim(), room, 0) {
            let bold = match line.starts_with(left) {
                true => left.len(),
                false if left.starts_with(&line) => line.len(),
                false => 0,
            };
            left = left[bold.min(left.len())..].trim_start();
            let label = self.style.paint(Ink::Bold, &line[..bold]);
            let rest = self.style.paint(ink, &line[bold..]);
            self.line(&format!("{margin}{label}{rest}"));
        }
    }

    /// A line that opens a part: a lead of ours, a name, and the rest behind it or, where it is too
    /// long for that, below.
    pub fn heading(&mut self, indent: usize, lead: (Ink, &str), name: (Ink, &str), rest: &str) {
        let (text, rest) = (self.style.text(name.1), self.style.text(rest));
        let margin = " ".repeat(indent + width(lead.1));
        let room = self.style.width.saturating_sub(margin.len());
        let mut lines = wrap(&text, room, 0).into_iter();
        let first = lines.next().unwrap_or_default();
        let mut line = " ".repeat(indent) + &self.style.paint(lead.0, lead.1);
        line += &self.style.paint(name.0, &first);
        let fits = width(&first) + 2 + width(&rest) <= room && lines.len() == 0;
        if fits {
            line += &format!("  {rest}");
        }
        self.line(&line);
        for more in lines {
            self.line(&format!("{margin}{}", self.style.paint(name.0, &more)));
        }
        if !fits {
            self.prose(indent + 4, Ink::Plain, &rest);
        }
    }

    /// Text to paste: behind spaces, and otherwise exactly what it is.
    pub fn verbatim(&mut self, indent: usize, text: &str) {
        let margin = " ".repeat(indent);
        for line in text.trim_end().lines() {
            let line = self.style.line(line);
            self.line(&format!("{margin}{line}"));
        }
    }
}

/// As much of a text as a form takes.
pub(super) fn cut_at(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
