//! Handles to recorded values, and the functions that record.

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Node, Tape};
use crate::error::{Error, Result};
use crate::op::bilinear::{Batched, Conv, Matmul, Mul as MulOp, Window};
use crate::op::elementwise::{self as ew, ElementwiseOp};
use crate::op::linear::{AveragePool, Broadcast, Choice, Combine, MaxPool, Pick, PoolWindow, Reshape, Sum};
use crate::op::pairwise::{self as pw, PairwiseOp};
use crate::op::{BilinearOp, LinearOp, Samples};
use crate::real::Real;

/// A recorded value: a tape and a place on it. Copy it freely.
///
/// Named functions return [`Result`]; the operators `+ - * /` panic with the same message.
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
        /// `x Phi(x)` by a hyperbolic tangent, approximate.
        gelu_tanh ew::GeluTanh;
        /// `x sigmoid(x)`
        silu ew::Silu;
        /// `elu` with the scales of self-normalizing networks.
        selu ew::Selu;
        /// `x` held within -1 and 1.
        hard_tanh ew::HardTanh;
        /// `x` held within 0 and 6.
        relu6 ew::Relu6;
        /// Normal distribution function.
        normal_cdf ew::NormalCdf;
        /// Normal density.
        normal_pdf ew::NormalPdf;
        /// `ln |Gamma(x)|`
        ln_gamma ew::LnGamma;
        /// The slope of `ln_gamma`.
        digamma ew::Polygamma(0);
        /// The slope of `digamma`.
        trigamma ew::Polygamma(1);
        /// Tangent.
        tan ew::Tan;
        /// Arc sine.
        asin ew::Asin;
        /// Arc cosine.
        acos ew::Acos;
        /// Arc tangent.
        atan ew::Atan;
        /// Hyperbolic sine.
        sinh ew::Sinh;
        /// Hyperbolic cosine.
        cosh ew::Cosh;
        /// `x^2`
        square ew::Powi(2);
        /// `1 / sqrt(x)`
        rsqrt ew::Rsqrt;
        /// `1 / x`
        recip ew::Recip;
        /// Absolute value.
        abs ew::Abs;
    }

    /// `x` above 0, `alpha x` below.
    pub fn leaky_relu(self, alpha: f64) -> Self {
        self.map(ew::LeakyRelu(alpha))
    }

    /// `x` above 0, `alpha (e^x - 1)` below.
    pub fn elu(self, alpha: f64) -> Self {
        self.map(ew::Elu(alpha))
    }

    /// `x^p`
    pub fn powf(self, p: f64) -> Self {
        self.map(ew::Powf(p))
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
    /// ```
    /// let mut arena = autodiff::Arena::new();
    /// let tape = arena.tape();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0, 4.0], &[2, 2]).unwrap();
    /// let y = tape.leaf(&[10.0, 20.0], &[2]).unwrap();
    /// assert_eq!(x.combine(2.0, y, 0.5).unwrap().value(), [7.0, 14.0, 11.0, 18.0]);
    /// ```
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

    /// `x y`, entry by entry, the smaller operand repeated over the leading axes of the larger.
    ///
    /// # Shape
    /// `x: [.., d], y: [d] -> [.., d]`, and so on.
    ///
    /// # Errors
    /// If neither shape ends with the other, or `y` is on another tape.
    pub fn times(self, y: Self) -> Result<Self> {
        let exchanged = y.shape().len() > self.shape().len();
        let (large, small) = if exchanged { (y, self) } else { (self, y) };
        self.tape.bilinear(BilinearOp::Mul(MulOp), large, small)
    }

    /// Applies an elementwise op of two operands, `x` the first.
    ///
    /// # Errors
    /// If the shapes differ, or `y` is on another tape.
    pub fn map_with(self, y: Self, op: impl Into<PairwiseOp>) -> Result<Self> {
        self.tape.pairwise(op.into(), self, y)
    }

    /// `x / y`, entry by entry.
    ///
    /// # Errors
    /// As [`Var::times`].
    pub fn over(self, y: Self) -> Result<Self> {
        self.map_with(y, pw::Div)
    }

    /// `x^y`, entry by entry.
    ///
    /// # Errors
    /// As [`Var::times`].
    pub fn pow(self, y: Self) -> Result<Self> {
        self.map_with(y, pw::Pow)
    }

    /// The angle of the point `(x, y)`, `self` being `y`, entry by entry.
    ///
    /// # Errors
    /// As [`Var::times`].
    pub fn atan2(self, x: Self) -> Result<Self> {
        self.map_with(x, pw::Atan2)
    }

    /// `sqrt(x^2 + y^2)`, entry by entry.
    ///
    /// # Errors
    /// As [`Var::times`].
    pub fn hypot(self, y: Self) -> Result<Self> {
        self.map_with(y, pw::Hypot)
    }

    /// The matrix product `x w`.
    ///
    /// # Shape
    /// `x: [.., n, k], w: [k, m] -> [.., n, m]`
    ///
    /// ```
    /// let mut arena = autodiff::Arena::new();
    /// let tape = arena.tape();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0], &[1, 3]).unwrap();
    /// let w = tape.leaf(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[3, 2]).unwrap();
    /// assert_eq!(x.matmul(w).unwrap().value(), [4.0, 5.0]);
    /// let error = w.matmul(w).unwrap_err().to_string();
    /// assert!(error.ends_with("the inner sizes must agree: [n, k] times [k, m]"));
    /// ```
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

    /// The product of each pair of matrices.
    ///
    /// # Shape
    /// `x: [.., n, k], y: [.., k, m] -> [.., n, m]`, with the same leading axes.
    ///
    /// # Errors
    /// If the leading axes or the inner sizes differ, or `y` is on another tape.
    pub fn batched_matmul(self, y: Self) -> Result<Self> {
        self.batched_matmul_with(y, Matmul { transpose_a: false, transpose_b: false, alpha: 1.0 })
    }

    /// The product of each pair of matrices with transposes and a factor.
    ///
    /// # Errors
    /// As [`Var::batched_matmul`].
    pub fn batched_matmul_with(self, y: Self, product: Matmul) -> Result<Self> {
        let op = Batched { product: self.tape.keep_one(product) };
        self.tape.bilinear(BilinearOp::Batched(op), self, y)
    }

    /// The outer product `x y^T` of two vectors.
    ///
    /// # Shape
    /// `x: [n], y: [m] -> [n, m]`
    ///
    /// # Errors
    /// If an operand is not a vector, or `y` is on another tape.
    pub fn outer(self, y: Self) -> Result<Self> {
        let (&[n], &[m]) = (self.shape(), y.shape()) else {
            let (left, right) = (self.shape().into(), y.shape().into());
            return Err(Error::Shapes { op: "outer", left, right, remedy: "give two vectors, or use matmul" });
        };
        self.reshape(&[n, 1])?.matmul(y.reshape(&[1, m])?)
    }

    /// Convolution with the weights `w`.
    ///
    /// # Shape
    /// `x: [.., h, w, in], w: [kh, kw, in / groups, out] -> [.., h', w', out]`, or without rows,
    /// `x: [.., w, in], w: [kw, in / groups, out] -> [.., w', out]`.
    ///
    /// ```
    /// use autodiff::op::bilinear::Window;
    /// use autodiff::Arena;
    /// let mut arena = Arena::new();
    /// let tape = arena.tape::<f64>();
    /// let x = tape.constant(&[1.0, 2.0, 3.0, 4.0], &[1, 4, 1])?;
    /// let w = tape.leaf(&[1.0, 0.0, -1.0], &[3, 1, 1])?;
    /// assert_eq!(x.conv(w, Window::UNIT)?.value(), [-2.0, -2.0]);
    /// assert_eq!(x.conv(w, Window::SAME)?.value(), [-2.0, -2.0, -2.0, 3.0]);
    /// # Ok::<(), autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shapes do not fit the window, or `w` is on another tape.
    pub fn conv(self, w: Self, window: Window) -> Result<Self> {
        let op = Conv { window: self.tape.keep_one(window) };
        self.tape.bilinear(BilinearOp::Conv(op), self, w)
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

    /// The mean of each window, padding counted.
    ///
    /// # Shape
    /// `[.., h, w, c] -> [.., h', w', c]`
    ///
    /// # Errors
    /// If the shape does not fit the window.
    pub fn average_pool(self, window: PoolWindow) -> Result<Self> {
        let op = AveragePool { window: self.tape.keep_one(window) };
        self.tape.linear(LinearOp::AveragePool(op), &[self])
    }

    /// The mean over rows and columns; NaN where there are none.
    ///
    /// # Shape
    /// `[.., h, w, c] -> [.., c]`
    ///
    /// # Errors
    /// If there are fewer than three axes.
    pub fn global_average_pool(self) -> Result<Self> {
        let &[ref leading @ .., h, w, _] = self.shape() else {
            return Err(Error::Axis { op: "global_average_pool", axis: 2, shape: self.shape().into() });
        };
        let axis = leading.len();
        Ok(self.sum_axis(axis)?.sum_axis(axis)?.scale(1.0 / (h * w) as f64))
    }

    /// The largest entry of each window; of equal ones the first.
    ///
    /// # Shape
    /// `[.., h, w, c] -> [.., h', w', c]`
    ///
    /// # Errors
    /// If the shape does not fit the window, or has 2^32 numbers or more.
    pub fn max_pool(self, window: PoolWindow) -> Result<Self> {
        let pooled = window.over("max_pool", self.shape())?;
        if self.value().len() > u32::MAX as usize {
            let (left, right) = (self.shape().into(), (&window.size[..]).into());
            return Err(Error::Shapes { op: "max_pool", left, right, remedy: "give fewer than 2^32 numbers at once" });
        }
        let indices = self.tape.keep_indices(pooled.len(), |indices| pooled.largest(self.value(), indices));
        let op = MaxPool { choice: self.tape.keep_one(Choice { window, indices }) };
        self.tape.linear(LinearOp::MaxPool(op), &[self])
    }

    /// `len` copies along a new axis that stands at `axis` in the result.
    ///
    /// ```
    /// let mut arena = autodiff::Arena::new();
    /// let x = arena.tape().leaf(&[1.0, 2.0], &[2]).unwrap();
    /// assert_eq!(x.broadcast(0, 2).unwrap().value(), [1.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(x.broadcast(1, 2).unwrap().value(), [1.0, 1.0, 2.0, 2.0]);
    /// ```
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
    /// ```
    /// let mut arena = autodiff::Arena::new();
    /// let x = arena.tape().leaf(&[1.0, 2.0, 3.0, 4.0], &[2, 2]).unwrap();
    /// assert_eq!(x.pick(&[1, 0]).unwrap().value(), [2.0, 3.0]);
    /// ```
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
operator!(Div div over);

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
