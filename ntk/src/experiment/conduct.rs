//! Tasks side by side, each kept as it ends.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::protocol::Unit;
use super::{Lab, Record, Run};
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

    /// Told that so many units of cost are done.
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
/// Tasks run side by side on `threads` threads, the longest first. What a task computes has the same bits on any number of
/// threads, so the records do not depend on it.
///
/// # Errors
/// The first failure in the tasks' order, after those that run have ended or given up; an interruption.
pub fn conduct(
    run: &dyn Run,
    archive: &dyn Archive,
    threads: usize,
    memory: u64,
    stop: &AtomicBool,
) -> Result<Vec<Record>> {
    let units = run.tasks();
    let records: Vec<Option<Record>> = units.iter().map(|unit| archive.recall(unit)).collect();
    let mut missing: Vec<usize> = (0..units.len()).filter(|&i| records[i].is_none()).collect();
    units.iter().zip(&records).filter(|(_, known)| known.is_some()).for_each(|(unit, _)| archive.advanced(unit.cost));
    missing.sort_by(|&a, &b| units[b].cost.total_cmp(&units[a].cost).then(a.cmp(&b)));

    let workers = threads.clamp(1, missing.len().max(1));
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<Vec<(usize, Result<Record>)>> = Mutex::new(Vec::new());
    let pools: Vec<rayon::ThreadPool> = (0..workers)
        .map(|worker| pool(threads / workers + usize::from(worker < threads % workers)))
        .collect::<Result<_>>()?;
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                while let Some(&i) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if failed.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let lab = Lab { stop, memory: memory / workers as u64, progress: &|_| () };
                    let found = pool.install(|| run.measure(i, &lab)).and_then(|record| {
                        archive.keep(&units[i], &record)?;
                        archive.advanced(units[i].cost);
                        Ok(record)
                    });
                    failed.fetch_or(found.is_err(), Ordering::Relaxed);
                    if let Ok(mut done) = done.lock() {
                        done.push((i, found));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().map_err(|_| Error::Bug("a task panicked while it was being kept".into()))?;
    done.sort_by_key(|(i, _)| *i);
    let mut records = records;
    for (i, found) in done {
        records[i] = Some(found?);
    }
    let interrupted = || Error::Interrupted { terminated: false, resume: "run the experiment again".into() };
    records.into_iter().map(|record| record.ok_or_else(interrupted)).collect()
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
