//! `run`: a command of a pipeline step, diagnosed when it stalls or fails.

mod child;
mod signals;
mod tail;
mod terminal;

use super::output::Destinations;
use super::{Exit, check, is_quiet, library};
use crate::cli::{Check, FailOn, Gate, Run, Source};
use crate::config::Config;
use crate::diagnosis::{Diagnosis, Severity};
use crate::report::{self, Style};
use anyhow::{Context, Result};
use child::{Child, Event};
use clap::ColorChoice;
use rustix::process::Signal;
use std::io::{self, BufReader, ErrorKind, IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use tail::Tail;

/// How long a command that stalls is watched; less where the CI system is about to end it.
const SAMPLE: Duration = Duration::from_secs(5);
const LAST_SAMPLE: Duration = Duration::from_secs(2);
/// What a command leaves running may keep its output open.
const LINGER: Duration = Duration::from_millis(500);
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

pub fn run(options: Run, settings: &Config, color: ColorChoice) -> Result<Exit> {
    // The outer one diagnoses.
    if std::env::var_os(child::WITHIN).is_some() {
        match child::become_command(&options.command)? {}
    }
    let destinations = Destinations::of(
        &options.outputs,
        &options.checks.files,
        String::from(" --docker"),
    )?;
    let (events, happened) = mpsc::channel();
    signals::listen(&events)?;
    let tail = Arc::new(Tail::new());
    let child = match Child::start(&options.command, &tail, &events) {
        Ok(child) => child,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::NotFound => NOT_FOUND,
                _ => NOT_EXECUTABLE,
            };
            let program = &options.command[0];
            super::complain(&anyhow::Error::new(error).context(child::cannot_run(program)));
            return Ok(Exit::Of(code));
        }
    };
    let (command, stall, exit_code) = (options.command, options.stall, options.exit_code);
    let check = Check {
        source: Source::here(options.confirm, options.deadline),
        checks: options.checks,
        outputs: options.outputs,
        gate: Gate {
            fail_on: FailOn::Error,
            strict: false,
            allow_unknown: false,
            allow_empty: true,
        },
        redact: false,
        baseline: None,
        log: None,
        watch: None,
    };
    let name = command[0].to_string_lossy().into_owned();
    let raw = child.terminal.as_ref().is_some_and(|t| t.is_raw());
    let doctor = Doctor {
        check,
        settings,
        color,
        destinations,
        tail: tail.clone(),
        name: report::clean(&name).into_owned(),
        raw,
        failing: AtomicBool::new(false),
    };
    let status = thread::scope(|scope| {
        let diagnose = |why: String, sample: Option<Duration>| {
            let (doctor, events) = (&doctor, events.clone());
            scope.spawn(move || {
                doctor.diagnose(&why, sample);
                let _ = events.send(Event::Diagnosed);
            });
        };
        attend(child, &tail, stall, &happened, diagnose)
    })?;
    let code = status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Ok(Exit::Of(match exit_code {
        Some(asked) if code != 0 && doctor.failing.load(Ordering::Relaxed) => asked,
        _ => code,
    }))
}

/// Passes everything on until the command has ended; diagnoses once.
fn attend(
    mut child: Child,
    tail: &Tail,
    stall: Duration,
    happened: &Receiver<Event>,
    diagnose: impl Fn(String, Option<Duration>),
) -> Result<ExitStatus> {
    let (mut asked, mut diagnosed, mut interrupted) = (false, false, false);
    let mut status: Option<ExitStatus> = None;
    let mut linger: Option<Instant> = None;
    loop {
        let until = match linger {
            Some(until) => Some(until),
            None if status.is_none() && !asked => Some(tail.last() + stall),
            None => None,
        };
        let event = match until {
            Some(until) => happened.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => happened.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Signal(number)) => {
                child.signal(number);
                interrupted |= number == Signal::INT.as_raw();
                if number == Signal::TERM.as_raw() && !asked && status.is_none() {
                    asked = true;
                    diagnose("received SIGTERM".to_owned(), Some(LAST_SAMPLE));
                }
            }
            Ok(Event::Silent) => child.streams = child.streams.saturating_sub(1),
            Ok(Event::Diagnosed) => diagnosed = true,
            Ok(Event::Ended(ended)) => {
                child.ended();
                status = Some(ended.context("cannot wait for the command")?);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => match linger {
                Some(_) => child.streams = 0,
                // It may have printed something meanwhile.
                None if tail.last().elapsed() >= stall => {
                    asked = true;
                    let why = format!("printed nothing new for {} s", stall.as_secs());
                    diagnose(why, Some(SAMPLE));
                }
                None => {}
            },
        }
        let Some(ended) = status else { continue };
        if child.streams > 0 {
            linger.get_or_insert_with(|| Instant::now() + LINGER);
            continue;
        }
        linger = None;
        if !asked && !ended.success() && !interrupted {
            asked = true;
            let why = match (ended.code(), ended.signal()) {
                (Some(code), _) => format!("failed with exit code {code}"),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => "failed".to_owned(),
            };
            // Its connections have ended with it.
            diagnose(why, None);
        }
        if !asked || diagnosed {
            break;
        }
    }
    status.context("cannot wait for the command")
}

/// Diagnoses the engine that the step uses, now.
struct Doctor<'a> {
    check: Check,
    settings: &'a Config,
    color: ColorChoice,
    destinations: Destinations,
    tail: Arc<Tail>,
    name: String,
    raw: bool,
    failing: AtomicBool,
}

impl Doctor<'_> {
    fn diagnose(&self, why: &str, sample: Option<Duration>) {
        let outcome = self.examine(sample).and_then(|diagnosis| {
            let mut findings = diagnosis.findings.iter();
            let failing = findings.any(|f| f.severity == Severity::Error);
            self.failing.store(failing, Ordering::Relaxed);
            self.print(&format!("\nrunner-doctor: {} {why}\n", self.name))?;
            self.report(&diagnosis)
        });
        if let Err(error) = outcome {
            let _ = self.print(&format!(
                "\nrunner-doctor: {} {why}; the diagnosis failed: {}\n",
                self.name,
                super::plain(&format!("{error:#}"))
            ));
        }
    }

    fn examine(&self, sample: Option<Duration>) -> Result<Diagnosis> {
        let mut check = self.check.clone();
        check.source.sample = sample;
        let library = library::chosen(&self.check.checks, self.settings)?;
        let all = library::all(&self.check.checks.files, self.settings)?;
        let lines = self.tail.lines();
        let log = check::log::read_from(
            BufReader::new(&*lines),
            format!("the output of {}", self.name),
            &all,
        )?;
        let diagnosis = check::examine(&library, None, &check, self.settings)?;
        Ok(match log.known.is_empty() {
            true => diagnosis,
            false => diagnosis.with_log(log, |check| library.get(check).is_some()),
        })
    }

    /// A table of nothing would only be noise.
    fn report(&self, diagnosis: &Diagnosis) -> Result<()> {
        let healthy = diagnosis.findings.is_empty() && diagnosis.log.is_none();
        let render = |format, style: &Style| match format {
            report::Format::Table if healthy => {
                format!("{}\n", report::verdict_line(diagnosis))
            }
            _ => report::render(format, diagnosis, style),
        };
        let terminal = io::stderr().is_terminal();
        let print = |text: &str| self.print(text);
        self.destinations
            .write_to(terminal, print, self.color, render)
    }

    /// Under the command's output.
    fn print(&self, text: &str) -> Result<()> {
        if is_quiet() {
            return Ok(());
        }
        let text = match self.raw {
            true => text.replace('\n', "\r\n"),
            false => text.to_owned(),
        };
        let mut err = io::stderr().lock();
        // Nothing is left to do where standard error is closed.
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        Ok(())
    }
}
