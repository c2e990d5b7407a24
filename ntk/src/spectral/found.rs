//! What solvers are asked for and what they return: one shape for all.

use autodiff::Float;

/// How hard a solver tries.
#[derive(Clone, Copy)]
pub struct Effort<'w> {
    /// Residuals below this, relative to the largest eigenvalue found (or to the right-hand side), count as converged.
    pub tolerance: f64,
    /// Products with the operator at most.
    pub products: usize,
    /// Seed of what is random.
    pub seed: u64,
    /// Told, after a step, the products so far and the largest relative residual.
    pub watch: &'w (dyn Fn(usize, f64) + Sync),
}

impl Default for Effort<'_> {
    fn default() -> Self {
        Self { tolerance: 1e-6, products: 1000, seed: 0, watch: &|_, _| () }
    }
}

/// Which end of a spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The largest (most positive), largest first.
    Top,
    /// The smallest (most negative), smallest first.
    Bottom,
    /// So many of each: the largest, largest first, then the smallest, smallest first.
    Both,
}

impl End {
    /// The places of `count` eigenvalues (of each end) among `found`, which ascend.
    pub(super) fn pick(self, count: usize, found: usize) -> Vec<usize> {
        let top = (0..found).rev().take(count);
        let bottom = 0..count.min(found);
        match self {
            Self::Top => top.collect(),
            Self::Bottom => bottom.collect(),
            // An eigenvalue counts once.
            Self::Both => top.clone().chain(bottom.filter(|i| *i < found.saturating_sub(count))).collect(),
        }
    }
}

/// Eigenvalues found, with their vectors and how well they hold.
#[derive(Clone, Debug)]
pub struct Eigenpairs<R> {
    /// In the order of the [`End`] that was asked for.
    pub values: Vec<f64>,
    /// `|A v - theta v|` for each.
    pub residuals: Vec<f64>,
    /// `v` for each, of length 1.
    pub vectors: Vec<Vec<R>>,
    /// Steps.
    pub iterations: usize,
    /// Products with the operator.
    pub products: usize,
    /// Whether every residual is below the tolerance.
    pub converged: bool,
}

impl<R: Float> Eigenpairs<R> {
    pub(super) fn none() -> Self {
        let (values, residuals, vectors) = (Vec::new(), Vec::new(), Vec::new());
        Self { values, residuals, vectors, iterations: 0, products: 0, converged: true }
    }

    /// The largest magnitude found.
    pub fn scale(&self) -> f64 {
        self.values.iter().fold(0.0, |top, x| f64::max(top, x.abs()))
    }

    /// The largest residual, relative to that.
    pub fn worst(&self) -> f64 {
        let worst = self.residuals.iter().fold(0.0, |top, x| f64::max(top, *x));
        if worst == 0.0 { 0.0 } else { worst / self.scale() }
    }
}

/// A number estimated from random probes.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error; none of a single probe.
    pub error: Option<f64>,
    /// What each probe said.
    pub probes: Vec<f64>,
    /// Products with the operator.
    pub products: usize,
}

impl Estimate {
    /// The mean of independent probes and its standard error.
    pub(super) fn of(probes: Vec<f64>, products: usize) -> Self {
        let n = probes.len() as f64;
        let value = probes.iter().sum::<f64>() / n;
        let square = probes.iter().map(|x| (x - value).powi(2)).sum::<f64>();
        let error = (probes.len() > 1).then(|| (square / (n * (n - 1.0))).sqrt());
        Self { value, error, probes, products }
    }
}

/// The solution of `A x = b`.
#[derive(Clone, Debug)]
pub struct Solution<R> {
    /// `x`, the best found.
    pub solution: Vec<R>,
    /// `|b - A x|`, by the recurrence.
    pub residual: f64,
    /// The same after every step, from that of `x = 0`.
    pub history: Vec<f64>,
    /// Steps.
    pub iterations: usize,
    /// Products with the operator.
    pub products: usize,
    /// Whether the residual is below the tolerance times `|b|`.
    pub converged: bool,
}
