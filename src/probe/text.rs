//! Text that a container wrote, made plain: bounded, valid, without characters that act.

const LONGEST: usize = 512;

/// At most a few hundred visible characters. What a terminal would act on is left out.
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !acts(*c))
        .take(LONGEST)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Control characters, and those that turn or hide the text around them.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_that_acts_is_left() {
        assert_eq!(
            plain("a\u{1b}]52;c;YQ==\u{7}b\n\u{202e}c\u{9b}d"),
            "a]52;c;YQ==bcd"
        );
        assert_eq!(plain(&"x".repeat(5000)).len(), super::LONGEST);
    }
}
