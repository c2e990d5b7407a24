//! What is meant by the arguments of `ntk bench`: the sizes, and what each method would need there.

use ntk::contraction::{self, Method, Outputs, Settings};
use ntk::model::Architecture;
use ntk::model::preset::{self, Resize};
use ntk::{Error, Result};

use crate::args::{self, Axis, Dtype, Sweep};
use crate::command::inputs::{Inputs, Limits};
use crate::render::quantity;

/// The samples that are taken where none are asked for.
const SAMPLES: [usize; 6] = [32, 64, 128, 256, 512, 1024];
/// The width where neither a model nor a width is asked for: at most of [`SAMPLES`] its Jacobian fits the usual memory.
const WIDTH: usize = 256;

/// A benchmark to run.
pub(crate) struct Job {
    pub(crate) inputs: Inputs,
    pub(crate) sizes: Vec<Size>,
    /// What is swept, the samples among it where nothing else is.
    pub(crate) swept: Vec<Sweep>,
    pub(crate) methods: Vec<Method>,
    pub(crate) outputs: Outputs,
    pub(crate) limits: Limits,
    pub(crate) repeat: usize,
    /// Seconds for a method at a size.
    pub(crate) patience: f64,
    pub(crate) dry_run: bool,
}

/// A point of the sweep.
pub(crate) struct Size {
    pub(crate) n: usize,
    /// Of the hidden layers of a preset that has one width.
    pub(crate) width: Option<usize>,
    /// Hidden layers of a preset.
    pub(crate) depth: Option<usize>,
    pub(crate) outputs: usize,
    /// The preset or file.
    pub(crate) model: String,
    pub(crate) parameters: usize,
    /// Operations by the minimum count.
    pub(crate) flops: f64,
    pub(crate) jacobian_bytes: u64,
    /// What each method of the job would need.
    pub(crate) plans: Vec<Planned>,
}

/// A method at a size, before it is run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Planned {
    /// Operations that it does, and its peak memory.
    Runs { flops: f64, peak: u64 },
    /// More memory than is allowed.
    TooLarge { needed: u64 },
    /// It cannot be used for this network.
    Unusable(String),
}

impl Job {
    /// Reads model and data, and plans every size.
    ///
    /// # Errors
    /// As [`Inputs::read`]; more samples than there are; sizes that the model does not have.
    pub(crate) fn read(arguments: &args::Bench) -> Result<Self> {
        let mut data = arguments.data.clone();
        let asked = arguments.over(Axis::N);
        if data.x1.is_none() {
            data.n = data.n.or(asked.and_then(|sizes| sizes.last().copied()));
        }
        let mut inputs = Inputs::read(&arguments.network, &data, &args::SecondData::default())?;
        let limits = inputs.limits(&arguments.machine);
        let samples = match asked {
            Some(sizes) => sizes.to_vec(),
            None if arguments.data.n.is_some() || data.x1.is_some() || !arguments.sweep.is_empty() => vec![inputs.n],
            None => SAMPLES.into_iter().filter(|&n| n <= inputs.n).collect(),
        };
        if let Some(&most) = samples.last().filter(|&&n| n > inputs.n) {
            return Err(Error::usage(
                format!("--sweep n={most} asks for more samples than there are, which are {}", inputs.n),
                format!("give at most {}", inputs.n),
            ));
        }
        if arguments.network.model.is_none() {
            let narrow = Resize { width: Some(WIDTH), ..Resize::default() };
            inputs.model_name = preset::resized(&inputs.model_name, narrow)?;
            inputs.model = Architecture::parse(&inputs.model_name)?;
        }
        let mut swept = arguments.sweep.clone();
        // In the order of the axes, whatever order they were typed in.
        swept.sort_by_key(|sweep| Axis::ALL.iter().position(|axis| *axis == sweep.axis));
        if swept.is_empty() && samples.len() > 1 {
            swept.push(Sweep { axis: Axis::N, sizes: samples.clone() });
        }
        let mut job = Self {
            inputs,
            sizes: Vec::new(),
            swept,
            methods: arguments.methods.iter().map(|&method| method.into()).collect(),
            outputs: arguments.outputs.into(),
            limits,
            repeat: arguments.repeat,
            patience: arguments.patience,
            dry_run: arguments.dry_run,
        };
        let over = |axis| arguments.over(axis).map_or(vec![None], |sizes| sizes.iter().copied().map(Some).collect());
        for outputs in over(Axis::Outputs) {
            for depth in over(Axis::Depth) {
                for width in over(Axis::Width) {
                    let model = job.model(Resize { width, depth, outputs })?;
                    for &n in &samples {
                        let size = job.size(&model, n)?;
                        job.sizes.push(size);
                    }
                }
            }
        }
        Ok(job)
    }

    /// Bytes of a number.
    fn number(&self) -> usize {
        match self.inputs.dtype {
            Dtype::F32 => size_of::<f32>(),
            Dtype::F64 => size_of::<f64>(),
        }
    }

    /// The model of these sizes, by name.
    fn model(&self, to: Resize) -> Result<String> {
        let name = &self.inputs.model_name;
        if to == Resize::default() {
            return Ok(name.clone());
        }
        if !is_preset(name) {
            return Err(Error::usage(
                format!("{name} is a model file, whose width, depth and outputs are what they are"),
                "sweep n, or give a preset such as mlp:64-256x2-10:relu",
            ));
        }
        Ok(preset::resized(name, to)?)
    }

    fn size(&self, name: &str, n: usize) -> Result<Size> {
        let model = Architecture::parse(name)?;
        let hidden = if is_preset(name) { preset::hidden(name)? } else { Vec::new() };
        let settings = |method, memory| Settings { outputs: self.outputs, method, memory };
        let plan = |method, memory| {
            contraction::plan(&model, n, None, self.number(), &settings(method, memory), self.limits.threads)
        };
        // What no method can do is an error; what one cannot is a line of the table.
        let any = plan(Method::Products, u64::MAX)?;
        let plans = self.methods.iter().map(|&method| match plan(method, self.limits.memory) {
            Ok(plan) => Planned::Runs { flops: plan.flops, peak: plan.peak() },
            Err(Error::Memory { needed, .. }) => Planned::TooLarge { needed },
            Err(error) => Planned::Unusable(error.to_string()),
        });
        Ok(Size {
            n,
            width: hidden.first().copied().filter(|first| hidden.iter().all(|width| width == first)),
            depth: (!hidden.is_empty()).then_some(hidden.len()),
            outputs: model.output()?.iter().product(),
            model: name.to_owned(),
            parameters: model.count()?,
            flops: model.ntk_flops(n, None, self.outputs)?.total_best(),
            jacobian_bytes: any.jacobian_bytes,
            plans: plans.collect(),
        })
    }
}

impl Size {
    /// The value along an axis.
    pub(crate) fn along(&self, axis: Axis) -> Option<usize> {
        match axis {
            Axis::N => Some(self.n),
            Axis::Width => self.width,
            Axis::Depth => self.depth,
            Axis::Outputs => Some(self.outputs),
        }
    }

    /// What is swept and its values here, or the samples: `n = 64, width = 256`.
    pub(crate) fn label(&self, job: &Job) -> String {
        let only = [Axis::N];
        let axes: Vec<Axis> = job.swept.iter().map(|sweep| sweep.axis).collect();
        let axes = if axes.is_empty() { &only[..] } else { &axes };
        let part = |axis: &Axis| Some(format!("{} = {}", axis.name(), quantity::count(self.along(*axis)? as u64)));
        axes.iter().filter_map(part).collect::<Vec<_>>().join(", ")
    }
}

fn is_preset(name: &str) -> bool {
    name.split_once(':').is_some_and(|(kind, _)| preset::KINDS.iter().any(|known| known.0 == kind))
}
