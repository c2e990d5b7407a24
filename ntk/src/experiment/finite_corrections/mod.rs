//! Hanin and Nica 2019: the kernel of a finite rectifier network at one input, its fluctuations and its first step.
//!
//! | file | what |
//! |---|---|
//! | [`theory`] | the moments, exactly and in the limit |
//! | `sample` | one network: its kernel, and how a step changes it |
//! | `claims` | what the paper says |
//! | `judge`, `figures` | what the moments say of it: verdicts; figures and a table |

mod claims;
mod figures;
mod judge;
mod sample;
pub mod theory;

use serde::Serialize;

use super::{About, Claim, Experiment, Findings, Lab, Record, Role, lab};
use crate::array::Array;
use crate::error::{Error, Result};

crate::settings! {
    /// Settings of `finite-corrections`.
    pub struct Settings {
        /// Seeds of the first weights; every seed draws networks of its own.
        seeds: Vec<u64> => vec![0u64], vec![0u64, 1, 2], vec![0u64, 1, 2, 3, 4, 5, 6, 7];
        /// Width of the hidden layers, of each configuration.
        widths: Vec<usize>, 1 to 4096
            => vec![16usize, 16, 32], vec![16usize, 32, 64, 16, 32, 64, 32],
               vec![16usize, 32, 64, 128, 16, 32, 64, 128, 32, 64, 128];
        /// Layers of weights, of each configuration; the hidden ones are one fewer.
        layers: Vec<usize>, 1 to 1024
            => vec![2usize, 5, 9], vec![2usize, 5, 9, 5, 9, 17, 17],
               vec![2usize, 5, 9, 17, 5, 9, 17, 33, 17, 33, 65];
        /// Networks drawn for each seed and configuration; a multiple of 100.
        samples: usize, 100 to 100000000 => 4000usize, 20000usize, 100000usize;
        /// Inputs; the input is all ones.
        inputs: usize, 1 to 4096 => 8usize;
    }
}

/// Blocks of samples that means are kept of: enough for a standard error by leaving one out.
const BLOCKS: usize = 100;

/// The quantities whose means are kept.
const QUANTITIES: usize = 7;

/// The networks of a seed and a configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Task {
    seed: u64,
    width: usize,
    layers: usize,
    samples: usize,
    inputs: usize,
}

impl super::Task for Task {
    fn name(&self) -> String {
        format!("width={}/layers={}/seed={}", self.width, self.layers, self.seed)
    }

    fn cost(&self) -> f64 {
        let numbers = self.width * self.width * self.layers;
        self.samples as f64 * (numbers as f64 + 10.0 * (self.width * self.layers) as f64)
    }
}

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct FiniteCorrections;

impl Experiment for FiniteCorrections {
    type Settings = Settings;
    type Task = Task;

    fn about(&self) -> About {
        About {
            name: "finite-corrections",
            paper: "Hanin and Nica 2019, Finite Depth and Width Corrections to the Neural Tangent Kernel",
            reference: "arXiv:1909.05989",
            question: "How much does the kernel of a finite network fluctuate and move, as depth and width grow together?",
            protocol: "Many rectifier networks are drawn. Of each, the kernel at one input and its change by a step of gradient \
                       descent are computed, and their moments held against exact ones. What counts is beta, the hidden \
                       layers over their width.",
            seconds: [2.0, 45.0, 4000.0],
            revision: 1,
        }
    }

    fn claims(&self) -> &'static [Claim] {
        claims::ALL
    }

    fn tasks(&self, settings: &Settings) -> Result<Vec<Task>> {
        let Settings { seeds, widths, layers, samples, inputs } = settings;
        if widths.len() != layers.len() {
            let what = format!("widths has {} numbers and layers has {}", widths.len(), layers.len());
            return Err(Error::usage(what, "give a width and a number of layers for each configuration"));
        }
        if !samples.is_multiple_of(BLOCKS) {
            return Err(Error::usage(format!("samples = {samples}"), format!("give a multiple of {BLOCKS}")));
        }
        let of = |&seed: &u64| {
            let task = move |(&width, &layers)| Task { seed, width, layers, samples: *samples, inputs: *inputs };
            widths.iter().zip(layers).map(task)
        };
        Ok(seeds.iter().flat_map(of).collect())
    }

    fn measure(&self, task: &Task, lab: &Lab<'_>) -> Result<Record> {
        let network = sample::network(task.inputs, task.width, task.layers);
        let mut sampler = sample::Sampler::new(&network)?;
        let x = sample::input(task.inputs);
        // A configuration has a stream of its own, so that no two share a network's first numbers.
        let key = lab::seed(task.seed, Role::Init, (task.width << 16 | task.layers) as u64);
        let size = task.samples / BLOCKS;
        let mut means = Vec::with_capacity(BLOCKS * QUANTITIES);
        for block in 0..BLOCKS {
            lab.check()?;
            let mut sums = [0.0; QUANTITIES];
            for i in block * size..(block + 1) * size {
                let weights = sampler.draw(lab::seed(key, Role::Init, i as u64))?;
                let s = sampler.at(&weights, &x)?;
                let squared = s.output * s.output;
                let found = [s.weights, s.weights * s.weights, s.biases, s.biases * s.biases];
                let of_output = [squared, squared * squared, s.drift];
                sums.iter_mut().zip(found.into_iter().chain(of_output)).for_each(|(sum, x)| *sum += x);
            }
            means.extend(sums.map(|sum| sum / size as f64));
            (lab.progress)((block + 1) as f64 / BLOCKS as f64);
        }
        Ok(Record::default().array("means", Array::new([BLOCKS, QUANTITIES], means)?))
    }

    fn judge(&self, settings: &Settings, done: &[(Task, Record)]) -> Result<Findings> {
        judge::judge(settings, done)
    }
}
