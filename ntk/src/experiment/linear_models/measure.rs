//! What each piece measures.

use super::Chosen;
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

/// A loss that so much of the first is left of moves nothing any more.
const SETTLED: f64 = 1e-6;
/// Times at which ensembles are compared.
pub(super) const TIMES: [f64; 4] = [0.0, 10.0, 100.0, 1000.0];

/// Samples and targets.
pub(super) struct Data {
    pub(super) x: Array<f64>,
    pub(super) y: Array<f64>,
    pub(super) x_test: Array<f64>,
}

impl Data {
    pub(super) fn of(of: &Chosen, lab: &Lab<'_>) -> Result<Self> {
        let selection = Selection {
            n: Some(of.samples),
            test: of.test_samples,
            classes: of.classes.clone(),
            normalize: Normalize::Standard,
            seed: lab::seed(of.seed, Role::Data, 0),
        };
        let found = lab.dataset(&of.data, &selection)?;
        let test = found.test.ok_or_else(|| Error::Bug("no test part".into()))?.inputs;
        let flat = |x: Array<f64>| {
            let shape = [x.rows(), x.row_len()];
            x.reshape(shape)
        };
        Ok(Self { x: flat(found.inputs)?, y: found.targets, x_test: flat(test)? })
    }
}

/// Three hidden layers of ReLU.
fn rectifier(inputs: usize, width: usize) -> Result<Architecture> {
    Ok(Architecture::parse(&format!("mlp:{inputs}-{width}x3-1:relu,b_std=0.1"))?)
}

/// Two hidden layers of erf, `W_std^2 = 1.5`, `b_std^2 = 0.1`.
pub(super) fn sigmoidal(inputs: usize, width: usize) -> Result<Architecture> {
    let (w, b) = (1.5_f64.sqrt(), 0.1_f64.sqrt());
    Ok(Architecture::parse(&format!("mlp:{inputs}-{width}x2-1:erf,W_std={w},b_std={b}"))?)
}

fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum::<f64>().sqrt()
}

fn difference<'a>(a: &'a Array<f64>, b: &'a Array<f64>) -> impl Iterator<Item = f64> + 'a {
    a.data.iter().zip(&b.data).map(|(a, b)| a - b)
}

/// Relative changes of weights and kernel over trainings to the end, means over networks.
pub(super) fn movement(
    (width, seed, inits): (usize, u64, usize),
    of: &Chosen,
    (rate, steps): (f64, u64),
    lab: &Lab<'_>,
) -> Result<Record> {
    let data = Data::of(of, lab)?;
    let model = rectifier(data.x.row_len(), width)?;
    let descent = Descent::new(&model, &data.x, &data.y, rate, steps)?;
    let kernel = |weights: &[Array<f64>]| finite::kernel(&model, weights, &data.x, None, Outputs::Trace, lab);
    let mut names: Vec<String> = model.parameters()?.into_iter().map(|(name, _)| name).collect();
    names.extend(["kernel", "distance", "steps", "loss"].map(str::to_owned));
    let mut sums = vec![0.0; names.len()];
    for i in 0..inits {
        let start = finite::weights(&model, lab::seed(seed, Role::Init, i as u64))?;
        let before = kernel(&start)?;
        let (mut first, mut last, mut taken) = (f64::NAN, f64::NAN, 0);
        let end = descent.run(start.clone(), lab, &mut |step, _, loss| {
            first = if step == 0 { loss } else { first };
            (last, taken) = (loss, step);
            Ok(if loss <= SETTLED * first { Go::Out } else { Go::On })
        })?;
        let after = kernel(&end)?;
        let changes = start.iter().zip(&end).map(|(a, b)| norm(difference(b, a)) / norm(a.data.iter().copied()));
        let found = changes.chain([
            norm(difference(&after, &before)) / norm(before.data.iter().copied()),
            norm(start.iter().zip(&end).flat_map(|(a, b)| difference(b, a))),
            taken as f64,
            last,
        ]);
        sums.iter_mut().zip(found).for_each(|(sum, x)| *sum += x / inits as f64);
        (lab.progress)((i + 1) as f64 / inits as f64);
    }
    Ok(names.into_iter().zip(sums).fold(Record::default(), |record, (name, mean)| record.number(name, mean)))
}

/// Steps at which ensembles are looked at: those of [`TIMES`], and others between them.
fn steps(rate: f64, time: f64) -> Vec<u64> {
    let between = (0..).map(|i| 10.0_f64.powf(f64::from(i) / 4.0)).take_while(|t| *t < time);
    let times = between.chain(TIMES.into_iter().filter(|t| *t <= time)).chain([time]);
    let mut steps: Vec<u64> = times.map(|t| (t / rate).round() as u64).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// Means and variances of the outputs of the infinite ensemble on the test samples, `[times, m]`.
pub(super) fn limit(of: &Chosen, rate: f64, time: f64, lab: &Lab<'_>) -> Result<Record> {
    let data = Data::of(of, lab)?;
    let model = sigmoidal(data.x.row_len(), 1)?;
    let observer = Observer { progress: &|_| (), stop: lab.stop };
    let kernels = |x1: &Array<f64>, x2: Option<&Array<f64>>| -> Result<[Array<f64>; 2]> {
        let found = infinite::kernel(&model, x1, x2, Get::Both, lab.memory, &observer)?;
        match (found.ntk, found.nngp) {
            (Some(ntk), Some(nngp)) => Ok([ntk, nngp]),
            _ => Err(Error::Bug("the kernels asked for are missing".into())),
        }
    };
    let [theta, prior] = kernels(&data.x, None)?;
    let [theta_test, prior_test] = kernels(&data.x_test, Some(&data.x))?;
    let [_, prior_both] = kernels(&data.x_test, None)?;
    let regression = Regression::new(&theta, 1, 0.0)?;
    let dynamics = Dynamics::Descent { learning_rate: rate, momentum: 0.0 };
    let at: Vec<f64> = steps(rate, time).into_iter().map(|step| step as f64).collect();
    let (n, m) = (data.x.rows(), data.x_test.rows());
    let (zero, zero_test) = (Array::full([n, 1], 0.0)?, Array::full([m, 1], 0.0)?);
    let test = Test { start: &zero_test, kernel: &theta_test };
    let mean = regression.predict(dynamics, &at, &zero, &data.y, Some(test))?.test;
    let mean = mean.ok_or_else(|| Error::Bug("the prediction asked for is missing".into()))?;
    let covariance = regression.covariance(dynamics, &at, &theta_test, &prior, &prior_test, &prior_both)?;
    let shape = [at.len(), m];
    let variance = covariance.data.chunks_exact(m * m).flat_map(|of| (0..m).map(move |i| of[i * m + i])).collect();
    // The share of the first direction in the spread at the start: how much the errors of means go together.
    let values = crate::spectral::dense::eigenvalues(&covariance.data[..m * m], m)?;
    Ok(Record::default()
        .number("largest_rate", regression.max_learning_rate(0.0))
        .number("first_share", values[0] / values.iter().sum::<f64>())
        .curve("times", at.iter().map(|step| step * rate).collect())
        .array("mean", mean.reshape(shape)?)
        .array("variance", Array::new(shape, variance)?))
}

/// Outputs of the networks on the test samples, `[inits, times, m]`, and how far each strays from its linearization.
pub(super) fn ensemble(
    (width, seed, inits): (usize, u64, usize),
    of: &Chosen,
    (rate, time): (f64, f64),
    lab: &Lab<'_>,
) -> Result<Record> {
    let data = Data::of(of, lab)?;
    let model = sigmoidal(data.x.row_len(), width)?;
    let at = steps(rate, time);
    let m = data.x_test.rows();
    let descent = Descent::new(&model, &data.x, &data.y, rate, at.last().copied().unwrap_or(0))?;
    let (mut outputs, mut strays) = (Vec::new(), Vec::new());
    for i in 0..inits {
        let weights = finite::weights(&model, lab::seed(seed, Role::Init, i as u64))?;
        let linear = linearized(&model, &weights, &data, rate, &at, lab)?;
        let mut found = Vec::with_capacity(at.len() * m);
        descent.run(weights, lab, &mut |step, weights, _| {
            if at.binary_search(&step).is_ok() {
                found.extend(predict::outputs(&model, weights, &data.x_test)?.data);
            }
            Ok(Go::On)
        })?;
        let start = &found[..m];
        for (f, l) in found.chunks_exact(m).zip(linear.data.chunks_exact(m)) {
            let off = norm(f.iter().zip(l).map(|(f, l)| f - l));
            let moved = norm(f.iter().zip(start).map(|(f, s)| f - s));
            strays.push(if moved > 0.0 { off / moved } else { 0.0 });
        }
        outputs.extend(found);
        (lab.progress)((i + 1) as f64 / inits as f64);
    }
    let shape = [inits, at.len(), m];
    let strays = Array::new([inits, at.len()], strays)?;
    Ok(Record::default().array("outputs", Array::new(shape, outputs)?).array("strays", strays))
}

/// What the linearization of a network says of the test samples after these steps, `[times, m]`: in closed form.
pub(super) fn linearized(
    model: &Architecture,
    weights: &[Array<f64>],
    data: &Data,
    rate: f64,
    steps: &[u64],
    lab: &Lab<'_>,
) -> Result<Array<f64>> {
    let kernel = |x1, x2| finite::kernel(model, weights, x1, x2, Outputs::Trace, lab);
    let (own, cross) = (kernel(&data.x, None)?, kernel(&data.x_test, Some(&data.x))?);
    let start = predict::outputs(model, weights, &data.x)?;
    let start_test = predict::outputs(model, weights, &data.x_test)?;
    let dynamics = Dynamics::Descent { learning_rate: rate, momentum: 0.0 };
    let at: Vec<f64> = steps.iter().map(|&step| step as f64).collect();
    let test = Test { start: &start_test, kernel: &cross };
    let found = Regression::new(&own, 1, 0.0)?.predict(dynamics, &at, &start, &data.y, Some(test))?.test;
    let found = found.ok_or_else(|| Error::Bug("the prediction asked for is missing".into()))?;
    found.reshape([steps.len(), data.x_test.rows()])
}
