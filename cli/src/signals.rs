//! Ctrl-C and its kin: the first asks to stop, a second stops at once.
//!
//! Work that looks at [`Signals::stop`] ends by itself, at the next tile. What cannot be asked, a solver or a long read,
//! is given [`GRACE`]; then a watching thread takes back the folder that was made for the results and ends the process. What
//! is kept in it, of work that can be gone on with, stays.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::Failure;
use crate::store::folder::OutputFolder;

/// How long work may take to end by itself.
const GRACE: Duration = Duration::from_millis(1400);
/// How often the watching thread looks.
const TICK: Duration = Duration::from_millis(50);

/// Whether a signal asked to stop, and what is taken back then.
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
    held: Arc<Mutex<Held>>,
}

type Farewell = Box<dyn FnOnce() -> Option<String> + Send>;

/// What the process leaves behind if it ends now.
#[derive(Default)]
struct Held {
    folder: Option<OutputFolder>,
    /// How to go on with what is in the folder, if anything is.
    kept: Option<String>,
    /// What is written down before the process is ended, and how to go on from there.
    farewell: Option<Farewell>,
    /// Whether the command has ended, or is past the point where it may be cut short.
    settled: bool,
}

impl Signals {
    /// Listens from now on. A system that refuses leaves the signals as they are: they end the process.
    ///
    /// `json` says how the watching thread tells that it ended the process.
    pub(crate) fn listen(json: bool) -> Self {
        let signals = Self { stop: Arc::default(), terminated: Arc::default(), held: Arc::default() };
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 143)] {
            // In this order a second signal finds the flag set and ends the process.
            let _ = flag::register_conditional_shutdown(signal, code, Arc::clone(&signals.stop));
            // Before the flag that others wait for, so that they find it.
            if code == 143 {
                let _ = flag::register(signal, Arc::clone(&signals.terminated));
            }
            let _ = flag::register(signal, Arc::clone(&signals.stop));
        }
        let [stop, terminated] = [&signals.stop, &signals.terminated].map(Arc::clone);
        let held = Arc::clone(&signals.held);
        // Without this thread signals are heeded at the next tile only.
        let _ = thread::Builder::new().name("signals".into()).spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(TICK);
            }
            thread::sleep(GRACE);
            let Ok(mut held) = held.lock() else { return };
            if !held.settled {
                drop(held.folder.take());
                let kept = held.farewell.take().and_then(|farewell| farewell()).or_else(|| held.kept.take());
                let failure = Failure::from(interrupted(terminated.load(Ordering::Relaxed), kept));
                failure.report(json);
                process::exit(failure.code().into());
            }
        });
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
        let kept = self.held.lock().ok().and_then(|held| held.kept.clone());
        interrupted(self.terminated.load(Ordering::Relaxed), kept)
    }

    /// What is done if a signal ends the process while it works: it says how to go on.
    pub(crate) fn farewell(&self, said: impl FnOnce() -> Option<String> + Send + 'static) {
        if let Ok(mut held) = self.held.lock() {
            held.farewell = Some(Box::new(said));
        }
    }

    /// From now on the process is not ended before the command is.
    pub(crate) fn settle(&self) {
        if let Ok(mut held) = self.held.lock() {
            held.settled = true;
            held.farewell = None;
        }
    }

    /// Keeps a folder that is taken back if a signal ends the process.
    pub(crate) fn hold(&self, folder: OutputFolder) {
        if let Ok(mut held) = self.held.lock() {
            held.folder = Some(folder);
        }
    }

    /// Keeps a folder whose work can be gone on with, as `how` says.
    pub(crate) fn keep(&self, folder: OutputFolder, how: String) {
        if let Ok(mut held) = self.held.lock() {
            (held.folder, held.kept) = (Some(folder), Some(format!("what is done is kept; {how}")));
        }
    }

    /// Gives the folder back, to be filled. From now on the process is not ended before the command is.
    ///
    /// # Errors
    /// A signal came.
    pub(crate) fn release(&self) -> Result<OutputFolder, ntk::Error> {
        self.check()?;
        let mut held = self.held.lock().map_err(|_| ntk::Error::Bug("the watching thread panicked".into()))?;
        held.settled = true;
        held.folder.take().ok_or_else(|| ntk::Error::Bug("a folder was released that nobody held".into()))
    }
}

impl Drop for Signals {
    /// The command has ended: the folder that it did not fill goes, and the watching thread stays quiet.
    fn drop(&mut self) {
        if let Ok(mut held) = self.held.lock() {
            held.settled = true;
            held.folder = None;
        }
    }
}

fn interrupted(terminated: bool, kept: Option<String>) -> ntk::Error {
    let resume = kept.unwrap_or_else(|| "no result was written; run the same command again".into());
    ntk::Error::Interrupted { terminated, resume }
}
