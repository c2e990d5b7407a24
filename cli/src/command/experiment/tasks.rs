//! Finished tasks as files of the folder `tasks`: each is known by what it says, and holds its own digest.
//!
//! A file is written aside and renamed, so it is whole or not there; one that was torn or changed all the same does not
//! have its digest, and the task is measured again. `metrics.jsonl` has a line for each that is finished, in the order in
//! which they end, and in that of the tasks once all have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use ntk::array::Array;
use ntk::data::safetensors_file::{SafeTensorsFile, Stored, write_safetensors_with};
use ntk::experiment::protocol::Unit;
use ntk::experiment::{Archive, Record};
use ntk::{Error, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::account::Account;
use super::plan::Plan;
use crate::render::progress::Progress;
use crate::store::folder::OutputFolder;
use crate::store::lines::Lines;

/// The folder of the files.
const FOLDER: &str = "tasks";
/// A line a task.
const METRICS: &str = "metrics.jsonl";
/// What stands before the names of a record's arrays.
const ARRAY: &str = "array:";
/// Steps of a progress bar.
const STEPS: f64 = 10_000.0;

/// The files, and what is told of them.
pub(super) struct Tasks<'t> {
    folder: &'t OutputFolder,
    place: PathBuf,
    /// Where files of another run may be taken over.
    from: Option<PathBuf>,
    context: String,
    units: &'t [Unit],
    account: Arc<Mutex<Account>>,
    damaged: AtomicUsize,
    /// Lines of tasks that were there.
    known: Mutex<String>,
    lines: Mutex<Option<Lines>>,
    progress: OnceLock<Progress>,
    /// Cost of all that was missing, and what is told of it, in steps of the bar.
    missing: OnceLock<f64>,
    told: Mutex<f64>,
}

impl<'t> Tasks<'t> {
    /// The tasks of a plan in a folder, with those of another run's folder that are the same.
    pub(super) fn new(
        folder: &'t OutputFolder,
        plan: &'t Plan,
        from: Option<PathBuf>,
        account: Arc<Mutex<Account>>,
    ) -> std::result::Result<Self, crate::failure::Failure> {
        Ok(Self {
            place: folder.below(FOLDER)?,
            folder,
            from: from.map(|from| from.join(FOLDER)),
            context: plan.context(),
            units: plan.run.tasks(),
            account,
            damaged: AtomicUsize::new(0),
            known: Mutex::default(),
            lines: Mutex::default(),
            progress: OnceLock::new(),
            missing: OnceLock::new(),
            told: Mutex::default(),
        })
    }

    /// Writes `metrics.jsonl` in the tasks' order; how many files were damaged.
    pub(super) fn close(self, records: &[Record]) -> std::result::Result<usize, crate::failure::Failure> {
        let lines: String = self.units.iter().zip(records).map(|(unit, record)| line(unit, record)).collect();
        self.folder.write(METRICS, lines.as_bytes())?;
        Ok(self.damaged.into_inner())
    }

    /// `3/24 width=32/seed=1`, short enough that a bar stands beside it on 80 columns.
    fn label(&self, current: &str) -> String {
        let done = self.account.lock().map_or(0, |account| account.finished);
        format!("{done}/{} {current}", self.units.len()).chars().take(34).collect()
    }
}

impl Archive for Tasks<'_> {
    fn recall(&self, unit: &Unit) -> Option<Record> {
        let key = full_key(&self.context, unit);
        let name = file_name(&key);
        let here = self.place.join(&name);
        let own = here.exists().then(|| read(&here, &key));
        if let Some(Err(_)) = own {
            self.damaged.fetch_add(1, Ordering::Relaxed);
        }
        let found = match own {
            Some(Ok(record)) => record,
            _ => {
                let record = read(&self.from.as_ref()?.join(&name), &key).ok()?;
                write(&here, unit, &key, &record).ok()?;
                record
            }
        };
        if let Ok(mut known) = self.known.lock() {
            known.push_str(&line(unit, &found));
        }
        if let Ok(mut account) = self.account.lock() {
            account.finished += 1;
        }
        Some(found)
    }

    fn planned(&self, missing: &[&Unit]) {
        let _ = self.missing.set(missing.iter().map(|unit| unit.cost).sum());
        let known = self.known.lock().map(|known| known.clone()).unwrap_or_default();
        // What cannot be written here cannot be written a moment later either: then it is told.
        let opened = self.folder.write(METRICS, known.as_bytes()).ok().and_then(|path| Lines::open(path).ok());
        if let Ok(mut lines) = self.lines.lock() {
            *lines = opened;
        }
        if !missing.is_empty() {
            let _ = self.progress.set(Progress::new(STEPS as u64, &self.label("")));
        }
    }

    fn begins(&self, unit: &Unit) {
        if let Some(progress) = self.progress.get() {
            progress.relabel(&self.label(&unit.name));
        }
    }

    fn keep(&self, unit: &Unit, record: &Record) -> Result<()> {
        let key = full_key(&self.context, unit);
        write(&self.place.join(file_name(&key)), unit, &key, record)?;
        let mut lines = self.lines.lock().map_err(|_| Error::Bug("a thread panicked while it wrote a line".into()))?;
        let opened = match lines.take() {
            Some(opened) => opened,
            None => Lines::open(self.folder.path().join(METRICS))?,
        };
        lines.insert(opened).append(&line(unit, record))?;
        drop(lines);
        let mut account = self.account.lock().map_err(|_| Error::Bug("a thread panicked over its account".into()))?;
        (account.finished, account.now) = (account.finished + 1, account.now + 1);
        Ok(())
    }

    fn advanced(&self, cost: f64) {
        let (Some(progress), Some(missing), Ok(mut told)) = (self.progress.get(), self.missing.get(), self.told.lock())
        else {
            return;
        };
        let before = told.floor();
        *told += STEPS * cost / missing.max(f64::MIN_POSITIVE);
        progress.advance((told.floor() - before) as u64);
    }
}

/// The records of all tasks of a finished run.
///
/// # Errors
/// [`Error::Usage`] where some are missing, [`Error::Store`] where one is damaged.
pub(super) fn all(plan: &Plan, folder: &Path) -> Result<Vec<Record>> {
    let (units, context) = (plan.run.tasks(), plan.context());
    let file = |unit: &Unit| {
        let key = full_key(&context, unit);
        (folder.join(FOLDER).join(file_name(&key)), key)
    };
    let missing: Vec<&Unit> = units.iter().filter(|unit| !file(unit).0.exists()).collect();
    if let Some(first) = missing.first() {
        return Err(Error::usage(
            format!("{} of {} tasks are not measured yet, {} among them", missing.len(), units.len(), first.name),
            format!("go on with: ntk resume {}", folder.display()),
        ));
    }
    let read = |unit: &Unit| {
        let (path, key) = file(unit);
        read(&path, &key).map_err(|what| Error::Store {
            path,
            what,
            remedy: format!("delete it and measure it again: ntk run --resume {} --fork", folder.display()),
        })
    };
    units.iter().map(read).collect()
}

/// All that decides a task's numbers.
fn full_key(context: &str, unit: &Unit) -> String {
    format!("{context}\n{}", unit.key)
}

fn file_name(key: &str) -> String {
    format!("{}.safetensors", &hex(&Sha256::digest(key.as_bytes()))[..32])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of the key and all that was measured.
fn digest(key: &str, record: &Record) -> String {
    let mut hash = Sha256::new_with_prefix(b"ntk task 1\n");
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    text(key);
    for (name, value) in &record.numbers {
        text(name);
        text(&format!("{:016x}", value.to_bits()));
    }
    for (name, array) in &record.arrays {
        text(name);
        text(&format!("{:?}", array.shape));
        let bytes: Vec<u8> = array.data.iter().flat_map(|x| x.to_le_bytes()).collect();
        text(&hex(&Sha256::digest(&bytes)));
    }
    hex(&hash.finalize())
}

fn write(path: &Path, unit: &Unit, key: &str, record: &Record) -> Result<()> {
    let names: Vec<&String> = record.numbers.keys().collect();
    let notes = BTreeMap::from([
        ("task".to_owned(), unit.name.clone()),
        ("key".to_owned(), key.to_owned()),
        ("numbers".to_owned(), json!(names).to_string()),
        ("digest".to_owned(), digest(key, record)),
    ]);
    let numbers = Array::new([names.len()], record.numbers.values().copied().collect())?;
    let named: Vec<(String, &Array<f64>)> =
        record.arrays.iter().map(|(name, array)| (format!("{ARRAY}{name}"), array)).collect();
    let mut members: Vec<(&str, &dyn Stored)> = vec![("numbers", &numbers)];
    members.extend(named.iter().map(|(name, array)| (name.as_str(), *array as &dyn Stored)));
    write_safetensors_with(path, &notes, &members)
}

/// The record in a file, or why it cannot be trusted.
fn read(path: &Path, key: &str) -> std::result::Result<Record, String> {
    let mut file = SafeTensorsFile::open(path).map_err(|error| error.to_string())?;
    let notes = file.notes().clone();
    let note = |name: &str| notes.get(name).cloned().ok_or_else(|| format!("lacks its {name}"));
    let names: Vec<String> = serde_json::from_str(&note("numbers")?).map_err(|error| error.to_string())?;
    let mut array = |name: &str| file.read::<f64>(name).map_err(|error| error.to_string());
    let numbers = array("numbers")?;
    if numbers.len() != names.len() {
        return Err("has other numbers than it names".into());
    }
    let mut record = Record { numbers: names.into_iter().zip(numbers.data).collect(), ..Record::default() };
    for name in file.names().to_vec() {
        if let Some(own) = name.strip_prefix(ARRAY) {
            let array = file.read::<f64>(&name).map_err(|error| error.to_string())?;
            record.arrays.insert(own.to_owned(), array);
        }
    }
    if note("digest")? == digest(key, &record) { Ok(record) } else { Err("has not its digest: it is damaged".into()) }
}

/// `{"task": .., "numbers": {..}, "arrays": {"name": [shape]}}`; a number that is not finite is null, and named.
fn line(unit: &Unit, record: &Record) -> String {
    let numbers: Map<String, Value> = record.numbers.iter().map(|(name, x)| (name.clone(), json!(x))).collect();
    let odd: Vec<&String> = record.numbers.iter().filter(|(_, x)| !x.is_finite()).map(|(name, _)| name).collect();
    let shapes: Map<String, Value> =
        record.arrays.iter().map(|(name, array)| (name.clone(), json!(array.shape))).collect();
    let mut all = json!({ "task": unit.name, "numbers": numbers, "arrays": shapes });
    if !odd.is_empty() {
        all["not_finite"] = json!(odd);
    }
    format!("{all}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record::default()
            .number("a", 1.0 / 3.0)
            .number("b", f64::NAN)
            .number("c", -0.0)
            .curve("curve", vec![1.0, f64::INFINITY])
            .array("none", Array::new([0, 3], vec![]).unwrap())
    }

    #[test]
    fn a_record_comes_back_to_the_bit_and_any_flipped_bit_is_seen() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("t.safetensors");
        let unit = Unit { name: "t".into(), key: "k".into(), cost: 1.0 };
        let key = full_key("ntk 1", &unit);
        write(&path, &unit, &key, &record()).unwrap();
        let found = read(&path, &key).unwrap();
        assert_eq!(format!("{found:?}"), format!("{:?}", record()));
        assert_eq!(digest(&key, &found), digest(&key, &record()));
        assert!(read(&path, &full_key("ntk 2", &unit)).is_err());
        let whole = std::fs::read(&path).unwrap();
        let mut missed = Vec::new();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(&path, &bytes).unwrap();
            // The task's name is for people: only what decides the numbers and the numbers count.
            if read(&path, &key).is_ok_and(|found| format!("{found:?}") != format!("{:?}", record())) {
                missed.push(at);
            }
        }
        assert!(missed.is_empty(), "{missed:?}");
        for length in [0, 7, 100, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path, &key).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_not_finite_is_null_and_named() {
        let unit = Unit { name: "t".into(), key: "k".into(), cost: 1.0 };
        let value: Value = serde_json::from_str(&line(&unit, &record())).unwrap();
        assert_eq!(value["numbers"]["b"], Value::Null);
        assert_eq!((&value["not_finite"], &value["arrays"]["none"]), (&json!(["b"]), &json!([0, 3])));
    }
}
