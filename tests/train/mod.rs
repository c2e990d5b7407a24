//! Training: trajectories against closed forms, the same bits every time, and how it fails.

mod closed_forms;
mod failures;
mod metrics;
mod parameterizations;
mod repetition;

use std::sync::atomic::AtomicBool;

use ntk::array::Array;
use ntk::loss::Loss;
use ntk::model::Architecture;
use ntk::train::{Samples, Settings, State, Task, Trainer};

use crate::numbers::Random;

/// Nobody stops these.
pub static NEVER: AtomicBool = AtomicBool::new(false);

/// A network, its names, its first weights and samples for it.
pub struct Case {
    pub model: Architecture,
    pub names: Vec<String>,
    pub weights: Vec<Array<f64>>,
    pub samples: Samples<f64>,
    pub loss: Loss,
}

impl Case {
    /// A network on `n` samples of random inputs; classes for cross-entropy, random targets for squared errors.
    pub fn new(model: &str, loss: Loss, n: usize) -> Self {
        Self::of(Architecture::parse(model).unwrap(), loss, n)
    }

    pub fn of(model: Architecture, loss: Loss, n: usize) -> Self {
        let mut random = Random::new(11);
        let outputs = model.output().unwrap()[0];
        let shape = [vec![n], model.input.clone()].concat();
        let inputs = Array::new(shape.clone(), random.numbers(shape.iter().product())).unwrap();
        let labels: Vec<usize> = (0..n).map(|i| (i * 7 + i / 3) % outputs).collect();
        let mut values = Array::new([n, outputs], random.numbers(n * outputs)).unwrap();
        let labels = match loss {
            Loss::CrossEntropy => {
                values.data.fill(0.0);
                labels.iter().enumerate().for_each(|(i, &label)| values.data[i * outputs + label] = 1.0);
                Some(&labels[..])
            }
            Loss::MeanSquaredError => None,
        };
        let samples = Samples::new(loss, &inputs, &values, labels, outputs).unwrap();
        let drawn = model.init(3).unwrap();
        let names = drawn.iter().map(|(name, ..)| name.clone()).collect();
        let weights = drawn.into_iter().map(|(_, shape, data)| Array::new(shape, data).unwrap()).collect();
        Self { model, names, weights, samples, loss }
    }

    pub fn task(&self) -> Task<'_, Architecture, f64> {
        Task::new(&self.model, &self.samples, self.loss, &self.names).unwrap()
    }

    pub fn descent(&self, rate: f64) -> Settings {
        Settings::gradient_descent(rate, self.weights.len())
    }

    pub fn trainer(&self, settings: Settings) -> Trainer<'_, Architecture, f64> {
        self.trainer_from(settings.clone(), State::new(self.weights.clone(), settings.optimizer))
    }

    pub fn trainer_from(&self, settings: Settings, state: State<f64>) -> Trainer<'_, Architecture, f64> {
        Trainer::new(self.task(), settings, state, &NEVER).unwrap()
    }
}

/// The losses of so many steps.
pub fn losses(trainer: &mut Trainer<'_, Architecture, f64>, steps: usize) -> Vec<f64> {
    (0..steps).map(|_| trainer.step().unwrap()).collect()
}

/// All parameters as one vector.
pub fn flat(weights: &[Array<f64>]) -> Vec<f64> {
    weights.iter().flat_map(|w| w.data.iter().copied()).collect()
}
