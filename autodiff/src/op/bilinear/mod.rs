//! Bilinear ops: `y = B(a, b)`, linear in each operand alone.
//!
//! An op states the product and its two pulls, the transposes in either operand. Everything else follows:
//!
//! | sweep | rule |
//! |---|---|
//! | pushforward | `y_dot = B(a_dot, b) + B(a, b_dot)` |
//! | pullback | `a_bar = B(., b)^T y_bar`, `b_bar = B(a, .)^T y_bar` |
//! | tangent of the pullback | the product rule on both: `a_bar_dot = B(., b)^T y_bar_dot + B(., b_dot)^T y_bar` |

mod batched;
mod conv;
mod matmul;
mod mul;

pub use super::window::Padding;
pub use batched::Batched;
pub use conv::{Conv, Window};
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
    /// Floating-point operations of one product; a multiply-add is 2.
    fn flops(&self, s: Sizes<'_>) -> usize;
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
pub enum BilinearOp<'a> {
    /// Product entry by entry.
    Mul(Mul),
    /// Product of matrices.
    Matmul(Matmul),
    /// Products of pairs of matrices.
    Batched(Batched<'a>),
    /// Convolution.
    Conv(Conv<'a>),
}

macro_rules! dispatch {
    ($self:ident, $op:ident => $body:expr) => {
        match $self {
            BilinearOp::Mul($op) => $body,
            BilinearOp::Matmul($op) => $body,
            BilinearOp::Batched($op) => $body,
            BilinearOp::Conv($op) => $body,
        }
    };
}

impl BilinearOp<'_> {
    /// The op's name.
    pub fn name(&self) -> &'static str {
        fn name<B: Bilinear>(_: &B) -> &'static str {
            B::NAME
        }
        dispatch!(self, op => name(op))
    }
    pub(crate) fn flops(&self, s: Sizes<'_>) -> usize {
        dispatch!(self, op => op.flops(s))
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

/// How an op multiplies a right operand that is a parameter: as products of matrices, one for each group,
/// `[positions, fan_in] x [fan_in, fan_out]`.
///
/// The left factors are the op's patches ([`BilinearOp::patches`]). Weights lie as `[fan_in, groups * fan_out]` (the
/// other way round where `transposed`), results as `[positions, groups * fan_out]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unfolding {
    /// How many products there are; 1 but for grouped convolutions.
    pub groups: usize,
    /// Rows of a product.
    pub positions: usize,
    /// Numbers that enter each entry of the result.
    pub fan_in: usize,
    /// Columns of a product.
    pub fan_out: usize,
    /// Whether the parameter is stored as `[fan_out, fan_in]`.
    pub transposed: bool,
    /// The factor of the product.
    pub alpha: f64,
}

impl BilinearOp<'_> {
    /// How a product with a parameter on the right is one of matrices, for operands of these sizes (those of one
    /// sample, say); `None` where it is none: products entry by entry, of pairs, and of a transposed left operand.
    pub fn unfolding(&self, s: Sizes<'_>) -> Option<Unfolding> {
        match self {
            BilinearOp::Mul(_) | BilinearOp::Batched(_) => None,
            BilinearOp::Matmul(op) => {
                let (&fan_in, rows) = s.a.split_last()?;
                let fan_out = if op.transpose_b { s.b[0] } else { s.b[1] };
                let (positions, transposed, alpha) = (rows.iter().product(), op.transpose_b, op.alpha);
                (!op.transpose_a).then_some(Unfolding { groups: 1, positions, fan_in, fan_out, transposed, alpha })
            }
            BilinearOp::Conv(op) => {
                let sizes = op.sizes(s).ok()?;
                Some(Unfolding {
                    groups: sizes.groups,
                    positions: sizes.images * sizes.positions(),
                    fan_in: sizes.fan_in(),
                    fan_out: sizes.outputs / sizes.groups,
                    transposed: false,
                    alpha: sizes.alpha,
                })
            }
        }
    }

    /// The left factors of an [`Unfolding`]: what each position reads, side by side.
    ///
    /// # Shape
    /// `a` as its sizes say, `out: [groups, positions, fan_in]`
    ///
    /// # Panics
    /// If there is no unfolding, or a slice does not fit.
    pub fn patches<R: Real>(&self, s: Sizes<'_>, a: &[R], out: &mut [R]) {
        match self {
            BilinearOp::Matmul(op) if !op.transpose_a => out.copy_from_slice(a),
            BilinearOp::Conv(op) => op.sizes(s).expect("sizes that fit the window").patches(a, out),
            BilinearOp::Matmul(_) | BilinearOp::Mul(_) | BilinearOp::Batched(_) => {
                panic!("{} is no product of patches and a parameter; ask unfolding() first", self.name())
            }
        }
    }
}
