//! Guards over all checks: their cases hold, they raise no false alarms, and a broken file is rejected
//! with a helpful message.

use crate::documents::keep_current;
use runner_doctor::checks::{Judgement, Library, case, judge, run_cases};
use runner_doctor::diagnosis::Finding;
use runner_doctor::remedy::WantKind;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn library() -> Library {
    Library::load(&[]).unwrap()
}

#[test]
fn every_case_of_every_check_holds() {
    let mut broken = String::new();
    for check in library().checks() {
        for report in run_cases(check) {
            for mismatch in &report.outcome.mismatches {
                writeln!(broken, "{}: {}\n{mismatch}\n", report.place, report.case).unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

#[test]
fn every_check_has_a_case_that_finds_one_that_does_not_and_one_that_stays_unknown() {
    for check in library().checks() {
        let finds = |found: bool| check.cases.iter().any(|c| c.finds.is_empty() != found);
        assert!(finds(true), "{}: no case finds anything", check.id);
        let healthy = |c: &case::Case| c.finds.is_empty() && c.unknown.is_empty();
        assert!(
            check.cases.iter().any(healthy),
            "{}: no case is healthy",
            check.id
        );
        let unknown = check.cases.iter().any(|c| !c.unknown.is_empty());
        assert!(unknown, "{}: no case stays unknown", check.id);
    }
}

#[test]
fn nothing_is_found_in_a_healthy_runner() {
    let judgement = judge(&library(), &case::healthy().unwrap());
    assert_eq!(judgement.findings, []);
    assert_eq!(judgement.unknowns, []);
    assert_eq!(judgement.defects, [""; 0]);
    assert!(judgement.passed.values().all(|checks| checks.len() > 20));
}

#[test]
fn every_file_is_built_in_under_its_name() {
    let library = library();
    let checks = library.checks().map(|check| (&check.group, &check.id));
    let entries = library.entries().map(|entry| (&entry.group, &entry.id));
    let built_in: BTreeSet<PathBuf> = checks
        .chain(entries)
        .map(|(group, id)| Path::new("checks").join(group).join(format!("{id}.yaml")))
        .collect();
    let mut files = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for group in fs::read_dir(root.join("checks")).unwrap() {
        let group = group.unwrap().path();
        if group.is_dir() && !group.ends_with("data") {
            let inside = fs::read_dir(group)
                .unwrap()
                .map(|file| file.unwrap().path());
            files.extend(inside.map(|file| file.strip_prefix(root).unwrap().to_owned()));
        }
    }
    assert_eq!(built_in, files);
}

/// Every id ever used. The id of a removed check stays listed as retired: in old reports and suppressions
/// it must not change its meaning.
#[test]
fn no_id_is_used_again() {
    let library = library();
    let checks = library.checks().map(|check| check.id.clone());
    let now: BTreeSet<String> = checks
        .chain(library.entries().map(|entry| entry.id.clone()))
        .collect();
    keep_current("tests/ids.txt", |written| with_ids(written, &now));
    let taken = "x retired\ny\n";
    let again = std::panic::catch_unwind(|| with_ids(taken, &["x".into(), "y".into()].into()));
    assert!(again.is_err());
    let now = ["z".to_owned()].into();
    assert_eq!(with_ids(taken, &now), "x retired\ny retired\nz\n");
}

/// The list with new ids added and removed ones marked as retired.
fn with_ids(written: &str, now: &BTreeSet<String>) -> String {
    let mut all: BTreeMap<&str, bool> = now.iter().map(|id| (id.as_str(), false)).collect();
    for line in written.lines() {
        let (id, retired) = match line.strip_suffix(" retired") {
            Some(id) => (id, true),
            None => (line, !now.contains(line)),
        };
        assert!(
            !retired || !now.contains(id),
            "{id} was the id of another check: choose a new one"
        );
        all.insert(id, retired);
    }
    let lines = all
        .iter()
        .map(|(id, retired)| format!("{id}{}\n", if *retired { " retired" } else { "" }));
    lines.collect()
}

/// The checks that log lines point to: for the checks' own examples, and for a log of healthy engines
/// (Docker 20.10 and 26 in the lab).
#[test]
fn lines_point_to_their_checks_only() {
    let library = library();
    let symptoms = library.symptoms();
    let mut table = String::new();
    let of_checks = library.checks().flat_map(|check| &check.symptoms);
    let of_entries = library.entries().flat_map(|entry| &entry.symptoms);
    for symptom in of_checks.chain(of_entries) {
        let known = symptoms.checks(&symptom.example);
        assert!(
            known.contains(&&*symptom.check),
            "{}: {known:?}",
            symptom.example
        );
        writeln!(table, "{}\n  {}", known.join(", "), symptom.example).unwrap();
    }
    insta::assert_snapshot!(table);
    for line in include_str!("recordings/logs/healthy-dockerd.log").lines() {
        // Its only error is a pull for which no name server responded.
        let lookup = !line.contains("level=info") && line.contains("lookup nosuch.invalid on ");
        let expected: &[&str] = if lookup { &["dns-unreachable"] } else { &[] };
        assert_eq!(symptoms.checks(line), expected, "{line}");
    }
}

#[test]
fn no_two_cases_of_a_check_have_one_name() {
    for check in library().checks() {
        let names: BTreeSet<_> = check.cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), check.cases.len(), "{}", check.id);
    }
}

#[test]
fn every_check_explains_itself() {
    for check in library().checks() {
        assert!(check.why.len() > 200, "{}: `why` is too short", check.id);
        assert!(!check.references.is_empty(), "{}: no references", check.id);
        assert!(
            !check.title.ends_with('.'),
            "{}: a title has no full stop",
            check.id
        );
    }
}

const README: &str = include_str!("../checks/README.md");

#[test]
fn the_readme_names_every_remedy() {
    for want in WantKind::ALL {
        let name = want.name();
        assert!(
            README.contains(&format!("`{name}`")),
            "checks/README.md lacks {name}"
        );
    }
}

/// Copied as the README describes, each example is a check that passes.
#[test]
fn the_examples_of_the_readme_work() {
    let blocks = README.split("```yaml\n").skip(1);
    let examples: Vec<&str> = blocks
        .filter_map(|block| block.split("```").next())
        .collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let id = example.lines().next().unwrap();
        let id = id.trim_start_matches("id: ").split(' ').next().unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(format!("{id}.yaml")), example).unwrap();
        let library = Library::only(&[dir.path().to_owned()]).unwrap();
        let reports = run_cases(library.get(id).unwrap());
        assert_eq!(reports.len(), 3);
        for report in reports {
            assert!(
                report.outcome.passed(),
                "{}",
                report.outcome.mismatches.join("\n")
            );
        }
    }
}

#[test]
fn a_library_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Library>();
}

/// The results of all checks on all cases, in one snapshot for each check: overlaps and false alarms of a
/// new check show here. Unknowns with the same reason are one entry with that reason and their checks.
#[test]
fn all_checks_on_all_cases() {
    let library = library();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/cases");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for check in library.checks() {
        let cases = check.cases.iter().map(|case| {
            let judgement = judge(&library, &case.evidence().unwrap());
            assert!(judgement.defects.is_empty(), "{:?}", judgement.defects);
            format!("{}\n{}", case.name, found(judgement))
        });
        let table: String = cases.collect();
        settings.bind(|| insta::assert_snapshot!(check.id.as_str(), table));
    }
    for file in crate::files("tests/snapshots/cases", "snap") {
        let id = file.file_stem().unwrap().to_str().unwrap();
        assert!(
            library.get(id).is_some(),
            "{id} is no check: remove {}",
            file.display()
        );
    }
}

fn found(judgement: Judgement) -> String {
    let mut table = String::new();
    let check_of = |print: &String| {
        let root = judgement.findings.iter().find(|f| f.fingerprint == *print);
        root.map_or(String::new(), |root| format!(", for {}", root.check))
    };
    for found in &judgement.findings {
        let severity = found.severity.word();
        let confidence = format!("{:?}", found.confidence).to_lowercase();
        let root = found.caused_by.as_ref().map(check_of).unwrap_or_default();
        let Finding {
            check,
            subject,
            message,
            ..
        } = found;
        writeln!(
            table,
            "  {severity} {check} on {subject} ({confidence}{root})"
        )
        .unwrap();
        writeln!(table, "    {message}").unwrap();
    }
    let mut unknown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in &judgement.unknowns {
        let subject = one
            .subject
            .as_ref()
            .or(one.engine.as_ref())
            .unwrap_or(&one.runner);
        let root = one.caused_by.as_ref().map(check_of).unwrap_or_default();
        let reason = format!("on {subject}: {}{root}", one.reason());
        unknown.entry(reason).or_default().push(one.check.clone());
    }
    for (reason, checks) in unknown {
        writeln!(table, "  unknown {reason}\n    {}", checks.join(", ")).unwrap();
    }
    table
}

const SOUND: &str = r#"id: fine
title: Networks are fine
severity: warning
needs: [networks]
for_each: networks
fails_when: it.mtu > 9000
finding: "{it.name} is large"
why: none
cases: []
"#;

/// Loads a folder with one check in it, and returns the number of checks or the error.
fn load(name: &str, text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(name), text).unwrap();
    match Library::load(&[dir.path().to_owned()]) {
        Ok(library) => format!("loaded {}", library.checks().count()),
        Err(error) => format!("{error:#}").replace(&dir.path().display().to_string(), "DIR"),
    }
}

#[test]
fn a_folder_of_checks_is_added() {
    let built_in = library().checks().count();
    assert_eq!(load("fine.yaml", SOUND), format!("loaded {}", built_in + 1));
    assert_eq!(
        load("README.md", "# not a check"),
        format!("loaded {built_in}")
    );
}

#[test]
fn a_broken_check_is_refused_with_its_place_and_a_cure() {
    let broken = |from: &str, to: &str| load("fine.yaml", &SOUND.replace(from, to));
    let refusals = [
        ("mistyped attribute", broken("it.mtu", "it.mut")),
        (
            "mistyped attribute in a text",
            broken("{it.name} is", "so, {it.nmae} is"),
        ),
        (
            "mistyped attribute of a link",
            broken("it.mtu", "it.carrier.mut"),
        ),
        ("unknown variable", broken("it.mtu", "network.mtu")),
        ("unknown function", broken("it.mtu", "sizes(it.name)")),
        (
            "has() of something else",
            broken("it.mtu > 9000", "has(it)"),
        ),
        ("broken expression", broken("it.mtu > 9000", "it.mtu >")),
        ("brace without a partner", broken("{it.name}", "{it.name")),
        (
            "wrong indentation",
            broken("severity: warning", "  severity: warning"),
        ),
        ("unknown field", broken("finding:", "findings:")),
        ("missing field", broken("why: none\n", "")),
        ("unknown section", broken("[networks]", "[network]")),
        (
            "a section that is not needed",
            broken("[networks]", "[engines]"),
        ),
        (
            "unknown severity",
            broken("severity: warning", "severity: fatal"),
        ),
        (
            "unknown remedy",
            broken("why: none", "remedy: { engine_mut: '1' }\nwhy: none"),
        ),
        (
            "a remedy's value that means nothing",
            broken("why: none", "remedy: { engine_mtu: large }\nwhy: none"),
        ),
        (
            "unknown root",
            broken("why: none", "caused_by: mtu-inversions\nwhy: none"),
        ),
        (
            "unknown root among several",
            broken(
                "why: none",
                "caused_by:\n  - mtu-inversion\n  - no-dind\nwhy: none",
            ),
        ),
        (
            "a probe where there is none of these",
            broken("why: none", "probe: { in: container, run: id }\nwhy: none"),
        ),
        (
            "a probe that is no command",
            broken("why: none", "probe: { in: pod, run: ' ' }\nwhy: none"),
        ),
        (
            "a probe in no layer",
            broken("why: none", "probe: { in: node, run: id }\nwhy: none"),
        ),
        (
            "an answer that nobody asked for",
            broken("it.mtu > 9000", "probe != ''"),
        ),
        (
            "its own root",
            broken("why: none", "caused_by: fine\nwhy: none"),
        ),
        (
            "milder but worse",
            broken(
                "why: none",
                "milder: { severity: error, when: it.clamped }\nwhy: none",
            ),
        ),
        ("id is not the name", load("other.yaml", SOUND)),
        (
            "id is taken",
            load(
                "mtu-inversion.yaml",
                &SOUND.replace("id: fine", "id: mtu-inversion"),
            ),
        ),
        (
            "a symptom that is no pattern",
            broken(
                "why: none",
                "symptoms:\n- { pattern: 'no (space', example: no space }\nwhy: none",
            ),
        ),
        (
            "a symptom of every line",
            broken(
                "why: none",
                "symptoms:\n- { pattern: '.*', example: no space }\nwhy: none",
            ),
        ),
        (
            "a symptom that does not know its example",
            broken(
                "why: none",
                "symptoms:\n- pattern: no space\n  example: all is well\nwhy: none",
            ),
        ),
        ("empty file", load("fine.yaml", "")),
        ("not YAML", load("fine.yaml", "id: [")),
    ];
    let mut text = String::new();
    for (name, refusal) in refusals {
        writeln!(text, "# {name}\n{refusal}\n").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let error = Library::load(&["/nowhere/at/all".into()]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_broken_case_tells_what_it_found_instead() {
    let dir = tempfile::tempdir().unwrap();
    let cases = "cases:\n  - { name: wrong, finds: [docker0] }\n  - { name: odd, given: { runner: [] }, finds: [] }\n";
    let path = dir.path().join("fine.yaml");
    fs::write(&path, SOUND.replace("cases: []\n", cases)).unwrap();
    let library = Library::only(&[path]).unwrap();
    let reports = run_cases(library.get("fine").unwrap());
    let text: Vec<_> = reports
        .iter()
        .map(|r| r.outcome.mismatches.join("\n"))
        .collect();
    insta::assert_snapshot!(text.join("\n\n"));
}

#[test]
fn checks_are_chosen_by_id() {
    let ids = |library: Library| library.checks().map(|c| c.id.clone()).collect::<Vec<_>>();
    let some = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let library = library();
    let only = library.select(&some(&["mtu-inversion"]), &[]).unwrap();
    assert_eq!(ids(only), ["mtu-inversion"]);
    let without = library.select(&[], &some(&["mtu-inversion"])).unwrap();
    assert!(!ids(without).contains(&"mtu-inversion".to_owned()));
    let error = library.select(&some(&["mtu-invresion"]), &[]).unwrap_err();
    assert!(
        error.to_string().contains("did you mean `mtu-inversion`?"),
        "{error}"
    );
}

/// Writes check files, by name, into a temporary folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn a_check_is_replaced_only_where_that_is_said() {
    let text = fs::read_to_string("checks/engine/floating-engine-tag.yaml").unwrap();
    let softer = text.replace("severity: warning\n", "severity: info\n");
    let dir = folder(&[("floating-engine-tag.yaml", &softer), ("fine.yaml", SOUND)]);
    let file = |name: &str| vec![dir.path().join(name)];
    let replaced = library()
        .replace(&file("floating-engine-tag.yaml"))
        .unwrap();
    let check = replaced.get("floating-engine-tag").unwrap();
    assert_eq!(format!("{:?}", check.severity), "Info");
    assert_eq!(check.group, "engine");
    assert_eq!(replaced.checks().count(), library().checks().count());
    let error = library()
        .replace(&file("fine.yaml"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown id `fine`"), "{error}");
    let error = Library::load(&file("floating-engine-tag.yaml"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("--override"), "{error}");
}

#[test]
fn one_id_in_two_folders_is_refused() {
    let one = folder(&[("fine.yaml", SOUND)]);
    let two = folder(&[("fine.yaml", SOUND)]);
    let dirs = [one.path().to_owned(), two.path().to_owned()];
    let error = Library::load(&dirs).unwrap_err().to_string();
    assert!(error.contains("check `fine` already exists"), "{error}");
}

#[test]
fn a_command_of_a_users_check_runs_only_where_that_is_said() {
    let text = SOUND.replace("why: none", "probe: { in: engine, run: id }\nwhy: none");
    let dir = folder(&[("fine.yaml", &text)]);
    let library = Library::load(&[dir.path().to_owned()]).unwrap();
    let error = library.probes(false).unwrap_err().to_string();
    assert!(
        error.contains("--allow-probes") && error.contains("fine.yaml:8:27"),
        "{error}"
    );
    assert_eq!(library.probes(true).unwrap()[0].command, "id");
    assert!(
        library
            .select(&[], &["fine".to_owned()])
            .unwrap()
            .probes(false)
            .is_ok()
    );
}
