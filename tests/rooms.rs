//! The rooms of src use each other in one direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The rooms from top to bottom, and those that each may use. All of them stand below it, so there is no
/// circle. Tests may use any.
const ROOMS: [(&str, &str); 26] = [
    ("main", ""),
    ("commands", "*"),
    ("untrusted", "checks collect evidence lint manifest text"),
    ("config", "cli checks diagnosis files"),
    (
        "cli",
        "manifest report remedy collect diagnosis systems text",
    ),
    ("permissions", "checks collect facts yaml"),
    ("schema", "checks facts diagnosis evidence"),
    (
        "lint",
        "fix checks remedy collect facts diagnosis evidence systems yaml files text",
    ),
    ("manifest", "remedy collect facts yaml"),
    (
        "fix",
        "remedy facts diagnosis evidence systems yaml files text",
    ),
    ("report", "compare checks diagnosis evidence text"),
    ("compare", "diagnosis evidence"),
    ("redact", "facts evidence"),
    ("diagnose", "facts diagnosis evidence"),
    ("checks", "remedy symptoms facts diagnosis evidence files"),
    ("remedy", "facts diagnosis evidence systems yaml text"),
    ("collect", "symptoms facts evidence systems text"),
    ("symptoms", "evidence text"),
    ("facts", "evidence systems"),
    ("diagnosis", "evidence systems yaml text"),
    ("evidence", "systems yaml text"),
    ("systems", "yaml"),
    ("yaml", "text"),
    ("files", ""),
    ("text", ""),
    ("lib", ""),
];

#[test]
fn rooms_use_only_rooms_below_them() {
    let used = used();
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        let below: BTreeSet<&str> = ROOMS[at + 1..].iter().map(|(room, _)| *room).collect();
        let allowed: Vec<&str> = allowed.split_whitespace().collect();
        for other in &allowed {
            assert!(
                *other == "*" || below.contains(other),
                "{other} is not below {room}"
            );
        }
        for (other, files) in used.get(*room).into_iter().flatten() {
            let may = allowed.contains(&other.as_str()) || allowed == ["*"];
            assert!(
                may,
                "{room} may not use {other} ({}): move what it needs to a room below both, or change ROOMS",
                files.join(", ")
            );
        }
    }
    for room in used.keys() {
        let known = ROOMS.iter().any(|(known, _)| known == room);
        assert!(known, "src/{room} is not in ROOMS: give it a place there");
    }
}

/// The rooms that each room uses, and the files that do, without tests.
fn used() -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut used: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let files = crate::files("src", "rs");
    let texts: Vec<String> = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    // Files that are modules of tests: `#[cfg(test)] mod tests;`.
    let tests: BTreeSet<String> = texts.iter().flat_map(|text| test_modules(text)).collect();
    for (file, text) in files.iter().zip(&texts) {
        let path = file.strip_prefix(crate::root().join("src")).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let room = path.iter().next().unwrap().to_str().unwrap();
        let room = room.trim_end_matches(".rs").to_owned();
        let rooms = used.entry(room.clone()).or_default();
        if tests.contains(name) {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        for line in code.lines().filter(|line| !line.trim().starts_with("//")) {
            for rest in line.split("crate::").skip(1) {
                let word = |c: char| !c.is_ascii_lowercase() && c != '_';
                let other = rest.split(word).next().unwrap();
                assert!(
                    !other.is_empty(),
                    "{path:?}: one `use` for each room: {line}"
                );
                if other != room {
                    let files = rooms.entry(other.to_owned()).or_default();
                    files.push(path.display().to_string());
                }
            }
        }
    }
    assert!(used.values().map(BTreeMap::len).sum::<usize>() > 80);
    used
}

fn test_modules(text: &str) -> Vec<String> {
    let modules = text.split("#[cfg(test)]\n").skip(1);
    let modules = modules.filter_map(|rest| {
        let line = rest
            .lines()
            .next()?
            .trim()
            .trim_start_matches("pub(crate) ");
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    modules.map(str::to_owned).collect()
}
