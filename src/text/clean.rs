//! The only output path for text from other programs: after it, the text cannot control a terminal
//! or a CI system.

use std::borrow::Cow;
use std::fmt::Write;

/// Foreign text made safe: whatever could move the cursor, start an escape sequence, turn the
/// direction of writing, hide, or command the CI system that prints it is written out, so that it
/// arrives as text only.
pub fn clean(text: &str) -> Cow<'_, str> {
    write_out(text, true)
}

/// The same for what is read as a command anyway, and so can hold none.
pub(crate) fn clean_in_command(text: &str) -> Cow<'_, str> {
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
pub(crate) fn obeyed(text: &str) -> impl Iterator<Item = (char, bool)> {
    text.char_indices().map(|(at, c)| {
        let begins = match c {
            ':' => is_command(&text[at..]) || is_section(&text[..at], &text[at + 1..]),
            '#' => is_command(&text[at..]),
            _ => false,
        };
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

/// GitLab's marks of a section, `section_start:TIME:NAME`: the sign after the first word.
fn is_section(before: &str, after: &str) -> bool {
    let is_word = before.ends_with("section_start") || before.ends_with("section_end");
    is_word && after.starts_with(|c: char| c.is_ascii_digit())
}

/// Controls (C0, DEL, C1), bidirectional controls, separators, what takes no space, and what is no
/// character (YAML and XML cannot hold it).
/// See <https://trojansource.codes> for why the directions are among them.
pub(crate) fn is_unsafe(c: char) -> bool {
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
        assert_eq!(clean("##teamcity[x]"), "\\x23#teamcity[x]");
        assert_eq!(
            clean("section_start:1560896352:x\r\u{1b}[0K"),
            "section_start\\x3a1560896352:x\\r\\x1b[0K"
        );
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
        fn nothing_unsafe_is_left(text in "(\\PC|[:#\\[a-z \n\u{1b}\u{202e}-]|section_start:[0-9]){0,40}") {
            prop_assert!(!clean(&text).chars().any(is_unsafe));
            prop_assert!(!obeyed(&clean(&text)).any(|(_, obeyed)| obeyed));
        }
    }
}
