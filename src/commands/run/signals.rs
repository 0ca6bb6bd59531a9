//! Signals as events. What cannot be caught, or is the terminal's to handle, is not among them.

use super::child::Event;
use anyhow::{Context, Result};
use std::sync::mpsc::Sender;
use std::thread;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Heard from the moment this returns.
pub fn listen(events: &Sender<Event>) -> Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .build()
        .context("cannot start: failed to create threads")?;
    let kinds = [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::window_change(),
    ];
    for kind in kinds {
        let events = events.clone();
        let heard = runtime.block_on(async { signal(kind) });
        let mut heard = heard.context("cannot listen for signals")?;
        runtime.spawn(async move {
            while heard.recv().await.is_some() {
                if events.send(Event::Signal(kind.as_raw_value())).is_err() {
                    return;
                }
            }
        });
    }
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(())
}
