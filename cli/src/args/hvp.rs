//! The flags of `ntk hvp`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Data, Loss, Machine, Network, Output};

/// `ntk hvp`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  \
                  ntk hvp --model net.toml --weights w.npz --x1 a.npy --y y.npy --vector v.npy\n\n\
                  A vector is W0, b0, W1, ... behind one another, each in C order.")]
pub(crate) struct Hvp {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) loss: Loss,

    /// A vector [parameters], or several [k, parameters] (.npy) [default: none, it is needed]
    #[arg(long, value_name = "V.npy", required = true, help_heading = "Product")]
    pub(crate) vector: PathBuf,

    /// The matrix that it is multiplied by
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Matrix::Hessian,
          help_heading = "Product")]
    pub(crate) matrix: Matrix,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// A matrix of the parameters' size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Matrix {
    /// Second derivatives of the loss
    Hessian,
    /// Gauss-Newton: the part that curves in the outputs
    Ggn,
    /// The Fisher information of the model
    Fisher,
    /// Mean of g g^T over the samples' gradients
    EmpiricalFisher,
}
