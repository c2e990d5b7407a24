//! Linear ops: `y = A_1 x_1 + A_2 x_2 + ...`
//!
//! An op states how each operand enters (`apply`) and the transpose of that (`transpose`). Everything else follows:
//!
//! | sweep | rule |
//! |---|---|
//! | pushforward | `y_dot = A x_dot` |
//! | pullback | `x_bar = A^T y_bar` |
//! | tangent of the pullback | `x_bar_dot = A^T y_bar_dot` |
//!
//! There are no kinks, and the curvature is zero.
//!
//! This file decides what a linear op is and which there are; each stands in the file of its family. The loops over
//! slices are left to [`crate::kernel::map`].

mod arrangement;
mod combine;
mod layout;
mod pooling;
mod reduction;
mod running;
mod section;
mod selection;

use super::{Operand, Samples, Signature};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::real::Real;

pub use arrangement::{Flip, Permute};
pub use combine::Combine;
pub use layout::Reshape;
pub use pooling::{AveragePool, Choice, MaxPool, PoolWindow};
pub use reduction::{Broadcast, Sum};
pub use running::CumulativeSum;
pub use section::{Concat, Gather, Joint, Pad, Slice, Triangle};
pub use selection::Pick;

/// A map that is linear in each of its operands together.
pub trait Linear: Copy {
    /// The op's name in messages and print-outs.
    const NAME: &'static str;

    /// Checks the operands; the shape of the result and what becomes of the samples.
    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature>;
    /// `y = A_i x_i`, or `y += A_i x_i`.
    fn apply<R: Real>(&self, i: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate);
    /// `x_bar = A_i^T y_bar`, or `x_bar += A_i^T y_bar`.
    fn transpose<R: Real>(
        &self,
        i: usize,
        y_bar: (&[usize], &[R]),
        x_bar: (&[usize], &mut [R]),
        accumulate: Accumulate,
    );
    /// Floating-point operations of the primal, given the first operand's sizes, the result's, and how many operands there
    /// are; none for ops that only move numbers.
    fn flops(&self, _x: &[usize], _y: &[usize], _operands: usize) -> usize {
        0
    }
    /// Whether the map is the same for every sample: one that refers to recorded indices is not.
    fn treats_samples_alike(&self) -> bool {
        false
    }
    /// Whether `A_i` is the identity on the numbers as they lie, so that a sweep may hand a buffer on instead of
    /// copying it.
    fn passes(&self, _i: usize, _x: &[usize], _y: &[usize]) -> bool {
        false
    }
}

/// The closed set of linear ops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LinearOp<'a> {
    /// `y = c_1 x_1 + c_2 x_2 + ...`
    Combine(Combine<'a>),
    /// Sum over an axis.
    Sum(Sum),
    /// Repetition along a new axis.
    Broadcast(Broadcast),
    /// Other sizes, the same numbers.
    Reshape(Reshape<'a>),
    /// One entry of the last axis in each row.
    Pick(Pick<'a>),
    /// The mean of each window.
    AveragePool(AveragePool<'a>),
    /// The largest entry of each window.
    MaxPool(MaxPool<'a>),
    /// The axes in another order.
    Permute(Permute<'a>),
    /// An axis turned round.
    Flip(Flip),
    /// A run of entries of an axis.
    Slice(Slice),
    /// Zeros around the entries of an axis.
    Pad(Pad),
    /// Operands one behind the other.
    Concat(Concat<'a>),
    /// The part of each matrix on one side of a diagonal.
    Triangle(Triangle),
    /// Rows of the first axis by index.
    Gather(Gather<'a>),
    /// Sums of all entries up to each.
    CumulativeSum(CumulativeSum),
}

macro_rules! dispatch {
    ($self:ident, $op:ident => $body:expr) => {
        match $self {
            LinearOp::Combine($op) => $body,
            LinearOp::Sum($op) => $body,
            LinearOp::Broadcast($op) => $body,
            LinearOp::Reshape($op) => $body,
            LinearOp::Pick($op) => $body,
            LinearOp::AveragePool($op) => $body,
            LinearOp::MaxPool($op) => $body,
            LinearOp::Permute($op) => $body,
            LinearOp::Flip($op) => $body,
            LinearOp::Slice($op) => $body,
            LinearOp::Pad($op) => $body,
            LinearOp::Concat($op) => $body,
            LinearOp::Triangle($op) => $body,
            LinearOp::Gather($op) => $body,
            LinearOp::CumulativeSum($op) => $body,
        }
    };
}

impl LinearOp<'_> {
    /// The op's name.
    pub fn name(&self) -> &'static str {
        fn name<L: Linear>(_: &L) -> &'static str {
            L::NAME
        }
        dispatch!(self, op => name(op))
    }
    pub(crate) fn flops(&self, x: &[usize], y: &[usize], operands: usize) -> usize {
        dispatch!(self, op => op.flops(x, y, operands))
    }
    pub(crate) fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        dispatch!(self, op => op.signature(operands))
    }
    pub(crate) fn apply<R: Real>(
        &self,
        i: usize,
        x: (&[usize], &[R]),
        y: (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        dispatch!(self, op => op.apply(i, x, y, accumulate))
    }
    pub(crate) fn transpose<R: Real>(
        &self,
        i: usize,
        y_bar: (&[usize], &[R]),
        x_bar: (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        dispatch!(self, op => op.transpose(i, y_bar, x_bar, accumulate))
    }
    pub(crate) fn passes(&self, i: usize, x: &[usize], y: &[usize]) -> bool {
        dispatch!(self, op => op.passes(i, x, y))
    }
    pub(crate) fn treats_samples_alike(&self) -> bool {
        dispatch!(self, op => op.treats_samples_alike())
    }
}

/// A shape seen as `[outer, len, inner]` around an axis.
fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// The tag of a result that mixes, drops or exchanges the entries of an axis, once the axis is known to be there.
fn across(op: &'static str, axis: usize, shape: &[usize], samples: Samples) -> Result<Option<Samples>> {
    match samples {
        _ if axis >= shape.len() => Err(Error::Axis { op, axis, shape: shape.into() }),
        Samples::Axis { axis: of_samples, .. } if of_samples as usize == axis => Ok(None),
        kept => Ok(Some(kept)),
    }
}

/// One number written or added.
#[inline(always)]
fn moved<R: Real>(from: R, to: &mut R, accumulate: Accumulate) {
    match accumulate {
        Accumulate::Replace => *to = from,
        Accumulate::Add => *to += from,
    }
}

fn copy<R: Real>(from: &[R], to: &mut [R], accumulate: Accumulate) {
    match accumulate {
        Accumulate::Replace => to.copy_from_slice(from),
        Accumulate::Add => map::add(from, to),
    }
}

/// The tag of an operand that is repeated over `leading` axes before its own.
pub(crate) fn shift(samples: Samples, leading: usize) -> Samples {
    match samples {
        Samples::Axis { axis, group } => Samples::Axis { axis: axis + leading as u32, group },
        other => other,
    }
}

/// The tag of a result whose entries depend on the same entries of two values; `None` where their samples lie along
/// different axes.
pub(crate) fn join(a: Option<Samples>, b: Samples) -> Option<Samples> {
    match (a?, b) {
        (Samples::Free, other) | (other, Samples::Free) => Some(other),
        (a, b) if a == b => Some(a),
        _ => None,
    }
}
