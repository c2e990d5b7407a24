//! What is meant by the arguments of `ntk kernel`, together with the data and the model.

use std::path::PathBuf;

use autodiff::Float;
use ntk::contraction::memory::PROGRAM;
use ntk::contraction::{self, Outputs, Phase, Plan, Settings};
use ntk::data::rows;
use ntk::spectral::Spectrum;
use ntk::{Error, Result};
use serde_json::{Map, Value, json};

use super::outcome;
use crate::args;
use crate::command::inputs::{Inputs, Limits};
use crate::command::results;
use crate::machine;
use crate::render::quantity;

/// Operations from which on a kernel takes long enough, some ten seconds of two cores, to be kept tile by tile.
const LONG: f64 = 2e12;
/// Eigenvalues of a kernel that is not in memory, unless others are asked for.
const FEW: usize = 16;

/// Where a kernel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into memory, and to the disk when it is complete.
    Memory,
    /// To the disk tile by tile, so that it can be gone on with.
    File {
        /// Whether it fits into memory when it is complete.
        fits: bool,
    },
}

/// What a kernel needs, and where it goes.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) place: Place,
}

/// A kernel to compute.
pub(crate) struct Job {
    pub(crate) inputs: Inputs,
    pub(crate) seeds: usize,
    pub(crate) settings: Settings,
    /// The eigenvalues that are meant; none where a kernel of two data sets has no eigenvalues.
    pub(crate) spectrum: Option<Spectrum>,
    pub(crate) limits: Limits,
    pub(crate) repeat: usize,
    pub(crate) dry_run: bool,
    pub(crate) format: args::Format,
    pub(crate) out: Option<PathBuf>,
    /// Whether plots and a report are made.
    pub(crate) report: bool,
    /// SHA-256 of the parameters of each network.
    pub(crate) digests: Vec<String>,
    /// The words of the command, to be read again when it goes on.
    pub(crate) words: Vec<String>,
    /// Whether the eigenvalues were chosen by the user.
    spectrum_typed: bool,
}

impl Job {
    /// Reads model and data, and fits them to each other.
    pub(crate) fn read(arguments: &args::Kernel, words: Vec<String>) -> Result<Self> {
        let mut inputs = Inputs::read(&arguments.network, &arguments.data, &arguments.second)?;
        let limits = inputs.limits(&arguments.machine);
        let mut job = Self {
            seeds: arguments.seeds,
            settings: Settings {
                outputs: arguments.outputs.into(),
                method: arguments.method.into(),
                memory: limits.memory,
            },
            spectrum: None,
            limits,
            repeat: arguments.repeat,
            dry_run: arguments.dry_run,
            format: arguments.output.format,
            out: arguments.output.out.clone(),
            report: !arguments.output.no_report,
            digests: Vec::new(),
            words,
            spectrum_typed: arguments.spectrum.is_some(),
            inputs,
        };
        if job.inputs.m.is_none() {
            job.spectrum = Some(results::asked(arguments.spectrum, job.rows())?);
        }
        Ok(job)
    }

    /// What it will need and where it goes, or why it cannot be done. One that is gone on with is in a file.
    ///
    /// # Errors
    /// As [`contraction::plan()`]; a spectrum or plots that go beyond the limit which the kernel itself keeps.
    pub(crate) fn plan<R: Float>(&mut self, goes_on: bool) -> Result<Planned> {
        let Inputs { model, n, m, .. } = &self.inputs;
        let (n, m, size, threads) = (*n, *m, size_of::<R>(), self.limits.threads);
        let held = contraction::plan(model, n, m, size, &self.settings, threads);
        // Means over networks and repetitions are of kernels in memory.
        let one = self.seeds == 1 && self.repeat == 1;
        let (mut plan, place) = match held {
            Ok(plan) if !(goes_on || one && plan.flops >= LONG) => (plan, Place::Memory),
            Err(refused) if !one => return Err(refused),
            Ok(_) => {
                (contraction::plan_stored(model, n, m, size, &self.settings, threads)?, Place::File { fits: true })
            }
            Err(Error::Memory { .. }) => {
                (contraction::plan_stored(model, n, m, size, &self.settings, threads)?, Place::File { fits: false })
            }
            Err(refused) => return Err(refused),
        };
        // The data is there, so what reading it took is known.
        plan.phases.extend(machine::peak_memory().map(|peak| Phase::new("reading", [("program and files", peak)])));
        let kernel = plan.shape.iter().fold(size as u64, |bytes, &size| bytes.saturating_mul(size as u64));
        let (rows, coupled) = (self.rows(), self.settings.outputs == Outputs::Full);
        let read_again = place == (Place::File { fits: false });
        let kernel = match read_again {
            true => ("rows of the kernel", 2 * threads as u64 * rows::CHUNK as u64),
            false => ("kernel", kernel),
        };
        let stays = [("program", PROGRAM), kernel];
        let needed = |bytes: u64| stays.iter().fold(bytes, |sum, part| sum.saturating_add(part.1));
        let all = needed(Spectrum::Full.bytes(n, rows, coupled));
        if self.spectrum == Some(Spectrum::Full) && !self.spectrum_typed && all > plan.limit {
            let top = FEW.min(rows);
            self.spectrum = Some(Spectrum::Top(top));
            self.inputs.notes.push(format!(
                "all {} eigenvalues would need {} of the {} of --memory: the {top} largest are found{}",
                quantity::count(rows as u64),
                quantity::bytes(all),
                quantity::bytes(plan.limit),
                if read_again { ", by products that read the kernel on the disk" } else { "" }
            ));
        }
        let mut later = |name, bytes, what: String, remedy: &str| {
            let phase = Phase::new(name, stays.into_iter().chain([(name, bytes)]));
            let (needed, limit) = (phase.bytes(), plan.limit);
            plan.phases.push(phase);
            if needed <= limit {
                return Ok(());
            }
            Err(Error::Memory { what, needed, limit, fits: format!("{remedy}, or raise --memory") })
        };
        if let Some(asked @ (Spectrum::Full | Spectrum::Top(_))) = self.spectrum {
            let bytes = asked.bytes(n, rows, coupled);
            let remedy = if asked == Spectrum::Full { "use --spectrum top:16" } else { "use --spectrum none" };
            later("spectrum", bytes, format!("the spectrum of {rows} rows"), remedy)?;
        }
        if self.report {
            let bytes = outcome::plots_bytes(n, m.unwrap_or(n));
            later("plots", bytes, "the plots".into(), "use --no-report")?;
        }
        Ok(Planned { plan, place })
    }

    /// All that decides a bit of the kernel: equal ones give equal bits.
    pub(crate) fn decides(&self, plan: &Plan) -> Map<String, Value> {
        let mut all = self.inputs.record();
        let own = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data_digest": self.inputs.data.digest,
            "weights_digest": self.digests,
            "outputs": self.settings.outputs.name(),
            "method": plan.method.name(),
            "block": plan.block,
        });
        if let Value::Object(own) = own {
            all.extend(own);
        }
        all
    }

    /// Rows of the matrix whose eigenvalues are the kernel's.
    fn rows(&self) -> usize {
        self.inputs.n
            * if matches!(self.settings.outputs, Outputs::Full | Outputs::Diagonal) { self.inputs.outputs } else { 1 }
    }

    /// Operations by the minimum count.
    pub(crate) fn minimum_flops(&self) -> Result<f64> {
        Ok(self.inputs.model.ntk_flops(self.inputs.n, self.inputs.m, self.settings.outputs)?.total_best())
    }
}
