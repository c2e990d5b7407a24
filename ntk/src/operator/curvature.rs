//! The matrices of second order of an objective: sums over samples, of the parameters' size.

use std::ops::Range;

use autodiff::Float;

use super::LinearOperator;
use super::block::Block;
use super::point::{Leaves, Objective, Point, Recordings, Scratch, Settings, blocks, ordered_sum};
use crate::error::{Error, Result};
use crate::network::Network;

/// Which matrix; L is the objective, f the outputs, n the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// `d^2 L / d theta^2`. Six products of matrices a layer, where a gradient has three.
    Hessian,
    /// `J^T (d^2 L / df^2) J`, the part of the Hessian that curves in the outputs. Positive where L is convex in them, and
    /// the Hessian itself where the residuals vanish. Three products a layer.
    GaussNewton,
    /// The mean over samples of the covariance, under the model, of the gradient of its log-likelihood. For `ce` (a softmax)
    /// and `mse` (a normal of unit variance) it is the Gauss-Newton matrix, and computed as that.
    Fisher,
    /// The mean over samples of `g g^T`, g a sample's own gradient: at the labels that are there, and not an estimate of
    /// [`Matrix::Fisher`] away from a good fit.
    EmpiricalFisher,
}

impl Matrix {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hessian => "hessian",
            Self::GaussNewton => "ggn",
            Self::Fisher => "fisher",
            Self::EmpiricalFisher => "empirical-fisher",
        }
    }
}

/// A matrix of second order at a point, as an operator.
///
/// Blocks of samples are linearized once and used by every product, as far as memory lets them stay; the others are
/// linearized again each time. Blocks are spread over threads and added in a fixed order, so neither the threads nor the
/// memory change a bit.
pub struct Curvature<'s, N, R: Float, O> {
    matrix: Matrix,
    point: Point<'s, N, R>,
    objective: &'s O,
    settings: Settings<'s>,
    leaves: Leaves,
    samples: Vec<Range<usize>>,
    /// The first blocks, linearized.
    kept: Vec<Block<'s, R>>,
    scratch: Scratch<R>,
}

impl<'s, N: Network, R: Float, O: Objective<R>> Curvature<'s, N, R, O> {
    /// Linearizes at a point, in the memory of `recordings`.
    ///
    /// # Errors
    /// What recording refuses; [`Error::Overflow`] where a value is not finite, with the op and the sample named.
    pub fn new(
        matrix: Matrix,
        point: Point<'s, N, R>,
        objective: &'s O,
        recordings: &'s mut Recordings,
        settings: Settings<'s>,
    ) -> Result<Self> {
        Self::of_layers(matrix, point, objective, recordings, settings, |_| true)
    }

    /// The same for the parameters that `chosen` says, by their place in the list; the others are held fixed. Its vectors
    /// have the chosen parameters alone.
    ///
    /// # Errors
    /// As [`Curvature::new`].
    pub fn of_layers(
        matrix: Matrix,
        point: Point<'s, N, R>,
        objective: &'s O,
        recordings: &'s mut Recordings,
        settings: Settings<'s>,
        chosen: impl Fn(usize) -> bool,
    ) -> Result<Self> {
        let leaves = Leaves::new(point.parameters, chosen);
        let samples = blocks(point.samples());
        let scratch = Scratch::default();
        let kept = recordings.keep(&samples, point.sample_bytes()?, &settings, |arenas, block| {
            scratch.with_worker(|worker| Block::new(matrix, &point, objective, arenas, block, &mut worker.pool))
        })?;
        Ok(Self { matrix, point, objective, settings, leaves, samples, kept, scratch })
    }

    /// Blocks of samples that are kept, of how many.
    pub fn resident(&self) -> (usize, usize) {
        (self.kept.len(), self.samples.len())
    }
}

impl<N: Network, R: Float, O: Objective<R>> LinearOperator<R> for Curvature<'_, N, R, O> {
    fn dim(&self) -> usize {
        self.leaves.dim
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        let dim = self.leaves.dim.max(1);
        if x.len() != y.len() || !x.len().is_multiple_of(dim) {
            return Err(Error::Shape {
                what: format!("a block of vectors for the {} matrix", self.matrix.name()),
                expected: vec![1, dim],
                found: vec![x.len(), y.len()],
                remedy: "give vectors of as many numbers as there are parameters".into(),
            });
        }
        let n = self.point.samples();
        for (v, y) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)) {
            ordered_sum(self.samples.len(), y, &self.scratch, |block, sum, accumulate| {
                self.settings.check()?;
                self.scratch.with_worker(|worker| match self.kept.get(block) {
                    Some(kept) => kept.apply(&self.leaves, n, v, sum, accumulate, &mut worker.pool),
                    None => {
                        let (samples, pool) = (&self.samples[block], &mut worker.pool);
                        let made =
                            Block::new(self.matrix, &self.point, self.objective, &mut worker.arenas, samples, pool)?;
                        made.apply(&self.leaves, n, v, sum, accumulate, pool)?;
                        made.release(pool);
                        Ok(())
                    }
                })
            })?;
        }
        Ok(())
    }

    fn is_positive(&self) -> bool {
        match self.matrix {
            Matrix::Hessian => false,
            Matrix::GaussNewton | Matrix::Fisher => self.objective.is_convex(),
            Matrix::EmpiricalFisher => true,
        }
    }
}
