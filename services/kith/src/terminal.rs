//! What long work shows while it runs: a bar on a terminal, else a line now and then; and the lines that it skips.

use std::fmt::Display;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use kith_rpc::process::AnyError;

use crate::report::{self, grouped, progress};

/// How many skipped lines are shown; the others are counted.
const SHOWN: u64 = 20;
/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(2);

/// Standard error, as long work uses it.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// What is counted, for example follows.
    unit: &'static str,
    /// `None` where standard error is no terminal.
    bar: Option<ProgressBar>,
    began: Instant,
    last_line: Instant,
    skipped: u64,
    /// How many units there are to do; 0 when that is not known.
    total: u64,
}

impl Terminal {
    /// For work on `unit`s; of a file of `size` bytes, 0 when that is not known.
    pub(crate) fn new(unit: &'static str, size: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(unit, size));
        Self {
            unit,
            bar,
            began: Instant::now(),
            last_line: Instant::now(),
            skipped: 0,
            total: 0,
        }
    }

    /// For work on `total` `unit`s.
    pub(crate) fn counting(unit: &'static str, total: u64) -> Self {
        Self {
            total,
            ..Self::new(unit, total)
        }
    }

    /// Says that a line is skipped, and why.
    pub(crate) fn skip(&mut self, line: u64, why: &impl Display) {
        self.leave_out(&format!("line {line} skipped: {why}"), "lines that are skipped");
    }

    /// Says that one of the `units` is not made, and why.
    pub(crate) fn refuse(&mut self, why: &str) {
        let unit = self.unit;
        self.leave_out(&format!("{unit}, one refused: {why}"), "refusals");
    }

    fn leave_out(&mut self, line: &str, all: &str) {
        self.skipped += 1;
        if self.skipped <= SHOWN {
            self.say(line);
        }
        if self.skipped == SHOWN {
            self.say(&format!("further {all} are only counted"));
        }
    }

    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Shows that `bytes` of the file and so many units are done.
    pub(crate) fn advance(&mut self, bytes: u64, done: u64) {
        let text = format!(
            "{} {}, {}",
            grouped(done),
            self.unit,
            rate(done, self.began.elapsed())
        );
        self.show(bytes, text);
    }

    /// Shows that so many units are done, of those that there are to do.
    pub(crate) fn count(&mut self, done: u64) {
        let (total, took) = (self.total, self.began.elapsed());
        let left = time_left(done, total, took);
        let [done_text, total_text] = [done, total].map(grouped);
        let (unit, rate) = (self.unit, rate(done, took));
        self.show(done, format!("{done_text} of {total_text} {unit}, {rate}{left}"));
    }

    fn show(&mut self, position: u64, text: String) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(bar.position().max(position));
                bar.set_message(text);
            }
            None if self.last_line.elapsed() >= EVERY => {
                self.last_line = Instant::now();
                progress(&text);
            }
            None => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Writes a result while the work goes on.
    pub(crate) fn result(&self, text: &str) -> Result<(), AnyError> {
        match &self.bar {
            Some(bar) => bar.suspend(|| report::result(text)),
            None => report::result(text),
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| progress(line)),
            None => progress(line),
        }
    }
}

/// How long the rest takes if it goes on like that, for people; nothing where that cannot be said.
fn time_left(done: u64, total: u64, took: Duration) -> String {
    let millis = took.as_millis() * u128::from(total.saturating_sub(done));
    match millis.checked_div(u128::from(done)).map(|millis| millis / 1000) {
        None => String::new(),
        Some(seconds @ 0..120) => format!(", {seconds} s left"),
        Some(seconds @ 120..7200) => format!(", {} min left", seconds / 60),
        Some(seconds) => format!(", {} h left", seconds / 3600),
    }
}

/// How fast it went, for people.
pub(crate) fn rate(done: u64, took: Duration) -> String {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    format!("{} a second", grouped(done.saturating_mul(1000) / millis))
}

fn bar(unit: &str, size: u64) -> ProgressBar {
    let template = if size > 0 {
        "{bar:30} {percent:>3} %  {msg}"
    } else {
        "{spinner} {msg}"
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr()).with_style(style);
    bar.set_message(format!("0 {unit}"));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_in_a_unit_that_fits() {
        let left = |done, seconds| time_left(done, 1000, Duration::from_secs(seconds));
        assert_eq!(left(0, 9), "");
        assert_eq!(left(1000, 9), ", 0 s left");
        assert_eq!(left(500, 60), ", 60 s left");
        assert_eq!(left(100, 60), ", 9 min left");
        assert_eq!(left(1, 60), ", 16 h left");
    }
}
