//! Capabilities of the terminal.

use super::links::Links;
use crate::text::clean::clean;
use clap::ColorChoice;
use owo_colors::OwoColorize;
use std::borrow::Cow;

/// The output style: columns, colors and the characters the terminal supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style<'a> {
    pub width: usize,
    pub color: bool,
    pub unicode: bool,
    /// Print everything, not only what fits on a screen.
    pub full: bool,
    /// Whether texts may be links.
    pub links: Links,
    /// How this program was invoked, for suggested commands: `kubectl runner-doctor`.
    pub program: &'a str,
    /// The arguments to examine the same runners with another command: `-n ci`.
    pub source: &'a str,
    /// The arguments to use the same checks in another command: `--checks-dir ours`.
    pub check_files: &'a str,
}

/// For output without a known width: a pipe, a CI log.
const DEFAULT_WIDTH: usize = 80;
const NARROWEST: usize = 40;

impl Style<'_> {
    /// Supported by any stream.
    pub const PLAIN: Style<'static> = Style {
        width: DEFAULT_WIDTH,
        color: false,
        unicode: false,
        full: true,
        program: "runner-doctor",
        links: Links::NONE,
        source: "",
        check_files: "",
    };

    /// What the environment requests and the stream supports.
    pub fn detect(choice: ColorChoice, stream_is_tty: bool) -> Self {
        let columns = || comfy_table::Table::new().width();
        let terminal = stream_is_tty.then(columns).flatten();
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Style {
            links: Links::detect(choice),
            ..Self::decide(choice, stream_is_tty, terminal.map(usize::from), read)
        }
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
        // No locale does not mean no UTF-8: CI logs and minimal images have none and show UTF-8.
        // The Linux console's font lacks the marks.
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
            Mark::Neck => ("◄ bottleneck", "< bottleneck"),
            Mark::Branch => ("├ ", "|-"),
            Mark::LastBranch => ("└ ", "`-"),
            Mark::Trunk => ("│ ", "| "),
        };
        if self.unicode { unicode } else { ascii }
    }

    /// External text on one line: cleaned, white space collapsed, in characters the terminal supports.
    pub(super) fn text(&self, text: &str) -> String {
        let words: Vec<_> = text
            .split_whitespace()
            .map(|word| self.line(word))
            .collect();
        words.join(" ")
    }

    /// External text whose spaces matter.
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

/// Marks are always next to a word with the same meaning, so the text is readable without them.
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

/// Only colors that are readable on both light and dark backgrounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Bad,
    Doubtful,
    Good,
}

/// The replacement for a character on an ASCII-only terminal.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decide(choice: ColorChoice, tty: bool, env: &[(&str, &str)]) -> Style<'static> {
        Style::decide(choice, tty, tty.then_some(132), |name| {
            let found = env
                .iter()
                .find(|(key, value)| *key == name && !value.is_empty());
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn color_follows_the_flag_then_the_environment_then_the_stream() {
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

    proptest! {
        #[test]
        fn a_terminal_without_unicode_gets_ascii(text in "(\\PC|[:#\\[a-z \n\u{1b}\u{202e}-]){0,40}") {
            let ascii = Style { width: 80, color: false, unicode: false, ..Style::PLAIN };
            prop_assert!(ascii.line(&text).chars().all(|c| c.is_ascii() && !c.is_control()));
        }
    }
}
