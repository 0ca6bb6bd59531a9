//! Words that nobody made up: the net for secrets of which neither name nor shape is known.

use std::ops::Range;

/// Shorter ones may be the ids that Kubernetes and Docker make.
const SHORTEST: usize = 20;
/// Where only one case of letters stands among the digits, as in many an id.
const SHORTEST_ONE_CASE: usize = 27;
/// Lengths of ids in hex: commits, containers, digests; shorter ones are looked at by nobody.
const HEX_IDS: [usize; 5] = [40, 56, 64, 96, 128];
/// What stands before a digest, and says that it is one.
const DIGESTS: [&str; 9] = [
    "sha1", "sha224", "sha256", "sha384", "sha512", "SHA256", "h1", "md5", "MD5",
];

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    for run in text.split(|c: char| !is_of_word(c)) {
        let start = from;
        from += run.len();
        from += text[from..].chars().next().map_or(0, char::len_utf8);
        let named = run.split('-').next().unwrap_or_default();
        if run.len() < SHORTEST || DIGESTS.contains(&named) || is_digest(&text[..start]) {
            continue;
        }
        let is_path = run.starts_with('/') || text[..start].ends_with(['.', '~', ':']);
        if !is_path && is_random(run) {
            found.push(start..start + run.len());
            continue;
        }
        let mut at = start;
        for piece in run.split_inclusive('/') {
            let bare = piece.trim_end_matches('/');
            let encoded = bare.len() >= SHORTEST && is_random(bare);
            if encoded || !is_path && one_case_pieces(bare).any(is_random_in_one_case) {
                found.push(at..at + bare.len());
            }
            at += piece.len();
        }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_')
}

/// Whether what comes is the value of a digest or of an id: `sha256:`, `traceID=`.
fn is_digest(before: &str) -> bool {
    let name = before.trim_end_matches(['"', '=', ':', ' ']);
    if name.len() < before.len() && (name.ends_with("id") || name.ends_with("ID")) {
        return true;
    }
    let Some(before) = before.strip_suffix(':') else {
        return false;
    };
    DIGESTS.iter().any(|name| before.ends_with(name))
}

/// Whether letters of both cases and digits change places as they do where chance puts them.
pub(super) fn is_random(word: &str) -> bool {
    let classes = word.bytes().filter_map(class);
    let (mut lower, mut upper, mut digit) = (0, 0, 0);
    let (mut changes, mut count, mut last) = (0, 0, None);
    for class in classes {
        match class {
            Class::Lower => lower += 1,
            Class::Upper => upper += 1,
            Class::Digit => digit += 1,
        }
        count += 1;
        // A capital begins a word; every other change is rare in words.
        let begins_word = last == Some(Class::Upper) && class == Class::Lower;
        changes += usize::from(last.is_some_and(|last| last != class) && !begins_word);
        last = Some(class);
    }
    lower > 2 && upper > 2 && digit > 0 && 4 * changes >= count
}

/// The parts of a name, one of which may be a token: `acme-4f9x…`.
fn one_case_pieces(word: &str) -> impl Iterator<Item = &str> {
    word.split(['-', '_', '+'])
}

/// The same of letters of one case and digits, or of hex that is no id.
fn is_random_in_one_case(word: &str) -> bool {
    if word.bytes().all(|b| b.is_ascii_hexdigit()) {
        let has_both = word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().any(|b| b.is_ascii_alphabetic());
        return has_both && word.len() >= 32 && !HEX_IDS.contains(&word.len());
    }
    let (mut letters, mut digits, mut changes, mut last) = (0, 0, 0, None);
    let is_mixed = word.bytes().any(|b| b.is_ascii_lowercase())
        && word.bytes().any(|b| b.is_ascii_uppercase());
    for class in word.bytes().filter_map(class) {
        match class {
            Class::Digit => digits += 1,
            _ => letters += 1,
        }
        changes += usize::from(last.is_some_and(|last| last != class));
        last = Some(class);
    }
    !is_mixed
        && word.len() >= SHORTEST_ONE_CASE
        && digits > 3
        && letters > 3
        && 5 * changes >= word.len()
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Lower,
    Upper,
    Digit,
}

fn class(byte: u8) -> Option<Class> {
    match byte {
        b'a'..=b'z' => Some(Class::Lower),
        b'A'..=b'Z' => Some(Class::Upper),
        b'0'..=b'9' => Some(Class::Digit),
        _ => None,
    }
}
