//! Reads a log of any size in bounded memory, and keeps what is known in it.

use super::{Symptoms, line};
use crate::evidence::KnownLine;
use std::collections::BTreeMap;
use std::io::{self, BufRead};

/// A longer line is looked at in pieces.
const PIECE: usize = 64 << 10;
/// What the end of a piece and the start of the next have in common, lest words be cut through.
const OVERLAP: usize = 1 << 10;

/// What a log shows of one check's symptoms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    /// The number of the first such line, from 1.
    pub(crate) first: u64,
    /// That line, fit to be shown.
    pub(crate) text: String,
    /// On how many lines, or pieces of very long ones.
    pub(crate) times: u64,
}

/// What is known in a log, by check, and how many lines it has.
pub(crate) fn read(
    mut log: impl BufRead,
    symptoms: &Symptoms,
) -> io::Result<(BTreeMap<String, Known>, u64)> {
    let mut known = BTreeMap::new();
    let mut piece: Vec<u8> = Vec::new();
    let mut lines = 0;
    let mut within = false;
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
            note(&mut known, symptoms, &piece, lines);
            piece.clear();
        } else if piece.len() == PIECE {
            note(&mut known, symptoms, &piece, lines);
            piece.drain(..PIECE - OVERLAP);
        }
    }
    note(&mut known, symptoms, &piece, lines);
    Ok((known, lines))
}

fn note(known: &mut BTreeMap<String, Known>, symptoms: &Symptoms, piece: &[u8], number: u64) {
    let text = line::text(piece);
    for (check, pattern) in symptoms.in_line(&text) {
        match known.get_mut(check) {
            Some(known) => known.times += 1,
            None => {
                let first = Known {
                    first: number,
                    text: line::excerpt(&text, pattern),
                    times: 1,
                };
                known.insert(check.to_owned(), first);
            }
        }
    }
}

/// What the end of a container's log shows, as Kubernetes gives it with the time before each line:
/// of each check the last line.
pub(crate) fn last(log: &[u8], symptoms: &Symptoms, previous: bool) -> Vec<KnownLine> {
    let mut known: Vec<KnownLine> = Vec::new();
    for bytes in log.split(|byte| *byte == b'\n') {
        let whole = line::text(bytes);
        let (time, text) = match whole.split_once(' ') {
            Some((time, text)) if is_time(time) => (Some(seconds(time)), text),
            _ => (None, &*whole),
        };
        for (check, pattern) in symptoms.in_line(text) {
            known.retain(|line| line.check != check);
            known.push(KnownLine {
                check: check.to_owned(),
                text: line::excerpt(text, pattern),
                time: time.clone(),
                previous,
            });
        }
    }
    known
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
    crate::collect::walk::text::plain(&format!("{second}{zone}"))
}
