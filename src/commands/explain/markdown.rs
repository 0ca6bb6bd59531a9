//! An explanation as Markdown, for a wiki or a ticket.

use super::explanation::{Explanation, severity, word};
use crate::remedy;
use crate::report::clean;
use std::fmt::Write as _;

pub(super) fn render(told: &Explanation) -> String {
    // Writing to a String cannot fail, here and below.
    let mut text = String::new();
    let _ = writeln!(
        text,
        "# {}: {}\n\n*{}*\n",
        told.id,
        plain(told.title),
        severity(told.severity)
    );
    for paragraph in told.why.split("\n\n") {
        let _ = writeln!(text, "{}\n", plain(paragraph));
    }
    let _ = writeln!(
        text,
        "## How to see it\n\n```sh\nrunner-doctor {}\n```\n",
        told.command()
    );
    if let Some(example) = &told.example {
        let _ = writeln!(text, "For example:\n\n> {}\n", plain(&example.message));
    }
    let how = &told.detected;
    let _ = writeln!(
        text,
        "## How it is detected\n\nFound if, for any of the {}:\n",
        how.for_each
    );
    fenced(&mut text, "cel", how.fails_when);
    for (lead, language, code) in [
        ("Applies only to runners if:", "cel", how.applies_when),
        ("Proven (otherwise predicted) if:", "cel", how.proven_when),
        ("`probe` is the output of this command:", "sh", how.probe),
    ] {
        if let Some(code) = code {
            let _ = writeln!(text, "{lead}\n");
            fenced(&mut text, language, code);
        }
    }
    if !told.fixes.is_empty() && !told.is_of_recording {
        text.push_str("Values below are an example's, and names in capitals are placeholders: `runner-doctor fix` prints the fix with yours.\n\n");
    }
    for fix in &told.fixes {
        let _ = writeln!(text, "## {}\n", plain(&format!("Fix{}", fix.scope())));
        for (rank, one) in fix.remedies.iter().enumerate() {
            let lead = match rank {
                0 => String::new(),
                _ => format!("{}: ", word(rank, one)),
            };
            let _ = writeln!(text, "{lead}{}\n", plain(one.title.trim_end_matches(':')));
            let excerpt = remedy::excerpt(one);
            if !excerpt.trim().is_empty() {
                fenced(&mut text, "", &excerpt);
            }
        }
    }
    if !told.caused_by.is_empty() {
        let _ = writeln!(
            text,
            "Fixing one of these also fixes it: {}\n",
            told.caused_by.join(", ")
        );
    }
    if !told.references.is_empty() {
        text.push_str("## References\n\n");
        for reference in told.references {
            let _ = writeln!(text, "- <{}>", clean(reference));
        }
    }
    text
}

/// Prose on one line, with Markdown and HTML syntax escaped. Code in backticks stays code.
fn plain(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(clean).collect();
    let mut out = String::new();
    let mut code = false;
    for c in words.join(" ").chars() {
        code ^= c == '`';
        if !code && matches!(c, '*' | '_' | '<' | '>' | '[' | ']' | '|') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A code block whose fence is longer than any fence in the code.
fn fenced(text: &mut String, language: &str, code: &str) {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: Vec<_> = code.trim_end().lines().map(clean).collect();
    let _ = writeln!(text, "{fence}{language}\n{}\n{fence}\n", lines.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::{fenced, plain};

    #[test]
    fn text_stays_text_and_code_stays_code() {
        assert_eq!(
            plain("a <b> *c*\n d_e `f_g*`"),
            "a \\<b\\> \\*c\\* d\\_e `f_g*`"
        );
        let mut text = String::new();
        fenced(&mut text, "sh", "a\n```\nb\n");
        assert_eq!(text, "````sh\na\n```\nb\n````\n\n");
    }
}
