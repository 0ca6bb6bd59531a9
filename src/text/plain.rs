//! Makes text from a container safe: bounded, valid, without control characters.

use crate::text::secret;

const LONGEST: usize = 512;

/// At most a few hundred visible characters, without terminal escapes and with secrets redacted, so
/// that a recording is safe to share.
pub fn plain(text: &str) -> String {
    // Text that is cut off later, and line ends, may still mark what precedes them as a secret.
    let text: String = text
        .chars()
        .filter(|c| c.is_whitespace() || !acts(*c))
        .take(4 * LONGEST)
        .collect();
    legible(&secret::hide(text.trim()))
}

/// The same for a text whose secrets are already redacted.
pub fn legible(text: &str) -> String {
    let visible: String = text
        .trim()
        .chars()
        .filter(|c| !acts(*c))
        .take(LONGEST)
        .collect();
    visible.trim().to_owned()
}

/// An image reference: plain, and without credentials before its registry.
pub fn image(text: &str) -> String {
    let text = plain(text);
    let ends_user = |(at, _): &(usize, &str)| {
        let rest = &text[at + 1..];
        !rest
            .split(['/', '@'])
            .next()
            .is_some_and(|digest| digest.contains(':') && !rest.contains('/'))
    };
    match text.match_indices('@').rfind(ends_user) {
        Some((at, _)) => text[at + 1..].to_owned(),
        None => text,
    }
}

/// Control characters, and those that reorder or hide the text around them.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::{image, plain};

    #[test]
    fn nothing_that_acts_is_left() {
        assert_eq!(
            plain("a\u{1b}]52;c;YQ==\u{7}b\n\u{202e}c\u{9b}d"),
            "a]52;c;YQ==bcd"
        );
        assert_eq!(plain(&"x".repeat(5000)).len(), super::LONGEST);
    }

    #[test]
    fn an_image_names_no_user() {
        for (written, kept) in [
            ("docker:28-dind", "docker:28-dind"),
            (
                "u:pw@registry.example:5000/a/b:1",
                "registry.example:5000/a/b:1",
            ),
            ("u:p@w@r.example/a@sha256:12ab", "r.example/a@sha256:12ab"),
            ("docker@sha256:12ab", "docker@sha256:12ab"),
            ("r.example/a:1@sha256:12ab", "r.example/a:1@sha256:12ab"),
            ("u:pw@docker", "docker"),
        ] {
            assert_eq!(image(written), kept);
        }
    }
}
