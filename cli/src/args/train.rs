//! The flags of `ntk train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ntk::train::Decay;

use super::{Data, Loss, Machine, Network, Output, SecondData, value};

/// `ntk train`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk train --data digits --n 1000 --test 500 --lr 0.5\n  \
                  ntk train --model mlp:784-200x2-10:tanh --data fashion --n 1000 --loss mse --lr 0.5 \\\n      \
                      --metrics loss,accuracy,sharpness --steps 1000 --every 10\n  \
                  ntk train --resume runs/train-1\n\n\
                  `ntk train --help` has the constants of the optimizers and of the metrics too.")]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) second: SecondData,

    #[command(flatten)]
    pub(crate) loss: Loss,

    /// How a step is made of a gradient
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Optimizer::Sgd, help_heading = "Training")]
    pub(crate) optimizer: Optimizer,

    /// Learning rate; for flow, the time between two steps
    #[arg(long, value_name = "ETA", default_value_t = 0.1, value_parser = value::positive,
          allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) lr: f64,

    /// Steps
    #[arg(long, value_name = "K", default_value_t = 1000, value_parser = value::count,
          allow_negative_numbers = true, conflicts_with = "epochs", help_heading = "Training")]
    pub(crate) steps: usize,

    /// Steps, as times that every sample is seen [default: as --steps]
    #[arg(long, value_name = "E", value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) epochs: Option<usize>,

    /// Samples a step [default: all]
    #[arg(long, value_name = "B", value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Training")]
    pub(crate) batch: Option<usize>,

    /// constant, cosine, or step:EVERY:FACTOR
    #[arg(long, value_name = "SHAPE", default_value_t = Decay::Constant, value_parser = value::decay,
          help_heading = "Training")]
    pub(crate) schedule: Decay,

    /// Steps in which the learning rate rises to its value
    #[arg(
        long,
        value_name = "K",
        default_value_t = 0,
        allow_negative_numbers = true,
        help_heading = "Training",
        hide_short_help = true
    )]
    pub(crate) warmup: u64,

    /// Of momentum and nesterov
    #[arg(long, value_name = "MU", default_value_t = 0.9, value_parser = value::share,
          allow_negative_numbers = true, help_heading = "Training", hide_short_help = true)]
    pub(crate) momentum: f64,

    /// Of adam and adamw: the memory of the gradient
    #[arg(long, value_name = "B1", default_value_t = 0.9, value_parser = value::share,
          allow_negative_numbers = true, help_heading = "Training", hide_short_help = true)]
    pub(crate) beta1: f64,

    /// Of adam and adamw: the memory of its square
    #[arg(long, value_name = "B2", default_value_t = 0.999, value_parser = value::share,
          allow_negative_numbers = true, help_heading = "Training", hide_short_help = true)]
    pub(crate) beta2: f64,

    /// Of adam and adamw: what is added to the root
    #[arg(long, value_name = "E", default_value_t = 1e-8, value_parser = value::positive,
          allow_negative_numbers = true, help_heading = "Training", hide_short_help = true)]
    pub(crate) epsilon: f64,

    /// Of flow: the error a step of the integration may make
    #[arg(long, value_name = "T", default_value_t = 1e-6, value_parser = value::positive,
          allow_negative_numbers = true, help_heading = "Training", hide_short_help = true)]
    pub(crate) tolerance: f64,

    /// Added to the gradient times the weights; adamw: taken from the weights
    #[arg(long, value_name = "D", default_value_t = 0.0, value_parser = value::not_negative,
          allow_negative_numbers = true, help_heading = "Training", hide_short_help = true)]
    pub(crate) weight_decay: f64,

    /// Seed of the order of mini-batches alone [default: that of --seed]
    #[arg(long, value_name = "S", value_parser = value::seed,
          allow_negative_numbers = true, help_heading = "Training", hide_short_help = true)]
    pub(crate) order_seed: Option<u64>,

    /// What is measured, by the names of `ntk list` [default: loss,accuracy,gradient-norm]
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Metrics")]
    pub(crate) metrics: Vec<String>,

    /// Steps between two measurements [default: a 200th of all]
    #[arg(long, value_name = "K", value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Metrics")]
    pub(crate) every: Option<usize>,

    /// Samples that kernels are of, the first of the data
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Metrics", hide_short_help = true)]
    pub(crate) probe: usize,

    /// Eigenvalues of the kernel
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Metrics", hide_short_help = true)]
    pub(crate) eigenvalues: usize,

    /// Relative residual of the sharpness
    #[arg(long, value_name = "T", default_value_t = 1e-3, value_parser = value::positive,
          allow_negative_numbers = true, help_heading = "Metrics", hide_short_help = true)]
    pub(crate) sharpness_tolerance: f64,

    /// Steps between two checkpoints [default: one a minute]
    #[arg(long, value_name = "K", value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Output", hide_short_help = true)]
    pub(crate) checkpoint_every: Option<usize>,

    /// Tell what the training would need, and write nothing
    #[arg(long, conflicts_with = "resume", help_heading = "Output")]
    pub(crate) dry_run: bool,

    /// Go on with the training in DIR, whose flags are known [default: a new one]
    #[arg(long, value_name = "DIR", conflicts_with = "out", help_heading = "Output")]
    pub(crate) resume: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// How a step is made of a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Optimizer {
    /// Gradient descent
    Sgd,
    /// With a heavy ball
    Momentum,
    /// With momentum that looks ahead
    Nesterov,
    /// Adam, weight decay through the gradient
    Adam,
    /// Adam, weight decay of its own
    Adamw,
    /// Gradient flow: steps that vanish, by an adaptive Runge-Kutta method
    Flow,
}

impl Train {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.second.x2.is_some() {
            return Some("'--x2' has no targets to test on; leave it out, or take --test of a data set".into());
        }
        if self.optimizer == Optimizer::Flow && self.batch.is_some() {
            return Some("'--optimizer flow' has no mini-batches; leave '--batch' out".into());
        }
        self.data.fault()
    }
}
