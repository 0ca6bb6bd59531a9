//! Breaks text into lines by the columns that it takes.

use unicode_width::UnicodeWidthChar;

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
pub(crate) fn wrap_phrases(text: &str, room: usize) -> Vec<String> {
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
pub(crate) fn width(text: &str) -> usize {
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
