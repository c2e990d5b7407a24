//! Xiao, Pennington, Schoenholz 2020: how deep a wide network can be trained, and how deep it generalizes, from the spectrum
//! of its kernel.
//!
//! All of it is a computation in function space: the kernels of infinitely wide networks at every depth. In the ordered
//! phase (`chi_1 < 1`) samples become alike, the kernel's condition number grows, and training takes ever longer. In the chaotic
//! phase they become unlike, training is quick, and what is learnt says nothing of other samples. Both happen over depth scales
//! `xi` that fixed points give.

mod claims;
mod figures;
mod judge;
mod measure;
mod tables;

use serde::Serialize;

use super::{About, Claim, Experiment, Findings, Lab, Record, Task};
use crate::error::{Error, Result};
use crate::infinite::phase::Layers;
use crate::model::Activation;

crate::settings! {
    /// Settings of `trainability`.
    pub struct Settings {
        /// Seeds; each chooses samples of its own.
        seeds: Vec<u64> => vec![0u64], vec![0u64, 1, 2], vec![0u64, 1, 2];
        /// The data to learn.
        data: String => "digits";
        /// Samples whose kernel is followed to great depth.
        points: usize, 4 to 1000 => 32usize;
        /// Test samples beside them.
        test_points: usize, 1 to 1000 => 64usize;
        /// The greatest depth of critical networks.
        deepest: usize, 3000 to 1000000 => 3000usize, 10000usize, 10000usize;
        /// Samples that are trained on.
        samples: usize, 10 to 10000 => 256usize;
        /// Samples that accuracy is measured on.
        test_samples: usize, 10 to 10000 => 300usize, 700usize, 700usize;
        /// Variance of the biases where accuracy is measured.
        bias: f64, 0.0 to 10.0 => 0.18;
        /// Variances of the weights in the ordered phase.
        ordered: Vec<f64>, 0.01 to 100.0 => vec![1.0, 1.4];
        /// Variances of the weights in the chaotic phase.
        chaotic: Vec<f64>, 0.01 to 100.0 => vec![2.2, 2.6, 3.0];
        /// Columns of the map of accuracies, from 0.5 to 3; of the first seed.
        columns: usize, 2 to 1000 => 9usize, 21usize, 40usize;
        /// The greatest depth of the networks that are trained.
        depth: usize, 40 to 1000 => 105usize;
        /// Times of training, in steps of half the largest stable learning rate; ascending.
        times: Vec<f64>, 0.0 to 1e12 => vec![1.0, 8.0, 64.0, 512.0, 4096.0];
    }
}

/// The least and the greatest variance of weights on the map.
const MAP: (f64, f64) = (0.5, 3.0);

/// A phase, and where its networks are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    /// Its name in tasks, tables and figures.
    name: &'static str,
    activation: Activation,
    /// `W_std^2`; none for the critical one.
    weight: Option<f64>,
    /// `b_std^2`
    bias: f64,
    /// Depths between which slopes are taken; none where the limit itself is compared.
    slopes: Option<(usize, usize)>,
}

/// The networks that are followed to great depth.
pub(crate) const CASES: [Case; 5] = [
    Case { name: "relu-critical", activation: Activation::Relu, weight: None, bias: 0.0, slopes: None },
    Case { name: "erf-critical", activation: Activation::Erf, weight: None, bias: 0.05, slopes: None },
    Case {
        name: "erf-ordered-1.25",
        activation: Activation::Erf,
        weight: Some(1.25),
        bias: 0.05,
        slopes: Some((200, 300)),
    },
    Case {
        name: "erf-chaotic-1.5",
        activation: Activation::Erf,
        weight: Some(1.5),
        bias: 0.05,
        slopes: Some((200, 300)),
    },
    Case {
        name: "erf-chaotic-2",
        activation: Activation::Erf,
        weight: Some(2.0),
        bias: 0.05,
        slopes: Some((100, 150)),
    },
];

impl Case {
    pub(crate) fn named(name: &str) -> Result<Self> {
        let found = CASES.iter().find(|case| case.name == name);
        found.copied().ok_or_else(|| Error::Bug(format!("there is no case {name}")))
    }

    /// Its layers.
    ///
    /// # Errors
    /// No critical weight.
    pub(crate) fn layers(&self) -> Result<Layers> {
        let weight = match self.weight {
            Some(weight) => weight,
            None => critical(self.activation, self.bias)?,
        };
        Ok(Layers { activation: self.activation, weight, bias: self.bias })
    }

    /// Depths at which its kernel is kept.
    fn depths(&self, deepest: usize) -> Vec<usize> {
        match self.slopes {
            Some((from, to)) => (1..=30).map(|i| i * to / 30).chain([from]).collect(),
            None => (0..)
                .map(|i| 10.0_f64.powf(f64::from(i) / 6.0).round() as usize)
                .take_while(|&l| l < deepest)
                .chain([100, 1000, 3000, deepest])
                .collect(),
        }
    }
}

/// The critical `W_std^2`.
pub(crate) fn critical(activation: Activation, bias: f64) -> Result<f64> {
    Layers::critical_weight(activation, bias)?.ok_or_else(|| {
        Error::usage(
            format!("{} has no critical weights at a bias of variance {bias}", activation.name()),
            "set bias to another value",
        )
    })
}

/// A piece of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // fields are what the settings call so
pub enum Piece {
    /// The kernel of some samples at many depths.
    Depths { case: String, seed: u64, data: String, points: usize, test_points: usize, depths: Vec<usize> },
    /// Accuracies at many depths and times.
    Accuracy {
        weight: f64,
        bias: f64,
        seed: u64,
        data: String,
        samples: usize,
        test_samples: usize,
        depth: usize,
        times: Vec<f64>,
    },
}

impl Task for Piece {
    fn name(&self) -> String {
        match self {
            Piece::Depths { case, seed, .. } => format!("depths/{case}/seed={seed}"),
            Piece::Accuracy { weight, seed, .. } => format!("accuracy/weight={weight:.6}/seed={seed}"),
        }
    }

    /// Millions of operations: 30 of a pair and layer, 20 cubes of the samples for eigenvectors.
    fn cost(&self) -> f64 {
        match self {
            Piece::Depths { points, test_points, depths, .. } => {
                let layers = depths.iter().max().copied().unwrap_or(0);
                (layers * points * (points / 2 + test_points) * 30 + depths.len() * points.pow(3) * 20) as f64 / 1e6
            }
            Piece::Accuracy { samples, test_samples, depth, .. } => {
                let kernels = depth * samples * (samples / 2 + test_samples) * 30;
                (kernels + measure::depths(*depth).len() * samples.pow(3) * 20) as f64 / 1e6
            }
        }
    }
}

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct Trainability;

impl Settings {
    /// Variances of weights on the map.
    pub(crate) fn map(&self) -> Vec<f64> {
        let step = (MAP.1 - MAP.0) / (self.columns - 1) as f64;
        (0..self.columns).map(|i| MAP.0 + step * i as f64).collect()
    }
}

impl Experiment for Trainability {
    type Settings = Settings;
    type Task = Piece;

    fn about(&self) -> About {
        About {
            name: "trainability",
            paper: "Xiao, Pennington, Schoenholz 2020: Disentangling trainability and generalization in deep neural networks",
            reference: "arXiv:1912.13053",
            question: "Does the spectrum of the infinite tangent kernel say how deep a network can be trained, and how deep it \
                       still generalizes?",
            protocol: "Kernels of infinitely wide fully connected networks, depth by depth, of inputs scaled to the fixed \
                       variance q*; depth 0 is the covariance of the inputs. Of 32 samples the eigenvalues and the predictor \
                       P = Theta* Theta^-1, applied to centred labels, against the asymptotics of the ordered, critical and \
                       chaotic phase. Of 256 samples the accuracy of gradient flow with learning rate 1/lambda_max after T \
                       steps, on them and on others (labels one-hot less 0.1, erf, biases of variance 0.18), against the depth \
                       scales xi_1 and xi_*. The paper trains on CIFAR-10; its finite networks are not trained here.",
            seconds: [10.0, 60.0, 120.0],
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
        if s.times.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::usage("times that do not ascend", "set times in ascending order"));
        }
        let critical = critical(Activation::Erf, s.bias)?;
        let mut pieces = Vec::new();
        for (nth, &seed) in s.seeds.iter().enumerate() {
            for case in CASES {
                let mut depths = case.depths(s.deepest);
                depths.sort_unstable();
                depths.dedup();
                let (points, test_points, data) = (s.points, s.test_points, s.data.clone());
                pieces.push(Piece::Depths { case: case.name.into(), seed, data, points, test_points, depths });
            }
            let mut weights = [s.ordered.as_slice(), &s.chaotic, &[critical]].concat();
            if nth == 0 {
                weights.extend(s.map());
            }
            weights.sort_by(f64::total_cmp);
            weights.dedup();
            pieces.extend(weights.into_iter().map(|weight| Piece::Accuracy {
                weight,
                bias: s.bias,
                seed,
                data: s.data.clone(),
                samples: s.samples,
                test_samples: s.test_samples,
                depth: s.depth,
                times: s.times.clone(),
            }));
        }
        Ok(pieces)
    }

    fn measure(&self, piece: &Piece, lab: &Lab<'_>) -> Result<Record> {
        match piece {
            Piece::Depths { case, seed, data, points, test_points, depths } => {
                measure::depths_of(Case::named(case)?, (*seed, data, *points, *test_points), depths, lab)
            }
            Piece::Accuracy { weight, bias, seed, data, samples, test_samples, depth, times } => {
                let layers = Layers { activation: Activation::Erf, weight: *weight, bias: *bias };
                measure::accuracy(layers, (*seed, data, *samples, *test_samples), *depth, times, lab)
            }
        }
    }

    fn judge(&self, settings: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
        judge::judge(settings, done)
    }
}

#[cfg(test)]
mod tests;
