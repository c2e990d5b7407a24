//! The flags of `ntk kernel`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Data, Machine, Network, Output, SecondData, Spectrum, value};

/// `ntk kernel`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
                  ntk kernel --data digits --n 500 --outputs full --dtype f32\n  \
                  ntk kernel --model net.toml --weights w.npz --x1 a.npy --x2 b.npy --out k\n  \
                  ntk kernel --model mlp:784-1024x3-10:relu --data mnist:DIR --dry-run\n  \
                  ntk kernel --resume runs/kernel-1")]
pub(crate) struct Kernel {
    #[command(flatten)]
    pub(crate) network: Network,

    /// Average over K networks, of seeds S, S+1, ...
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = value::count,
          allow_negative_numbers = true, conflicts_with = "weights", help_heading = "Network")]
    pub(crate) seeds: usize,

    #[command(flatten)]
    pub(crate) data: Data,

    #[command(flatten)]
    pub(crate) second: SecondData,

    /// What is kept of the outputs' kernels
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Outputs::Trace,
          help_heading = "Kernel")]
    pub(crate) outputs: Outputs,

    /// How the kernel is contracted
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Method::Auto,
          help_heading = "Kernel")]
    pub(crate) method: Method,

    /// full, top:K or none [default: full up to 4000 rows, then top:16]
    #[arg(long, value_name = "WHICH", value_parser = value::spectrum, help_heading = "Kernel")]
    pub(crate) spectrum: Option<Spectrum>,

    #[command(flatten)]
    pub(crate) machine: Machine,

    /// Compute R times and report each time
    #[arg(long, value_name = "R", conflicts_with = "dry_run", default_value_t = 1, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Machine")]
    pub(crate) repeat: usize,

    /// Only say what it would cost: operations, memory, time
    #[arg(long, help_heading = "Machine")]
    pub(crate) dry_run: bool,

    /// Go on with the kernel in DIR, whose flags are known [default: a new one]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "dry_run", "repeat"], help_heading = "Output")]
    pub(crate) resume: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// What is kept of the kernels of all pairs of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outputs {
    /// Every pair of outputs: [n, m, o, o]
    Full,
    /// Their mean over equal outputs: [n, m]
    Trace,
    /// Their sum over equal outputs: [n, m]
    SumTrace,
    /// Equal outputs one by one: [n, m, o]
    Diagonal,
    /// The kernel of the sum of the outputs: [n, m]
    SumOfLogits,
}

/// How a kernel is contracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// The cheapest by count
    Auto,
    /// By the factors of each layer, in tiles
    Structured,
    /// A pullback and a pushforward per column
    Products,
    /// By the explicit Jacobian: the reference
    Jacobian,
}

impl From<Outputs> for ntk::contraction::Outputs {
    fn from(typed: Outputs) -> Self {
        match typed {
            Outputs::Full => Self::Full,
            Outputs::Trace => Self::Trace,
            Outputs::SumTrace => Self::SumTrace,
            Outputs::Diagonal => Self::Diagonal,
            Outputs::SumOfLogits => Self::SumOfLogits,
        }
    }
}

impl From<Method> for ntk::contraction::Method {
    fn from(typed: Method) -> Self {
        match typed {
            Method::Auto => Self::Auto,
            Method::Structured => Self::Structured,
            Method::Products => Self::Products,
            Method::Jacobian => Self::Jacobian,
        }
    }
}

impl Kernel {
    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        let columns = [("--x2", self.second.x2.is_some()), ("--test", self.second.test.is_some())];
        let columns = columns.into_iter().find(|c| c.1);
        if let (Some((columns, _)), Some(Spectrum::Full | Spectrum::Top(_))) = (columns, self.spectrum) {
            return Some(format!(
                "'--spectrum' cannot be used with '{columns}': a kernel of two different sets has no \
                 eigenvalues; write --spectrum none, or leave one of them out"
            ));
        }
        // The last seed is S + K - 1.
        if self.network.seed.checked_add(self.seeds as u64 - 1).is_none() {
            return Some(format!(
                "'--seeds {}' goes past the largest seed from '--seed {}'; lower one of them",
                self.seeds, self.network.seed
            ));
        }
        self.data.fault()
    }
}
