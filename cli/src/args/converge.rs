//! The flags of `ntk converge`.

use clap::Args;

use super::{Data, Machine, Network, Output, value};

/// `ntk converge`.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("weights", |a| a.hide(true)),
          after_help = "Example:\n  \
                  ntk converge --model mlp:64-64x2-10:erf --data digits --n 20 --seeds 20")]
pub(crate) struct Converge {
    #[command(flatten)]
    pub(crate) network: Network,

    /// Widths of all hidden layers
    #[arg(long, value_name = "W,..", value_delimiter = ',', value_parser = value::count,
          default_value = "32,64,128,256,512", allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) widths: Vec<usize>,

    /// Networks of each width, of seeds S, S+1, ...
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Network")]
    pub(crate) seeds: usize,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

impl Converge {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.network.weights.is_some() {
            return Some("'--weights' has no part in a study of widths; leave it out".to_owned());
        }
        let mut sorted = self.widths.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < 2 || sorted.len() < self.widths.len() {
            return Some("'--widths' needs at least two widths, each once; write --widths 64,128,256".to_owned());
        }
        if self.network.seed.checked_add(self.seeds as u64).is_none() {
            return Some(format!(
                "'--seeds {}' goes past the largest seed from '--seed {}'; lower one of them",
                self.seeds, self.network.seed
            ));
        }
        self.data.fault()
    }
}
