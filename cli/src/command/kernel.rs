//! `ntk kernel`: the kernel of a network on data.

mod dry_run;
mod job;
pub(super) mod outcome;
mod stored;

use std::ffi::OsString;
use std::sync::Mutex;
use std::time::Instant;

use autodiff::Float;
use ntk::contraction::{self, Computed, Observer, Plan};
use ntk::data::Element;
use ntk::spectral::{Spectrum, Summary};

use crate::args::{self, Dtype};
use crate::failure::Outcome;
use crate::render::progress::Progress;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;
use crate::store::recipe::{self, Recipe};
use job::{Job, Place};
use outcome::{Finished, Timing};

/// Runs the command; `arguments` are the words of it.
pub(crate) fn run(typed: &args::Kernel, arguments: &[OsString]) -> Outcome {
    let signals = Signals::listen(typed.output.format == args::Format::Json);
    let recipe = typed.resume.as_deref().map(|folder| Recipe::read(&stored::KERNEL, folder, arguments)).transpose()?;
    let typed = recipe.as_ref().map_or_else(|| Ok(typed.clone()), |recipe| stored::flags(recipe, typed))?;
    let words = recipe.as_ref().map_or_else(|| recipe::words(arguments), |recipe| recipe.words.clone());
    let mut job = Job::read(&typed, words)?;
    signals.check()?;
    job.limits.install(|| match job.inputs.dtype {
        Dtype::F32 => run_as::<f32>(&mut job, recipe.as_ref(), &signals),
        Dtype::F64 => run_as::<f64>(&mut job, recipe.as_ref(), &signals),
    })
}

fn run_as<R: Float + Element>(job: &mut Job, recipe: Option<&Recipe>, signals: &Signals) -> Outcome {
    let planned = job.plan::<R>(recipe.is_some())?;
    if job.dry_run {
        return dry_run::dry_run::<R>(job, &planned);
    }
    match planned.place {
        Place::Memory => held::<R>(job, &planned.plan, signals),
        Place::File { .. } => stored::run::<R>(job, &planned, recipe, signals),
    }
}

/// Computes kernels in memory, and their mean.
fn held<R: Float + Element>(job: &mut Job, plan: &Plan, signals: &Signals) -> Outcome {
    signals.hold(OutputFolder::create(job.out.clone(), "kernel")?);
    let (x1, x2) = (job.inputs.rows_as::<R>()?, job.inputs.columns_as::<R>()?);
    let mut timing = Timing { load: job.inputs.loaded, ..Timing::default() };
    let mut computed = None;
    for seed in 0..job.seeds {
        let start = Instant::now();
        let (parameters, digest) = job.inputs.parameters::<R>(seed)?;
        job.digests.push(digest);
        timing.weights += start.elapsed();
        for _ in 0..job.repeat {
            signals.check()?;
            // The kernel before goes first: two never stand side by side but to be averaged.
            if job.seeds == 1 {
                computed = None;
            }
            let start = Instant::now();
            let again = observed(plan, 0.0, signals, |observer| {
                contraction::kernel(&job.inputs.model, &parameters, &x1, x2.as_ref(), &job.settings, observer)
            })?;
            // Checks and planning included: what a caller waits for.
            timing.runs.push(start.elapsed());
            timing.sweeps += again.sweeps;
            timing.contraction += again.contraction;
            computed = Some(averaged(computed.take(), again, job.seeds));
        }
    }
    let computed = computed.ok_or_else(|| ntk::Error::Bug("no kernel was computed".into()))?;
    signals.check()?;
    drop((x1, x2));

    let start = Instant::now();
    let summary = match job.spectrum {
        Some(Spectrum::None) | None => None,
        Some(asked) => Some(Summary::of(&computed.kernel, job.inputs.targets(), asked)?),
    };
    timing.spectrum = start.elapsed();
    let finished = Finished { kernel: (&computed.kernel).into(), plan, summary, timing, written: None };
    outcome::store(job, finished, signals.release()?, signals)
}

/// Does the work of a plan under a progress bar, a share of it being there already.
fn observed<T>(
    plan: &Plan,
    there: f64,
    signals: &Signals,
    work: impl FnOnce(&Observer<'_>) -> Result<T, ntk::Error>,
) -> Result<T, ntk::Error> {
    // The bar counts in thousandths of the work, so that fractions of a unit are not lost to rounding.
    const UNITS: f64 = 1000.0;
    let progress = Progress::new(UNITS as u64, "kernel");
    let (done, shown) = (Mutex::new(there * plan.flops), Mutex::new(0_u64));
    let advance = |flops: f64| {
        let Ok(mut done) = done.lock() else { return };
        *done += flops;
        let units = (*done / plan.flops * UNITS).min(UNITS) as u64;
        drop(done);
        if let Ok(mut shown) = shown.lock() {
            progress.advance(units.saturating_sub(*shown));
            *shown = units.max(*shown);
        }
    };
    let observer = Observer { progress: &advance, stop: signals.stop() };
    let done = work(&observer);
    progress.finish();
    match done {
        Err(ntk::Error::Interrupted { .. }) => Err(signals.interrupted()),
        other => other,
    }
}

/// Adds a kernel's share to the mean over networks.
fn averaged<R: Float>(mean: Option<Computed<R>>, mut next: Computed<R>, networks: usize) -> Computed<R> {
    if networks == 1 {
        return next;
    }
    let share = R::from_f64(1.0 / networks as f64);
    match mean {
        None => next.kernel.data.iter_mut().for_each(|x| *x *= share),
        Some(mean) => next.kernel.data.iter_mut().zip(mean.kernel.data).for_each(|(x, mean)| *x = *x * share + mean),
    }
    next
}
