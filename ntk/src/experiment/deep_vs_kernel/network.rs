//! The networks, their first weights and their data.

use autodiff::{Float, Real};

use crate::array::Array;
use crate::data::{Dataset, Normalize, Selection};
use crate::error::{Error, Result};
use crate::experiment::{Lab, Role, lab};
use crate::loss::Loss;
use crate::model::{Activation, Architecture, Dense, Layer, Parameterization};
use crate::train::Samples;

/// A rectifier network in the standard parameterization: weights of variance 2 over the fan-in, biases that begin at 0.
pub(super) fn network(inputs: usize, width: usize, hidden: usize, outputs: usize) -> Architecture {
    let dense = |out| {
        let (w_std, b_std, param) = (std::f64::consts::SQRT_2, Some(1.0), Parameterization::Standard);
        Layer::Dense(Dense { out, fan_in: None, w_std, b_std, param })
    };
    let pair = || [dense(width), Layer::Activation(Activation::Relu)];
    Architecture::new([inputs], (0..hidden).flat_map(|_| pair()).chain([dense(outputs)]).collect())
}

/// The names of the parameters, and the first weights of a seed.
pub(super) fn start<R: Float>(model: &Architecture, seed: u64) -> Result<(Vec<String>, Vec<Array<R>>)> {
    let drawn = model.init_as(lab::seed(seed, Role::Init, 0), <R as Real>::from_f64)?;
    let parts = drawn.into_iter().map(|(name, shape, mut data)| {
        if name.starts_with('b') {
            data.fill(R::ZERO);
        }
        (name, Array { shape, data })
    });
    Ok(parts.unzip())
}

/// Samples to train on and to test on, flattened, classes as one-hot rows.
pub(super) fn data(
    lab: &Lab<'_>,
    name: &str,
    [n, test]: [usize; 2],
    normalize: Normalize,
    seed: u64,
) -> Result<Dataset> {
    let seed = lab::seed(seed, Role::Data, 0);
    let mut set = lab.dataset(name, &Selection { n: Some(n), test, normalize, seed, ..Selection::default() })?;
    if set.classes < 2 {
        return Err(Error::usage(format!("{name} has no classes"), "take data with classes"));
    }
    set.fit(&[set.inputs.row_len()], set.classes)?;
    Ok(set)
}

/// The two parts of a data set for cross-entropy.
pub(super) fn parts(set: &Dataset) -> Result<[Samples<f32>; 2]> {
    let test = set.test.as_ref().ok_or_else(|| Error::Bug("data without a test part".into()))?;
    let loss = Loss::CrossEntropy;
    Ok([Samples::train(loss, set, set.classes)?, Samples::test(loss, test, set.classes)?])
}

/// Gives a share of the samples labels drawn from all classes alike; the right one may come up.
pub(super) fn spoil(set: &mut Dataset, share: f64, seed: u64) -> Result<()> {
    let n = set.inputs.rows();
    let [rank, class] = [1, 2].map(|place| lab::uniform(seed, Role::Data, place, n));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| rank[a].total_cmp(&rank[b]));
    let labels = set.labels.as_mut().ok_or_else(|| Error::Bug("labels to spoil, of data without".into()))?;
    for &row in &order[..(share * n as f64).round() as usize] {
        labels[row] = ((class[row] * set.classes as f64) as usize).min(set.classes - 1);
    }
    Ok(())
}

/// The share of rows whose largest entry is not at the label; NaN if a number is none.
pub(super) fn error(outputs: &Array<f64>, labels: &[u32]) -> f64 {
    if outputs.data.iter().any(|f| f.is_nan()) {
        return f64::NAN;
    }
    let wrong = classes(outputs).into_iter().zip(labels).filter(|(class, label)| *class != **label as usize).count();
    wrong as f64 / labels.len() as f64
}

/// Where the largest entry of each row is; of equal ones the first.
pub(super) fn classes(outputs: &Array<f64>) -> Vec<usize> {
    let row = |row: &[f64]| (0..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
    outputs.data.chunks_exact(outputs.row_len().max(1)).map(row).collect()
}
