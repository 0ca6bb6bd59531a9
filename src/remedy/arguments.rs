//! Flags in the command line of an engine's container or service: those that are there stay, and one
//! that sets the same makes way.

use super::{Refusal, docker};
use crate::diagnosis::Change;
use crate::evidence::Launcher;
use crate::yaml::{Edit, Step, at};
use serde_json::{Value, json};
use std::ops::Range;

/// A part of a command line: a list of words, or a text that is split at spaces.
struct Line {
    path: Vec<Step>,
    words: Vec<String>,
    text: Option<String>,
}

impl Line {
    fn read(holder: &Value, path: &[Step], key: &str) -> Line {
        let text = holder[key].as_str();
        let list = holder[key].as_array().into_iter().flatten();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Line {
            path: at(path, [key]),
            words: text.map_or_else(
                || {
                    list.map(|w| w.as_str().unwrap_or_default().to_owned())
                        .collect()
                },
                words,
            ),
            text: text.map(str::to_owned),
        }
    }

    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    fn item(&self, index: usize) -> Vec<Step> {
        let mut path = self.path.clone();
        path.push(Step::Item(index));
        path
    }
}

/// The edits that put a change's flags where dockerd reads them. The two keys of the holder are its
/// command and the arguments behind that.
pub fn edits(
    holder: &Value,
    path: &[Step],
    keys: [&str; 2],
    change: &Change,
) -> Result<Vec<Edit>, Refusal> {
    let flags = docker::flags(change);
    let mut lines = keys.map(|key| Line::read(holder, path, key));
    let [command, args] = &lines;
    let launcher = change.launch.as_ref().map(|launch| launch.by);
    if launcher == Some(Launcher::Script)
        || Launcher::of(&command.words(), &args.words()) == Launcher::Script
    {
        return Err(Refusal::Script(flags));
    }
    // Arguments follow the command, so both ways are one; what is there shows the habit.
    let habit = match (command.words.is_empty(), args.words.is_empty()) {
        (false, true) => 0,
        (true, true) if launcher == Some(Launcher::Command) => 0,
        _ => 1,
    };
    let mut edits = Vec::new();
    for flag in &flags {
        let known = |(at, line): (usize, &Line)| {
            let words = settings(&line.words, flag);
            words
                .into_iter()
                .map(move |words| (at, words))
                .collect::<Vec<_>>()
        };
        let mut set: Vec<_> = lines.iter().enumerate().flat_map(known).collect();
        let Some((last, words)) = set.pop() else {
            edits.extend(lines[habit].append(flag));
            continue;
        };
        edits.extend(lines[last].replace(words, flag)?);
        for (line, words) in set.into_iter().rev() {
            for index in words.rev() {
                edits.extend(lines[line].remove(index)?);
            }
        }
    }
    Ok(edits)
}

/// The arguments that are known to be there and set what the change sets.
pub fn known(change: &Change) -> Vec<&str> {
    let flags = docker::flags(change);
    let sets = |arg: &&String| flags.iter().any(|flag| docker::same_setting(arg, flag));
    change
        .args
        .iter()
        .filter(sets)
        .map(String::as_str)
        .collect()
}

/// A text of flags, DOCKER_OPTS for one, with those of a change.
pub fn in_text(text: &str, path: Vec<Step>, flags: &[String]) -> Result<Vec<Edit>, Refusal> {
    let mut line = Line {
        path,
        words: text.split_whitespace().map(str::to_owned).collect(),
        text: Some(text.to_owned()),
    };
    let mut edits = Vec::new();
    for flag in flags {
        match settings(&line.words, flag).pop() {
            Some(words) => edits.extend(line.replace(words, flag)?),
            None => edits.extend(line.append(flag)),
        }
    }
    Ok(edits)
}

impl Line {
    fn append(&mut self, flag: &str) -> Option<Edit> {
        self.words.push(flag.to_owned());
        Some(match &mut self.text {
            Some(text) => {
                *text = format!("{} {flag}", text.trim_end())
                    .trim_start()
                    .to_owned();
                Edit::Set(self.path.clone(), json!(text))
            }
            None => Edit::Append(self.path.clone(), json!(flag)),
        })
    }

    fn replace(&mut self, words: Range<usize>, flag: &str) -> Result<Option<Edit>, Refusal> {
        // Its value alone, where that is a word of its own.
        let value = flag.split_once('=').map_or("", |(_, value)| value);
        let word = if words.len() == 2 { value } else { flag };
        let index = words.end - 1;
        if self.words[index] == word {
            return Ok(None);
        }
        self.words[index] = word.to_owned();
        self.rewritten(|line| Edit::Set(line.item(index), json!(word)))
    }

    fn remove(&mut self, index: usize) -> Result<Option<Edit>, Refusal> {
        self.words.remove(index);
        self.rewritten(|line| Edit::Remove(line.item(index)))
    }

    /// A text is set as a whole, as long as nothing in it but spaces divides words.
    fn rewritten(&mut self, of_list: impl Fn(&Line) -> Edit) -> Result<Option<Edit>, Refusal> {
        if self
            .text
            .as_deref()
            .is_some_and(|text| text.contains(['"', '\'', '\\']))
        {
            return Err(Refusal::Quoted(self.path.clone()));
        }
        let whole = self.words.join(" ");
        if self.text.is_none() {
            return Ok(Some(of_list(self)));
        }
        self.text = Some(whole.clone());
        Ok(Some(Edit::Set(self.path.clone(), json!(whole))))
    }
}

/// The words of a command line that set what a flag sets: one word each time, or two.
pub fn settings(words: &[String], flag: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let next = words.get(index + 1).map_or("", String::as_str);
        let two = word.starts_with("--") && !word.contains('=') && !next.starts_with('-');
        if two && docker::same_setting(&format!("{word}={next}"), flag) {
            found.push(index..index + 2);
            index += 1;
        } else if docker::same_setting(word, flag) {
            found.push(index..index + 1);
        }
        index += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::apply;

    fn opts(text: &str, flags: &[&str]) -> Result<String, Refusal> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut document = json!({ "opts": text });
        apply(&mut document, &in_text(text, at(&[], ["opts"]), &flags)?);
        Ok(document["opts"].as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_text_of_flags_keeps_those_that_are_there() {
        for (text, flags, new) in [
            ("", &["--mtu=1450"][..], "--mtu=1450"),
            ("--debug", &["--mtu=1450"], "--debug --mtu=1450"),
            ("--mtu 1500 --debug", &["--mtu=1450"], "--mtu 1450 --debug"),
            ("--label='a b'", &["--mtu=1450"], "--label='a b' --mtu=1450"),
            (
                "--registry-mirror=https://a",
                &["--registry-mirror=https://b"],
                "--registry-mirror=https://a --registry-mirror=https://b",
            ),
        ] {
            assert_eq!(opts(text, flags), Ok(new.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_takes_apart_is_refused() {
        let refused = Err(Refusal::Quoted(at(&[], ["opts"])));
        assert_eq!(opts("--label='a b' --mtu=1500", &["--mtu=1450"]), refused);
    }
}
