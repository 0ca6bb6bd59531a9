//! Detects secrets by the name of a variable or field.

/// `OAUTH_CLIENT_SECRET`, `NPM_TOKEN`, `DB_PASSWORD` and similar, and GitLab's variable for Docker
/// credentials.
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

/// Endings of names of secrets, without the separators between words.
const ENDINGS: [&str; 31] = [
    "apikey",
    "accesskey",
    "accountkey",
    "authconfig",
    "authkey",
    "authorization",
    "clientkey",
    "connectionstring",
    "cookie",
    "credential",
    "credentials",
    "deploykey",
    "dockerconfigjson",
    "encryptionkey",
    "gpgkey",
    "masterkey",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretid",
    "secretkey",
    "sessionid",
    "sessionkey",
    "sharedkey",
    "signature",
    "signingkey",
    "sshkey",
    "token",
];
/// Endings that must be a separate word: `DB_PASS`, `x-registry-auth`, `dbPwd`.
const LAST_WORDS: [&str; 16] = [
    "auth", "bearer", "cred", "creds", "dsn", "jwt", "otp", "pass", "pat", "psk", "pswd", "pw",
    "pwd", "sas", "sig", "webhook",
];
/// Words that mark a secret anywhere in a name, as in `PASSWORD_PROD`.
const WORDS: [&str; 6] = [
    "apikey",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "token",
];
/// Words of names that only describe a secret: its location, its lifetime.
const ABOUT: [&str; 33] = [
    "algorithm",
    "arn",
    "authentication",
    "count",
    "dir",
    "directory",
    "enabled",
    "endpoint",
    "expires",
    "expiry",
    "fd",
    "file",
    "format",
    "helper",
    "id",
    "key",
    "length",
    "limit",
    "mode",
    "name",
    "path",
    "policy",
    "provider",
    "ref",
    "review",
    "seconds",
    "server",
    "source",
    "stdin",
    "store",
    "ttl",
    "type",
    "url",
];
/// Names with such endings that contain no secret.
const HARMLESS: [&str; 4] = [
    "automountserviceaccounttoken",
    "imagepullsecret",
    "oldpwd",
    "pwd",
];

/// Broader than the finding: redacting too much is harmless.
pub(crate) fn sounds_secret(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | '.'));
    let flat: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if HARMLESS.contains(&flat.as_str()) {
        return false;
    }
    if ENDINGS.iter().any(|ending| flat.ends_with(ending)) {
        return true;
    }
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    LAST_WORDS.contains(&last)
        || words.iter().any(|word| WORDS.contains(&word.as_str())) && !ABOUT.contains(&last)
}

/// `dbPassword`, `DB_PASSWORD` and `db-password` are two words each, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        let separates = !c.is_ascii_alphanumeric();
        if separates || c.is_ascii_uppercase() && after_lower {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| !separates) {
            word.push(c.to_ascii_lowercase());
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words
}
