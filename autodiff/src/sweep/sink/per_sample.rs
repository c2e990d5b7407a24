//! The sink that keeps samples apart: the explicit Jacobian.

use super::usage::{Columns, Layout, Usage};
use super::{Lent, Sink, leading_samples};
use crate::error::Result;
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
        let (at, end) = (self.offsets[lent.leaf], self.offsets[lent.leaf + 1]);
        let len = self.offsets[self.offsets.len() - 1];
        let mut columns = Columns { numbers: &mut self.rows, len, at, count: end - at };
        Usage::of(lent, self.samples).gradients(lent.bar, self.directions, Layout::Plain, &mut columns);
        Ok(())
    }
}
