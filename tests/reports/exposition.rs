//! A strict reader of Prometheus' text format: whatever the format does not allow is an error.

use std::collections::HashSet;

pub struct Sample {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

pub fn values<'a>(samples: &'a [Sample], name: &'a str) -> impl Iterator<Item = f64> + 'a {
    samples
        .iter()
        .filter(move |s| s.name == name)
        .map(|s| s.value)
}

pub fn parse(text: &str) -> Result<Vec<Sample>, String> {
    if !text.ends_with('\n') {
        return Err("the last line has no end".into());
    }
    let (mut samples, mut series, mut families) = (Vec::new(), HashSet::new(), HashSet::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap_or_default().to_owned();
            if !families.insert(family.clone()) {
                return Err(format!("{family} comes in two pieces"));
            }
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            if kind != format!("{family} gauge") {
                return Err(format!("not the type of {family}: {kind}"));
            }
        } else {
            let sample = sample(line).ok_or_else(|| format!("no sample: {line}"))?;
            if sample.name != family {
                return Err(format!("{} is not of {family}", sample.name));
            }
            if !series.insert((sample.name.clone(), sample.labels.clone())) {
                return Err(format!("twice: {line}"));
            }
            samples.push(sample);
        }
    }
    Ok(samples)
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    let name = is_name(name).then(|| name.to_owned())?;
    Some(Sample {
        name,
        labels,
        value,
    })
}

fn labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        if !is_name(name) || labels.iter().any(|(known, _)| known == name) {
            return None;
        }
        let (value, after) = value(after)?;
        labels.push((name.to_owned(), value));
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((labels, after.strip_prefix('}')?)),
        }
    }
}

/// Up to its quote; only three escapes exist.
fn value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                c @ ('\\' | '"') => value.push(c),
                _ => return None,
            },
            c => value.push(c),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}
