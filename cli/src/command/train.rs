//! `ntk train`: a network trained on data, with what was measured on the way.

mod dry_run;
mod job;
mod journal;
mod outcome;
mod resume;

use std::ffi::OsString;
use std::time::Instant;

use autodiff::Float;
use ntk::data::Element;
use ntk::metric::{Metrics, Options, Probe};
use ntk::train::needs::{self, Sizes};
use ntk::train::{Samples, State, Task, Trainer};
use ntk::{Error, train};

use crate::args::{self, Dtype, Format};
use crate::failure::{Failure, Outcome};
use crate::signals::Signals;
use crate::store::folder::OutputFolder;
use crate::store::recipe;
use job::Job;
use journal::Log;
use outcome::Finished;
use resume::Stored;

/// Runs the command; `arguments` are the words of it.
pub(crate) fn run(typed: &args::Train, arguments: &[OsString]) -> Outcome {
    let signals = Signals::listen(typed.output.format == Format::Json);
    let stored = typed.resume.as_deref().map(|folder| Stored::read(folder, arguments)).transpose()?;
    let typed = stored.as_ref().map_or_else(|| Ok(typed.clone()), |stored| stored.flags(typed))?;
    let words = stored.as_ref().map_or_else(|| recipe::words(arguments), |stored| stored.0.words.clone());
    let mut job = Job::read(&typed, words)?;
    signals.check()?;
    job.limits.install(|| match job.inputs.dtype {
        Dtype::F32 => run_as::<f32>(&mut job, stored.as_ref(), &signals),
        Dtype::F64 => run_as::<f64>(&mut job, stored.as_ref(), &signals),
    })
}

fn run_as<R: Float + Element>(job: &mut Job, stored: Option<&Stored>, signals: &Signals) -> Outcome {
    let settings = job.settings(job.inputs.n)?;
    let sizes = Sizes {
        samples: job.inputs.n,
        test: job.inputs.m.unwrap_or(0),
        batch: settings.batch,
        bytes: size_of::<R>(),
        threads: job.limits.threads,
        optimizer: settings.optimizer,
    };
    let needs = needs::within(&job.inputs.model, &sizes, job.limits.memory)?;
    if job.dry_run {
        return dry_run::dry_run::<R>(job, settings.batch, &needs);
    }
    let (start, digest) = job.inputs.parameters::<R>(0)?;
    let names: Vec<String> = job.inputs.model.parameters()?.into_iter().map(|(name, _)| name).collect();
    let outputs = job.inputs.outputs;
    let samples = Samples::<R>::train(job.loss, &job.inputs.data, outputs)?;
    let test = job.inputs.data.test.as_ref().map(|part| Samples::<R>::test(job.loss, part, outputs)).transpose()?;
    let configuration = job.configuration(&settings, &digest);
    let checkpoint = match stored {
        Some(stored) => stored.checkpoint::<R>(&configuration, &names)?,
        None => None,
    };

    let options = Options {
        start: &start,
        names: &names,
        classes: samples.labels.is_some(),
        test: test.is_some(),
        eigenvalues: job.eigenvalues,
        seed: job.inputs.seed,
        tolerance: job.sharpness_tolerance,
        products: job.products,
        memory: job.limits.memory.saturating_sub(needs.bytes()),
    };
    let rows: Vec<usize> = (0..job.probe.min(samples.len())).collect();
    let probe =
        Probe { inputs: samples.inputs.select_rows(&rows)?, targets: job.inputs.data.targets.select_rows(&rows)? };
    let model = &job.inputs.model;
    let tested = test.as_ref().map(|test| Task::new(model, test, job.loss, &names)).transpose()?;
    let metric_names: Vec<&str> = job.metrics.iter().map(String::as_str).collect();
    let mut metrics = Metrics::new(&metric_names, &options, tested, probe)?;

    let (state, measured) = match checkpoint {
        Some(found) => {
            metrics.recall(&found.memory)?;
            (found.state, found.measured)
        }
        None => (State::new(start.clone(), settings.optimizer), false),
    };
    let task = Task::new(model, &samples, job.loss, &names)?;
    let (begun, first_step) = (Instant::now(), state.step);
    let mut trainer = Trainer::new(task, settings, state, signals.stop())?;

    // Nothing was written so far: what is wrong with the request leaves no folder.
    signals.hold(match stored {
        Some(stored) => OutputFolder::resume(&stored.0.folder)?,
        None => OutputFolder::create(job.out.clone(), "train")?,
    });
    let folder = signals.release()?;
    recipe::store(&folder, &job.words, &configuration)?;
    let kept = if measured { first_step.checked_add(1) } else { Some(first_step) };
    let mut log = Log::open(&folder, job, metrics.columns(), &names, kept.unwrap_or(u64::MAX), configuration)?;
    let ended = train::run(&mut trainer, &mut metrics, &job.plan, measured, &mut log);
    let seconds = begun.elapsed();
    let rows = log.close();
    let place = folder.path().to_path_buf();
    match ended {
        Ok(()) => {}
        Err(Error::Interrupted { .. }) => {
            let terminated = matches!(signals.interrupted(), Error::Interrupted { terminated: true, .. });
            let resume = format!(
                "{} of {} steps are kept in {place}; go on with: ntk train --resume {place}",
                trainer.state().step,
                job.plan.steps,
                place = place.display()
            );
            return Err(Failure::from(Error::Interrupted { terminated, resume }));
        }
        Err(failed) => {
            // The curve stays, and is drawn up to where it ends.
            outcome::curves(job, &metrics.columns(), &rows, &folder)?;
            return Err(Failure::from(failed));
        }
    }
    let (columns, weights) = (metrics.columns(), trainer.into_weights());
    let finished = Finished { rows, columns, weights, names: &names, seconds, first_step, start: digest };
    outcome::store(job, finished, folder)
}
