//! Lines of a report: indented, wrapped to the terminal width, and colored last so that colors take
//! no space.

use super::terminal::{Ink, Style};
use std::borrow::Cow;
use unicode_width::UnicodeWidthChar;

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
        self.labelled(indent, "", ink, text);
    }

    /// Foreign text, wrapped, behind a short bold label of ours.
    pub fn labelled(&mut self, indent: usize, label: &str, ink: Ink, text: &str) {
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

/// Breaks clean text into lines no wider than `room`; all but the first begin with `hang` spaces.
/// A word that fits no line is cut.
pub(crate) fn wrap(text: &str, room: usize, hang: usize) -> Vec<String> {
    let room = room.max(hang + 4);
    let lead = text.len() - text.trim_start_matches(' ').len();
    let mut lines = Vec::new();
    let mut line = " ".repeat(lead.min(room / 2));
    let mut used = line.len();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && used + 1 + width(word) > room {
            lines.push(std::mem::replace(&mut line, " ".repeat(hang)));
            used = hang;
        } else if !empty {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            if used + char_width(c) > room {
                let tail = line.split_off(cut(&line));
                lines.push(std::mem::replace(&mut line, " ".repeat(hang) + &tail));
                used = width(&line);
            }
            line.push(c);
            used += char_width(c);
        }
        empty = false;
    }
    lines.push(line);
    lines
}

/// Breaks clean text after a comma or at a dot rather than inside of what belongs together.
pub(super) fn wrap_phrases(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut glue = "";
    for phrase in text.split_inclusive([',', '·']) {
        let words = phrase.trim_end_matches('·');
        let mut fitting = wrap(words.trim(), room, 0).into_iter();
        let first = fitting.next().unwrap_or_default();
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = first,
            Some(line)
                if fitting.len() == 0 && width(line) + width(glue) + width(&first) <= room =>
            {
                *line += &format!("{glue}{first}");
            }
            _ => lines.push(first),
        }
        lines.extend(fitting);
        glue = if words == phrase { " " } else { " · " };
    }
    lines
}

/// Where to cut a line that ends inside of a word: after a part of a path or name if there is one.
fn cut(line: &str) -> usize {
    let word = line.rfind(' ').map_or(0, |at| at + 1);
    let part = line[word..].rfind(['/', '-']);
    part.map_or(line.len(), |at| word + at + 1)
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Terminals, too, place one character after the other.
fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(
            wrap("the neck of the bottle", 12, 0),
            ["the neck of", "the bottle"]
        );
        assert_eq!(wrap("  a bc def", 8, 4), ["  a bc", "    def"]);
        assert_eq!(
            wrap("docker-in-docker/bb", 12, 2),
            ["docker-in-", "  docker/bb"]
        );
        assert_eq!(wrap("", 12, 0), [""]);
    }

    #[test]
    fn phrases_stay_together() {
        let text = "Docker 20.10.5, containerd 1.4.3 · idle";
        assert_eq!(wrap_phrases(text, 60), [text]);
        assert_eq!(
            wrap_phrases(text, 26),
            ["Docker 20.10.5,", "containerd 1.4.3 · idle"]
        );
        assert_eq!(
            wrap_phrases(text, 16),
            ["Docker 20.10.5,", "containerd 1.4.3", "idle"]
        );
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_letter_is_lost(text in "[a-z漢 ]{0,200}", room in 12usize..60) {
            let lines = wrap(&text, room, 3);
            prop_assert!(lines.iter().all(|line| width(line) <= room));
            let letters = |t: &str| t.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
