//! Sums over an axis, and the transpose of that.

use super::{Linear, around, copy};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape::{self, Shape};

/// `y = sum of x over an axis`.
///
/// # Shape
/// `[.., k, ..] -> [.., ..]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    /// The axis that goes.
    pub axis: usize,
}

impl Linear for Sum {
    const NAME: &'static str = "sum";

    fn treats_samples_alike(&self) -> bool {
        true
    }

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        if self.axis >= shape.len() {
            return Err(Error::Axis { op: Self::NAME, axis: self.axis, shape: shape.into() });
        }
        let samples = match samples {
            Samples::Axis { axis, .. } if axis as usize == self.axis => None,
            Samples::Axis { axis, group } if axis as usize > self.axis => Some(Samples::Axis { axis: axis - 1, group }),
            kept => Some(kept),
        };
        Ok(Signature { shape: Shape::new(shape).without(self.axis), samples })
    }

    fn flops(&self, x: &[usize], _: &[usize], _: usize) -> usize {
        shape::count(x)
    }

    fn apply<R: Real>(
        &self,
        _: usize,
        (shape, x): (&[usize], &[R]),
        (_, y): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        sum(around(shape, self.axis), x, y, accumulate);
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (shape, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        repeat(around(shape, self.axis), y_bar, x_bar, accumulate);
    }
}

/// `y = x, len times along a new axis`: the transpose of [`Sum`].
///
/// # Shape
/// `[.., ..] -> [.., len, ..]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Broadcast {
    /// Where the new axis stands in the result.
    pub axis: usize,
    /// How often the value is repeated.
    pub len: usize,
}

impl Linear for Broadcast {
    const NAME: &'static str = "broadcast";

    fn treats_samples_alike(&self) -> bool {
        true
    }

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        if self.axis > shape.len() {
            return Err(Error::Axis { op: Self::NAME, axis: self.axis, shape: shape.into() });
        }
        let samples = match samples {
            Samples::Axis { axis, group } if axis as usize >= self.axis => Samples::Axis { axis: axis + 1, group },
            kept => kept,
        };
        Ok(Signature { shape: Shape::new(shape).with(self.axis, self.len), samples: Some(samples) })
    }

    fn apply<R: Real>(
        &self,
        _: usize,
        (_, x): (&[usize], &[R]),
        (shape, y): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        repeat(around(shape, self.axis), x, y, accumulate);
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (shape, y_bar): (&[usize], &[R]),
        (_, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        sum(around(shape, self.axis), y_bar, x_bar, accumulate);
    }
}

/// `[outer, len, inner] -> [outer, inner]`
fn sum<R: Real>((_, len, inner): (usize, usize, usize), x: &[R], y: &mut [R], accumulate: Accumulate) {
    if len > 0 && inner == 1 {
        return map::row_sums(accumulate, len, x, y);
    }
    if accumulate == Accumulate::Replace {
        y.fill(R::ZERO);
    }
    if len * inner == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(len * inner).zip(y.chunks_exact_mut(inner)) {
        for x in x.chunks_exact(inner) {
            map::add(x, y);
        }
    }
}

/// `[outer, inner] -> [outer, len, inner]`
fn repeat<R: Real>((_, len, inner): (usize, usize, usize), x: &[R], y: &mut [R], accumulate: Accumulate) {
    if len > 0 && inner == 1 {
        return map::repeat(accumulate, len, x, y);
    }
    if len * inner == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(inner).zip(y.chunks_exact_mut(len * inner)) {
        for y in y.chunks_exact_mut(inner) {
            copy(x, y, accumulate);
        }
    }
}
