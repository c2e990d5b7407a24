//! What a task measured: numbers and arrays by name; the tasks of a run with what they measured.

use std::collections::BTreeMap;

use crate::array::Array;
use crate::error::{Error, Result};

/// What a task measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Single numbers.
    pub numbers: BTreeMap<String, f64>,
    /// Arrays: curves over time, spectra, kernels.
    pub arrays: BTreeMap<String, Array<f64>>,
}

impl Record {
    /// Adds a number.
    #[must_use]
    pub fn number(mut self, name: impl Into<String>, value: f64) -> Self {
        self.numbers.insert(name.into(), value);
        self
    }

    /// Adds an array.
    #[must_use]
    pub fn array(mut self, name: impl Into<String>, array: Array<f64>) -> Self {
        self.arrays.insert(name.into(), array);
        self
    }

    /// Adds an array of one axis.
    #[must_use]
    pub fn curve(self, name: impl Into<String>, values: Vec<f64>) -> Self {
        self.array(name, Array { shape: vec![values.len()], data: values })
    }

    /// The number of this name.
    ///
    /// # Errors
    /// [`Error::Bug`]: the experiment asks for what it did not measure.
    pub fn get(&self, name: &str) -> Result<f64> {
        self.numbers.get(name).copied().ok_or_else(|| Error::Bug(format!("no number `{name}` was measured")))
    }

    /// The array of this name.
    ///
    /// # Errors
    /// As [`Record::get`].
    pub fn values(&self, name: &str) -> Result<&Array<f64>> {
        self.arrays.get(name).ok_or_else(|| Error::Bug(format!("no array `{name}` was measured")))
    }
}

/// The tasks of a run with what each measured, in the tasks' order.
#[derive(Clone, Copy, Debug)]
pub struct Done<'d, T>(pub &'d [(T, Record)]);

impl<'d, T> Done<'d, T> {
    /// What those tasks measured that `which` takes.
    pub fn all(&self, which: impl Fn(&T) -> bool) -> Vec<&'d Record> {
        self.0.iter().filter(|(task, _)| which(task)).map(|(_, record)| record).collect()
    }

    /// What the first of them measured.
    ///
    /// # Errors
    /// [`Error::Bug`]: there is none.
    pub fn one(&self, which: impl Fn(&T) -> bool) -> Result<&'d Record> {
        let found = self.0.iter().find(|(task, _)| which(task)).map(|(_, record)| record);
        found.ok_or_else(|| Error::Bug("a task was judged that was not carried out".into()))
    }
}
