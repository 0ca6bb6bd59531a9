//! docs/ as a site: writes its pages to target/site, where `.ci/docs` runs mdBook, and checks every link in them.
//! The pages of checks and of error texts come from the check files.

use crate::root;
use regex::{Captures, Regex};
use runner_doctor::checks::Library;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Documents outside docs/ that are pages, too.
const ALSO: [(&str, &str); 2] = [
    ("checks/README.md", "custom-checks.md"),
    ("CHANGELOG.md", "changelog.md"),
];
/// For contributors; not on the site.
const NOT: [&str; 1] = ["docs/releasing.md"];

static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^()\s]+)\)").unwrap());

#[test]
fn every_link_of_the_site_leads_to_something() {
    let site = Site::new();
    let mut broken = Vec::new();
    for (name, text) in &site.pages {
        for link in LINK.captures_iter(&without_code(text)) {
            if let Some(reason) = site.refuses(name, &link[1]) {
                broken.push(format!("{name}: {}: {reason}", &link[1]));
            }
        }
    }
    let listed = &site.pages["SUMMARY.md"];
    for name in site.pages.keys().filter(|name| *name != "SUMMARY.md") {
        if !listed.contains(&format!("]({name})")) {
            broken.push(format!("SUMMARY.md does not list {name}"));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    site.write();
}

/// The pages by name, as Markdown.
struct Site {
    pages: BTreeMap<String, String>,
}

/// An error text with all faults that it points to.
struct ErrorText {
    page: String,
    heading: String,
    /// The line of a log, or two.
    example: String,
    /// The ids of the faults, the most likely first.
    faults: Vec<String>,
    decided_by: Option<String>,
}

/// A check, or a fault that only logs show.
struct Fault {
    title: String,
    why: String,
    judged: bool,
}

impl Site {
    fn new() -> Site {
        let library = Library::load(&[]).unwrap();
        let checks = library.checks().map(|check| {
            let (title, why) = (check.title.clone(), check.why.clone());
            (
                check.id.clone(),
                Fault {
                    title,
                    why,
                    judged: true,
                },
            )
        });
        let entries = library.entries().map(|entry| {
            let (title, why) = (entry.title.clone(), entry.why.clone());
            (
                entry.id.clone(),
                Fault {
                    title,
                    why,
                    judged: false,
                },
            )
        });
        let faults: BTreeMap<String, Fault> = checks.chain(entries).collect();
        let errors = errors(&library);
        let mut pages = documents();
        for (id, text) in runner_doctor::commands::pages(&library).unwrap() {
            let of_check: Vec<&ErrorText> = errors
                .iter()
                .filter(|error| error.faults[0] == id)
                .collect();
            pages.insert(format!("checks/{id}.md"), with_errors(&text, &of_check));
        }
        for error in &errors {
            pages.insert(error.page.clone(), error.text(&faults));
        }
        fill(&mut pages, "errors.md", "errors", &index(&errors, &faults));
        let chapters = |rows: Vec<(String, String)>| {
            let rows = rows
                .into_iter()
                .map(|(title, page)| format!("  - [{}]({page})", escaped(&title)));
            rows.collect::<Vec<_>>().join("\n")
        };
        let of_errors = errors
            .iter()
            .map(|e| (e.heading.clone(), e.page.clone()))
            .collect();
        let of_checks = faults
            .keys()
            .map(|id| (id.clone(), format!("checks/{id}.md")))
            .collect();
        fill(&mut pages, "SUMMARY.md", "errors", &chapters(of_errors));
        fill(&mut pages, "SUMMARY.md", "checks", &chapters(of_checks));
        Site { pages }
    }

    /// Why a link on a page leads nowhere.
    fn refuses(&self, page: &str, link: &str) -> Option<&'static str> {
        if link.starts_with("https://") {
            return None;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = match path {
            "" => page.to_owned(),
            path => joined(Path::new(page).parent().unwrap(), path),
        };
        let Some(text) = self.pages.get(&target) else {
            return Some("no such page");
        };
        (!anchor.is_empty() && !anchors(text).contains(anchor)).then_some("no such heading")
    }

    fn write(&self) {
        let site = root().join("target/site");
        let _ = fs::remove_dir_all(site.join("src"));
        for (name, text) in &self.pages {
            let file = site.join("src").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        for name in ["book.toml", "site.css"] {
            fs::copy(root().join("docs").join(name), site.join(name)).unwrap();
        }
    }
}

/// The documents as pages: their links lead to pages where there is one, otherwise to the repository.
fn documents() -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> =
        ALSO.map(|(file, page)| (file.into(), page.into())).into();
    for file in crate::files("docs", "md") {
        let name = file.file_name().unwrap().to_str().unwrap();
        names.insert(format!("docs/{name}"), name.to_owned());
    }
    names.retain(|file, _| !NOT.contains(&file.as_str()));
    let page = |file: &String| {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let folder = Path::new(file).parent().unwrap();
        let redirected = LINK.replace_all(&text, |link: &Captures<'_>| {
            format!("]({})", redirected(folder, &link[1], &names))
        });
        redirected.into_owned()
    };
    let pages = names.iter().map(|(file, name)| (name.clone(), page(file)));
    pages.collect()
}

fn redirected(folder: &Path, link: &str, names: &BTreeMap<String, String>) -> String {
    let is_page = names.values().any(|name| name == link);
    if link.contains("://") || link.starts_with('#') || is_page {
        return link.to_owned();
    }
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, String::new()), |(path, anchor)| {
            (path, format!("#{anchor}"))
        });
    let file = joined(folder, path);
    if let Some(page) = names.get(&file) {
        return format!("{page}{anchor}");
    }
    let name = Path::new(&file);
    if file.starts_with("checks/")
        && file.ends_with(".yaml")
        && !file.starts_with("checks/data/")
        && name.components().count() == 3
    {
        return format!("checks/{}.md", name.file_stem().unwrap().to_str().unwrap());
    }
    assert!(root().join(&file).exists(), "{link}: there is no {file}");
    format!("{}/blob/main/{file}{anchor}", env!("CARGO_PKG_REPOSITORY"))
}

/// A relative path from a folder, without `..`.
fn joined(folder: &Path, path: &str) -> String {
    let mut parts: Vec<&str> = folder.iter().map(|part| part.to_str().unwrap()).collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn fill(pages: &mut BTreeMap<String, String>, name: &str, mark: &str, text: &str) {
    let page = pages.get_mut(name).unwrap();
    let mark = format!("<!-- {mark} -->");
    assert!(page.contains(&mark), "{name} has no {mark}");
    *page = page.replace(&mark, text.trim_start());
}

/// Every error text that a symptom knows.
fn errors(library: &Library) -> Vec<ErrorText> {
    let checks = library.checks().map(|check| (&check.id, &check.symptoms));
    let entries = library.entries().map(|entry| (&entry.id, &entry.symptoms));
    let mut all: BTreeMap<String, ErrorText> = BTreeMap::new();
    for (id, symptoms) in checks.chain(entries) {
        for symptom in symptoms {
            let heading = general(symptom.error());
            let page = format!("errors/{}.md", slug(&heading));
            let error = all.entry(page.clone()).or_insert_with(|| ErrorText {
                page,
                heading,
                example: symptom.example.clone(),
                faults: Vec::new(),
                decided_by: None,
            });
            for fault in [id].into_iter().chain(&symptom.or) {
                if !error.faults.contains(fault) {
                    error.faults.push(fault.clone());
                }
            }
            error.decided_by = error.decided_by.take().or(symptom.decided_by.clone());
        }
    }
    let mut all: Vec<ErrorText> = all.into_values().collect();
    all.sort_by_key(|error| (error.faults[0].clone(), error.page.clone()));
    all
}

/// An error without the names and addresses of its example.
fn general(error: &str) -> String {
    static PARTICULAR: LazyLock<Regex> = LazyLock::new(|| {
        let host = r#"[\w.-]*\bexample\.(?:org|com)\b[^\s"'`)>,]*"#;
        Regex::new(&format!(
            r"(?:\w+://)?{host}|\b(?:192\.0\.2|10\.\d+\.\d+|172\.17\.0)\.\d+(?::\d+)?"
        ))
        .unwrap()
    });
    PARTICULAR.replace_all(error, "…").into_owned()
}

/// The name of a page, from its heading.
fn slug(heading: &str) -> String {
    const LONGEST: usize = 72;
    let mut slug = String::new();
    for word in heading.split(|c: char| !c.is_ascii_alphanumeric()) {
        if slug.len() + word.len() > LONGEST && !slug.is_empty() {
            break;
        }
        if !word.is_empty() {
            if !slug.is_empty() {
                slug.push('-');
            }
            slug.push_str(&word.to_lowercase());
        }
    }
    slug
}

impl ErrorText {
    fn text(&self, faults: &BTreeMap<String, Fault>) -> String {
        let link = |id: &String| {
            let sentence = first_sentence(&faults[id].why);
            format!("[{id}](../checks/{id}.md). {}", escaped(&sentence))
        };
        let (first, others) = self.faults.split_first().unwrap();
        let fault = &faults[first];
        let mut text = format!("# {}\n\n", escaped(&self.heading));
        if self.example.lines().count() > 1 {
            writeln!(text, "```text\n{}\n```\n", self.example).unwrap();
        }
        let lead = match others {
            [] => "Cause",
            _ => "Most likely cause",
        };
        writeln!(text, "{lead}: {}\n", link(first)).unwrap();
        if !others.is_empty() {
            text += "Other possible causes:\n\n";
            for other in others {
                writeln!(text, "- {}", link(other)).unwrap();
            }
            text.push('\n');
        }
        if let Some(decided_by) = &self.decided_by {
            writeln!(
                text,
                "## How to find out which\n\n{}\n",
                escaped(decided_by)
            )
            .unwrap();
        }
        writeln!(text, "## What happens\n\n{}\n", escaped(&fault.why)).unwrap();
        text += "## What to do\n\n```sh\n";
        text +=
            "runner-doctor explain --log build.log    # the causes of all errors in a job's log\n";
        if fault.judged {
            writeln!(
                text,
                "runner-doctor check --check {first}    # is it present in a runner?"
            )
            .unwrap();
        }
        writeln!(
            text,
            "```\n\nThe fixes are on the page of [{first}](../checks/{first}.md)."
        )
        .unwrap();
        text
    }
}

/// The errors of a check, before its references.
fn with_errors(page: &str, errors: &[&ErrorText]) -> String {
    if errors.is_empty() {
        return page.to_owned();
    }
    let mut list = "## Error messages\n\n".to_owned();
    for error in errors {
        let page = error.page.trim_start_matches("errors/");
        writeln!(list, "- [{}](../errors/{page})", escaped(&error.heading)).unwrap();
    }
    match page.split_once("## References\n") {
        // The page of a fault that only logs show quotes them.
        Some((before, after)) => {
            let before = before.split("## In logs\n").next().unwrap_or_default();
            format!("{before}{list}\n## References\n{after}")
        }
        None => format!("{page}\n{list}"),
    }
}

fn index(errors: &[ErrorText], faults: &BTreeMap<String, Fault>) -> String {
    let mut text = String::new();
    let mut last = "";
    for error in errors {
        let id = &error.faults[0];
        if id != last {
            let title = escaped(&faults[id].title);
            writeln!(text, "\n**[{id}](checks/{id}.md)**: {title}\n").unwrap();
            last = id;
        }
        writeln!(text, "- [{}]({})", escaped(&error.heading), error.page).unwrap();
    }
    text
}

fn first_sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let is_end = |at: usize| {
        let next = words.get(at + 1).and_then(|word| word.chars().next());
        words[at].ends_with('.') && next.is_none_or(|first| first.is_uppercase() || first == '`')
    };
    let end = (0..words.len())
        .find(|at| is_end(*at))
        .map_or(words.len(), |at| at + 1);
    words[..end].join(" ")
}

/// Text that Markdown and HTML leave as it is; code in backticks stays code.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut code = false;
    let paired = text.matches('`').count().is_multiple_of(2);
    for c in text.chars() {
        code ^= c == '`' && paired;
        if !code
            && matches!(
                c,
                '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#' | '~' | '\\' | '&'
            )
            || c == '`' && !paired
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn without_code(text: &str) -> String {
    let mut fence = None;
    let lines = text.lines().filter(|line| {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            None => return !line.starts_with("    "),
            Some(open) if ticks >= open => fence = None,
            Some(_) => {}
        }
        false
    });
    let code = Regex::new("`[^`\n]*`").unwrap();
    code.replace_all(&lines.collect::<Vec<_>>().join("\n"), "``")
        .into_owned()
}

/// The ids that mdBook gives to the headings of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let id = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(id).collect()
}
