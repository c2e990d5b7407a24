//! Fort et al. 2020: how far training is from that of a kernel, and when.
//!
//! | file | what |
//! |---|---|
//! | `parity` | the kernel along a training, and what regression with it learns |
//! | `linear` | the network linearized at a point, trained as the network is |
//! | `spawn` | children of a parent, and the barrier between them |
//! | `network` | networks, data, spoilt labels |
//! | `claims` | what the paper says |
//! | `judge`, `curves`, `tables` | what the measurements say of it: verdicts, figures, tables |

mod claims;
mod curves;
mod judge;
mod linear;
mod network;
mod parity;
mod spawn;
mod tables;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::record::Done;
use super::{About, Claim, Experiment, Findings, Lab, Record};
use crate::error::{Error, Result};

crate::settings! {
    /// Settings of `deep-vs-kernel`.
    pub struct Settings {
        /// Seeds of data, first weights and orders of batches.
        seeds: Vec<u64> => vec![0u64], vec![0u64, 1, 2], vec![0u64, 1, 2, 3, 4];
        /// Signs of a sample of the parity task.
        bits: usize, 2 to 1024 => 24usize, 24usize, 32usize;
        /// Signs whose product is the class.
        parity: usize, 1 to 1024 => 3usize;
        /// Samples to train on, parity.
        samples: usize, 10 to 100000 => 2000usize, 2000usize, 8000usize;
        /// Samples to test on, parity.
        test: usize, 10 to 100000 => 1000usize, 1000usize, 4000usize;
        /// Width of the two hidden layers, parity.
        width: usize, 1 to 65536 => 128usize, 128usize, 512usize;
        /// Learning rate, parity.
        rate: f64, 1e-6 to 100 => 0.1;
        /// Samples of a batch, of both tasks.
        batch: usize, 1 to 100000 => 32usize;
        /// Epochs, parity.
        epochs: u64, 10 to 100000 => 60u64;
        /// Epochs at which networks are taken for kernels; 0 and 10 among them.
        checkpoints: Vec<u64>, 0 to 100000
            => vec![0u64, 4, 5, 6, 8, 10, 20], vec![0u64, 1, 3, 4, 5, 6, 8, 10, 15, 20, 60],
               vec![0u64, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 45, 60];
        /// Samples that kernels are compared on.
        probe: usize, 2 to 10000 => 50usize, 50usize, 200usize;
        /// Data of the children.
        noisy_data: String => "digits", "digits", "fashion";
        /// Its samples to train on.
        noisy_samples: usize, 10 to 100000 => 1000usize, 1000usize, 6000usize;
        /// Its samples to test on.
        noisy_test: usize, 10 to 100000 => 500usize, 500usize, 2000usize;
        /// The share of labels to train on that are drawn anew.
        noise: f64, 0 to 1 => 0.2;
        /// Width of their three hidden layers.
        noisy_width: usize, 1 to 65536 => 64usize, 64usize, 512usize;
        /// Their learning rate, which falls to 0 as half a cosine.
        noisy_rate: f64, 1e-6 to 100 => 0.05;
        /// Their momentum.
        momentum: f64, 0 to 0.999 => 0.9;
        /// Their steps.
        noisy_steps: u64, 10 to 10000000 => 1200u64, 1200u64, 12000u64;
        /// Steps of the parent, at which children are spawned.
        spawns: Vec<u64>, 0 to 10000000
            => vec![0u64, 40, 160, 640], vec![0u64, 10, 20, 40, 80, 160, 320, 640],
               vec![0u64, 10, 20, 40, 80, 160, 320, 640, 1280, 3200, 6400];
    }
}

/// A training on sparse parity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parity {
    seed: u64,
    bits: usize,
    k: usize,
    samples: usize,
    test: usize,
    width: usize,
    rate: f64,
    batch: usize,
    epochs: u64,
    checkpoints: Vec<u64>,
    probe: usize,
}

/// Two children.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spawn {
    seed: u64,
    at: u64,
    data: String,
    samples: usize,
    test: usize,
    noise: f64,
    width: usize,
    hidden: usize,
    rate: f64,
    momentum: f64,
    batch: usize,
    steps: u64,
    probe: usize,
}

/// A piece of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// The kernel along a training.
    Parity(Parity),
    /// The barrier between children.
    Spawn(Spawn),
}

impl super::Task for Task {
    fn name(&self) -> String {
        match self {
            Self::Parity(p) => format!("parity/seed={}", p.seed),
            Self::Spawn(s) => format!("spawn/at={}/seed={}", s.at, s.seed),
        }
    }

    fn cost(&self) -> f64 {
        match self {
            Self::Parity(p) => {
                let (n, width) = (p.samples as f64, p.width as f64);
                let of_net = 3.0 * n * p.epochs as f64 * width * (width + p.bits as f64);
                let linear: f64 = p.checkpoints.iter().map(|&at| p.epochs.saturating_sub(at) as f64).sum();
                let of_kernels = p.checkpoints.len() as f64 * (n * n * n / 6.0 + 3.0 * n * n * width);
                of_net * (1.0 + 2.0 * linear / p.epochs as f64) + of_kernels
            }
            Self::Spawn(s) => {
                let steps = s.at + 2 * s.steps.saturating_sub(s.at);
                3.0 * (steps as f64 * s.batch as f64) * (s.hidden * s.width * s.width + 100 * s.width) as f64
            }
        }
    }
}

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct DeepVsKernel;

impl Experiment for DeepVsKernel {
    type Settings = Settings;
    type Task = Task;

    fn about(&self) -> About {
        About {
            name: "deep-vs-kernel",
            paper: "Fort et al. 2020, Deep learning versus kernel learning: an empirical study of loss landscape geometry and \
                    the time evolution of the Neural Tangent Kernel",
            reference: "arXiv:2010.15110",
            question: "When in training does a network become what its tangent kernel says it is?",
            protocol: "On sparse parity, which kernels at the start cannot learn, the kernel of a network is followed over its \
                       training, and regression with it, and the network linearized at it, are held against the network \
                       itself. On images with spoilt labels, two children of a parent end its training with orders of \
                       their own, and the barrier of the loss between them is measured. Standard parameterization, \
                       cross-entropy, mini-batches.",
            seconds: [15.0, 90.0, 20000.0],
            revision: 1,
        }
    }

    fn claims(&self) -> &'static [Claim] {
        claims::ALL
    }

    fn data(&self, settings: &Settings) -> Vec<String> {
        vec![settings.noisy_data.clone()]
    }

    fn tasks(&self, s: &Settings) -> Result<Vec<Task>> {
        let late = |(name, list, end): (&str, &[u64], u64)| {
            let found = list.iter().find(|&&at| at > end);
            found.map(|at| Error::usage(format!("{name} has {at}, and the training ends at {end}"), "take it out"))
        };
        if let Some(refused) = [("checkpoints", &s.checkpoints[..], s.epochs), ("spawns", &s.spawns[..], s.noisy_steps)]
            .into_iter()
            .find_map(late)
        {
            return Err(refused);
        }
        if !s.checkpoints.is_sorted() || !s.spawns.is_sorted() {
            return Err(Error::usage("checkpoints or spawns do not ascend", "sort them"));
        }
        if [0, 10].iter().any(|at| !s.checkpoints.contains(at)) {
            return Err(Error::usage(format!("checkpoints = {:?}", s.checkpoints), "have 0 and 10 among them"));
        }
        if s.parity > s.bits {
            return Err(Error::usage(
                format!("parity = {} of bits = {}", s.parity, s.bits),
                "take parity at most bits",
            ));
        }
        let parity = |&seed: &u64| {
            Task::Parity(Parity {
                seed,
                bits: s.bits,
                k: s.parity,
                samples: s.samples,
                test: s.test,
                width: s.width,
                rate: s.rate,
                batch: s.batch,
                epochs: s.epochs,
                checkpoints: s.checkpoints.clone(),
                probe: s.probe,
            })
        };
        let spawn = |&seed: &u64| {
            s.spawns.iter().map(move |&at| {
                Task::Spawn(Spawn {
                    seed,
                    at,
                    data: s.noisy_data.clone(),
                    samples: s.noisy_samples,
                    test: s.noisy_test,
                    noise: s.noise,
                    width: s.noisy_width,
                    hidden: 3,
                    rate: s.noisy_rate,
                    momentum: s.momentum,
                    batch: s.batch,
                    steps: s.noisy_steps,
                    probe: s.probe,
                })
            })
        };
        Ok(s.seeds.iter().map(parity).chain(s.seeds.iter().flat_map(spawn)).collect())
    }

    fn measure(&self, task: &Task, lab: &Lab<'_>) -> Result<Record> {
        match task {
            Task::Parity(parity) => parity::run(parity, lab),
            Task::Spawn(spawn) => spawn::run(spawn, lab),
        }
    }

    fn judge(&self, settings: &Settings, done: &[(Task, Record)]) -> Result<Findings> {
        let measured = judge::Measured { settings, done: Done(done) };
        let notes = vec![
            "Kernel distance between epochs depends on the time between them: velocities compare at one such time only, here an \
             epoch."
                .into(),
            "An error of 0 counts as half a test sample in ratios.".into(),
            "The paper's networks are convolutional, its data CIFAR; what is shown here is shown on small tasks that kernels at \
             the start cannot learn."
                .into(),
        ];
        Ok(Findings {
            claims: [measured.parity()?, measured.children()?].concat(),
            figures: curves::figures(&measured)?,
            tables: vec![measured.parity_table()?, measured.children_table()?],
            notes,
            ..Findings::default()
        })
    }
}
