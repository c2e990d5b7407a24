//! Gradient descent on all samples: what it measures on its way, and where the best learning rate is.

use autodiff::{Float, Real};

use super::network::{Param, samples};
use super::{Descent, Transfer};
use crate::array::Array;
use crate::error::{Error, Result};
use crate::experiment::{Lab, Record, Role, lab};
use crate::loss::Loss;
use crate::metric::{Metrics, Options, Probe};
use crate::model::Architecture;
use crate::train::{self, Batch, Optimizer, Samples, State, Trainer};

/// Relative residual of an eigenvalue: the value itself is then known to its square.
const TOLERANCE: f64 = 5e-3;

/// First weights with their names.
pub(super) struct Start<R> {
    pub(super) names: Vec<String>,
    pub(super) weights: Vec<Array<R>>,
}

/// The first weights of a seed.
pub(super) fn start<R: Float>(model: &Architecture, seed: u64) -> Result<Start<R>> {
    let drawn = model.init_as(lab::seed(seed, Role::Init, 0), <R as Real>::from_f64)?;
    let (names, weights) = drawn.into_iter().map(|(name, shape, data)| (name, Array { shape, data })).unzip();
    Ok(Start { names, weights })
}

fn settings(model: &Architecture, rate: f64) -> Result<train::Settings> {
    let rates = train::rates(model, Optimizer::GRADIENT_DESCENT)?;
    Ok(train::Settings { rates: rates.clone(), ..train::Settings::gradient_descent(rate, rates.len()) })
}

fn network(of: super::network::Shape, samples: &Samples<f32>, param: Param) -> Architecture {
    let outputs = match &samples.targets {
        crate::loss::Targets::Values(values) => values.row_len(),
        crate::loss::Targets::Classes(_) => 1,
    };
    of.network(samples.inputs.row_len(), outputs, param)
}

/// Whether a training came to numbers that are none; its rest is then a gap.
fn diverged(error: &Error) -> bool {
    matches!(error, Error::Numerics { .. } | Error::Overflow { .. })
}

/// Loss and sharpness over the steps; NaN from where it diverges.
pub(super) fn run(descent: &Descent, lab: &Lab<'_>) -> Result<Record> {
    let data = samples(lab, &descent.data, descent.seed, descent.samples)?;
    let model = network(descent.shape, &data, descent.param);
    let start = start::<f32>(&model, descent.seed)?;
    let task = train::Task::new(&model, &data, Loss::MeanSquaredError, &start.names)?;
    let state = State::new(start.weights.clone(), Optimizer::GRADIENT_DESCENT);
    let mut trainer = Trainer::new(task, settings(&model, descent.rate)?, state, lab.stop)?;
    let options = Options {
        start: &start.weights,
        names: &start.names,
        classes: false,
        test: false,
        eigenvalues: 0,
        seed: lab::seed(descent.seed, Role::Probe, 0),
        tolerance: TOLERANCE,
        products: 200,
        memory: lab.memory / 2,
    };
    let probe = Probe {
        inputs: Array::new(data.inputs.shape.clone(), data.inputs.data.clone())?,
        targets: Array::full([0], 0.0)?,
    };
    let mut names = vec!["loss", "preconditioned-sharpness"];
    if descent.split {
        names.push("gauss-newton");
    }
    let mut metrics = Metrics::new(&names, &options, None, probe)?;
    let columns = metrics.columns();
    let mut curves = vec![Vec::new(); columns.len()];
    let (mut steps, mut lost) = (Vec::new(), false);
    for step in 0..=descent.steps {
        if step.is_multiple_of(descent.every) || step == descent.steps {
            let values = match lost {
                true => vec![None; columns.len()],
                false => match metrics.measure(&mut trainer) {
                    Ok(row) => row.values,
                    Err(error) if diverged(&error) => {
                        lost = true;
                        vec![None; columns.len()]
                    }
                    Err(error) => return Err(error),
                },
            };
            steps.push(step as f64);
            curves.iter_mut().zip(values).for_each(|(curve, value)| curve.push(value.unwrap_or(f64::NAN)));
            (lab.progress)(step as f64 / descent.steps.max(1) as f64);
        }
        if step < descent.steps && !lost {
            match trainer.step() {
                Err(error) if diverged(&error) => lost = true,
                other => drop(other?),
            }
        }
    }
    let record = Record::default().curve("step", steps);
    Ok(columns.into_iter().zip(curves).fold(record, |record, (name, curve)| record.curve(name, curve)))
}

/// The loss after so many steps, for each learning rate; infinite where it diverges.
pub(super) fn transfer(transfer: &Transfer, lab: &Lab<'_>) -> Result<Record> {
    let data = samples(lab, &transfer.data, transfer.seed, transfer.samples)?;
    let model = network(transfer.shape, &data, transfer.param);
    let start = start::<f32>(&model, transfer.seed)?;
    let mut losses = Vec::new();
    for (i, &rate) in transfer.rates.iter().enumerate() {
        let task = train::Task::new(&model, &data, Loss::MeanSquaredError, &start.names)?;
        let state = State::new(start.weights.clone(), Optimizer::GRADIENT_DESCENT);
        let mut trainer = Trainer::new(task, settings(&model, rate)?, state, lab.stop)?;
        let mut last = || -> Result<f64> {
            (0..transfer.steps).try_for_each(|_| trainer.step().map(drop))?;
            Ok(trainer.task().value(&trainer.state().weights, Batch::All, lab.stop)?.loss)
        };
        losses.push(match last() {
            Err(error) if diverged(&error) => f64::INFINITY,
            other => other?,
        });
        (lab.progress)((i + 1) as f64 / transfer.rates.len() as f64);
    }
    Ok(Record::default().curve("rate", transfer.rates.clone()).curve("loss", losses))
}
