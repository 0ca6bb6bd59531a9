//! The command that is run: its streams, its signals, its end.

use super::tail::Tail;
use super::terminal::Terminal;
use anyhow::{Context, Result};
use rustix::fs::fstat;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

/// What happens while the command runs.
pub enum Event {
    Signal(i32),
    /// A stream of its output has ended.
    Silent,
    Ended(io::Result<ExitStatus>),
    Diagnosed,
}

/// A command that runs.
pub struct Child {
    pid: Option<Pid>,
    /// How many streams are copied.
    pub streams: usize,
    /// The terminal that it has instead of ours.
    pub terminal: Option<Terminal>,
}

/// Set for the command: a `run` within it leaves the diagnosis to this one.
pub const WITHIN: &str = "RUNNER_DOCTOR_RUN";

impl Child {
    /// Starts it. Where we have a terminal, it has one; what else it prints goes through pipes.
    pub fn start(
        words: &[OsString],
        tail: &Arc<Tail>,
        events: &Sender<Event>,
    ) -> io::Result<Child> {
        let (program, arguments) = words.split_first().ok_or(ErrorKind::InvalidInput)?;
        let copies = |from, to| copy(from, to, tail.clone(), events.clone());
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        if !out && !err {
            let mut command = Command::new(program);
            command.args(arguments).env(WITHIN, "1");
            let (reader, writer) = io::pipe()?;
            let mut streams = vec![(Box::new(reader) as Source, Sink::Out)];
            if same_file() {
                // Through one pipe, lines keep their order.
                command.stderr(writer.try_clone()?);
            } else {
                let (reader, writer) = io::pipe()?;
                command.stderr(writer);
                streams.push((Box::new(reader), Sink::Err));
            }
            command.stdout(writer);
            let child = command.spawn()?;
            // Its own ends of the pipes must not keep them open.
            drop(command);
            let count = streams.len();
            streams.into_iter().for_each(|(from, to)| copies(from, to));
            return Ok(Child::wait(child, count, None, events));
        }
        let (pty, pts) = pty_process::blocking::open().map_err(io::Error::other)?;
        let pty = Arc::new(pty);
        let mut command = pty_process::blocking::Command::new(program)
            .args(arguments)
            .env(WITHIN, "1");
        if !io::stdin().is_terminal() {
            command = command.stdin(Stdio::inherit());
        }
        let sink = if out { Sink::Out } else { Sink::Err };
        let mut streams: Vec<(Source, Sink)> = vec![(Box::new(PtyReader(pty.clone())), sink)];
        if !(out && err) {
            let (reader, writer) = io::pipe()?;
            command = match out {
                true => command.stderr(writer),
                false => command.stdout(writer),
            };
            let sink = if out { Sink::Err } else { Sink::Out };
            streams.push((Box::new(reader), sink));
        }
        let terminal = Terminal::take(pty);
        terminal.resize();
        let child = command.spawn(pts).map_err(unwrapped)?;
        terminal.copy_input();
        let count = streams.len();
        streams.into_iter().for_each(|(from, to)| copies(from, to));
        Ok(Child::wait(child, count, Some(terminal), events))
    }

    fn wait(
        mut child: std::process::Child,
        streams: usize,
        terminal: Option<Terminal>,
        events: &Sender<Event>,
    ) -> Child {
        let pid = Some(Pid::from_child(&child));
        let events = events.clone();
        thread::spawn(move || events.send(Event::Ended(child.wait())));
        Child {
            pid,
            streams,
            terminal,
        }
    }

    pub fn ended(&mut self) {
        self.pid = None;
    }

    /// Passes a signal on.
    pub fn signal(&self, number: i32) {
        if number == Signal::WINCH.as_raw() {
            if let Some(terminal) = &self.terminal {
                terminal.resize();
            }
            return;
        }
        // Ctrl-C at a terminal reaches the command itself, which is in our group then.
        let keyboard = number == Signal::INT.as_raw() || number == Signal::QUIT.as_raw();
        if keyboard && self.terminal.is_none() && io::stdin().is_terminal() {
            return;
        }
        if let (Some(pid), Some(signal)) = (self.pid, Signal::from_named_raw(number)) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, signal);
        }
    }
}

fn unwrapped(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// Whether standard output and standard error go to the same place.
fn same_file() -> bool {
    let (Ok(out), Ok(err)) = (fstat(io::stdout().as_fd()), fstat(io::stderr().as_fd())) else {
        return false;
    };
    (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino)
}

type Source = Box<dyn Read + Send>;

#[derive(Clone, Copy)]
enum Sink {
    Out,
    Err,
}

impl Sink {
    fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Out => {
                let mut out = io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            Sink::Err => io::stderr().lock().write_all(bytes),
        }
    }
}

struct PtyReader(Arc<pty_process::blocking::Pty>);

impl Read for PtyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

/// Copies output until it ends, or until nothing reads ours any more: then the command hears of it by
/// its own pipe.
fn copy(mut from: Source, to: Sink, tail: Arc<Tail>, events: Sender<Event>) {
    thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    tail.add(&buffer[..count]);
                    if to.write(&buffer[..count]).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A pseudo-terminal without a program at its other end.
                Err(_) => break,
            }
        }
        drop(from);
        let _ = events.send(Event::Silent);
    });
}

/// Runs it in our place.
pub fn become_command(words: &[OsString]) -> Result<std::convert::Infallible> {
    use std::os::unix::process::CommandExt;
    let (program, arguments) = words.split_first().context("no command was given")?;
    Err(Command::new(program).args(arguments).exec()).with_context(|| cannot_run(program))
}

pub fn cannot_run(program: &OsString) -> String {
    format!("cannot run {}", program.to_string_lossy())
}
