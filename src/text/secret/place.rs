//! Secrets recognized by position only: the user in a URL, the value after a flag or a keyword, and
//! the text between the BEGIN and END lines of a key.

use super::assigned::{EXPLAINS, is_reference, value_at};
use super::name::sounds_secret;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Each has one group, the secret.
static PLACES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // Keys and certificates, whole or cut off; line breaks may be written as \n.
        r"(?s)-----BEGIN [A-Z0-9 ]+-----(.*?)(?:-----END|\z)",
        // scheme://user:password@host; the password may contain any character.
        r#"://([^/\s"'<>@?#]*(?:@[^/\s"'<>@?#]+)*)@"#,
        r#"://([^/\s"'<>:@]+:[^/\s"'<>@]*[^0-9/\s"'<>@][^\s"'<>@]*)@"#,
        // user:password@host
        r#"(?:^|[\s"'=(,])([A-Za-z0-9_.+-]+:[^\s/@:"'=]+)@[A-Za-z][A-Za-z0-9.-]*[.:(/]"#,
        // Basic and Bearer, if the value is not all lower case.
        r"(?i:\b(?:bearer|basic|negotiate)) +([A-Za-z0-9._~+/=-]*[A-Z0-9=][A-Za-z0-9._~+/=-]{5,})",
        // curl -u user:password, docker login -p password, mysql -ppassword, sshpass -p, redis-cli -a.
        r#"\s(?:-u|--user|--proxy-user)[ =]["']?([^\s"':]+:[^\s"']+)"#,
        r#"\b(?:login|sshpass)\b.*? ["']?-p["',]{0,2}[ =]*["']?([^\s"',-][^\s"',]*)"#,
        r#"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b.*? -p([^\s"']+)"#,
        r#"\bredis-cli\b.*? -a +["']?([^\s"']+)"#,
        r"\blogin +\S+ +password +(\S+)",
        // In SQL, and quoted in a sentence.
        r#"(?i)\b(?:identified by|passw(?:or)?d|passphrase) +["'`]([^"'`]+)["'`]"#,
        r"(?i)\b(?:passw(?:or)?d|passphrase|token|secret|api key) is +(\S*[0-9]\S*)",
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// Prefixes of `NAME:VERSION@SOURCE` that are not credentials.
const SOURCES: [&str; 8] = [
    "acct:",
    "mailto:",
    "npm:",
    "patch:",
    "pkg:",
    "workspace:",
    "docker:",
    "git:",
];

/// Flags whose value is separate: `--password VALUE`, or an item of a list.
static FLAG: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:^|[\s"'\[(,])--?([A-Za-z][A-Za-z0-9_.-]{1,60})"#).ok());

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    for place in PLACES.iter() {
        for secret in place.captures_iter(text).filter_map(|all| all.get(1)) {
            let written = secret.as_str();
            let is_source = SOURCES.iter().any(|source| written.starts_with(source));
            if !(is_source || matches!(written, "" | "git") || is_reference(written)) {
                // A quoted password may contain spaces.
                let is_quoted = text[..secret.start()].ends_with(['"', '\'', '`']);
                let whole = is_quoted.then(|| value_at(text, secret.start()).end);
                found.push(secret.start()..secret.end().max(whole.unwrap_or(0)));
            }
        }
    }
    let flags = FLAG.iter().flat_map(|flag| flag.captures_iter(text));
    for name in flags.filter_map(|flag| flag.get(1)) {
        let Some(at) = after_gap(text, name.end()).filter(|_| sounds_secret(name.as_str())) else {
            continue;
        };
        let value = value_at(text, at);
        let word = &text[value.clone()];
        if !(word.starts_with('-') || EXPLAINS.contains(&word) || is_reference(word)) {
            found.push(value);
        }
    }
}

/// The start of a flag's value: after a space, or in a list after the quotes and comma.
fn after_gap(text: &str, at: usize) -> Option<usize> {
    let quote = ['"', '\''];
    let rest = text[at..].trim_start_matches('\\');
    let rest = rest.strip_prefix(quote).unwrap_or(rest);
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    let value = rest.trim_start();
    let value = match value.len() < rest.len() {
        true => value.trim_start_matches('\\'),
        false => return None,
    };
    let value = value.strip_prefix(quote).unwrap_or(value);
    Some(text.len() - value.len())
}
