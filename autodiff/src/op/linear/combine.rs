//! Weighted sums of values.

use super::{Linear, join, shift};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape;

/// `y = c_1 x_1 + c_2 x_2 + ...`: sums, differences, scalings and biases.
///
/// # Shape
/// The result has the largest rank among the operands; each operand's sizes are the last sizes of the result, and it
/// is repeated over the leading axes: `x: [n, d], b: [d] -> [n, d]`. Nothing is broadcast in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combine<'a> {
    /// A coefficient for each operand.
    pub coefficients: &'a [f64],
}

impl Linear for Combine<'_> {
    const NAME: &'static str = "combine";

    fn treats_samples_alike(&self) -> bool {
        true
    }

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let widest = operands.iter().map(|o| o.shape).max_by_key(|s| s.len()).unwrap_or(&[]);
        let mut samples = Some(Samples::Free);
        for operand in operands {
            if !widest.ends_with(operand.shape) {
                let (left, right) = (widest.into(), operand.shape.into());
                let remedy = "the smaller shape must equal the last axes of the larger";
                return Err(Error::Shapes { op: Self::NAME, left, right, remedy });
            }
            samples = join(samples, shift(operand.samples, widest.len() - operand.shape.len()));
        }
        Ok(Signature { shape: widest.into(), samples })
    }

    /// A multiplication for the first operand, a multiply-add for each other.
    fn flops(&self, _: &[usize], y: &[usize], operands: usize) -> usize {
        shape::count(y) * (2 * operands).saturating_sub(1)
    }

    fn apply<R: Real>(&self, i: usize, (_, x): (&[usize], &[R]), (_, y): (&[usize], &mut [R]), accumulate: Accumulate) {
        let c = self.coefficients[i];
        if !x.is_empty() {
            y.chunks_exact_mut(x.len()).for_each(|row| map::scale(accumulate, c, x, row));
        }
    }

    fn transpose<R: Real>(
        &self,
        i: usize,
        (_, y_bar): (&[usize], &[R]),
        (_, x_bar): (&[usize], &mut [R]),
        mut accumulate: Accumulate,
    ) {
        let c = self.coefficients[i];
        if y_bar.is_empty() && accumulate == Accumulate::Replace {
            x_bar.fill(R::ZERO);
        } else if !x_bar.is_empty() {
            for row in y_bar.chunks_exact(x_bar.len()) {
                map::scale(accumulate, c, row, x_bar);
                accumulate = Accumulate::Add;
            }
        }
    }

    fn passes(&self, i: usize, x: &[usize], y: &[usize]) -> bool {
        self.coefficients[i] == 1.0 && x == y
    }
}
