//! The last lines that a command printed, and when it last printed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What is kept: enough for the error, and what led to it.
const MOST_BYTES: usize = 256 << 10;

/// Shared by those who copy output.
pub struct Tail(Mutex<Kept>);

struct Kept {
    bytes: VecDeque<u8>,
    cut: bool,
    last: Instant,
}

impl Tail {
    pub fn new() -> Tail {
        Tail(Mutex::new(Kept {
            bytes: VecDeque::new(),
            cut: false,
            last: Instant::now(),
        }))
    }

    pub fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = &bytes[bytes.len().saturating_sub(MOST_BYTES)..];
        let over = (kept.bytes.len() + bytes.len()).saturating_sub(MOST_BYTES);
        kept.bytes.drain(..over);
        kept.cut |= over > 0;
        kept.bytes.extend(bytes);
        kept.last = Instant::now();
    }

    /// When something was printed, or else when the command began.
    pub fn last(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    /// Whole lines; what is left of a line whose start is gone is none.
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
