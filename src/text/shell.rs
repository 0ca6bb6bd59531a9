//! Quotes words for commands to paste: a shell reads any name as one word.

/// The word as it is where nothing in it acts, else in quotes.
pub(crate) fn word(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@".contains(&b);
    match !text.is_empty() && text.bytes().all(safe) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Flags as words, their values plain where nothing in them acts.
pub(crate) fn flags(flags: &[String]) -> String {
    let flags = flags.iter().map(|flag| {
        let parts: Vec<String> = flag.split('=').map(word).collect();
        parts.join("=")
    });
    flags.collect::<Vec<_>>().join(" ")
}
