//! Ctrl-C and its kin: the first asks to stop, a second stops at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether a signal asked to stop.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on. A system that refuses leaves the signals as they are: they end the process.
    pub(crate) fn listen() -> Self {
        let signals = Self::default();
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 143)] {
            // In this order a second signal finds the flag set and ends the process.
            let _ = flag::register_conditional_shutdown(signal, code, Arc::clone(&signals.stop));
            let _ = flag::register(signal, Arc::clone(&signals.stop));
            if code == 143 {
                let _ = flag::register(signal, Arc::clone(&signals.terminated));
            }
        }
        signals
    }

    /// Set once a signal came.
    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// The error to end with, if a signal came.
    pub(crate) fn check(&self) -> Result<(), ntk::Error> {
        if self.stop.load(Ordering::Relaxed) { Err(self.interrupted()) } else { Ok(()) }
    }

    /// The error to end with.
    pub(crate) fn interrupted(&self) -> ntk::Error {
        let resume = "no result was written; run the same command again".into();
        ntk::Error::Interrupted { terminated: self.terminated.load(Ordering::Relaxed), resume }
    }
}
