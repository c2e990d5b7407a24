//! The flags of `ntk predict`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::infinite::Get;
use super::{Data, Machine, Network, Output, SecondData, value};

/// `ntk predict`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk predict --data digits --n 500 --test 500 --times 10,1000,inf\n  \
                  ntk predict --model net.toml --weights w.npz --kernel empirical \\\n    \
                  --x1 a.npy --y y.npy --x2 b.npy --lr 0.1 --times 100,1000")]
pub(crate) struct Predict {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) second: SecondData,

    /// Whose kernel [default: infinite; empirical with --weights]
    #[arg(long, value_enum, value_name = "WHOSE", conflicts_with = "kernel_file", help_heading = "Kernel")]
    pub(crate) kernel: Option<Of>,

    /// A stored kernel of the samples [default: computed]
    #[arg(long, value_name = "K.npy", help_heading = "Kernel")]
    pub(crate) kernel_file: Option<PathBuf>,

    /// A stored kernel of second and first samples, [m, n] [default: computed]
    #[arg(long, value_name = "K2.npy", requires = "kernel_file", help_heading = "Kernel")]
    pub(crate) kernel_test: Option<PathBuf>,

    /// Training of all layers, or of the last alone; of an infinite kernel
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Get::Ntk, help_heading = "Kernel")]
    pub(crate) get: Get,

    /// Added to the diagonal, relative to its mean
    #[arg(long, value_name = "R", default_value_t = 0.0, value_parser = value::not_negative,
          allow_negative_numbers = true, help_heading = "Kernel")]
    pub(crate) ridge: f64,

    /// What is minimized; of ce, times are learning rate times steps
    #[arg(long, value_enum, value_name = "LOSS", default_value_t = PredictLoss::Mse, help_heading = "Training")]
    pub(crate) loss: PredictLoss,

    /// Times of gradient flow of 1/(2 n o) sum (f - y)^2, or steps with --lr; inf is the end
    #[arg(long, value_name = "T,..", value_delimiter = ',', value_parser = value::time, default_value = "inf",
          allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) times: Vec<f64>,

    /// Gradient descent of this rate [default: gradient flow]
    #[arg(long, value_name = "RATE", value_parser = value::positive,
          allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) lr: Option<f64>,

    /// Heavy-ball momentum of gradient descent
    #[arg(long, value_name = "MU", default_value_t = 0.0, value_parser = value::share, requires = "lr",
          allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) momentum: f64,

    /// No covariance.npy, of an ensemble of wide networks
    #[arg(long, help_heading = "Training")]
    pub(crate) no_covariance: bool,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// Whose kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Of {
    /// Of this network, from its own outputs
    Empirical,
    /// Of the limit of infinite width: the mean over networks
    Infinite,
}

/// A loss whose flow is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PredictLoss {
    /// Squared errors, in closed form
    Mse,
    /// Cross-entropy, integrated
    Ce,
}

impl Predict {
    /// Whose kernel is meant.
    pub(crate) fn of(&self) -> Of {
        self.kernel.unwrap_or(if self.network.weights.is_some() { Of::Empirical } else { Of::Infinite })
    }

    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.of() == Of::Infinite && self.network.weights.is_some() && self.kernel_file.is_none() {
            return Some("'--weights' has no part in '--kernel infinite'; leave one of them out".to_owned());
        }
        if self.get == Get::Nngp && (self.of() == Of::Empirical || self.kernel_file.is_some()) {
            return Some(
                "'--get nngp' is a kernel of infinite width; write --kernel infinite, or leave it out".to_owned(),
            );
        }
        if self.loss == PredictLoss::Ce {
            if self.lr.is_some() {
                return Some("'--lr' is of 'mse'; with --loss ce times are learning rate times steps".to_owned());
            }
            if self.times.iter().any(|time| time.is_infinite()) {
                return Some("'--loss ce' has no end of time: outputs grow for ever; give finite --times".to_owned());
            }
        }
        let second = self.second.test.is_some() || self.second.x2.is_some();
        if self.kernel_file.is_some() && second != self.kernel_test.is_some() {
            return Some(
                "'--kernel-file' needs '--kernel-test' where there is a second set of samples, and only there"
                    .to_owned(),
            );
        }
        self.data.fault()
    }
}
