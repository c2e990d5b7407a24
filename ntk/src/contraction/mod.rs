//! Kernels of finite networks, `Theta_ab(x, x') = <J_a(x), J_b(x')>`, contracted.
//!
//! Decided here: which entries are asked for ([`Outputs`]), how they are contracted ([`Method`]), what that needs
//! ([`plan()`]). Left to others: recording and sweeping ([`autodiff`]), eigenvalues, files.
//!
//! | file | what |
//! |---|---|
//! | [`plan`](mod@plan) | operations, counted before anything is allocated; what is chosen |
//! | [`memory`] | bytes of each phase |
//! | `tile` | the grid of tiles, and who computes what when |
//! | `output` | where tiles go |
//! | [`stored`] | a kernel in a file, larger than memory, that outlives its process |
//! | `couple` | the product that tiles end in |
//! | `structured` | tiles from factors, `(X X'^T) o (Z Z'^T)`, and from gradients, summed over layers |
//! | `forms` | which of the two, for each parameter |
//! | `kept` | what is kept of a block of samples |
//! | `doubt` | in `f32`, samples with a unit on the edge of a relu are taken in `f64` |
//! | `jacobian` | tiles from explicit Jacobians, the reference |
//! | `products` | rows by a pullback and a pushforward, no tiles |
//!
//! Every number is the same, bit for bit, for any number of threads and any memory limit: the grid is fixed by the
//! shapes, a tile is summed in one order, and the limit only decides which blocks are kept and which are made again.

mod couple;
mod doubt;
mod forms;
mod jacobian;
mod kept;
pub mod memory;
pub(crate) mod output;
pub mod plan;
mod products;
pub mod stored;
mod structured;
pub(crate) mod tile;

pub(crate) use structured::{finite, rows};

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use autodiff::Float;

pub use forms::Form;
pub use memory::{Part, Phase};
pub use plan::{Plan, plan, plan_stored};
pub use stored::TileFile;

use crate::array::Array;
use crate::data::Element;
use crate::error::{Error, Result};
use crate::network::Network;

/// How a kernel is contracted. All methods give the same values to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The one that needs the fewest operations among those that can be used, an explicit Jacobian only up to 64 MiB.
    /// Shapes alone decide: methods differ by rounding, and a memory limit may change no bit.
    #[default]
    Auto,
    /// From factors, tile by tile, and from gradients of parameters that many positions share ([`Form`], the less work for
    /// each parameter). Needs parameters whose cotangents split by samples.
    Structured,
    /// A pullback and a pushforward for each sample and output: no Jacobian, least memory, for any network. Costs
    /// as many passes over the network as the kernel has rows.
    Products,
    /// From the explicit Jacobian, `n o P` numbers: the reference, for small networks.
    Jacobian,
}

impl Method {
    /// All of them, in the order in which help shows them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Structured, Self::Products, Self::Jacobian];

    /// The word on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Structured => "structured",
            Self::Products => "products",
            Self::Jacobian => "jacobian",
        }
    }
}

/// Which entries of the kernel are asked for; o outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outputs {
    /// `[n, m, o, o]`: every pair of outputs.
    Full,
    /// `[n, m]`: the mean over outputs of the diagonal blocks, as neural-tangents' `trace_axes=(-1,)`.
    #[default]
    Trace,
    /// `[n, m]`: o times that.
    SumTrace,
    /// `[n, m, o]`: each output with itself.
    Diagonal,
    /// `[n, m]`: sum over all pairs of outputs, the kernel of the sum of the logits (the pseudo-NTK).
    SumOfLogits,
}

impl Outputs {
    /// All of them, in the order in which help shows them.
    pub const ALL: [Self; 5] = [Self::Full, Self::Trace, Self::SumTrace, Self::Diagonal, Self::SumOfLogits];

    /// The word on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Trace => "trace",
            Self::SumTrace => "sum-trace",
            Self::Diagonal => "diagonal",
            Self::SumOfLogits => "sum-of-logits",
        }
    }

    /// The kernel's shape.
    pub fn shape(self, n: usize, m: usize, outputs: usize) -> Vec<usize> {
        match self {
            Self::Full => vec![n, m, outputs, outputs],
            Self::Diagonal => vec![n, m, outputs],
            Self::Trace | Self::SumTrace | Self::SumOfLogits => vec![n, m],
        }
    }

    /// Rows of the kernel as an operator: samples, times outputs where these are kept apart.
    pub fn rows(self, n: usize, outputs: usize) -> usize {
        match self {
            Self::Full | Self::Diagonal => n * outputs,
            Self::Trace | Self::SumTrace | Self::SumOfLogits => n,
        }
    }

    /// Numbers a pair of samples.
    pub(crate) fn entries(self, outputs: usize) -> usize {
        self.shape(1, 1, outputs).iter().product()
    }

    /// Whether each output is contracted with itself and the sum is kept.
    pub(crate) fn sums(self) -> bool {
        matches!(self, Self::Trace | Self::SumTrace | Self::SumOfLogits)
    }

    /// Cotangents that are pulled back.
    pub(crate) fn directions(self, outputs: usize) -> usize {
        if self == Self::SumOfLogits { 1 } else { outputs }
    }

    /// The seeds `[directions, n, outputs]`: the identity for each sample, or the sum of its outputs.
    pub(crate) fn seeds<R: Float>(self, n: usize, outputs: usize, into: &mut Vec<R>) {
        into.clear();
        if self == Self::SumOfLogits {
            into.resize(n * outputs, R::ONE);
            return;
        }
        into.resize(outputs * n * outputs, R::ZERO);
        for (k, of_direction) in into.chunks_exact_mut((n * outputs).max(1)).enumerate() {
            of_direction.iter_mut().skip(k).step_by(outputs).for_each(|entry| *entry = R::ONE);
        }
    }
}

/// What to compute, with what means.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Which entries.
    pub outputs: Outputs,
    /// By which contraction.
    pub method: Method,
    /// Bytes that data, weights, kernel and all work together may take.
    pub memory: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { outputs: Outputs::default(), method: Method::default(), memory: u64::MAX }
    }
}

/// How a caller follows a computation, and stops it.
#[derive(Clone, Copy)]
pub struct Observer<'o> {
    /// Called from any thread with the operations just done, in units of [`Plan::flops`].
    pub progress: &'o (dyn Fn(f64) + Sync),
    /// Set from elsewhere to stop at the next tile.
    pub stop: &'o AtomicBool,
}

impl Observer<'_> {
    pub(crate) fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            let resume = "nothing was written; run the same command again".into();
            return Err(Error::Interrupted { terminated: false, resume });
        }
        Ok(())
    }
}

/// Nobody looks, nobody stops.
static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for Observer<'_> {
    fn default() -> Self {
        Self { progress: &|_| (), stop: &NEVER }
    }
}

/// A kernel and how it came about.
#[derive(Clone, Debug)]
pub struct Computed<R> {
    /// The kernel, of [`Outputs::shape`].
    pub kernel: Array<R>,
    /// What was planned; [`Plan::method`] is the method used.
    pub plan: Plan,
    /// Time of the forward and backward passes, where they are apart from the rest.
    pub sweeps: Duration,
    /// Time of the contraction itself.
    pub contraction: Duration,
}

/// How a kernel in a file came about.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As [`Computed::plan`].
    pub plan: Plan,
    /// As [`Computed::sweeps`].
    pub sweeps: Duration,
    /// As [`Computed::contraction`].
    pub contraction: Duration,
}

/// The kernel of `x1` with itself, or with `x2`.
///
/// Runs on rayon's current pool; install one of another size around it to choose the number of threads.
///
/// # Shape
/// `x1: [n, ..input], x2: [m, ..input]`, parameters as [`Network::parameters`] `->` [`Outputs::shape`].
///
/// # Cost
/// What [`plan()`] says.
///
/// # Errors
/// Shapes that do not fit; more memory than [`Settings::memory`]; a network that mixes samples; activations or kernel
/// entries that are not finite; an interruption.
///
/// # Source
/// Novak, Sohl-Dickstein, Schoenholz, arXiv:2206.08720, section 3: the three contractions.
pub fn kernel<N: Network, R: Float>(
    network: &N,
    parameters: &[Array<R>],
    x1: &Array<R>,
    x2: Option<&Array<R>>,
    settings: &Settings,
    observer: &Observer<'_>,
) -> Result<Computed<R>> {
    let problem = Problem::checked(network, parameters, x1, x2, settings.outputs)?;
    let plan = plan(network, x1.rows(), x2.map(Array::rows), size_of::<R>(), settings, rayon::current_num_threads())?;
    let (values, times) = match plan.method {
        Method::Products => problem.prove(&plan).and_then(|()| products::run(&problem, &plan, observer))?,
        _ => {
            let row_len = plan.shape[1..].iter().product::<usize>();
            let rows = tile::blocks(x1.rows(), plan.block);
            let mut kernel = tile::zeros(x1.rows() * row_len, plan.limit)?;
            let output = output::Held::cut(&mut kernel, &rows, row_len, x2.is_none());
            let times = tiles(&problem, &plan, observer, &output)?;
            (kernel, times)
        }
    };
    let kernel = Array::new(plan.shape.clone(), values)?;
    Ok(Computed { kernel, plan, sweeps: times.sweeps, contraction: times.contraction })
}

/// As [`kernel`], into a file, tile by tile: what is there of it stays. The bits are those of [`kernel`].
///
/// # Cost
/// What [`plan_stored`] says.
///
/// # Errors
/// As [`kernel`], and what writing refuses. What was written is there for a [`TileFile`] to go on with.
pub fn kernel_stored<N: Network, R: Float + Element>(
    network: &N,
    parameters: &[Array<R>],
    x1: &Array<R>,
    x2: Option<&Array<R>>,
    settings: &Settings,
    observer: &Observer<'_>,
    file: &TileFile<R>,
) -> Result<Stored> {
    let problem = Problem::checked(network, parameters, x1, x2, settings.outputs)?;
    let (m, threads) = (x2.map(Array::rows), rayon::current_num_threads());
    let plan = plan_stored(network, x1.rows(), m, size_of::<R>(), settings, threads)?;
    if file.shape() != plan.shape || file.is_symmetric() != x2.is_none() {
        return Err(Error::Bug(format!("a kernel of shape {:?} for a file of {:?}", plan.shape, file.shape())));
    }
    let times = match plan.method {
        Method::Products => {
            problem.prove(&plan).and_then(|()| products::run_stored(&problem, &plan, observer, file))?
        }
        _ => tiles(&problem, &plan, observer, file)?,
    };
    Ok(Stored { plan, sweeps: times.sweeps, contraction: times.contraction })
}

fn tiles<N: Network, R: Float>(
    problem: &Problem<'_, N, R>,
    plan: &Plan,
    observer: &Observer<'_>,
    output: &impl output::Output<R>,
) -> Result<Times> {
    problem.prove(plan)?;
    match plan.method {
        Method::Structured => tile::run(problem, &structured::Structured::new(problem, plan), plan, observer, output),
        Method::Jacobian => {
            tile::run(problem, &jacobian::Jacobian { problem, splits: plan.splits }, plan, observer, output)
        }
        Method::Products | Method::Auto => Err(Error::Bug("a plan without tiles".into())),
    }
}

/// The arguments of [`kernel`], checked against each other.
pub(crate) struct Problem<'p, N, R> {
    pub(crate) network: &'p N,
    pub(crate) parameters: &'p [Array<R>],
    pub(crate) x1: &'p Array<R>,
    pub(crate) x2: Option<&'p Array<R>>,
    pub(crate) outputs: Outputs,
    /// Outputs of the network.
    pub(crate) width: usize,
}

impl<'p, N: Network, R: Float> Problem<'p, N, R> {
    fn checked(
        network: &'p N,
        parameters: &'p [Array<R>],
        x1: &'p Array<R>,
        x2: Option<&'p Array<R>>,
        outputs: Outputs,
    ) -> Result<Self> {
        let input = network.input()?;
        for (x, name) in [(Some(x1), "x1"), (x2, "x2")] {
            let Some(x) = x else { continue };
            if x.shape.get(1..) != Some(&input) {
                return Err(Error::Shape {
                    what: name.into(),
                    expected: [&[x.rows()], input.as_slice()].concat(),
                    found: x.shape.clone(),
                    remedy: "give samples of the model's input shape, or a model for these samples".into(),
                });
            }
            if x.rows() == 0 {
                return Err(Error::usage(format!("{name} has no samples"), "give at least one"));
            }
        }
        let expected = network.parameters()?;
        let found: Vec<&Vec<usize>> = parameters.iter().map(|p| &p.shape).collect();
        if let Some(i) = (0..expected.len().max(found.len())).find(|&i| expected.get(i) != found.get(i).copied()) {
            return Err(Error::Shape {
                what: format!("parameter {i}"),
                expected: expected.get(i).cloned().unwrap_or_default(),
                found: found.get(i).copied().cloned().unwrap_or_default(),
                remedy: "give the parameters of this model".into(),
            });
        }
        Ok(Self { network, parameters, x1, x2, outputs, width: network.outputs()? })
    }

    /// Refuses what mixes samples, where the plan's blocks would not show it.
    fn prove(&self, plan: &Plan) -> Result<()> {
        if plan.proves_itself() { Ok(()) } else { structured::prove(self) }
    }

    /// The samples on one side of the kernel: columns fall back to the rows' where the kernel is symmetric.
    pub(crate) fn side(&self, side: Side) -> &'p Array<R> {
        match side {
            Side::Rows => self.x1,
            Side::Columns => self.x2.unwrap_or(self.x1),
        }
    }

    pub(crate) fn directions(&self) -> usize {
        self.outputs.directions(self.width)
    }

    /// Numbers of all parameters.
    pub(crate) fn parameter_count(&self) -> usize {
        self.parameters.iter().map(Array::len).sum()
    }

    /// What a contraction over outputs is multiplied with.
    pub(crate) fn scale(&self) -> f64 {
        if self.outputs == Outputs::Trace { 1.0 / self.width as f64 } else { 1.0 }
    }
}

/// Which samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Rows,
    Columns,
}

/// Time by phase.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) sweeps: Duration,
    pub(crate) contraction: Duration,
}
