//! Bilinear ops: `y = B(a, b)`, linear in each operand alone.
//!
//! An op states the product and its two pulls, the transposes in either operand. Everything else follows:
//!
//! | sweep | rule |
//! |---|---|
//! | pushforward | `y_dot = B(a_dot, b) + B(a, b_dot)` |
//! | pullback | `a_bar = B(., b)^T y_bar`, `b_bar = B(a, .)^T y_bar` |
//! | tangent of the pullback | the product rule on both: `a_bar_dot = B(., b)^T y_bar_dot + B(., b_dot)^T y_bar` |

mod matmul;
mod mul;

pub use matmul::Matmul;
pub use mul::Mul;

use super::{Operand, Signature};
use crate::error::Result;
use crate::kernel::gemm::Accumulate;
use crate::real::Real;

/// A product of two operands.
///
/// Every function takes the shapes with the numbers. `directions` is how many left operands (or cotangents) lie one
/// behind the other against the one right operand: where the op can, it makes one taller product of them.
pub trait Bilinear: Copy {
    /// The op's name in messages and print-outs.
    const NAME: &'static str;

    /// Checks the operands; the shape of the result and what becomes of the samples.
    fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature>;
    /// `y = B(a, b)` or `y += B(a, b)`, for each of `directions` values `a` (and `y`).
    fn apply<R: Real>(&self, s: Sizes<'_>, directions: usize, a: &[R], b: &[R], y: &mut [R], accumulate: Accumulate);
    /// `a_bar = B(., b)^T y_bar` or `a_bar += ..`, for each of `directions` cotangents `y_bar` (and `a_bar`).
    fn pull_left<R: Real>(
        &self,
        s: Sizes<'_>,
        directions: usize,
        y_bar: &[R],
        b: &[R],
        a_bar: &mut [R],
        accumulate: Accumulate,
    );
    /// `b_bar = B(a, .)^T y_bar` or `b_bar += ..`
    fn pull_right<R: Real>(&self, s: Sizes<'_>, a: &[R], y_bar: &[R], b_bar: &mut [R], accumulate: Accumulate);
}

/// The sizes of a bilinear op's operands.
#[derive(Clone, Copy, Debug)]
pub struct Sizes<'a> {
    /// Sizes of the left operand.
    pub a: &'a [usize],
    /// Sizes of the right operand.
    pub b: &'a [usize],
}

/// The closed set of bilinear ops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BilinearOp {
    /// Product entry by entry.
    Mul(Mul),
    /// Product of matrices.
    Matmul(Matmul),
}

macro_rules! dispatch {
    ($self:ident, $op:ident => $body:expr) => {
        match $self {
            BilinearOp::Mul($op) => $body,
            BilinearOp::Matmul($op) => $body,
        }
    };
}

impl BilinearOp {
    /// The op's name.
    pub fn name(&self) -> &'static str {
        fn name<B: Bilinear>(_: &B) -> &'static str {
            B::NAME
        }
        dispatch!(self, op => name(op))
    }
    pub(crate) fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        dispatch!(self, op => op.signature(a, b))
    }
    pub(crate) fn apply<R: Real>(
        &self,
        s: Sizes<'_>,
        directions: usize,
        a: &[R],
        b: &[R],
        y: &mut [R],
        accumulate: Accumulate,
    ) {
        dispatch!(self, op => op.apply(s, directions, a, b, y, accumulate))
    }
    pub(crate) fn pull_left<R: Real>(
        &self,
        s: Sizes<'_>,
        directions: usize,
        y_bar: &[R],
        b: &[R],
        a_bar: &mut [R],
        accumulate: Accumulate,
    ) {
        dispatch!(self, op => op.pull_left(s, directions, y_bar, b, a_bar, accumulate))
    }
    pub(crate) fn pull_right<R: Real>(
        &self,
        s: Sizes<'_>,
        a: &[R],
        y_bar: &[R],
        b_bar: &mut [R],
        accumulate: Accumulate,
    ) {
        dispatch!(self, op => op.pull_right(s, a, y_bar, b_bar, accumulate))
    }
}
