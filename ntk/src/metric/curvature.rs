//! The second derivatives of the loss along a training.
//!
//! Eigenvectors turn slowly, so each measurement begins at the last one's vector and takes few products.

use autodiff::{Float, Var};
use rand::Rng;

use super::{At, Metric, Options};
use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::operator::{Curvature, LinearOperator, Matrix, Objective, Point, Recordings, Scaled, Settings, Sum};
use crate::spectral::{Effort, End, hutchinson, lanczos, lanczos_from};
use crate::train::Task;
use crate::train::order::stream;

impl<N: Network, R: Float> Objective<R> for Task<'_, N, R> {
    fn record<'a>(&'a self, f: Var<'a, R>, rows: std::ops::Range<usize>) -> Result<Var<'a, R>> {
        self.loss().record(f, &self.samples().targets, rows, self.samples().len())
    }

    fn is_convex(&self) -> bool {
        true
    }
}

/// How curvature is computed.
#[derive(Clone, Copy)]
struct Means {
    tolerance: f64,
    products: usize,
    seed: u64,
    memory: u64,
}

impl Means {
    fn new<R>(options: &Options<'_, R>) -> Self {
        let Options { tolerance, products, seed, memory, .. } = *options;
        Self { tolerance, products, seed, memory }
    }

    /// Runs `ask` on a matrix of second order at the present weights.
    fn at<N: Network, R: Float, T>(
        &self,
        matrix: Matrix,
        at: &At<'_, '_, '_, N, R>,
        ask: impl FnOnce(&Curvature<'_, N, R, Task<'_, N, R>>) -> Result<T>,
    ) -> Result<T> {
        let task = at.trainer.task();
        let point =
            Point { network: task.network(), parameters: &at.trainer.state().weights, x: &task.samples().inputs };
        let settings = Settings { memory: self.memory, stop: at.trainer.stop() };
        let mut recordings = Recordings::default();
        ask(&Curvature::new(matrix, point, task, &mut recordings, settings)?)
    }

    /// The largest eigenvalue, its residual and the products that it took, from where the last vector was.
    fn largest<R: Float>(&self, operator: &impl LinearOperator<R>, warm: &mut Warm<R>) -> Result<[f64; 3]> {
        let effort =
            Effort { tolerance: self.tolerance, products: self.products, seed: self.seed, ..Effort::default() };
        let found = match warm.0.take() {
            None => lanczos(operator, 1, End::Top, &effort)?,
            Some(mut start) => {
                // An exact eigenvector would find nothing but itself, even where another has overtaken it.
                let little = <R as autodiff::Real>::from_f64(STRAY / (start.len() as f64).sqrt());
                let mut rng = stream(KEY_TEXT, self.seed, 0);
                start.iter_mut().for_each(|v| *v += if rng.next_u32() & 1 == 0 { little } else { -little });
                lanczos_from(operator, start, 1, End::Top, &effort)?
            }
        };
        let (Some(&value), Some(&residual)) = (found.values.first(), found.residuals.first()) else {
            return Err(Error::Bug("a curvature without an eigenvalue".into()));
        };
        warm.0 = found.vectors.into_iter().next();
        Ok([value, residual, found.products as f64])
    }
}

/// What fills the key of the stray part of first vectors.
const KEY_TEXT: &[u8; 24] = b"ntk stray directions 1\0\0";
/// The length of that part, beside a vector of length 1.
const STRAY: f64 = 0.01;

/// The vector that the last measurement ended with.
struct Warm<R>(Option<Vec<R>>);

impl<R: Float> Warm<R> {
    fn memory(&self, name: &str) -> Vec<(String, Array<f64>)> {
        let kept = self.0.iter();
        kept.map(|v| {
            (name.to_owned(), Array { shape: vec![v.len()], data: v.iter().map(|x| Float::to_f64(*x)).collect() })
        })
        .collect()
    }

    fn recall(&mut self, name: &str, find: &dyn Fn(&str) -> Option<Array<f64>>) {
        self.0 = find(name).map(|v| v.data.iter().map(|x| <R as autodiff::Real>::from_f64(*x)).collect());
    }
}

/// The largest eigenvalue of the Hessian, or of `D^1/2 H D^1/2` with the layers' learning rates over eta.
///
/// In the second form the edge of stability of gradient descent is 2/eta in every parameterization.
///
/// # Cost
/// A linearization, about a gradient, and some ten products of two gradients each.
///
/// # Source
/// Cohen et al. 2021, arXiv:2103.00065.
pub(super) struct Sharpness<R> {
    preconditioned: bool,
    means: Means,
    warm: Warm<R>,
}

impl<R> Sharpness<R> {
    pub(super) fn new(preconditioned: bool, options: &Options<'_, R>) -> Self {
        Self { preconditioned, means: Means::new(options), warm: Warm(None) }
    }
}

impl<N: Network, R: Float> Metric<N, R> for Sharpness<R> {
    fn name(&self) -> &'static str {
        if self.preconditioned { "preconditioned-sharpness" } else { "sharpness" }
    }

    fn columns(&self) -> Vec<String> {
        let name = if self.preconditioned { "preconditioned_sharpness" } else { "sharpness" };
        vec![name.into(), format!("{name}_residual"), format!("{name}_products"), "edge".into()]
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        let (means, warm) = (self.means, &mut self.warm);
        let settings = at.trainer.settings();
        // The edge is that of the next step; behind a schedule's end, where there is none, of nothing.
        let edge = settings.optimizer.edge(at.trainer.rate()).filter(|edge| edge.is_finite());
        let found = means.at(Matrix::Hessian, at, |hessian| {
            if !self.preconditioned {
                return means.largest(hessian, warm);
            }
            let arrays = at.trainer.state().weights.iter().zip(&settings.rates);
            let roots = arrays.flat_map(|(weight, rate)| {
                std::iter::repeat_n(<R as autodiff::Real>::from_f64(rate.sqrt()), weight.len())
            });
            means.largest(&Preconditioned { operator: hessian, roots: roots.collect() }, warm)
        })?;
        Ok(found.into_iter().map(Some).chain([edge]).collect())
    }

    fn memory(&self) -> Vec<(String, Array<f64>)> {
        self.warm.memory("vector")
    }

    fn recall(&mut self, find: &dyn Fn(&str) -> Option<Array<f64>>) -> Result<()> {
        self.warm.recall("vector", find);
        Ok(())
    }
}

/// `D^1/2 A D^1/2`, D a diagonal.
struct Preconditioned<'a, A, R> {
    operator: &'a A,
    /// The diagonal of `D^1/2`.
    roots: Vec<R>,
}

impl<A: LinearOperator<R>, R: Float> LinearOperator<R> for Preconditioned<'_, A, R> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        let dim = self.roots.len().max(1);
        let scaled: Vec<R> = x.iter().enumerate().map(|(i, &x)| self.roots[i % dim] * x).collect();
        self.operator.apply(&scaled, y)?;
        y.iter_mut().enumerate().for_each(|(i, y)| *y = self.roots[i % dim] * *y);
        Ok(())
    }

    fn is_positive(&self) -> bool {
        self.operator.is_positive()
    }
}

/// Random vectors that a trace is estimated from.
const TRACE_PROBES: usize = 16;

/// The trace of the Hessian, by the same random vectors every time: what changes is then the Hessian.
pub(super) struct Trace(Means);

impl Trace {
    pub(super) fn new<R>(options: &Options<'_, R>) -> Self {
        Self(Means::new(options))
    }
}

impl<N: Network, R: Float> Metric<N, R> for Trace {
    fn name(&self) -> &'static str {
        "hessian-trace"
    }

    fn columns(&self) -> Vec<String> {
        vec!["hessian_trace".into(), "hessian_trace_error".into()]
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        let effort = Effort { products: TRACE_PROBES, seed: self.0.seed, ..Effort::default() };
        let found = self.0.at(Matrix::Hessian, at, |hessian| hutchinson(hessian, &effort))?;
        Ok(vec![Some(found.value), found.error])
    }
}

/// `H = G + R`: G curves in the outputs, R is what the residuals weigh the outputs' own curvature with.
///
/// # Source
/// Schraudolph 2002; Papyan 2019, arXiv:1811.07062.
pub(super) struct GaussNewton<R> {
    means: Means,
    of_g: Warm<R>,
    of_r: Warm<R>,
}

impl<R> GaussNewton<R> {
    pub(super) fn new(options: &Options<'_, R>) -> Self {
        Self { means: Means::new(options), of_g: Warm(None), of_r: Warm(None) }
    }
}

impl<N: Network, R: Float> Metric<N, R> for GaussNewton<R> {
    fn name(&self) -> &'static str {
        "gauss-newton"
    }

    fn columns(&self) -> Vec<String> {
        ["gauss_newton", "gauss_newton_residual", "residual_part", "residual_part_residual"].map(str::to_owned).into()
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        // Two matrices are in memory at once.
        let means = Means { memory: self.means.memory / 2, ..self.means };
        let (of_g, of_r) = (&mut self.of_g, &mut self.of_r);
        let found = means.at(Matrix::GaussNewton, at, |g| {
            let top = means.largest(g, of_g)?;
            let rest = means
                .at(Matrix::Hessian, at, |hessian| means.largest(&Sum::new::<R>(hessian, Scaled(g, -1.0))?, of_r))?;
            Ok([top[0], top[1], rest[0], rest[1]])
        })?;
        Ok(found.map(Some).into())
    }

    fn memory(&self) -> Vec<(String, Array<f64>)> {
        [self.of_g.memory("gauss-newton"), self.of_r.memory("residual")].concat()
    }

    fn recall(&mut self, find: &dyn Fn(&str) -> Option<Array<f64>>) -> Result<()> {
        self.of_g.recall("gauss-newton", find);
        self.of_r.recall("residual", find);
        Ok(())
    }
}
