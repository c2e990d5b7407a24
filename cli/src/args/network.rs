//! The network that a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value;

/// A model, its parameters and their numbers.
#[derive(Debug, Clone, Args)]
pub(crate) struct Network {
    /// Preset or TOML file [default: mlp:IN-512x2-OUT:relu, sized to the data]
    #[arg(long, value_name = "M", help_heading = "Network")]
    pub(crate) model: Option<String>,

    /// Parameters W0, b0, ... (.npz, .safetensors) [default: drawn from the seed]
    #[arg(long, value_name = "FILE", requires = "model", help_heading = "Network")]
    pub(crate) weights: Option<PathBuf>,

    /// Seed of the parameters and of the order of the samples
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = value::seed,
          allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) seed: u64,

    /// The numbers of the computation
    #[arg(long, value_enum, value_name = "T", default_value_t = Dtype::F64,
          help_heading = "Network")]
    pub(crate) dtype: Dtype,
}

/// The numbers of a computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// Double precision
    F64,
    /// Single precision
    F32,
}

impl Dtype {
    /// NumPy's name of the numbers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
        }
    }
}
