//! Elementwise ops of two operands: `y_i = f(a_i, b_i)`.
//!
//! As for one operand ([`super::elementwise`]), an op states its primal and its slopes, here two. Everything else follows:
//!
//! | sweep | rule |
//! |---|---|
//! | pushforward | `y_dot = s_a a_dot + s_b b_dot` |
//! | pullback | `a_bar = s_a y_bar`, `b_bar = s_b y_bar` |
//! | tangent of the pullback | `a_bar_dot = s_a y_bar_dot + (f_aa a_dot + f_ab b_dot) y_bar`, and its mirror image |
//!
//! with `f_ab` the tangent of the slope `s_a` on duals along b. A product is not among them: it is bilinear, and its
//! pulls need no slopes.
//!
//! # At kinks
//! A slope that has no limit is the documented one, in every mode.

use super::linear::join;
use super::{Operand, Signature};
use crate::error::{Error, Result};
use crate::real::Real;

/// A function of two numbers, its slopes, and where to test them.
pub trait Pairwise: Copy {
    /// The op's name in messages and print-outs.
    const NAME: &'static str;
    /// Pairs of arguments inside the domain; tests add random ones between neighbours.
    const SAMPLES: &'static [[f64; 2]];

    /// `f(a, b)`.
    fn primal<R: Real>(&self, a: R, b: R) -> R;
    /// `df/da` and `df/db`, where `y = f(a, b)` is known.
    fn slopes<R: Real>(&self, a: R, b: R, y: R) -> [R; 2];
    /// Distance from `(a, b)` to where a slope jumps, or grows without bound: finite differences stay within it.
    fn clearance(&self, a: f64, b: f64) -> f64;
}

/// Declares the closed set: the enum, its names and its dispatch come from this one list.
macro_rules! pairwise_set {
    ($($(#[$doc:meta])* $op:ident;)*) => {
        /// The closed set of elementwise ops of two operands.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum PairwiseOp {
            $($(#[$doc])* $op($op),)*
        }

        impl PairwiseOp {
            /// Every op, for tests, docs and benches to loop over.
            pub const ALL: &'static [PairwiseOp] = &[$(PairwiseOp::$op($op)),*];

            /// The op's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$op(_) => <$op as Pairwise>::NAME),* }
            }

            /// The op's [`Pairwise::SAMPLES`].
            pub fn samples(&self) -> &'static [[f64; 2]] {
                match self { $(Self::$op(_) => <$op as Pairwise>::SAMPLES),* }
            }

            /// The op's [`Pairwise::clearance`].
            pub fn clearance(&self, a: f64, b: f64) -> f64 {
                match self { $(Self::$op(op) => op.clearance(a, b)),* }
            }

            /// Hands the op, with its own type, to a visitor.
            #[inline]
            pub(crate) fn visit<V: Visitor>(&self, visitor: V) -> V::Output {
                match *self { $(Self::$op(op) => visitor.visit(op)),* }
            }
        }

        $(impl From<$op> for PairwiseOp {
            fn from(op: $op) -> Self {
                Self::$op(op)
            }
        })*
    };
}

/// A generic function of an op, as a value.
pub(crate) trait Visitor {
    type Output;
    fn visit(self, op: impl Pairwise) -> Self::Output;
}

pairwise_set! {
    /// `a / b`
    Div;
    /// `sqrt(a^2 + b^2)`
    Hypot;
    /// The angle of the point `(b, a)`.
    Atan2;
    /// `a^b`
    Pow;
}

impl PairwiseOp {
    /// Checks the operands: both have one shape, and so has the result.
    pub(crate) fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        if a.shape != b.shape {
            let (left, right) = (a.shape.into(), b.shape.into());
            let remedy = "give both operands one shape (broadcast the smaller)";
            return Err(Error::Shapes { op: self.name(), left, right, remedy });
        }
        Ok(Signature { shape: a.shape.into(), samples: join(Some(a.samples), b.samples) })
    }
}

/// `(a + h) / (b + k) = y + h / b - y k / b`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Div;
impl Pairwise for Div {
    const NAME: &'static str = "div";
    const SAMPLES: &'static [[f64; 2]] = &[[-20.0, 0.7], [0.0, 2.5], [3.0, 1.0], [1e-9, 1e3]];
    #[inline(always)]
    fn primal<R: Real>(&self, a: R, b: R) -> R {
        a / b
    }
    #[inline(always)]
    fn slopes<R: Real>(&self, _a: R, b: R, y: R) -> [R; 2] {
        [b.recip(), -(y / b)]
    }
    fn clearance(&self, _a: f64, b: f64) -> f64 {
        b.abs()
    }
}

/// `hypot(a + h, b + k) = y + (a h + b k) / y`
///
/// # At kinks
/// The slopes at the origin are 0, the shortest of all subgradients there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hypot;
impl Pairwise for Hypot {
    const NAME: &'static str = "hypot";
    const SAMPLES: &'static [[f64; 2]] = &[[-20.0, 0.7], [0.0, -2.5], [3.0, 0.0], [0.0, 0.0], [1e-3, -4e-3]];
    #[inline(always)]
    fn primal<R: Real>(&self, a: R, b: R) -> R {
        a.hypot(b)
    }
    #[inline(always)]
    fn slopes<R: Real>(&self, a: R, b: R, y: R) -> [R; 2] {
        if y == R::ZERO { [R::ZERO; 2] } else { [a / y, b / y] }
    }
    fn clearance(&self, a: f64, b: f64) -> f64 {
        a.hypot(b)
    }
}

/// `atan2(a + h, b + k) = y + (b h - a k) / (a^2 + b^2)`
///
/// # At kinks
/// The slopes at the origin are 0. The value jumps by 2 pi where a changes sign and b is negative; the slopes do not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Atan2;
impl Pairwise for Atan2 {
    const NAME: &'static str = "atan2";
    const SAMPLES: &'static [[f64; 2]] =
        &[[-20.0, 0.7], [0.0, 2.5], [3.0, 0.0], [1e-3, -4e-3], [-2.0, -1.0], [-2.0, 0.0]];
    #[inline(always)]
    fn primal<R: Real>(&self, a: R, b: R) -> R {
        a.atan2(b)
    }
    #[inline(always)]
    fn slopes<R: Real>(&self, a: R, b: R, _y: R) -> [R; 2] {
        // NUMERICS: by the length and not its square, which would overflow or vanish first.
        let length = a.hypot(b);
        if length == R::ZERO { [R::ZERO; 2] } else { [b / length / length, -(a / length / length)] }
    }
    fn clearance(&self, a: f64, b: f64) -> f64 {
        if b < 0.0 { a.abs() } else { a.hypot(b) }
    }
}

/// `(a + h)^(b + k) = y + b a^(b-1) h + y ln(a) k`
///
/// `a^0 = 1^b = 1`, NaN for a broken power of a negative number, as IEEE 754 has it.
///
/// # At kinks
/// `a^0` does not vary with a, at `a = 0` too; infinite and NaN, it has the slope `0 a^-1`. A power that is 0, and a power of 0 for `b >= 0`, does not vary with b. The
/// slope by b is NaN for `a < 0`, where the neighbours of a whole exponent have no power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pow;
impl Pairwise for Pow {
    const NAME: &'static str = "pow";
    const SAMPLES: &'static [[f64; 2]] = &[[0.3, 2.5], [1.0, -3.0], [2.0, 0.0], [9.0, 1.0], [0.7, -1.0]];
    #[inline(always)]
    fn primal<R: Real>(&self, a: R, b: R) -> R {
        a.pow(b)
    }
    #[inline(always)]
    fn slopes<R: Real>(&self, a: R, b: R, y: R) -> [R; 2] {
        // 0^0: the exponent's tangent has no part in it, as the power of its neighbours is 0 or infinite.
        let by_a = if a == R::ZERO && b == R::ZERO { R::ZERO } else { b * a.pow(b - R::ONE) };
        let vanishes = y == R::ZERO || (a == R::ZERO && b >= R::ZERO);
        let by_b = if vanishes { R::ZERO } else { y * a.ln() };
        [by_a, by_b]
    }
    fn clearance(&self, a: f64, _b: f64) -> f64 {
        a.abs()
    }
}
