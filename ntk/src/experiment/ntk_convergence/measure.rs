//! What each piece measures.

use std::f64::consts::PI;

use super::{DEPTH, Piece};
use crate::array::Array;
use crate::contraction::{Observer, Outputs};
use crate::data::{Normalize, Selection};
use crate::error::{Error, Result};
use crate::experiment::finite::{self, Descent, Go};
use crate::experiment::lab::{self, Role};
use crate::experiment::{Lab, Record};
use crate::infinite::{self, Get};
use crate::model::Architecture;
use crate::predict::{self, Dynamics, Regression, Test};
use crate::spectral::dense::eigenvectors;

/// Angles of the four points that are learnt. They are none of the grid's.
const POINTS: [f64; 4] = [-2.2, -0.7, 0.8, 2.4];
/// The squared norm of a row of digits.
const SQUARE: f64 = 64.0;
/// What is learnt along the eigenvector, and what is left at first.
pub(super) const START: f64 = 0.5;
/// Times that curves are kept at.
const KEPT: usize = 40;
/// A loss that so much of the first is left of counts as zero.
const LEARNT: f64 = 1e-10;

/// The paper's network.
///
/// # Errors
/// A width that is none.
pub(super) fn network(inputs: usize, width: usize, bias: f64) -> Result<Architecture> {
    Ok(Architecture::parse(&format!("mlp:{inputs}-{width}x{}-1:relu,W_std=1,b_std={bias}", DEPTH - 1))?)
}

/// Points on the unit circle at these angles.
fn circle(angles: &[f64]) -> Result<Array<f64>> {
    Array::new([angles.len(), 2], angles.iter().flat_map(|&a| [a.cos(), a.sin()]).collect())
}

/// Angles evenly from -pi on.
pub(super) fn grid(angles: usize) -> Vec<f64> {
    (0..angles).map(|k| -PI + 2.0 * PI * k as f64 / angles as f64).collect()
}

/// `x_1 x_2` of each row.
fn product(x: &Array<f64>) -> Result<Array<f64>> {
    Array::new([x.rows(), 1], x.data.chunks_exact(2).map(|x| x[0] * x[1]).collect())
}

pub(super) fn measure(piece: &Piece, lab: &Lab<'_>) -> Result<Record> {
    match *piece {
        Piece::Limit { angles, bias } => limit(angles, bias, lab),
        Piece::Kernels { width, seed, inits, angles, bias } => kernels(width, seed, inits, angles, bias, lab),
        Piece::Trained { .. } => trained(piece, lab),
        Piece::Functions { .. } => functions(piece, lab),
        Piece::Spectrum { seed, ref data, samples, bias } => spectrum(seed, data, samples, bias, lab),
        Piece::Component { .. } => component(piece, lab),
    }
}

/// An infinite kernel `[n, m]`.
fn infinite(model: &Architecture, x: [&Array<f64>; 2], get: Get, lab: &Lab<'_>) -> Result<Array<f64>> {
    let observer = Observer { progress: &|_| (), stop: lab.stop };
    let second = (!std::ptr::eq(x[0], x[1])).then_some(x[1]);
    let found = infinite::kernel(model, x[0], second, get, lab.memory, &observer)?;
    found.ntk.or(found.nngp).ok_or_else(|| Error::Bug("the kernel asked for is missing".into()))
}

/// The kernel with the point at angle 0, and the outputs of trained ensembles: mean and deviation.
fn limit(angles: usize, bias: f64, lab: &Lab<'_>) -> Result<Record> {
    let model = network(2, 1, bias)?;
    let (x, first, points) = (circle(&grid(angles))?, circle(&[0.0])?, circle(&POINTS)?);
    let theta = infinite(&model, [&first, &x], Get::Ntk, lab)?;
    let [of_points, of_test] = [[&points, &points], [&x, &points]].map(|pair| infinite(&model, pair, Get::Ntk, lab));
    let (of_points, of_test) = (of_points?, of_test?);
    let regression = Regression::new(&of_points, 1, 0.0)?;
    let ends = [f64::INFINITY];
    let (none, zero) = (Array::full([POINTS.len(), 1], 0.0)?, Array::full([angles, 1], 0.0)?);
    let test = Test { start: &zero, kernel: &of_test };
    let mean = regression.predict(Dynamics::Flow, &ends, &none, &product(&points)?, Some(test))?.test;
    let prior = |pair| infinite(&model, pair, Get::Nngp, lab);
    let (own, cross, both) = (prior([&points, &points])?, prior([&x, &points])?, prior([&x, &x])?);
    let covariance = regression.covariance(Dynamics::Flow, &ends, &of_test, &own, &cross, &both)?;
    let deviation = (0..angles).map(|k| covariance.data[k * angles + k].max(0.0).sqrt()).collect();
    let mean = mean.ok_or_else(|| Error::Bug("the prediction asked for is missing".into()))?;
    Ok(Record::default().curve("theta", theta.data).curve("mean", mean.data).curve("deviation", deviation))
}

/// `[inits, angles]`: kernels with the point at angle 0.
fn kernels(width: usize, seed: u64, inits: usize, angles: usize, bias: f64, lab: &Lab<'_>) -> Result<Record> {
    let model = network(2, width, bias)?;
    let (x, first) = (circle(&grid(angles))?, circle(&[0.0])?);
    let mut rows = Vec::with_capacity(inits * angles);
    for i in 0..inits {
        let weights = finite::weights(&model, lab::seed(seed, Role::Init, i as u64))?;
        rows.extend(finite::kernel(&model, &weights, &first, Some(&x), Outputs::Trace, lab)?.data);
        (lab.progress)((i + 1) as f64 / inits as f64);
    }
    Ok(Record::default().array("theta", Array::new([inits, angles], rows)?))
}

/// The same before and after training.
fn trained(piece: &Piece, lab: &Lab<'_>) -> Result<Record> {
    let &Piece::Trained { width, seed, inits, angles, bias, samples, steps } = piece else { return Err(other(piece)) };
    let model = network(2, width, bias)?;
    let (x, first) = (circle(&grid(angles))?, circle(&[0.0])?);
    let inputs = Array::new([samples, 2], lab::normal(seed, Role::Data, 1, 2 * samples))?;
    let targets = product(&inputs)?;
    let descent = Descent::new(&model, &inputs, &targets, 1.0, steps as u64)?;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for i in 0..inits {
        let weights = finite::weights(&model, lab::seed(seed, Role::Init, i as u64))?;
        let kernel = |weights: &[Array<f64>]| finite::kernel(&model, weights, &first, Some(&x), Outputs::Trace, lab);
        before.extend(kernel(&weights)?.data);
        let end = descent.run(weights, lab, &mut |_, _, _| Ok(Go::On))?;
        after.extend(kernel(&end)?.data);
        (lab.progress)((i + 1) as f64 / inits as f64);
    }
    let shape = [inits, angles];
    Ok(Record::default().array("before", Array::new(shape, before)?).array("after", Array::new(shape, after)?))
}

/// `[inits, angles]`: outputs after training to the end.
fn functions(piece: &Piece, lab: &Lab<'_>) -> Result<Record> {
    let &Piece::Functions { width, seed, inits, angles, bias, rate, time } = piece else { return Err(other(piece)) };
    let model = network(2, width, bias)?;
    let (x, points) = (circle(&grid(angles))?, circle(&POINTS)?);
    let targets = product(&points)?;
    let descent = Descent::new(&model, &points, &targets, rate, (time / rate).ceil() as u64)?;
    let (mut rows, mut left, mut longest) = (Vec::new(), 0.0_f64, 0);
    for i in 0..inits {
        let weights = finite::weights(&model, lab::seed(seed, Role::Init, i as u64))?;
        let (mut first, mut last) = (f64::NAN, f64::NAN);
        let end = descent.run(weights, lab, &mut |step, _, loss| {
            first = if step == 0 { loss } else { first };
            (last, longest) = (loss, longest.max(step));
            Ok(if loss <= LEARNT * first { Go::Out } else { Go::On })
        })?;
        left = left.max(last / first);
        rows.extend(predict::outputs(&model, &end, &x)?.data);
        (lab.progress)((i + 1) as f64 / inits as f64);
    }
    let record = Record::default().array("outputs", Array::new([inits, angles], rows)?);
    Ok(record.number("loss_left", left).number("longest_time", rate * longest as f64))
}

/// Rows of digits of squared norm 64.
fn digits(seed: u64, data: &str, samples: usize, lab: &Lab<'_>) -> Result<Array<f64>> {
    let seed = lab::seed(seed, Role::Data, 0);
    let selection = Selection { n: Some(samples), normalize: Normalize::Rows, seed, ..Selection::default() };
    let found = lab.dataset(data, &selection)?.inputs;
    let flat = [found.rows(), found.row_len()];
    found.map(|x| SQUARE.sqrt() * x).reshape(flat)
}

/// The largest eigenvalues of the infinite kernel over samples, for the biases given and for biases of deviation 1.
fn spectrum(seed: u64, data: &str, samples: usize, bias: f64, lab: &Lab<'_>) -> Result<Record> {
    let x = digits(seed, data, samples, lab)?;
    let top = |bias: f64| {
        let kernel = infinite(&network(x.row_len(), 1, bias)?, [&x, &x], Get::Ntk, lab)?;
        let values = crate::spectral::dense::eigenvalues(&kernel.data, samples)?;
        Ok::<_, Error>(values.iter().take(10).map(|value| value / samples as f64).collect())
    };
    Ok(Record::default().curve("eigenvalues", top(bias)?).curve("eigenvalues_unit_bias", top(1.0)?))
}

/// What is left along the second eigenvector, and orthogonal to it, over time.
fn component(piece: &Piece, lab: &Lab<'_>) -> Result<Record> {
    let Piece::Component { width, seed, data, samples, bias, rate } = piece else { return Err(other(piece)) };
    let (x, n) = (digits(*seed, data, *samples, lab)?, *samples as f64);
    let model = network(x.row_len(), *width, *bias)?;
    let kernel = infinite(&model, [&x, &x], Get::Ntk, lab)?;
    let (values, vectors) = eigenvectors(&kernel.data, *samples)?;
    let lambda = values[1] / n;
    let v: Vec<f64> = vectors[1].iter().map(|v| v * n.sqrt()).collect();
    let weights = finite::weights(&model, lab::seed(*seed, Role::Init, 0))?;
    let start = predict::outputs(&model, &weights, &x)?;
    let targets: Vec<f64> = start.data.iter().zip(&v).map(|(f, v)| f + START * v).collect();
    let targets = Array::new([*samples, 1], targets)?;
    let steps = (2.0 / (lambda * rate)).ceil() as u64;
    let descent = Descent::new(&model, &x, &targets, *rate, steps)?;
    let (mut times, mut along, mut across, mut theory) = (vec![], vec![], vec![], vec![]);
    let (mut most, mut off) = (0.0_f64, 0.0_f64);
    let mut next = 0;
    descent.run(weights, lab, &mut |step, weights, _| {
        let f = predict::outputs(&model, weights, &x)?;
        let left: Vec<f64> = targets.data.iter().zip(&f.data).map(|(y, f)| y - f).collect();
        let g = left.iter().zip(&v).map(|(r, v)| r * v).sum::<f64>() / n;
        let h = (left.iter().zip(&v).map(|(r, v)| (r - g * v).powi(2)).sum::<f64>() / n).sqrt();
        let expected = START * (1.0 - rate * lambda).powi(step as i32);
        (most, off) = (most.max(h), off.max((g - expected).abs()));
        if step * KEPT as u64 >= next * steps {
            next += 1;
            times.push(step as f64 * rate * lambda);
            along.push(g);
            across.push(h);
            theory.push(expected);
            (lab.progress)(step as f64 / steps as f64);
        }
        Ok(Go::On)
    })?;
    let record = Record::default().number("lambda", lambda).number("steps", steps as f64);
    let record = record.number("most_across", most / START).number("off_theory", off);
    Ok(record.curve("times", times).curve("along", along).curve("across", across).curve("theory", theory))
}

fn other(piece: &Piece) -> Error {
    Error::Bug(format!("a measurement of another piece than {piece:?}"))
}
