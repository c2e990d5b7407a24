//! Finite networks in an experiment: first weights, kernels, gradient descent that is watched.
//!
//! Experiments of this kind compute in f64, descend on all samples at once with the loss `1/(2 n) sum (f - y)^2`, and look at
//! the network between steps.

use super::Lab;
use crate::array::Array;
use crate::contraction::{self, Observer, Outputs};
use crate::error::Result;
use crate::loss::Loss;
use crate::model::Architecture;
use crate::train::{Samples, Settings, State, Task, Trainer};

/// The weights of a seed before training.
///
/// # Errors
/// As [`Architecture::init`].
pub fn weights(model: &Architecture, seed: u64) -> Result<Vec<Array<f64>>> {
    model.init(seed)?.into_iter().map(|(_, shape, entries)| Array::new(shape, entries)).collect()
}

/// The tangent kernel of a network, of `x1` with itself or with `x2`.
///
/// # Shape
/// As [`contraction::kernel`].
///
/// # Errors
/// As [`contraction::kernel`].
pub fn kernel(
    model: &Architecture,
    weights: &[Array<f64>],
    x1: &Array<f64>,
    x2: Option<&Array<f64>>,
    outputs: Outputs,
    lab: &Lab<'_>,
) -> Result<Array<f64>> {
    let settings = contraction::Settings { outputs, memory: lab.memory, ..contraction::Settings::default() };
    let observer = Observer { progress: &|_| (), stop: lab.stop };
    Ok(contraction::kernel(model, weights, x1, x2, &settings, &observer)?.kernel)
}

/// Whether a descent goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// It does.
    On,
    /// It ends here.
    Out,
}

/// What looks at a descent: at the number of steps taken, the weights and the loss.
pub type Look<'l> = dyn FnMut(u64, &[Array<f64>], f64) -> Result<Go> + 'l;

/// Gradient descent on all samples at once.
pub struct Descent<'d> {
    /// The network.
    pub model: &'d Architecture,
    /// `[n, ..input]`
    pub inputs: &'d Array<f64>,
    /// `[n, outputs]`
    pub targets: &'d Array<f64>,
    /// The learning rate of the loss `1/(2 n) sum (f - y)^2`.
    pub rate: f64,
    /// What it is multiplied with for each parameter array.
    pub rates: Vec<f64>,
    /// The most steps that are taken.
    pub steps: u64,
}

impl<'d> Descent<'d> {
    /// Descent at one rate for all layers.
    ///
    /// # Errors
    /// As [`Architecture::parameters`].
    pub fn new(
        model: &'d Architecture,
        inputs: &'d Array<f64>,
        targets: &'d Array<f64>,
        rate: f64,
        steps: u64,
    ) -> Result<Self> {
        Ok(Self { model, inputs, targets, rate, rates: vec![1.0; model.parameters()?.len()], steps })
    }

    /// The weights where the descent ends. `look` is called before each step and after the last, with the number of steps taken,
    /// the weights and the loss.
    ///
    /// # Errors
    /// As [`Trainer::step`]; what `look` refuses.
    pub fn run(&self, weights: Vec<Array<f64>>, lab: &Lab<'_>, look: &mut Look<'_>) -> Result<Vec<Array<f64>>> {
        let samples =
            Samples::<f64>::new(Loss::MeanSquaredError, self.inputs, self.targets, None, self.targets.row_len())?;
        let names: Vec<String> = self.model.parameters()?.into_iter().map(|(name, _)| name).collect();
        let task = Task::new(self.model, &samples, Loss::MeanSquaredError, &names)?;
        let settings = Settings { rates: self.rates.clone(), ..Settings::gradient_descent(self.rate, names.len()) };
        let state = State::new(weights, settings.optimizer);
        let mut trainer = Trainer::new(task, settings, state, lab.stop)?;
        for step in 0..=self.steps {
            let loss = trainer.full()?.loss;
            if look(step, &trainer.state().weights, loss)? == Go::Out {
                break;
            }
            if step < self.steps {
                trainer.step()?;
            }
        }
        Ok(trainer.state().weights.clone())
    }
}
