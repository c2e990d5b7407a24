//! `ntk landscape`: the loss along directions in the space of the parameters.

mod outcome;

use std::path::Path;
use std::time::Instant;

use autodiff::Float;
use ntk::array::Array;
use ntk::data::Element;
use ntk::landscape::{difference, filter_normalized, slice, unflattened};
use ntk::operator::{Curvature, Matrix, Point, Recordings, Settings};
use ntk::params::Params;
use ntk::spectral::{Effort, End, lanczos};
use ntk::train::{Evaluation, Samples, Task};
use ntk::{Error, Result};

use crate::args::{self, Along, Dtype, Format};
use crate::command::curvature::loss_of;
use crate::command::inputs::{Inputs, Limits};
use crate::failure::Outcome;
use crate::render::progress::Progress;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;
use outcome::Finished;

/// A landscape to be looked at.
pub(crate) struct Job<'a> {
    pub(crate) typed: &'a args::Landscape,
    pub(crate) inputs: Inputs,
    pub(crate) limits: Limits,
    pub(crate) loss: ntk::loss::Loss,
    pub(crate) along: Along,
    /// Whether there are two directions.
    pub(crate) plane: bool,
    /// The coordinates along each direction.
    pub(crate) at: Vec<f64>,
}

/// Runs the command.
pub(crate) fn run(typed: &args::Landscape) -> Outcome {
    let signals = Signals::listen(typed.output.format == Format::Json);
    let mut inputs = Inputs::read(&typed.network, &typed.data, &typed.second)?;
    let limits = inputs.limits(&typed.machine);
    let along = typed.along.unwrap_or(if typed.to.is_some() { Along::Path } else { Along::Random });
    let plane = typed.plane || typed.and.is_some();
    let [from, to] = typed.range.unwrap_or(match (along, plane) {
        (Along::Path, false) => [0.0, 1.0],
        (Along::Path, true) => [-0.25, 1.25],
        _ => [-1.0, 1.0],
    });
    let points = typed.points.unwrap_or(if plane { 25 } else { 51 });
    if points < 2 {
        return Err(Error::usage(format!("--points {points} is no line"), "give at least 2").into());
    }
    // NUMERICS: so that the ends, and 0 and 1 where the points fall on them, are exactly these numbers.
    let at = (0..points).map(|k| {
        let t = k as f64 / (points - 1) as f64;
        let value = from * (1.0 - t) + to * t;
        if (value - value.round()).abs() < 1e-12 * (to - from) { value.round() } else { value }
    });
    let loss = loss_of(typed.loss.loss, &inputs);
    let mut job = Job { typed, limits, loss, along, plane, at: at.collect(), inputs };
    signals.check()?;
    limits.install(|| match job.inputs.dtype {
        Dtype::F32 => run_as::<f32>(&mut job, &signals),
        Dtype::F64 => run_as::<f64>(&mut job, &signals),
    })
}

fn run_as<R: Float + Element>(job: &mut Job<'_>, signals: &Signals) -> Outcome {
    let (weights, digest) = job.inputs.parameters::<R>(0)?;
    let names: Vec<String> = job.inputs.model.parameters()?.into_iter().map(|(name, _)| name).collect();
    let (loss, outputs) = (job.loss, job.inputs.outputs);
    let samples = Samples::<R>::train(loss, &job.inputs.data, outputs)?;
    let test = job.inputs.data.test.as_ref().map(|part| Samples::<R>::test(loss, part, outputs)).transpose()?;
    let model = job.inputs.model.clone();
    let task = Task::new(&model, &samples, loss, &names)?;
    let tested = test.as_ref().map(|test| Task::new(&model, test, loss, &names)).transpose()?;
    signals.hold(OutputFolder::create(job.typed.output.out.clone(), "landscape")?);
    let start = Instant::now();
    let (directions, eigenvalues) = directions(job, &task, &weights, signals)?;
    let looked = start.elapsed();
    let coordinates: Vec<Vec<f64>> = if job.plane {
        job.at.iter().flat_map(|&b| job.at.iter().map(move |&a| vec![a, b])).collect()
    } else {
        job.at.iter().map(|&a| vec![a]).collect()
    };
    let sets = 1 + usize::from(tested.is_some());
    let progress = Progress::new((sets * coordinates.len()) as u64, "landscape");
    let start = Instant::now();
    let evaluate = |task: &Task<'_, _, R>| -> Result<Vec<Evaluation<R>>> {
        let done = slice(task, &weights, &directions, &coordinates, signals.stop(), &|| progress.advance(1));
        done.map_err(|error| interrupted(error, signals))
    };
    let train = evaluate(&task)?;
    let test = tested.as_ref().map(evaluate).transpose()?;
    progress.finish();
    let plain = |all: Vec<Evaluation<R>>| all.into_iter().map(|e| (e.loss, e.accuracy())).collect();
    let finished = Finished {
        coordinates,
        train: plain(train),
        test: test.map(plain),
        eigenvalues,
        digest,
        seconds: [looked, start.elapsed()],
    };
    outcome::store(job, &finished, signals.release()?)
}

/// A direction is as many arrays as there are parameters.
type Directions<R> = Vec<Vec<Array<R>>>;

/// The directions that are meant, and the eigenvalues that belong to them.
fn directions<R: Float + Element>(
    job: &mut Job<'_>,
    task: &Task<'_, ntk::model::Architecture, R>,
    weights: &[Array<R>],
    signals: &Signals,
) -> Result<(Directions<R>, Vec<f64>)> {
    let count = 1 + usize::from(job.plane);
    match job.along {
        Along::Random => {
            // Directions have seeds of their own beside that of the weights.
            let seed = |k: usize| job.inputs.seed.wrapping_mul(2).wrapping_add(k as u64);
            Ok(((0..count).map(|k| filter_normalized(weights, seed(k))).collect(), Vec::new()))
        }
        Along::Path => {
            let shapes = job.inputs.model.parameters()?;
            let read = |path: &Path| -> Result<Vec<Array<R>>> { Ok(Params::<R>::read(path, &shapes)?.0.arrays) };
            let ends = [&job.typed.to, &job.typed.and].into_iter().flatten();
            let all = ends.map(|path| difference(weights, &read(path)?)).collect::<Result<_>>()?;
            Ok((all, Vec::new()))
        }
        Along::Eigen => {
            let point = Point { network: task.network(), parameters: weights, x: &task.samples().inputs };
            let settings = Settings { memory: job.limits.memory / 2, stop: signals.stop() };
            let mut recordings = Recordings::default();
            let hessian = Curvature::new(Matrix::Hessian, point, task, &mut recordings, settings)
                .map_err(|error| interrupted(error, signals))?;
            let effort = Effort { tolerance: 1e-3, products: 1000, seed: job.inputs.seed, ..Effort::default() };
            let found = lanczos(&hessian, count, End::Top, &effort).map_err(|error| interrupted(error, signals))?;
            if !found.converged {
                job.inputs.notes.push(format!(
                    "the eigenvectors have a residual of {:.1e} after {} products",
                    found.worst(),
                    found.products
                ));
            }
            let all = found.vectors.iter().map(|v| unflattened(weights, v)).collect::<Result<_>>()?;
            Ok((all, found.values))
        }
    }
}

fn interrupted(error: Error, signals: &Signals) -> Error {
    if matches!(error, Error::Interrupted { .. }) { signals.interrupted() } else { error }
}
