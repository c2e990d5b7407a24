//! How far long work has come, on standard error: a bar on a terminal, a line now and then elsewhere.

use super::quantity;
use super::terminal::Style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seconds between lines where there is no terminal.
const BETWEEN_LINES: f64 = 10.0;

/// Progress of work counted in units; it can be advanced by many threads at once.
#[derive(Debug)]
pub(crate) struct Progress {
    total: u64,
    done: AtomicU64,
    label: Mutex<String>,
    started: Instant,
    /// Milliseconds from the start to the next line; `u64::MAX` where lines are not wanted.
    next_line: AtomicU64,
    bar: ProgressBar,
}

impl Progress {
    /// Progress towards `total` units of the work called `label`, shown as standard error allows.
    pub(crate) fn new(total: u64, label: &str) -> Self {
        let capable = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
        if !(io::stderr().is_terminal() && capable) {
            return Self::build(total, label, ProgressBar::hidden(), (1000.0 * BETWEEN_LINES) as u64);
        }
        let style = Style::detect();
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
        // On a narrow terminal a bar would leave no room for the figures.
        let width = terminal_size::terminal_size_of(io::stderr()).map_or(80, |(w, _)| w.0);
        let template = match width {
            ..40 => "{percent}% {eta}",
            40..60 => "{msg} {percent:>3}%  {eta} left",
            _ => "{msg} {bar:28} {percent:>3}%  {eta} left",
        };
        let colours = style.colour && width >= 40;
        let template =
            if colours { template.replace("{bar:28}", "{bar:28.cyan/black.bright}") } else { template.into() };
        if let Ok(look) = ProgressStyle::with_template(&template) {
            bar.set_style(look.progress_chars(if style.unicode { "━╸─" } else { "=>-" }));
        }
        bar.set_message(style.letters(label));
        // So that the time goes on while a long unit is worked at.
        bar.enable_steady_tick(Duration::from_millis(250));
        Self::build(total, label, bar, u64::MAX)
    }

    /// Progress that is counted but never shown.
    #[cfg(test)]
    pub(crate) fn hidden(total: u64) -> Self {
        Self::build(total, "", ProgressBar::hidden(), u64::MAX)
    }

    fn build(total: u64, label: &str, bar: ProgressBar, next_line: u64) -> Self {
        Self {
            total,
            done: AtomicU64::new(0),
            label: Mutex::new(label.to_string()),
            started: Instant::now(),
            next_line: AtomicU64::new(next_line),
            bar,
        }
    }

    /// Calls the work something else from now on, such as what it has come to.
    pub(crate) fn relabel(&self, label: &str) {
        if let Ok(mut now) = self.label.lock() {
            label.clone_into(&mut now);
        }
        self.bar.set_message(Style::detect().letters(label));
    }

    /// Counts `units` more as done.
    pub(crate) fn advance(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed).saturating_add(units);
        self.bar.inc(units);
        let elapsed = self.started.elapsed();
        if let Some(line) = self.line_due(done, elapsed) {
            // Standard error may be closed; that is no reason to stop working.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// The line to print after `elapsed`, if it is time for one and no other thread prints it.
    fn line_due(&self, done: u64, elapsed: Duration) -> Option<String> {
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX - 1);
        let due = self.next_line.load(Ordering::Relaxed);
        if now < due {
            return None;
        }
        let next = now.saturating_add((1000.0 * BETWEEN_LINES) as u64);
        self.next_line.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        let total = self.total.max(1);
        let done = done.min(total);
        let fraction = done as f64 / total as f64;
        let left = if done > 0 {
            let seconds = elapsed.as_secs_f64() * (1.0 - fraction) / fraction;
            format!(", about {} left", quantity::whole_seconds(seconds))
        } else {
            String::new()
        };
        let label = self.label.lock().map_or_else(|_| String::new(), |label| label.clone());
        let line = format!("{label}: {:.0}% of {}{left}", 100.0 * fraction, quantity::count(total));
        Some(super::terminal::ascii(&line))
    }

    /// Units done so far.
    #[cfg(test)]
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        drop(self);
    }
}

impl Drop for Progress {
    /// Also on the way out of a failure, so that the message does not land on the bar's line.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_every_ten_seconds(total: u64) -> Progress {
        Progress::build(total, "kernel", ProgressBar::hidden(), 10_000)
    }

    #[test]
    fn threads_count_together() {
        let progress = Progress::hidden(8000);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1000).for_each(|_| progress.advance(1)));
            }
        });
        assert_eq!(progress.done(), 8000);
        assert_eq!(progress.bar.position(), 8000);
        progress.finish();
    }

    #[test]
    fn a_line_is_due_every_ten_seconds_and_once_only() {
        let progress = lines_every_ten_seconds(1200);
        let at = |s: u64| progress.line_due(300, Duration::from_secs(s));
        assert_eq!(at(9), None);
        assert_eq!(at(10).as_deref(), Some("kernel: 25% of 1,200, about 30 s left"));
        assert_eq!(at(10), None);
        assert_eq!(at(19), None);
        assert!(at(20).is_some());
    }

    #[test]
    fn a_line_tells_what_the_work_has_come_to() {
        let progress = lines_every_ten_seconds(1200);
        progress.relabel("train  loss 0.1234");
        assert_eq!(
            progress.line_due(300, Duration::from_secs(10)).as_deref(),
            Some("train  loss 0.1234: 25% of 1,200, about 30 s left")
        );
    }

    #[test]
    fn nothing_done_and_nothing_to_do_have_lines_without_nonsense() {
        let late = Duration::from_secs(60);
        assert_eq!(lines_every_ten_seconds(5).line_due(0, late).as_deref(), Some("kernel: 0% of 5"));
        let line = lines_every_ten_seconds(0).line_due(7, late).expect("a line");
        assert_eq!(line, "kernel: 100% of 1, about 0 s left");
    }

    #[test]
    fn work_that_fails_to_show_still_counts() {
        // Under test standard error is no terminal, or one that captures; either way this must not panic.
        let progress = Progress::new(3, "λ\u{1b}[2J");
        progress.advance(5);
        assert_eq!(progress.done(), 5);
    }
}
