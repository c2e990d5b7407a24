//! What is meant by the arguments of `ntk kernel`, together with the data and the model.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::memory::PROGRAM;
use ntk::contraction::{self, Method, Outputs, Phase, Plan, Settings};
use ntk::data::{Dataset, Element, Normalize, Selection, Source};
use ntk::model::Architecture;
use ntk::params::Params;
use ntk::spectral::Spectrum;
use ntk::{Error, Result};

use super::outcome;
use crate::args::{self, Dtype};
use crate::command::results;
use crate::machine;
use crate::render::quantity;

/// A kernel to compute.
pub(crate) struct Job {
    pub(crate) model: Architecture,
    /// The model as typed, or the preset that stands for it.
    pub(crate) model_name: String,
    pub(crate) data: Dataset,
    pub(crate) weights: Option<PathBuf>,
    pub(crate) seed: u64,
    pub(crate) seeds: usize,
    pub(crate) settings: Settings,
    /// The eigenvalues that are meant; none where a kernel of two data sets has no eigenvalues.
    pub(crate) spectrum: Option<Spectrum>,
    pub(crate) dtype: Dtype,
    pub(crate) threads: usize,
    pub(crate) repeat: usize,
    pub(crate) dry_run: bool,
    pub(crate) format: args::Format,
    pub(crate) out: Option<PathBuf>,
    /// Whether plots and a report are made.
    pub(crate) report: bool,
    /// Samples of rows, and of columns where they differ.
    pub(crate) n: usize,
    pub(crate) m: Option<usize>,
    /// Outputs of the model.
    pub(crate) outputs: usize,
    /// Time to read the data.
    pub(crate) loaded: Duration,
    /// What else a user should know.
    pub(crate) notes: Vec<String>,
    /// SHA-256 of the parameters of each network.
    pub(crate) digests: Vec<String>,
}

impl Job {
    /// Reads model and data, and fits them to each other.
    pub(crate) fn read(arguments: &args::Kernel) -> Result<Self> {
        let start = Instant::now();
        // What is wrong with the model is found before any data is read.
        let model = arguments.model.as_deref().map(Architecture::parse).transpose()?;
        let mut data = match &arguments.x1 {
            Some(x1) => Dataset::from_npy(x1, arguments.x2.as_deref(), arguments.y.as_deref())?,
            None => {
                let source: Source = arguments.data.as_deref().unwrap_or("digits").parse()?;
                let selection = Selection {
                    n: arguments.n,
                    test: arguments.test.unwrap_or(0),
                    classes: arguments.classes.iter().map(usize::to_string).collect(),
                    normalize: arguments.normalize.map_or_else(Normalize::default, normalization),
                    seed: arguments.seed,
                };
                Dataset::load(&source, &selection)?
            }
        };
        let (model, model_name) = match (model, &arguments.model) {
            (Some(model), Some(name)) => (model, name.clone()),
            _ => {
                let preset = format!("mlp:{}-512x2-{}:relu", data.inputs.row_len(), data.targets.row_len().max(1));
                (Architecture::parse(&preset)?, preset)
            }
        };
        let outputs: usize = model.output()?.iter().product();
        data.fit(&model.input, outputs)?;
        let (n, m) = (data.inputs.rows(), data.test.as_ref().map(|part| part.inputs.rows()));
        let kept = outputs_of(arguments.outputs);
        let available = machine::available_memory();
        let mut notes = Vec::new();
        if arguments.memory.0 > available {
            notes.push(format!(
                "--memory {} is more than the system has to give; its {} are the limit",
                arguments.memory,
                quantity::bytes(available)
            ));
        }
        let mut job = Self {
            model,
            model_name,
            weights: arguments.weights.clone(),
            seed: arguments.seed,
            seeds: arguments.seeds,
            settings: Settings {
                outputs: kept,
                method: method_of(arguments.method),
                memory: arguments.memory.0.min(available),
            },
            spectrum: None,
            dtype: arguments.dtype,
            threads: machine::threads(arguments.threads.threads, &mut notes),
            repeat: arguments.repeat,
            dry_run: arguments.dry_run,
            format: arguments.output.format,
            out: arguments.output.out.clone(),
            report: !arguments.output.no_report,
            n,
            m,
            outputs,
            loaded: start.elapsed(),
            notes,
            digests: Vec::new(),
            data,
        };
        if m.is_none() {
            job.spectrum = Some(results::asked(arguments.spectrum, job.rows())?);
        }
        Ok(job)
    }

    /// What it will need, or why it cannot be done.
    ///
    /// # Errors
    /// As [`contraction::plan()`]; a spectrum or plots that go beyond the limit which the kernel itself keeps.
    pub(crate) fn plan<R: Float>(&self) -> Result<Plan> {
        let mut plan = contraction::plan(&self.model, self.n, self.m, size_of::<R>(), &self.settings, self.threads)?;
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
            let (rows, bytes) = (self.rows(), asked.bytes(self.n, self.rows(), self.settings.outputs == Outputs::Full));
            let remedy = if asked == Spectrum::Full { "use --spectrum top:16" } else { "use --spectrum none" };
            later("spectrum", bytes, format!("the spectrum of {rows} rows"), remedy)?;
        }
        if self.report {
            let bytes = outcome::plots_bytes(self.n, self.m.unwrap_or(self.n));
            later("plots", bytes, "the plots".into(), "use --no-report")?;
        }
        Ok(plan)
    }

    /// Rows of the matrix whose eigenvalues are the kernel's.
    fn rows(&self) -> usize {
        self.n * if matches!(self.settings.outputs, Outputs::Full | Outputs::Diagonal) { self.outputs } else { 1 }
    }

    /// Operations by the minimum count.
    pub(crate) fn minimum_flops(&self) -> Result<f64> {
        Ok(self.model.ntk_flops(self.n, self.m, self.settings.outputs)?.total_best())
    }

    /// The rows' samples in the numbers of the computation; what was read is let go.
    pub(crate) fn rows_as<R: Float>(&mut self) -> Result<Array<R>> {
        cast(&mut self.data.inputs)
    }

    /// The columns' samples, where they differ.
    pub(crate) fn columns_as<R: Float>(&mut self) -> Result<Option<Array<R>>> {
        self.data.test.as_mut().map(|part| cast(&mut part.inputs)).transpose()
    }

    /// The parameters of the network number `which`, and their digest.
    pub(crate) fn parameters<R: Float + Element>(&mut self, which: usize) -> Result<(Vec<Array<R>>, String)> {
        let parameters = match &self.weights {
            Some(path) => self.stored(&path.clone())?,
            None => {
                let drawn = self.model.init_as(self.seed + which as u64, <R as autodiff::Real>::from_f64)?;
                drawn.into_iter().map(|(_, shape, data)| Array::new(shape, data)).collect::<Result<_>>()?
            }
        };
        let digest = ntk::params::digest(&parameters);
        Ok((parameters, digest))
    }

    fn stored<R: Float + Element>(&mut self, path: &Path) -> Result<Vec<Array<R>>> {
        let (parameters, ignored) = Params::<R>::read(path, &self.model.parameters()?)?;
        if !ignored.is_empty() {
            self.notes.push(format!(
                "{}: {} ignored, not parameters of this model",
                path.display(),
                ignored.join(", ")
            ));
        }
        Ok(parameters.arrays)
    }

    /// The targets, where there are any.
    pub(crate) fn targets(&self) -> Option<&Array<f64>> {
        (self.data.targets.row_len() > 0).then_some(&self.data.targets)
    }

    /// The command's word for the numbers.
    pub(crate) fn dtype_name(&self) -> &'static str {
        match self.dtype {
            Dtype::F64 => "f64",
            Dtype::F32 => "f32",
        }
    }
}

/// Takes an array out of its place, in other numbers.
fn cast<R: Float>(array: &mut Array<f64>) -> Result<Array<R>> {
    let shape = array.shape.clone();
    let data = std::mem::take(&mut array.data);
    Array::new(shape, data.into_iter().map(<R as autodiff::Real>::from_f64).collect::<Vec<R>>())
}

fn normalization(typed: args::Normalize) -> Normalize {
    match typed {
        args::Normalize::None => Normalize::None,
        args::Normalize::Unit => Normalize::Unit,
        args::Normalize::Standard => Normalize::Standard,
        args::Normalize::Rows => Normalize::Rows,
    }
}

fn outputs_of(typed: args::Outputs) -> Outputs {
    match typed {
        args::Outputs::Full => Outputs::Full,
        args::Outputs::Trace => Outputs::Trace,
        args::Outputs::SumTrace => Outputs::SumTrace,
        args::Outputs::Diagonal => Outputs::Diagonal,
        args::Outputs::SumOfLogits => Outputs::SumOfLogits,
    }
}

fn method_of(typed: args::Method) -> Method {
    match typed {
        args::Method::Auto => Method::Auto,
        args::Method::Structured => Method::Structured,
        args::Method::Products => Method::Products,
        args::Method::Jacobian => Method::Jacobian,
    }
}
