//! The same numbers under other sizes.

use super::{Linear, copy};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape;

/// The same numbers under other sizes. On a tape the value is not copied.
///
/// # Shape
/// Any shape to any shape of as many numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reshape<'a> {
    /// The new sizes.
    pub sizes: &'a [usize],
}

impl Linear for Reshape<'_> {
    const NAME: &'static str = "reshape";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        if shape::count(shape) != shape::count(self.sizes) {
            let (left, right) = (shape.into(), self.sizes.into());
            return Err(Error::Shapes { op: Self::NAME, left, right, remedy: "give sizes with the same product" });
        }
        Ok(Signature { shape: self.sizes.into(), samples: regrouped(samples, shape, self.sizes) })
    }

    fn apply<R: Real>(&self, _: usize, (_, x): (&[usize], &[R]), (_, y): (&[usize], &mut [R]), accumulate: Accumulate) {
        copy(x, y, accumulate);
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (_, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        copy(y_bar, x_bar, accumulate);
    }

    fn passes(&self, _: usize, _: &[usize], _: &[usize]) -> bool {
        true
    }
}

/// Where samples lie after a reshape: kept where the axes up to theirs are kept, or where they lead and a whole number
/// of the new leading entries belongs to each.
fn regrouped(samples: Samples, old: &[usize], new: &[usize]) -> Option<Samples> {
    let Samples::Axis { axis, group } = samples else {
        return Some(samples);
    };
    let kept = axis as usize + 1;
    if new.get(..kept) == Some(&old[..kept]) {
        return Some(samples);
    }
    let count = old[axis as usize] / (group as usize).max(1);
    match new.first() {
        // INVARIANT: meaningful for two samples or more only; at one, every size is a multiple. Proofs are made at two.
        Some(&lead) if axis == 0 && count > 0 && lead % count == 0 => {
            Some(Samples::Axis { axis: 0, group: (lead / count) as u32 })
        }
        _ => None,
    }
}
