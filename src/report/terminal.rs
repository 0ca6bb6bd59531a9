//! What the terminal can show, and the one way by which foreign text gets there.

use clap::ColorChoice;
use owo_colors::OwoColorize;
use std::borrow::Cow;
use std::fmt::Write;

/// How to write for this reader: columns, colours and the characters the terminal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub width: usize,
    pub color: bool,
    pub unicode: bool,
    /// How this program is called here: `kubectl runner-doctor` needs nothing else in PATH.
    pub program: &'static str,
}

/// Where nothing tells the width: a pipe, a CI log.
const DEFAULT_WIDTH: usize = 80;
const NARROWEST: usize = 40;

impl Style {
    /// What any stream can take.
    pub const PLAIN: Style = Style {
        width: DEFAULT_WIDTH,
        color: false,
        unicode: false,
        program: "runner-doctor",
    };

    /// What the environment asks for and the stream can take.
    pub fn detect(choice: ColorChoice, stream_is_tty: bool) -> Self {
        let columns = || comfy_table::Table::new().width();
        let terminal = stream_is_tty.then(columns).flatten();
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::decide(choice, stream_is_tty, terminal.map(usize::from), read)
    }

    fn decide(
        choice: ColorChoice,
        tty: bool,
        terminal_width: Option<usize>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let is = |name: &str, value: &str| env(name).is_some_and(|v| v == value);
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if env("NO_COLOR").is_some() => false,
            ColorChoice::Auto if env("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
            ColorChoice::Auto => tty && !is("TERM", "dumb") && !is("CLICOLOR", "0"),
        };
        let columns = env("COLUMNS").and_then(|v| v.trim().parse().ok());
        let width = columns.filter(|c| *c > 0).or(terminal_width);
        // No locale at all says nothing about the terminal: CI logs and minimal images have none
        // and show UTF-8. The font of the Linux console has no marks.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&env);
        let utf8 = locale.is_none_or(|name| {
            let name = name.to_ascii_lowercase();
            name.contains("utf-8") || name.contains("utf8")
        });
        Style {
            width: width.unwrap_or(DEFAULT_WIDTH).max(NARROWEST),
            color,
            unicode: utf8 && !is("TERM", "linux"),
            ..Style::PLAIN
        }
    }

    pub(super) fn mark(&self, mark: Mark) -> &'static str {
        let (unicode, ascii) = match mark {
            Mark::Wrong => ("✗", "x"),
            Mark::Fine => ("✓", "+"),
            Mark::Unknown => ("?", "?"),
            Mark::Warning => ("!", "!"),
            Mark::Info => ("·", "-"),
            Mark::Neck => ("◄ neck", "< neck"),
            Mark::Branch => ("├ ", "|-"),
            Mark::LastBranch => ("└ ", "`-"),
            Mark::Trunk => ("│ ", "| "),
        };
        if self.unicode { unicode } else { ascii }
    }

    /// Foreign text on one line: clean, white space collapsed, in characters the terminal has.
    pub(super) fn text(&self, text: &str) -> String {
        let words: Vec<_> = text
            .split_whitespace()
            .map(|word| self.line(word))
            .collect();
        words.join(" ")
    }

    /// Foreign text whose spaces matter.
    pub(super) fn line(&self, text: &str) -> String {
        let text = clean(text);
        if self.unicode || text.is_ascii() {
            return text.into_owned();
        }
        text.chars().map(ascii).collect()
    }

    pub(super) fn paint(&self, ink: Ink, text: &str) -> String {
        let style = match ink {
            _ if !self.color || text.is_empty() => return text.to_owned(),
            Ink::Plain => return text.to_owned(),
            Ink::Bold => owo_colors::Style::new().bold(),
            Ink::Dim => owo_colors::Style::new().dimmed(),
            Ink::Bad => owo_colors::Style::new().red().bold(),
            Ink::Doubtful => owo_colors::Style::new().yellow(),
            Ink::Good => owo_colors::Style::new().green(),
        };
        text.style(style).to_string()
    }
}

/// Signs that stand beside a word that says the same, so that none is needed to read on.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Wrong,
    Fine,
    Unknown,
    Warning,
    Info,
    Neck,
    Branch,
    LastBranch,
    Trunk,
}

/// Only what can be read on a light and on a dark background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Bad,
    Doubtful,
    Good,
}

/// A character for a terminal that knows ASCII only.
fn ascii(c: char) -> Cow<'static, str> {
    Cow::Borrowed(match c {
        c if c.is_ascii() => return Cow::Owned(c.into()),
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '–' | '—' | '‑' | '·' => "-",
        '…' => "...",
        '→' => "->",
        '≤' => "<=",
        '≥' => ">=",
        '×' => "x",
        _ => "?",
    })
}

/// Foreign text made safe: whatever could move the cursor, start an escape sequence, turn the
/// direction of writing, hide, or command the CI system that prints it is written out, so that it
/// arrives as text only.
pub fn clean(text: &str) -> Cow<'_, str> {
    write_out(text, true)
}

/// The same for what is read as a command anyway, and so can hold none.
pub(super) fn clean_in_command(text: &str) -> Cow<'_, str> {
    write_out(text, false)
}

fn write_out(text: &str, commands: bool) -> Cow<'_, str> {
    let must = |(c, obeyed): (char, bool)| match commands {
        true => obeyed,
        false => is_unsafe(c),
    };
    if !obeyed(text).any(must) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (c, obeyed) in obeyed(text) {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if !must((c, obeyed)) => out.push(c),
            // Writing into a String cannot fail.
            c if u32::from(c) < 0x100 => _ = write!(out, "\\x{:02x}", u32::from(c)),
            c => _ = write!(out, "\\u{{{:x}}}", u32::from(c)),
        }
    }
    Cow::Owned(out)
}

/// Each character, and whether a terminal, or a CI system that prints it, would obey it or what it
/// begins: every format writes these out in its own way.
pub(super) fn obeyed(text: &str) -> impl Iterator<Item = (char, bool)> {
    text.char_indices().map(|(at, c)| {
        let begins = matches!(c, ':' | '#') && is_command(&text[at..]);
        (c, begins || is_unsafe(c))
    })
}

/// What CI systems obey in anything that a step prints: GitHub's `::name::` at the start of a line,
/// and anywhere its older `##[name]`, Azure's `##vso[name]` and TeamCity's `##teamcity[name`.
fn is_command(text: &str) -> bool {
    if let Some(name) = text.strip_prefix("##") {
        let rest = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        return rest.starts_with('[');
    }
    let Some(name) = text.strip_prefix("::") else {
        return false;
    };
    let rest = name.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-');
    let name = &name[..name.len() - rest.len()];
    // `fd00::beef` is an address; the shortest command is `echo`.
    let is_name = name.len() >= 4 && name.chars().any(|c| c != '-' && !c.is_ascii_hexdigit());
    is_name && (rest.is_empty() || rest.starts_with("::") || rest.starts_with(char::is_whitespace))
}

/// Controls (C0, DEL, C1), bidirectional controls, separators, what takes no space, and what is no
/// character (YAML and XML cannot hold it).
/// See <https://trojansource.codes> for why the directions are among them.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decide(choice: ColorChoice, tty: bool, env: &[(&str, &str)]) -> Style {
        Style::decide(choice, tty, tty.then_some(132), |name| {
            let found = env
                .iter()
                .find(|(key, value)| *key == name && !value.is_empty());
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn colour_follows_the_flag_then_the_environment_then_the_stream() {
        use ColorChoice::{Always, Auto, Never};
        let color = |choice, tty, env: &[(&str, &str)]| decide(choice, tty, env).color;
        assert!(color(Auto, true, &[("TERM", "xterm")]));
        assert!(!color(Auto, false, &[("TERM", "xterm")]));
        assert!(!color(Auto, true, &[("TERM", "dumb")]));
        assert!(!color(
            Auto,
            true,
            &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]
        ));
        assert!(color(Auto, true, &[("NO_COLOR", "")]));
        assert!(color(Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!color(Auto, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!color(Auto, true, &[("CLICOLOR", "0")]));
        assert!(color(Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")]));
        assert!(!color(Never, true, &[("CLICOLOR_FORCE", "1")]));
    }

    #[test]
    fn width_is_what_was_said_then_what_is_seen() {
        let width = |tty, env: &[(&str, &str)]| decide(ColorChoice::Auto, tty, env).width;
        assert_eq!(width(true, &[]), 132);
        assert_eq!(width(true, &[("COLUMNS", "60")]), 60);
        assert_eq!(width(true, &[("COLUMNS", "zero")]), 132);
        assert_eq!(width(false, &[]), 80);
        assert_eq!(width(false, &[("COLUMNS", "3")]), 40);
    }

    #[test]
    fn a_locale_without_utf8_gets_ascii() {
        let unicode = |env: &[(&str, &str)]| decide(ColorChoice::Auto, true, env).unicode;
        assert!(unicode(&[]));
        assert!(unicode(&[("LANG", "hu_HU.UTF-8")]));
        assert!(unicode(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!unicode(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!unicode(&[("LANG", "hu_HU.ISO-8859-2")]));
        assert!(!unicode(&[("LANG", "C.UTF-8"), ("TERM", "linux")]));
    }

    #[test]
    fn foreign_text_is_shown_and_never_obeyed() {
        assert!(matches!(clean("docker0 – ő 漢"), Cow::Borrowed(_)));
        assert_eq!(clean("\u{1b}[31mred"), "\\x1b[31mred");
        assert_eq!(clean("\u{1b}]52;c;aGk=\u{7}"), "\\x1b]52;c;aGk=\\x07");
        assert_eq!(clean("\u{9b}31m\u{7f}"), "\\x9b31m\\x7f");
        assert_eq!(clean("a\nb\r\tc"), "a\\nb\\r\\tc");
        assert_eq!(
            clean("gnp.\u{202e}exe\u{2066}"),
            "gnp.\\u{202e}exe\\u{2066}"
        );
        assert_eq!(clean("doc\u{200b}ker\u{2028}"), "doc\\u{200b}ker\\u{2028}");
    }

    #[test]
    fn what_a_ci_system_would_obey_is_written_out() {
        assert_eq!(
            clean("::set-output name=x::y"),
            "\\x3a:set-output name=x::y"
        );
        assert_eq!(clean("a::error::b"), "a\\x3a:error::b");
        assert_eq!(clean("a ##[add-mask]b"), "a \\x23#[add-mask]b");
        assert_eq!(clean("##vso[task.x y=z]"), "\\x23#vso[task.x y=z]");
        for harmless in [
            "fd00::beef",
            "::1/128",
            "::ffff:10.0.0.1",
            "# a ## [b]",
            "a::b::c",
        ] {
            assert!(matches!(clean(harmless), Cow::Borrowed(_)), "{harmless}");
        }
        assert_eq!(clean_in_command("::error::\n"), "::error::\\n");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text in "(\\PC|[:#\\[a-z \n\u{1b}\u{202e}-]){0,40}") {
            prop_assert!(!clean(&text).chars().any(is_unsafe));
            prop_assert!(!obeyed(&clean(&text)).any(|(_, obeyed)| obeyed));
            let ascii = Style { width: 80, color: false, unicode: false, ..Style::PLAIN };
            prop_assert!(ascii.line(&text).chars().all(|c| c.is_ascii() && !c.is_control()));
        }
    }
}
