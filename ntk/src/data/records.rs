//! What every reader yields: samples as the file has them, and their classes.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::element::Element;
use crate::array::Array;
use crate::error::{Error, Result, shorten};

/// More classes than this are taken for real numbers that were meant as targets.
const MOST_CLASSES: usize = 10_000;

/// Samples, kept in bytes where the file has bytes: an eighth of the memory until a few are chosen.
#[derive(Debug)]
pub(super) enum Inputs {
    Bytes(Array<u8>),
    Reals(Array<f64>),
}

impl Inputs {
    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Inputs::Bytes(a) => &a.shape,
            Inputs::Reals(a) => &a.shape,
        }
    }

    /// Sample `i` as reals.
    #[cfg(test)]
    pub(super) fn row(&self, i: usize) -> Vec<f64> {
        self.select(&[i]).unwrap().data
    }

    /// The samples named, as reals.
    pub(super) fn select(&self, rows: &[usize]) -> Result<Array<f64>> {
        match self {
            Inputs::Bytes(a) => Ok(a.select_rows(rows)?.map(|&b| f64::from(b))),
            Inputs::Reals(a) => a.select_rows(rows),
        }
    }
}

/// What the samples are to be mapped to.
#[derive(Debug)]
pub(super) enum Labels {
    /// A class each, 0 to `names.len()`.
    Classes { labels: Vec<usize>, names: Vec<String> },
    /// Real targets, `[n, o]`.
    Targets(Array<f64>),
}

/// All samples of a source, in the order of the file.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) inputs: Inputs,
    pub(super) labels: Labels,
}

impl Records {
    /// Samples whose classes are known to be within `names`.
    pub(super) fn labelled(inputs: Inputs, labels: Vec<usize>, names: Vec<String>) -> Self {
        Records { inputs, labels: Labels::Classes { labels, names } }
    }

    /// Samples with whole numbers as classes; they are numbered in increasing order.
    pub(super) fn classified(inputs: Inputs, labels: &[i64], path: &Path) -> Result<Self> {
        let mut order: BTreeMap<i64, usize> = labels.iter().map(|&l| (l, 0)).collect();
        check_count(order.len(), order.keys().next().map(i64::to_string), path)?;
        order.values_mut().enumerate().for_each(|(k, place)| *place = k);
        let numbered = labels.iter().map(|l| order[l]).collect();
        Ok(Records::labelled(inputs, numbered, order.keys().map(i64::to_string).collect()))
    }

    /// Samples with names as classes, in alphabetical order; by value where all of them are whole numbers.
    ///
    /// `place` tells the file and line of a row for the message.
    pub(super) fn named<'a>(
        inputs: Inputs,
        names: &[String],
        place: impl Fn(usize) -> (&'a Path, Option<usize>),
    ) -> Result<Self> {
        let path = place(0).0;
        let numbers: Vec<Option<f64>> = names.iter().map(|n| n.parse::<f64>().ok()).collect();
        if numbers.iter().all(Option::is_some) {
            let mut whole = Vec::with_capacity(names.len());
            for (row, x) in numbers.into_iter().flatten().enumerate() {
                whole.push(whole_number(x).ok_or_else(|| {
                    let (path, line) = place(row);
                    Error::Data {
                        path: path.to_owned(),
                        line,
                        what: format!("has label {x} in row {row} (from 0), which is not a class"),
                        remedy: REAL_LABELS.into(),
                    }
                })?);
            }
            return Records::classified(inputs, &whole, path);
        }
        let mut order: BTreeMap<&str, usize> = names.iter().map(|n| (n.as_str(), 0)).collect();
        check_count(order.len(), order.keys().next().map(|n| shorten(n)), path)?;
        order.values_mut().enumerate().for_each(|(k, place)| *place = k);
        let numbered = names.iter().map(|n| order[n.as_str()]).collect();
        let names = order.keys().map(|n| shorten(n)).collect();
        Ok(Records::labelled(inputs, numbered, names))
    }

    /// The names of the classes; none for real targets.
    pub(super) fn class_names(&self) -> &[String] {
        match &self.labels {
            Labels::Classes { names, .. } => names,
            Labels::Targets(_) => &[],
        }
    }

    /// These samples, then those of a further file of the same set.
    pub(super) fn followed_by(mut self, next: Records, path: &Path) -> Result<Self> {
        let differs =
            |what: &str| Error::data(path, format!("{what} than the files before it"), "take all files from one set");
        match (&mut self.inputs, next.inputs) {
            (Inputs::Bytes(a), Inputs::Bytes(b)) if a.shape[1..] == b.shape[1..] => {
                a.shape[0] += b.shape[0];
                a.data.extend(b.data);
            }
            _ => return Err(differs("has other sizes of samples")),
        }
        match (&mut self.labels, next.labels) {
            (Labels::Classes { labels, names }, Labels::Classes { labels: more, names: theirs })
                if *names == theirs =>
            {
                labels.extend(more);
                Ok(self)
            }
            _ => Err(differs("has other classes")),
        }
    }
}

pub(super) const REAL_LABELS: &str =
    "number the classes 0, 1, 2, ..., or give real targets as a two-dimensional array [n, outputs]";

/// `x` as an integer, if it is one.
pub(super) fn whole_number(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && x.abs() < 2f64.powi(53)).then_some(x as i64)
}

fn check_count(classes: usize, first: Option<String>, path: &Path) -> Result<()> {
    match (classes, first) {
        (0, _) => Err(Error::data(path, "holds no samples", "give at least one a class")),
        (1, Some(name)) => Err(Error::data(
            path,
            format!("holds only one class, `{name}`, from row 0 to the last"),
            "give at least two classes",
        )),
        (k, _) if k > MOST_CLASSES => {
            Err(Error::data(path, format!("holds {k} different labels, too many for classes"), REAL_LABELS))
        }
        _ => Ok(()),
    }
}

/// Refuses NaN and infinities, telling where the first is and how many there are.
///
/// # Errors
/// [`Error::NotFinite`].
pub fn check_finite<T: Element>(array: &Array<T>, path: &Path) -> Result<()> {
    // The common case looks at whole blocks and by all threads; where something is found is asked afterwards.
    if array.data.par_chunks(1 << 14).all(|block| block.iter().fold(true, |all, x| all & x.is_finite())) {
        return Ok(());
    }
    let first = array.data.iter().position(|x| !x.is_finite()).unwrap_or(0);
    let width = array.row_len().max(1);
    Err(Error::NotFinite {
        path: path.to_owned(),
        count: array.data.iter().filter(|x| !x.is_finite()).count(),
        row: first / width,
        column: first % width,
        value: array.data[first].to_f64(),
    })
}
