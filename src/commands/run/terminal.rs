//! Our terminal while the command has one of its own: keys and sizes go there.

use pty_process::{Size, blocking::Pty};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;

pub struct Terminal {
    pty: Arc<Pty>,
    /// How it was, where keys come from it.
    before: Option<Termios>,
}

impl Terminal {
    /// From here on, keys are passed on as they come.
    pub fn take(pty: Arc<Pty>) -> Terminal {
        let stdin = io::stdin();
        let before = tcgetattr(stdin.as_fd()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            let _ = tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw);
        }
        Terminal { pty, before }
    }

    /// Gives the command's terminal the size of ours.
    pub fn resize(&self) {
        let size = match io::stdout().is_terminal() {
            true => tcgetwinsize(io::stdout().as_fd()),
            false => tcgetwinsize(io::stderr().as_fd()),
        };
        if let Ok(size) = size {
            let _ = self.pty.resize(Size::new(size.ws_row, size.ws_col));
        }
    }

    /// Passes keys on, until the process ends.
    pub fn copy_input(&self) {
        if self.before.is_none() {
            return;
        }
        let pty = self.pty.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut stdin = io::stdin().lock();
            loop {
                match stdin.read(&mut buffer) {
                    Ok(count) if count > 0 => {
                        if (&*pty).write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    _ => break,
                }
            }
        });
    }

    /// In a raw terminal, a new line begins where the last one ended.
    pub fn is_raw(&self) -> bool {
        self.before.is_some()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before);
        }
    }
}
