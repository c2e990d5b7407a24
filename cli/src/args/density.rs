//! The flags of `ntk density`.

use clap::{Args, ValueEnum};

use super::{Data, Loss, Machine, Network, Output, value};

/// `ntk density`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk density --data digits --n 500\n  \
                  ntk density --matrix ntk --model mlp:784-1024x3-10:relu --data fashion --n 2000")]
pub(crate) struct Density {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) loss: Loss,

    /// The matrix whose eigenvalues are counted
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = DensityMatrix::Hessian,
          help_heading = "Density")]
    pub(crate) matrix: DensityMatrix,

    /// Random directions to average over
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Density")]
    pub(crate) probes: usize,

    /// Products for each direction
    #[arg(long, value_name = "M", default_value_t = 60, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Density")]
    pub(crate) steps: usize,

    /// Points of the curve
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Density")]
    pub(crate) points: usize,

    /// Width of the normal drawn for an eigenvalue, as a share of their range
    #[arg(long, value_name = "W", default_value_t = 0.01, value_parser = value::tolerance,
          allow_negative_numbers = true, help_heading = "Density")]
    pub(crate) width: f64,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// A matrix that has a density.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DensityMatrix {
    /// Second derivatives of the loss
    Hessian,
    /// Gauss-Newton: the part that curves in the outputs
    Ggn,
    /// The neural tangent kernel of samples and outputs
    Ntk,
}

impl Density {
    /// The word for the matrix.
    pub(crate) fn matrix_name(&self) -> &'static str {
        match self.matrix {
            DensityMatrix::Hessian => "hessian",
            DensityMatrix::Ggn => "ggn",
            DensityMatrix::Ntk => "ntk",
        }
    }
}
