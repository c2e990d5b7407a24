//! The flags of `ntk landscape`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Data, Loss, Machine, Network, Output, SecondData, value};

/// `ntk landscape`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk landscape --model mlp:64-64x2-10:relu --weights w.npz --data digits --plane\n  \
                  ntk landscape --model mlp:64-64x2-10:relu --weights a.npz --to b.npz --data digits\n  \
                  ntk landscape --model mlp:64-64x2-10:relu --weights w.npz --along eigen --range=-1,1")]
pub(crate) struct Landscape {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) second: SecondData,

    #[command(flatten)]
    pub(crate) loss: Loss,

    /// Which directions [default: path with --to, else random]
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Landscape")]
    pub(crate) along: Option<Along>,

    /// Parameters at the other end of a path (.npz, .safetensors) [default: none]
    #[arg(long, value_name = "FILE", requires = "model", help_heading = "Landscape")]
    pub(crate) to: Option<PathBuf>,

    /// A third point: the plane through all three [default: none]
    #[arg(long, value_name = "FILE", requires = "to", help_heading = "Landscape")]
    pub(crate) and: Option<PathBuf>,

    /// Two directions instead of one
    #[arg(long, help_heading = "Landscape")]
    pub(crate) plane: bool,

    /// From where to where, in units of the directions [default: -1,1; of a path 0,1]
    #[arg(long, value_name = "A,B", value_parser = value::range, allow_hyphen_values = true,
          help_heading = "Landscape")]
    pub(crate) range: Option<[f64; 2]>,

    /// Points a direction [default: 51, in a plane 25]
    #[arg(long, value_name = "K", value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Landscape")]
    pub(crate) points: Option<usize>,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// Directions in the space of the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Along {
    /// Random ones, each filter as large as that of the weights
    Random,
    /// The eigenvectors of the Hessian's largest eigenvalues, of length 1
    Eigen,
    /// The straight way to --to, and to --and
    Path,
}

impl Landscape {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.second.x2.is_some() {
            return Some("'--x2' has no targets to test on; leave it out, or take --test of a data set".into());
        }
        let path = self.along.map_or(self.to.is_some(), |along| along == Along::Path);
        if path && self.to.is_none() {
            return Some("'--along path' needs a second point; give it with --to".into());
        }
        if !path && self.to.is_some() {
            return Some("'--to' is for '--along path'; leave one of them out".into());
        }
        if path && self.plane && self.and.is_none() {
            return Some("'--plane' along a path needs a third point; give it with --and".into());
        }
        self.data.fault()
    }
}
