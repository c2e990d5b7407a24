//! An experiment whose settings and tasks are no longer told apart by type: what a command works with.

use toml::Table;

use super::{About, Claim, Experiment, Findings, Lab, Parameter, Record, Scale, Settings, Task};
use crate::error::{Error, Result};

/// An experiment.
pub trait Protocol: Send + Sync {
    /// What it is about.
    fn about(&self) -> About;

    /// The paper's claims, as they are declared.
    fn claims(&self) -> &'static [Claim];

    /// What can be set.
    fn parameters(&self) -> &'static [Parameter];

    /// A run with these settings; those that the table lacks are the scale's.
    ///
    /// # Errors
    /// Settings that are none, or do not fit each other.
    fn run(&self, scale: Scale, settings: &Table) -> Result<Box<dyn Run>>;
}

/// An experiment with its settings.
pub trait Run: Send + Sync {
    /// All its settings.
    fn settings(&self) -> Table;

    /// The data sets that it asks for.
    fn data(&self) -> Vec<String>;

    /// Its tasks: a name, what decides its numbers, and its cost.
    fn tasks(&self) -> &[Unit];

    /// Carries out task `i`.
    ///
    /// # Errors
    /// As [`Experiment::measure`].
    fn measure(&self, i: usize, lab: &Lab<'_>) -> Result<Record>;

    /// What the records of all tasks say, in the tasks' order.
    ///
    /// # Errors
    /// As [`Experiment::judge`] and [`Findings::complete`]; another number of records than tasks.
    fn judge(&self, records: Vec<Record>) -> Result<Findings>;
}

/// A task as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its name within the run.
    pub name: String,
    /// Everything that decides its numbers but data and version: equal ones measure the same.
    pub key: String,
    /// How long it takes, in a unit that the run's tasks share.
    pub cost: f64,
}

impl<E: Experiment + Clone + Send + 'static> Protocol for E
where
    E::Settings: 'static,
    E::Task: 'static,
{
    fn about(&self) -> About {
        Experiment::about(self)
    }

    fn claims(&self) -> &'static [Claim] {
        Experiment::claims(self)
    }

    fn parameters(&self) -> &'static [Parameter] {
        E::Settings::PARAMETERS
    }

    fn run(&self, scale: Scale, settings: &Table) -> Result<Box<dyn Run>> {
        let defaults = E::Settings::PARAMETERS.iter().map(|p| (p.name.to_owned(), (p.default)(scale)));
        let given = settings.iter().map(|(name, value)| (name.clone(), value.clone()));
        let settings = E::Settings::read(&defaults.chain(given).collect())?;
        let tasks = self.tasks(&settings)?;
        let about = Experiment::about(self);
        let units = tasks
            .iter()
            .map(|task| {
                let said = serde_json::to_string(task).map_err(|error| Error::Bug(format!("a task's key: {error}")))?;
                let key = format!("{} {} {said}", about.name, about.revision);
                Ok(Unit { name: task.name(), key, cost: task.cost() })
            })
            .collect::<Result<Vec<_>>>()?;
        let mut names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twins) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let what = format!("the task {} is asked for twice", twins[0]);
            return Err(Error::usage(what, "name each width, seed and other value once"));
        }
        Ok(Box::new(Planned { experiment: self.clone(), settings, tasks, units }))
    }
}

struct Planned<E: Experiment> {
    experiment: E,
    settings: E::Settings,
    tasks: Vec<E::Task>,
    units: Vec<Unit>,
}

impl<E: Experiment + Send> Run for Planned<E> {
    fn settings(&self) -> Table {
        self.settings.table()
    }

    fn data(&self) -> Vec<String> {
        self.experiment.data(&self.settings)
    }

    fn tasks(&self) -> &[Unit] {
        &self.units
    }

    fn measure(&self, i: usize, lab: &Lab<'_>) -> Result<Record> {
        let task = self.tasks.get(i).ok_or_else(|| Error::Bug(format!("there is no task {i}")))?;
        self.experiment.measure(task, lab)
    }

    fn judge(&self, records: Vec<Record>) -> Result<Findings> {
        if records.len() != self.tasks.len() {
            return Err(Error::Bug(format!("{} records of {} tasks", records.len(), self.tasks.len())));
        }
        let done: Vec<(E::Task, Record)> = self.tasks.iter().cloned().zip(records).collect();
        self.experiment.judge(&self.settings, &done)?.complete(self.experiment.claims())
    }
}
