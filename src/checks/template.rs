//! Text with expressions in braces: `network {it.name} has MTU {it.mtu}`.

use super::expression::{Expression, Scope, Variables};
use super::fault::Refusal;

#[derive(Clone, Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

/// A rendered text, and which of its expressions could not be worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) failures: Vec<String>,
}

impl Template {
    pub(crate) fn compile(source: &str, variables: &Variables) -> Result<Template, Refusal> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            let end = if brace == "{" { closing(rest) } else { None };
            let Some(end) = end else {
                return Err(lonely(brace, rest));
            };
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(Part::Expression(Expression::compile(
                rest[..end].trim(),
                variables,
            )?));
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        parts.push(Part::Text(text));
        Ok(Template { parts })
    }

    /// The text, where it is the same for everything.
    pub(crate) fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for one thing. What cannot be worked out reads `unknown`: a finding must not be
    /// lost because its sentence is incomplete.
    pub(crate) fn render(&self, scope: &Scope) -> Rendered {
        let mut text = String::new();
        let mut failures = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Expression(expression) => match expression.text(scope) {
                    Ok(piece) => text.push_str(&piece),
                    Err(reason) => {
                        text.push_str("unknown");
                        failures.push(format!("{{{}}}: {reason}", expression.source()));
                    }
                },
            }
        }
        Rendered { text, failures }
    }
}

/// Where the expression ends that begins at the start of `text`: at the brace that is neither in a
/// string nor closes a brace of the expression's own.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

fn lonely(brace: &str, rest: &str) -> Refusal {
    Refusal {
        what: format!("unmatched `{brace}`"),
        advice: format!("write `{brace}{brace}` for a literal `{brace}`"),
        words: format!("{brace}{}", rest.lines().next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::expression::Bound;
    use serde_json::json;

    fn render(source: &str) -> Rendered {
        let it = json!({"name": "docker0", "mtu": 1500, "up": true});
        let variables = Variables::any(&["it"]);
        let scope = Scope::new([&Bound::new("it", &it)]);
        Template::compile(source, &variables)
            .unwrap()
            .render(&scope)
    }

    #[test]
    fn expressions_stand_in_braces() {
        assert_eq!(
            render("{it.name}: {it.mtu}, {it.up}").text,
            "docker0: 1500, true"
        );
        assert_eq!(render("{ it.mtu + 50 }").text, "1550");
        assert_eq!(render("no expression").text, "no expression");
    }

    #[test]
    fn doubled_braces_are_literal() {
        assert_eq!(render("{{{it.name}}} }}{{").text, "{docker0} }{");
    }

    #[test]
    fn strings_and_maps_in_expressions_keep_their_braces() {
        assert_eq!(render("{'}' + it.name + \"{\\\"\"}").text, "}docker0{\"");
        assert_eq!(render("{ {'a': it.mtu}['a'] }").text, "1500");
    }

    #[test]
    fn what_is_absent_reads_unknown_and_is_told() {
        let rendered = render("{it.name} has {it.color}");
        assert_eq!(rendered.text, "docker0 has unknown");
        assert_eq!(rendered.failures.len(), 1);
    }

    #[test]
    fn a_lonely_brace_is_refused() {
        let variables = Variables::any(&["it"]);
        for source in ["a } b", "a { b", "{it.name}}"] {
            assert!(Template::compile(source, &variables).is_err(), "{source}");
        }
    }
}
