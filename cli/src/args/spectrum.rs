//! The flags of `ntk spectrum`.

use std::path::PathBuf;

use clap::Args;

use super::{Output, Spectrum, Threads, value};

/// `ntk spectrum`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  ntk spectrum runs/kernel-1/kernel.npy --spectrum top:50")]
pub(crate) struct SpectrumArgs {
    /// A symmetric kernel: [n, n], [n, n, o] or [n, n, o, o] (.npy)
    #[arg(value_name = "K.npy")]
    pub(crate) kernel: PathBuf,

    /// full, top:K or none [default: full up to 4000 rows, then top:16]
    #[arg(long, value_name = "WHICH", value_parser = value::spectrum)]
    pub(crate) spectrum: Option<Spectrum>,

    #[command(flatten)]
    pub(crate) threads: Threads,

    #[command(flatten)]
    pub(crate) output: Output,
}

impl SpectrumArgs {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        (self.spectrum == Some(Spectrum::None))
            .then(|| "'--spectrum none' leaves 'ntk spectrum' nothing to do; write full or top:K".to_owned())
    }
}
