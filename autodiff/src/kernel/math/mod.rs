//! Our own elementary functions, each written once as arithmetic without branches.
//!
//! This folder decides how `exp`, `tanh`, `erf` and the like are rounded. What it leaves to others: loops over slices and
//! the choice of vector instructions ([`trig::sin_slice`] is the exception, for its slow path), derivatives, and dual numbers.
//!
//! Every function is `#[inline(always)]`, uses `a * b + c` and selects, and so
//! - gives **the same bits** for one number and inside a vectorized loop, on every machine and at every vector width;
//! - is vectorized by the compiler when a plain loop over a slice runs inside `pulp::Arch::dispatch`.
//!
//! | file | functions |
//! |---|---|
//! | `lane` | bits, rounding, selection: what the formulas need of a float |
//! | `exp` | `exp`, `expm1`, `tanh`, `sigmoid` |
//! | `ln` | `ln`, `ln_1p`, `softplus` |
//! | `trig`, `far` | `sin`, `cos` |
//! | `arc` | angles by their haversine: `archav`, `arclag` |
//! | `erf`, `erf_single` | `erf`, `erfc`, `normal_cdf`, `normal_pdf` |
//! | `coefficients.py` | derives all constants, and the table `reference.csv` of the tests |
//!
//! The largest errors found, in units in the last place, over 20 million arguments of every exponent for f32 (against f64)
//! and 40 to 80 thousand in the interesting ranges for f64 (against mpmath with 40 digits and more):
//!
//! | | exp | expm1 | ln | ln_1p | sin, cos | tanh | sigmoid | softplus | erf | erfc | normal_cdf | normal_pdf |
//! |---|---|---|---|---|---|---|---|---|---|---|---|---|
//! | f32 | 1.1 | 1.8 | 0.9 | 1.4 | 0.5 | 2.5 | 2.4 | 1.7 | 3.3 | 0.6 | 0.6 | 0.6 |
//! | f64 | 0.9 | 2.0 | 0.8 | 0.8 | 0.9 | 2.3 | 2.3 | 1.7 | 2.0 | 4.5 | 4.1 | 1.5 |

pub mod arc;
mod erf;
mod erf_single;
mod exp;
mod far;
mod lane;
mod ln;
#[cfg(test)]
mod tests;
pub mod trig;

/// The elementary functions of `f32` and `f64`.
///
/// NaN gives NaN everywhere. Results below the smallest normal number are gradual (subnormal), never flushed. The largest
/// errors are in the table of [the module](self).
///
/// Call them by the trait's name, `Elementary::tanh(x)`: as a method the standard library's function of the same name wins.
pub trait Elementary: Copy + arc::Arc {
    /// `e^x`: infinite above the largest finite result, 0 at minus infinity.
    fn exp(self) -> Self;
    /// `e^x - 1`, relatively accurate near 0; keeps the sign of zero.
    fn expm1(self) -> Self;
    /// The natural logarithm: minus infinity at either zero, NaN below.
    fn ln(self) -> Self;
    /// `ln(1 + x)`, relatively accurate near 0: minus infinity at -1, NaN below; keeps the sign of zero.
    fn ln_1p(self) -> Self;
    /// The sine; NaN at the infinities. In a vectorized loop use [`trig::sin_slice`].
    fn sin(self) -> Self;
    /// The cosine; NaN at the infinities. In a vectorized loop use [`trig::cos_slice`].
    fn cos(self) -> Self;
    /// The hyperbolic tangent, exactly odd, 1 at infinity.
    fn tanh(self) -> Self;
    /// `1/(1 + e^-x)`, relatively accurate in the left tail.
    fn sigmoid(self) -> Self;
    /// `ln(1 + e^x)`, relatively accurate in both tails.
    fn softplus(self) -> Self;
    /// The error function, exactly odd, 1 at infinity.
    fn erf(self) -> Self;
    /// `1 - erf x`, relatively accurate in the right tail down to underflow.
    fn erfc(self) -> Self;
    /// `Phi(x)`, the probability that a normal variable is below `x`, relatively accurate in the left tail down to
    /// underflow. `x * normal_cdf(x)` is the exact gelu; going through `erfc(-x / sqrt 2)` would lose digits in the tail.
    fn normal_cdf(self) -> Self;
    /// `e^(-x^2/2)/sqrt(2 pi)`, relatively accurate down to underflow: the slope of [`Self::normal_cdf`].
    fn normal_pdf(self) -> Self;
}

macro_rules! elementary {
    ($($F:ty),*) => {$(
        impl Elementary for $F {
            #[inline(always)]
            fn exp(self) -> Self { exp::exp(self) }
            #[inline(always)]
            fn expm1(self) -> Self { exp::expm1(self) }
            #[inline(always)]
            fn ln(self) -> Self { ln::ln(self) }
            #[inline(always)]
            fn ln_1p(self) -> Self { ln::ln_1p(self) }
            #[inline(always)]
            fn sin(self) -> Self { trig::Trigonometric::sin_any(self) }
            #[inline(always)]
            fn cos(self) -> Self { trig::Trigonometric::cos_any(self) }
            #[inline(always)]
            fn tanh(self) -> Self { exp::tanh(self) }
            #[inline(always)]
            fn sigmoid(self) -> Self { exp::sigmoid(self) }
            #[inline(always)]
            fn softplus(self) -> Self { ln::softplus(self) }
            #[inline(always)]
            fn erf(self) -> Self { erf::ErrorFunction::erf(self) }
            #[inline(always)]
            fn erfc(self) -> Self { erf::ErrorFunction::erfc(self) }
            #[inline(always)]
            fn normal_cdf(self) -> Self { erf::ErrorFunction::normal_cdf(self) }
            #[inline(always)]
            fn normal_pdf(self) -> Self { erf::ErrorFunction::normal_pdf(self) }
        }
    )*};
}

elementary!(f32, f64);
