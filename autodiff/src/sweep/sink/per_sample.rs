//! The sink that keeps samples apart: the explicit Jacobian.

use super::{Lent, Sink, leading_samples};
use crate::error::Result;
use crate::kernel::gemm::Accumulate;
use crate::op::Op;
use crate::op::bilinear::Sizes;
use crate::real::Real;
use crate::sweep::Pool;
use crate::tape::Var;

/// The explicit Jacobian: one product for each sample and direction.
///
/// # Shape
/// `[K, n, P]`, P the parameters of all leaves, in order.
///
/// ```
/// use autodiff::sweep::{PerSample, Pool, pullback};
/// use autodiff::Arena;
///
/// let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), PerSample::new(&[2]));
/// let tape = arena.tape();
/// let x = tape.samples(&[1.0, 2.0, 3.0, 4.0], &[2, 2]).unwrap();
/// let w = tape.leaf(&[0.5, 0.5], &[2, 1]).unwrap();
/// pullback(x.matmul(w).unwrap(), &[1.0, 1.0], 1, &mut sink, &mut pool).unwrap();
/// assert_eq!(sink.rows(), [1.0, 2.0, 3.0, 4.0]); // of a linear model, the samples themselves
/// ```
///
/// # Cost
/// `n K P` numbers. This is the reference, and the thing to beat.
#[derive(Debug)]
pub struct PerSample<R> {
    /// Where each leaf's columns begin; the last entry is P.
    offsets: Vec<usize>,
    samples: usize,
    directions: usize,
    rows: Vec<R>,
}

impl<R: Real> PerSample<R> {
    /// A Jacobian for leaves of these lengths.
    pub fn new(lengths: &[usize]) -> Self {
        let mut offsets = vec![0];
        offsets.extend(lengths.iter().scan(0, |end, len| {
            *end += len;
            Some(*end)
        }));
        Self { offsets, samples: 0, directions: 0, rows: Vec::new() }
    }

    /// The rows, `[K, n, P]`.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The rows, `[K, n, P]`, to keep.
    pub fn into_rows(self) -> Vec<R> {
        self.rows
    }
}

impl<'a, R: Real> Sink<'a, R> for PerSample<R> {
    fn begin(&mut self, output: Var<'a, R>, directions: usize) -> Result<()> {
        self.samples = leading_samples(output)?;
        self.directions = directions;
        self.rows.clear();
        self.rows.resize(self.samples * directions * self.offsets[self.offsets.len() - 1], R::ZERO);
        Ok(())
    }

    fn lend(&mut self, lent: &Lent<'_, 'a, R>, _: &mut Pool<R>) -> Result<()> {
        lent.per_sample()?;
        if self.samples == 0 {
            return Ok(());
        }
        let (y, i) = (lent.consumer(), lent.operand);
        let parameters = self.offsets[self.offsets.len() - 1];
        let columns = self.offsets[lent.leaf]..self.offsets[lent.leaf + 1];
        let one = |shape: &[usize]| {
            let mut one = crate::shape::Shape::new(shape).to_vec();
            one[0] /= self.samples;
            one
        };
        let (y_one, len) = (one(y.shape), y.value.len() / self.samples);
        for k in 0..self.directions {
            for sample in 0..self.samples {
                let bar = &lent.bar[k * y.value.len() + sample * len..][..len];
                let out = &mut self.rows[(k * self.samples + sample) * parameters..][columns.clone()];
                match y.op {
                    Op::Linear(op) => op.transpose(i, (&y_one, bar), (lent.rule.input(i).shape, out), Accumulate::Add),
                    Op::Bilinear(op) => {
                        let (a, b) = (lent.rule.input(0), lent.rule.input(1));
                        let a_len = a.value.len() / self.samples;
                        let sizes = Sizes { a: &one(a.shape), b: b.shape };
                        op.pull_right(sizes, &a.value[sample * a_len..][..a_len], bar, out, Accumulate::Add);
                    }
                    Op::Constant | Op::Leaf(_) | Op::Elementwise(_) | Op::Pairwise(_) | Op::Custom(_) => {
                        unreachable!("refused as not per sample")
                    }
                }
            }
        }
        Ok(())
    }
}
