//! Products entry by entry.

use super::{Bilinear, Sizes};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::linear::{join, shift};
use crate::op::{Operand, Signature};
use crate::real::Real;
use crate::shape;

/// `y_i = a_i b_i`, the right operand repeated over the leading axes of the left.
///
/// # Shape
/// `a: [.., d], b: [d] -> [.., d]`, and so on: the sizes of the right operand are the last sizes of the left, so it may
/// be a factor for each channel, or one for all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mul;

impl Bilinear for Mul {
    const NAME: &'static str = "mul";

    fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        if !a.shape.ends_with(b.shape) {
            let (left, right) = (a.shape.into(), b.shape.into());
            return Err(Error::Shapes {
                op: Self::NAME,
                left,
                right,
                remedy: "the right operand must have the last axes of the left (broadcast it, or exchange them)",
            });
        }
        let repeated = shift(b.samples, a.shape.len() - b.shape.len());
        Ok(Signature { shape: a.shape.into(), samples: join(Some(a.samples), repeated) })
    }

    fn flops(&self, s: Sizes<'_>) -> usize {
        shape::count(s.a)
    }

    fn apply<R: Real>(&self, _: Sizes<'_>, _: usize, a: &[R], b: &[R], y: &mut [R], accumulate: Accumulate) {
        // Directions are one more leading axis.
        map::rows_product(b, a, y, accumulate);
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

    fn pull_right<R: Real>(&self, _: Sizes<'_>, a: &[R], y_bar: &[R], b_bar: &mut [R], accumulate: Accumulate) {
        map::sum_of_products(a, y_bar, b_bar, accumulate);
    }
}
