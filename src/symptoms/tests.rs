//! Real-world logs: long, broken, hostile, with secrets in them.

use super::ranking::Known;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;

impl Symptom {
    pub(crate) fn new(check: &str, pattern: &str) -> Symptom {
        Symptom {
            check: check.to_owned(),
            pattern: Pattern::new(pattern),
            example: String::new(),
            after: None,
            unless: None,
            transient: false,
            at_info: false,
            or: Vec::new(),
            causes: Vec::new(),
            decided_by: None,
            taken_back_by: vec!["answers".to_owned()],
        }
    }
}

fn symptom(check: &str, pattern: &str) -> Symptom {
    Symptom::new(check, pattern)
}

static TWO: LazyLock<Symptoms> = LazyLock::new(|| {
    let answers = Recovery {
        name: "answers".to_owned(),
        patterns: vec!["API listen on ".to_owned()],
    };
    let full = symptom("full", ".*no space left");
    Symptoms::new([full, symptom("rate", "toomany[a-z]+")], &[answers])
});

fn known(log: &[u8]) -> (BTreeMap<String, Known<'static>>, u64) {
    let (known, lines) = read(log, &TWO, |_| ()).unwrap();
    let by_check = known
        .into_iter()
        .map(|known| (known.symptom.check.clone(), known));
    (by_check.collect(), lines)
}

fn rates(log: &str) -> bool {
    TWO.checks(log).contains(&"rate")
}

#[test]
fn an_error_is_known_behind_every_prefix() {
    for line in [
        "toomanyrequests",
        "  toomanyrequests: x",
        "Error response from daemon: toomanyrequests: x",
        "2026-01-02T03:04:05.1234567Z ##[error]toomanyrequests: x",
        "2026-01-02T03:04:05.123456Z 01E toomanyrequests: x",
        "#12 3.456 toomanyrequests: x",
        "db-1  | toomanyrequests: x",
        "my.runner  | toomanyrequests: x",
        "    +build-image | toomanyrequests: x",
        "    +build-image *failed* | toomanyrequests: x",
        "   > toomanyrequests: x",
        " => => # toomanyrequests: x",
        "Message:      toomanyrequests: x",
        "warning: `toomanyrequests: x`",
        "Jan  2 03:04:05 node ci[12]: #033[0;33mWARNING: #033[0mtoomanyrequests: x",
        " \u{2718} db Error toomanyrequests: x",
        "Jan  2 03:04:05 node dockerd[12]: toomanyrequests: x",
        "E0102 03:04:05.123456       1 pull.go:12] toomanyrequests: x",
        r#"{"log":"toomanyrequests: x\n","stream":"stderr"}"#,
        r#"time="2026-01-02T03:04:05Z" level=error msg="pull failed" error="toomanyrequests: x""#,
        r#"level=error msg="Handler returned error: {\"message\":\"toomanyrequests: x\"}""#,
        "10 %\r20 %\rtoomanyrequests: x",
        "docker: Error response from daemon, which is a long line that a terminal cut off: too\nmanyrequests: x",
    ] {
        assert!(rates(line), "{line}");
    }
}

#[test]
fn an_error_that_is_only_quoted_is_none() {
    for line in [
        "+ echo toomanyrequests",
        "src/errors.go:41:\tText = \"toomanyrequests\"",
        "docs/limits.md:7:toomanyrequests: wait",
        " ! web Warning toomanyrequests: x   1.2s",
        "$ grep toomanyrequests build.log",
        "# toomanyrequests: what to do",
        "  \u{2713} returns toomanyrequests: when full (12 ms)",
        "assert \"toomanyrequests\" in ''",
        "AssertionError: toomanyrequests: x",
        "When Docker Hub answers toomanyrequests, wait.",
        "expect(() => pull()).toThrow('toomanyrequests')",
        "tests/test_pull.py::test_full[toomanyrequests] PASSED",
        "const LIMIT = 'toomanyrequests: x'",
        "pull_test.go:12: got \"refused: toomanyrequests: x\"",
        "HEAD is now at 1a2b3c4 fix: toomanyrequests",
        "CI_COMMIT_MESSAGE=fix: toomanyrequests",
        "#8 [2/4] RUN echo toomanyrequests",
        r#"level=info msg="retrying" error="toomanyrequests: x""#,
        "##[debug]toomanyrequests: x",
    ] {
        assert!(!rates(line), "{line}");
    }
}

/// Errors from a test or a script, and attempts that were retried.
#[test]
fn what_is_meant_to_fail_is_no_fault() {
    let symptoms = crate::checks::Library::shared().symptoms();
    for log in [
        "Gracefully stopping...\nweb-1 exited with code 137",
        "+ kill -9 4711\n./run.sh: line 31:  4711 Killed    ./server",
        "$ docker kill db\ndb\ndb exited with code 137",
        "curl: (28) Operation timed out after 10001 milliseconds\n\
         Warning: Problem : timeout. Will retry in 1 seconds. 3 retries left.",
        "client_test.go:91: Get \"https://192.0.2.1/\": net/http: TLS handshake timeout",
        "Get \"https://127.0.0.1:43121/\": net/http: TLS handshake timeout",
        "Post \"http://localhost:4318/v1/traces\": dial tcp 127.0.0.1:4318: connect: connection refused",
        "proxy_test.go:88: got 407 Proxy Authentication Required, want 200 OK",
        "* Fixed: cannot connect to the Docker daemon on startup",
        "after connection broken by 'SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]')': /simple/a/",
        "mkdir /sys/fs/cgroup/memory/docker: no space left on device",
    ] {
        let checks = symptoms.checks(log);
        assert!(checks.is_empty(), "{log}: {checks:?}");
    }
    for (log, check) in [
        ("web-1 exited with code 137", "out-of-memory-killed"),
        (
            "curl: (28) Operation timed out after 10001 milliseconds",
            "mtu-inversion",
        ),
        (
            "main_test.go:20: Cannot connect to the Docker daemon at tcp://docker:2375.",
            "engine-unreachable",
        ),
        (
            "[Step 1/1] Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
            "engine-unreachable",
        ),
    ] {
        assert!(symptoms.checks(log).contains(&check), "{log}");
    }
}

#[test]
fn a_line_may_mean_nothing_after_another() {
    let killed = Symptom {
        unless: Some(Pattern::new("kill -9|by hand")),
        ..symptom("killed", "exit 137")
    };
    let other = Symptom {
        or: vec!["x".to_owned()],
        ..symptom("other", "exit")
    };
    let symptoms = Symptoms::new([killed, other], &[]);
    assert_eq!(symptoms.checks("web: exit 137"), ["killed"]);
    // A script's command is context, although it is not a statement.
    assert_eq!(symptoms.checks("+ kill -9 1\nweb: exit 137"), ["other"]);
    assert_eq!(symptoms.checks("web: exit 137 by hand"), ["other"]);
}

#[test]
fn what_is_over_is_taken_back_and_what_comes_after_counts() {
    assert!(!rates(
        "toomanyrequests\nAPI listen on /var/run/docker.sock"
    ));
    assert!(rates(
        "toomanyrequests\nwe wait for: API listen on\n+ echo API listen on "
    ));
    assert!(rates("API listen on /var/run/docker.sock\ntoomanyrequests"));
}

#[test]
fn a_fault_is_over_once_and_with_its_last_error() {
    let told = |stays: bool| {
        let second = Symptom {
            taken_back_by: if stays {
                vec![]
            } else {
                vec!["answers".to_owned()]
            },
            ..symptom("gone", "refused")
        };
        let answers = Recovery {
            name: "answers".to_owned(),
            patterns: vec!["API listen on ".to_owned()],
        };
        let symptoms = Symptoms::new([symptom("gone", "no socket"), second], &[answers]);
        let mut over = Vec::new();
        let log = &b"no socket\nrefused\nAPI listen on [::]:2375"[..];
        read(log, &symptoms, |told| {
            if let Told::Over(check) = told {
                over.push(check.to_owned());
            }
        })
        .unwrap();
        over
    };
    assert_eq!(told(false), ["gone"]);
    assert!(told(true).is_empty());
}

#[test]
fn a_line_may_need_the_one_before_it() {
    let hung = Symptom {
        after: Some(Pattern::new("^Connecting to ")),
        ..symptom("hung", "Job failed: timeout")
    };
    let symptoms = Symptoms::new([hung], &[]);
    let checks = symptoms.checks("Connecting to x\nERROR: Job failed: timeout");
    assert_eq!(checks, ["hung"]);
    assert!(symptoms.checks("ERROR: Job failed: timeout").is_empty());
}

struct Related;

impl Relations for Related {
    fn causes(&self, check: &str) -> &[String] {
        static CAUSE: LazyLock<Vec<String>> = LazyLock::new(|| vec!["cause".to_owned()]);
        if check == "effect" { &CAUSE } else { &[] }
    }

    fn is_consequence(&self, check: &str) -> bool {
        check == "vague"
    }
}

#[test]
fn causes_come_before_what_follows_from_them_and_candidates_last() {
    let candidate = Symptom {
        or: vec!["other".to_owned()],
        ..symptom("likely", "hangs")
    };
    let certain = ["vague", "effect", "cause"].map(|id| symptom(id, &format!("{id} seen")));
    let symptoms = Symptoms::new(certain.into_iter().chain([candidate]), &[]);
    let log = "hangs\nvague seen\neffect seen\ncause seen\n";
    let (known, _) = read(log.as_bytes(), &symptoms, |_| ()).unwrap();
    let ranked = rank(&known, &Related);
    let order: Vec<_> = ranked
        .iter()
        .map(|row| (row.check, row.follows_from))
        .collect();
    let from = Some("cause");
    assert_eq!(
        order,
        [
            ("cause", None),
            ("vague", from),
            ("effect", from),
            ("likely", None),
            ("other", None)
        ]
    );
    assert!(ranked[3].possible && !ranked[0].possible);
}

#[test]
fn words_that_fit_several_causes_count_beside_the_effect_that_they_explain() {
    let effect = symptom("effect", "start failed");
    let candidate = |causes: &[&str]| Symptom {
        or: vec!["other".to_owned()],
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        ..symptom("likely", "not supported")
    };
    let order = |candidate: Symptom| -> Vec<(String, bool)> {
        let symptoms = Symptoms::new([effect.clone(), candidate], &[]);
        let (known, _) = read(&b"start failed: not supported"[..], &symptoms, |_| ()).unwrap();
        let ranked = rank(&known, &Related);
        let rows = ranked.iter();
        rows.map(|row| (row.check.to_owned(), row.follows_from.is_some()))
            .collect()
    };
    let row = |check: &str, follows: bool| (check.to_owned(), follows);
    assert_eq!(
        order(candidate(&["effect"])),
        [
            row("likely", false),
            row("effect", true),
            row("other", false)
        ]
    );
    assert_eq!(order(candidate(&[])), [row("effect", false)]);
}

/// The first matching line, as shown.
fn shown(line: &str) -> String {
    let (mut found, _) = known(line.as_bytes());
    found.remove("full").unwrap().text
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let (found, lines) = known(b"a\n\nno space left\r\nb\nno space left, no space left\ntoomanyx");
    assert_eq!(lines, 6);
    assert_eq!((found["full"].first, found["full"].times), (3, 2));
    assert_eq!(found["full"].text, "no space left");
    assert_eq!((found["rate"].first, found["rate"].times), (6, 1));
    let (found, lines) = known(b"");
    assert!(found.is_empty() && lines == 0);
    assert_eq!(known(b"a\n").1, 1);
}

#[test]
fn what_a_terminal_would_act_on_is_gone_before_it_is_read() {
    assert_eq!(
        shown("\x1b[31mno \x1b[1;4mspace\x1b[0m left\x1b]0;title\x07 \u{202e}x\x1b[2J"),
        "no space left x"
    );
    assert_eq!(
        shown("\u{fffd}no space left\x00\x08"),
        "\u{fffd}no space left"
    );
    let (found, _) = known(b"\xff\xfe no space left \xc3\x28");
    assert!(found["full"].text.contains("no space left"));
}

#[test]
fn a_line_of_any_length_is_looked_at_and_shown_in_part() {
    for at in [0, 65_530, 64_500, 200_000] {
        let line = format!("{}no space left{}", "x".repeat(at), "y".repeat(100_000));
        let text = shown(&line);
        assert!(
            text.contains("no space left") && text.ends_with('…'),
            "{at}: {text}"
        );
        assert!(text.chars().count() < 500, "{at}");
        assert_eq!(text.starts_with('…'), at > 0, "{at}");
    }
    assert_eq!(
        known(format!("{}\nno space left", "z".repeat(300_000)).as_bytes()).0["full"].first,
        2
    );
}

#[test]
fn credentials_are_cut_out() {
    for (line, text) in [
        (
            "no space left https://user:s3cr3t@r.example/v2/ x",
            "no space left https://***@r.example/v2/ x",
        ),
        (
            "no space left http://t0k3n@r.example",
            "no space left http://***@r.example",
        ),
        (
            "Authorization: Bearer abcdefghijkl no space left",
            "Authorization: *** no space left",
        ),
        (
            "authorization: basic dXNlcjpwYXNzd29yZA== no space left",
            "authorization: *** no space left",
        ),
        (
            r#"{"password":"hunter2","x":1} no space left"#,
            r#"{"password":"***","x":1} no space left"#,
        ),
        (
            r#"msg="OAUTH_CLIENT_SECRET=abc123\" no space left""#,
            "OAUTH_CLIENT_SECRET=*** no space left",
        ),
        (
            "no space left --token abc --token=abc",
            "no space left --token *** --token=***",
        ),
        (
            "no space left https://s3.example/layer?X-Amz-Signature=00ff&a=b: EOF",
            "no space left https://s3.example/layer?X-Amz-Signature=***: EOF",
        ),
        (
            "no space left ghp_0123456789abcdefghij",
            "no space left ***",
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc no space left",
            "*** no space left",
        ),
    ] {
        assert_eq!(shown(line), text);
    }
    assert_eq!(
        shown("docker: no space left on device: write /var/lib/docker/tmp/x: unknown."),
        "docker: no space left on device: write /var/lib/docker/tmp/x: unknown."
    );
}

/// A line is matched before it is redacted; the shown text must match, too.
#[test]
fn what_a_line_shows_is_not_lost_with_its_secrets() {
    let library = crate::checks::Library::shared();
    let symptoms = library.symptoms();
    let examples = library.checks().flat_map(|check| &check.symptoms);
    let mut known = 0;
    for example in examples.map(|symptom| symptom.example.as_str()) {
        let token = "abcdef0123".repeat(3);
        for line in [
            example.to_owned(),
            format!("deploy_token={token} {example}"),
            format!("https://me:{token}@r.example/v2/: {example}"),
        ] {
            let hidden = crate::text::secret::hide(&line);
            assert_eq!(symptoms.checks(&hidden), symptoms.checks(&line), "{line}");
            assert!(!hidden.contains(&token), "{hidden}");
            known += symptoms.checks(&hidden).len();
        }
    }
    assert!(known > 100, "{known}");
}

#[test]
fn a_pattern_that_cannot_be_used_says_why() {
    let refused = |pattern: &str| compile(pattern).unwrap_err().0;
    assert!(
        refused("a(").contains("unclosed group"),
        "{}",
        refused("a(")
    );
    assert!(refused(".*").contains("matches every line"));
    assert!(refused(&"x".repeat(301)).contains("longer"));
    assert!(refused(r"(\w{900}){900}").contains("invalid pattern"));
}

proptest! {
    #[test]
    fn no_bytes_break_it(log in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let (_, lines) = known(&log);
        prop_assert!(lines <= log.len() as u64);
    }
}
