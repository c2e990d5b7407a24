//! A data set, ready for a network: samples in `f64`, targets, a digest, and what looks wrong with them.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::element::Element;
use super::npy::read_npy;
use super::records::{Inputs, Labels, Records, check_finite, whole_number};
use super::select::{Normalize, Selection, normalize};
use super::source::{Source, check_inputs, check_rows};
use super::warn::warnings;
use crate::array::Array;
use crate::error::{Error, Result};

/// Samples with their targets.
///
/// Images are `[n, height, width, channels]`, tables `[n, features]`; [`Dataset::fit`] brings them to a network's
/// shape. The fields of the training part stand here, those of the test part in `test`.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The source as typed, for reports.
    pub name: String,
    /// The samples, `[n, ...]`.
    pub inputs: Array<f64>,
    /// The class of each sample, where targets are classes.
    pub labels: Option<Vec<usize>>,
    /// `[n, o]`: -1 and +1 in one column for two classes, one-hot for more, real targets as they are, no columns
    /// where there are no targets.
    pub targets: Array<f64>,
    /// Where each sample stands in the source, from 0.
    pub rows: Vec<usize>,
    /// The samples to test on, if any were asked for.
    pub test: Option<Part>,
    /// The number of classes; 0 where targets are real or absent.
    pub classes: usize,
    /// The names of the classes.
    pub class_names: Vec<String>,
    /// `(shift, scale)` of the normalization `x -> (x - shift) / scale`.
    pub scaling: (f64, f64),
    /// SHA-256 of shapes and numbers of both parts, as loaded, in hexadecimal.
    pub digest: String,
    /// What a user should know: constant features, duplicate samples, inputs far from standardized.
    pub warnings: Vec<String>,
    /// The file of a `--y` whose classes only the network's outputs can number.
    unnumbered: Option<PathBuf>,
}

/// The test part of a [`Dataset`]; fields as there.
#[derive(Clone, Debug)]
pub struct Part {
    /// The samples, `[m, ...]`.
    pub inputs: Array<f64>,
    /// The class of each sample.
    pub labels: Option<Vec<usize>>,
    /// `[m, o]`.
    pub targets: Array<f64>,
    /// Where each sample stands in the source, from 0.
    pub rows: Vec<usize>,
}

impl Dataset {
    /// Reads a source and takes of it what is asked for.
    ///
    /// A source with test files of its own (MNIST) is one pool, training files first: the split is the selection's.
    ///
    /// # Errors
    /// [`Error::Data`] and its kin for files that are not sound; [`Error::Usage`] for a selection that they cannot
    /// serve.
    pub fn load(source: &Source, selection: &Selection) -> Result<Self> {
        let records = source.read(selection.n.and_then(|n| n.checked_add(selection.test)))?;
        let kept = selection.kept_classes(&records.labels)?;
        // The pool: rows of the source, with the class each has after relabelling.
        let total = records.inputs.shape()[0];
        let (pool, class_of, class_names): (Vec<usize>, Vec<usize>, Vec<String>) = match (&records.labels, kept) {
            (Labels::Targets(_), _) => ((0..total).collect(), vec![0; total], Vec::new()),
            (Labels::Classes { labels, names }, None) => ((0..total).collect(), labels.clone(), names.clone()),
            (Labels::Classes { labels, names }, Some(kept)) => {
                let new = |row: usize| kept.iter().position(|&class| class == labels[row]);
                let (pool, class_of) = (0..total).filter_map(|row| Some((row, new(row)?))).unzip();
                (pool, class_of, kept.iter().map(|&class| names[class].clone()).collect())
            }
        };
        let (train, test) = selection.rows(&class_of, class_names.len())?;
        let take = |chosen: &[usize]| -> Result<Part> {
            let rows: Vec<usize> = chosen.iter().map(|&i| pool[i]).collect();
            let (labels, targets) = match &records.labels {
                Labels::Targets(targets) => (None, targets.select_rows(&rows)?),
                Labels::Classes { .. } => {
                    let labels: Vec<usize> = chosen.iter().map(|&i| class_of[i]).collect();
                    let targets = encode(&labels, class_names.len())?;
                    (Some(labels), targets)
                }
            };
            Ok(Part { inputs: records.inputs.select(&rows)?, labels, targets, rows })
        };
        let test = if test.is_empty() { None } else { Some(take(&test)?) };
        let train = take(&train)?;
        Dataset::assemble(source.to_string(), train, test, class_names, selection.normalize)
    }

    /// Reads arrays given as files: samples, samples to test on, and targets of the first.
    ///
    /// Samples are taken in order and as they are, neither shuffled nor scaled. A one-dimensional `y` is kept as one
    /// column until [`Dataset::fit`] tells how many outputs there are; a two-dimensional one holds targets.
    ///
    /// # Errors
    /// [`Error::Data`] and its kin for arrays that are not sound or do not go together.
    pub fn from_npy(x1: &Path, x2: Option<&Path>, y: Option<&Path>) -> Result<Self> {
        let read = |path: &Path| -> Result<Array<f64>> {
            let inputs = read_npy(path)?;
            check_inputs(&inputs, path)?;
            Ok(inputs)
        };
        let inputs = read(x1)?;
        let part = |inputs: Array<f64>| -> Result<Part> {
            let n = inputs.rows();
            Ok(Part { inputs, labels: None, targets: Array::new([n, 0], Vec::new())?, rows: (0..n).collect() })
        };
        let mut unnumbered = None;
        let mut targets = Array::new([inputs.rows(), 0], Vec::new())?;
        let mut labels = None;
        if let Some(path) = y {
            targets = read_npy(path)?;
            check_finite(&targets, path)?;
            check_rows(&inputs, &targets, path)?;
            match targets.rank() {
                1 => {
                    targets = targets.reshape([inputs.rows(), 1])?;
                    unnumbered = Some(path.to_owned());
                }
                2 => labels = classes_of_one_hot(&targets),
                _ => {
                    return Err(Error::data(
                        path,
                        format!("has shape {:?}", targets.shape),
                        "give classes as [n] or targets as [n, outputs]",
                    ));
                }
            }
        }
        let test = match x2 {
            None => None,
            Some(path) => {
                let other = read(path)?;
                if other.shape[1..] != inputs.shape[1..] {
                    return Err(Error::data(
                        path,
                        format!(
                            "has samples of shape {:?}, those of {} have {:?}",
                            &other.shape[1..],
                            x1.display(),
                            &inputs.shape[1..]
                        ),
                        "give both arrays the same shape behind the first axis",
                    ));
                }
                Some(part(other)?)
            }
        };
        let train = Part { targets, labels, ..part(inputs)? };
        let mut set = Dataset::assemble(x1.display().to_string(), train, test, Vec::new(), Normalize::None)?;
        set.unnumbered = unnumbered;
        Ok(set)
    }

    fn assemble(
        name: String,
        mut train: Part,
        mut test: Option<Part>,
        class_names: Vec<String>,
        how: Normalize,
    ) -> Result<Self> {
        let mut warnings = warnings(&train.inputs, &train.rows, how);
        let scaling = normalize(how, &mut train.inputs, test.as_mut().map(|part| &mut part.inputs));
        // Subtracting the mean of numbers near the largest double overflows.
        if how != Normalize::None {
            check_finite(&train.inputs, Path::new(&name))?;
            test.iter().try_for_each(|part| check_finite(&part.inputs, Path::new(&name)))?;
        }
        let mut hash = Sha256::new_with_prefix(b"ntk data 1\n");
        for part in std::iter::once(&train).chain(&test) {
            digest(&mut hash, &part.inputs);
            digest(&mut hash, &part.targets);
        }
        warnings.sort();
        Ok(Dataset {
            name,
            inputs: train.inputs,
            labels: train.labels,
            targets: train.targets,
            rows: train.rows,
            test,
            classes: class_names.len(),
            class_names,
            scaling,
            digest: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            warnings,
            unnumbered: None,
        })
    }

    /// Brings samples and targets to the shape a network takes and gives.
    ///
    /// Samples are reshaped where that only adds or drops axes of length 1, or flattens, or where the data is flat.
    /// Two classes serve a network of one output (-1, +1) or of two (one-hot). A one-dimensional `--y` is the target
    /// itself for one output, and numbers the classes `0..outputs` for more. No targets fit every network.
    ///
    /// # Errors
    /// [`Error::Shape`] where data and network do not fit; [`Error::Data`] where a label is none of `0..outputs`.
    pub fn fit(&mut self, input: &[usize], outputs: usize) -> Result<()> {
        let row = fit_row(&self.inputs, input, &self.name)?;
        self.fit_targets(outputs)?;
        let parts = self.test.iter_mut().map(|part| &mut part.inputs);
        for inputs in std::iter::once(&mut self.inputs).chain(parts) {
            // INVARIANT: `fit_row` has compared the counts.
            inputs.shape.truncate(1);
            inputs.shape.extend(&row);
        }
        Ok(())
    }

    fn fit_targets(&mut self, outputs: usize) -> Result<()> {
        if let (Some(path), true) = (&self.unnumbered, outputs > 1) {
            let labels = number(&self.targets, outputs, path)?;
            self.targets = one_hot(&labels, outputs)?;
            self.labels = Some(labels);
            self.classes = outputs;
            self.class_names = (0..outputs).map(|class| class.to_string()).collect();
            self.unnumbered = None;
        }
        if self.classes == 2 && outputs == 2 {
            let parts = self.test.iter_mut().map(|p| (&p.labels, &mut p.targets));
            for (labels, targets) in std::iter::once((&self.labels, &mut self.targets)).chain(parts) {
                if let Some(labels) = labels {
                    *targets = one_hot(labels, 2)?;
                }
            }
        }
        let found = self.targets.row_len();
        if found != outputs && found > 0 {
            let remedy = match self.classes {
                0 => format!("give the network {found} outputs"),
                k => format!("give the network {found} outputs for {k} classes, or choose others with --classes"),
            };
            return Err(Error::Shape {
                what: format!("a target of {}", self.name),
                expected: vec![outputs],
                found: vec![found],
                remedy,
            });
        }
        Ok(())
    }
}

/// Targets of classes: one column of -1 and +1 for two, one-hot for more.
fn encode(labels: &[usize], classes: usize) -> Result<Array<f64>> {
    match classes {
        2 => Array::new([labels.len(), 1], labels.iter().map(|&l| if l == 0 { -1.0 } else { 1.0 }).collect()),
        _ => one_hot(labels, classes),
    }
}

/// Targets with a 1 in the column of the class. Labels are below `classes`.
fn one_hot(labels: &[usize], classes: usize) -> Result<Array<f64>> {
    let mut targets = Array::full([labels.len(), classes], 0.0)?;
    for (row, &label) in targets.data.chunks_mut(classes.max(1)).zip(labels) {
        row[label] = 1.0;
    }
    Ok(targets)
}

/// The classes, where every row is one 1 among zeros.
fn classes_of_one_hot(targets: &Array<f64>) -> Option<Vec<usize>> {
    if targets.row_len() < 2 {
        return None;
    }
    let class = |row: &[f64]| {
        let at = row.iter().position(|&x| x == 1.0)?;
        row.iter().enumerate().all(|(k, &x)| k == at || x == 0.0).then_some(at)
    };
    targets.data.chunks(targets.row_len()).map(class).collect()
}

/// One column of numbers as classes of a network with so many outputs.
fn number(column: &Array<f64>, outputs: usize, path: &Path) -> Result<Vec<usize>> {
    let class = |(row, &x): (usize, &f64)| {
        let what = match whole_number(x) {
            None => format!("has label {x} in row {row} (from 0), which is not a class"),
            Some(k) => match usize::try_from(k).ok().filter(|&k| k < outputs) {
                Some(k) => return Ok(k),
                None => format!("has label {k} in row {row} (from 0), outside 0..{}", outputs - 1),
            },
        };
        let remedy = format!("number the classes from 0 to {}, or give targets as [n, {outputs}]", outputs - 1);
        Err(Error::data(path, what, remedy))
    };
    let labels: Vec<usize> = column.data.iter().enumerate().map(class).collect::<Result<_>>()?;
    match labels.first() {
        Some(first) if labels.len() > 1 && labels.iter().all(|label| label == first) => Err(Error::data(
            path,
            format!("holds only one class, `{first}`, from row 0 to the last"),
            "give at least two classes, or leave --y out",
        )),
        _ => Ok(labels),
    }
}

/// The shape samples take for a network of this input, if they can.
fn fit_row(inputs: &Array<f64>, input: &[usize], name: &str) -> Result<Vec<usize>> {
    let found = &inputs.shape[1..];
    let long = |shape: &[usize]| shape.iter().copied().filter(|&d| d != 1).collect::<Vec<_>>();
    let same_count = crate::array::elements(input) == Some(inputs.row_len());
    // Between two shapes of several axes only the same axes mean the same: [3, 32, 32] is not [32, 32, 3].
    let (a, b) = (long(found), long(input));
    if same_count && (a.len() < 2 || b.len() < 2 || a == b) {
        return Ok(input.to_vec());
    }
    let remedy = if same_count {
        "put the axes of the data in the order height, width, channels".to_owned()
    } else {
        match found {
            [_] => format!("give the model input = {found:?}"),
            axes => format!("give the model {} inputs, as [{0}] or {axes:?}", inputs.row_len()),
        }
    };
    Err(Error::Shape { what: format!("a sample of {name}"), expected: input.to_vec(), found: found.to_vec(), remedy })
}

/// Adds an array's shape and, for every block of its numbers, the block's own hash: threads hash blocks side by side.
fn digest(hash: &mut Sha256, array: &Array<f64>) {
    const BLOCK: usize = 1 << 15;
    hash.update((array.rank() as u64).to_le_bytes());
    array.shape.iter().for_each(|&d| hash.update((d as u64).to_le_bytes()));
    let block = |numbers: &[f64]| {
        let mut bytes = Vec::new();
        Element::put(numbers, &mut bytes);
        Sha256::digest(&bytes)
    };
    let blocks: Vec<_> = array.data.par_chunks(BLOCK).map(block).collect();
    blocks.iter().for_each(|block| hash.update(block));
}

/// The number of samples a source holds and the shape of one, for lists of sources.
///
/// # Errors
/// As [`Dataset::load`].
pub fn describe(source: &Source) -> Result<(usize, Vec<usize>, usize)> {
    let records: Records = source.read(None)?;
    let shape = records.inputs.shape();
    Ok((shape[0], shape[1..].to_vec(), records.class_names().len()))
}

/// SHA-256 of all samples of a source and their labels or targets, in hexadecimal: equal data, wherever it is kept.
///
/// # Errors
/// As [`Dataset::load`].
///
/// # Cost
/// The source is read, and every number hashed once.
pub fn source_digest(source: &Source) -> Result<String> {
    let records: Records = source.read(None)?;
    let mut hash = Sha256::new_with_prefix(b"ntk source 1\n");
    match &records.inputs {
        Inputs::Reals(inputs) => digest(&mut hash, inputs),
        Inputs::Bytes(inputs) => {
            inputs.shape.iter().for_each(|&d| hash.update((d as u64).to_le_bytes()));
            inputs.data.par_chunks(1 << 20).map(Sha256::digest).collect::<Vec<_>>().iter().for_each(|d| hash.update(d));
        }
    }
    match &records.labels {
        Labels::Targets(targets) => digest(&mut hash, targets),
        Labels::Classes { labels, names } => {
            labels.iter().for_each(|&label| hash.update((label as u64).to_le_bytes()));
            names.iter().for_each(|name| hash.update(name.as_bytes()));
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
