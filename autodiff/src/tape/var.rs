//! Handles to recorded values, and the functions that record.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

use super::{Node, Tape};
use crate::error::Result;
use crate::op::bilinear::{Matmul, Mul as MulOp};
use crate::op::elementwise::{self as ew, ElementwiseOp};
use crate::op::linear::{Broadcast, Combine, Pick, Reshape, Sum};
use crate::op::{BilinearOp, LinearOp, Samples};
use crate::real::Real;

/// A recorded value: a tape and a place on it. Copy it freely.
///
/// Named functions return [`Result`]; the operators `+ - *` panic with the same message.
pub struct Var<'a, R> {
    pub(crate) tape: &'a Tape<'a, R>,
    pub(crate) id: u32,
}

impl<R> Clone for Var<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Var<'_, R> {}

impl<R: Real> fmt::Debug for Var<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node();
        write!(f, "%{} = {}{:?}", self.id, node.op.name(), node.shape)
    }
}

macro_rules! record_elementwise {
    ($($(#[$doc:meta])* $name:ident $op:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(self) -> Self {
            self.map($op)
        }
    )*};
}

impl<'a, R: Real> Var<'a, R> {
    /// The tape that it is on.
    pub fn tape(self) -> &'a Tape<'a, R> {
        self.tape
    }

    /// Its place on the tape.
    pub fn id(self) -> u32 {
        self.id
    }

    /// Its node.
    pub fn node(self) -> Node<'a, R> {
        self.tape.node(self.id)
    }

    /// Its numbers, row-major.
    pub fn value(self) -> &'a [R] {
        self.node().value
    }

    /// Its sizes.
    pub fn shape(self) -> &'a [usize] {
        self.node().shape
    }

    /// Where its samples lie.
    pub fn samples(self) -> Samples {
        self.node().samples
    }

    /// Applies an elementwise op.
    pub fn map(self, op: impl Into<ElementwiseOp>) -> Self {
        self.tape.elementwise(op.into(), self)
    }

    record_elementwise! {
        /// `max(x, 0)`
        relu ew::Relu;
        /// Hyperbolic tangent.
        tanh ew::Tanh;
        /// Error function.
        erf ew::Erf;
        /// Complementary error function.
        erfc ew::Erfc;
        /// `x Phi(x)`, exact.
        gelu ew::Gelu;
        /// `1 / (1 + e^-x)`
        sigmoid ew::Sigmoid;
        /// `ln(1 + e^x)`
        softplus ew::Softplus;
        /// Sine.
        sin ew::Sin;
        /// Cosine.
        cos ew::Cos;
        /// Exponential.
        exp ew::Exp;
        /// `e^x - 1`
        expm1 ew::Expm1;
        /// Natural logarithm.
        ln ew::Ln;
        /// `ln(1 + x)`
        ln_1p ew::Ln1p;
        /// Square root.
        sqrt ew::Sqrt;
        /// `1 / x`
        recip ew::Recip;
        /// Absolute value.
        abs ew::Abs;
    }

    /// `x` above 0, `alpha x` below.
    pub fn leaky_relu(self, alpha: f64) -> Self {
        self.map(ew::LeakyRelu(alpha))
    }

    /// `x^n`
    pub fn powi(self, n: i32) -> Self {
        self.map(ew::Powi(n))
    }

    /// `c x`
    pub fn scale(self, c: f64) -> Self {
        let op = Combine { coefficients: self.tape.keep_list(&[c]) };
        self.tape.linear(LinearOp::Combine(op), &[self]).expect("one operand always fits itself")
    }

    /// `c x + d y`, the smaller operand repeated over the leading axes of the larger.
    ///
    /// # Shape
    /// `x: [n, d], y: [d] -> [n, d]`, and so on.
    ///
    /// # Errors
    /// If neither shape ends with the other, or `y` is on another tape.
    pub fn combine(self, c: f64, y: Self, d: f64) -> Result<Self> {
        let op = Combine { coefficients: self.tape.keep_list(&[c, d]) };
        self.tape.linear(LinearOp::Combine(op), &[self, y])
    }

    /// `x + y`, by the rules of [`Var::combine`].
    ///
    /// # Errors
    /// As [`Var::combine`].
    pub fn plus(self, y: Self) -> Result<Self> {
        self.combine(1.0, y, 1.0)
    }

    /// `x - y`, by the rules of [`Var::combine`].
    ///
    /// # Errors
    /// As [`Var::combine`].
    pub fn minus(self, y: Self) -> Result<Self> {
        self.combine(1.0, y, -1.0)
    }

    /// `x y`, entry by entry.
    ///
    /// # Errors
    /// If the shapes differ, or `y` is on another tape.
    pub fn times(self, y: Self) -> Result<Self> {
        self.tape.bilinear(BilinearOp::Mul(MulOp), self, y)
    }

    /// The matrix product `x w`.
    ///
    /// # Shape
    /// `x: [.., n, k], w: [k, m] -> [.., n, m]`
    ///
    /// # Errors
    /// If the inner sizes differ, or `w` is on another tape.
    pub fn matmul(self, w: Self) -> Result<Self> {
        self.matmul_with(w, Matmul { transpose_a: false, transpose_b: false, alpha: 1.0 })
    }

    /// The matrix product with transposes and a factor.
    ///
    /// # Errors
    /// As [`Var::matmul`].
    pub fn matmul_with(self, w: Self, op: Matmul) -> Result<Self> {
        self.tape.bilinear(BilinearOp::Matmul(op), self, w)
    }

    /// Sum over an axis, which goes.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn sum_axis(self, axis: usize) -> Result<Self> {
        self.tape.linear(LinearOp::Sum(Sum { axis }), &[self])
    }

    /// Sum of all numbers, a scalar.
    pub fn sum(self) -> Self {
        let flat = self.reshape(&[self.value().len()]).expect("as many numbers");
        flat.sum_axis(0).expect("an axis")
    }

    /// Mean of all numbers, a scalar; NaN if there are none.
    pub fn mean(self) -> Self {
        self.sum().scale(1.0 / self.value().len() as f64)
    }

    /// `len` copies along a new axis that stands at `axis` in the result.
    ///
    /// # Errors
    /// If `axis` is above the rank.
    pub fn broadcast(self, axis: usize, len: usize) -> Result<Self> {
        self.tape.linear(LinearOp::Broadcast(Broadcast { axis, len }), &[self])
    }

    /// The same numbers under other sizes; nothing is copied.
    ///
    /// # Errors
    /// If the product of the sizes differs.
    pub fn reshape(self, sizes: &[usize]) -> Result<Self> {
        let op = Reshape { sizes: self.tape.keep_list(sizes) };
        self.tape.linear(LinearOp::Reshape(op), &[self])
    }

    /// From each row (of the last axis) the entry that `indices` names.
    ///
    /// # Shape
    /// `[.., c] -> [..]`, one index for each row.
    ///
    /// # Errors
    /// If there are not as many indices as rows, or one lies outside the axis.
    pub fn pick(self, indices: &[u32]) -> Result<Self> {
        let op = Pick { indices: self.tape.keep_list(indices) };
        self.tape.linear(LinearOp::Pick(op), &[self])
    }
}

macro_rules! operator {
    ($trait:ident $method:ident $named:ident) => {
        impl<R: Real> $trait for Var<'_, R> {
            type Output = Self;
            #[track_caller]
            fn $method(self, other: Self) -> Self {
                self.$named(other).unwrap_or_else(|error| panic!("{error}"))
            }
        }
    };
}
operator!(Add add plus);
operator!(Sub sub minus);
operator!(Mul mul times);

impl<R: Real> Mul<f64> for Var<'_, R> {
    type Output = Self;
    fn mul(self, c: f64) -> Self {
        self.scale(c)
    }
}

impl<R: Real> Neg for Var<'_, R> {
    type Output = Self;
    fn neg(self) -> Self {
        self.scale(-1.0)
    }
}
