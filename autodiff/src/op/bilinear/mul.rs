//! Products entry by entry.

use super::{Bilinear, Sizes};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::linear::join;
use crate::op::{Operand, Signature};
use crate::real::Real;

/// `y_i = a_i b_i`
///
/// # Shape
/// Both operands and the result have one shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mul;

impl Bilinear for Mul {
    const NAME: &'static str = "mul";

    fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        if a.shape != b.shape {
            let (left, right) = (a.shape.into(), b.shape.into());
            return Err(Error::Shapes {
                op: Self::NAME,
                left,
                right,
                remedy: "give both operands one shape (broadcast the smaller)",
            });
        }
        Ok(Signature { shape: a.shape.into(), samples: join(Some(a.samples), b.samples) })
    }

    fn apply<R: Real>(&self, _: Sizes<'_>, directions: usize, a: &[R], b: &[R], y: &mut [R], accumulate: Accumulate) {
        for k in 0..if b.is_empty() { 0 } else { directions } {
            let at = k * b.len()..(k + 1) * b.len();
            match accumulate {
                Accumulate::Replace => map::product(b, &a[at.clone()], &mut y[at]),
                Accumulate::Add => map::multiply_add(b, &a[at.clone()], &mut y[at]),
            }
        }
    }

    fn pull_left<R: Real>(
        &self,
        s: Sizes<'_>,
        directions: usize,
        y_bar: &[R],
        b: &[R],
        a_bar: &mut [R],
        accumulate: Accumulate,
    ) {
        self.apply(s, directions, y_bar, b, a_bar, accumulate);
    }

    fn pull_right<R: Real>(&self, s: Sizes<'_>, a: &[R], y_bar: &[R], b_bar: &mut [R], accumulate: Accumulate) {
        self.apply(s, 1, y_bar, a, b_bar, accumulate);
    }
}
