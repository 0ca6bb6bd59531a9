//! A conversation with a walk that runs elsewhere: sends the script and reads its output.

use super::stop::Stop;
use crate::collect::walk::{STREAM_BYTES, Walk};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

pub const STDERR_BYTES: usize = 64 << 10;

/// What has arrived so far; it is kept if the conversation is cut off.
#[derive(Default)]
pub struct Talk {
    pub printed: Vec<u8>,
    complained: Vec<u8>,
}

/// How a conversation ended.
pub enum Ended {
    ByItself,
    Late,
    Stopped,
}

impl Talk {
    /// Runs the conversation until `ends` at most.
    pub async fn hold_until(
        &mut self,
        ends: Instant,
        stop: &Stop,
        streams: (
            impl AsyncWrite + Unpin,
            impl AsyncRead + Unpin,
            impl AsyncRead + Unpin,
        ),
        walk: &Walk,
    ) -> Ended {
        let (stdin, stdout, stderr) = streams;
        tokio::select! {
            () = self.hold(stdin, stdout, stderr, walk) => Ended::ByItself,
            () = sleep_until(ends) => Ended::Late,
            () = stop.told() => Ended::Stopped,
        }
    }

    /// Sends the script and reads to the end. The streams are drained while it is sent; standard input
    /// stays open, because its end signals the walk that its reader is gone.
    async fn hold(
        &mut self,
        mut stdin: impl AsyncWrite + Unpin,
        stdout: impl AsyncRead + Unpin,
        stderr: impl AsyncRead + Unpin,
        walk: &Walk,
    ) {
        let mut stdout = stdout.take(STREAM_BYTES as u64);
        let mut stderr = stderr.take(STDERR_BYTES as u64);
        let send = async {
            let sent = stdin.write_all(walk.script.as_bytes()).await;
            // If sending fails, the walk's output shows it.
            sent.and(stdin.flush().await)
        };
        let (_, _, _) = tokio::join!(
            send,
            stdout.read_to_end(&mut self.printed),
            stderr.read_to_end(&mut self.complained)
        );
    }

    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.complained).into_owned()
    }
}
