//! What is measured of a network while it is trained.
//!
//! Decided here: which metrics there are ([`METRICS`]), what they are called and which columns each gives, what they share
//! and what they remember from one measurement to the next. Left to others: when they are measured
//! ([`mod@crate::train::run`]) and where the numbers go.
//!
//! | file | what |
//! |---|---|
//! | [`training`] | loss, accuracy, gradient norm, gradient noise, distance from the first weights |
//! | [`curvature`] | sharpness, plain and preconditioned, trace, Gauss-Newton and residual parts |
//! | [`kernel`] | the NTK on a fixed probe: distance, velocity, alignment, effective rank, eigenvalues |
//!
//! Metrics see every sample as it is: neither mini-batches nor augmentation enter.

pub mod curvature;
pub mod kernel;
pub mod training;

use autodiff::Float;

use crate::array::Array;
use crate::data::Element;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::train::{Batch, Evaluation, Task, Trainer};

/// The metrics: name and meaning.
pub const METRICS: [(&str, &str); 15] = [
    ("loss", "mean loss over all samples, and over those to test on"),
    ("accuracy", "share of samples classified rightly, and of those to test on"),
    ("gradient-norm", "|g|, the gradient of the loss over all samples"),
    ("gradient-noise", "tr Cov(g_i) / |g|^2, g_i of one sample: the simple noise scale"),
    ("weight-distance", "|w - w_0|, and |W - W_0| / |W_0| of each parameter"),
    ("sharpness", "largest eigenvalue of the Hessian H of the loss; and the edge 2/eta"),
    ("preconditioned-sharpness", "of D^1/2 H D^1/2, D the layers' learning rates over eta"),
    ("hessian-trace", "trace of H by Hutchinson's estimate, with its standard error"),
    ("gauss-newton", "H = G + R: the largest eigenvalue of each part"),
    ("kernel-distance", "1 - <K_0, K> / (|K_0| |K|) of the NTK on the probe"),
    ("kernel-velocity", "the same from the last measurement, over the steps between"),
    ("kernel-alignment", "<K, Y Y^T> / (|K| |Y Y^T|) with the targets of the probe"),
    ("kernel-rank", "exp of the entropy of the NTK's eigenvalues"),
    ("kernel-eigenvalues", "the largest eigenvalues of the NTK on the probe"),
    ("kernel", "all five of the kernel"),
];

/// A quantity, or a few that come together.
pub trait Metric<N, R>: Send {
    /// Its name in [`METRICS`].
    fn name(&self) -> &'static str;

    /// The columns that it gives.
    fn columns(&self) -> Vec<String>;

    /// A number for each column, or none where there is none yet.
    ///
    /// # Errors
    /// What the computation refuses; an interruption.
    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>>;

    /// What must survive an interruption for the next measurement to have the same bits.
    fn memory(&self) -> Vec<(String, Array<f64>)> {
        Vec::new()
    }

    /// Takes back what [`Metric::memory`] gave, by name.
    ///
    /// # Errors
    /// Something that it cannot have given.
    fn recall(&mut self, _find: &dyn Fn(&str) -> Option<Array<f64>>) -> Result<()> {
        Ok(())
    }
}

/// What metrics look at, and what they share.
pub struct At<'a, 't, 'm, N, R> {
    /// The training.
    pub trainer: &'a mut Trainer<'t, N, R>,
    test: Option<&'a Task<'m, N, R>>,
    probe: &'a Probe<R>,
    tested: Option<Evaluation<R>>,
    kernel: Option<Array<f64>>,
}

impl<N: Network, R: Float> At<'_, '_, '_, N, R> {
    /// Loss and accuracy on the samples to test on, if there are some.
    ///
    /// # Errors
    /// As [`Task::value`].
    pub fn test(&mut self) -> Result<Option<&Evaluation<R>>> {
        let Some(test) = self.test else { return Ok(None) };
        if self.tested.is_none() {
            let step = self.trainer.state().step;
            let found = test.value(&self.trainer.state().weights, Batch::All, self.trainer.stop());
            self.tested = Some(found.map_err(|error| crate::train::trainer::at_step(error, step))?);
        }
        Ok(self.tested.as_ref())
    }

    /// The kernel of the present weights on the probe, `[n, n, o, o]`.
    ///
    /// # Errors
    /// As [`crate::contraction::kernel`].
    pub fn kernel(&mut self) -> Result<&Array<f64>> {
        let kernel = match self.kernel.take() {
            Some(kernel) => kernel,
            None => kernel::on_probe(
                self.trainer.task().network(),
                &self.trainer.state().weights,
                self.probe,
                self.trainer.stop(),
            )?,
        };
        Ok(self.kernel.insert(kernel))
    }

    /// The fixed samples that kernels are of.
    pub fn probe(&self) -> &Probe<R> {
        self.probe
    }
}

/// Fixed samples that kernels are of.
#[derive(Clone, Debug)]
pub struct Probe<R> {
    /// `[n, ..input]`
    pub inputs: Array<R>,
    /// `[n, outputs]`; classes as one-hot rows.
    pub targets: Array<f64>,
}

/// Numbers measured together.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Steps taken.
    pub step: u64,
    /// Times that every sample was seen.
    pub epoch: f64,
    /// The learning rate of the next step.
    pub rate: f64,
    /// A number for each of [`Metrics::columns`].
    pub values: Vec<Option<f64>>,
}

/// The metrics of a training.
pub struct Metrics<'m, N, R> {
    list: Vec<Box<dyn Metric<N, R> + 'm>>,
    test: Option<Task<'m, N, R>>,
    probe: Probe<R>,
}

/// What metrics are made with.
pub struct Options<'m, R> {
    /// The first weights, that distances are from.
    pub start: &'m [Array<R>],
    /// Names of the parameters.
    pub names: &'m [String],
    /// Whether the samples, and those to test on, have classes.
    pub classes: bool,
    /// Whether there are samples to test on.
    pub test: bool,
    /// How many of the largest eigenvalues of the kernel.
    pub eigenvalues: usize,
    /// Seed of random probes and of first vectors.
    pub seed: u64,
    /// Relative residual that eigenvalues of the curvature are computed to.
    pub tolerance: f64,
    /// Products with the Hessian that one eigenvalue may take.
    pub products: usize,
    /// Bytes that the curvature may keep of the samples; it cannot change a bit.
    pub memory: u64,
}

impl<'m, N: Network + 'm, R: Float + Element> Metrics<'m, N, R> {
    /// The metrics of these names, each once, in this order.
    ///
    /// # Errors
    /// A name that is none; accuracy where there are no classes.
    pub fn new(
        names: &[&str],
        options: &Options<'m, R>,
        test: Option<Task<'m, N, R>>,
        probe: Probe<R>,
    ) -> Result<Self> {
        let mut asked: Vec<&str> = Vec::new();
        for &name in names {
            let parts: Vec<&str> = match name {
                "kernel" => METRICS.iter().map(|m| m.0).filter(|name| name.starts_with("kernel-")).collect(),
                other => vec![other],
            };
            parts.into_iter().for_each(|part| {
                if !asked.contains(&part) {
                    asked.push(part);
                }
            });
        }
        let list = asked.into_iter().map(|name| make(name, options)).collect::<Result<_>>()?;
        Ok(Self { list, test, probe })
    }

    /// The columns of all metrics. What two of them give has one column.
    pub fn columns(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for column in self.list.iter().flat_map(|metric| metric.columns()) {
            if !all.contains(&column) {
                all.push(column);
            }
        }
        all
    }

    /// Measures everything at the present weights.
    ///
    /// # Errors
    /// The first failure.
    pub fn measure(&mut self, trainer: &mut Trainer<'_, N, R>) -> Result<Row> {
        let (step, rate) = (trainer.state().step, trainer.rate());
        let epoch = step as f64 / trainer.steps_per_epoch() as f64;
        let mut at = At { trainer, test: self.test.as_ref(), probe: &self.probe, tested: None, kernel: None };
        let (mut seen, mut values): (Vec<String>, Vec<Option<f64>>) = (Vec::new(), Vec::new());
        for metric in &mut self.list {
            let (columns, found) = (metric.columns(), metric.measure(&mut at)?);
            if columns.len() != found.len() {
                return Err(Error::Bug(format!("{} numbers of {} for {:?}", found.len(), metric.name(), columns)));
            }
            for (column, value) in columns.into_iter().zip(found) {
                if let Some(bad) = value.filter(|x| !x.is_finite()) {
                    return Err(Error::numerics(
                        format!("{column} is {bad} at step {step}"),
                        "lower the learning rate, or compute in f64",
                    ));
                }
                if !seen.contains(&column) {
                    seen.push(column);
                    values.push(value);
                }
            }
        }
        Ok(Row { step, epoch, rate, values })
    }

    /// What all of them remember.
    pub fn memory(&self) -> Vec<(String, Array<f64>)> {
        let named = |metric: &dyn Metric<N, R>| {
            let name = metric.name();
            metric.memory().into_iter().map(move |(of, array)| (format!("{name}.{of}"), array)).collect::<Vec<_>>()
        };
        self.list.iter().flat_map(|metric| named(metric.as_ref())).collect()
    }

    /// Takes back what [`Metrics::memory`] gave.
    ///
    /// # Errors
    /// What a metric cannot have given.
    pub fn recall(&mut self, memory: &[(String, Array<f64>)]) -> Result<()> {
        self.list.iter_mut().try_for_each(|metric| {
            let name = metric.name();
            metric.recall(&|of| {
                let wanted = format!("{name}.{of}");
                memory.iter().find(|(name, _)| *name == wanted).map(|(_, array)| array.clone())
            })
        })
    }
}

/// The metric of a name.
fn make<'m, N: Network + 'm, R: Float + Element>(
    name: &str,
    options: &Options<'m, R>,
) -> Result<Box<dyn Metric<N, R> + 'm>> {
    use curvature::{GaussNewton, Sharpness, Trace};
    use kernel::{KernelMetric, Part};
    Ok(match name {
        "loss" => Box::new(training::Loss { test: options.test }),
        "accuracy" if !options.classes => {
            return Err(Error::usage("accuracy was asked for, and the targets are no classes", "leave it out"));
        }
        "accuracy" => Box::new(training::Accuracy { test: options.test }),
        "gradient-norm" => Box::new(training::GradientNorm),
        "gradient-noise" => Box::new(training::GradientNoise),
        "weight-distance" => Box::new(training::WeightDistance { start: options.start, names: options.names }),
        "sharpness" => Box::new(Sharpness::new(false, options)),
        "preconditioned-sharpness" => Box::new(Sharpness::new(true, options)),
        "hessian-trace" => Box::new(Trace::new(options)),
        "gauss-newton" => Box::new(GaussNewton::new(options)),
        "kernel-distance" => Box::new(KernelMetric::new(Part::Distance, options)),
        "kernel-velocity" => Box::new(KernelMetric::new(Part::Velocity, options)),
        "kernel-alignment" => Box::new(KernelMetric::new(Part::Alignment, options)),
        "kernel-rank" => Box::new(KernelMetric::new(Part::Rank, options)),
        "kernel-eigenvalues" => Box::new(KernelMetric::new(Part::Eigenvalues, options)),
        other => return Err(Error::unknown("metric", other, METRICS.map(|m| m.0))),
    })
}
