//! The flags of `ntk infinite`.

use clap::{Args, ValueEnum};

use super::{Data, Machine, Network, Output, SecondData, Spectrum, value};

/// `ntk infinite`.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("weights", |a| a.hide(true)),
          after_help = "Examples:\n  \
                  ntk infinite --model mlp:64-512x2-10:erf --data digits --n 500\n  \
                  ntk infinite --model net.toml --x1 a.npy --x2 b.npy --get nngp --out k")]
pub(crate) struct Infinite {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) second: SecondData,

    /// Which kernel of the limit
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Get::Ntk, help_heading = "Kernel")]
    pub(crate) get: Get,

    /// full, top:K or none [default: full up to 4000 rows, then top:16]
    #[arg(long, value_name = "WHICH", value_parser = value::spectrum, help_heading = "Kernel")]
    pub(crate) spectrum: Option<Spectrum>,

    #[command(flatten)]
    pub(crate) machine: Machine,

    /// Compute R times and report each time
    #[arg(long, value_name = "R", default_value_t = 1, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Machine")]
    pub(crate) repeat: usize,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// A kernel of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Get {
    /// The tangent kernel
    Ntk,
    /// The covariance of the outputs at the start
    Nngp,
}

impl Infinite {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.network.weights.is_some() {
            return Some("'--weights' has no part in the limit of infinite width; leave it out".to_owned());
        }
        let columns = [("--x2", self.second.x2.is_some()), ("--test", self.second.test.is_some())];
        let columns = columns.into_iter().find(|c| c.1);
        if let (Some((columns, _)), Some(Spectrum::Full | Spectrum::Top(_))) = (columns, self.spectrum) {
            return Some(format!(
                "'--spectrum' cannot be used with '{columns}': a kernel of two different sets has no \
                 eigenvalues; write --spectrum none, or leave one of them out"
            ));
        }
        self.data.fault()
    }
}
