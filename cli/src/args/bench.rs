//! The flags of `ntk bench`.

use std::fmt;

use clap::Args;

use super::{Data, Machine, Method, Network, Output, Outputs, value};

/// `ntk bench`.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("weights", |a| a.hide(true)),
          after_help = "Examples:\n  \
                  ntk bench\n  \
                  ntk bench --sweep width=64,128,256,512 --n 100 --dtype f32\n  \
                  ntk bench --model mlp:784-1024x3-10:relu --data fashion --sweep n=16,64 --sweep outputs=1,10\n  \
                  ntk bench --model net.toml --x1 x.npy --methods structured,products")]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) network: Network,

    #[command(flatten)]
    pub(crate) data: Data,

    /// Sizes: n, width, depth or outputs with a list; several make all combinations [default: n=32,64,..,1024]
    #[arg(long, value_name = "AXIS=A,B,..", value_parser = value::sweep, help_heading = "Benchmark")]
    pub(crate) sweep: Vec<Sweep>,

    /// The contractions to compare
    #[arg(
        long,
        value_enum,
        value_name = "A,B",
        value_delimiter = ',',
        help_heading = "Benchmark",
        default_value = "structured,products,jacobian"
    )]
    pub(crate) methods: Vec<Method>,

    /// What is kept of the outputs' kernels
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Outputs::Trace, help_heading = "Benchmark")]
    pub(crate) outputs: Outputs,

    /// Computations of each, of which the median counts; fewer where they would outlast the patience
    #[arg(long, value_name = "R", default_value_t = 5, value_parser = value::count,
          allow_negative_numbers = true, help_heading = "Benchmark")]
    pub(crate) repeat: usize,

    /// Seconds for a method at one size; what is expected to take longer is left out, and says so
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = value::positive,
          allow_negative_numbers = true, help_heading = "Benchmark")]
    pub(crate) patience: f64,

    #[command(flatten)]
    pub(crate) machine: Machine,

    /// Only say what it would cost: operations, memory, time
    #[arg(long, help_heading = "Machine")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// What a sweep goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    /// Samples.
    N,
    /// Of every hidden layer.
    Width,
    /// Hidden layers.
    Depth,
    /// Of the network.
    Outputs,
}

impl Axis {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::N, Self::Width, Self::Depth, Self::Outputs];

    /// The word on the command line and in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::N => "n",
            Self::Width => "width",
            Self::Depth => "depth",
            Self::Outputs => "outputs",
        }
    }
}

/// An axis and its sizes, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sweep {
    pub(crate) axis: Axis,
    pub(crate) sizes: Vec<usize>,
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.sizes.iter().map(ToString::to_string).collect();
        write!(f, "{}={}", self.axis.name(), sizes.join(","))
    }
}

/// More runs than anyone waits for.
const MOST_SIZES: usize = 1000;

impl Bench {
    /// The sizes of an axis, if it is swept.
    pub(crate) fn over(&self, axis: Axis) -> Option<&[usize]> {
        self.sweep.iter().find(|sweep| sweep.axis == axis).map(|sweep| sweep.sizes.as_slice())
    }

    /// What the flags say against one another, if they do.
    pub(super) fn fault(&self) -> Option<String> {
        if self.network.weights.is_some() {
            return Some("'--weights' has no part in a benchmark, which draws them; leave it out".to_owned());
        }
        if self.methods.contains(&Method::Auto) {
            return Some("'--methods auto' is one of the others; write structured, products or jacobian".to_owned());
        }
        let twice = |method| self.methods.iter().filter(|m| **m == method).count() > 1;
        if let Some(method) = self.methods.iter().copied().find(|method| twice(*method)) {
            let name = ntk::contraction::Method::from(method).name();
            return Some(format!("'--methods' names {name} twice; name every method once"));
        }
        let swept = |axis| self.sweep.iter().filter(move |sweep| sweep.axis == axis).count();
        if let Some(axis) = Axis::ALL.into_iter().find(|axis| swept(*axis) > 1) {
            let name = axis.name();
            return Some(format!("'--sweep {name}' is given twice; put all sizes into one list, as in {name}=1,2,4"));
        }
        if self.data.n.is_some() && self.over(Axis::N).is_some() {
            return Some("'--n' cannot be used with '--sweep n'; leave one of them out".to_owned());
        }
        let sizes = self.sweep.iter().fold(1_usize, |product, sweep| product.saturating_mul(sweep.sizes.len()));
        if sizes > MOST_SIZES {
            return Some(format!("'--sweep' makes {sizes} combinations, at most {MOST_SIZES}; give fewer sizes"));
        }
        self.data.fault()
    }
}
