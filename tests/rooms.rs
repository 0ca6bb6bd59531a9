//! The rooms of src have no cyclic dependencies, and neither have the files in a room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The rooms from top to bottom, and those that each may use. A room may only use rooms below it, so there
/// are no cycles. Tests may use any.
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

/// No file depends on itself, directly or through others. Dependencies between a module and its
/// submodules do not count.
#[test]
fn files_use_each_other_in_one_direction() {
    let code: BTreeMap<String, String> = code().into_iter().map(module).collect();
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, text) in &code {
        let paths = paths(text).into_iter().map(|path| absolute(module, &path));
        let files = paths.filter_map(|path| {
            let mut path = path.as_str();
            loop {
                if let Some((known, _)) = code.get_key_value(path) {
                    return Some(known.as_str());
                }
                path = path.rsplit_once("::")?.0;
            }
        });
        let is_part = |other: &str| {
            let of = |outer: &str, inner: &str| inner.starts_with(&format!("{outer}::"));
            module == other || of(module, other) || of(other, module)
        };
        uses.insert(module, files.filter(|other| !is_part(other)).collect());
    }
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 500);
    // A file that uses no other, or that no other uses, is not part of a cycle.
    loop {
        let before = uses.len();
        let left: BTreeSet<&str> = uses.keys().copied().collect();
        let used: BTreeSet<&str> = uses.values().flatten().copied().collect();
        uses.retain(|module, _| used.contains(module));
        uses.values_mut()
            .for_each(|used| used.retain(|other| left.contains(other)));
        uses.retain(|_, used| !used.is_empty());
        if uses.len() == before {
            break;
        }
    }
    assert!(
        uses.is_empty(),
        "circles, or between two: {uses:#?}: move what two files share to a third"
    );
}

/// `src/facts/hosts.rs` as `facts::hosts`.
fn module((path, text): (String, String)) -> (String, String) {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    (path.replace('/', "::"), text)
}

/// The paths in the code: those of `use` declarations, expanded, and inline ones.
fn paths(code: &str) -> Vec<String> {
    let starts = code
        .match_indices("crate::")
        .chain(code.match_indices("super::"));
    let mut paths = Vec::new();
    for (at, _) in starts {
        let is_start = !code[..at].ends_with(|c: char| c == ':' || c.is_alphanumeric());
        if is_start {
            take_apart(
                String::new(),
                &mut code[at..].chars().peekable(),
                &mut paths,
            );
        }
    }
    paths
}

fn take_apart(
    mut path: String,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    paths: &mut Vec<String>,
) {
    while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || "_:".contains(*c)) {
        path.push(c);
    }
    if rest.next_if_eq(&'{').is_none() {
        return paths.push(path);
    }
    while !matches!(rest.peek(), None | Some('}')) {
        while rest.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
        if rest.peek() == Some(&'*') || rest.peek() == Some(&'}') {
            break;
        }
        take_apart(path.clone(), rest, paths);
        // `self as name`
        while rest.next_if(|c| !",}".contains(*c)).is_some() {}
    }
    rest.next();
}

fn absolute(module: &str, path: &str) -> String {
    if let Some(path) = path.strip_prefix("crate::") {
        return path.to_owned();
    }
    let (mut module, mut path) = (module, path);
    while let Some(rest) = path.strip_prefix("super::") {
        module = module.rsplit_once("::").map_or("", |(outer, _)| outer);
        path = rest;
    }
    format!("{module}::{path}")
}

/// The rooms that each room uses, and the files that use them, without tests.
fn used() -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut used: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for (path, code) in code() {
        let room = path.split('/').next().unwrap().trim_end_matches(".rs");
        let rooms = used.entry(room.to_owned()).or_default();
        for line in code.lines() {
            for rest in line.split("crate::").skip(1) {
                let word = |c: char| !c.is_ascii_lowercase() && c != '_';
                let other = rest.split(word).next().unwrap();
                assert!(!other.is_empty(), "{path}: one `use` for each room: {line}");
                if other != room {
                    let files = rooms.entry(other.to_owned()).or_default();
                    files.push(path.clone());
                }
            }
        }
    }
    assert!(used.values().map(BTreeMap::len).sum::<usize>() > 80);
    used
}

/// The code of each file of src, without comments and tests, by its path.
fn code() -> Vec<(String, String)> {
    let files = crate::files("src", "rs").into_iter().map(|file| {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(crate::root().join("src")).unwrap();
        (path.to_str().unwrap().to_owned(), text)
    });
    let files: Vec<(String, String)> = files.collect();
    // Files that are modules of tests: `#[cfg(test)] mod tests;`.
    let tests = files.iter().flat_map(|(_, text)| test_modules(text));
    let tests: BTreeSet<String> = tests.map(|name| format!("{name}.rs")).collect();
    let files = files.into_iter().filter(|(path, _)| {
        let name = path.rsplit('/').next().unwrap();
        !tests.contains(name)
    });
    let files = files.map(|(path, text)| {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim().starts_with("//"));
        (path, lines.collect::<Vec<_>>().join("\n"))
    });
    files.collect()
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
