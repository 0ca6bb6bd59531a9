//! Terminal hyperlinks (OSC 8), only in terminals that are known to support them: others may print
//! the escape sequence.

use clap::ColorChoice;
use std::io::{IsTerminal, stdout};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Links(bool);

impl Links {
    pub const NONE: Links = Links(false);

    /// Detects what standard output supports; without color there are no escape sequences.
    pub fn detect(choice: ColorChoice) -> Self {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::decide(choice, stdout().is_terminal(), read)
    }

    fn decide(choice: ColorChoice, tty: bool, env: impl Fn(&str) -> Option<String>) -> Self {
        if let Some(forced) = env("FORCE_HYPERLINK") {
            return Links(forced != "0");
        }
        let off = choice == ColorChoice::Never || env("NO_COLOR").is_some() || env("CI").is_some();
        let is =
            |name: &str, known: &[&str]| env(name).is_some_and(|v| known.contains(&v.as_str()));
        // tmux and screen hide the outer terminal.
        let hidden =
            env("TMUX").is_some() || env("STY").is_some() || is("TERM", &["dumb", "linux"]);
        let programs = ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio"];
        let terms = [
            "xterm-kitty",
            "xterm-ghostty",
            "alacritty",
            "foot",
            "wezterm",
        ];
        // VTE (GNOME's terminals) supports them since 0.50, except in 0.50.0.
        let vte = env("VTE_VERSION").and_then(|version| version.parse().ok());
        let known = is("TERM_PROGRAM", &programs)
            || is("TERM", &terms)
            || env("WT_SESSION").is_some()
            || env("KONSOLE_VERSION").is_some()
            || vte.is_some_and(|version: u32| version > 5000);
        Links(tty && !off && !hidden && known)
    }

    /// A clean URL as a link to itself.
    pub fn write(self, address: &str) -> String {
        self.to(address, address)
    }

    /// A clean text as a link to a clean URL.
    pub fn to(self, address: &str, text: &str) -> String {
        let is_one =
            address.starts_with("https://") && address.bytes().all(|b| b.is_ascii_graphic());
        match self.0 && is_one {
            true => format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\"),
            false => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_that_have_them_get_links() {
        let decide = |tty, env: &[(&str, &str)]| {
            let read = |name: &str| {
                let found = env.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Links::decide(ColorChoice::Auto, tty, read).0
        };
        assert!(decide(true, &[("TERM", "xterm-kitty")]));
        assert!(decide(
            true,
            &[("VTE_VERSION", "7000"), ("TERM", "xterm-256color")]
        ));
        assert!(decide(false, &[("FORCE_HYPERLINK", "1")]));
        for env in [
            &[("TERM", "xterm-256color")][..],
            &[("VTE_VERSION", "4800")],
            &[("TERM", "foot"), ("NO_COLOR", "1")],
            &[("TERM", "foot"), ("TMUX", "x")],
            &[("TERM", "foot"), ("FORCE_HYPERLINK", "0")],
        ] {
            assert!(!decide(true, env), "{env:?}");
        }
        assert!(!decide(false, &[("TERM", "xterm-kitty")]));
        assert_eq!(Links(true).write("a book"), "a book");
    }
}
