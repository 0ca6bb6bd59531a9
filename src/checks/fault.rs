//! Why a check file is rejected: what is wrong, where, and how to fix it.

use super::suggestion::advise;
use serde_saphyr::Spanned;
use std::fmt;

/// A place in a file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A fault in a check file, as shown to its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) place: Place,
    pub(crate) advice: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault {
            what,
            place,
            advice,
        } = self;
        write!(f, "{what}\n  in {place}\n  {advice}")
    }
}

impl std::error::Error for Fault {}

/// Why a piece of text inside a file is rejected, before its position is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) what: String,
    pub(crate) advice: String,
    /// The offending words as the file has them, to find their position.
    pub(crate) words: String,
}

/// The text of a file and its name, to map words to positions.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    /// Symptoms of built-in checks are validated by tests, not at every start.
    pub(crate) built_in: bool,
}

impl Source<'_> {
    /// The file name must match the id.
    pub(crate) fn must_be_called(&self, id: &Spanned<String>, name: &str) -> Result<(), Fault> {
        if id.value == name {
            return Ok(());
        }
        Err(Fault {
            what: format!("the id `{}` does not match the file name", id.value),
            place: self.place(id.referenced.line(), id.referenced.column()),
            advice: format!("write `id: {name}`, or rename the file"),
        })
    }

    pub(crate) fn place(&self, line: u64, column: u64) -> Place {
        Place {
            file: self.file.to_owned(),
            line,
            column,
        }
    }

    /// Why the text could not be parsed, at the position that the error gives.
    pub(crate) fn unreadable(
        &self,
        error: &serde_saphyr::Error,
        not: &str,
        otherwise: &str,
    ) -> Fault {
        let (line, column) = error
            .location()
            .map_or((1, 1), |at| (at.line(), at.column()));
        let text = error.without_snippet().to_string();
        let text = text
            .strip_suffix(&format!(" at line {line}, column {column}"))
            .unwrap_or(&text);
        // serde's message for a mistyped name: unknown field `findings`, expected one of id, title …
        let told = text
            .split_once(", expected one of ")
            .or_else(|| text.split_once(", expected "));
        let (what, advice) = match told.filter(|_| text.starts_with("unknown ")) {
            Some((what, known)) => {
                let word = what.split('`').nth(1).unwrap_or_default();
                let known = known.split([',', ' ']).map(|word| word.trim_matches('`'));
                let known: Vec<&str> = known.filter(|k| !k.is_empty() && *k != "or").collect();
                (what, advise(word, "", &known))
            }
            None => (text, otherwise.to_owned()),
        };
        Fault {
            what: format!("{not}: {what}"),
            place: self.place(line, column),
            advice,
        }
    }

    /// The position of `words` at or after a given one; the given one if they are not found (folded
    /// over lines, or written with escapes).
    pub(crate) fn find(&self, line: u64, column: u64, words: &str) -> Place {
        let first = usize::try_from(line.max(1) - 1).unwrap_or(usize::MAX);
        let skip = usize::try_from(column.max(1) - 1).unwrap_or(0);
        for (index, text) in self.text.lines().enumerate().skip(first) {
            let from = if index == first { skip } else { 0 };
            let start = text.char_indices().nth(from).map_or(text.len(), |c| c.0);
            if let Some(at) = text[start..].find(words).filter(|_| !words.is_empty()) {
                let before = text[..start + at].chars().count();
                return self.place(index as u64 + 1, before as u64 + 1);
            }
        }
        self.place(line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_at_or_after_a_position() {
        let source = Source {
            file: "a.yaml",
            text: "it.a\nx: «it.a» && it.b\ny: it.a\n",
            built_in: false,
        };
        assert_eq!(source.find(2, 4, "it.a").to_string(), "a.yaml:2:5");
        assert_eq!(source.find(2, 6, "it.a").to_string(), "a.yaml:3:4");
        assert_eq!(source.find(2, 4, "it.c").to_string(), "a.yaml:2:4");
    }
}
