//! Tiles from explicit Jacobians: the reference, and the thing to beat.

use std::ops::Range;

use autodiff::Float;
use autodiff::sweep::{Gradient, PerSample, pullback};

use super::couple::Rows;
use super::structured::{finite, rows};
use super::tile::{Contractor, Scratch, TileShape, Worker};
use super::{Problem, Side};
use crate::error::Result;
use crate::network::{Network, record};

/// The contraction of Jacobians.
pub(crate) struct Jacobian<'p, N, R> {
    pub(crate) problem: &'p Problem<'p, N, R>,
    /// Whether one backward sweep gives the rows of all samples. If not, each sample has its own.
    pub(crate) splits: bool,
}

/// The Jacobian of a block, `[directions, samples, P]`.
pub(crate) struct Block<R> {
    samples: usize,
    rows: Vec<R>,
}

impl<N: Network, R: Float> Contractor<R> for Jacobian<'_, N, R> {
    type Block = Block<R>;

    fn block(&self, side: Side, samples: Range<usize>, worker: &mut Worker<R>) -> Result<Block<R>> {
        let problem = self.problem;
        let (count, directions, parameters) = (samples.len(), problem.directions(), problem.parameter_count());
        let x = problem.side(side);
        if self.splits {
            let f = record(&mut worker.arena, problem.network, problem.parameters, rows(x, &samples))?;
            finite(f, samples.start)?;
            problem.outputs.seeds(count, problem.width, &mut worker.seeds);
            let lengths: Vec<usize> = problem.parameters.iter().map(|p| p.len()).collect();
            let mut sink = PerSample::new(&lengths);
            pullback(f, &worker.seeds, directions, &mut sink, &mut worker.pool)?;
            return Ok(Block { samples: count, rows: sink.into_rows() });
        }
        let mut jacobian = vec![R::ZERO; directions * count * parameters];
        problem.outputs.seeds(1, problem.width, &mut worker.seeds);
        for (at, sample) in samples.enumerate() {
            let f = record(&mut worker.arena, problem.network, problem.parameters, rows(x, &(sample..sample + 1)))?;
            finite(f, sample)?;
            let mut sink = Gradient::new();
            pullback(f, &worker.seeds, directions, &mut sink, &mut worker.pool)?;
            for k in 0..directions {
                let mut row = &mut jacobian[(k * count + at) * parameters..][..parameters];
                for (leaf, p) in problem.parameters.iter().enumerate() {
                    let (to, rest) = row.split_at_mut(p.len());
                    if let Some(gradient) = sink.of(leaf) {
                        to.copy_from_slice(&gradient[k * p.len()..][..p.len()]);
                    }
                    row = rest;
                }
            }
            sink.release(&mut worker.pool);
        }
        Ok(Block { samples: count, rows: jacobian })
    }

    fn tile(
        &self,
        rows: &Block<R>,
        columns: &Block<R>,
        same: bool,
        _: &TileShape,
        scratch: &mut Scratch<R>,
    ) -> Result<()> {
        let width = self.problem.parameter_count();
        let [rows, columns] = [rows, columns].map(|of| Rows {
            directions: self.problem.directions(),
            samples: of.samples,
            numbers: &of.rows,
            width,
        });
        self.problem.couple(rows, columns, same, &mut scratch.sum);
        Ok(())
    }
}
