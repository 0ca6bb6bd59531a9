//! README.md says what is so: its output and its table are the program's own.

use assert_cmd::Command;
use runner_doctor::checks::Library;
use runner_doctor::schema;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

#[test]
fn the_readme_is_current() {
    keep_current("README.md", |written| {
        let current = fill(written, "demo", &demo());
        let current = fill(&current, "checks", &table());
        fill(&current, "rights", &rights())
    });
}

#[test]
fn the_attributes_of_checks_are_current() {
    keep_current("checks/README.md", |written| {
        fill(written, "facts", &facts())
    });
}

fn keep_current(name: &str, fill: impl Fn(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    let written = fs::read_to_string(&path).unwrap();
    let current = fill(&written);
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, &current).unwrap();
    } else {
        assert!(
            written == current,
            "{name} is not current: run UPDATE_README=1 cargo test --test integration readme"
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

fn demo() -> String {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    for name in ["COLUMNS", "CLICOLOR_FORCE", "LC_ALL", "LANG", "LC_CTYPE"] {
        command.env_remove(name);
    }
    let output = command.args(["check", "--demo"]).output().unwrap();
    format!("```\n{}```", String::from_utf8(output.stdout).unwrap())
}

/// The role that `rbac` prints, without what it says of each rule.
fn rights() -> String {
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let output = command.args(["rbac", "-A"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut documents = printed.split("---\n");
    let role = documents.find(|text| text.contains("kind: ClusterRole\n"));
    let lines = role.unwrap().lines().filter(|line| !line.starts_with('#'));
    format!("```yaml\n{}\n```", lines.collect::<Vec<_>>().join("\n"))
}

fn table() -> String {
    let mut text = String::from("| check | severity | what is healthy |\n|---|---|---|\n");
    for check in Library::load(&[]).unwrap().checks() {
        let severity = format!("{:?}", check.severity).to_lowercase();
        let link = format!("[{}](checks/{}/{0}.yaml)", check.id, check.group);
        writeln!(text, "| {link} | {severity} | {} |", check.title).unwrap();
    }
    text
}

/// What a check may read, from the facts' own descriptions.
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

/// What an attribute is, in words; of what it consists, where it has attributes of its own.
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
