//! `ntk bench`: the contractions beside the explicit Jacobian.
//!
//! | file | what |
//! |---|---|
//! | `job` | what is meant: the sizes, and what each method would need there |
//! | `measure` | a method at a size, as a process of its own |
//! | `agreement` | how far a kernel is from the reference |
//! | `outcome` | the table and the plots |
//! | `record` | the same for programs |

mod agreement;
mod dry_run;
mod job;
mod measure;
mod outcome;
mod record;

use std::time::Instant;

use autodiff::Float;
use ntk::Error;
use ntk::peak::Peak;

use crate::args::{self, Dtype, Format};
use crate::failure::{Failure, Outcome};
use crate::render::progress::Progress;
use crate::render::terminal;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;
use job::{Job, Size};
use measure::{Row, Runner, Status};
use outcome::Finished;

/// Runs the command.
pub(crate) fn run(arguments: &args::Bench) -> Outcome {
    let signals = Signals::listen(arguments.output.format == Format::Json);
    let job = Job::read(arguments)?;
    signals.check()?;
    match job.inputs.dtype {
        Dtype::F32 => run_as::<f32>(&job, arguments, &signals),
        Dtype::F64 => run_as::<f64>(&job, arguments, &signals),
    }
}

fn run_as<R: Float>(job: &Job, arguments: &args::Bench, signals: &Signals) -> Outcome {
    let peak = Peak::measure::<R>(job.limits.threads);
    if job.dry_run {
        return dry_run::dry_run(job, &peak, arguments.output.format);
    }
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "bench")?);
    // From here on a signal ends the work by itself: it is looked for some hundred times a second.
    let folder = signals.release()?;
    let start = Instant::now();
    let mut runner = Runner::new(job, &folder, &peak, signals)?;
    let progress = Progress::new(WHOLE as u64, "bench");
    let mut rows = Vec::new();
    let mut ended = Ok(());
    for (which, size) in job.sizes.iter().enumerate() {
        let (measured, stopped) = at_size(&mut runner, size, which, &progress);
        rows.extend(measured);
        folder.write("bench.csv", record::csv(job, &rows, &peak).as_bytes())?;
        ended = stopped;
        if ended.is_err() {
            break;
        }
    }
    progress.finish();
    // Its files go before the folder is finished.
    drop(runner);
    match ended {
        Err(Failure::Ntk(Error::Interrupted { .. })) => {}
        other => other?,
    }
    let took = start.elapsed();
    // A machine that was busy at first shows more of itself now; a share is of the better.
    let peak = if signals.check().is_ok() { peak.max(Peak::measure::<R>(job.limits.threads)) } else { peak };
    end(job, arguments, signals, Finished { rows, peak, took }, folder)
}

/// Units of the progress bar.
const WHOLE: f64 = 1000.0;

/// All methods at one size; their agreement last, as the reference has to be there. What was measured before an error is
/// given beside it.
fn at_size(runner: &mut Runner<'_>, size: &Size, which: usize, progress: &Progress) -> (Vec<Row>, Result<(), Failure>) {
    let mut rows = Vec::new();
    let mut ended = Ok(());
    let job = runner.job;
    let units = (WHOLE * runner.shares[which] / job.methods.len() as f64).round() as u64;
    for &method in &job.methods {
        progress.relabel(&format!("bench  {}  {}", size.label(job), method.name()));
        match runner.row(size, which, method) {
            Ok(row) => rows.push(row),
            Err(failure) => {
                ended = Err(failure);
                break;
            }
        }
        progress.advance(units);
    }
    let compared = agreement::compare(&mut rows, |method| runner.kernel(which, method));
    runner.forget(which);
    (rows, ended.and(compared))
}

/// Stores what there is, and says how it ended.
fn end(job: &Job, arguments: &args::Bench, signals: &Signals, finished: Finished, folder: OutputFolder) -> Outcome {
    let interrupted = signals.check().err();
    let of = |row: &&Row| matches!(row.status, Status::Measured(_));
    let measured = finished.rows.iter().filter(of).count();
    let failed = finished.rows.iter().find_map(|row| match &row.status {
        Status::Failed { code, message } => Some((*code, message.clone())),
        _ => None,
    });
    if measured == 0 {
        if let Some(error) = interrupted {
            std::fs::remove_file(folder.path().join("bench.csv")).ok();
            return Err(error.into());
        }
        if let Some((code, message)) = failed {
            std::fs::remove_file(folder.path().join("bench.csv")).ok();
            return Err(Failure::Child { code, message });
        }
    }
    let told =
        outcome::tale(job, arguments, finished, &folder, interrupted.is_some())?.store(folder, &arguments.output)?;
    match interrupted {
        None => terminal::print(&told.text).map_err(Failure::Output),
        Some(Error::Interrupted { terminated, .. }) => {
            if arguments.output.format == Format::Text {
                terminal::print(&told.text).map_err(Failure::Output)?;
            }
            let resume = format!("the {measured} measured so far are kept in {}", told.place.display());
            Err(Error::Interrupted { terminated, resume }.into())
        }
        Some(error) => Err(error.into()),
    }
}
