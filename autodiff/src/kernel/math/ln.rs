//! The logarithm and what is built on it: `ln`, `ln_1p`, `softplus`.
//!
//! `x = 2^k (1 + f)` with `1 + f` in `[sqrt(1/2), sqrt 2)`, then `ln x = k ln 2 + ln(1 + f)` with `s = f/(2 + f)` and
//! `ln(1 + f) = ln((1 + s)/(1 - s)) = 2s + s R`, `R = s^2 T(s^2)`.

use super::exp::{Exponential, exp};
use super::lane::{Lane, polynomial, select};

/// What depends on the width.
pub(super) trait Logarithm: Lane {
    /// `T` in `ln((1+s)/(1-s)) = 2s + s^3 T(s^2)`, printed by `coefficients.py`.
    const TAIL: &'static [Self];
}

impl Logarithm for f32 {
    const TAIL: &'static [f32] = &[0.6666667, 0.40000123, 0.28550822, 0.23330468];
}

impl Logarithm for f64 {
    const TAIL: &'static [f64] = &[
        0.666666666666667,
        0.39999999999899505,
        0.28571428625975487,
        0.2222221113479508,
        0.18182889125261723,
        0.15331721600556042,
        0.14616449685043406,
    ];
}

/// `k ln 2 + ln(1 + f)`.
#[inline(always)]
fn assembled<F: Logarithm>(k: F, f: F) -> F {
    let s = f / (F::of(2.0) + f);
    let z = s * s;
    let rest = z * polynomial(z, F::TAIL);
    // NUMERICS: 2s + s R rewritten as f - (f^2/2 - s (f^2/2 + R)): f is exact and carries nearly all of the result,
    // while s has been rounded twice.
    let half_square = F::of(0.5) * f * f;
    k * F::LN2_HIGH - ((half_square - (s * (half_square + rest) + k * F::LN2_LOW)) - f)
}

/// The logarithm's values where its argument `u` is not a positive finite number.
#[inline(always)]
fn with_edges<F: Logarithm>(u: F, inside: F) -> F {
    let infinity = F::of(f64::INFINITY);
    let value = select(u == infinity, infinity, inside);
    let outside = select(u == F::of(0.0), -infinity, F::of(f64::NAN));
    select(u > F::of(0.0), value, outside)
}

/// `ln x`; see [`super::Elementary::ln`].
#[inline(always)]
pub(super) fn ln<F: Logarithm>(x: F) -> F {
    let parts = x.split();
    with_edges(x, assembled(parts.k, parts.m - F::of(1.0)))
}

/// `ln(1 + x)`; see [`super::Elementary::ln_1p`].
#[inline(always)]
pub(super) fn ln_1p<F: Logarithm>(x: F) -> F {
    let one = F::of(1.0);
    let u = one + x;
    // NUMERICS: what the sum lost, by the larger addend. With 1 + x = u + lost = 2^k (1 + f), adding 2^-k lost to f keeps
    // the digits of x; for k = 0 that makes f = x exactly.
    let (large, small) = (select(x > one, x, one), select(x > one, one, x));
    let lost = small - (u - large);
    let parts = u.split();
    // In this order, because half of a subnormal number is not exact.
    let f = (parts.m - one) + lost * parts.shrink * F::of(0.5);
    with_edges(u, assembled(parts.k, f)).signed_like(x)
}

/// `ln(1 + e^x)`; see [`super::Elementary::softplus`].
#[inline(always)]
pub(super) fn softplus<F: Logarithm + Exponential>(x: F) -> F {
    let (zero, one) = (F::of(0.0), F::of(1.0));
    // NUMERICS: ln(1 + e^x) = x + ln(1 + e^-x); with the exponential of -|x| nothing overflows and both terms are positive.
    // 1 + z is in [1, 2], so k is 0 with f = z, or 1 with f = (z - 1)/2, and the general reduction is not needed.
    let z = exp(-x.magnitude());
    let doubled = z > F::of(std::f64::consts::SQRT_2 - 1.0);
    let k = select(doubled, one, zero);
    let f = select(doubled, F::of(0.5) * (z - one), z);
    select(x > zero, x, zero) + assembled(k, f)
}
