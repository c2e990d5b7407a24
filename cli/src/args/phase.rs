//! The flags of `ntk phase`.

use clap::Args;

use super::{Data, Dtype, Machine, Output, SecondData, value};

/// `ntk phase`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Without --data, 256 of the digits.\n\nExample:\n  \
                  ntk phase --activation erf --w-std 0.8:1.8:21 --b-std 0.42 --depths 1,5,10,20,40 \\\n    \
                  --data digits --n 100 --test 100")]
pub(crate) struct Phase {
    /// The activation
    #[arg(long, value_name = "ACT", default_value = "erf", help_heading = "Network")]
    pub(crate) activation: String,

    /// Deviations of the weights: a list, or FROM:TO:COUNT
    #[arg(long, value_name = "W,..", default_value = "0.8:1.8:21", value_parser = value::grid,
          allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) w_std: value::Grid,

    /// Deviations of the biases: a list, or FROM:TO:COUNT
    #[arg(long, value_name = "B,..", default_value = "0.2236", value_parser = value::grid,
          allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) b_std: value::Grid,

    /// Numbers of hidden layers
    #[arg(long, value_name = "D,..", value_delimiter = ',', value_parser = value::count,
          default_value = "1,2,5,10,20,40,80", allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) depths: Vec<usize>,

    /// Seed of the order of the samples
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = value::seed,
          allow_negative_numbers = true, help_heading = "Data")]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) second: SecondData,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

impl Phase {
    /// The network that data is read for.
    pub(crate) fn network(&self, model: Option<String>) -> super::Network {
        super::Network { model, weights: None, seed: self.seed, dtype: Dtype::F64 }
    }

    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.w_std.0.contains(&0.0) {
            return Some("'--w-std 0' is a network that says nothing; give deviations above 0".to_owned());
        }
        self.data.fault()
    }
}
