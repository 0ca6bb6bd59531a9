//! The last lines that a command printed, and when it last printed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The bytes kept: enough for the error and what led to it.
const MOST_BYTES: usize = 256 << 10;
/// A write of this size is not a progress bar.
const MUCH: usize = 4 << 10;
/// The number of lines remembered, and the bytes kept of each.
const LINES: usize = 8;
const LINE_BYTES: usize = 512;

/// Shared by the threads that copy output.
pub struct Tail(Mutex<Kept>);

struct Kept {
    bytes: VecDeque<u8>,
    cut: bool,
    last: Instant,
    /// The current line, and the lines before it.
    line: Vec<u8>,
    recent: VecDeque<Vec<u8>>,
}

impl Kept {
    /// Whether there is a line that was not printed before: a stalled progress bar is printed repeatedly.
    fn is_new(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() >= MUCH {
            return true;
        }
        let mut new = false;
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, ends) = match piece {
                [text @ .., b'\n' | b'\r'] => (text, true),
                text => (text, false),
            };
            let room = LINE_BYTES.saturating_sub(self.line.len());
            new |= text.len() > room;
            self.line.extend(text.iter().take(room));
            if ends {
                let line = std::mem::take(&mut self.line);
                if !line.is_empty() && !self.recent.contains(&line) {
                    // With no new text, the line was already new before its end.
                    new |= !text.is_empty();
                    self.recent.truncate(LINES - 1);
                    self.recent.push_front(line);
                }
            } else if !self.recent.iter().any(|line| line.starts_with(&self.line)) {
                new = true;
            }
        }
        new
    }
}

impl Tail {
    pub fn new() -> Tail {
        Tail(Mutex::new(Kept {
            bytes: VecDeque::new(),
            cut: false,
            last: Instant::now(),
            line: Vec::new(),
            recent: VecDeque::new(),
        }))
    }

    pub fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_new(bytes) {
            kept.last = Instant::now();
        }
        let bytes = &bytes[bytes.len().saturating_sub(MOST_BYTES)..];
        let over = (kept.bytes.len() + bytes.len()).saturating_sub(MOST_BYTES);
        kept.bytes.drain(..over);
        kept.cut |= over > 0;
        kept.bytes.extend(bytes);
    }

    /// When something new was last printed, or else when the command started.
    pub fn last(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    /// Complete lines only: a line whose start was dropped is omitted.
    pub fn lines(&self) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let start = match kept.cut {
            true => kept
                .bytes
                .iter()
                .position(|b| *b == b'\n')
                .map_or(0, |at| at + 1),
            false => 0,
        };
        kept.bytes.iter().skip(start).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_bar_that_stands_still_is_nothing_new() {
        let tail = Tail::new();
        let is_new = |text: &str| {
            let before = tail.last();
            std::thread::sleep(std::time::Duration::from_millis(2));
            tail.add(text.as_bytes());
            tail.last() > before
        };
        assert!(is_new("Connecting\n"));
        assert!(is_new("\r 0% |   | --:-- ETA"));
        assert!(is_new("\r 0% |   | - stalled -"));
        for _ in 0..3 {
            assert!(!is_new("\r 0% |   | - stalled -"));
            assert!(!is_new("\r 0% |  "));
            assert!(!is_new(" | --:-- ETA"));
            assert!(!is_new("\n"));
        }
        assert!(is_new("\r 1% |   | --:-- ETA"));
        for _ in 0..3 {
            assert!(is_new("."));
        }
        assert!(is_new(&"y\n".repeat(MUCH)));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let tail = Tail::new();
        tail.add(b"first\n");
        assert_eq!(tail.lines(), b"first\n");
        for _ in 0..100 {
            tail.add(&[b'x'; 10_000]);
        }
        tail.add(b"\nlast\n");
        assert_eq!(tail.lines(), b"last\n");
        tail.add(&[b'y'; 2 * MOST_BYTES]);
        assert_eq!(tail.lines().len(), MOST_BYTES);
    }
}
