//! The neural tangent kernel as an operator: `J J^T u`, with no kernel and no Jacobian stored.

use std::ops::Range;

use autodiff::Float;
use autodiff::sweep::Linearization;
use rayon::prelude::*;

use super::LinearOperator;
use super::point::{Leaves, Point, Recordings, Scratch, Settings, blocks, ordered_sum};
use crate::error::{Error, Result};
use crate::network::Network;

/// The kernel of all pairs of samples and outputs, `[n o, n o]`, samples major.
///
/// # Cost
/// A product is a pullback and a pushforward of the samples: three products of matrices a layer.
pub struct Kernel<'s, N, R: Float> {
    point: Point<'s, N, R>,
    settings: Settings<'s>,
    leaves: Leaves,
    outputs: usize,
    samples: Vec<Range<usize>>,
    kept: Vec<Linearization<'s, R>>,
    scratch: Scratch<R>,
}

impl<'s, N: Network, R: Float> Kernel<'s, N, R> {
    /// Linearizes at a point, in the memory of `recordings`.
    ///
    /// # Errors
    /// What recording refuses; [`Error::Overflow`] where a value is not finite, with the op and the sample named.
    pub fn new(point: Point<'s, N, R>, recordings: &'s mut Recordings, settings: Settings<'s>) -> Result<Self> {
        let leaves = Leaves::new(point.parameters, |_| true);
        let (samples, scratch) = (blocks(point.samples()), Scratch::default());
        let kept = recordings.keep(&samples, point.sample_bytes()?, &settings, |[arena, _], block| {
            scratch.with_worker(|worker| Ok(Linearization::new(point.record(arena, block)?, &mut worker.pool)?))
        })?;
        let outputs = point.network.outputs()?;
        Ok(Self { point, settings, leaves, outputs, samples, kept, scratch })
    }

    /// Does something with a block's linearization, kept or made for it.
    fn with_block(
        &self,
        block: usize,
        work: impl FnOnce(&Linearization<'_, R>, &mut autodiff::sweep::Pool<R>) -> Result<()>,
    ) -> Result<()> {
        self.settings.check()?;
        self.scratch.with_worker(|worker| match self.kept.get(block) {
            Some(kept) => work(kept, &mut worker.pool),
            None => {
                let f = self.point.record(&mut worker.arenas[0], &self.samples[block])?;
                let made = Linearization::new(f, &mut worker.pool)?;
                work(&made, &mut worker.pool)?;
                made.release(&mut worker.pool);
                Ok(())
            }
        })
    }

    fn product(&self, u: &[R], y: &mut [R]) -> Result<()> {
        let mut gradient = self.scratch.vector(self.leaves.dim);
        let rows = |block: usize| self.samples[block].start * self.outputs..self.samples[block].end * self.outputs;
        ordered_sum(self.samples.len(), &mut gradient, &self.scratch, |block, sum, accumulate| {
            self.with_block(block, |f, pool| {
                Ok(f.pullback(&u[rows(block)], &mut self.leaves.cotangents(sum), accumulate, pool)?)
            })
        })?;
        let mut parts = Vec::new();
        let mut rest = y;
        for samples in &self.samples {
            let (part, tail) = rest.split_at_mut(samples.len() * self.outputs);
            parts.push(part);
            rest = tail;
        }
        parts.into_par_iter().enumerate().try_for_each(|(block, y)| {
            self.with_block(block, |f, pool| {
                match f.pushforward(&self.leaves.tangents(&gradient), pool)? {
                    None => y.fill(R::ZERO),
                    Some(f_dot) => {
                        y.copy_from_slice(&f_dot);
                        pool.give(f_dot);
                    }
                }
                Ok(())
            })
        })?;
        self.scratch.give([gradient]);
        Ok(())
    }
}

impl<N: Network, R: Float> LinearOperator<R> for Kernel<'_, N, R> {
    fn dim(&self) -> usize {
        self.point.samples() * self.outputs
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        let dim = self.dim().max(1);
        if x.len() != y.len() || !x.len().is_multiple_of(dim) {
            return Err(Error::Shape {
                what: "a block of vectors for the kernel".into(),
                expected: vec![1, dim],
                found: vec![x.len(), y.len()],
                remedy: "give vectors of samples times outputs".into(),
            });
        }
        x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).try_for_each(|(u, y)| self.product(u, y))
    }

    fn is_positive(&self) -> bool {
        true
    }
}
