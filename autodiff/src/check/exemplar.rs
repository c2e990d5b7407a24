//! An op of every linear and bilinear kind, with operands to try it on.
//!
//! Sizes 0, 1, 2, 3, 5, 16 and 33 are among them: nothing, one, the smallest that tells apart, and both sides of a
//! vector register's width. A new member of either closed set does not compile before it has a list here.

use super::{Bounds, Broken, Program, bilinear, linear};
use crate::error::Result;
use crate::op::bilinear::{Batched, BilinearOp, Conv, Matmul, Mul, Padding, Window};
use crate::op::linear::{
    AveragePool, Broadcast, Choice, Combine, Concat, CumulativeSum, Flip, Gather, Joint, LinearOp, MaxPool, Pad,
    Permute, Pick, PoolWindow, Reshape, Slice, Sum, Triangle,
};
use crate::real::{Float, Real};
use crate::tape::{Tape, Var};

/// A linear op and the shapes of operands that it takes.
#[derive(Clone, Copy, Debug)]
pub struct LinearExemplar {
    /// The op.
    pub op: LinearOp<'static>,
    /// A shape for each operand.
    pub operands: &'static [&'static [usize]],
}

/// A bilinear op and the shapes of operands that it takes.
#[derive(Clone, Copy, Debug)]
pub struct BilinearExemplar {
    /// The op.
    pub op: BilinearOp<'static>,
    /// Shape of the left operand.
    pub a: &'static [usize],
    /// Shape of the right operand.
    pub b: &'static [usize],
}

impl Program for LinearExemplar {
    fn name(&self) -> String {
        format!("{:?}", self.op)
    }
    fn record<'a, R: Real>(&self, tape: &'a Tape<'a, R>, inputs: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        tape.linear(self.op, inputs)
    }
}

impl Program for BilinearExemplar {
    fn name(&self) -> String {
        format!("{:?}", self.op)
    }
    fn record<'a, R: Real>(&self, tape: &'a Tape<'a, R>, inputs: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        tape.bilinear(self.op, inputs[0], inputs[1])
    }
}

/// Declares the lists and the dispatch to the checker from one list, so that a variant without exemplars is a
/// non-exhaustive match.
macro_rules! linear_exemplars {
    ($($kind:ident: $({ $($field:ident: $value:expr),* } on $operands:expr;)*)*) => {
        /// Exemplars of every linear op.
        pub const LINEAR: &[LinearExemplar] = &[$($(
            LinearExemplar { op: LinearOp::$kind($kind { $($field: $value),* }), operands: &$operands },
        )*)*];

        impl LinearExemplar {
            /// Checks the op's rule on these operands: see [`linear`].
            ///
            /// # Errors
            /// The first law that does not hold.
            pub fn check<F: Float>(
                &self,
                bounds: Bounds,
                numbers: &mut dyn FnMut() -> f64,
            ) -> std::result::Result<(), Broken> {
                match self.op {
                    $(LinearOp::$kind(op) => linear::<F, _>(op, self.operands, bounds, numbers),)*
                }
            }
        }
    };
}

/// As [`linear_exemplars`], for products.
macro_rules! bilinear_exemplars {
    ($($kind:ident: $({ $op:expr } on $a:expr, $b:expr;)*)*) => {
        /// Exemplars of every bilinear op.
        pub const BILINEAR: &[BilinearExemplar] = &[$($(
            BilinearExemplar { op: BilinearOp::$kind($op), a: &$a, b: &$b },
        )*)*];

        impl BilinearExemplar {
            /// Checks the op's rule on these operands: see [`bilinear`].
            ///
            /// # Errors
            /// The first law that does not hold.
            pub fn check<F: Float>(
                &self,
                bounds: Bounds,
                numbers: &mut dyn FnMut() -> f64,
            ) -> std::result::Result<(), Broken> {
                match self.op {
                    $(BilinearOp::$kind(op) => bilinear::<F, _>(op, self.a, self.b, bounds, numbers),)*
                }
            }
        }
    };
}

/// Windows of 2 x 2 at every entry.
const SLIDING: PoolWindow = PoolWindow { size: [2, 2], stride: [1, 1], padding: Padding::Same };

linear_exemplars! {
    Combine:
        { coefficients: &[1.0] } on [&[5]];
        { coefficients: &[-0.75] } on [&[33]];
        { coefficients: &[0.0] } on [&[2, 3]];
        { coefficients: &[1.0] } on [&[]];
        { coefficients: &[1.0, 1.0] } on [&[16, 3], &[3]];
        { coefficients: &[0.7, -1.3] } on [&[3], &[5, 3]];
        { coefficients: &[1.0, -1.0] } on [&[2, 3, 5], &[]];
        { coefficients: &[1.0, 2.0, -0.5] } on [&[2, 3, 5], &[3, 5], &[5]];
        { coefficients: &[1.5, 1.0, 1.0] } on [&[5], &[5], &[2, 5]];
        { coefficients: &[1.0, 0.5] } on [&[0, 3], &[3]];
        { coefficients: &[1.0, 0.5] } on [&[3, 0], &[0]];
    Sum:
        { axis: 0 } on [&[1]];
        { axis: 0 } on [&[33]];
        { axis: 0 } on [&[2, 3, 5]];
        { axis: 1 } on [&[2, 3, 5]];
        { axis: 2 } on [&[2, 3, 5]];
        { axis: 1 } on [&[3, 16]];
        { axis: 0 } on [&[0, 3]];
        { axis: 1 } on [&[0, 3]];
        { axis: 1 } on [&[3, 0]];
        { axis: 0 } on [&[3, 0]];
    Broadcast:
        { axis: 0, len: 5 } on [&[]];
        { axis: 0, len: 16 } on [&[3]];
        { axis: 1, len: 2 } on [&[33]];
        { axis: 0, len: 2 } on [&[3, 5]];
        { axis: 1, len: 2 } on [&[3, 5]];
        { axis: 2, len: 2 } on [&[3, 5]];
        { axis: 1, len: 1 } on [&[3, 5]];
        { axis: 1, len: 0 } on [&[3, 5]];
        { axis: 0, len: 3 } on [&[0]];
    Reshape:
        { sizes: &[6] } on [&[2, 3]];
        { sizes: &[11, 3] } on [&[33]];
        { sizes: &[] } on [&[1, 1]];
        { sizes: &[2, 1, 8] } on [&[16]];
        { sizes: &[5, 0] } on [&[0]];
    Permute:
        { axes: &[] } on [&[]];
        { axes: &[0] } on [&[5]];
        { axes: &[1, 0] } on [&[2, 3]];
        { axes: &[1, 0] } on [&[16, 33]];
        { axes: &[1, 0] } on [&[1, 5]];
        { axes: &[2, 0, 1] } on [&[2, 3, 5]];
        { axes: &[0, 2, 1, 3] } on [&[2, 3, 5, 2]];
        { axes: &[3, 1, 0, 2] } on [&[2, 1, 3, 5]];
        { axes: &[1, 0] } on [&[0, 3]];
        { axes: &[2, 1, 0] } on [&[3, 0, 2]];
    Flip:
        { axis: 0 } on [&[33]];
        { axis: 1 } on [&[2, 3, 5]];
        { axis: 2 } on [&[2, 1, 16]];
        { axis: 0 } on [&[0, 3]];
        { axis: 0 } on [&[3, 0]];
    Slice:
        { axis: 0, start: 0, len: 5 } on [&[5]];
        { axis: 0, start: 2, len: 1 } on [&[33]];
        { axis: 1, start: 1, len: 2 } on [&[2, 3, 5]];
        { axis: 2, start: 0, len: 16 } on [&[2, 1, 33]];
        { axis: 0, start: 3, len: 0 } on [&[3, 2]];
        { axis: 1, start: 1, len: 1 } on [&[0, 3]];
        { axis: 0, start: 1, len: 1 } on [&[2, 0]];
    Pad:
        { axis: 0, before: 0, after: 0 } on [&[5]];
        { axis: 0, before: 2, after: 1 } on [&[33]];
        { axis: 1, before: 1, after: 0 } on [&[2, 3, 5]];
        { axis: 2, before: 0, after: 16 } on [&[2, 1, 3]];
        { axis: 0, before: 1, after: 2 } on [&[0, 3]];
        { axis: 1, before: 1, after: 1 } on [&[0, 3]];
        { axis: 0, before: 1, after: 1 } on [&[3, 0]];
    Concat:
        { joint: &Joint { axis: 0, starts: &[0] } } on [&[5]];
        { joint: &Joint { axis: 0, starts: &[0, 1] } } on [&[1], &[33]];
        { joint: &Joint { axis: 1, starts: &[0, 3, 4] } } on [&[2, 3, 5], &[2, 1, 5], &[2, 2, 5]];
        { joint: &Joint { axis: 2, starts: &[0, 3] } } on [&[2, 1, 3], &[2, 1, 16]];
        { joint: &Joint { axis: 0, starts: &[0, 2, 2] } } on [&[2, 3], &[0, 3], &[1, 3]];
        { joint: &Joint { axis: 1, starts: &[0, 3] } } on [&[0, 3], &[0, 2]];
    Triangle:
        { upper: false, diagonal: 0 } on [&[3, 3]];
        { upper: true, diagonal: 0 } on [&[16, 33]];
        { upper: false, diagonal: 1 } on [&[2, 5, 3]];
        { upper: true, diagonal: -2 } on [&[5, 3]];
        { upper: false, diagonal: -7 } on [&[5, 3]];
        { upper: true, diagonal: 7 } on [&[5, 3]];
        { upper: false, diagonal: 0 } on [&[1, 1]];
        { upper: true, diagonal: 0 } on [&[0, 3]];
        { upper: true, diagonal: 0 } on [&[3, 0]];
    Gather:
        { indices: &[2] } on [&[3]];
        { indices: &[1, 1, 0, 32, 1] } on [&[33, 2]];
        { indices: &[0, 1, 1] } on [&[2, 3, 5]];
        { indices: &[] } on [&[2, 3]];
        { indices: &[] } on [&[0, 3]];
        { indices: &[1, 0] } on [&[2, 0]];
    CumulativeSum:
        { axis: 0, from_end: false } on [&[33]];
        { axis: 1, from_end: true } on [&[2, 3, 5]];
        { axis: 2, from_end: false } on [&[2, 1, 16]];
        { axis: 0, from_end: true } on [&[1]];
        { axis: 0, from_end: false } on [&[0, 3]];
        { axis: 0, from_end: false } on [&[3, 0]];
    Pick:
        { indices: &[2] } on [&[3]];
        { indices: &[0, 4, 2] } on [&[3, 5]];
        { indices: &[1, 0, 1, 1, 0, 0] } on [&[2, 3, 2]];
        { indices: &[0, 0] } on [&[2, 1]];
        { indices: &[32, 0] } on [&[2, 33]];
        { indices: &[] } on [&[0, 3]];
    AveragePool:
        { window: &PoolWindow::tiles(1) } on [&[1, 1, 1, 1]];
        { window: &PoolWindow::tiles(2) } on [&[2, 5, 3, 3]];
        { window: &PoolWindow { size: [3, 2], stride: [1, 1], padding: Padding::Same } } on [&[2, 3, 5, 2]];
        { window: &PoolWindow { size: [3, 3], stride: [2, 2], padding: Padding::Same } } on [&[1, 5, 16, 33]];
        { window: &PoolWindow { size: [2, 2], stride: [3, 3], padding: Padding::Valid } } on [&[2, 5, 5, 2]];
        { window: &PoolWindow { size: [3, 2], stride: [1, 2], padding: Padding::Circular } } on [&[2, 2, 2, 3]];
        { window: &PoolWindow { size: [2, 3], stride: [2, 1], padding: Padding::Explicit([[1, 0], [2, 1]]) } }
            on [&[3, 3, 2]];
        { window: &PoolWindow::tiles(2) } on [&[2, 2, 2, 3, 1]];
        { window: &PoolWindow::tiles(2) } on [&[0, 2, 2, 3]];
        { window: &PoolWindow::tiles(2) } on [&[2, 2, 2, 0]];
        { window: &PoolWindow { size: [3, 3], stride: [1, 1], padding: Padding::Same } } on [&[2, 0, 3, 2]];
    MaxPool:
        { choice: &Choice { window: PoolWindow::tiles(1), indices: &[0] } } on [&[1, 1, 1, 1]];
        { choice: &Choice { window: PoolWindow::tiles(2), indices: &[2, 1, 9, 15] } } on [&[2, 2, 2, 2]];
        // Overlapping windows that choose the same entry.
        { choice: &Choice { window: SLIDING, indices: &[4, 5, 4, 4, 5, 5] } } on [&[2, 3, 1]];
        { choice: &Choice { window: PoolWindow::tiles(2), indices: &[] } } on [&[0, 2, 2, 3]];
}

/// `alpha op(a) op(b)`.
const fn matmul(transpose_a: bool, transpose_b: bool, alpha: f64) -> Matmul {
    Matmul { transpose_a, transpose_b, alpha }
}

/// A product of pairs of matrices.
const fn pairs(product: &'static Matmul) -> Batched<'static> {
    Batched { product }
}

/// A convolution.
const fn conv(window: &'static Window) -> Conv<'static> {
    Conv { window }
}

bilinear_exemplars! {
    Mul:
        { Mul } on [], [];
        { Mul } on [1], [1];
        { Mul } on [33], [33];
        { Mul } on [2, 3, 5], [2, 3, 5];
        { Mul } on [0], [0];
        { Mul } on [3, 0], [3, 0];
        { Mul } on [2, 3, 5], [5];
        { Mul } on [2, 3, 5], [3, 5];
        { Mul } on [16, 33], [];
        { Mul } on [5, 1], [1];
        { Mul } on [0, 3], [3];
        { Mul } on [3, 0], [0];
        { Mul } on [3, 0], [];
    Matmul:
        { matmul(false, false, 1.0) } on [2, 3], [3, 5];
        { matmul(false, true, 1.0) } on [2, 3], [5, 3];
        { matmul(true, false, 1.0) } on [3, 2], [3, 5];
        { matmul(true, true, 1.0) } on [3, 2], [5, 3];
        { matmul(false, false, -0.3) } on [5, 16], [16, 3];
        { matmul(false, true, 0.7) } on [5, 16], [3, 16];
        { matmul(true, false, 1.9) } on [16, 5], [16, 3];
        { matmul(true, true, 0.25) } on [16, 5], [3, 16];
        { matmul(false, false, 0.5) } on [2, 5, 3], [3, 2];
        { matmul(false, true, 0.5) } on [2, 1, 5, 3], [2, 3];
        { matmul(false, false, 1.0) } on [1, 1], [1, 1];
        { matmul(false, false, 2.0) } on [1, 33], [33, 1];
        { matmul(false, false, 2.0) } on [33, 1], [1, 16];
        { matmul(true, true, 2.0) } on [33, 2], [16, 33];
        { matmul(false, false, 1.0) } on [16, 33], [33, 16];
        { matmul(false, false, 1.0) } on [33, 16], [16, 33];
        { matmul(false, false, 1.5) } on [0, 3], [3, 2];
        { matmul(false, true, 1.5) } on [2, 3], [0, 3];
        { matmul(false, false, 1.5) } on [2, 0], [0, 3];
        { matmul(true, false, 1.5) } on [0, 2], [0, 3];
        { matmul(true, true, 1.5) } on [3, 0], [2, 3];
        { matmul(false, false, 0.0) } on [2, 3], [3, 2];
    Batched:
        { pairs(&Matmul { transpose_a: false, transpose_b: false, alpha: 1.0 }) } on [2, 3, 5], [2, 5, 1];
        { pairs(&Matmul { transpose_a: false, transpose_b: true, alpha: -0.5 }) } on [3, 2, 5], [3, 16, 5];
        { pairs(&Matmul { transpose_a: true, transpose_b: false, alpha: 1.3 }) } on [2, 5, 3], [2, 5, 2];
        { pairs(&Matmul { transpose_a: true, transpose_b: true, alpha: 0.7 }) } on [2, 5, 3], [2, 2, 5];
        { pairs(&Matmul { transpose_a: false, transpose_b: true, alpha: 0.25 }) } on [2, 3, 5, 16], [2, 3, 5, 16];
        { pairs(&Matmul { transpose_a: true, transpose_b: true, alpha: 1.0 }) } on [3, 2], [5, 3];
        { pairs(&Matmul { transpose_a: false, transpose_b: false, alpha: 1.0 }) } on [1, 33, 2], [1, 2, 3];
        { pairs(&Matmul { transpose_a: false, transpose_b: false, alpha: 1.0 }) } on [0, 3, 2], [0, 2, 5];
        { pairs(&Matmul { transpose_a: true, transpose_b: false, alpha: 1.0 }) } on [2, 0, 3], [2, 0, 2];
        { pairs(&Matmul { transpose_a: false, transpose_b: true, alpha: 1.0 }) } on [2, 3, 2], [2, 0, 2];
    Conv:
        { conv(&Window::UNIT) } on [1, 1, 1, 1], [1, 1, 1, 1];
        { conv(&Window { alpha: -0.3, ..Window::UNIT }) } on [2, 3, 5, 3], [1, 1, 3, 5];
        { conv(&Window::UNIT) } on [2, 5, 3, 2], [3, 2, 2, 3];
        { conv(&Window { alpha: 0.7, ..Window::SAME }) } on [2, 5, 3, 2], [3, 3, 2, 3];
        { conv(&Window::SAME) } on [3, 2, 2, 1], [5, 3, 1, 2];
        { conv(&Window { stride: [2, 3], ..Window::SAME }) } on [2, 5, 5, 2], [3, 3, 2, 3];
        { conv(&Window { stride: [3, 2], ..Window::UNIT }) } on [1, 16, 5, 1], [2, 3, 1, 2];
        { conv(&Window { stride: [3, 3], ..Window::UNIT }) } on [2, 5, 5, 1], [2, 2, 1, 2];
        { conv(&Window { dilation: [2, 1], ..Window::SAME }) } on [2, 5, 3, 1], [3, 2, 1, 3];
        { conv(&Window { stride: [2, 2], dilation: [2, 3], ..Window::SAME }) } on [1, 5, 16, 2], [2, 3, 2, 1];
        { conv(&Window { stride: [4, 6], dilation: [6, 4], ..Window::SAME }) } on [1, 16, 16, 1], [3, 5, 1, 2];
        { conv(&Window { padding: Padding::Circular, ..Window::UNIT }) } on [2, 3, 5, 2], [3, 3, 2, 2];
        { conv(&Window { padding: Padding::Circular, ..Window::UNIT }) } on [1, 2, 1, 1], [5, 3, 1, 1];
        { conv(&Window { padding: Padding::Circular, stride: [2, 3], dilation: [3, 2], ..Window::UNIT }) }
            on [2, 2, 3, 1], [3, 3, 1, 2];
        { conv(&Window { padding: Padding::Circular, stride: [4, 2], dilation: [2, 1], ..Window::UNIT }) }
            on [1, 16, 2, 1], [3, 2, 1, 2];
        { conv(&Window { padding: Padding::Explicit([[2, 0], [1, 4]]), ..Window::UNIT }) } on [1, 2, 3, 2], [3, 3, 2, 1];
        { conv(&Window { padding: Padding::Explicit([[5, 5], [0, 0]]), stride: [3, 1], ..Window::UNIT }) }
            on [2, 1, 3, 1], [2, 3, 1, 2];
        { conv(&Window { groups: 2, ..Window::SAME }) } on [2, 3, 3, 4], [3, 2, 2, 6];
        { conv(&Window { groups: 3, stride: [2, 2], alpha: 0.5, ..Window::SAME }) } on [1, 5, 3, 3], [2, 3, 1, 6];
        { conv(&Window { groups: 3, ..Window::UNIT }) } on [1, 3, 2, 6], [1, 1, 2, 3];
        { conv(&Window { groups: 5, alpha: -0.5, ..Window::SAME }) } on [2, 3, 3, 5], [3, 3, 1, 5];
        { conv(&Window { groups: 33, stride: [2, 1], dilation: [1, 2], ..Window::SAME }) } on [1, 5, 3, 33], [3, 2, 1, 33];
        { conv(&Window { groups: 2, padding: Padding::Circular, ..Window::UNIT }) } on [1, 3, 3, 2], [2, 3, 1, 2];
        { conv(&Window::SAME) } on [5, 3, 3], [3, 3, 3, 2];
        { conv(&Window::SAME) } on [3, 3, 1], [2, 2, 1, 2];
        { conv(&Window::SAME) } on [2, 2, 3, 3, 2], [2, 3, 2, 3];
        { conv(&Window::SAME) } on [2, 16, 3], [5, 3, 2];
        { conv(&Window { stride: [1, 2], dilation: [1, 3], padding: Padding::Explicit([[0, 0], [3, 1]]), ..Window::UNIT }) }
            on [3, 16, 2], [3, 2, 5];
        { conv(&Window { groups: 2, padding: Padding::Circular, ..Window::UNIT }) } on [2, 5, 4], [3, 2, 2];
        { conv(&Window::UNIT) } on [33, 1], [3, 1, 1];
        { conv(&Window::UNIT) } on [2, 33, 16], [2, 16, 3];
        { conv(&Window::SAME) } on [0, 3, 3, 2], [3, 3, 2, 5];
        { conv(&Window::SAME) } on [2, 3, 3, 0], [3, 3, 0, 5];
        { conv(&Window::SAME) } on [2, 3, 3, 2], [3, 3, 2, 0];
        { conv(&Window { stride: [2, 2], ..Window::SAME }) } on [2, 0, 3, 2], [3, 3, 2, 5];
        { conv(&Window { stride: [2, 2], groups: 2, ..Window::SAME }) } on [0, 3, 3, 2], [3, 3, 1, 2];
        { conv(&Window { padding: Padding::Circular, ..Window::UNIT }) } on [2, 3, 0, 2], [3, 3, 2, 1];
}
