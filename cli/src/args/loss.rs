//! What a network is fitted to.

use clap::{Args, ValueEnum};

/// The loss.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Loss {
    /// How outputs are compared with targets [default: ce where there are classes, else mse]
    #[arg(long, value_enum, value_name = "LOSS", help_heading = "Loss")]
    pub(crate) loss: Option<LossKind>,
}

/// Which loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LossKind {
    /// Mean over samples of -ln softmax(f)[label]
    Ce,
    /// 1/(2n) times the sum over samples and outputs of (f - y)^2
    Mse,
}
