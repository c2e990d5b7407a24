//! Lee, Xiao and others 2019: wide networks train as their linearization in the parameters does.
//!
//! Three measurements. How little each layer and the kernel move in training, by width. Means and variances of the outputs of
//! trained ensembles, against the Gaussian process of infinite width. And one network beside its own linearization.

mod claims;
mod figures;
mod judge;
mod measure;
mod tables;

use serde::Serialize;

use super::settings::comparable;
use super::{About, Claim, Experiment, Findings, Lab, Record, Task};
use crate::error::{Error, Result};

crate::settings! {
    /// Settings of `linear-models`.
    pub struct Settings {
        /// Seeds of first weights. The first one also chooses the samples, which all share.
        seeds: Vec<u64> => vec![0u64], vec![0u64, 1, 2], vec![0u64, 1, 2];
        /// The data to learn.
        data: String => "digits";
        /// The two classes of it, -1 and +1.
        classes: Vec<String> => vec!["3".to_owned(), "8".to_owned()];
        /// Samples that are trained on.
        samples: usize, 2 to 10000 => 32usize, 32usize, 128usize;
        /// Samples that ensembles are compared on.
        test_samples: usize, 1 to 10000 => 64usize;
        /// Widths at which the movement of weights and kernel is measured.
        widths: Vec<usize>, 2 to 65536
            => vec![32usize, 64, 128, 256], vec![64usize, 128, 256, 512, 1024], vec![64usize, 128, 256, 512, 1024, 2048, 4096];
        /// The most steps of that training; it ends where 1e-6 of the first loss is left.
        steps: usize, 1 to 10000000 => 4096usize, 4096usize, 131072usize;
        /// The networks of a width are this by the width, from 1 to 16: narrow ones vary more.
        spread: usize, 1 to 1000000 => 1024usize, 1024usize, 4096usize;
        /// Its learning rate.
        rate: f64, 1e-6 to 100.0 => 0.25;
        /// Widths of ensembles.
        ensemble_widths: Vec<usize>, 2 to 65536 => vec![32usize, 128], vec![64usize, 256], vec![64usize, 256, 1024];
        /// Networks a seed and width.
        inits: usize, 2 to 100000 => 400usize, 134usize, 134usize;
        /// Their learning rate.
        ensemble_rate: f64, 1e-6 to 100.0 => 0.5;
        /// The time, learning rate times steps, up to which they are trained.
        time: f64, 10.0 to 1e9 => 100.0, 100.0, 1000.0;
    }
}

/// A piece of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // fields are what the settings call so
pub enum Piece {
    /// A training to the end, and what it moved.
    Movement { width: usize, seed: u64, of: Chosen, inits: usize, rate: f64, steps: usize },
    /// The infinite ensemble.
    Limit { of: Chosen, rate: f64, time: f64 },
    /// A finite ensemble, and its networks' linearizations.
    Ensemble { width: usize, seed: u64, of: Chosen, inits: usize, rate: f64, time: f64 },
}

/// Which samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)] // fields are what the settings call so
pub struct Chosen {
    pub data: String,
    pub classes: Vec<String>,
    pub samples: usize,
    pub test_samples: usize,
    pub seed: u64,
}

impl Task for Piece {
    fn name(&self) -> String {
        match self {
            Piece::Movement { width, seed, .. } => format!("movement/width={width}/seed={seed}"),
            Piece::Limit { .. } => "limit".into(),
            Piece::Ensemble { width, seed, .. } => format!("ensemble/width={width}/seed={seed}"),
        }
    }

    /// Millions of multiply-adds; a step passes over the weights some times in any case.
    fn cost(&self) -> f64 {
        match *self {
            // Most trainings end after some hundred steps.
            Piece::Movement { width, ref of, inits, steps, .. } => {
                (inits * steps.min(1200) * 2 * width * width * (3 * of.samples + 64)) as f64 / 1e6
            }
            Piece::Limit { ref of, .. } => (of.samples + of.test_samples).pow(3) as f64 / 1e6,
            Piece::Ensemble { width, ref of, inits, rate, time, .. } => {
                inits as f64 * time / rate * ((width * width + 64 * width) * (3 * of.samples + 64)) as f64 / 1e6
            }
        }
    }
}

/// The experiment.
#[derive(Clone, Copy, Debug)]
pub struct LinearModels;

impl Experiment for LinearModels {
    type Settings = Settings;
    type Task = Piece;

    fn about(&self) -> About {
        About {
            name: "linear-models",
            paper: "Lee, Xiao, Schoenholz, Bahri, Novak, Sohl-Dickstein, Pennington 2019: Wide neural networks of any depth \
                    evolve as linear models under gradient descent",
            reference: "arXiv:1902.06720",
            question: "Does a wide network train as its first-order Taylor expansion in the parameters, and do ensembles of them \
                       follow a Gaussian process in closed form at every time?",
            protocol: "Two classes of digits, targets -1 and 1, full-batch gradient descent on 1/(2 n) sum (f - y)^2. Networks \
                       with three hidden ReLU layers (W_std^2 = 2, b_std = 0.1) at many widths, trained to the end: relative \
                       Frobenius changes of each layer's weights and of the kernel. Ensembles of networks with two hidden erf \
                       layers (W_std^2 = 1.5, b_std^2 = 0.1): means and variances of outputs on other samples at times 0, 10, \
                       100, 1000 (learning rate times steps) against the infinite ensemble under the same descent; each network \
                       against its own linearization, solved in closed form with its kernel at the start.",
            seconds: [20.0, 110.0, 20_000.0],
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
        comparable(&[("widths", &s.widths), ("ensemble_widths", &s.ensemble_widths)])?;
        if s.classes.len() != 2 {
            return Err(Error::usage(
                format!("{} classes", s.classes.len()),
                "name two, such as classes = [\"3\", \"8\"]",
            ));
        }
        let first = s.seeds.first().copied().ok_or_else(|| Error::usage("no seed", "give at least one"))?;
        let (data, classes) = (s.data.clone(), s.classes.clone());
        let of = Chosen { data, classes, samples: s.samples, test_samples: s.test_samples, seed: first };
        let (rate, time) = (s.ensemble_rate, s.time);
        let mut pieces = vec![Piece::Limit { of: of.clone(), rate, time }];
        for &seed in &s.seeds {
            let of = || of.clone();
            let movement = |&width: &usize| Piece::Movement {
                width,
                seed,
                of: of(),
                inits: (s.spread / width).clamp(1, 16),
                rate: s.rate,
                steps: s.steps,
            };
            pieces.extend(s.widths.iter().map(movement));
            let ensemble = |&width: &usize| Piece::Ensemble { width, seed, of: of(), inits: s.inits, rate, time };
            pieces.extend(s.ensemble_widths.iter().map(ensemble));
        }
        Ok(pieces)
    }

    fn measure(&self, piece: &Piece, lab: &Lab<'_>) -> Result<Record> {
        match piece {
            Piece::Movement { width, seed, of, inits, rate, steps } => {
                measure::movement((*width, *seed, *inits), of, (*rate, *steps as u64), lab)
            }
            Piece::Limit { of, rate, time } => measure::limit(of, *rate, *time, lab),
            Piece::Ensemble { width, seed, of, inits, rate, time } => {
                measure::ensemble((*width, *seed, *inits), of, (*rate, *time), lab)
            }
        }
    }

    fn judge(&self, settings: &Settings, done: &[(Piece, Record)]) -> Result<Findings> {
        judge::judge(settings, done)
    }
}

#[cfg(test)]
mod tests;
