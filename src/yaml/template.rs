//! Lines that contain only template syntax, `{{- if .x }}` or `<%#x%>`, and no YAML.

/// The same text with such lines emptied.
pub(crate) fn without_template_lines(text: &str) -> String {
    let lines = text.lines();
    let lines = lines.map(|line| if is_template(line) { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// A comment prefix that does not occur in practice.
const GUARD: &str = "#runner-doctor:template#";

/// The same text with such lines turned into comments, which edits preserve.
pub(crate) fn guarded(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let lines = lines.map(|line| match is_template(line) {
        true => format!("{GUARD}{line}"),
        false => line.to_owned(),
    });
    lines.collect()
}

/// The original text of a guarded one.
pub(crate) fn unguarded(text: &str) -> String {
    text.replace(GUARD, "")
}

fn is_template(line: &str) -> bool {
    let line = line.trim();
    [("{{", "}}"), ("<%", "%>"), ("{%", "%}")]
        .iter()
        .any(|(open, close)| {
            line.starts_with(open) && line.ends_with(close) && line.matches(open).count() == 1
        })
}
