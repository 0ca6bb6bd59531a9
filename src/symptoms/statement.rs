//! The statement in a log line: stripped of the prefixes of relaying programs, and marked if it only
//! quotes an error.

use regex::{Regex, RegexSet};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The number of prefixes stripped from a line: compose in BuildKit in GitHub Actions has four.
const MOST_PREFIXES: usize = 8;

/// The statement in one line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) text: String,
    /// The program logs it as no failure: level info or below.
    pub(super) informs: bool,
    /// It quotes an error without reporting it: context only.
    pub(super) quotes: bool,
}

/// Prefixes that programs add to lines of other programs.
static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let prefixes = [
        // ISO times, bare or bracketed, with GitLab's suffix: `2026-01-02T10:00:00.123456Z 01O `
        r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?:?(?: \d\d[OE]\+?)?(?:\s+|$)",
        r"\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?\s+",
        // A level between the time and the text: `DEBUG --- `, `[error] `
        r"(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL)\s+(?:---\s+|\[[^\]]*\]\s+|-\s+)",
        // logrus without a terminal: `FATA[0001] `
        r"(?:TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[[^\]]*\]\s+",
        // Kubernetes events: `Warning  Evicted  44s  kubelet  `
        r"(?:Warning|Normal)\s+[A-Z]\w+\s+(?:\d+[smhd]\w*|<\w+>)(?: \(x\d+ over \S+\))?\s+[\w-]+(?:, \S+)?\s+",
        // syslog, journald: `Jan  2 10:00:00 node dockerd[812]: `
        r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w./@-]+(?:\[\d+\])?: ",
        // klog: `E0102 10:00:00.000000       1 file.go:123] `
        r"[WEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w./-]+:\d+\] ",
        // GitHub Actions workflow commands
        r"##\[(?:error|warning)\]",
        r"::(?:error|warning)(?: [^:]*)?::",
        // BuildKit: `#12 3.456 `, `3.456 `, `=> ERROR [stage 2/3] RUN x  0.4s`
        r"#\d+ (?:\d+\.\d+ )?",
        r"\d+\.\d{1,3} ",
        // BuildKit on a terminal: the last lines of a step
        r"=> => # ",
        // compose: `db-1  | `, ` ✘ db Error `
        r"[a-z0-9][a-z0-9_.-]*[-_]\d+\s+\| ",
        // compose with a custom name, padded to the column
        r"[A-Za-z][\w.-]*\s{2,}\| ",
        // Earthly: `+test-docker | `
        r"\+[\w./-]+ (?:\*failed\* )?\|\s+",
        r"[✘✖!] \S+ Error ",
        // kubectl logs --prefix, stern
        r"\[pod/\S+\] ",
        // Package managers, curl -v
        r"npm (?:ERR!|error) (?:network )?",
        r"error An unexpected error occurred: \x22",
        r"\* ",
        r"E   ",
        // Box drawing by Terraform and others
        r"[│┃╷╵] ?",
        // TeamCity
        r"\[Step \d+/\d+\] ",
        // Yarn's and Gradle's causes
        r"➤ ",
        r"\s{2,}> ",
        r"\s+",
    ];
    Regex::new(&format!("^(?:{})", prefixes.join("|"))).ok()
});

/// A line that quotes an error without reporting it: scripts, tests, commits, documentation.
static QUOTATION: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        // Traces and listings of scripts and Dockerfiles
        r"^(?:\+|\$ |> |>>>|echo\b|export |[A-Z0-9_]*(?:MESSAGE|TITLE|DESCRIPTION)=)",
        r"^\[[^\]]*\d+/\d+\] |^Step \d+/\d+ : |^\d+ \|\s|^-{2,}>?(?:\s|$)",
        r"^=> ",
        // compose continues after a warning
        r"^! \S+ Warning ",
        // Questions and answers
        r"^[QA]: ",
        // Comments, lists, tables
        r"^(?:#|//|/\*|<!--|- |\| )",
        // Results and names of tests
        r"^(?:[✓✔√✗✘✖×●○◯]|\d+\) |(?:not )?ok \d+|(?:PASS|FAIL|FAILED|PASSED|SKIP(?:PED)?|RUN|test)\b[: ]|---|===)",
        r"\.\w+::\w|\.\.\. (?:ok|FAILED|ignored)$|(?:[^t]|[^u]t) \(\d+ ?m?s\)$| (?:PASSED|FAILED)$",
        // Assertions and code
        r"AssertionError|assertion |^(?:assert|Failed asserting that|[Ee]xpected|Received|[Aa]ctual|left|right|But was)\b",
        r"^(?:String|Not found|Did not contain|Substring):\s|\bAssert\.\w+\(",
        r"\b(?:assert\w*|expect|describe|it|to[A-Z]\w+|console\.\w+|print(?:ln|f)?!?|log\.\w+|logger\.\w+|throw new \w+|raise \w+|new Error)\(",
        r"\bgrep\b|\braise_error\b",
        // Output of grep -n
        r"^[\w./-]+\.\w{1,5}:\d+:(?:\t|[^\s\d]|\s{2})",
        // Constants, and the actual values of tests
        r#"^(?:const|let|var|val|final|static)\s+\w[^=]{0,60}=\s*["'`\d]"#,
        r#"\b(?:got|want|wanted|expected|received):? ["'`]|\bgot\b.*, want"#,
        // A kubelet probe, which is repeated until it succeeds or the container is restarted
        r"^(?:Startup|Readiness) probe failed: ",
        // Commits
        r"^(?:HEAD is now at|Merge |commit |[0-9a-f]{7,40} |\[\S+ [0-9a-f]{7,40}\])",
        r"^(?:feat|fix|chore|docs|test|refactor|ci|build|perf|style|revert)(?:\([^)]*\))?!?: ",
        // Release notes
        r"^(?:Fix(?:e[sd])?|Docs|Add(?:ed)?|Changed): ",
    ])
    .ok()
});

/// A line logged by a Go test.
static GO_TEST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\S+_test\.go:\d+: ").ok());

/// A test that mentions these may actually use Docker.
static DOCKER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("(?i)docker|container|daemon").ok());

/// A field of a structured line: `level=error`, `msg="failed to \"x\""`.
static FIELD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:^|\s)([A-Za-z_.-]+)=(?:"((?:[^"\\]|\\.)*)"?|(\S+))"#).ok());

/// The fields that contain the statement, in order of preference.
const TOLD: [&str; 7] = [
    "log",
    "msg",
    "message",
    "error",
    "err",
    "errorDetail",
    "stderr",
];

/// The statements in a line, split at carriage returns.
pub(super) fn statements(line: &str) -> Vec<Statement> {
    line.split('\r').filter_map(statement).collect()
}

fn statement(line: &str) -> Option<Statement> {
    let marks = ["##[debug]", "::debug::", "INFO[", "DEBU["];
    let mut informs = marks.iter().any(|mark| line.contains(mark));
    // A `key=value` line is the program's own, not a quotation.
    let mut own = false;
    let mut text = Cow::Borrowed(line);
    for _ in 0..MOST_PREFIXES {
        let rest = match &*PREFIX {
            Some(prefix) => prefix.find(&text).map_or(0, |found| found.end()),
            None => 0,
        };
        if rest > 0 {
            text = Cow::Owned(text[rest..].to_owned());
        } else if let Some((inner, level)) = structured(&text) {
            informs |= level;
            own |= !text.starts_with('{');
            text = Cow::Owned(inner);
        } else {
            break;
        }
    }
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let is = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|p| p.is_match(text));
    let quotes =
        QUOTATION.as_ref().is_some_and(|set| set.is_match(text)) || is(&GO_TEST) && !is(&DOCKER);
    Some(Statement {
        text: plain(text),
        informs,
        quotes: !own && quotes,
    })
}

/// The text of a line of JSON or of `key=value`, and whether its level is below a warning.
fn structured(line: &str) -> Option<(String, bool)> {
    let fields = match line.starts_with('{') {
        true => of_json(line)?,
        false if line.contains("msg=") || line.contains("level=") => of_words(line)?,
        false => return None,
    };
    let named = |name: &str| {
        fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, text)| text)
    };
    let told: Vec<&str> = TOLD
        .iter()
        .filter_map(|name| named(name))
        .map(|text| text.trim())
        .collect();
    if told.is_empty() {
        return None;
    }
    let rest: Vec<String> = fields
        .iter()
        .filter(|(key, _)| {
            !TOLD.contains(&key.as_str()) && !["time", "level", "ts"].contains(&key.as_str())
        })
        .map(|(key, text)| format!("{key}={text}"))
        .collect();
    let level = named("level").is_some_and(|level| {
        matches!(
            level.to_ascii_lowercase().as_str(),
            "info" | "debug" | "trace"
        )
    });
    let mut text = told.join(": ");
    if !rest.is_empty() {
        text = format!("{text} [{}]", rest.join(" "));
    }
    Some((text, level))
}

fn of_json(line: &str) -> Option<Vec<(String, String)>> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
        return None;
    };
    let text = |(key, value): (String, Value)| match value {
        Value::String(text) => Some((key, text)),
        Value::Object(mut inner) => match inner.remove("message") {
            Some(Value::String(text)) => Some((key, text)),
            _ => None,
        },
        _ => None,
    };
    Some(fields.into_iter().filter_map(text).collect())
}

fn of_words(line: &str) -> Option<Vec<(String, String)>> {
    let fields = FIELD.as_ref()?.captures_iter(line).map(|found| {
        let text = found
            .get(2)
            .or(found.get(3))
            .map_or("", |text| text.as_str());
        (found[1].to_owned(), plain(text))
    });
    Some(fields.collect())
}

/// A quotation mark at any level of escaping: runc in containerd in Docker is three levels.
static QUOTE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\\+""#).ok());

/// A text with its escapes removed.
fn plain(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let text = match &*QUOTE {
        Some(quote) => quote.replace_all(text, "\""),
        None => Cow::Borrowed(text),
    };
    text.replace("\\\\", "\\")
        .replace("\\n", " ")
        .replace("\\t", " ")
        .replace("\\u003c", "<")
        .replace("\\u003e", ">")
        .replace("\\u0026", "&")
}

/// Whether a statement may begin here: at the start, after an error prefix (`x: `, `[x] `, ` - `), or
/// as the whole text of a field or bracket; not in the middle of a sentence.
pub(super) fn begins(text: &str, at: usize) -> bool {
    let Some(before) = text.get(..at) else {
        return false;
    };
    let unquoted = before.trim_end_matches(['"', '\'', '\\', '`']);
    let quoted = unquoted.len() < before.len();
    let opens = ['(', '[', '{', '=', ':', '-'];
    match quoted {
        _ if unquoted.trim().is_empty() => true,
        true => unquoted.trim_end().ends_with(opens) || unquoted.ends_with(','),
        false if before.ends_with(['(', '[', '{', '=', ':']) => true,
        false => {
            // Spaces of any width, such as `Message:      ` of `kubectl describe`.
            let lead = before.trim_end();
            lead.len() < before.len()
                && (lead.ends_with([':', ';', ']', '!', ')']) || lead.ends_with(" -"))
        }
    }
}
