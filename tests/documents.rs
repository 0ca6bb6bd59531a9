//! The documents are up to date: their output, tables and picture come from the program.

use assert_cmd::Command;
use runner_doctor::checks::Library;
use runner_doctor::schema;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

#[test]
fn the_readme_shows_what_the_demo_prints() {
    keep_current("README.md", |written| fill(written, "demo", &demo()));
}

#[test]
fn the_picture_is_of_the_demo() {
    keep_current("docs/demo.svg", |_| {
        picture(&printed(&["check", "--demo", "--color", "always"]))
    });
}

#[test]
fn the_demo_fits_a_screen_with_all_that_the_article_lists() {
    let report = printed(&["check", "--demo"]);
    assert!(report.lines().count() <= 45, "{report}");
    for line in [
        " 1500               ██████████  node uplink eth0 ",
        " 1500               ░░░░░░░░░░  ├ node docker0 ",
        " 1450 ◄ bottleneck    ██████    └ pod network eth0 ",
        "✗ error  oom-score-overflow",
        "· info  docker-version-mismatch",
    ] {
        assert!(report.contains(line), "{line}:\n{report}");
    }
    let inverted = report.lines().filter(|line| line.contains("✗ 1500 > 1450"));
    assert_eq!(inverted.count(), 2, "{report}");
}

#[test]
fn the_table_of_checks_is_current() {
    keep_current("docs/checks.md", |written| {
        fill(written, "checks", &table())
    });
}

#[test]
fn the_rights_are_those_that_rbac_prints() {
    keep_current("docs/rbac.md", |written| fill(written, "rights", &rights()));
}

#[test]
fn the_attributes_of_checks_are_current() {
    keep_current("checks/README.md", |written| {
        fill(written, "facts", &facts())
    });
}

#[test]
fn the_keys_of_the_report_are_current() {
    keep_current("docs/json.md", |written| fill(written, "keys", &keys()));
}

#[test]
fn the_docker_releases_are_current() {
    keep_current("docs/docker.md", |written| {
        fill(written, "releases", &releases())
    });
}

/// Every mention of the repository matches Cargo.toml.
#[test]
fn the_repository_has_one_address() {
    let (_, path) = env!("CARGO_PKG_REPOSITORY")
        .split_once("github.com/")
        .unwrap();
    for file in [
        "README.md",
        "action.yml",
        "templates/check.yml",
        "docs/book.toml",
        "docs/getting-started.md",
    ] {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.contains(path),
            "{} does not name {path}",
            file.display()
        );
    }
}

/// Words in capitals are placeholders.
#[test]
fn paths_that_contributors_are_sent_to_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let is_path = |word: &&str| {
        let starts = ["src/", "tests/", "checks/", "docs/", ".ci/"];
        starts.iter().any(|start| word.starts_with(start))
            && !word.contains(' ')
            && !word.contains(|letter: char| letter.is_ascii_uppercase())
    };
    let paths: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_path).collect();
    assert!(paths.len() > 30, "only {} paths were found", paths.len());
    for path in paths {
        assert!(root.join(path).exists(), "there is no {path}");
    }
}

/// The recommended version is defined in checks/data.
#[test]
fn the_readme_names_the_recommended_docker() {
    let read = |name: &str| {
        fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
    };
    let data: Value = serde_saphyr::from_str(&read("checks/data/docker.yaml")).unwrap();
    let image = format!("docker:{}-dind", data["recommended"].as_str().unwrap());
    assert!(read("README.md").contains(&image), "{image}");
}

pub(crate) fn keep_current(name: &str, fill: impl Fn(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    let written = fs::read_to_string(&path).unwrap_or_default();
    let current = fill(&written);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &current).unwrap();
    } else {
        assert!(
            written == current,
            "{name} is not current: run UPDATE_DOCS=1 cargo test --test integration documents"
        );
    }
}

/// Puts `text` between the marks of a section.
fn fill(readme: &str, section: &str, text: &str) -> String {
    let start = readme.find(&format!("<!-- {section}:")).unwrap();
    let start = start + readme[start..].find("-->").unwrap() + "-->".len();
    let end = start + readme[start..].find("<!-- end -->").unwrap();
    format!(
        "{}\n{}\n{}",
        &readme[..start],
        text.trim_end(),
        &readme[end..]
    )
}

/// A command's output at 80 columns.
fn printed(arguments: &[&str]) -> String {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    for name in [
        "COLUMNS",
        "CLICOLOR_FORCE",
        "NO_COLOR",
        "LC_ALL",
        "LANG",
        "LC_CTYPE",
    ] {
        command.env_remove(name);
    }
    let output = command.args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The beginning of the report; the picture shows all of it.
fn demo() -> String {
    const LINES: usize = 10;
    let report = printed(&["check", "--demo"]);
    let lines: Vec<&str> = report.lines().take(LINES).collect();
    format!("```\n{}\n```", lines.join("\n"))
}

/// A terminal's screen as SVG: text in the eight colours that the report uses, on a dark ground.
fn picture(screen: &str) -> String {
    let (cell, row_height, margin) = (8.4, 18.0, 16.0);
    let columns = screen
        .lines()
        .map(|line| plain(line).chars().count())
        .max()
        .unwrap_or(0);
    let rows = screen.lines().count();
    let (width, height) = (
        columns as f64 * cell + 2.0 * margin,
        rows as f64 * row_height + 2.0 * margin,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace\" font-size=\"14\">\n\
         <title>runner-doctor check --demo</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (row, line) in screen.lines().enumerate() {
        let y = margin + (row as f64 + 0.75) * row_height;
        let mut column = 0;
        for (style, text) in spans(line) {
            let x = margin + column as f64 * cell;
            let length = text.chars().count();
            column += length;
            if text.trim().is_empty() {
                continue;
            }
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{:.1}\" xml:space=\"preserve\" {style}>{text}</text>",
                length as f64 * cell
            )
            .unwrap();
        }
    }
    svg + "</svg>\n"
}

/// A line in spans, each with the attributes of its escape sequences.
fn spans(line: &str) -> Vec<(&'static str, String)> {
    let mut spans = Vec::new();
    let mut codes: Vec<&str> = Vec::new();
    for (at, part) in line.split("\x1b[").enumerate() {
        let text = match at {
            0 => part,
            _ => {
                let (sequence, text) = part.split_once('m').unwrap_or(("", part));
                for code in sequence.split(';') {
                    match code {
                        "0" | "39" | "22" | "" => codes.clear(),
                        code => codes.push(code),
                    }
                }
                text
            }
        };
        if !text.is_empty() {
            spans.push((attributes(&codes), text.to_owned()));
        }
    }
    spans
}

fn attributes(codes: &[&str]) -> &'static str {
    let has = |wanted: &[&str]| codes.iter().any(|code| wanted.contains(code));
    match () {
        () if has(&["31", "91"]) => "fill=\"#ff6b68\" font-weight=\"bold\"",
        () if has(&["33", "93"]) => "fill=\"#e5c07b\"",
        () if has(&["32", "92"]) => "fill=\"#98c379\"",
        () if has(&["1"]) => "fill=\"#ffffff\" font-weight=\"bold\"",
        () if has(&["2", "90"]) => "fill=\"#8b93a1\"",
        () => "fill=\"#d7dae0\"",
    }
}

/// A line without its colours.
fn plain(line: &str) -> String {
    spans(line).into_iter().map(|(_, text)| text).collect()
}

/// The role that `rbac` prints, without the comments on its rules.
fn rights() -> String {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let output = command.args(["rbac", "-A"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut documents = printed.split("---\n");
    let role = documents.find(|text| text.contains("kind: ClusterRole\n"));
    let lines = role.unwrap().lines().filter(|line| !line.starts_with('#'));
    format!("```yaml\n{}\n```", lines.collect::<Vec<_>>().join("\n"))
}

/// The most used objects of a report, from its schema.
fn keys() -> String {
    let schema: Value = serde_json::from_str(&printed(&["schema", "report"])).unwrap();
    let mut text = String::new();
    let report = ("the report", &schema);
    let others = [
        ("runners", "ExaminedRunner"),
        ("findings", "Finding"),
        ("remedies", "Remedy"),
        ("unknowns", "Unknown"),
        ("layers", "Layer"),
    ];
    let others = others.map(|(key, name)| (key, &schema["$defs"][name]));
    for (key, object) in [report].into_iter().chain(others) {
        let title = match key {
            "the report" => "The report".to_owned(),
            key => format!("Each of `{key}`"),
        };
        writeln!(text, "## {title}\n\n| key | |\n|---|---|").unwrap();
        for (name, value) in object["properties"].as_object().unwrap() {
            let about = value["description"].as_str();
            let about = about.or_else(|| definition(&schema, value)["description"].as_str());
            let about = sentence(about.unwrap_or_default());
            writeln!(text, "| `{name}` | {about} |").unwrap();
        }
        text.push('\n');
    }
    text
}

/// Docker's releases, from checks/data.
fn releases() -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("checks/data/docker.yaml");
    let data: Value = serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = format!(
        "As of {}, from [moby's list of branches]({}). Fixes recommend **{}**.\n\n| maintained line | until |\n|---|---|\n",
        word(&data["as_of"]),
        word(&data["source"]),
        word(&data["recommended"])
    );
    for line in data["maintained"].as_array().unwrap() {
        let until = match word(&line["until"]) {
            until if until.is_empty() => "no date announced".to_owned(),
            until => until,
        };
        writeln!(text, "| {} | {until} |", word(&line["line"])).unwrap();
    }
    text += "\nReleases with a bug in every configuration:\n\n| release | what fails | fixed in |\n|---|---|---|\n";
    for bad in data["known_bad"].as_array().unwrap() {
        let (product, versions) = (word(&bad["product"]), word(&bad["versions"]));
        let (fault, source) = (sentence(&word(&bad["fault"])), word(&bad["source"]));
        let fixed = word(&bad["fixed_in"]);
        let versions = versions.trim_start_matches('=');
        writeln!(
            text,
            "| {product} {versions} | [{fault}]({source}) | {fixed} |"
        )
        .unwrap();
    }
    text
}

fn table() -> String {
    let mut text = String::from("| check | severity | healthy state |\n|---|---|---|\n");
    for check in Library::load(&[]).unwrap().checks() {
        let severity = format!("{:?}", check.severity).to_lowercase();
        let link = format!("[{}](../checks/{}/{0}.yaml)", check.id, check.group);
        writeln!(text, "| {link} | {severity} | {} |", check.title).unwrap();
    }
    text
}

/// The facts that a check may read, from their own descriptions.
fn facts() -> String {
    let schema = schema::facts().to_value();
    let mut text = String::new();
    for (name, section) in schema["properties"].as_object().unwrap() {
        let facts = match name.as_str() {
            "runner" => definition(&schema, section),
            _ => {
                let section = definition(&schema, section);
                definition(&schema, &section["properties"]["items"]["items"])
            }
        };
        let lead = match name.as_str() {
            "runner" => "`runner`: ".to_owned(),
            _ => format!("`it` with `for_each: {name}`: "),
        };
        let about = sentence(facts["description"].as_str().unwrap());
        writeln!(text, "\n{lead}{about}\n\n| attribute | | |\n|---|---|---|").unwrap();
        rows(&mut text, &schema, facts, "");
    }
    text.trim().to_owned()
}

fn rows(text: &mut String, schema: &Value, facts: &Value, within: &str) {
    for (name, attribute) in facts["properties"].as_object().unwrap() {
        let Attribute { kind, inner } = Attribute::read(schema, attribute);
        let path = format!("{within}{name}");
        let described = attribute["description"].as_str();
        let described = described.unwrap_or_else(|| panic!("{path} has no description"));
        match inner {
            Some(inner) => {
                writeln!(text, "| `{path}` | {kind} | {} |", sentence(described)).unwrap();
                rows(text, schema, inner, &format!("{path}."));
            }
            None => writeln!(text, "| `{path}` | {kind} | {} |", sentence(described)).unwrap(),
        }
    }
}

/// An attribute's type in words, and its schema if it has attributes of its own.
struct Attribute<'a> {
    kind: String,
    inner: Option<&'a Value>,
}

impl<'a> Attribute<'a> {
    fn read(schema: &'a Value, attribute: &'a Value) -> Self {
        let mut kinds: Vec<String> = Vec::new();
        let mut words = Vec::new();
        let (mut absent, mut unseen, mut inner) = (false, false, None);
        let mut open = vec![definition(schema, attribute)];
        while let Some(part) = open.pop() {
            let part = definition(schema, part);
            let one = |key: &str| part.get(key).and_then(Value::as_array);
            if let Some(parts) = one("anyOf").or_else(|| one("oneOf")) {
                open.extend(parts.iter().rev());
                continue;
            }
            let constant = part.get("const").into_iter();
            let named = constant.chain(one("enum").into_iter().flatten());
            let named: Vec<_> = named.filter_map(Value::as_str).collect();
            if !named.is_empty() {
                words.extend(named.iter().map(|word| format!("`{word}`")));
                continue;
            }
            let properties = part.get("properties").and_then(Value::as_object);
            match properties {
                Some(properties) if properties.contains_key("unobserved") => unseen = true,
                Some(_) => inner = Some(part),
                None => {
                    let named = match &part["type"] {
                        Value::String(name) => vec![name.as_str()],
                        names => names
                            .as_array()
                            .unwrap()
                            .iter()
                            .filter_map(Value::as_str)
                            .collect(),
                    };
                    for name in named {
                        match name {
                            "null" => absent = true,
                            "string" => kinds.push("text".to_owned()),
                            "integer" => kinds.push("number".to_owned()),
                            "boolean" => kinds.push("true or false".to_owned()),
                            "object" => kinds.push("texts by name".to_owned()),
                            other => panic!("an attribute of type {other}"),
                        }
                    }
                }
            }
        }
        if !words.is_empty() {
            kinds.push(words.join(", "));
        }
        for (may, word) in [(absent, "absent"), (unseen, "unseen")] {
            if may {
                kinds.push(format!("may be {word}"));
            }
        }
        Attribute {
            kind: kinds.join("; "),
            inner,
        }
    }
}

fn definition<'a>(schema: &'a Value, part: &'a Value) -> &'a Value {
    match part.get("$ref").and_then(Value::as_str) {
        Some(name) => &schema["$defs"][name.trim_start_matches("#/$defs/")],
        None => part,
    }
}

fn sentence(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
