//! Tasks side by side, each kept as it ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::protocol::Unit;
use super::{Conditions, Lab, Record, Run};
use crate::error::{Error, Result};

/// Where the records of finished tasks are.
pub trait Archive: Sync {
    /// The record of a task that was finished before, if there is one that can be trusted.
    fn recall(&self, unit: &Unit) -> Option<Record>;

    /// Keeps a record.
    ///
    /// # Errors
    /// What writing refuses; the run stops.
    fn keep(&self, unit: &Unit, record: &Record) -> Result<()>;

    /// Told once, before the first task, which tasks are to be carried out.
    fn planned(&self, _missing: &[&Unit]) {}

    /// Told that a task begins.
    fn begins(&self, _unit: &Unit) {}

    /// Told that so many units of cost more are done, of the tasks that were planned.
    fn advanced(&self, _cost: f64) {}
}

/// Keeps nothing: all tasks are carried out, and only their records are of interest.
pub struct Nowhere;

impl Archive for Nowhere {
    fn recall(&self, _: &Unit) -> Option<Record> {
        None
    }

    fn keep(&self, _: &Unit, _: &Record) -> Result<()> {
        Ok(())
    }
}

/// The records of all tasks, in their order; those that the archive has are not measured again.
///
/// Tasks run side by side, the longest first, and share threads and memory evenly. What a task computes has the same bits
/// on any number of threads, so the records do not depend on it.
///
/// # Errors
/// The first failure in the tasks' order, after those that run have ended or given up; an interruption. A task that
/// panics is a fault of the program, and ends the others in the same way.
pub fn conduct(run: &dyn Run, archive: &dyn Archive, conditions: &Conditions<'_>) -> Result<Vec<Record>> {
    let units = run.tasks();
    let mut records: Vec<Option<Record>> = units.iter().map(|unit| archive.recall(unit)).collect();
    let mut missing: Vec<usize> = (0..units.len()).filter(|&i| records[i].is_none()).collect();
    archive.planned(&missing.iter().map(|&i| &units[i]).collect::<Vec<_>>());
    missing.sort_by(|&a, &b| units[b].cost.total_cmp(&units[a].cost).then(a.cmp(&b)));

    let threads = conditions.threads;
    let workers = threads.clamp(1, missing.len().max(1));
    let work =
        Work { run, archive, conditions, memory: conditions.memory / workers as u64, failed: Default::default() };
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Record>)>> = Mutex::new(Vec::new());
    let pools: Vec<rayon::ThreadPool> = (0..workers)
        .map(|worker| pool(threads / workers + usize::from(worker < threads % workers)))
        .collect::<Result<_>>()?;
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                while let Some(&i) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if work.failed.load(Ordering::Relaxed) || conditions.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let found = work.one(i, pool);
                    work.failed.fetch_or(found.is_err(), Ordering::Relaxed);
                    if let Ok(mut done) = done.lock() {
                        done.push((i, found));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().map_err(|_| Error::Bug("a task panicked while it was being kept".into()))?;
    done.sort_by_key(|(i, _)| *i);
    for (i, found) in done {
        records[i] = Some(found?);
    }
    let interrupted = || Error::Interrupted { terminated: false, resume: "run the experiment again".into() };
    records.into_iter().map(|record| record.ok_or_else(interrupted)).collect()
}

/// What the workers share.
struct Work<'w> {
    run: &'w dyn Run,
    archive: &'w dyn Archive,
    conditions: &'w Conditions<'w>,
    /// Bytes a task.
    memory: u64,
    failed: AtomicBool,
}

impl Work<'_> {
    /// Carries out task `i` and keeps its record.
    fn one(&self, i: usize, pool: &rayon::ThreadPool) -> Result<Record> {
        let unit = &self.run.tasks()[i];
        // The share that was told of, as the bits of a positive number: these are ordered as the numbers are.
        let told = AtomicU64::new(0);
        let progress = |share: f64| {
            let before = f64::from_bits(told.fetch_max(share.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed));
            if share > before {
                self.archive.advanced((share.min(1.0) - before) * unit.cost);
            }
        };
        self.archive.begins(unit);
        let lab =
            Lab { stop: self.conditions.stop, memory: self.memory, data: self.conditions.data, progress: &progress };
        let found = catch_unwind(AssertUnwindSafe(|| pool.install(|| self.run.measure(i, &lab))));
        let record = found.unwrap_or_else(|_| Err(Error::Bug(format!("the task {} panicked", unit.name))))?;
        self.archive.keep(unit, &record)?;
        progress(1.0);
        Ok(record)
    }
}

fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| Error::Memory {
        what: format!("{threads} threads"),
        needed: 0,
        limit: 0,
        fits: format!("{error}; lower --threads"),
    })
}

#[cfg(test)]
mod tests;
