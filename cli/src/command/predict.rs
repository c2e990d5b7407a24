//! `ntk predict`: training in function space.

mod course;
mod kernels;
mod outcome;

use std::time::Instant;

use autodiff::Float;
use ntk::array::Array;
use ntk::data::Element;
use ntk::predict::{CrossEntropyFlow, Dynamics, Predictions, Probabilities, Regression, Test};

use super::inputs::{Inputs, Limits};
use crate::args::{self, Dtype, PredictLoss};
use crate::failure::Outcome;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;
use course::Course;
use kernels::Kernels;

/// What is predicted, and how.
struct Job<'a> {
    arguments: &'a args::Predict,
    inputs: Inputs,
    limits: Limits,
    dynamics: Dynamics,
}

/// What was predicted.
struct Predicted {
    predictions: Predictions,
    covariance: Option<Array<f64>>,
    regression: Option<Regression>,
    /// What is drawn.
    course: Option<Course>,
    /// Seconds by phase.
    seconds: Vec<(&'static str, f64)>,
}

/// Runs the command.
pub(crate) fn run(arguments: &args::Predict) -> Outcome {
    let signals = Signals::listen(arguments.output.format == args::Format::Json);
    let mut inputs = Inputs::read(&arguments.network, &arguments.data, &arguments.second)?;
    if inputs.targets().is_none() {
        return Err(ntk::Error::usage(
            "the samples have no targets to train on",
            "give them with --y, or name a data set with --data",
        )
        .into());
    }
    let limits = inputs.limits(&arguments.machine);
    let dynamics = match arguments.lr {
        None => Dynamics::Flow,
        Some(learning_rate) => Dynamics::Descent { learning_rate, momentum: arguments.momentum },
    };
    let mut job = Job { arguments, inputs, limits, dynamics };
    signals.check()?;
    let single = match &arguments.kernel_file {
        Some(path) => kernels::is_single(path)?,
        None => job.inputs.dtype == Dtype::F32,
    };
    limits.install(|| if single { run_as::<f32>(&mut job, &signals) } else { run_as::<f64>(&mut job, &signals) })
}

fn run_as<R: Float + Element>(job: &mut Job<'_>, signals: &Signals) -> Outcome {
    let mut seconds = vec![("load", job.inputs.loaded.as_secs_f64())];
    kernels::check(job)?;
    signals.hold(OutputFolder::create(job.arguments.output.out.clone(), "predict")?);
    let start = Instant::now();
    let kernels = Kernels::<R>::make(job, signals)?;
    seconds.push(("kernels", start.elapsed().as_secs_f64()));
    signals.check()?;
    let mut predicted = predict(job, &kernels)?;
    seconds.append(&mut predicted.seconds);
    predicted.seconds = seconds;
    drop(kernels);
    outcome::store(job, predicted, signals.release()?)
}

fn predict<R: Float + Element>(job: &Job<'_>, kernels: &Kernels<R>) -> Result<Predicted, ntk::Error> {
    let targets = &job.inputs.data.targets;
    let o = targets.row_len();
    let times = &job.arguments.times;
    let test = kernels.test.as_ref().map(|test| Test { start: &test.start, kernel: &test.kernel });
    let start = Instant::now();
    if job.arguments.loss == PredictLoss::Ce {
        let flow = CrossEntropyFlow::default();
        let targets = Probabilities(targets);
        let ridge = job.arguments.ridge;
        let predictions = flow.predict(&kernels.train, ridge, times, &kernels.start, targets, test)?;
        let seconds = vec![("predictions", start.elapsed().as_secs_f64())];
        return Ok(Predicted { predictions, covariance: None, regression: None, course: None, seconds });
    }
    let regression = Regression::new(&kernels.train, o, job.arguments.ridge)?;
    let solved = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let predictions = regression.predict(job.dynamics, times, &kernels.start, targets, test)?;
    let predicted = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let covariance = match (&kernels.prior, &kernels.test) {
        (Some(prior), Some(test)) => Some(match &prior.nngp {
            None => regression.nngp_covariance(job.dynamics, times, &test.kernel, &prior.both)?,
            Some((train, of_test)) => {
                regression.covariance(job.dynamics, times, &test.kernel, train, of_test, &prior.both)?
            }
        }),
        _ => None,
    };
    let course = match job.arguments.output.no_report {
        true => None,
        false => Course::new(job, kernels, &regression)?,
    };
    let seconds =
        vec![("eigenvectors", solved), ("predictions", predicted), ("covariance", start.elapsed().as_secs_f64())];
    Ok(Predicted { predictions, covariance, regression: Some(regression), course, seconds })
}
