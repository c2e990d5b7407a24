//! Kernels that are written tile by tile: those that do not fit into memory, and those that take long.

use std::path::Path;
use std::time::Instant;

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::{Observer, TileFile, kernel_stored, stored};
use ntk::data::{Element, NpyRows, Rows, read_npy};
use ntk::spectral::{Spectrum, StoredKernel, Summary};
use ntk::{Error, Result};

use super::job::{Job, Place, Planned};
use super::observed;
use super::outcome::{self, Finished, Timing, Written};
use crate::args::{self, Command};
use crate::command::results::quoted;
use crate::failure::{Failure, Outcome};
use crate::signals::Signals;
use crate::store::folder::OutputFolder;
use crate::store::recipe::{self, Kind, Recipe};

/// How kernels go on.
pub(super) const KERNEL: Kind = Kind {
    command: "kernel",
    noun: "kernel",
    free: &["resume", "out", "threads", "memory", "format", "no_report", "spectrum"],
    finished: |folder| format!("it is {}; ntk spectrum reads it", folder.join(FILE).display()),
    fork: |_| "compute it in a new folder, with --out in place of --resume".into(),
};

/// The kernel's name in its folder.
pub(super) const FILE: &str = "kernel.npy";

/// The flags of a kernel that is gone on with: as at first, but what changes no number may have been typed anew.
pub(super) fn flags(recipe: &Recipe, typed: &args::Kernel) -> Result<args::Kernel> {
    let Command::Kernel(mut flags) = recipe.command()? else {
        return Err(Error::Bug("a kernel's command is none".into()));
    };
    let now = typed.clone();
    flags.machine.memory = recipe.free("memory", now.machine.memory, flags.machine.memory);
    flags.machine.threads = recipe.free("threads", now.machine.threads, flags.machine.threads);
    flags.spectrum = recipe.free("spectrum", now.spectrum, flags.spectrum);
    flags.output.no_report = recipe.free("no_report", now.output.no_report, flags.output.no_report);
    flags.output.format = now.output.format;
    flags.resume = now.resume;
    Ok(*flags)
}

/// Computes a kernel into its file, or goes on with it.
pub(super) fn run<R: Float + Element>(
    job: &mut Job,
    planned: &Planned,
    there: Option<&Recipe>,
    signals: &Signals,
) -> Outcome {
    let mut timing = Timing { load: job.inputs.loaded, ..Timing::default() };
    let start = Instant::now();
    let (parameters, digest) = job.inputs.parameters::<R>(0)?;
    job.digests.push(digest);
    timing.weights = start.elapsed();
    let configuration = job.decides(&planned.plan);
    if let Some(recipe) = there {
        recipe.same(&configuration)?;
    }
    let folder = match there {
        Some(recipe) => OutputFolder::resume(&recipe.folder)?,
        None => OutputFolder::create(job.out.clone(), "kernel")?,
    };
    recipe::store(&folder, &job.words, &configuration)?;
    let path = folder.path().join(FILE);
    signals.keep(folder, how_to_go_on(&path));
    let made = make(job, planned, &path, (&parameters, &mut timing), signals);
    drop(parameters);
    let written = match made {
        Ok(written) => written,
        Err(failed) => {
            if !matches!(failed, Error::Interrupted { .. } | Error::Write { .. }) {
                // Going on would end in the same way.
                clear(&path);
            }
            return Err(Failure::from(failed));
        }
    };
    let start = Instant::now();
    // Its tiles were checked as they were written.
    let array = match planned.place {
        Place::File { fits: true } => Some(read_npy::<R>(&path)?),
        _ => None,
    };
    let rows = || -> Result<Rows<'_, R>> {
        array.as_ref().map_or_else(|| Ok(NpyRows::open(&path)?.into()), |array| Ok(array.into()))
    };
    let summary = match job.spectrum {
        Some(Spectrum::None) | None => None,
        Some(asked) => Some(Summary::of_stored(&StoredKernel::own(rows()?)?, job.inputs.targets(), asked)?),
    };
    timing.spectrum = start.elapsed();
    let finished = Finished { kernel: rows()?, plan: &planned.plan, summary, timing, written: Some(written) };
    outcome::store(job, finished, signals.release()?, signals)
}

fn make<R: Float + Element>(
    job: &mut Job,
    planned: &Planned,
    path: &Path,
    (parameters, timing): (&[Array<R>], &mut Timing),
    signals: &Signals,
) -> Result<Written> {
    let (x1, x2) = (job.inputs.rows_as::<R>()?, job.inputs.columns_as::<R>()?);
    let plan = &planned.plan;
    let start = Instant::now();
    let checking = Observer { stop: signals.stop(), ..Observer::default() };
    let file =
        TileFile::open(path, &plan.shape, x2.is_none(), &checking).map_err(|e| stopped(e, path, 0.0, signals))?;
    let there = file.share();
    let done = observed(plan, there, signals, |observer| {
        kernel_stored(&job.inputs.model, parameters, &x1, x2.as_ref(), &job.settings, observer, &file)
    });
    match done {
        Ok(done) => (timing.sweeps, timing.contraction) = (done.sweeps, done.contraction),
        Err(failed) => {
            let share = file.share();
            if matches!(failed, Error::Interrupted { .. }) {
                file.keep()?;
            }
            return Err(stopped(failed, path, share, signals));
        }
    }
    let written = Written { tiles: file.tiles(), kept: file.kept(), damaged: file.damaged(), share: there };
    file.finish()?;
    timing.runs.push(start.elapsed());
    Ok(written)
}

/// Says of an interruption what is kept.
fn stopped(failed: Error, path: &Path, share: f64, signals: &Signals) -> Error {
    if !matches!(failed, Error::Interrupted { .. }) {
        return failed;
    }
    let terminated = matches!(signals.interrupted(), Error::Interrupted { terminated: true, .. });
    let kept =
        if share > 0.0 { format!("{:.0}% of the kernel is kept; ", (100.0 * share).floor()) } else { String::new() };
    Error::Interrupted { terminated, resume: kept + &how_to_go_on(path) }
}

fn how_to_go_on(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path).to_string_lossy().into_owned();
    format!("go on with: ntk kernel --resume {}", quoted(folder))
}

/// Takes back what there is of a kernel that cannot be.
fn clear(path: &Path) {
    stored::forget(path);
    for name in [stored::part(path), path.with_file_name(recipe::FILE)] {
        let _ = std::fs::remove_file(name);
    }
}
