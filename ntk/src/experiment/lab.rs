//! What a task is given: data by name, random streams by role, memory, a signal to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::{DataFolder, Dataset, Selection};
use crate::error::{Error, Result};
pub use crate::random::{Role, normal, seed, stream, uniform};

/// Where `mnist` and its kin are looked for unless somebody says otherwise: nowhere.
static NO_FOLDER: DataFolder = DataFolder::none();
/// Never set.
static GO_ON: AtomicBool = AtomicBool::new(false);

/// The surroundings of a task.
pub struct Lab<'l> {
    /// Set when the task should stop.
    pub stop: &'l AtomicBool,
    /// Bytes that the task may take.
    pub memory: u64,
    /// Where data sets are found by their bare names.
    pub data: &'l DataFolder,
    /// Told the share of the task that is done, from 0 to 1.
    pub progress: &'l (dyn Fn(f64) + Sync),
}

impl Default for Lab<'_> {
    /// No signal, no data folder, a GiB.
    fn default() -> Self {
        Self { stop: &GO_ON, memory: 1 << 30, data: &NO_FOLDER, progress: &|_| () }
    }
}

impl Lab<'_> {
    /// Goes on, unless the task should stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check(&self) -> Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted { terminated: false, resume: "the task was given up".into() }),
            false => Ok(()),
        }
    }

    /// The data set of a name, such as `digits`, `mnist` (in the data folder), `cifar10:DIR` or `parity:bits=24,k=3`.
    ///
    /// # Errors
    /// As [`Dataset::load`].
    pub fn dataset(&self, name: &str, selection: &Selection) -> Result<Dataset> {
        Dataset::load(&self.data.source(name)?, selection)
    }
}

/// What a run may take of the machine, and what it looks at while it works.
#[derive(Clone, Copy)]
pub struct Conditions<'l> {
    /// Threads that compute, all tasks together.
    pub threads: usize,
    /// Bytes, all tasks together.
    pub memory: u64,
    /// Where data sets are found by their bare names.
    pub data: &'l DataFolder,
    /// Set when the run should stop.
    pub stop: &'l AtomicBool,
}

impl Default for Conditions<'_> {
    /// One thread, no signal, no data folder, a GiB.
    fn default() -> Self {
        Self { threads: 1, memory: 1 << 30, data: &NO_FOLDER, stop: &GO_ON }
    }
}
