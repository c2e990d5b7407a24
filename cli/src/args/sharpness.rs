//! The flags of `ntk sharpness`.

use clap::Args;

use super::{Data, Loss, Machine, Network, Output, value};

/// `ntk sharpness`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk sharpness --data digits --n 500 --top 5\n  \
                  ntk sharpness --model net.toml --weights w.npz --x1 a.npy --y y.npy --dtype f32")]
pub(crate) struct Sharpness {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) loss: Loss,

    /// How many eigenvalues, from the largest down
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Eigenvalues")]
    pub(crate) top: usize,

    /// Residuals |Hv - lambda v| to reach, relative to the largest eigenvalue
    #[arg(long, value_name = "T", default_value_t = 1e-3, value_parser = value::tolerance,
          allow_negative_numbers = true, help_heading = "Eigenvalues")]
    pub(crate) tolerance: f64,

    /// Products with the Hessian at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Eigenvalues")]
    pub(crate) products: usize,

    /// Write the eigenvectors too: eigenvectors.npy, [K, parameters]
    #[arg(long, help_heading = "Eigenvalues")]
    pub(crate) vectors: bool,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}
