//! A progress line on standard error, only on a terminal.

use crate::collect::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

pub struct Line(ProgressBar);

impl Line {
    pub fn start() -> Self {
        // Draws nothing where standard error is no terminal.
        let target = match super::is_quiet() {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_message("looking for runners");
        bar.enable_steady_tick(Duration::from_millis(100));
        Line(bar)
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Line {
    fn waits(&self) {
        self.0
            .set_message("waiting for a step that starts a nested engine");
    }

    fn found(&self, runners: usize) {
        self.0.set_length(runners as u64);
        self.0.set_message("");
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} runners  {wide_msg}");
        if let Ok(style) = style {
            self.0.set_style(style);
        }
    }

    fn examined(&self, runner: &str) {
        self.0.inc(1);
        self.0
            .set_message(crate::report::clean(runner).into_owned());
    }
}
