use std::collections::BTreeMap;

use serde::Serialize;

use super::*;
use crate::experiment::{About, Claim, Experiment, Findings, Protocol, Scale, Task};

crate::settings! {
    /// Settings of squares.
    pub struct Numbers {
        /// What is squared.
        numbers: Vec<usize>, 0 to 1000 => vec![1usize, 2, 3, 4, 5];
    }
}

#[derive(Clone, Serialize)]
struct Square(usize);

impl Task for Square {
    fn name(&self) -> String {
        format!("square={}", self.0)
    }
}

/// Squares numbers; refuses 13, and panics at 666.
#[derive(Clone)]
struct Squares;

impl Experiment for Squares {
    type Settings = Numbers;
    type Task = Square;

    fn about(&self) -> About {
        About { name: "squares", paper: "", reference: "", question: "", protocol: "", seconds: [0.0; 3], revision: 1 }
    }

    fn claims(&self) -> &'static [Claim] {
        &[]
    }

    fn tasks(&self, settings: &Numbers) -> Result<Vec<Square>> {
        Ok(settings.numbers.iter().map(|&n| Square(n)).collect())
    }

    fn measure(&self, task: &Square, lab: &Lab<'_>) -> Result<Record> {
        lab.check()?;
        match task.0 {
            13 => Err(Error::numerics("13 has no square", "take another")),
            666 => panic!("planted"),
            777 => {
                [0.25, 0.125, 0.75].iter().for_each(|&share| (lab.progress)(share));
                Ok(Record::default().number("square", 603_729.0))
            }
            n => Ok(Record::default().number("square", (n * n) as f64)),
        }
    }

    fn judge(&self, _: &Numbers, _: &[(Square, Record)]) -> Result<Findings> {
        Ok(Findings::default())
    }
}

#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, Record>>, Mutex<Vec<f64>>);

impl Archive for Kept {
    fn recall(&self, unit: &Unit) -> Option<Record> {
        self.0.lock().unwrap().get(&unit.key).cloned()
    }

    fn keep(&self, unit: &Unit, record: &Record) -> Result<()> {
        self.0.lock().unwrap().insert(unit.key.clone(), record.clone());
        Ok(())
    }

    fn planned(&self, missing: &[&Unit]) {
        self.1.lock().unwrap().push(-(missing.len() as f64));
    }

    fn advanced(&self, cost: f64) {
        self.1.lock().unwrap().push(cost);
    }
}

fn run(numbers: &[i64]) -> Result<Box<dyn Run>> {
    let mut table = toml::Table::new();
    table.insert("numbers".into(), numbers.to_vec().into());
    Squares.run(Scale::Desk, &table)
}

#[test]
fn records_are_in_the_order_of_the_tasks_on_any_number_of_threads() {
    let squares = run(&[5, 3, 8, 1, 7]).unwrap();
    for threads in [1, 2, 3, 7] {
        let conditions = Conditions { threads, ..Conditions::default() };
        let records = conduct(&*squares, &Nowhere, &conditions).unwrap();
        let found: Vec<f64> = records.iter().map(|record| record.get("square").unwrap()).collect();
        assert_eq!(found, [25.0, 9.0, 64.0, 1.0, 49.0]);
    }
}

#[test]
fn what_was_kept_is_not_measured_again_even_by_another_run() {
    let kept = Kept::default();
    let failed = conduct(&*run(&[2, 13]).unwrap(), &kept, &Conditions::default()).unwrap_err();
    assert!(failed.to_string().contains("13 has no square"));
    kept.0.lock().unwrap().values_mut().for_each(|record| *record = record.clone().number("square", -1.0));
    let records = conduct(&*run(&[3, 2]).unwrap(), &kept, &Conditions::default()).unwrap();
    assert_eq!((records[0].get("square").unwrap(), records[1].get("square").unwrap()), (9.0, -1.0));
}

#[test]
fn a_signal_stops_the_run_with_what_is_done_kept() {
    let kept = Kept::default();
    let stop = AtomicBool::new(true);
    let conditions = Conditions { stop: &stop, ..Conditions::default() };
    let stopped = conduct(&*run(&[2, 3]).unwrap(), &kept, &conditions).unwrap_err();
    assert!(matches!(stopped, Error::Interrupted { .. }) && kept.0.lock().unwrap().is_empty());
}

#[test]
fn two_tasks_of_one_name_are_refused() {
    let error = run(&[2, 3, 2]).err().unwrap().to_string();
    assert!(error.contains("square=2 is asked for twice"), "{error}");
}

#[test]
fn a_task_that_panics_is_a_fault_of_the_program_and_what_is_done_stays() {
    let kept = Kept::default();
    let error = conduct(&*run(&[4, 666]).unwrap(), &kept, &Conditions::default()).unwrap_err();
    assert!(error.code() == 70 && error.to_string().contains("square=666 panicked"), "{error}");
    assert_eq!(kept.0.lock().unwrap().len(), 1);
}

#[test]
fn progress_is_told_once_and_never_backwards() {
    let kept = Kept::default();
    conduct(&*run(&[2, 777]).unwrap(), &kept, &Conditions::default()).unwrap();
    assert_eq!(*kept.1.lock().unwrap(), [-2.0, 1.0, 0.25, 0.5, 0.25]);
    conduct(&*run(&[2, 777]).unwrap(), &kept, &Conditions::default()).unwrap();
    assert_eq!(kept.1.lock().unwrap()[5..], [-0.0]);
}
