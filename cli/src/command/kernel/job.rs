//! What is meant by the arguments of `ntk kernel`, together with the data and the model.

use std::path::PathBuf;

use autodiff::Float;
use ntk::contraction::memory::PROGRAM;
use ntk::contraction::{self, Outputs, Phase, Plan, Settings};
use ntk::spectral::Spectrum;
use ntk::{Error, Result};

use super::outcome;
use crate::args;
use crate::command::inputs::{Inputs, Limits};
use crate::command::results;
use crate::machine;

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
}

impl Job {
    /// Reads model and data, and fits them to each other.
    pub(crate) fn read(arguments: &args::Kernel) -> Result<Self> {
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
            inputs,
        };
        if job.inputs.m.is_none() {
            job.spectrum = Some(results::asked(arguments.spectrum, job.rows())?);
        }
        Ok(job)
    }

    /// What it will need, or why it cannot be done.
    ///
    /// # Errors
    /// As [`contraction::plan()`]; a spectrum or plots that go beyond the limit which the kernel itself keeps.
    pub(crate) fn plan<R: Float>(&self) -> Result<Plan> {
        let Inputs { model, n, m, .. } = &self.inputs;
        let mut plan = contraction::plan(model, *n, *m, size_of::<R>(), &self.settings, self.limits.threads)?;
        // The data is there, so what reading it took is known.
        plan.phases.extend(machine::peak_memory().map(|peak| Phase::new("reading", [("program and files", peak)])));
        let kernel = plan.shape.iter().fold(size_of::<R>() as u64, |bytes, &size| bytes.saturating_mul(size as u64));
        let stays = [("program", PROGRAM), ("kernel", kernel)];
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
            let (rows, bytes) = (self.rows(), asked.bytes(*n, self.rows(), self.settings.outputs == Outputs::Full));
            let remedy = if asked == Spectrum::Full { "use --spectrum top:16" } else { "use --spectrum none" };
            later("spectrum", bytes, format!("the spectrum of {rows} rows"), remedy)?;
        }
        if self.report {
            let bytes = outcome::plots_bytes(*n, m.unwrap_or(*n));
            later("plots", bytes, "the plots".into(), "use --no-report")?;
        }
        Ok(plan)
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
