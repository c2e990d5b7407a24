//! What is kept of a block of samples, and its part in a product.

use std::ops::Range;

use autodiff::kernel::gemm::Accumulate;
use autodiff::sweep::{Linearization, Pool};
use autodiff::{Arena, Float};

use super::curvature::Matrix;
use super::point::{Leaves, Objective, Point, finite_loss};
use crate::error::Result;
use crate::network::Network;

/// A block, linearized.
#[derive(Debug)]
pub(super) enum Block<'a, R> {
    /// The objective of the parameters, with its cotangents.
    Hessian(Linearization<'a, R>),
    /// The outputs, and the objective of these.
    GaussNewton(Linearization<'a, R>, Linearization<'a, R>),
    /// The outputs, and the gradient of each sample's own objective by them, `[n, o]`.
    Empirical(Linearization<'a, R>, Vec<R>),
}

impl<'a, R: Float> Block<'a, R> {
    /// Records and linearizes a block.
    pub(super) fn new<'s: 'a, N: Network, O: Objective<R>>(
        matrix: Matrix,
        point: &Point<'s, N, R>,
        objective: &'s O,
        arenas: &'a mut [Arena; 2],
        samples: &Range<usize>,
        pool: &mut Pool<R>,
    ) -> Result<Self> {
        let [outer, inner] = arenas;
        let f = point.record(outer, samples)?;
        if matrix == Matrix::Hessian {
            let loss = objective.record(f, samples.clone())?;
            finite_loss(loss.value(), samples)?;
            return Ok(Self::Hessian(Linearization::with_cotangent(loss, &[R::ONE], &mut [], pool)?));
        }
        let outputs = Linearization::new(f, pool)?;
        // The objective on a tape of its own, the outputs its only leaf.
        let f = inner.tape().leaf(f.value(), f.shape())?;
        let loss = objective.record(f, samples.clone())?;
        finite_loss(loss.value(), samples)?;
        let mut gradient = vec![R::ZERO; f.value().len()];
        let second = Linearization::with_cotangent(loss, &[R::ONE], &mut [Some(&mut gradient)], pool)?;
        Ok(match matrix {
            Matrix::Hessian | Matrix::GaussNewton | Matrix::Fisher => Self::GaussNewton(outputs, second),
            Matrix::EmpiricalFisher => {
                // The objective is a mean over n, a sample's own is n times its part.
                let n = R::from_f64(point.samples() as f64);
                gradient.iter_mut().for_each(|g| *g *= n);
                Self::Empirical(outputs, gradient)
            }
        })
    }

    /// Gives the buffers back.
    pub(super) fn release(self, pool: &mut Pool<R>) {
        match self {
            Self::Hessian(loss) => loss.release(pool),
            Self::GaussNewton(outputs, loss) => [outputs, loss].into_iter().for_each(|kept| kept.release(pool)),
            Self::Empirical(outputs, gradient) => {
                outputs.release(pool);
                pool.give(gradient);
            }
        }
    }

    /// `sum =` the block's part of `A v`, or `+=`
    pub(super) fn apply(
        &self,
        leaves: &Leaves,
        samples: usize,
        v: &[R],
        sum: &mut [R],
        accumulate: Accumulate,
        pool: &mut Pool<R>,
    ) -> Result<()> {
        let (v, mut sum) = (leaves.tangents(v), leaves.cotangents(sum));
        match self {
            Self::Hessian(loss) => loss.pullback_tangent(&v, &mut sum, accumulate, pool)?,
            Self::GaussNewton(outputs, loss) => {
                let f_dot = outputs.pushforward(&v, pool)?.unwrap_or_else(|| pool.zeros(outputs.value().len()));
                let mut f_bar = pool.take(f_dot.len());
                loss.pullback_tangent(&[Some(&f_dot)], &mut [Some(&mut f_bar)], Accumulate::Replace, pool)?;
                outputs.pullback(&f_bar, &mut sum, accumulate, pool)?;
                pool.give(f_bar);
                pool.give(f_dot);
            }
            Self::Empirical(outputs, gradient) => {
                let mut f_dot = outputs.pushforward(&v, pool)?.unwrap_or_else(|| pool.zeros(gradient.len()));
                let width = (f_dot.len() / outputs.rows().max(1)).max(1);
                for (f_dot, g) in f_dot.chunks_exact_mut(width).zip(gradient.chunks_exact(width)) {
                    let along = f_dot.iter().zip(g).map(|(&f, &g)| f.to_f64() * g.to_f64()).sum::<f64>();
                    let share = R::from_f64(along / samples as f64);
                    f_dot.iter_mut().zip(g).for_each(|(f, &g)| *f = share * g);
                }
                outputs.pullback(&f_dot, &mut sum, accumulate, pool)?;
                pool.give(f_dot);
            }
        }
        Ok(())
    }
}
