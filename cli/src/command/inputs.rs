//! What every command about a network begins with: model, data and parameters, read and fitted to one another.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autodiff::Float;
use ntk::array::Array;
use ntk::data::{Dataset, Element, Normalize, Selection};
use ntk::model::Architecture;
use ntk::params::Params;
use ntk::{Error, Result};
use serde_json::{Map, Value, json};

use crate::args::{self, Dtype, Format, SecondData};
use crate::failure::Outcome;
use crate::machine;
use crate::render::quantity;
use crate::signals::Signals;

/// What commands that compute with a network and its samples are told alike.
pub(crate) struct Typed<'a> {
    pub(crate) network: &'a args::Network,
    pub(crate) data: &'a args::Data,
    pub(crate) second: &'a SecondData,
    pub(crate) machine: &'a args::Machine,
    pub(crate) format: Format,
}

/// What such a command does in the numbers of one precision.
pub(crate) type Work<A> = fn(&A, &mut Inputs, Limits, &Signals) -> Outcome;

impl Typed<'_> {
    /// Reads model and data, and does the work within the limits in single or double precision.
    ///
    /// # Errors
    /// As [`Inputs::read`], and those of the work.
    pub(crate) fn run<A: Sync>(&self, arguments: &A, [single, double]: [Work<A>; 2]) -> Outcome {
        let signals = Signals::listen(self.format == Format::Json);
        let mut inputs = Inputs::read(self.network, self.data, self.second)?;
        let limits = inputs.limits(self.machine);
        signals.check()?;
        let work = match inputs.dtype {
            Dtype::F32 => single,
            Dtype::F64 => double,
        };
        limits.install(|| work(arguments, &mut inputs, limits, &signals))
    }
}

/// A network and its samples.
pub(crate) struct Inputs {
    pub(crate) model: Architecture,
    /// The model as typed, or the preset that stands for it.
    pub(crate) model_name: String,
    pub(crate) data: Dataset,
    pub(crate) weights: Option<PathBuf>,
    pub(crate) seed: u64,
    pub(crate) dtype: Dtype,
    /// Samples, and those of the second set if there is one.
    pub(crate) n: usize,
    pub(crate) m: Option<usize>,
    /// Outputs of the model.
    pub(crate) outputs: usize,
    /// Time to read the data.
    pub(crate) loaded: Duration,
    /// What else a user should know.
    pub(crate) notes: Vec<String>,
}

impl Inputs {
    /// Reads model and data, and fits them to each other.
    ///
    /// # Errors
    /// As [`Architecture::parse`], [`Dataset::load`] and [`Dataset::fit`].
    pub(crate) fn read(network: &args::Network, data: &args::Data, second: &SecondData) -> Result<Self> {
        let start = Instant::now();
        // What is wrong with the model is found before any data is read.
        let model = network.model.as_deref().map(Architecture::parse).transpose()?;
        let mut set = match &data.x1 {
            Some(x1) => Dataset::from_npy(x1, second.x2.as_deref(), data.y.as_deref())?,
            None => {
                let source =
                    crate::machine::data_folder(&data.folder).source(data.data.as_deref().unwrap_or("digits"))?;
                let selection = Selection {
                    n: data.n,
                    test: second.test.unwrap_or(0),
                    classes: data.classes.iter().map(usize::to_string).collect(),
                    normalize: data.normalize.map_or_else(Normalize::default, normalization),
                    seed: network.seed,
                };
                Dataset::load(&source, &selection)?
            }
        };
        let (model, model_name) = match (model, &network.model) {
            (Some(model), Some(name)) => (model, name.clone()),
            _ => {
                let preset = format!("mlp:{}-512x2-{}:relu", set.inputs.row_len(), set.targets.row_len().max(1));
                (Architecture::parse(&preset)?, preset)
            }
        };
        let outputs: usize = model.output()?.iter().product();
        set.fit(&model.input, outputs)?;
        Ok(Self {
            model,
            model_name,
            weights: network.weights.clone(),
            seed: network.seed,
            dtype: network.dtype,
            n: set.inputs.rows(),
            m: set.test.as_ref().map(|part| part.inputs.rows()),
            outputs,
            loaded: start.elapsed(),
            notes: Vec::new(),
            data: set,
        })
    }

    /// The limits that are meant; what is changed about them is noted.
    pub(crate) fn limits(&mut self, typed: &args::Machine) -> Limits {
        let available = machine::available_memory();
        if typed.memory.0 > available {
            self.notes.push(format!(
                "--memory {} is more than the system has to give; its {} are the limit",
                typed.memory,
                quantity::bytes(available)
            ));
        }
        Limits {
            memory: typed.memory.0.min(available),
            threads: machine::threads(typed.threads.threads, &mut self.notes),
        }
    }

    /// The samples in the numbers of the computation; what was read is let go.
    pub(crate) fn rows_as<R: Float>(&mut self) -> Result<Array<R>> {
        cast(&mut self.data.inputs)
    }

    /// The samples of the second set, if there is one.
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

    /// What makes this network on these samples again, by name, for a report.
    pub(crate) fn configuration(&self) -> Vec<(String, String)> {
        let weights = self.weights.as_ref().map(|path| ("weights", path.display().to_string()));
        let second = self.m.map(|m| ("m", m.to_string()));
        [("model", self.model_name.clone())]
            .into_iter()
            .chain(weights)
            .chain([("data", self.data.name.clone()), ("n", self.n.to_string())])
            .chain(second)
            .chain([("dtype", self.dtype.name().into()), ("seed", self.seed.to_string())])
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The same for programs.
    pub(crate) fn record(&self) -> Map<String, Value> {
        let record = json!({
            "model": self.model_name,
            "model_toml": self.model.to_toml(),
            "parameters": self.model.count().ok(),
            "weights": self.weights.as_ref().map(|path| path.display().to_string()),
            "data": self.data.name,
            "n": self.n,
            "m": self.m,
            "seed": self.seed,
            "dtype": self.dtype.name(),
        });
        match record {
            Value::Object(record) => record,
            _ => Map::new(),
        }
    }

    /// Notes and warnings, in the order in which a user reads them.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().chain(&self.data.warnings)
    }
}

/// What a command may take of the machine, as it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes.
    pub(crate) memory: u64,
    pub(crate) threads: usize,
}

impl Limits {
    /// Runs `work` on so many threads.
    ///
    /// # Errors
    /// [`Error::Memory`] if the system does not give them; those of the work.
    pub(crate) fn install<T: Send, E: From<Error> + Send>(
        self,
        work: impl FnOnce() -> std::result::Result<T, E> + Send,
    ) -> std::result::Result<T, E> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
        let pool = pool.map_err(|error| Error::Memory {
            what: format!("{} threads", self.threads),
            needed: 0,
            limit: 0,
            fits: format!("{error}; lower --threads"),
        })?;
        pool.install(work)
    }

    /// `4 threads`
    pub(crate) fn threads_text(self) -> String {
        format!("{} thread{}", self.threads, if self.threads == 1 { "" } else { "s" })
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
