//! Reads a log of any size in bounded memory, and keeps its known lines.

use super::ranking::Known;
use super::scan::{Event, Scan};
use super::{Symptom, Symptoms, line};
use crate::evidence::KnownLine;
use std::io::{self, BufRead};

/// Longer lines are scanned in pieces of this size.
const PIECE: usize = 64 << 10;
/// The overlap of consecutive pieces, so that no match is cut in two.
const OVERLAP: usize = 1 << 10;

/// Events reported while a log is read.
pub(crate) enum Told<'a> {
    /// The first line of a fault.
    Known(&'a Known<'a>),
    /// This fault no longer counts: a later line shows that it is resolved.
    Over(&'a str),
}

/// The known faults in a log, and its number of lines. `tell` is called when a fault's first line is
/// read, and when the fault is resolved.
pub(crate) fn read<'a>(
    mut log: impl BufRead,
    symptoms: &'a Symptoms,
    mut tell: impl FnMut(Told),
) -> io::Result<(Vec<Known<'a>>, u64)> {
    let mut scan = Scan::new(symptoms);
    let mut known: Vec<Known> = Vec::new();
    let mut piece: Vec<u8> = Vec::new();
    let mut lines = 0;
    let mut within = false;
    let mut note = |piece: &[u8], number: u64| {
        for event in scan.line(piece) {
            let mut over: Vec<&str> = Vec::new();
            known.retain(|known| {
                let taken_back = event.takes_back(known.symptom);
                if taken_back && !over.contains(&&*known.symptom.check) {
                    over.push(&known.symptom.check);
                }
                !taken_back
            });
            // Another error of the same check may still count.
            over.retain(|check| !known.iter().any(|known| known.symptom.check == *check));
            for check in over {
                tell(Told::Over(check));
            }
            if let Event::Found(found) = event {
                let same = |known: &&mut Known| std::ptr::eq(known.symptom, found.symptom);
                match known.iter_mut().find(same) {
                    Some(known) => known.times += 1,
                    None => {
                        let first = Known {
                            symptom: found.symptom,
                            first: number,
                            text: found.text,
                            times: 1,
                        };
                        tell(Told::Known(&first));
                        known.push(first);
                    }
                }
            }
        }
    };
    loop {
        let buffer = log.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let room = PIECE - piece.len();
        let taken = end.unwrap_or(buffer.len()).min(room);
        piece.extend_from_slice(&buffer[..taken]);
        let ends = end == Some(taken);
        log.consume(taken + usize::from(ends));
        lines += u64::from(!within);
        within = !ends;
        if ends {
            note(&piece, lines);
            piece.clear();
        } else if piece.len() == PIECE {
            note(&piece, lines);
            piece.drain(..PIECE - OVERLAP);
        }
    }
    note(&piece, lines);
    Ok((known, lines))
}

/// The faults that the tail of a container's log proves, with the last line of each. Kubernetes
/// prefixes each line with its time.
pub(crate) fn last(log: &[u8], symptoms: &Symptoms, previous: bool) -> Vec<KnownLine> {
    let mut scan = Scan::new(symptoms);
    let mut known: Vec<(&Symptom, KnownLine)> = Vec::new();
    for bytes in log.split(|byte| *byte == b'\n') {
        let whole = line::text(bytes);
        let (time, text) = match whole.split_once(' ') {
            Some((time, text)) if is_time(time) => (Some(seconds(time)), text),
            _ => (None, &*whole),
        };
        for event in scan.line(text.as_bytes()) {
            known.retain(|(symptom, _)| !event.takes_back(symptom));
            let Event::Found(found) = event else { continue };
            if !found.symptom.or.is_empty() {
                continue;
            }
            let check = &found.symptom.check;
            let again = known
                .iter()
                .any(|(symptom, _)| std::ptr::eq(*symptom, found.symptom));
            known.retain(|(_, line)| line.check != *check);
            let line = KnownLine {
                check: check.clone(),
                text: found.text,
                time: time.clone(),
                previous,
                may_pass: found.symptom.transient && !again,
            };
            known.push((found.symptom, line));
        }
    }
    known.into_iter().map(|(_, line)| line).collect()
}

/// `2026-11-24T07:30:12.123456789Z`
fn is_time(word: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    word.len() >= 20 && word.bytes().take(19).enumerate().all(shape)
}

fn seconds(time: &str) -> String {
    let (second, zone) = time.split_at(19);
    let zone = zone.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    crate::text::plain::plain(&format!("{second}{zone}"))
}
