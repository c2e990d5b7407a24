//! The kernels of training and test samples, computed or read.

use std::path::Path;

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::{self, Observer, Outputs, Settings};
use ntk::data::npy::peek_npy;
use ntk::data::npy_header::Dtype;
use ntk::data::{Element, read_npy};
use ntk::infinite::{self, Get};
use ntk::{Error, Result, predict};

use super::Job;
use crate::args::{self, Of};
use crate::command::infinite::compute;
use crate::signals::Signals;

/// What training starts from.
pub(super) struct Kernels<R> {
    /// `[n, n]` or `[n, n, o, o]`.
    pub(super) train: Array<R>,
    /// Outputs of the training samples at the start, `[n, o]`.
    pub(super) start: Array<f64>,
    pub(super) test: Option<OfTest<R>>,
    /// Of an ensemble's starts, where its covariance is wanted.
    pub(super) prior: Option<Prior<R>>,
}

/// The second set of samples.
pub(super) struct OfTest<R> {
    /// With the training samples, `[m, n]` or `[m, n, o, o]`.
    pub(super) kernel: Array<R>,
    /// `[m, o]`
    pub(super) start: Array<f64>,
}

/// Covariances of outputs before training.
pub(super) struct Prior<R> {
    /// Of training samples and of test with training samples; none where these are the kernels of training.
    pub(super) nngp: Option<(Array<R>, Array<R>)>,
    /// Of test samples, `[m, m]`.
    pub(super) both: Array<R>,
}

/// Whether a stored kernel is of single precision: what is rounding in it is then known.
pub(super) fn is_single(path: &Path) -> Result<bool> {
    Ok(peek_npy(path)?.dtype == Dtype::F32)
}

/// Whether covariances are wanted and can be had.
fn wants_covariance(job: &Job<'_>) -> bool {
    let arguments = job.arguments;
    job.inputs.m.is_some()
        && arguments.kernel_file.is_none()
        && arguments.of() == Of::Infinite
        && arguments.loss == args::PredictLoss::Mse
        && !arguments.no_covariance
}

/// Refuses what cannot be done, before a folder is made.
///
/// # Errors
/// A network without a limit; more memory than the limit.
pub(super) fn check(job: &Job<'_>) -> Result<()> {
    let of = job.arguments.of();
    if job.arguments.kernel_file.is_none() && of == Of::Infinite {
        infinite::check(&job.inputs.model)?;
    }
    let full = job.arguments.kernel_file.is_none() && of == Of::Empirical;
    let o = if full { job.inputs.outputs as u64 } else { 1 };
    let (n, m) = (job.inputs.n as u64 * o, job.inputs.m.unwrap_or(0) as u64 * o);
    let times = job.arguments.times.len() as u64;
    let covariance = if wants_covariance(job) { (times + 5) * m * m } else { 0 };
    // The kernel as read, as a matrix, its eigenvectors, and the solver's work.
    let needed = 8 * (5 * n * n + 3 * n * m + covariance);
    if needed > job.limits.memory {
        let remedy = if covariance > 3 * n * n {
            "use --no-covariance or fewer --times"
        } else if full && job.inputs.outputs > 1 {
            "use fewer samples, or --classes A,B for one output"
        } else {
            "use fewer samples"
        };
        return Err(Error::Memory {
            what: "the prediction".into(),
            needed,
            limit: job.limits.memory,
            fits: format!("{remedy}, or raise --memory"),
        });
    }
    Ok(())
}

impl<R: Float + Element> Kernels<R> {
    /// Computes or reads what the command asks for.
    pub(super) fn make(job: &mut Job<'_>, signals: &Signals) -> Result<Self> {
        match &job.arguments.kernel_file {
            Some(path) => Self::stored(job, path),
            None if job.arguments.of() == Of::Infinite => Self::infinite(job, signals),
            None => Self::empirical(job, signals),
        }
    }

    fn stored(job: &mut Job<'_>, path: &Path) -> Result<Self> {
        let train: Array<R> = read_npy(path)?;
        let (n, m, o) = (job.inputs.n, job.inputs.m.unwrap_or(0), job.inputs.outputs);
        if train.rows() != n {
            return Err(Error::data(
                path,
                format!("is a kernel of {} samples, and {n} have targets", train.rows()),
                "give the kernel of these samples, in their order",
            ));
        }
        let kernel = job.arguments.kernel_test.as_deref().map(read_npy::<R>).transpose()?;
        // `ntk kernel --x1 train --x2 test` has training samples first; where the shape tells, it is turned.
        let kernel = kernel.map(|kernel| if kernel.rows() == m || m == n { kernel } else { turned(kernel) });
        let weighted = job.arguments.network.weights.is_some();
        let (start, start_test) = if weighted {
            Self::starts(job)?
        } else {
            job.inputs.notes.push("training starts from outputs of 0, as no --weights were given".into());
            (zeros(n, o)?, zeros(m, o)?)
        };
        let test = kernel.map(|kernel| OfTest { kernel, start: start_test });
        Ok(Self { train, start, test, prior: None })
    }

    fn infinite(job: &mut Job<'_>, signals: &Signals) -> Result<Self> {
        let covariance = wants_covariance(job);
        let (x1, x2) = (job.inputs.rows_as::<R>()?, job.inputs.columns_as::<R>()?);
        let memory = job.limits.memory;
        let nngp_only = job.arguments.get == args::Get::Nngp;
        let get = match (nngp_only, covariance) {
            (true, _) => Get::Nngp,
            (false, true) => Get::Both,
            (false, false) => Get::Ntk,
        };
        let pair = |a: &Array<R>, b: Option<&Array<R>>, get| compute(&job.inputs, (a, b), get, memory, signals);
        let missing = || Error::Bug("the kernel asked for is missing".into());
        let split = |found: infinite::Kernels<R>| -> Result<(Array<R>, Option<Array<R>>)> {
            match nngp_only {
                true => Ok((found.nngp.ok_or_else(missing)?, None)),
                false => Ok((found.ntk.ok_or_else(missing)?, found.nngp)),
            }
        };
        let o = job.inputs.outputs;
        let (train, nngp) = split(pair(&x1, None, get)?)?;
        let start = zeros(job.inputs.n, o)?;
        let Some(x2) = x2 else { return Ok(Self { train, start, test: None, prior: None }) };
        let (kernel, nngp_test) = split(pair(&x2, Some(&x1), get)?)?;
        let prior = if covariance {
            let both = pair(&x2, None, Get::Nngp)?.nngp.ok_or_else(missing)?;
            Some(Prior { nngp: nngp.zip(nngp_test), both })
        } else {
            None
        };
        Ok(Self { train, start, test: Some(OfTest { kernel, start: zeros(x2.rows(), o)? }), prior })
    }

    fn empirical(job: &mut Job<'_>, signals: &Signals) -> Result<Self> {
        let (x1, x2) = (job.inputs.rows_as::<R>()?, job.inputs.columns_as::<R>()?);
        let (parameters, _) = job.inputs.parameters::<R>(0)?;
        let model = &job.inputs.model;
        let settings = Settings { outputs: Outputs::Full, memory: job.limits.memory, ..Settings::default() };
        let observer = Observer { progress: &|_| (), stop: signals.stop() };
        let of = |a: &Array<R>, b: Option<&Array<R>>| match contraction::kernel(
            model,
            &parameters,
            a,
            b,
            &settings,
            &observer,
        ) {
            Err(Error::Interrupted { .. }) => Err(signals.interrupted()),
            other => other.map(|computed| computed.kernel),
        };
        let train = of(&x1, None)?;
        let start = predict::outputs(model, &parameters, &x1)?;
        let test = match &x2 {
            None => None,
            Some(x2) => Some(OfTest { kernel: of(x2, Some(&x1))?, start: predict::outputs(model, &parameters, x2)? }),
        };
        Ok(Self { train, start, test, prior: None })
    }

    /// The network's own outputs.
    fn starts(job: &mut Job<'_>) -> Result<(Array<f64>, Array<f64>)> {
        let (x1, x2) = (job.inputs.rows_as::<R>()?, job.inputs.columns_as::<R>()?);
        let (parameters, _) = job.inputs.parameters::<R>(0)?;
        let of = |x: &Array<R>| predict::outputs(&job.inputs.model, &parameters, x);
        Ok((of(&x1)?, x2.as_ref().map_or_else(|| zeros(0, job.inputs.outputs), of)?))
    }
}

fn zeros(n: usize, o: usize) -> Result<Array<f64>> {
    Array::full([n, o], 0.0)
}

/// A kernel of the same pairs, the second samples first.
fn turned<R: Float>(kernel: Array<R>) -> Array<R> {
    let (n, m) = (kernel.rows(), kernel.shape.get(1).copied().unwrap_or(1));
    let (a, b) = (kernel.shape.get(2).copied().unwrap_or(1), kernel.shape.get(3).copied().unwrap_or(1));
    let mut data = Vec::with_capacity(kernel.data.len());
    for j in 0..m {
        for i in 0..n {
            for q in 0..b {
                data.extend((0..a).map(|p| kernel.data[((i * m + j) * a + p) * b + q]));
            }
        }
    }
    let mut shape = kernel.shape;
    shape.swap(0, 1);
    Array { shape, data }
}
