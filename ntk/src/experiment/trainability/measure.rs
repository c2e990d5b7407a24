//! Kernels by depth, their spectra, and what is learnt by them.

use rand::seq::SliceRandom;

use super::Case;
use crate::array::Array;
use crate::data::{Normalize, Selection};
use crate::error::{Error, Result};
use crate::experiment::lab::{self, Role};
use crate::experiment::{Lab, Record};
use crate::infinite::Deep;
use crate::infinite::phase::{FixedPoint, Layers};
use crate::predict::{Dynamics, Regression, Test, posterior};
use crate::spectral::dense::eigenvalues;
use crate::statistics::{mean, median};

/// What labels are lessened by: the mean of one-hot rows of ten classes.
const SHIFT: f64 = 0.1;

/// Seed, data set, samples, test samples.
type Asked<'a> = (u64, &'a str, usize, usize);

/// Depths at which accuracies are measured: closer where less happens.
pub(super) fn depths(deepest: usize) -> Vec<usize> {
    (1..10).chain((10..40).step_by(2)).chain((40..).step_by(5)).take_while(|&l| l <= deepest).collect()
}

/// Samples by what their pairs lack to a cosine of 1, and their labels.
struct Data {
    n: usize,
    m: usize,
    /// Of pairs of samples `i < j`, then of test samples and samples.
    lacks: Vec<f64>,
    labels: [Vec<usize>; 2],
    /// `[n, classes]`: one-hot less [`SHIFT`].
    targets: Array<f64>,
}

impl Data {
    fn of((seed, data, n, m): Asked<'_>, lab: &Lab<'_>) -> Result<Self> {
        let found = lab.dataset(data, &Selection { normalize: Normalize::None, ..Selection::default() })?;
        let none = || Error::usage(format!("{data} has no classes"), "set data to one that has, such as digits");
        let all = found.labels.as_ref().ok_or_else(none)?;
        if n + m > all.len() {
            let what = format!("{n} + {m} samples are asked for, {data} has {}", all.len());
            return Err(Error::usage(what, "lower samples or test_samples"));
        }
        // Drawn as they come: a draw with as many samples of each class would hide the collapse, in which all samples are
        // given the class that has most.
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.shuffle(&mut lab::stream(seed, Role::Data));
        let [train, test] = [&order[..n], &order[n..n + m]];
        let label = |rows: &[usize]| rows.iter().map(|&row| all[row]).collect::<Vec<_>>();
        let labels = [label(train), label(test)];
        let (mut inputs, mut others) = (found.inputs.select_rows(train)?, found.inputs.select_rows(test)?);
        let (shift, scale) = (mean(&inputs.data), deviation(&inputs.data));
        inputs.data.iter_mut().chain(&mut others.data).for_each(|x| *x = (*x - shift) / scale);
        let (x, x_test) = (directions(&inputs)?, directions(&others)?);
        let mut lacks = Vec::with_capacity(n * (n - 1) / 2 + n * m);
        for i in 0..n {
            lacks.extend((i + 1..n).map(|j| lack(&x[i], &x[j])));
        }
        for a in &x_test {
            lacks.extend(x.iter().map(|b| lack(a, b)));
        }
        let classes = found.classes;
        let one_hot = labels[0]
            .iter()
            .flat_map(|&label| (0..classes).map(move |class| if class == label { 1.0 - SHIFT } else { -SHIFT }));
        Ok(Self { n, m, lacks, targets: Array::new([n, classes], one_hot.collect())?, labels })
    }

    /// The kernels of all pairs at the start: inputs scaled to the variance `q`.
    fn deep(&self, layers: Layers, q: f64) -> Result<Deep> {
        Deep::new(layers, q, self.lacks.iter().map(|lack| q * lack).collect())
    }

    /// The kernels `[n, n]` and `[m, n]`.
    fn kernels(&self, deep: &Deep) -> Result<[Array<f64>; 2]> {
        let (n, m) = (self.n, self.m);
        let mut train = Array::full([n, n], deep.diagonal())?;
        let mut pairs = deep.theta().iter();
        for i in 0..n {
            for (j, &theta) in (i + 1..n).zip(pairs.by_ref()) {
                train.data[i * n + j] = theta;
                train.data[j * n + i] = theta;
            }
        }
        Ok([train, Array::new([m, n], pairs.copied().collect())?])
    }
}

/// The root mean square distance from the mean.
fn deviation(x: &[f64]) -> f64 {
    let centre = mean(x);
    (x.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / x.len() as f64).sqrt()
}

/// Rows of norm 1.
fn directions(x: &Array<f64>) -> Result<Vec<Vec<f64>>> {
    let rows = x.data.chunks_exact(x.row_len().max(1));
    rows.enumerate()
        .map(|(i, row)| {
            let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            if norm > 0.0 {
                return Ok(row.iter().map(|x| x / norm).collect());
            }
            Err(Error::usage(format!("sample {i} is zero and has no direction"), "choose other data or another seed"))
        })
        .collect()
}

/// `1 - <a, b>` of directions, as half the square of their difference, which keeps its digits.
fn lack(a: &[f64], b: &[f64]) -> f64 {
    (0.5 * a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>()).min(2.0)
}

fn fixed_point(layers: &Layers) -> Result<FixedPoint> {
    layers.fixed_point()?.ok_or_else(|| {
        let Layers { activation, weight, bias } = layers;
        Error::usage(
            format!("variances of {} vanish or grow at W_std^2 = {weight}, b_std^2 = {bias}", activation.name()),
            "choose variances of weights and biases with a fixed point",
        )
    })
}

/// At each depth: the kernel's diagonal, the mean of the rest, the extreme eigenvalues and the median, and the size of the
/// predictor, applied to centred labels.
pub(super) fn depths_of(case: Case, asked: Asked<'_>, depths: &[usize], lab: &Lab<'_>) -> Result<Record> {
    let layers = case.layers()?;
    let fixed = fixed_point(&layers)?;
    let data = Data::of(asked, lab)?;
    let centred = centred(&data.targets)?;
    let mut deep = data.deep(layers, fixed.variance)?;
    let mut curves: [Vec<f64>; 6] = Default::default();
    let last = depths.last().copied().unwrap_or(0);
    for &depth in depths {
        while deep.depth() < depth {
            deep.step()?;
            if deep.depth().is_multiple_of(64) {
                lab.check()?;
                (lab.progress)(deep.depth() as f64 / last as f64);
            }
        }
        let [train, test] = data.kernels(&deep)?;
        let values = eigenvalues(&train.data, data.n)?;
        let pairs = data.n * (data.n - 1) / 2;
        let predicted = posterior(&train, &test, None, &centred, 0.0)?.mean;
        let size = (predicted.data.iter().map(|p| p * p).sum::<f64>() / data.m as f64).sqrt();
        let found =
            [deep.diagonal(), mean(&deep.theta()[..pairs]), values[0], median(&values), values[data.n - 1], size];
        curves.iter_mut().zip(found).for_each(|(curve, x)| curve.push(x));
    }
    let mut record = Record::default()
        .number("points", data.n as f64)
        .number("weight", layers.weight)
        .number("variance", fixed.variance)
        .number("chi_1", fixed.chi_1)
        .number("correlation", fixed.correlation)
        .number("chi_c", fixed.chi_c)
        .curve("depths", depths.iter().map(|&l| l as f64).collect());
    for (name, curve) in
        ["diagonal", "off_diagonal", "largest", "bulk", "smallest", "predictor"].into_iter().zip(curves)
    {
        record = record.curve(name, curve);
    }
    Ok(record)
}

/// Columns less their means.
fn centred(targets: &Array<f64>) -> Result<Array<f64>> {
    let (n, classes) = (targets.rows(), targets.row_len());
    let means: Vec<f64> =
        (0..classes).map(|c| targets.data.iter().skip(c).step_by(classes).sum::<f64>() / n as f64).collect();
    Array::new([n, classes], targets.data.iter().enumerate().map(|(i, y)| y - means[i % classes]).collect())
}

/// `[depths, times]`: accuracies of gradient flow, on the samples and on others.
pub(super) fn accuracy(
    layers: Layers,
    asked: Asked<'_>,
    deepest: usize,
    times: &[f64],
    lab: &Lab<'_>,
) -> Result<Record> {
    let fixed = fixed_point(&layers)?;
    let data = Data::of(asked, lab)?;
    let classes = data.targets.row_len();
    let (zero, zero_test) = (Array::full([data.n, classes], 0.0)?, Array::full([data.m, classes], 0.0)?);
    let mut deep = data.deep(layers, fixed.variance)?;
    let depths = depths(deepest);
    let (mut on_train, mut on_test) = (Vec::new(), Vec::new());
    for &depth in &depths {
        while deep.depth() < depth {
            lab.check()?;
            deep.step()?;
        }
        let [train, test] = data.kernels(&deep)?;
        let regression = Regression::new(&train, classes, 0.0)?;
        // A step of the loss 1/2 sum (f - y)^2 at learning rate 1/lambda_max; the flow's time is divided by n o.
        let largest = regression.eigenvalues().last().copied().unwrap_or(1.0);
        let unit = (data.n * classes) as f64 / largest;
        let flow: Vec<f64> = times.iter().map(|t| t * unit).collect();
        let test = Test { start: &zero_test, kernel: &test };
        let found = regression.predict(Dynamics::Flow, &flow, &zero, &data.targets, Some(test))?;
        on_train.extend(right(&found.train, &data.labels[0]));
        on_test.extend(found.test.iter().flat_map(|test| right(test, &data.labels[1])));
        (lab.progress)(depth as f64 / deepest as f64);
    }
    let shape = [depths.len(), times.len()];
    Ok(Record::default()
        .number("chi_1", fixed.chi_1)
        .number("depth_scale", fixed.depth_scale())
        .curve("depths", depths.iter().map(|&l| l as f64).collect())
        .array("train", Array::new(shape, on_train)?)
        .array("test", Array::new(shape, on_test)?))
}

/// The share of rows whose largest output is that of their class, at each time. Of equal outputs the first counts.
fn right(outputs: &Array<f64>, labels: &[usize]) -> Vec<f64> {
    let classes = outputs.shape.last().copied().unwrap_or(1);
    let largest = |row: &[f64]| (0..classes).fold(0, |best, k| if row[k] > row[best] { k } else { best });
    let of_time = |of: &[f64]| {
        let right = of.chunks_exact(classes).zip(labels).filter(|(row, label)| largest(row) == **label).count();
        right as f64 / labels.len() as f64
    };
    outputs.data.chunks_exact(classes * labels.len()).map(of_time).collect()
}
