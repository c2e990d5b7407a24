//! An op of every linear and bilinear kind, with operands to try it on.
//!
//! Sizes 0, 1, 2, 3, 5, 16 and 33 are among them: nothing, one, the smallest that tells apart, and both sides of a
//! vector register's width. A new member of either closed set does not compile before it has a list here.

use super::{Bounds, Broken, Program, bilinear, linear};
use crate::error::Result;
use crate::op::bilinear::{BilinearOp, Matmul, Mul};
use crate::op::linear::{Broadcast, Combine, LinearOp, Pick, Reshape, Sum};
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
    pub op: BilinearOp,
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
    Pick:
        { indices: &[2] } on [&[3]];
        { indices: &[0, 4, 2] } on [&[3, 5]];
        { indices: &[1, 0, 1, 1, 0, 0] } on [&[2, 3, 2]];
        { indices: &[0, 0] } on [&[2, 1]];
        { indices: &[32, 0] } on [&[2, 33]];
        { indices: &[] } on [&[0, 3]];
}

/// `alpha op(a) op(b)`.
const fn matmul(transpose_a: bool, transpose_b: bool, alpha: f64) -> Matmul {
    Matmul { transpose_a, transpose_b, alpha }
}

bilinear_exemplars! {
    Mul:
        { Mul } on [], [];
        { Mul } on [1], [1];
        { Mul } on [33], [33];
        { Mul } on [2, 3, 5], [2, 3, 5];
        { Mul } on [0], [0];
        { Mul } on [3, 0], [3, 0];
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
}
