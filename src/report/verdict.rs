//! The diagnosis in one line, with the same text in every format.

use super::terminal::{Ink, Mark};
use crate::diagnosis::{Diagnosis, ExaminedRunner, Verdict};

pub(super) struct Outcome {
    pub mark: Mark,
    pub ink: Ink,
    pub word: &'static str,
    /// `3 errors, 1 warning`.
    pub found: String,
    /// `1 runner, 2 engines`.
    pub scope: String,
}

pub(super) fn outcome(diagnosis: &Diagnosis) -> Outcome {
    let summary = &diagnosis.summary;
    let scope = format!(
        "{}, {}",
        count(summary.runners, "runner"),
        count(summary.engines, "engine")
    );
    if is_empty(diagnosis) {
        return Outcome {
            mark: Mark::Unknown,
            ink: Ink::Doubtful,
            word: "nothing examined",
            found: "no runner found".to_owned(),
            scope,
        };
    }
    let (mark, word, ink) = match diagnosis.verdict {
        Verdict::Failing => (Mark::Wrong, "failing", Ink::Bad),
        Verdict::Healthy if diagnosis.incomplete.is_none() => match diagnosis.findings.is_empty() {
            true => (Mark::Fine, "healthy", Ink::Good),
            false => (Mark::Fine, "passing", Ink::Good),
        },
        _ => (Mark::Unknown, "incomplete", Ink::Doubtful),
    };
    Outcome {
        mark,
        ink,
        word,
        found: found(diagnosis),
        scope,
    }
}

/// When, and by which version; not shown for files.
pub(super) fn examined(diagnosis: &Diagnosis) -> Option<String> {
    let environment = &diagnosis.environment;
    let when = match environment.examined_at {
        Some(at) => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        None if environment.kubernetes.is_some() => "(time not recorded)".to_owned(),
        None => return None,
    };
    Some(format!("{when} by {}", environment.doctor))
}

/// There was nothing to examine, or no data about it.
pub(super) fn is_empty(diagnosis: &Diagnosis) -> bool {
    diagnosis.runners.is_empty() && diagnosis.findings.is_empty()
}

fn found(diagnosis: &Diagnosis) -> String {
    let summary = &diagnosis.summary;
    let counts = [
        (summary.error, "error"),
        (summary.warning, "warning"),
        (summary.info, "info"),
    ];
    let counts = counts.iter().filter(|(n, _)| *n > 0);
    let mut parts: Vec<_> = counts.map(|(n, word)| count(*n, word)).collect();
    if summary.unknown > 0 {
        parts.push(format!("{} unknown", summary.unknown));
    }
    if !diagnosis.suppressed.is_empty() {
        parts.push(format!("{} suppressed", diagnosis.suppressed.len()));
    }
    if summary.known > 0 {
        parts.push(format!("{} known", summary.known));
    }
    if summary.passed > 0 {
        parts.push(format!("{} passed", count(summary.passed, "check")));
    } else if parts.is_empty() {
        parts.push("nothing found".to_owned());
    }
    parts.join(", ")
}

/// The text for a runner without findings.
pub(super) fn healthy(runner: Option<&ExaminedRunner>) -> String {
    let layers = runner.map_or(&[][..], |runner| &runner.layers);
    let judged = layers.iter().filter(|layer| layer.carrier.is_some());
    let networks = match judged.count() {
        0 => "no Docker network to judge".to_owned(),
        1 => "1 network fits".to_owned(),
        many => format!("{many} networks fit"),
    };
    let mut engines: Vec<_> = layers
        .iter()
        .filter_map(|layer| layer.engine.as_deref())
        .collect();
    engines.sort_unstable();
    engines.dedup();
    format!("healthy: {networks}, {}", count(engines.len(), "engine"))
}

pub(super) const UNSEEN: &str = "Neither the engine nor the pod network could be examined.";

pub(super) fn count(n: usize, word: &str) -> String {
    match (n, word) {
        (1, _) | (_, "info") => format!("{n} {word}"),
        _ => format!("{n} {word}s"),
    }
}

/// As many names as fit, and the number of the others.
pub(crate) fn few<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = if names.len() <= most + 1 {
        names.len()
    } else {
        most
    };
    let listed = names[..shown].join(", ");
    match names.len() - shown {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::few;

    #[test]
    fn nobody_is_left_out_alone() {
        assert_eq!(few(["a", "b", "c"], 2), "a, b, c");
        assert_eq!(few(["a", "b", "c", "d"], 2), "a, b and 2 more");
        assert_eq!(few([], 2), "");
    }
}
