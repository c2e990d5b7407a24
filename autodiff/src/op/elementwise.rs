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
//! has 1 for `leaky_relu'(0)`, and agrees on the others.) The curvature of a kinked op is 0 everywhere, the kink included. A slope of 0 times an infinite cotangent is NaN, by IEEE 754: it is
//! not hidden.

use crate::real::Real;

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
    /// Square root.
    Sqrt = Sqrt;
    /// `1 / x`
    Recip = Recip;
    /// `x^n`, n a whole number.
    Powi = Powi(3);
}

/// `relu(x + h) = relu(x) + [x > 0] h`, for `h` small beside `x`
///
/// # At kinks
/// The slope at 0 is 0. `relu(-0) = 0` and `relu(NaN) = NaN`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relu;
impl Elementwise for Relu {
    const NAME: &'static str = "relu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        // NUMERICS: |x| is x at 0 and NaN, but on a dual its tangent is that of the stated slope, 0, and not that of x.
        let at_most_zero = if x < R::ZERO { R::ZERO } else { x.abs() };
        if x > R::ZERO { x } else { at_most_zero }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if x > R::ZERO { R::ONE } else { R::ZERO }
    }
}

/// `f(x + h) = f(x) + (1 or alpha) h`
///
/// # At kinks
/// The slope at 0 is `alpha`, the one from below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu(
    /// The slope below 0.
    pub f64,
);
impl Elementwise for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        if x > R::ZERO { x } else { x.scale(self.0) }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if x > R::ZERO { R::ONE } else { R::from_f64(self.0) }
    }
}

/// `|x + h| = |x| + sign(x) h`
///
/// # At kinks
/// The slope at 0 is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Abs;
impl Elementwise for Abs {
    const NAME: &'static str = "abs";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.abs()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        let positive = if x > R::ZERO { R::ONE } else { R::ZERO };
        if x < R::ZERO { -R::ONE } else { positive }
    }
}

/// `tanh(x + h) = y + (1 - y^2) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tanh;
impl Elementwise for Tanh {
    const NAME: &'static str = "tanh";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.tanh()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        R::ONE - y * y
    }
}

/// `sigmoid(x + h) = y + sigmoid(x) sigmoid(-x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigmoid;
impl Elementwise for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const SAMPLES: &'static [f64] = &[-30.0, -0.7, 0.0, 1e-9, 2.5, 30.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sigmoid()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, y: R) -> R {
        // NUMERICS: 1 - y would lose all digits where y is near 1.
        y * (-x).sigmoid()
    }
}

/// `softplus(x + h) = y + sigmoid(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softplus;
impl Elementwise for Softplus {
    const NAME: &'static str = "softplus";
    const SAMPLES: &'static [f64] = &[-30.0, -0.7, 0.0, 1e-9, 2.5, 30.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.softplus()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.sigmoid()
    }
}

/// `2 / sqrt(pi)`
const TWO_OVER_SQRT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;

/// `erf(x + h) = y + 2/sqrt(pi) e^(-x^2) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Erf;
impl Elementwise for Erf {
    const NAME: &'static str = "erf";
    const SAMPLES: &'static [f64] = &[-5.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.erf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        (-(x * x)).exp().scale(TWO_OVER_SQRT_PI)
    }
}

/// `erfc(x + h) = y - 2/sqrt(pi) e^(-x^2) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Erfc;
impl Elementwise for Erfc {
    const NAME: &'static str = "erfc";
    const SAMPLES: &'static [f64] = &[-5.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.erfc()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        (-(x * x)).exp().scale(-TWO_OVER_SQRT_PI)
    }
}

/// `Phi(x + h) = y + phi(x) h`
///
/// `Phi` is the normal distribution function, `phi` its density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalCdf;
impl Elementwise for NormalCdf {
    const NAME: &'static str = "normal_cdf";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.normal_cdf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.normal_pdf()
    }
}

/// `phi(x + h) = y - x y h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalPdf;
impl Elementwise for NormalPdf {
    const NAME: &'static str = "normal_pdf";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.normal_pdf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, y: R) -> R {
        -(x * y)
    }
}

/// `gelu(x + h) = x Phi(x) + (Phi(x) + x phi(x)) h`
///
/// Exact, not the tanh approximation. `Phi` keeps its relative accuracy in the tail, where `(1 + erf) / 2` would
/// cancel.
///
/// # Source
/// Hendrycks and Gimpel, arXiv:1606.08415, section 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gelu;
impl Elementwise for Gelu {
    const NAME: &'static str = "gelu";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x * x.normal_cdf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.normal_cdf() + x * x.normal_pdf()
    }
}

/// `e^(x + h) = y + y h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exp;
impl Elementwise for Exp {
    const NAME: &'static str = "exp";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.exp()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        y
    }
}

/// `e^(x + h) - 1 = y + (y + 1) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expm1;
impl Elementwise for Expm1 {
    const NAME: &'static str = "expm1";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.expm1()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        // NUMERICS: y + 1 would lose all digits where x is very negative.
        x.exp()
    }
}

/// `ln(x + h) = y + h / x`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ln;
impl Elementwise for Ln {
    const NAME: &'static str = "ln";
    const SAMPLES: &'static [f64] = &[0.01, 0.7, 1.0, 2.5, 1e6];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.ln()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.recip()
    }
}

/// `ln(1 + x + h) = y + h / (1 + x)`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ln1p;
impl Elementwise for Ln1p {
    const NAME: &'static str = "ln_1p";
    const SAMPLES: &'static [f64] = &[-0.5, -1e-9, 0.0, 1e-9, 2.5, 1e6];
    const KINKS: &'static [f64] = &[-1.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.ln_1p()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        (R::ONE + x).recip()
    }
}

/// `sin(x + h) = y + cos(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sin;
impl Elementwise for Sin {
    const NAME: &'static str = "sin";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sin()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.cos()
    }
}

/// `cos(x + h) = y - sin(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cos;
impl Elementwise for Cos {
    const NAME: &'static str = "cos";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.cos()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        -x.sin()
    }
}

/// `sqrt(x + h) = y + h / (2 y)`
///
/// # At kinks
/// The slope at 0 is infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sqrt;
impl Elementwise for Sqrt {
    const NAME: &'static str = "sqrt";
    const SAMPLES: &'static [f64] = &[0.01, 0.7, 1.0, 2.5, 1e6];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sqrt()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        R::from_f64(0.5) / y
    }
}

/// `1 / (x + h) = y - y^2 h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recip;
impl Elementwise for Recip {
    const NAME: &'static str = "recip";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.01, 2.5, 1e6];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.recip()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        -(y * y)
    }
}

/// `(x + h)^n = y + n x^(n-1) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Powi(
    /// The exponent.
    pub i32,
);
impl Elementwise for Powi {
    const NAME: &'static str = "powi";
    const SAMPLES: &'static [f64] = &[-2.5, -0.7, 0.01, 1.0, 2.5];
    // Of negative powers; differences may as well stay away for all.
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.powi(self.0)
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        // x^0 is a constant, at 0 too, where 0 x^-1 would be NaN.
        if self.0 == 0 { R::ZERO } else { x.powi(self.0.wrapping_sub(1)).scale(f64::from(self.0)) }
    }
}
