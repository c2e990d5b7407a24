//! Elementwise ops: `y_i = f(x_i)`.
//!
//! An op states its primal and its slope, generic over the number. Everything else follows:
//!
//! | sweep | rule |
//! |---|---|
//! | pushforward | `y_dot = s x_dot` |
//! | pullback | `x_bar = s y_bar` |
//! | tangent of the pullback | `x_bar_dot = s y_bar_dot + (f'' x_dot) y_bar` |
//!
//! with `s = slope(x, y)` and `f''` the tangent of that same slope on a dual, so first and second order cannot
//! disagree. The slope is given `y` as well, as many are cheaper from the result.
//!
//! # At kinks
//! A slope is one value, chosen as PyTorch chooses it: `relu'(0) = 0`, `leaky_relu'(0) = alpha`, `abs'(0) = 0`. (JAX
//! 0.10.2 has 1 for the last two, and 1 for `hard_tanh'` at its ends, where ours is 0.) The curvature of an op that is
//! made of straight pieces is 0 everywhere, the kinks included. A slope of 0 times an infinite cotangent is NaN, by IEEE
//! 754: it is not hidden.
//!
//! This file decides what an elementwise op is and which there are; each stands in the file of its family. How the
//! functions are computed is left to [`crate::kernel::math`], the loops over slices to [`crate::kernel::map`].

mod activation;
mod arithmetic;
mod exponential;
mod special;
mod trigonometric;

use crate::real::Real;

pub use activation::*;
pub use arithmetic::*;
pub use exponential::*;
pub use special::*;
pub use trigonometric::*;

/// A function of one number, its slope, and where to test them.
pub trait Elementwise: Copy {
    /// The op's name in messages, print-outs and model files.
    const NAME: &'static str;
    /// Arguments of interest inside the domain, kinks and edges among them; tests add random ones between them.
    const SAMPLES: &'static [f64];
    /// Arguments where the slope jumps, or grows without bound: finite differences stay away from them.
    const KINKS: &'static [f64] = &[];

    /// `f(x)`.
    fn primal<R: Real>(&self, x: R) -> R;
    /// `f'(x)`, where `y = f(x)` is known.
    fn slope<R: Real>(&self, x: R, y: R) -> R;

    /// `y = f(x)` over slices, with the bits of [`Elementwise::primal`]: for ops that have a faster loop than that over it.
    #[inline(always)]
    fn primals<R: Real>(&self, x: &[R], y: &mut [R]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = self.primal(x);
        }
    }
    /// `s = f'(x)` over slices, with the bits of [`Elementwise::slope`].
    #[inline(always)]
    fn slopes<R: Real>(&self, x: &[R], y: &[R], s: &mut [R]) {
        for ((s, &x), &y) in s.iter_mut().zip(x).zip(y) {
            *s = self.slope(x, y);
        }
    }
}

/// Declares the closed set: the enum, its names, its exemplars and its dispatch come from this one list.
macro_rules! elementwise_set {
    ($($(#[$doc:meta])* $op:ident = $exemplar:expr;)*) => {
        /// The closed set of elementwise ops.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum ElementwiseOp {
            $($(#[$doc])* $op($op),)*
        }

        impl ElementwiseOp {
            /// One exemplar of every op, for tests, docs and benches to loop over.
            pub const ALL: &'static [ElementwiseOp] = &[$(ElementwiseOp::$op($exemplar)),*];

            /// The op's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$op(_) => <$op as Elementwise>::NAME),* }
            }

            /// The op's [`Elementwise::SAMPLES`].
            pub fn samples(&self) -> &'static [f64] {
                match self { $(Self::$op(_) => <$op as Elementwise>::SAMPLES),* }
            }

            /// The op's [`Elementwise::KINKS`].
            pub fn kinks(&self) -> &'static [f64] {
                match self { $(Self::$op(_) => <$op as Elementwise>::KINKS),* }
            }

            /// Hands the op, with its own type, to a visitor.
            #[inline]
            pub(crate) fn visit<V: Visitor>(&self, visitor: V) -> V::Output {
                match *self { $(Self::$op(op) => visitor.visit(op)),* }
            }
        }

        $(impl From<$op> for ElementwiseOp {
            fn from(op: $op) -> Self {
                Self::$op(op)
            }
        })*
    };
}

/// A generic function of an op, as a value.
pub(crate) trait Visitor {
    type Output;
    fn visit(self, op: impl Elementwise) -> Self::Output;
}

elementwise_set! {
    /// `max(x, 0)`
    Relu = Relu;
    /// `x` above 0, `alpha x` below.
    LeakyRelu = LeakyRelu(0.1);
    /// Absolute value.
    Abs = Abs;
    /// Hyperbolic tangent.
    Tanh = Tanh;
    /// Logistic function.
    Sigmoid = Sigmoid;
    /// `ln(1 + e^x)`
    Softplus = Softplus;
    /// Error function.
    Erf = Erf;
    /// Complementary error function.
    Erfc = Erfc;
    /// Normal distribution function.
    NormalCdf = NormalCdf;
    /// Normal density.
    NormalPdf = NormalPdf;
    /// `x Phi(x)`, exact.
    Gelu = Gelu;
    /// `x Phi(x)` by a hyperbolic tangent, approximate.
    GeluTanh = GeluTanh;
    /// `x sigmoid(x)`
    Silu = Silu;
    /// `x` above 0, `alpha (e^x - 1)` below.
    Elu = Elu(0.7);
    /// `elu` with the scales that keep mean 0 and variance 1.
    Selu = Selu;
    /// `x` held within -1 and 1.
    HardTanh = HardTanh;
    /// `x` held within 0 and 6.
    Relu6 = Relu6;
    /// `ln |Gamma(x)|`
    LnGamma = LnGamma;
    /// Derivative `n + 1` of that: digamma, trigamma, ..
    Polygamma = Polygamma(0);
    /// Exponential.
    Exp = Exp;
    /// `e^x - 1`
    Expm1 = Expm1;
    /// Natural logarithm.
    Ln = Ln;
    /// `ln(1 + x)`
    Ln1p = Ln1p;
    /// Sine.
    Sin = Sin;
    /// Cosine.
    Cos = Cos;
    /// Tangent.
    Tan = Tan;
    /// Arc sine.
    Asin = Asin;
    /// Arc cosine.
    Acos = Acos;
    /// Arc tangent.
    Atan = Atan;
    /// Hyperbolic sine.
    Sinh = Sinh;
    /// Hyperbolic cosine.
    Cosh = Cosh;
    /// Square root.
    Sqrt = Sqrt;
    /// `1 / sqrt(x)`
    Rsqrt = Rsqrt;
    /// `1 / x`
    Recip = Recip;
    /// `x^n`, n a whole number.
    Powi = Powi(3);
    /// `x^p`, p any constant.
    Powf = Powf(2.5);
}
