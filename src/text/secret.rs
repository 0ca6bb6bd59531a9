//! What sounds like a secret, by its name, and the hiding of it in text from elsewhere.

/// `OAUTH_CLIENT_SECRET`, `NPM_TOKEN`, `DB_PASSWORD` and their like; and what Docker's clients log
/// in with, as GitLab calls it.
pub(crate) fn holds_secret(variable: &str) -> bool {
    const WORDS: [&str; 8] = [
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "SECRET_KEY",
        "SECRET_ACCESS_KEY",
        "API_KEY",
        "PRIVATE_KEY",
    ];
    let name = variable.to_ascii_uppercase();
    let ends = WORDS.iter().any(|word| {
        name.strip_suffix(word)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    });
    ends || matches!(name.as_str(), "DOCKER_AUTH" | "DOCKER_AUTH_CONFIG")
}

/// Wider than what is a finding: what is only hidden costs nothing.
pub(crate) fn sounds_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let words = [
        "password",
        "passwd",
        "apikey",
        "api_key",
        "api-key",
        "credential",
        "access_key",
    ];
    // `secretName`, `secretKeyRef` and `key` say where a secret is, not what it is.
    holds_secret(name)
        || words.iter().any(|word| lower.contains(word))
        || matches!(lower.as_str(), "token" | "secret" | "auth")
        || lower.ends_with("secret") && lower != "imagepullsecret"
        || lower.ends_with("token") && lower != "automountserviceaccounttoken"
}

/// Hides what a line gives away by itself: `NAME_TOKEN=value`, `--password=value`, and the user of
/// an URL.
pub(crate) fn without_inline_secrets(line: &str) -> String {
    masked(line, sounds_secret)
}

/// Hides the user of an URL, and nothing else.
pub(crate) fn without_users(line: &str) -> String {
    masked(line, |_| false)
}

fn masked(line: &str, sounds_secret: impl Fn(&str) -> bool) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ']' | '}');
    let mut at = 0;
    while at < chars.len() {
        let rest: String = chars[at..].iter().take(3).collect();
        let from = match chars[at] {
            '=' if sounds_secret(&name_before(&chars, at)) => Some(at + 1),
            ':' if rest == "://" => Some(at + 3),
            _ => None,
        };
        if let Some(from) = from {
            let length = chars[from..].iter().take_while(|c| !ends(**c)).count();
            let to = match chars[at] {
                '=' => Some(from + length),
                // Only what stands before an @ is a user.
                _ => {
                    let host = chars[from..from + length].iter().take_while(|c| **c != '/');
                    let host: Vec<_> = host.collect();
                    host.iter().rposition(|c| **c == '@').map(|at| from + at)
                }
            };
            if let Some(to) = to {
                chars[from..to].fill('*');
            }
        }
        at += 1;
    }
    chars.into_iter().collect()
}

/// The name that ends before a position: of a variable, or of a flag.
fn name_before(chars: &[char], at: usize) -> String {
    let is_name = |c: &&char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let length = chars[..at].iter().rev().take_while(is_name).count();
    chars[at - length..at].iter().collect()
}

/// Hides in a line of somebody else's what is, by all its looks, a secret: what the names of
/// variables and flags give away, the user of an URL, and what authorises a request.
pub(crate) fn hidden(line: &str) -> String {
    let line = without_inline_secrets(line);
    let mut out = String::with_capacity(line.len());
    let mut hide_next = false;
    for word in line.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let name = bare.trim_end_matches([':', '=', '"', '\'']);
        let name = name.trim_start_matches(['"', '\'', '{', '[', '(']);
        let announces = matches!(name.to_ascii_lowercase().as_str(), "bearer" | "basic");
        match (hide_next && !announces, secret_in_pair(bare)) {
            (true, _) => stars(word, 0, &mut out),
            (false, Some(from)) => stars(word, from, &mut out),
            (false, None) => out.push_str(word),
        }
        // `--password VALUE`, `Authorization: Bearer VALUE`, `"token": "VALUE"`.
        let flag = name.trim_start_matches('-');
        let names_one = name.len() < bare.len() || name.starts_with("--");
        hide_next = announces || names_one && sounds_secret(flag);
    }
    out
}

/// Where in `"token":"VALUE"` the value begins.
fn secret_in_pair(word: &str) -> Option<usize> {
    let colon = word.find(':')?;
    let name = word[..colon].trim_matches(['"', '\'', '{', '[', ',']);
    (sounds_secret(name) && colon + 1 < word.len()).then_some(colon + 1)
}

/// A word whose characters from a byte on are hidden, one for one.
fn stars(word: &str, from: usize, out: &mut String) {
    out.push_str(&word[..from]);
    out.extend(word[from..].chars().map(|c| match c.is_whitespace() {
        true => c,
        false => '*',
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hiding_keeps_the_columns(line in ".{0,60}") {
            prop_assert_eq!(without_inline_secrets(&line).chars().count(), line.chars().count());
            prop_assert_eq!(hidden(&line).chars().count(), line.chars().count());
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden() {
        for line in [
            "Get \"https://user:CANARY@mirror.example/v2/\": EOF",
            "--log-opt splunk-token=CANARY",
            "docker login --password CANARY registry.example",
            "Authorization: Bearer CANARY",
            "proxy-authorization: Basic CANARY",
            "{\"auth\":\"CANARY\", \"token\": \"CANARY\"}",
            "RUNNER_TOKEN=CANARY dockerd",
        ] {
            assert!(!hidden(line).contains("CANARY"), "{}", hidden(line));
        }
        for line in [
            "tcp://127.0.0.1:2375",
            "dockerd does not accept connections on unix:///run/docker.sock",
            "the server asks for Basic authentication",
            "grant `get` on secrets: it is refused",
        ] {
            let kept = line.replace("authentication", "**************");
            assert_eq!(hidden(line), kept);
        }
    }
}
