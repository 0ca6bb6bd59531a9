//! Name patterns: `*` matches any text, `?` one character.

/// Whether the pattern matches the whole text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut star) = (0, None);
    let mut read = 0;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[read] => {
                at += 1;
                read += 1;
            }
            // The last star consumes one more character.
            _ => match star {
                Some((position, taken)) => {
                    star = Some((position, taken + 1));
                    at = position + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text) in [
            ("ci/*", "ci/runner-2jpsg"),
            ("*", ""),
            ("*_docker", "dind/0b5a_docker"),
            ("a*b*c", "a-b-b-c"),
            ("docker?", "docker0"),
            ("ci/runner", "ci/runner"),
            ("*ß*", "Größe"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("ci/*", "prod/ci/x"),
            ("docker?", "docker"),
            ("a*b*c", "a-c"),
            ("", "x"),
            ("ci/runner", "ci/runner-2"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
