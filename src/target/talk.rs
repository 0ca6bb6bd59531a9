//! A conversation with a walk that runs elsewhere: the script goes in, what it prints comes out.

use crate::probe::{STREAM_BYTES, Walk};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub const STDERR_BYTES: usize = 64 << 10;

/// What came so far; it stands when the conversation is cut off.
#[derive(Default)]
pub struct Talk {
    pub printed: Vec<u8>,
    complained: Vec<u8>,
}

impl Talk {
    /// Sends the script and reads to the end. The streams are drained while it is sent; standard
    /// input stays open, for its end tells the walk that nobody listens any more.
    pub async fn hold(
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
            // A walk that could not be sent tells by what it printed.
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
