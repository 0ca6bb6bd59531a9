//! Splits a pasted command into words as a shell does, each with its position.

use std::fmt;

/// The position of a word, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a text, both counted from 1.
    Text { line: usize, column: usize },
    /// Among arguments that the shell has already split, counted from 1.
    Argument(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Text { line, column } => write!(f, "line {line}, column {column}"),
            Place::Argument(number) => write!(f, "argument {number}"),
        }
    }
}

/// A word may hold a secret, so it has no Debug.
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Place,
}

/// What is wrong with a command, where, and what to do.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) place: Option<Place>,
    pub(super) what: String,
    pub(super) advice: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trouble { what, advice, .. } = self;
        match self.place {
            Some(place) => write!(f, "{what} ({place} of the command): {advice}"),
            None => write!(f, "{what}: {advice}"),
        }
    }
}

impl std::error::Error for Trouble {}

/// How a shell quotes and continues lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sh,
    PowerShell,
    /// cmd.exe supports double quotes only.
    Cmd,
}

impl Dialect {
    /// Detected by the character that ends the first continued line; quoted text is ignored, as it may
    /// be a secret.
    fn of(text: &str) -> Self {
        let mut quote = None;
        for line in text.lines() {
            if quote.is_none() && line.trim_start().starts_with('#') {
                continue;
            }
            let mut characters = line.chars();
            while let Some(c) = characters.next() {
                match (c, quote) {
                    ('\\', None | Some('"')) => _ = characters.next(),
                    ('\'' | '"', None) => quote = Some(c),
                    (c, Some(open)) if c == open => quote = None,
                    _ => {}
                }
            }
            match line.trim_end().chars().last() {
                _ if quote.is_some() => {}
                Some('\\') => return Dialect::Sh,
                Some('`') => return Dialect::PowerShell,
                Some('^') => return Dialect::Cmd,
                _ => {}
            }
        }
        Dialect::Sh
    }

    fn escape(self) -> char {
        match self {
            Dialect::Sh => '\\',
            Dialect::PowerShell => '`',
            Dialect::Cmd => '^',
        }
    }
}

/// Splits a text into words without expansion: a pasted `$` stays a `$`.
pub(super) fn split(text: &str) -> Result<Vec<Word>, Trouble> {
    let mut reader = Reader {
        rest: text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .chars()
            .collect(),
        at: 0,
        line: 1,
        column: 1,
        dialect: Dialect::of(text),
    };
    let mut words = Vec::new();
    while reader.skip_space() {
        let place = reader.place();
        words.push(Word {
            text: reader.word()?,
            place,
        });
    }
    Ok(words)
}

struct Reader {
    rest: Vec<char>,
    at: usize,
    line: usize,
    column: usize,
    dialect: Dialect,
}

impl Reader {
    fn place(&self) -> Place {
        Place::Text {
            line: self.line,
            column: self.column,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        self.column += 1;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        }
        Some(c)
    }

    /// Skips spaces, line continuations and comments; false at the end.
    fn skip_space(&mut self) -> bool {
        while let Some(c) = self.peek() {
            if c.is_whitespace() {
                self.next();
            } else if c == '#' && self.dialect != Dialect::Cmd {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.next();
                }
            } else if !self.goes_on() {
                return true;
            }
        }
        false
    }

    /// Consumes a line continuation if there is one. Spaces between the escape character and the end of
    /// the line come from copying a web page.
    fn goes_on(&mut self) -> bool {
        if self.peek() != Some(self.dialect.escape()) {
            return false;
        }
        let after = &self.rest[self.at + 1..];
        let blank = after.iter().position(|c| !matches!(c, ' ' | '\t' | '\r'));
        let ends = match blank {
            Some(end) => after[end] == '\n',
            None => true,
        };
        if ends {
            while self.next().is_some_and(|c| c != '\n') {}
        }
        ends
    }

    fn word(&mut self) -> Result<String, Trouble> {
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() {
                break;
            }
            if self.goes_on() {
                // sh and PowerShell join the lines; a printed command breaks between words.
                continue;
            }
            let place = self.place();
            self.next();
            match c {
                '\'' if self.dialect != Dialect::Cmd => self.single(&mut word, place)?,
                '"' => self.double(&mut word, place)?,
                '“' | '”' | '‘' | '’' | '–' | '—' => return Err(typographic(c, place)),
                c if c == self.dialect.escape() => word.extend(self.next()),
                c => word.push(c),
            }
        }
        Ok(word)
    }

    fn single(&mut self, word: &mut String, opened: Place) -> Result<(), Trouble> {
        loop {
            match self.next() {
                None => return Err(unclosed('\'', opened)),
                Some('\'') if self.dialect == Dialect::PowerShell && self.peek() == Some('\'') => {
                    self.next();
                    word.push('\'');
                }
                Some('\'') => return Ok(()),
                Some(c) => word.push(c),
            }
        }
    }

    fn double(&mut self, word: &mut String, opened: Place) -> Result<(), Trouble> {
        loop {
            match (self.dialect, self.next()) {
                (_, None) => return Err(unclosed('"', opened)),
                (Dialect::PowerShell, Some('"')) if self.peek() == Some('"') => {
                    self.next();
                    word.push('"');
                }
                (_, Some('"')) => return Ok(()),
                (Dialect::Sh, Some('\\')) => match self.peek() {
                    Some('\n') => _ = self.next(),
                    Some('$' | '`' | '"' | '\\') => word.extend(self.next()),
                    _ => word.push('\\'),
                },
                (Dialect::PowerShell, Some('`')) => word.extend(self.next()),
                // Windows programs parse `\"` as an escaped quote.
                (Dialect::Cmd, Some('\\')) if self.peek() == Some('"') => word.extend(self.next()),
                (_, Some(c)) => word.push(c),
            }
        }
    }
}

fn unclosed(quote: char, place: Place) -> Trouble {
    Trouble {
        place: Some(place),
        what: format!("the quote {quote} is not closed"),
        advice: "paste the whole command, to its last line".to_owned(),
    }
}

/// Chat and wiki software replaces plain quotes with these.
fn typographic(c: char, place: Place) -> Trouble {
    Trouble {
        place: Some(place),
        what: format!("the character {c} is a typographic replacement"),
        advice: "copy the command directly from Bitbucket, not from a chat, a wiki or a document"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let words = split(text).map_err(|trouble| trouble.to_string()).unwrap();
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn a_command_of_several_lines_is_one() {
        let expected = ["docker", "run", "-e", "A={b c}", "x"];
        for text in [
            "docker run \\\n  -e 'A={b c}' \\\n x",
            "docker run \\\r\n  -e \"A={b c}\" \\\r\n x\r\n",
            "docker run \\ \n  -e A={b\\ c} x \\",
            "docker run `\n  -e \"A={b c}\" `\n x",
            "docker run ^\r\n  -e \"A={b c}\" ^\r\n x",
            "# from Bitbucket\ndocker run -e 'A={b c}'\u{a0}x # the end",
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn each_shell_has_its_own_quotes() {
        assert_eq!(
            words(r#"'a$b' "c\"\$\d" e\'f g''h"#),
            ["a$b", "c\"$\\d", "e'f", "gh"]
        );
        assert_eq!(
            words("'a''b' `\n\"c`\"d\"\"e\" f`'g"),
            ["a'b", "c\"d\"e", "f'g"]
        );
        assert_eq!(
            words("run ^\n'a b' \"c\\\"d\" e^&f"),
            ["run", "'a", "b'", "c\"d", "e&f"]
        );
    }

    #[test]
    fn words_know_where_they_began() {
        let found = split("docker run \\\n  -e 'A=b'")
            .map_err(|t| t.to_string())
            .unwrap();
        let places: Vec<String> = found.iter().map(|word| word.place.to_string()).collect();
        assert_eq!(places[1], "line 1, column 8");
        assert_eq!(places[3], "line 2, column 6");
    }

    #[test]
    fn what_was_copied_badly_is_told_with_its_place() {
        let said = |text: &str| split(text).err().unwrap().to_string();
        assert!(
            said("docker run -e 'A=b").starts_with("the quote ' is not closed (line 1, column 15")
        );
        assert!(said("docker run –e A=b").contains("line 1, column 12"));
        assert!(said("docker run -e “A=b”").contains("is a typographic replacement"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z'\"\\\\`^ \r\n$#{}=“-]{0,40}|.{0,60}") {
            let _ = split(&text);
        }

        #[test]
        fn what_sh_quotes_comes_back(secrets in proptest::collection::vec("(?s).{0,20}", 1..4)) {
            let single: Vec<String> = secrets
                .iter()
                .map(|secret| format!("'{}'", secret.replace('\'', r"'\''")))
                .collect();
            // The last line determines the dialect, whatever characters end the secrets' lines.
            prop_assert_eq!(&words(&format!("{} \\\n", single.join(" "))), &secrets);
            let double: Vec<String> = secrets
                .iter()
                .map(|secret| {
                    let escaped = ["\\", "\"", "$", "`"].iter().fold(secret.clone(), |text, c| {
                        text.replace(c, &format!("\\{c}"))
                    });
                    format!("\"{escaped}\"")
                })
                .collect();
            prop_assert_eq!(&words(&format!("{} \\\n", double.join(" "))), &secrets);
        }
    }
}
