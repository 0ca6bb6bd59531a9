//! Values assigned to secret-sounding names: `NAME=value` in a shell or a URL, `name: value` in YAML,
//! JSON and HTTP, `<name>value</name>` in XML.

use super::name::sounds_secret;
use std::ops::Range;

const LONGEST_NAME: usize = 80;
/// A longer quotation is an unbalanced quote.
const LONGEST_QUOTED: usize = 16 << 10;
/// The maximum width of whitespace and quotes between a name, its sign and its value.
const WIDEST_GAP: usize = 16;

/// Authentication schemes, after which a header continues with the secret.
const SCHEMES: [&str; 11] = [
    "apikey",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "digest",
    "gitlab-ci-token",
    "negotiate",
    "ntlm",
    "token",
    "key",
    "splunk",
];

fn is_scheme(word: &str) -> bool {
    SCHEMES.contains(&word.to_ascii_lowercase().as_str())
}

/// Words of an error after `token: ` or `--password `, which are not a secret.
pub(super) const EXPLAINS: [&str; 65] = [
    "EOF",
    "Failed",
    "Forbidden",
    "Get",
    "Head",
    "Invalid",
    "Post",
    "Put",
    "Unauthorized",
    "a",
    "access",
    "an",
    "and",
    "are",
    "argument",
    "authentication",
    "cannot",
    "connect",
    "context",
    "could",
    "couldn't",
    "denied",
    "dial",
    "does",
    "error",
    "expired",
    "failed",
    "failure",
    "flag",
    "for",
    "forbidden",
    "has",
    "in",
    "incorrect",
    "insufficient",
    "invalid",
    "is",
    "it",
    "log",
    "login",
    "lookup",
    "malformed",
    "missing",
    "must",
    "net/http",
    "no",
    "not",
    "of",
    "open",
    "or",
    "permission",
    "read",
    "required",
    "requires",
    "rpc",
    "server",
    "the",
    "tls",
    "to",
    "unable",
    "unauthorized",
    "unexpected",
    "unknown",
    "was",
    "x509",
];
/// Values that reveal nothing.
const HARMLESS: [&str; 15] = [
    "", "''", "\"\"", "null", "nil", "~", "none", "None", "true", "false", "yes", "no", "on",
    "off", "VALUE",
];

/// A reference to a value stored elsewhere: `$TOKEN`, `${{ secrets.x }}`, `<token>`, `%s`.
pub(super) fn is_reference(value: &str) -> bool {
    let mut chars = value.chars();
    match chars.next() {
        Some('$') => chars
            .next()
            .is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '{' | '(')),
        Some('%') => value.len() < 4,
        Some('<') => true,
        _ => value.starts_with("{{"),
    }
}

/// The value at a position: the contents of its quotes, else the word.
pub(super) fn value_at(text: &str, at: usize) -> Range<usize> {
    match text[..at].chars().next_back() {
        Some(quote @ ('"' | '\'' | '`')) => {
            let slashes = text[..at - 1].bytes().rev().take(WIDEST_GAP);
            let slashes = slashes.take_while(|b| *b == b'\\').count();
            at..at + quoted(&text[at..], slashes, quote)
        }
        _ => word_at(text, at),
    }
}

/// The word at a position, without trailing punctuation.
fn word_at(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..];
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    let word = &rest[..end.unwrap_or(rest.len())];
    at..at + word.trim_end_matches(is_closing).len()
}

fn is_closing(c: char) -> bool {
    matches!(c, ',' | ';' | ':' | '.' | ')' | ']' | '}' | '>')
}

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let mut quotes = Quotes::default();
    // Nothing is scanned twice, so a line of signs takes no longer than one of letters.
    let mut done = 0;
    let mut is_named = false;
    for (at, sign) in text.match_indices([':', '=', '>']) {
        if at < done {
            continue;
        }
        let Some(name) = name_before(text, at, sign) else {
            continue;
        };
        quotes.read(text, name.start);
        let value = Value::after(text, at, sign, &quotes);
        // `{"name": "DB_PASSWORD", "value": "…"}`
        let named = is_named && &text[name.clone()] == "value";
        if &text[name.clone()] == "name" {
            is_named = value.as_ref().is_some_and(|v| sounds_secret(v.word(text)));
        } else if !matches!(&text[name.clone()], "value") {
            is_named &= sign != "=";
        }
        let named = named && value.as_ref().is_some_and(|v| !is_reference(&text[v.at..]));
        let secret = match value {
            Some(value) if named || value.is_secret(text, &name, sign) => value.whole(text, &name),
            _ => continue,
        };
        done = secret.end;
        found.push(secret);
    }
}

/// The name before a sign, quoted or not.
fn name_before(text: &str, at: usize, sign: &str) -> Option<Range<usize>> {
    let mut window = at.saturating_sub(LONGEST_NAME + WIDEST_GAP);
    while !text.is_char_boundary(window) {
        window += 1;
    }
    let before = &text[window..at];
    // `:=`, `+=`, `==`, `=>`
    let before = match sign {
        ":" => before,
        _ => before.trim_end_matches([':', '+', '=', '?']),
    };
    let gap = |c: char| matches!(c, ' ' | '\t' | '"' | '\'' | '`' | '\\' | ']' | '*');
    let end = before.trim_end_matches(gap).len();
    if before.len() - end > WIDEST_GAP {
        return None;
    }
    let is_of_name =
        |c: &(usize, char)| c.1.is_ascii_alphanumeric() || matches!(c.1, '_' | '-' | '.');
    let name = before[..end].char_indices().rev();
    let start = name.take_while(is_of_name).last()?.0;
    let is_tag = || before[..start].ends_with('<');
    // `Get "https://r.example/token": EOF`
    if sign == ":" && before[..start].ends_with('/') {
        return None;
    }
    (sign != ">" || window + before.len() < at || is_tag()).then_some(window + start..window + end)
}

/// Which quotes are open at a position.
#[derive(Default)]
struct Quotes {
    at: usize,
    double: bool,
    single: bool,
    back: bool,
}

impl Quotes {
    fn read(&mut self, text: &str, to: usize) {
        for byte in text.as_bytes().get(self.at..to).unwrap_or_default() {
            match byte {
                b'"' => self.double ^= true,
                b'\'' => self.single ^= true,
                b'`' => self.back ^= true,
                b'\n' => (self.double, self.single, self.back) = (false, false, false),
                _ => {}
            }
        }
        self.at = self.at.max(to);
    }

    fn is_open(&self, quote: char) -> bool {
        match quote {
            '"' => self.double,
            '\'' => self.single,
            _ => self.back,
        }
    }
}

/// The value after a sign.
struct Value<'a> {
    /// Where the value begins, after its quote.
    at: usize,
    /// The quote and the number of backslashes before it.
    quote: Option<(usize, char)>,
    gap: bool,
    tag: bool,
    quotes: &'a Quotes,
}

impl<'a> Value<'a> {
    fn after(text: &str, at: usize, sign: &str, quotes: &'a Quotes) -> Option<Value<'a>> {
        let rest = &text[at + sign.len()..];
        if sign == ":" && rest.starts_with([':', '=']) || rest.starts_with("//") {
            return None;
        }
        let signs = rest.strip_prefix(['=', '>']).unwrap_or(rest);
        let gap = signs
            .bytes()
            .take(WIDEST_GAP)
            .take_while(|b| matches!(b, b' ' | b'\t'));
        let spaces = &signs[gap.count()..];
        let slashes = spaces
            .bytes()
            .take(WIDEST_GAP)
            .take_while(|b| *b == b'\\')
            .count();
        let bare = &spaces[slashes..];
        let quote = bare
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\'' | '`'));
        // A quote that closes one before the name: `"--token="`.
        let from = if quote.is_some() { bare } else { spaces };
        Some(Value {
            at: text.len() - from.len() + usize::from(quote.is_some()),
            quote: quote.map(|quote| (slashes, quote)),
            gap: signs.len() > spaces.len(),
            tag: sign == ">" && text[..at].ends_with(|c| c != '='),
            quotes,
        })
    }

    fn word<'t>(&self, text: &'t str) -> &'t str {
        // Long enough to decide; a word may be as long as the text.
        let end = text[self.at..].char_indices().nth(LONGEST_NAME);
        let text = &text[..end.map_or(text.len(), |(end, _)| self.at + end)];
        &text[word_at(text, self.at)]
    }

    fn is_secret(&self, text: &str, name: &Range<usize>, sign: &str) -> bool {
        let word = self.word(text);
        let rest = &text[self.at..];
        let called = &text[name.clone()];
        if !sounds_secret(called) || is_reference(rest) || HARMLESS.contains(&word) {
            return false;
        }
        if self.quote.is_some() {
            return true;
        }
        // `--- PASS: TestBuild`, and the start of a nested level.
        let is_level = rest.starts_with(['{', '[', '&', '\n']) || rest.is_empty();
        let is_verdict = called == "PASS" || called == "AUTH";
        let explains = sign == ":" && self.gap && EXPLAINS.contains(&word);
        !(is_level || explains || is_verdict && self.gap)
    }

    /// From the first to the last character of the secret.
    fn whole(&self, text: &str, name: &Range<usize>) -> Range<usize> {
        let rest = &text[self.at..];
        let end = match self.quote {
            _ if self.tag => rest.find('<').unwrap_or(rest.len()),
            Some((slashes, quote)) => quoted(rest, slashes, quote),
            None if matches!(rest.chars().next(), Some('|')) => block(text, self.at, name.start),
            None if self.gap && is_key(text, name) && self.is_alone(text) => line(rest),
            None => self.words(rest),
        };
        self.at..self.at + end
    }

    /// Whether the value is alone on its line: no authentication scheme, and nothing redacted yet.
    fn is_alone(&self, text: &str) -> bool {
        let word = self.word(text);
        !is_scheme(word) && !word.starts_with('*')
    }

    /// The end of an unquoted value: the end of its word, or of the header's words.
    fn words(&self, rest: &str) -> usize {
        let mut end = 0;
        loop {
            let word = self.unquoted(&rest[end..]);
            let written = &rest[end..end + word];
            let goes_on =
                is_scheme(written) || written.ends_with([';', ',']) && written.contains('=');
            let gap = rest[end + word..].len() - rest[end + word..].trim_start_matches(' ').len();
            if !goes_on || gap == 0 || rest[end + word + gap..].is_empty() {
                return end + written.trim_end_matches(is_closing).len();
            }
            end += word + gap;
        }
    }

    /// One word; a quote that was already open ends it, and other quotes may open and close in it.
    fn unquoted(&self, rest: &str) -> usize {
        let mut open = None;
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            match (c, open) {
                ('\n', _) => return at,
                (c, None) if c.is_whitespace() => return at,
                ('"' | '\'' | '`', None) => {
                    let ends = self.quotes.is_open(c) && !next.is_some_and(char::is_alphanumeric);
                    if ends {
                        return rest[..at].trim_end_matches('\\').len();
                    }
                    open = rest[at + 1..].contains(c).then_some(c);
                }
                (c, Some(quote)) if c == quote => open = None,
                _ => {}
            }
        }
        rest.len()
    }
}

/// Up to the closing quote with the same number of backslashes.
fn quoted(rest: &str, slashes: usize, quote: char) -> usize {
    let mut before = 0;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if at > LONGEST_QUOTED {
            break;
        }
        // In YAML and SQL two single quotes are an escaped one.
        let is_pair = c == quote && quote == '\'' && slashes == 0;
        if is_pair && chars.next_if(|(_, next)| *next == quote).is_some() {
            continue;
        }
        if c == quote && (before <= slashes || before % 2 == 0 && slashes == 0) {
            return at - before;
        }
        before = if c == '\\' { before + 1 } else { 0 };
    }
    line(rest)
}

fn line(rest: &str) -> usize {
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    line.find(" #").unwrap_or(line.trim_end().len())
}

/// Whether a name starts its line, as a YAML key does.
fn is_key(text: &str, name: &Range<usize>) -> bool {
    let before = text[..name.start].chars().rev();
    before
        .take_while(|c| *c != '\n')
        .all(|c| matches!(c, ' ' | '-' | '+' | '"' | '\''))
}

/// A YAML block: the lines indented further than its key.
fn block(text: &str, at: usize, name: usize) -> usize {
    let margin = |line: &str| line.len() - line.trim_start_matches([' ', '-', '+']).len();
    let key = text[..name].rsplit('\n').next().unwrap_or_default();
    let key = margin(key);
    let mut end = 0;
    for (number, line) in text[at..].split_inclusive('\n').enumerate() {
        if number > 0 && !line.trim().is_empty() && margin(line) <= key {
            break;
        }
        end += line.len();
    }
    text[at..at + end].trim_end().len()
}
