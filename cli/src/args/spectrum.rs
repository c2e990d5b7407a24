//! The flags of `ntk spectrum`.

use std::path::PathBuf;

use clap::Args;

use super::{Data, Machine, Network, Output, Outputs, Spectrum, value};

/// `ntk spectrum`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk spectrum runs/kernel-1/kernel.npy --spectrum top:50\n  \
                  ntk spectrum --model mlp:784-1024x3-10:relu --data fashion --n 2000 --outputs full\n  \
                  ntk spectrum --model mlp:64-512x2-10:relu --data digits --ridge 1e-3\n\n\
                  Of a network the kernel is applied and never stored: its largest eigenvalues come with\n\
                  residuals, all else as estimates with standard errors.")]
pub(crate) struct SpectrumArgs {
    /// A symmetric kernel: [n, n], [n, n, o] or [n, n, o, o] (.npy); or a network, by --model
    #[arg(value_name = "K.npy", required_unless_present = "model", conflicts_with = "model")]
    pub(crate) kernel: Option<PathBuf>,

    /// full, top:K or none [default: full up to 4000 rows, then top:16; of a network top:10]
    #[arg(long, value_name = "WHICH", value_parser = value::spectrum)]
    pub(crate) spectrum: Option<Spectrum>,

    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    /// Of a network: what is kept of the outputs' kernels; full and sum-of-logits take the fewest products
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Outputs::Trace, requires = "model",
          help_heading = "Estimates")]
    pub(crate) outputs: Outputs,

    /// Of a network: random directions that estimates average over
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = value::count, requires = "model",
          allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) probes: usize,

    /// Of a network: products for each direction
    #[arg(long, value_name = "M", default_value_t = 30, value_parser = value::count, requires = "model",
          allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) steps: usize,

    /// Of a network: ln det(K + r I) and (K + r I)^-1 y, r this times the mean of the diagonal [default: neither]
    #[arg(long, value_name = "R", value_parser = value::positive, requires = "model",
          allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) ridge: Option<f64>,

    /// Of a network: relative residual of eigenvalues and solutions
    #[arg(long, value_name = "T", default_value_t = 1e-6, value_parser = value::tolerance, requires = "model",
          allow_negative_numbers = true, help_heading = "Estimates")]
    pub(crate) tolerance: f64,

    #[command(flatten)]
    pub(crate) machine: Machine,

    #[command(flatten)]
    pub(crate) output: Output,
}

impl SpectrumArgs {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.kernel.is_none() {
            return self.data.fault();
        }
        if self.data.data.is_some() || self.data.n.is_some() {
            return Some("a stored kernel has its data already; leave --data and --n out, or name a --model".into());
        }
        if self.ridge.is_some() {
            return Some("'--ridge' is of a network's kernel; name a --model in place of a stored one".into());
        }
        (self.spectrum == Some(Spectrum::None))
            .then(|| "'--spectrum none' leaves 'ntk spectrum' nothing to do; write full or top:K".to_owned())
    }
}
