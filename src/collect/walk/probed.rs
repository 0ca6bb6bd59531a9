//! The commands of checks: how they are sent with the walk, and their output.

use super::Containers;
use super::frames::{Frames, Record};
use super::processes::Processes;
use crate::evidence::{Engine, Layer, Observation, Observed, Part, Probe, Probed, Reason};
use crate::text::plain::acts;
use std::collections::HashMap;
use std::fmt::Write as _;

const SCRIPT: &str = include_str!("probes.sh");
/// The most that one command may print.
const MOST_BYTES: usize = 8192;

/// The part of the script that runs them; empty without commands.
pub(super) fn script(probes: &[Probe]) -> String {
    if probes.is_empty() {
        return String::new();
    }
    let mut script = super::without_comments(SCRIPT);
    script.push_str("ask_in() {\ncase $1 in\n");
    for layer in [Layer::Pod, Layer::Engine, Layer::Container] {
        let _ = writeln!(script, "{layer})\n:");
        for probe in probes.iter().filter(|probe| probe.layer == layer) {
            let (check, command) = (quoted(&probe.check), quoted(&probe.command));
            // Writing to a String cannot fail.
            let _ = writeln!(script, "ask_by {check} \"$2\" \"$3\" {command}");
        }
        script.push_str(";;\n");
    }
    script.push_str("esac\n}\n");
    script
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Their results, in the order of the walk.
pub(super) fn read(
    frames: &Frames,
    probes: &[Probe],
    processes: &Processes,
    engines: &[Engine],
    containers: &Containers,
) -> Vec<Probed> {
    let of_pid: HashMap<i64, &Engine> = engines.iter().map(|e| (e.pid, e)).collect();
    let answers = frames.named("probe").filter_map(|record| {
        let (check, target) = record.key.split_once(' ')?;
        let probe = probes.iter().find(|probe| probe.check == check)?;
        let (engine, container) = match probe.layer {
            Layer::Pod => (None, None),
            Layer::Engine => {
                let pid: i64 = target.parse().ok()?;
                let engine = of_pid.get(&pid)?;
                (Some(engine.path.clone()), None)
            }
            Layer::Container => {
                let id = processes.get(target.parse().ok()?)?.container.as_deref()?;
                let (engine, name) = containers.find(id)?;
                (Some(engine.to_owned()), Some(name.to_owned()))
            }
        };
        Some(Probed {
            check: check.to_owned(),
            engine,
            container,
            command: Some(probe.command.clone()),
            output: output(record),
        })
    });
    answers.collect()
}

fn output(record: &Record) -> Observation<String> {
    if record.content.len() > MOST_BYTES {
        return Observation::Unobserved(Reason::ProbeTooLarge {
            bytes: MOST_BYTES as i64,
        });
    }
    match record.status {
        Some(0) => {
            let text = String::from_utf8_lossy(record.content);
            let visible = |c: &char| !acts(*c) || matches!(c, '\n' | '\t');
            Observed(
                text.chars()
                    .filter(visible)
                    .collect::<String>()
                    .trim()
                    .to_owned(),
            )
        }
        Some(126 | 127) => Observation::Unobserved(Reason::ProbeNeedsProgram),
        Some(124 | 137 | 143) => Observation::Unobserved(Reason::ProbeLate),
        Some(status) => Observation::Unobserved(Reason::ProbeFailed {
            status: i64::from(status),
        }),
        None => Observation::Unobserved(Reason::CutOff { part: Part::Probe }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(check: &str, layer: Layer, command: &str) -> Probe {
        Probe {
            check: check.into(),
            layer,
            command: command.into(),
        }
    }

    fn said(content: &'static [u8], status: Option<i32>) -> Observation<String> {
        output(&Record {
            name: "probe",
            key: "a -",
            content,
            status,
            cut: false,
        })
    }

    #[test]
    fn nothing_is_sent_where_nothing_is_asked() {
        assert_eq!(script(&[]), "");
    }

    #[test]
    fn a_command_is_one_word_whatever_it_holds() {
        let script = script(&[probe("a", Layer::Pod, "echo 'it'; }\nesac\n# x")]);
        assert!(
            script.contains("ask_by 'a' \"$2\" \"$3\" 'echo '\\''it'\\''; }\nesac\n# x'\n"),
            "{script}"
        );
    }

    #[test]
    fn only_a_command_that_ended_well_is_believed() {
        assert_eq!(said(b"128\n", Some(0)), Observed("128".into()));
        assert_eq!(
            said(b"a\x1b[31mb\nc\xff\n\n", Some(0)),
            Observed("a[31mb\nc\u{fffd}".into())
        );
        for status in [None, Some(1), Some(127), Some(137)] {
            assert!(said(b"128\n", status).observed().is_none(), "{status:?}");
        }
        static LONG: [u8; MOST_BYTES + 1] = [b'x'; MOST_BYTES + 1];
        let reason = said(&LONG, None);
        assert_eq!(
            reason.reason().map(Reason::why),
            Some(crate::evidence::Why::TooLarge)
        );
    }
}
