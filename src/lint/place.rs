//! Where a finding is in a file: the places that readers note, and the line to show, with every secret
//! in it hidden.

use super::secrets::{collect, collect_inline, hide_place};
use crate::diagnosis::{Finding, Location};
use crate::fix;
use crate::text::secret::mask;
use crate::yaml::{Node, Offset, Span, load};

const LONGEST_LINE: usize = 240;
const LONGEST_SECRET: usize = 4096;

/// The places that a reader noted for one runner, by owner and subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Vec<Place>);

#[derive(Clone, Debug)]
struct Place {
    /// A container or an engine's path; empty for the runner as a whole.
    owner: String,
    /// A network, an image, a variable; empty for the owner itself.
    subject: String,
    span: Span,
}

impl Places {
    pub(crate) fn note(&mut self, owner: &str, subject: &str, span: Span) {
        let (owner, subject) = (owner.to_owned(), subject.to_owned());
        self.0.push(Place {
            owner,
            subject,
            span,
        });
    }

    /// An owner without a place of its own gets that of another owner.
    pub(crate) fn note_as(&mut self, owner: &str, other: &str) {
        let mut known = self
            .0
            .iter()
            .filter(|p| p.owner == other && p.subject.is_empty());
        if let Some(span) = known.next().map(|place| place.span) {
            self.note(owner, "", span);
            self.note(owner, "docker0", span);
        }
    }

    /// The nearest place to what a finding is about.
    fn find(&self, finding: &Finding, used: &[(String, Span)]) -> Option<Span> {
        let owner = finding.engine.as_deref().unwrap_or_default();
        let subject = finding.subject.split(", ").next().unwrap_or_default();
        let said = |place: &&Place| place.subject == subject && !subject.is_empty();
        // Two containers may have the same variable: each finding gets its own line.
        let fresh = |place: &&Place| !used.contains(&(finding.check.clone(), place.span));
        let places = || self.0.iter();
        let found = places()
            .find(|place| place.owner == owner && said(place))
            .or_else(|| places().filter(said).find(fresh))
            .or_else(|| places().find(said))
            .or_else(|| places().find(|p| p.owner == subject && p.subject.is_empty()))
            .or_else(|| places().find(|p| p.owner == owner && p.subject.is_empty()))
            .or_else(|| places().find(|p| p.owner.is_empty()))
            .or_else(|| places().next())?;
        Some(found.span)
    }
}

/// The whole diff between two texts of a file, without its secrets.
pub(crate) fn difference(name: &str, before: &str, after: &str) -> String {
    let source = |text: &str| {
        let documents = load(text, Offset::default()).unwrap_or_default();
        Source::new(name, text, &documents)
    };
    let (before, mut after) = (source(before), source(after));
    after.words.extend(before.words.iter().cloned());
    fix::unified(&before.shown(), &after.shown(), name)
}

/// The text of a file, and the secrets to hide in it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    lines: Vec<String>,
    /// Secret values, to be hidden wherever else they occur.
    words: Vec<String>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str, documents: &[Node]) -> Source {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (mut secrets, mut inline) = (Vec::new(), Vec::new());
        for document in documents {
            collect(document, false, &mut secrets);
            collect_inline(document, &mut inline);
        }
        for secret in &secrets {
            hide_place(&mut lines, secret.span);
        }
        // The same value may occur in a comment, or in another spelling.
        let texts = secrets.iter().filter_map(|secret| secret.text());
        let texts = texts.chain(inline);
        let words = texts.flat_map(|text| text.lines().map(str::trim));
        let mut words: Vec<String> = words
            .filter(|word| word.chars().count() >= 4)
            .map(str::to_owned)
            .collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        Source {
            name: name.to_owned(),
            lines,
            words,
        }
    }

    /// Sets the place of each finding.
    pub(crate) fn locate<'a>(
        &self,
        places: &Places,
        findings: impl Iterator<Item = &'a mut Finding>,
    ) {
        let mut used = Vec::new();
        for finding in findings {
            let Some(span) = places.find(finding, &used) else {
                continue;
            };
            used.push((finding.check.clone(), span));
            finding.location = Some(self.location(span));
        }
    }

    /// What an edit changes, with a line or two of context.
    pub(super) fn difference(&self, edited: &str) -> String {
        let documents = load(edited, Offset::default()).unwrap_or_default();
        let mut after = Source::new(&self.name, edited, &documents);
        after.words.extend(self.words.iter().cloned());
        let difference = fix::unified(&self.shown(), &after.shown(), &self.name);
        // Its first lines name the file, as does the finding.
        let lines: Vec<&str> = difference.lines().skip(2).collect();
        lines.join("\n")
    }

    fn shown(&self) -> String {
        let lines = self.lines.iter().map(|line| self.hidden(line) + "\n");
        lines.collect()
    }

    /// A line with its secrets hidden.
    fn hidden(&self, line: &str) -> String {
        let mut snippet = line.trim_end().to_owned();
        for word in self
            .words
            .iter()
            .filter(|word| word.len() <= LONGEST_SECRET)
        {
            if snippet.contains(word.as_str()) {
                snippet = snippet.replace(word.as_str(), &"*".repeat(word.chars().count()));
            }
        }
        mask(&snippet).into_owned()
    }

    fn location(&self, span: Span) -> Location {
        let line = self.lines.get(span.line.saturating_sub(1));
        let snippet = self.hidden(line.map_or("", String::as_str));
        // A block extends to the start of the next item; its first line is enough to locate it.
        let one_line = span.end_line == span.line && span.end_column > span.column;
        let end = snippet.chars().count() + 1;
        Location {
            file: self.name.clone(),
            line: span.line,
            column: span.column,
            end_line: span.line,
            end_column: match one_line {
                true => span.end_column,
                false => end.max(span.column + 1),
            },
            snippet: snippet.chars().take(LONGEST_LINE).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Offset, load};

    fn shown(text: &str) -> String {
        let documents = load(text, Offset::default()).unwrap();
        let source = Source::new("x.yaml", text, &documents);
        let line = |line| Span {
            line,
            column: 1,
            end_line: line,
            end_column: 2,
        };
        let lines = (1..=text.lines().count()).map(|n| source.location(line(n)).snippet);
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_called_a_secret_is_hidden_and_nothing_else() {
        let text = "\
env:
- name: OAUTH_CLIENT_SECRET
  value: s3cr3t-value # s3cr3t-value
- {name: NPM_TOKEN, value: \"q\\u0075oted\"}
- {name: RUNNER_UUID, value: abcdef}
- name: FROM
  valueFrom: {secretKeyRef: {name: creds, key: clientSecret}}
environment:
- DB_PASSWORD=topsecret
- PLAIN=visible
args: [--mtu=1400, --token=abc123, --registry-mirror=https://me:pw@mirror/x@y]
again: &x s3cr3t-value
github_token: ghp_12345678
key: {apiKey: |
  line-one
  line-two
}
";
        let text = text.replace(
            "key: {apiKey: |\n  line-one\n  line-two\n}\n",
            "apiKey: |\n  line-one\n  line-two\n",
        );
        let shown = shown(&text);
        for secret in [
            "s3cr3t",
            "oted",
            "topsecret",
            "abc123",
            "me:pw",
            "ghp_",
            "line-one",
            "line-two",
        ] {
            assert!(!shown.contains(secret), "{secret} in\n{shown}");
        }
        for plain in [
            "OAUTH_CLIENT_SECRET",
            "abcdef",
            "creds",
            "clientSecret",
            "PLAIN=visible",
            "--mtu=1400",
            "@mirror/x@y",
            "DB_PASSWORD=",
        ] {
            assert!(shown.contains(plain), "{plain} not in\n{shown}");
        }
    }

    #[test]
    fn the_values_of_a_secret_are_hidden_wherever_they_stand() {
        let text = "kind: Secret\ndata: {a: YWJjZGVm, b: &b ZZZZZZZZ}\nstringData:\n  c: |-\n    first line\n    second\n---\nx: first line\ny: YWJjZGVm\n";
        let shown = shown(text);
        for secret in ["YWJj", "ZZZZ", "first line", "second"] {
            assert!(!shown.contains(secret), "{secret} in\n{shown}");
        }
    }
}
