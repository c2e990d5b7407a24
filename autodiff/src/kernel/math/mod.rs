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
//! | `arc` | angles by their haversine: `archav`, `arclag` |
//! | `trig`, `far` | `sin`, `cos`, `tan` |
//! | `tangent` | `atan`, `atan2`, `asin`, `acos` |
//! | `hyperbolic` | `sinh`, `cosh` |
//! | `power` | `pow`, `hypot` |
//! | `gamma` | `ln_gamma`, `polygamma` |
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
//!
//! Of the others the tests hold f64 to 3 steps at some 150 arguments each of `reference.csv`, and f32 to f64 at 1.2 million
//! arguments. Found there:
//!
//! | | tan | atan | asin | acos | sinh | cosh | ln_gamma | digamma | trigamma | pow | atan2 | hypot |
//! |---|---|---|---|---|---|---|---|---|---|---|---|---|
//! | f32, units | 0.5 | 1.3 | 2.1 | 1.8 | 1.6 | 1.4 | 0.5 | 0.5 | 0.5 | 0.5 | 0.9 | 0.5 |
//! | f64, steps | 1 | 1 | 2 | 1 | 1 | 1 | 2 | 3 | 2 | 1 | 1 | 1 |

pub mod arc;
mod erf;
mod erf_single;
mod exp;
mod far;
mod gamma;
mod hyperbolic;
mod lane;
mod ln;
mod power;
mod tangent;
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
    /// The tangent; NaN at the infinities.
    fn tan(self) -> Self;
    /// The arc tangent in `[-pi/2, pi/2]`, exactly odd.
    fn atan(self) -> Self;
    /// The angle of the point `(x, y)`, `self` being `y`, in `[-pi, pi]`; at the origin and at infinity as IEEE 754 has it.
    fn atan2(self, x: Self) -> Self;
    /// The arc sine in `[-pi/2, pi/2]`, exactly odd; NaN beyond 1.
    fn asin(self) -> Self;
    /// The arc cosine in `[0, pi]`; NaN beyond 1.
    fn acos(self) -> Self;
    /// The hyperbolic sine, exactly odd.
    fn sinh(self) -> Self;
    /// The hyperbolic cosine, exactly even.
    fn cosh(self) -> Self;
    /// `x^y` with the special cases of IEEE 754: `x^0 = 1^y = 1`, NaN for a broken power of a negative number.
    fn pow(self, y: Self) -> Self;
    /// `sqrt(x^2 + y^2)` without overflow in between; infinite if either is.
    fn hypot(self, y: Self) -> Self;
    /// `ln |Gamma(x)|`: infinite at 0 and the negative integers. Relatively accurate for `x > 0`; on the negative axis,
    /// where it has a zero between each two poles, accurate relative to `1 + x ln x`.
    fn ln_gamma(self) -> Self;
    /// Derivative `n + 1` of [`Self::ln_gamma`]: digamma for 0, trigamma for 1. NaN at minus infinity, and on the negative
    /// axis for `n > 15`.
    fn polygamma(self, n: u32) -> Self;
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
            #[inline(always)]
            fn tan(self) -> Self { trig::Trigonometric::tan_any(self) }
            #[inline(always)]
            fn atan(self) -> Self { tangent::atan(self) }
            #[inline(always)]
            fn atan2(self, x: Self) -> Self { tangent::atan2(self, x) }
            #[inline(always)]
            fn asin(self) -> Self { tangent::asin(self) }
            #[inline(always)]
            fn acos(self) -> Self { tangent::acos(self) }
            #[inline(always)]
            fn sinh(self) -> Self { hyperbolic::sinh(self) }
            #[inline(always)]
            fn cosh(self) -> Self { hyperbolic::cosh(self) }
            #[inline(always)]
            fn pow(self, y: Self) -> Self { power::Power::pow(self, y) }
            #[inline(always)]
            fn hypot(self, y: Self) -> Self { power::Power::hypot(self, y) }
            fn ln_gamma(self) -> Self { gamma::ln_gamma(f64::from(self)) as Self }
            fn polygamma(self, n: u32) -> Self { gamma::polygamma(f64::from(self), n) as Self }
        }
    )*};
}

elementary!(f32, f64);
