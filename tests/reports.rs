//! What the reports say of handmade diagnoses, at the widths and in the terminals people have.

#[path = "reports/patients.rs"]
mod patients;

use patients::{
    article, article_findings, blind, diagnose, finding, healthy, hostile, idle, long, many, runner,
};
use runner_doctor::diagnosis::{Diagnosis, Finding, Severity};
use runner_doctor::report::{Format, Style, render};

#[test]
fn the_article_at_three_widths() {
    for width in [60, 80, 200] {
        let name = format!("article_table_{width}");
        insta::assert_snapshot!(name, render(Format::Table, &article(), &plain(width)));
    }
}

#[test]
fn the_article_in_colour_and_in_ascii() {
    let color = Style {
        color: true,
        ..plain(80)
    };
    let text = render(Format::Table, &article(), &color);
    insta::assert_snapshot!("article_table_colour", text.replace('\u{1b}', "␛"));
    let ascii = Style {
        unicode: false,
        ..plain(80)
    };
    let text = render(Format::Table, &article(), &ascii);
    assert!(text.is_ascii());
    insta::assert_snapshot!("article_table_ascii", text);
}

#[test]
fn the_article_in_a_line_each_and_in_json() {
    insta::assert_snapshot!(
        "article_short",
        render(Format::Short, &article(), &plain(80))
    );
    let json = render(Format::Json, &article(), &plain(80));
    assert!(json.ends_with("}\n"));
    insta::assert_snapshot!("article_json", json);
}

#[test]
fn a_healthy_runner_takes_one_line() {
    let text = render(Format::Table, &healthy(), &plain(80));
    insta::assert_snapshot!("healthy_table", text);
    assert_eq!(render(Format::Short, &healthy(), &plain(80)), "");
}

#[test]
fn what_was_not_seen_is_said() {
    insta::assert_snapshot!("idle_table", render(Format::Table, &idle(), &plain(80)));
    insta::assert_snapshot!("idle_short", render(Format::Short, &idle(), &plain(80)));
    insta::assert_snapshot!("blind_table", render(Format::Table, &blind(), &plain(80)));
}

#[test]
fn an_interrupted_run_says_so() {
    let mut diagnosis = article();
    diagnosis.incomplete = Some("interrupted with 4 of 12 runners examined".into());
    for format in [Format::Table, Format::Short] {
        let text = render(format, &diagnosis, &plain(80));
        assert!(
            text.contains("interrupted with 4 of 12 runners examined"),
            "{text}"
        );
    }
    let text = render(Format::Table, &diagnosis, &plain(80));
    let end: Vec<_> = text.lines().rev().take(3).collect();
    insta::assert_snapshot!(
        "interrupted_end",
        end.into_iter().rev().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn many_runners_say_the_same_thing_once() {
    let text = render(Format::Table, &many(), &plain(80));
    assert_eq!(
        text.matches("runner-doctor explain mtu-inversion").count(),
        1
    );
    insta::assert_snapshot!("many_table", text);
}

#[test]
fn consequences_stay_with_their_root() {
    let mut diagnosis = article();
    let mut circle = [finding("a", "x", ""), finding("b", "y", "")];
    circle[0].caused_by = Some("b/y".into());
    circle[1].caused_by = Some("a/x".into());
    let mut orphan = finding("orphan", "z", "");
    orphan.caused_by = Some("nobody".into());
    diagnosis.findings.extend(circle);
    diagnosis.findings.push(orphan);
    let text = render(Format::Table, &diagnosis, &plain(80));
    for check in ["error  a  ", "error  b  ", "error  orphan  "] {
        assert!(text.contains(check), "{check} is lost:\n{text}");
    }
}

#[test]
fn a_cure_of_two_checks_is_printed_once() {
    let mut findings = article_findings();
    findings[2].remedies = findings[0].remedies.clone();
    let text = render(
        Format::Table,
        &diagnose(vec![runner("ci/a", 1500)], findings, vec![]),
        &plain(80),
    );
    assert_eq!(text.matches("args:\n").count(), 1, "{text}");
    assert_eq!(text.matches("mtu-inversion above)").count(), 2, "{text}");
}

#[test]
fn the_last_line_never_claims_too_much() {
    let last = |diagnosis: &Diagnosis| {
        let text = render(Format::Table, diagnosis, &plain(80));
        text.lines().last().unwrap_or_default().to_owned()
    };
    assert!(last(&healthy()).starts_with("✓ healthy: nothing found"));
    let warning = Finding {
        severity: Severity::Warning,
        ..finding("floating-engine-tag", "docker:dind", "floats")
    };
    let warned = diagnose(vec![runner("ci/a", 1450)], vec![warning], vec![]);
    assert!(last(&warned).starts_with("✓ passing: 1 warning"));
    let none = diagnose(vec![], vec![], vec![]);
    assert_eq!(
        last(&none).trim_end(),
        "? nothing examined: no runner was found"
    );
    let mut cut = healthy();
    cut.incomplete = Some("interrupted".into());
    assert!(last(&cut).starts_with("? incomplete"));
}

#[test]
fn snippets_can_be_pasted() {
    for style in [
        plain(60),
        Style {
            color: true,
            ..plain(60)
        },
    ] {
        let text = render(Format::Table, &article(), &style);
        for remedy in article()
            .findings
            .iter()
            .flat_map(|finding| &finding.remedies)
        {
            let lines: Vec<_> = remedy
                .snippet
                .lines()
                .map(|line| format!("      {line}"))
                .collect();
            assert!(
                text.contains(&lines.join("\n")),
                "{}\nis not in\n{text}",
                remedy.snippet
            );
        }
    }
}

#[test]
fn no_line_of_prose_is_wider_than_the_terminal() {
    for diagnosis in [article(), healthy(), idle(), blind(), many(), long()] {
        for width in [60, 80, 120, 200] {
            let snippets: Vec<_> = diagnosis
                .findings
                .iter()
                .flat_map(|f| &f.remedies)
                .collect();
            for line in render(Format::Table, &diagnosis, &plain(width)).lines() {
                let pasted = snippets.iter().any(|r| r.snippet.contains(line.trim()));
                assert!(line.chars().count() <= width || pasted, "{width}: {line}");
            }
        }
    }
}

#[test]
fn nothing_from_a_container_is_obeyed() {
    let hostile = hostile();
    let control = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    for format in [Format::Table, Format::Short, Format::Json] {
        for unicode in [true, false] {
            let text = render(
                format,
                &hostile,
                &Style {
                    unicode,
                    ..plain(80)
                },
            );
            assert!(!text.contains(control), "{format:?}: {text:?}");
            assert!(!text.contains("\nfake"), "{format:?}: {text}");
        }
    }
    insta::assert_snapshot!("hostile_table", render(Format::Table, &hostile, &plain(80)));
    insta::assert_snapshot!("hostile_short", render(Format::Short, &hostile, &plain(80)));
    let json = render(Format::Json, &hostile, &plain(80));
    assert_eq!(
        serde_json::from_str::<Diagnosis>(&json).expect("JSON"),
        hostile
    );
}

fn plain(width: usize) -> Style {
    Style {
        width,
        color: false,
        unicode: true,
    }
}
