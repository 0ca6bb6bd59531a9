//! Splits the walk's stream into records. A record's content comes from a container: only lines with
//! this run's random marker are trusted.

use std::collections::HashMap;

/// More records than any walk prints: two or three for each namespace and ten for each engine.
const MOST_RECORDS: usize = 20_000;

/// One framed record.
#[derive(Debug, PartialEq)]
pub struct Record<'a> {
    pub name: &'a str,
    pub key: &'a str,
    pub content: &'a [u8],
    /// The exit status reported within it, if any.
    pub status: Option<i32>,
    /// Whether it was cut at its size limit.
    pub cut: bool,
}

/// The records of a stream, and whether the walk finished.
#[derive(Debug, Default, PartialEq)]
pub struct Frames<'a> {
    pub records: Vec<Record<'a>>,
    pub complete: bool,
    /// Indexes in `records`, by name.
    by_name: HashMap<&'a str, Vec<usize>>,
    /// The index of the first record of a name and key.
    by_key: HashMap<(&'a str, &'a str), usize>,
    /// The index of the first record of a name about a process; the PID is its key's first word.
    by_pid: HashMap<(&'a str, i64), usize>,
}

impl<'a> Frames<'a> {
    /// Parses what there is. A record that was cut off is dropped; those before it are kept.
    pub fn parse(stream: &'a [u8], mark: &str) -> Self {
        let mut frames = Frames::default();
        let mut open: Option<Open<'a>> = None;
        let mut offset = 0;
        for line in stream.split_inclusive(|byte| *byte == b'\n') {
            let start = offset;
            offset += line.len();
            let Some((sign, rest)) = signed(line, mark) else {
                continue;
            };
            match sign {
                b'>' => open = Open::new(rest, offset),
                b'=' => {
                    if let Some(open) = &mut open {
                        open.end.get_or_insert(start);
                        open.status = rest.parse().ok();
                    }
                }
                b'!' => {
                    if let Some(open) = &mut open {
                        open.end.get_or_insert(start);
                        open.cut = true;
                    }
                }
                b'<' => frames.close(open.take(), stream, start),
                _ => {}
            }
        }
        frames
    }

    fn close(&mut self, open: Option<Open<'a>>, stream: &'a [u8], start: usize) {
        let Some(open) = open else { return };
        if self.records.len() >= MOST_RECORDS {
            return;
        }
        let content = &stream[open.start..open.end.unwrap_or(start).max(open.start)];
        self.complete |= open.name == "end";
        let at = self.records.len();
        self.by_name.entry(open.name).or_default().push(at);
        self.by_key.entry((open.name, open.key)).or_insert(at);
        let pid = open.key.split(' ').next().and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid {
            self.by_pid.entry((open.name, pid)).or_insert(at);
        }
        self.records.push(Record {
            name: open.name,
            key: open.key,
            // The newline before a marker belongs to the frame.
            content: content.strip_suffix(b"\n").unwrap_or(content),
            status: open.status,
            cut: open.cut,
        });
    }

    pub fn named(&self, name: &str) -> impl Iterator<Item = &Record<'a>> {
        let places = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|at| self.records.get(*at))
    }

    pub fn get(&self, name: &str, key: &str) -> Option<&Record<'a>> {
        let at = self.by_key.get(&(name, key))?;
        self.records.get(*at)
    }

    /// The first record of this name about a process.
    pub fn of(&self, name: &str, pid: i64) -> Option<&Record<'a>> {
        let at = self.by_pid.get(&(name, pid))?;
        self.records.get(*at)
    }

    /// The first record of these names that was cut at its size limit.
    pub fn cut(&self, names: &[&str]) -> Option<&Record<'a>> {
        let mut all = names.iter().flat_map(|name| self.named(name));
        all.find(|record| record.cut)
    }
}

impl<'a> Record<'a> {
    /// The lines of a text record; those that are not UTF-8 are skipped.
    pub fn lines(&self) -> impl Iterator<Item = &'a str> {
        self.content
            .split(|byte| *byte == b'\n')
            .filter_map(|line| std::str::from_utf8(line).ok())
    }
}

struct Open<'a> {
    name: &'a str,
    key: &'a str,
    start: usize,
    end: Option<usize>,
    status: Option<i32>,
    cut: bool,
}

impl<'a> Open<'a> {
    fn new(rest: &'a str, start: usize) -> Option<Self> {
        let (name, key) = rest.split_once(' ')?;
        Some(Open {
            name,
            key,
            start,
            end: None,
            status: None,
            cut: false,
        })
    }
}

/// The sign and the rest of a line with the marker.
fn signed<'a>(line: &'a [u8], mark: &str) -> Option<(u8, &'a str)> {
    let rest = line.strip_prefix(mark.as_bytes())?.strip_suffix(b"\n")?;
    let (sign, rest) = rest.split_first()?;
    Some((*sign, std::str::from_utf8(rest).ok()?.strip_prefix(' ')?))
}

/// `/proc/PID/` + `within` + `FILE:TEXT`.
pub(super) fn split<'a>(line: &'a str, within: &str) -> Option<(i64, &'a str, &'a str)> {
    let (pid, rest) = line.strip_prefix("/proc/")?.split_once('/')?;
    let (file, text) = rest.strip_prefix(within)?.split_once(':')?;
    Some((pid.parse().ok()?, file, text))
}

/// How many more there are, as counted by the walk.
pub fn more(record: &Record) -> i64 {
    let line = record.lines().next().unwrap_or_default();
    line.trim().parse().unwrap_or(1)
}

/// The lines between the heading of one family and the next.
pub(super) fn section<'a>(record: &Record<'a>, heading: &str) -> Vec<&'a str> {
    let lines = record.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .take_while(|line| !matches!(*line, "v4" | "v6" | "passing" | "rules"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &[u8] =
        b"\nM> self -\nuid 0\n\nM< -\n\nM> api 10 unix:///s\nHTTP\nM= 137\nM< -\n\nM> end -\n\nM< 0\n";

    #[test]
    fn records_are_read_with_their_status() {
        let frames = Frames::parse(STREAM, "M");
        assert!(frames.complete);
        assert_eq!(frames.get("self", "-").unwrap().content, b"uid 0\n");
        let api = frames.named("api").next().unwrap();
        assert_eq!((api.key, api.content), ("10 unix:///s", &b"HTTP"[..]));
        assert_eq!(api.status, Some(137));
    }

    #[test]
    fn a_cut_stream_keeps_only_whole_records() {
        for cut in 0..STREAM.len() - 1 {
            let frames = Frames::parse(&STREAM[..cut], "M");
            assert!(!frames.complete, "cut at {cut}");
            for record in &frames.records {
                assert!(
                    STREAM
                        .windows(record.content.len().max(1))
                        .any(|w| w == record.content || record.content.is_empty())
                );
            }
        }
    }

    #[test]
    fn a_record_that_was_cut_at_its_bound_says_so() {
        let frames = Frames::parse(b"\nM> net 7\nhalf a li\nM! 9\n\nM< -\n", "M");
        let net = frames.get("net", "7").unwrap();
        assert_eq!((net.content, net.cut), (&b"half a li"[..], true));
    }

    #[test]
    fn content_forges_nothing() {
        let stream = b"\nM> status -\nN> end -\nN< 0\n M> end -\nM>end -\n\nM< -\n";
        let frames = Frames::parse(stream, "M");
        assert_eq!(frames.records.len(), 1);
        assert!(!frames.complete);
    }

    proptest! {
        #[test]
        fn no_stream_panics(stream in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Frames::parse(&stream, "M");
            let _ = Frames::parse(&stream, "");
        }

        #[test]
        fn no_damage_panics(at in 0..STREAM.len(), byte: u8) {
            let mut stream = STREAM.to_vec();
            stream[at] = byte;
            let _ = Frames::parse(&stream, "M");
        }
    }
}
