//! The exponential and what is built on it: `exp`, `expm1`, `tanh`, `sigmoid`.
//!
//! `x = n ln 2 + r` with `|r| <= ln 2 / 2`, then `e^x = 2^n e^r` with `e^r = 1 + r + r^2 P(r)`.

use super::lane::{Lane, Nearest, clamp, polynomial, select};

/// What depends on the width: the polynomial and the ends of the range.
pub(super) trait Exponential: Lane {
    /// `P` in `e^r - 1 = r + r^2 P(r)`, printed by `coefficients.py`.
    const TAIL: &'static [Self];
    /// Below this `e^x` rounds to zero.
    const LOWEST: f64;
    /// Above this `e^x` is infinite.
    const HIGHEST: f64;
    /// Above this `tanh(x / 2) = 1`, and below its negative `e^x - 1 = -1`, to the last bit.
    const SATURATED: f64;
}

impl Exponential for f32 {
    const TAIL: &'static [f32] = &[0.5, 0.16666576, 0.041666552, 0.008363233, 0.001392625];
    const LOWEST: f64 = -104.0;
    const HIGHEST: f64 = 89.0;
    const SATURATED: f64 = 19.0;
}

impl Exponential for f64 {
    const TAIL: &'static [f64] = &[
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        0.008333333333326084,
        0.0013888888888883711,
        0.0001984126987500228,
        2.480158732567746e-05,
        2.755725517000089e-06,
        2.755727347871858e-07,
        2.5105312729622103e-08,
        2.09147553258932e-09,
    ];
    const LOWEST: f64 = -746.0;
    const HIGHEST: f64 = 710.0;
    const SATURATED: f64 = 40.0;
}

/// `e^r - 1` and `n`, for `x = n ln 2 + r` with `x = high + low`, `|low|` small.
#[inline(always)]
pub(super) fn reduced<F: Exponential>(high: F, low: F) -> (F, Nearest<F>) {
    let n = (high * F::of(std::f64::consts::LOG2_E)).nearest();
    // NUMERICS: n * LN2_HIGH and the first difference are exact, so r is wrong by its last rounding only.
    let r = ((high - n.float * F::LN2_HIGH) - n.float * F::LN2_LOW) + low;
    (r + r * r * polynomial(r, F::TAIL), n)
}

/// `e^x`; see [`super::Elementary::exp`].
#[inline(always)]
pub(super) fn exp<F: Exponential>(x: F) -> F {
    let x = clamp(x, F::of(F::LOWEST), F::of(F::HIGHEST));
    let (q, n) = reduced(x, F::of(0.0));
    (q + F::of(1.0)).scaled(n)
}

/// `e^x - 1` for `x` already held within a range where `2^(n-1)` is normal.
#[inline(always)]
fn expm1_within<F: Exponential>(x: F) -> F {
    let (q, n) = reduced(x, F::of(0.0));
    // NUMERICS: half of 2^n, because 2^n itself overflows before e^x does; halving is undone exactly at the end, but
    // not for subnormal q, which n = 0 passes through untouched.
    let half = F::power_of_two(Nearest { float: n.float, shifted: n.shifted - F::of(1.0) });
    let scaled = F::of(2.0) * (half * q + (half - F::of(0.5)));
    select(n.float == F::of(0.0), q, scaled)
}

/// `e^x - 1`; see [`super::Elementary::expm1`].
#[inline(always)]
pub(super) fn expm1<F: Exponential>(x: F) -> F {
    // The sign is put back because r + r^2 P(r) turns -0 into 0.
    expm1_within(clamp(x, F::of(-F::SATURATED), F::of(F::HIGHEST))).signed_like(x)
}

/// `tanh x`; see [`super::Elementary::tanh`].
#[inline(always)]
pub(super) fn tanh<F: Exponential>(x: F) -> F {
    // tanh x = (e^2x - 1)/(e^2x + 1) = t/(t + 2) with t = e^2x - 1, for x >= 0 where t does not cancel.
    let twice = F::of(2.0) * x.magnitude();
    let t = expm1_within(select(twice > F::of(F::SATURATED), F::of(F::SATURATED), twice));
    // NUMERICS: where t is large, 1 - 2/(t + 2) is the same and rises into 1 without the jitter of a quotient near 1.
    let small = t < F::of(4.0);
    let ratio = select(small, t, F::of(2.0)) / (t + F::of(2.0));
    select(small, ratio, F::of(1.0) - ratio).signed_like(x)
}

/// `1/(1 + e^-x)`; see [`super::Elementary::sigmoid`].
#[inline(always)]
pub(super) fn sigmoid<F: Exponential>(x: F) -> F {
    // NUMERICS: the exponential of -|x| cannot overflow, and on the left it is the numerator, so the tail stays relative.
    let z = exp(-x.magnitude());
    select(x < F::of(0.0), z, F::of(1.0)) / (F::of(1.0) + z)
}
