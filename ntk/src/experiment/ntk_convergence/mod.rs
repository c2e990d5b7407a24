//! Jacot, Gabriel, Hongler 2018: wide networks learn by a kernel that is known before training and stays as it is.
//!
//! Three experiments of the paper, its section 6, on networks of four layers of weights with ReLU, weights of variance
//! `1/fan_in` and biases of deviation `beta`. The kernel on a circle against its limit, at the start and after training (6.1).
//! The functions that networks of many first weights learn from four points, against a Gaussian process (6.2). Training
//! along one eigenvector of the kernel of digits, against the exponential (6.3).

mod claims;
mod figures;
mod judge;
mod measure;
mod tables;

use serde::Serialize;

use super::settings::comparable;
use super::{About, Claim, Experiment, Findings, Lab, Record, Task};
use crate::error::Result;

crate::settings! {
    /// Settings of `ntk-convergence`.
    pub struct Settings {
        /// Independent repetitions: each has networks, and data where it is drawn, of its own.
        seeds: Vec<u64> => vec![0u64], vec![0u64, 1, 2], vec![0u64, 1, 2];
        /// Deviation `beta` of the biases.
        bias: f64, 0.0 to 10.0 => 0.1;
        /// Points on the circle, from angle -pi on.
        angles: usize, 8 to 10000 => 40usize;
        /// Widths at which the kernel is compared with its limit.
        kernel_widths: Vec<usize>, 1 to 65536
            => vec![50usize, 200, 500], vec![50usize, 200, 500, 2000], vec![50usize, 200, 500, 2000, 10000];
        /// Networks a seed and width for that.
        kernel_inits: usize, 1 to 100000 => 30usize, 40usize, 40usize;
        /// Widths at which the kernel is looked at again after training.
        trained_widths: Vec<usize>, 1 to 65536 => vec![50usize, 200], vec![50usize, 500], vec![500usize, 10000];
        /// Networks a seed and width for that.
        trained_inits: usize, 1 to 100000 => 10usize;
        /// Normal samples of `f(x) = x_1 x_2` that they are trained on.
        trained_samples: usize, 1 to 100000 => 32usize, 32usize, 100usize;
        /// Steps of that training, at learning rate 1.
        trained_steps: usize, 0 to 1000000 => 200usize;
        /// Widths of the networks that learn four points.
        function_widths: Vec<usize>, 1 to 65536 => vec![50usize, 200], vec![50usize, 1000], vec![50usize, 1000];
        /// Networks a seed and width for that.
        function_inits: usize, 2 to 100000 => 100usize, 34usize, 100usize;
        /// Their learning rate.
        function_rate: f64, 1e-6 to 10.0 => 4.0, 4.0, 1.0;
        /// The time, learning rate times steps, after which they end in any case.
        function_time: f64, 1.0 to 1e9 => 1000.0;
        /// The digits to train along an eigenvector of.
        data: String => "digits", "digits", "digits";
        /// How many of them.
        component_samples: usize, 3 to 100000 => 256usize, 512usize, 512usize;
        /// Widths of the networks that are trained on them.
        component_widths: Vec<usize>, 1 to 65536
            => vec![50usize, 100, 400], vec![50usize, 100, 400, 1000], vec![100usize, 1000, 10000];
        /// Their learning rate.
        component_rate: f64, 1e-6 to 10.0 => 2.0, 2.0, 1.0;
    }
}

/// Layers of weights.
const DEPTH: usize = 4;

/// A piece of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // fields are what the settings call so
pub enum Piece {
    /// The infinite network on the circle.
    Limit { angles: usize, bias: f64 },
    /// Kernels before training.
    Kernels { width: usize, seed: u64, inits: usize, angles: usize, bias: f64 },
    /// Kernels before and after training.
    Trained { width: usize, seed: u64, inits: usize, angles: usize, bias: f64, samples: usize, steps: usize },
    /// Functions learnt from four points.
    Functions { width: usize, seed: u64, inits: usize, angles: usize, bias: f64, rate: f64, time: f64 },
    /// Eigenvalues of the infinite kernel of data.
    Spectrum { seed: u64, data: String, samples: usize, bias: f64 },
    /// Training along the second eigenvector.
    Component { width: usize, seed: u64, data: String, samples: usize, bias: f64, rate: f64 },
}

impl Task for Piece {
    fn name(&self) -> String {
        match self {
            Piece::Limit { .. } => "limit".into(),
            Piece::Kernels { width, seed, .. } => format!("kernels/width={width}/seed={seed}"),
            Piece::Trained { width, seed, .. } => format!("trained/width={width}/seed={seed}"),
            Piece::Functions { width, seed, .. } => format!("functions/width={width}/seed={seed}"),
            Piece::Spectrum { seed, .. } => format!("spectrum/seed={seed}"),
            Piece::Component { width, seed, .. } => format!("component/width={width}/seed={seed}"),
        }
    }

    /// Multiply-adds in units of a million; a step on few samples waits for memory, at some 16 of them a weight.
    fn cost(&self) -> f64 {
        let weights = |width: usize| 2.0 * (width * width) as f64 / 1e6;
        match *self {
            Piece::Limit { .. } => 1.0,
            Piece::Kernels { width, inits, angles, .. } => inits as f64 * weights(width) * (3 * angles + 60) as f64,
            Piece::Trained { width, inits, samples, steps, .. } => {
                (inits * steps) as f64 * weights(width) * (3 * samples + 64) as f64
            }
            // Some 60 steps are enough at rate 4.
            Piece::Functions { width, inits, rate, .. } => inits as f64 * 240.0 / rate * weights(width) * 64.0,
            Piece::Spectrum { samples, .. } => (samples as f64).powi(3) / 1e6,
            Piece::Component { width, samples, rate, .. } => 110.0 / rate * weights(width) * 3.0 * samples as f64,
        }
    }
}

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct NtkConvergence;

impl Experiment for NtkConvergence {
    type Settings = Settings;
    type Task = Piece;

    fn about(&self) -> About {
        About {
            name: "ntk-convergence",
            paper: "Jacot, Gabriel, Hongler 2018: Neural tangent kernel: convergence and generalization in neural networks",
            reference: "arXiv:1806.07572",
            question: "Does the tangent kernel of a network become deterministic as the width grows, and stay constant while \
                       it trains, so that training is kernel gradient descent?",
            protocol: "Networks with four layers of weights and ReLU (deviation 1/sqrt(fan_in), biases of deviation beta). \
                       Kernels with one point of a circle, at many widths and first weights, against the limit; again after \
                       gradient descent on f(x) = x_1 x_2 of normal inputs, learning rate 1. Networks trained to the end on \
                       four points of the circle, f = x_1 x_2: percentiles of their outputs against those of the Gaussian \
                       process of the limit. Digits as rows of squared norm 64, target f_0 + 0.5 v with v the second \
                       eigenvector of the infinite kernel, of mean square 1: the part of what is left along v, against \
                       0.5 (1 - rate lambda_2)^steps, and the part orthogonal to it.",
            seconds: [20.0, 110.0, 30_000.0],
            revision: 1,
        }
    }

    fn claims(&self) -> &'static [Claim] {
        claims::ALL
    }

    fn data(&self, settings: &Settings) -> Vec<String> {
        vec![settings.data.clone()]
    }

    fn tasks(&self, s: &Settings) -> Result<Vec<Piece>> {
        comparable(&[
            ("kernel_widths", &s.kernel_widths),
            ("trained_widths", &s.trained_widths),
            ("function_widths", &s.function_widths),
            ("component_widths", &s.component_widths),
        ])?;
        let (angles, bias) = (s.angles, s.bias);
        let mut pieces = vec![Piece::Limit { angles, bias }];
        for &seed in &s.seeds {
            let (samples, data) = (s.component_samples, &s.data);
            pieces.push(Piece::Spectrum { seed, data: data.clone(), samples, bias });
            let kernels = |&width: &usize| Piece::Kernels { width, seed, inits: s.kernel_inits, angles, bias };
            pieces.extend(s.kernel_widths.iter().map(kernels));
            pieces.extend(s.trained_widths.iter().map(|&width| Piece::Trained {
                width,
                seed,
                inits: s.trained_inits,
                angles,
                bias,
                samples: s.trained_samples,
                steps: s.trained_steps,
            }));
            pieces.extend(s.function_widths.iter().map(|&width| Piece::Functions {
                width,
                seed,
                inits: s.function_inits,
                angles,
                bias,
                rate: s.function_rate,
                time: s.function_time,
            }));
            pieces.extend(s.component_widths.iter().map(|&width| Piece::Component {
                width,
                seed,
                data: data.clone(),
                samples,
                bias,
                rate: s.component_rate,
            }));
        }
        Ok(pieces)
    }

    fn measure(&self, piece: &Piece, lab: &Lab<'_>) -> Result<Record> {
        measure::measure(piece, lab)
    }

    fn judge(&self, settings: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
        judge::judge(settings, done)
    }
}

#[cfg(test)]
mod tests;
