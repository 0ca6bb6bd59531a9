//! Variables that files set for jobs and services: those with a plain-text secret, judging by name.

use super::declared;
use super::place::Places;
use crate::evidence::{Role, Runner};
use crate::text::plain::plain;
use crate::text::secret::holds_secret;
use crate::yaml::{Node, Span};

/// Adds a job or service with secrets as a container, so that the check for pods judges it too.
pub(crate) fn note(
    runner: &mut Runner,
    places: &mut Places,
    holder: &str,
    role: Role,
    variables: Option<&Node>,
) {
    let found = variables.map(secrets).unwrap_or_default();
    if found.is_empty() {
        return;
    }
    let holder = plain(holder);
    for (name, span) in &found {
        places.note(&holder, name, *span);
    }
    let mut container = declared::container(&holder);
    container.role = role;
    container.plain_secrets = found.into_iter().map(|(name, _)| name).collect();
    runner.containers.push(container);
}

/// `NAME: value`, `NAME: {value: …}`, or a list of `NAME=value`.
fn secrets(variables: &Node) -> Vec<(String, Span)> {
    let of_map = variables.entries().iter().filter_map(|(key, value)| {
        let value = value.get("value").unwrap_or(value);
        Some((key.text()?, value.text()?, value.is_word(), key.span))
    });
    let of_list = variables.items().iter().filter_map(|item| {
        let (name, value) = item.text()?.split_once('=')?;
        Some((name, value, true, item.span))
    });
    of_map
        .chain(of_list)
        .filter(|(name, value, word, _)| {
            holds_secret(name) && !is_of_test_database(name) && is_literal(value, *word)
        })
        .map(|(name, _, _, span)| (plain(name), span))
        .collect()
}

/// Variables of test databases: the password is discarded with the step and protects nothing.
fn is_of_test_database(name: &str) -> bool {
    const DATABASES: [&str; 8] = [
        "POSTGRES",
        "POSTGRESQL",
        "MYSQL",
        "MARIADB",
        "MONGO",
        "MSSQL",
        "SA",
        "REDIS",
    ];
    let name = name.to_ascii_uppercase();
    let first = name.split('_').next().unwrap_or_default();
    name.ends_with("PASSWORD") && DATABASES.contains(&first)
}

/// Whether a tool substitutes the value: a variable, a template placeholder, an encrypted text, or the
/// address of a secret in a vault.
pub(super) fn is_put_in(value: &str) -> bool {
    const MARKS: [&str; 12] = [
        "${",
        "$(",
        "{{",
        "<",
        "ENC[",
        "op://",
        "vault:",
        "ref+",
        "secret://",
        "awssm:",
        "AVP:",
        "[[",
    ];
    let value = value.trim();
    let is_reference = value
        .strip_prefix('$')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    let inside = ["${", "{{"].iter().any(|mark| value.contains(mark));
    is_reference
        || inside
        || MARKS.iter().any(|mark| value.starts_with(mark))
        || is_placeholder(value)
}

/// Placeholders for a secret in examples: `YOUR_TOKEN_HERE`, `BASE64-ENCODED-APP-ID`, `replace-me`,
/// `xxxxxxxx`.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 9] = [
        "your",
        "replace",
        "replaceme",
        "change",
        "changeme",
        "placeholder",
        "insert",
        "todo",
        "example",
    ];
    let words: Vec<&str> = value.split(['_', '-', ' ', '.']).collect();
    // Digits end a word as in `BASE64`; in random text they are anywhere.
    let is_capital = |word: &&str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        !letters.is_empty() && letters.chars().all(|c| c.is_ascii_uppercase())
    };
    let known = |word: &&str| WORDS.contains(&word.to_ascii_lowercase().as_str());
    words.len() > 1 && words.iter().all(is_capital)
        || words.iter().any(known)
        || value.len() > 3 && value.chars().all(|c| matches!(c, 'x' | 'X' | '*' | '.'))
}

/// Whether the value is a literal secret: no variable reference, no placeholder, no boolean.
fn is_literal(value: &str, word: bool) -> bool {
    let value = value.trim();
    let is_switch = word && (value.len() < 4 || matches!(value, "true" | "false"));
    !(value.is_empty() || is_put_in(value) || is_switch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Offset, load};

    fn names(text: &str) -> Vec<String> {
        let node = load(text, Offset::default()).unwrap().remove(0);
        secrets(&node).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn secrets_are_told_from_references_switches_and_test_databases() {
        assert_eq!(
            names(
                "OAUTH_CLIENT_SECRET: abcd\nDOCKER_AUTH_CONFIG: '{\"auths\": {}}'\nDEPLOY_TOKEN: {value: abcd, description: x}\nAWS_SECRET_ACCESS_KEY: abcd\n"
            ),
            [
                "OAUTH_CLIENT_SECRET",
                "DOCKER_AUTH_CONFIG",
                "DEPLOY_TOKEN",
                "AWS_SECRET_ACCESS_KEY"
            ]
        );
        assert_eq!(
            names("- NPM_TOKEN=abcd\n- PLAIN=abcd\n- CI_TOKEN\n"),
            ["NPM_TOKEN"]
        );
        for secret in ["AKIA5EXAMPLEKEY", "A1B2C3D4-E5F6", "s3cr3t-example1"] {
            assert_eq!(names(&format!("A_TOKEN: {secret}")), ["A_TOKEN"]);
        }
        for harmless in [
            "A_TOKEN: $A_TOKEN",
            "A_TOKEN: ${A_TOKEN}",
            "A_TOKEN: ''",
            "A_TOKEN:",
            "USE_TOKEN: true",
            "A_TOKEN: {description: type it in}",
            "POSTGRES_PASSWORD: postgres",
            "MYSQL_ROOT_PASSWORD: let_me_in",
            "A_SECRET: '{{ .Values.secret }}'",
            "TOKENIZER: fast",
            "- A_TOKEN=$OTHER",
            "A_TOKEN: YOUR_TOKEN_HERE",
            "A_TOKEN: glrt-YOUR_TOKEN_HERE",
            "A_TOKEN: BASE64-ENCODED-APP-ID",
            "A_TOKEN: replace-me",
            "A_TOKEN: xxxxxxxx",
        ] {
            assert_eq!(names(harmless), Vec::<String>::new(), "{harmless}");
        }
    }
}
