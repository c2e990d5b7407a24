//! One step after another.

use std::sync::atomic::AtomicBool;

use autodiff::Float;

use super::augment::Augment;
use super::flow::Flow;
use super::optimizer::{Optimizer, Step};
use super::order::Order;
use super::schedule::Schedule;
use super::task::{Batch, Evaluation, Task};
use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::Network;

/// A loss this many times that of the first step counts as diverged.
pub const DIVERGED: f64 = 1e6;

/// How a network is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What a step makes of a gradient.
    pub optimizer: Optimizer,
    /// The learning rate of every step.
    pub schedule: Schedule,
    /// Samples a step; all of them where it is as large as the data.
    pub batch: usize,
    /// Seed of the order of mini-batches.
    pub order_seed: u64,
    /// The weight decay.
    pub decay: f64,
    /// What the learning rate is multiplied with for each parameter array.
    pub rates: Vec<f64>,
}

impl Settings {
    /// Full-batch gradient descent at one learning rate for all `arrays` parameter arrays.
    pub fn gradient_descent(rate: f64, arrays: usize) -> Self {
        Self {
            optimizer: Optimizer::GRADIENT_DESCENT,
            schedule: Schedule::constant(rate),
            batch: usize::MAX,
            order_seed: 0,
            decay: 0.0,
            rates: vec![1.0; arrays],
        }
    }
}

/// Where a training stands: all that a checkpoint has to keep of it.
#[derive(Clone, Debug, PartialEq)]
pub struct State<R> {
    /// Steps taken.
    pub step: u64,
    /// The parameters.
    pub weights: Vec<Array<R>>,
    /// What the optimizer remembers, each vector of all parameters.
    pub moments: Vec<Vec<R>>,
    /// The step size that the gradient flow last found good; 0 at first.
    pub flow_step: f64,
    /// The loss of the first step, once it was taken.
    pub first_loss: Option<f64>,
}

impl<R: Float> State<R> {
    /// The beginning of a training from these weights.
    pub fn new(weights: Vec<Array<R>>, optimizer: Optimizer) -> Self {
        let count = weights.iter().map(Array::len).sum();
        let moments = vec![vec![R::ZERO; count]; optimizer.moments()];
        Self { step: 0, weights, moments, flow_step: 0.0, first_loss: None }
    }
}

/// A training under way.
pub struct Trainer<'t, N, R> {
    task: Task<'t, N, R>,
    settings: Settings,
    order: Order,
    augment: Option<&'t dyn Augment<R>>,
    stop: &'t AtomicBool,
    state: State<R>,
    /// The gradient over all samples at the present weights, once it was asked for.
    full: Option<Evaluation<R>>,
}

impl<'t, N: Network, R: Float> Trainer<'t, N, R> {
    /// A training that begins, or goes on, from a state.
    ///
    /// `stop` is looked at between chunks of a batch: a step that it interrupts has not happened.
    ///
    /// # Errors
    /// A state or multipliers of another network; a learning rate that is not positive; a flow in mini-batches.
    pub fn new(task: Task<'t, N, R>, settings: Settings, state: State<R>, stop: &'t AtomicBool) -> Result<Self> {
        let shapes = task.network().parameters()?;
        if settings.rates.len() != shapes.len() || state.weights.len() != shapes.len() {
            return Err(Error::usage(
                format!(
                    "{} parameters and {} learning rates for a network of {} parameters",
                    state.weights.len(),
                    settings.rates.len(),
                    shapes.len()
                ),
                "give one of each for every parameter array",
            ));
        }
        if let Some(i) = (0..shapes.len()).find(|&i| state.weights[i].shape != shapes[i]) {
            return Err(Error::Shape {
                what: format!("parameter {}", task.name(i)),
                expected: shapes[i].clone(),
                found: state.weights[i].shape.clone(),
                remedy: "give the parameters of this model".into(),
            });
        }
        let count: usize = state.weights.iter().map(Array::len).sum();
        if state.moments.len() != settings.optimizer.moments() || state.moments.iter().any(|m| m.len() != count) {
            return Err(Error::usage(
                "the state is one of another optimizer",
                "begin anew from the weights, or go on with the same optimizer",
            ));
        }
        let rate = settings.schedule.rate;
        if !(rate.is_finite() && rate > 0.0) {
            return Err(Error::usage(format!("the learning rate is {rate}"), "give a number above 0"));
        }
        let order = Order::new(task.samples().len(), settings.batch, settings.order_seed);
        if matches!(settings.optimizer, Optimizer::Flow { .. }) && !order.is_full() {
            return Err(Error::usage("a gradient flow has no mini-batches", "leave the batch size out"));
        }
        Ok(Self { task, settings, order, augment: None, stop, state, full: None })
    }

    /// The same training with its samples changed on their way to each step.
    ///
    /// Metrics see the samples as they are.
    pub fn augmented(mut self, augment: &'t dyn Augment<R>) -> Self {
        self.augment = Some(augment);
        self
    }

    /// Where it stands.
    pub fn state(&self) -> &State<R> {
        &self.state
    }

    /// The weights; all else of the training is let go.
    pub fn into_weights(self) -> Vec<Array<R>> {
        self.state.weights
    }

    /// The loss that is trained.
    pub fn task(&self) -> &Task<'t, N, R> {
        &self.task
    }

    /// How it is trained.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Steps that see every sample once.
    pub fn steps_per_epoch(&self) -> u64 {
        self.order.steps_per_epoch()
    }

    /// What stops it.
    pub fn stop(&self) -> &'t AtomicBool {
        self.stop
    }

    /// The learning rate of the next step.
    pub fn rate(&self) -> f64 {
        self.settings.schedule.at(self.state.step)
    }

    /// Loss, accuracy and gradient over all samples at the present weights; computed once.
    ///
    /// # Errors
    /// As [`Task::gradient`].
    pub fn full(&mut self) -> Result<&Evaluation<R>> {
        let found = match self.full.take() {
            Some(found) => found,
            None => self
                .task
                .gradient(&self.state.weights, Batch::All, self.stop)
                .map_err(|error| at_step(error, self.state.step))?,
        };
        Ok(self.full.insert(found))
    }

    /// Takes a step; the loss that it began from, over its batch.
    ///
    /// # Errors
    /// A loss that grew beyond [`DIVERGED`]; numbers that are not finite, with layer and step; an interruption. The
    /// state is then as it was.
    pub fn step(&mut self) -> Result<f64> {
        let (step, rate) = (self.state.step, self.rate());
        let full = self.order.is_full() && self.augment.is_none();
        let found = if full {
            self.full()?;
            self.full.take().ok_or_else(|| Error::Bug("a gradient that was just made is gone".into()))?
        } else {
            let all: Vec<usize>;
            let rows = match self.order.batch(step) {
                Some(rows) => rows,
                None => {
                    all = (0..self.task.samples().len()).collect();
                    &all
                }
            };
            let batch = Batch::Rows { rows, augment: self.augment.map(|augment| (augment, step)) };
            self.task.gradient(&self.state.weights, batch, self.stop).map_err(|error| at_step(error, step))?
        };
        let first = *self.state.first_loss.get_or_insert(found.loss);
        if found.loss > DIVERGED * (1.0 + first) {
            return Err(Error::numerics(
                format!(
                    "training diverged: the loss is {:.3e} at step {step}, from {first:.3e} at the first",
                    found.loss
                ),
                "lower the learning rate",
            ));
        }
        if let Some(at) = found.gradient.iter().position(|g| !Float::is_finite(*g)) {
            let layer = self.array_of(at);
            return Err(at_step(Error::Overflow { what: "the gradient", place: layer }, step));
        }
        let settings = &self.settings;
        if let Optimizer::Flow { tolerance } = settings.optimizer {
            let flow = Flow { rates: &settings.rates, decay: settings.decay, tolerance, stop: self.stop };
            let mut size = self.state.flow_step;
            let moved = flow.advance(&self.task, &self.state.weights, &found.gradient, rate, &mut size);
            self.state.weights = match moved {
                Ok(weights) => weights,
                Err(error) => {
                    self.full = Some(found);
                    return Err(at_step(error, step));
                }
            };
            self.state.flow_step = size;
        } else {
            let at =
                Step { gradient: &found.gradient, rate, rates: &settings.rates, decay: settings.decay, taken: step };
            settings.optimizer.step(&at, &mut self.state.weights, &mut self.state.moments);
        }
        self.state.step += 1;
        // What was asked of the weights before says nothing of these.
        self.full = None;
        Ok(found.loss)
    }

    /// The name of the parameter array that a number of the flat vector belongs to.
    fn array_of(&self, at: usize) -> String {
        let mut end = 0;
        let leaf = self.state.weights.iter().position(|weight| {
            end += weight.len();
            at < end
        });
        format!("layer {}", self.task.name(leaf.unwrap_or_default()))
    }
}

/// The same failure with the step that it happened at.
pub(crate) fn at_step(error: Error, step: u64) -> Error {
    match error {
        Error::Overflow { what, place } => Error::numerics(
            format!("{what} is not finite at {place}, step {step}"),
            "lower the learning rate, normalize the inputs, or compute in f64",
        ),
        other => other,
    }
}
