//! Noci, Meterez, Hofmann, Orvieto 2024: sharpness, and with it the best learning rate, in networks of different sizes.
//!
//! | file | what |
//! |---|---|
//! | `toy` | two linear layers, whose curvature has a closed form |
//! | [`network`] | the networks and their data |
//! | `descent` | gradient descent with its sharpness; the best learning rate |
//! | `claims` | what the paper says |
//! | `judge`, `curves`, `tables` | what the measurements say of it: verdicts, figures, tables |

mod claims;
mod curves;
mod descent;
mod judge;
pub mod network;
mod tables;
#[cfg(test)]
mod tests;
mod toy;

use serde::Serialize;

use super::record::Done;
use super::{About, Claim, Experiment, Findings, Lab, Record};
use crate::error::{Error, Result};
use network::{Param, Shape};

crate::settings! {
    /// Settings of `super-consistency`.
    pub struct Settings {
        /// Seeds of data and first weights.
        seeds: Vec<u64> => vec![0u64], vec![0u64, 1, 2], vec![0u64, 1, 2];
        /// Data set that all but the toy are trained on.
        data: String => "digits";
        /// Samples of it.
        samples: usize, 2 to 1000000 => 256usize, 256usize, 1024usize;
        /// Widths of the perceptron with two hidden layers.
        widths: Vec<usize>, 1 to 65536
            => vec![64usize, 128, 256], vec![64usize, 128, 256, 512], vec![64usize, 256, 1024, 4096];
        /// Its learning rates eta_0; claims are about the first.
        rates: Vec<f64>, 1e-6 to 1e3 => vec![1.0], vec![1.0], vec![1.0, 0.5, 2.0];
        /// Its steps.
        steps: u64, 2 to 1000000 => 300u64;
        /// Steps between two measurements of sharpness.
        every: u64, 1 to 1000000 => 20u64;
        /// Whether the Gauss-Newton part and the residual part are measured too, at three times the cost.
        split: bool => false, false, true;
        /// Widths of the toy of two linear layers.
        toy_widths: Vec<usize>, 1 to 65536
            => vec![64usize, 256, 1024], vec![16usize, 64, 256, 1024], vec![16usize, 64, 256, 1024, 4096];
        /// Learning rates of the toy: one below the edge of stability, one that meets it.
        toy_rates: Vec<f64>, 1e-6 to 1e3 => vec![1.0, 5.0];
        /// Length of the toy's teacher: how far the two layers must grow.
        toy_teacher: f64, 1e-3 to 1e3 => 1.0;
        /// Steps of the toy.
        toy_steps: u64, 2 to 1000000 => 400u64;
        /// Widths that the best learning rate is sought at.
        transfer_widths: Vec<usize>, 1 to 65536
            => vec![32usize, 64, 128], vec![32usize, 64, 128, 256, 512], vec![32usize, 128, 512, 2048];
        /// Steps after which it is the one of the least loss.
        transfer_steps: u64, 1 to 1000000 => 60u64;
        /// Residual blocks of the networks of different depth.
        blocks: Vec<usize>, 1 to 1024 => vec![2usize, 4, 8], vec![2usize, 4, 8, 16], vec![2usize, 4, 8, 16, 32, 64];
        /// Layers of a residual branch; claims are about 1.
        branch_layers: Vec<usize>, 1 to 16 => vec![1usize], vec![1usize, 2], vec![1usize, 2, 3];
        /// Width of these networks.
        depth_width: usize, 1 to 65536 => 128usize, 128usize, 512usize;
        /// Their learning rate eta_0.
        depth_rate: f64, 1e-6 to 1e3 => 0.5;
        /// Their steps.
        depth_steps: u64, 2 to 1000000 => 200u64;
    }
}

/// Gradient descent of the toy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Toy {
    seed: u64,
    param: Param,
    width: usize,
    rate: f64,
    steps: u64,
    every: u64,
    samples: usize,
    inputs: usize,
    teacher: f64,
}

/// Gradient descent of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Descent {
    seed: u64,
    param: Param,
    shape: Shape,
    rate: f64,
    steps: u64,
    every: u64,
    split: bool,
    data: String,
    samples: usize,
}

/// A few steps of a network at every learning rate of a grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transfer {
    seed: u64,
    param: Param,
    shape: Shape,
    rates: Vec<f64>,
    steps: u64,
    data: String,
    samples: usize,
}

/// A piece of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// The toy.
    Toy(Toy),
    /// Sharpness along a training.
    Descent(Descent),
    /// The best learning rate.
    Transfer(Transfer),
}

impl super::Task for Task {
    fn name(&self) -> String {
        match self {
            Self::Toy(t) => format!("toy/{}/width={}/eta={}/seed={}", t.param.name(), t.width, t.rate, t.seed),
            Self::Descent(d) => {
                format!("sharpness/{}/{}/eta={}/seed={}", d.param.name(), d.shape.name(), d.rate, d.seed)
            }
            Self::Transfer(t) => format!("transfer/{}/{}/seed={}", t.param.name(), t.shape.name(), t.seed),
        }
    }

    fn cost(&self) -> f64 {
        match self {
            // A step is a gradient, three passes; a measurement some twenty products of six each.
            Self::Toy(t) => {
                2.0 * (t.steps * 3 + 3 * t.steps / t.every) as f64 * (t.width * t.inputs * t.samples) as f64
            }
            Self::Descent(d) => {
                let measured = d.steps / d.every + 1;
                let passes = d.steps * 3 + measured * if d.split { 360 } else { 120 };
                passes as f64 * d.shape.cost() * d.samples as f64
            }
            Self::Transfer(t) => (t.steps * 3 * t.rates.len() as u64) as f64 * t.shape.cost() * t.samples as f64,
        }
    }
}

/// Half-octaves, `2^(k/2)`.
fn half_octaves(of: std::ops::RangeInclusive<i32>) -> Vec<f64> {
    of.map(|k| 2.0_f64.powi(k.div_euclid(2)) * if k.rem_euclid(2) == 1 { std::f64::consts::SQRT_2 } else { 1.0 })
        .collect()
}

/// The learning rates that the best is sought among.
fn grid(param: Param) -> Vec<f64> {
    match param {
        Param::Mup | Param::Ntp => half_octaves(-2..=7),
        Param::Sp => half_octaves(-18..=-3),
    }
}

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct SuperConsistency;

impl SuperConsistency {
    fn toys(s: &Settings) -> impl Iterator<Item = Task> {
        let one = |seed, param, width, rate| {
            let (steps, every) = (s.toy_steps, (s.toy_steps / 40).max(1));
            Task::Toy(Toy { seed, param, width, rate, steps, every, samples: 60, inputs: 100, teacher: s.toy_teacher })
        };
        s.seeds.iter().flat_map(move |&seed| {
            [Param::Mup, Param::Ntp].into_iter().flat_map(move |param| {
                s.toy_widths
                    .iter()
                    .flat_map(move |&width| s.toy_rates.iter().map(move |&rate| one(seed, param, width, rate)))
            })
        })
    }

    fn descents(s: &Settings, seed: u64) -> Vec<Task> {
        let task = |param, shape, rate, steps, split| {
            let (data, every) = (s.data.clone(), s.every);
            Task::Descent(Descent { seed, param, shape, rate, steps, every, split, data, samples: s.samples })
        };
        let mut tasks = Vec::new();
        for param in [Param::Mup, Param::Ntp] {
            for &rate in &s.rates {
                let of = |&width| task(param, Shape::Mlp { width }, rate, s.steps, s.split);
                tasks.extend(s.widths.iter().map(of));
            }
        }
        for &blocks in &s.blocks {
            let residual = |layers, exponent| Shape::Residual { width: s.depth_width, blocks, layers, exponent };
            let of = |&layers| task(Param::Mup, residual(layers, 0.5), s.depth_rate, s.depth_steps, false);
            tasks.extend(s.branch_layers.iter().map(of));
            // Without the factor deep networks diverge: only their start is measured.
            tasks.push(task(Param::Mup, residual(1, 0.0), s.depth_rate, 0, false));
        }
        tasks
    }

    fn transfers(s: &Settings, seed: u64) -> Vec<Task> {
        let task = |param, shape| {
            let (rates, steps, data) = (grid(param), s.transfer_steps, s.data.clone());
            Task::Transfer(Transfer { seed, param, shape, rates, steps, data, samples: s.samples })
        };
        let wide = Param::ALL.into_iter().flat_map(|param| s.transfer_widths.iter().map(move |&width| (param, width)));
        let mut tasks: Vec<Task> = wide.map(|(param, width)| task(param, Shape::Mlp { width })).collect();
        for &layers in &s.branch_layers {
            let residual = |&blocks| Shape::Residual { width: s.depth_width, blocks, layers, exponent: 0.5 };
            tasks.extend(s.blocks.iter().map(|blocks| task(Param::Mup, residual(blocks))));
        }
        tasks
    }
}

impl Experiment for SuperConsistency {
    type Settings = Settings;
    type Task = Task;

    fn about(&self) -> About {
        About {
            name: "super-consistency",
            paper: "Noci, Meterez, Hofmann, Orvieto 2024, Super Consistency of Neural Network Landscapes and Learning Rate \
                    Transfer",
            reference: "arXiv:2402.17457",
            question: "Why does the best learning rate of a small network hold for a large one, in some parameterizations?",
            protocol: "Perceptrons of different widths and residual networks of different depths are trained by full-batch \
                       gradient descent on the squared error, in muP, NTP and SP. Sharpness is that of D^1/2 H D^1/2, D the \
                       layers' learning rates over eta_0, so that the edge of stability is 2/eta_0 in each. Two linear \
                       layers, whose curvature has a closed form, stand beside them.",
            seconds: [15.0, 150.0, 20000.0],
            revision: 2,
        }
    }

    fn claims(&self) -> &'static [Claim] {
        claims::ALL
    }

    fn data(&self, settings: &Settings) -> Vec<String> {
        vec![settings.data.clone()]
    }

    fn tasks(&self, settings: &Settings) -> Result<Vec<Task>> {
        if settings.every > settings.steps {
            let what = format!("every = {} is more than steps = {}", settings.every, settings.steps);
            return Err(Error::usage(what, "measure at least once on the way"));
        }
        let of = |&seed: &u64| [Self::descents(settings, seed), Self::transfers(settings, seed)].concat();
        Ok(Self::toys(settings).chain(settings.seeds.iter().flat_map(of)).collect())
    }

    fn measure(&self, task: &Task, lab: &Lab<'_>) -> Result<Record> {
        match task {
            Task::Toy(toy) => toy::run(toy, lab),
            Task::Descent(descent) => descent::run(descent, lab),
            Task::Transfer(transfer) => descent::transfer(transfer, lab),
        }
    }

    fn judge(&self, settings: &Settings, done: &[(Task, Record)]) -> Result<Findings> {
        let measured = judge::Measured { settings, done: Done(done) };
        let notes = vec![
            "Sharpness that does not depend on width is no sign of muP by itself: a kernel that stays where it is does not depend \
             on it either. What tells the two apart is whether sharpness reaches the edge, and whether it grows on the way."
                .into(),
            "At the start muP networks of small width differ: a read-out of N small weights has not yet its mean.".into(),
        ];
        Ok(Findings {
            claims: measured.judge()?,
            figures: curves::figures(&measured)?,
            tables: vec![measured.sharpness_table()?, measured.transfer_table()?],
            notes,
            ..Findings::default()
        })
    }
}
