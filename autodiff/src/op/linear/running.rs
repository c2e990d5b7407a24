//! Sums of all entries up to each.

use super::{Linear, across, around};
use crate::error::Result;
use crate::kernel::gemm::Accumulate;
use crate::op::{Operand, Signature};
use crate::real::Real;
use crate::shape;

/// `y_j = x_0 + x_1 + .. + x_j` along an axis, or from the other end; each is the transpose of the other.
///
/// # Shape
/// That of the operand.
///
/// # Cost
/// An addition an entry, in order: entry j does not depend on later ones to the bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CumulativeSum {
    /// The axis.
    pub axis: u32,
    /// Whether the last entry is the first summand.
    pub from_end: bool,
}

impl CumulativeSum {
    fn run<R: Real>(&self, from_end: bool, shape: &[usize], x: &[R], y: &mut [R], accumulate: Accumulate) {
        let (_, len, inner) = around(shape, self.axis as usize);
        if len * inner == 0 {
            return;
        }
        for (x, y) in x.chunks_exact(len * inner).zip(y.chunks_exact_mut(len * inner)) {
            for column in 0..inner {
                let mut total: Option<R> = None;
                for step in 0..len {
                    let at = if from_end { len - 1 - step } else { step } * inner + column;
                    // From the first entry and not from 0, which would lose a -0.
                    let sum = total.map_or(x[at], |total| total + x[at]);
                    super::moved(sum, &mut y[at], accumulate);
                    total = Some(sum);
                }
            }
        }
    }
}

impl Linear for CumulativeSum {
    const NAME: &'static str = "cumulative_sum";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        let samples = across(Self::NAME, self.axis as usize, shape, samples)?;
        Ok(Signature { shape: shape.into(), samples })
    }

    fn flops(&self, x: &[usize], _: &[usize], _: usize) -> usize {
        shape::count(x)
    }

    fn apply<R: Real>(&self, _: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        self.run(self.from_end, x.0, x.1, y.1, accumulate);
    }

    fn transpose<R: Real>(&self, _: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        self.run(!self.from_end, x_bar.0, y_bar.1, x_bar.1, to);
    }
}
