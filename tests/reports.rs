//! Reports on handmade diagnoses, at common widths and on common terminals.

mod exposition;
mod hostile;
mod insights;
mod page;
pub(crate) mod patients;
mod standards;

use patients::{
    article, article_findings, blind, diagnose, finding, fleet, forty, healthy, hostile, idle,
    impostor, long, many, runner,
};
use runner_doctor::diagnosis::{Diagnosis, Finding, Severity, Suppressed, Suppression};
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
    assert!(last(&healthy()).starts_with("✓ healthy: 2 checks passed"));
    let warning = Finding {
        severity: Severity::Warning,
        ..finding("floating-engine-tag", "docker:dind", "floats")
    };
    let warned = diagnose(vec![runner("ci/a", 1450)], vec![warning], vec![]);
    assert!(last(&warned).starts_with("✓ passing: 1 warning"));
    let none = diagnose(vec![], vec![], vec![]);
    assert_eq!(
        last(&none).trim_end(),
        "? nothing examined: no runner found"
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
    for diagnosis in [
        article(),
        healthy(),
        idle(),
        blind(),
        many(),
        long(),
        forty(),
        fleet(20),
    ] {
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

#[test]
fn suppressed_findings_are_counted_in_every_other_format() {
    let suppression = Suppression {
        reason: "it waits for OPS-12".to_owned(),
        until: None,
        place: ".runner-doctor.yaml:2".to_owned(),
    };
    let suppressed = article_findings().into_iter().map(|finding| Suppressed {
        finding,
        suppression: suppression.clone(),
    });
    let suppressed: Vec<_> = suppressed.collect();
    let count = suppressed.len();
    let diagnosis = healthy().with_suppressed(suppressed);
    for (name, format) in OTHERS {
        let text = render(format, &diagnosis, &plain(80));
        let words = match format {
            Format::Yaml => "\nsuppressed:\n".to_owned(),
            Format::Prometheus => "runner_doctor_suppressed_findings{".to_owned(),
            _ => format!("{count} suppressed"),
        };
        assert!(text.contains(&words), "{name}: {text}");
    }
}

/// As in the table: unknowns caused by a finding are listed with it, and nowhere else.
#[test]
fn what_a_finding_hides_is_told_with_it() {
    let mut diagnosis = idle();
    diagnosis.findings = article_findings();
    let cause = diagnosis.findings[0].fingerprint.clone();
    for unknown in &mut diagnosis.unknowns {
        unknown.caused_by = Some(cause.clone());
    }
    for format in [Format::Table, Format::Markdown, Format::Html] {
        let text = render(format, &diagnosis, &plain(400)).to_lowercase();
        assert!(text.contains("checks blocked by this:"), "{text}");
        assert!(!text.contains("so the engine of the builds"), "{text}");
    }
}

#[test]
fn the_article_in_every_other_format() {
    for (name, format) in OTHERS {
        let text = render(format, &article(), &plain(80));
        insta::assert_snapshot!(format!("article_{name}"), text);
    }
}

#[test]
fn hostile_text_in_every_other_format() {
    let control = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    for (name, format) in OTHERS {
        let text = render(format, &hostile(), &plain(80));
        assert!(!text.contains(control), "{name}: {text:?}");
        insta::assert_snapshot!(format!("hostile_{name}"), text);
    }
}

const OTHERS: [(&str, Format); 6] = [
    ("yaml", Format::Yaml),
    ("markdown", Format::Markdown),
    ("html", Format::Html),
    ("github", Format::Github),
    ("bitbucket", Format::Bitbucket),
    ("prometheus", Format::Prometheus),
];

#[test]
fn markup_is_no_markup() {
    let text = render(Format::Markdown, &impostor(), &plain(80));
    assert_no_markup(&text);
    insta::assert_snapshot!("impostor_markdown", text);
    insta::assert_snapshot!(
        "impostor_html",
        render(Format::Html, &impostor(), &plain(80))
    );
    insta::assert_snapshot!(
        "impostor_github",
        render(Format::Github, &impostor(), &plain(80))
    );
}

/// Outside of code there is nothing that GitHub, GitLab or Jira render as markup.
fn assert_no_markup(text: &str) {
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let ticks = line.len() >= 3 && line.bytes().all(|byte| byte == b'`');
        match fence {
            Some(open) if open == line => fence = None,
            Some(_) => {}
            None if ticks => fence = Some(line),
            None => {
                let outside: String = line.split('`').step_by(2).collect();
                assert!(!outside.contains(['@', '<', '>', '[', '!']), "{line}");
                assert!(!outside.contains("//"), "{line}");
            }
        }
    }
    assert_eq!(fence, None, "a fence is left open");
}

#[test]
fn yaml_says_what_json_says() {
    for diagnosis in everybody() {
        let text = render(Format::Yaml, &diagnosis, &plain(80));
        let back: Diagnosis = serde_saphyr::from_str(&text).expect(&text);
        assert_eq!(back, diagnosis);
    }
}

#[test]
fn a_ticket_fits_its_form() {
    for diagnosis in everybody() {
        let text = render(Format::Markdown, &diagnosis, &plain(80));
        assert!(text.chars().count() < 32_767, "{}", text.len());
        let rows = text.lines().filter(|line| line.starts_with('|'));
        for row in rows {
            assert_eq!(row.matches('|').count(), 5, "{row}");
        }
    }
}

#[test]
fn a_ticket_says_what_did_not_fit() {
    let mut findings = Vec::new();
    for n in 0..400 {
        let finding = finding(
            &format!("check-{n}"),
            "docker0",
            "is too wide, in many words",
        );
        findings.push(Finding {
            why: "Because it is. ".repeat(20),
            ..finding
        });
    }
    let diagnosis = diagnose(vec![runner(&findings[0].runner, 1450)], findings, vec![]);
    let text = render(Format::Markdown, &diagnosis, &plain(80));
    assert!(text.chars().count() < 32_767);
    assert!(text.contains("findings do not fit into a ticket"), "{text}");
    assert!(text.contains("## To reproduce"));
}

#[test]
fn a_page_is_whole_and_harmless() {
    for diagnosis in everybody() {
        page::examine(&render(Format::Html, &diagnosis, &plain(80)));
    }
}

#[test]
fn metrics_are_read_by_a_strict_parser() {
    for diagnosis in everybody() {
        let text = render(Format::Prometheus, &diagnosis, &plain(80));
        let samples = exposition::parse(&text).expect(&text);
        let wrong: f64 = exposition::values(&samples, "runner_doctor_findings").sum();
        assert_eq!(wrong as usize, diagnosis.findings.len());
    }
    let text = render(Format::Prometheus, &hostile(), &plain(80));
    let samples = exposition::parse(&text).expect(&text);
    let outer = ("engine".to_owned(), "docker-in-docker".to_owned());
    assert!(samples.iter().any(|sample| sample.labels.contains(&outer)));
}

#[test]
fn every_workflow_command_is_one_of_ours() {
    for diagnosis in everybody() {
        for line in render(Format::Github, &diagnosis, &plain(80)).lines() {
            let (head, _) = line[2..].split_once("::").expect(line);
            let (kind, properties) = head.split_once(' ').expect(line);
            assert!(line.starts_with("::"), "{line}");
            assert!(["error", "warning", "notice"].contains(&kind), "{line}");
            for property in properties.split(',') {
                let (key, _) = property.split_once('=').expect(line);
                let known = ["title", "file", "line", "endLine", "col", "endColumn"];
                assert!(known.contains(&key), "{line}");
            }
        }
    }
}

#[test]
fn annotations_stay_within_what_github_shows() {
    let fleet = patients::fleet(40);
    let text = render(Format::Github, &fleet, &plain(80));
    for kind in ["error", "warning", "notice"] {
        let head = format!("::{kind} ");
        let shown = text.lines().filter(|line| line.starts_with(&head));
        assert!((1..=10).contains(&shown.count()), "{text}");
    }
    assert!(text.contains("title=mtu-inversion ("), "{text}");
    assert!(text.contains("more places"), "{text}");
    // More checks than there is room for.
    let mut strange = patients::article();
    strange.findings = (0..30)
        .map(|at| patients::finding(&format!("check-{at}"), "docker0", "is wrong"))
        .collect();
    let text = render(Format::Github, &strange, &plain(80));
    let errors = text.lines().filter(|line| line.starts_with("::error "));
    assert_eq!(errors.count(), 10);
    assert!(
        (0..30).all(|at| text.contains(&format!("check-{at}"))),
        "{text}"
    );
}

#[test]
fn a_fleet_stays_within_a_screen() {
    for count in [20, 1000] {
        for width in [60, 80, 120] {
            let text = render(Format::Table, &fleet(count), &plain(width));
            assert!(text.lines().count() <= 60, "{count} at {width}:\n{text}");
        }
        let text = render(Format::Table, &fleet(count), &plain(80));
        insta::assert_snapshot!(format!("fleet_table_{count}"), text);
    }
    let text = render(Format::Markdown, &fleet(20), &plain(80));
    insta::assert_snapshot!("fleet_markdown", text);
}

#[test]
fn a_fleet_that_agrees_in_nothing_stays_within_a_screen() {
    let mut diagnosis = fleet(100);
    for (n, runner) in diagnosis.runners.iter_mut().enumerate() {
        runner.layers[2].mtu = Some(1300 + n as i64);
    }
    let text = render(Format::Table, &diagnosis, &plain(80));
    assert!(text.lines().count() <= 70, "{text}");
    insta::assert_snapshot!("fleet_table_strangers", text);
}

#[test]
fn healthy_runners_share_a_line() {
    let runners = (1..=30).map(|n| runner(&format!("ci/runner-{n}"), 1450));
    let text = render(
        Format::Table,
        &diagnose(runners.collect(), vec![], vec![]),
        &plain(80),
    );
    insta::assert_snapshot!("healthy_fleet_table", text);
}

/// Writes the pages for viewing: REPORTS_DIR=/tmp/pages cargo test --test integration reports pages
#[test]
fn pages_to_look_at() {
    let Some(folder) = std::env::var_os("REPORTS_DIR") else {
        return;
    };
    let named = [
        ("one", blind()),
        ("five", article()),
        ("forty", forty()),
        ("fleet", fleet(20)),
        ("healthy", healthy()),
        ("idle", idle()),
        ("hostile", hostile()),
        ("long", long()),
    ];
    for (name, diagnosis) in named {
        let file = std::path::Path::new(&folder).join(format!("{name}.html"));
        std::fs::write(file, render(Format::Html, &diagnosis, &plain(80))).expect("a folder");
        for width in [60, 80] {
            let file = std::path::Path::new(&folder).join(format!("{name}.{width}.txt"));
            std::fs::write(file, render(Format::Table, &diagnosis, &plain(width)))
                .expect("a folder");
        }
    }
}

fn everybody() -> Vec<Diagnosis> {
    let nobody = diagnose(vec![], vec![], vec![]);
    vec![
        impostor(),
        article(),
        healthy(),
        idle(),
        blind(),
        many(),
        long(),
        hostile(),
        forty(),
        fleet(20),
        fleet(1000),
        nobody,
    ]
}

fn plain(width: usize) -> Style<'static> {
    Style {
        width,
        color: false,
        unicode: true,
        ..Style::PLAIN
    }
}
