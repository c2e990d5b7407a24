//! `sinh` and `cosh`. (`tanh` is a quotient of exponentials, in `exp`.)

use super::exp::{Exponential, reduced};
use super::lane::{Nearest, clamp, polynomial, select};

/// What depends on the width.
pub(super) trait Hyperbolic: Exponential {
    /// `S` in `sinh x = x + x z S(z)`, `z = x^2`, `|x| <= 1`, printed by `coefficients.py`.
    const NEAR: &'static [Self];
}

impl Hyperbolic for f32 {
    const NEAR: &'static [f32] = &[0.16666667, 0.008333339, 0.00019838102, 2.8062802e-06];
}

impl Hyperbolic for f64 {
    const NEAR: &'static [f64] = &[
        0.16666666666666666,
        0.008333333333333333,
        0.00019841269841269773,
        2.755731922404034e-06,
        2.505210836405804e-08,
        1.6059048396350562e-10,
        7.646625361656657e-13,
        2.8445264169895285e-15,
    ];
}

/// `e^x / 2` for `x >= 0`, finite as long as it is.
#[inline(always)]
fn half_exp<F: Exponential>(x: F) -> F {
    let x = clamp(x, F::of(0.0), F::of(F::HIGHEST + 2.0));
    let (q, n) = reduced(x, F::of(0.0));
    // NUMERICS: the half is taken from the exponent, as e^x overflows before e^x / 2 does.
    let one = F::of(1.0);
    (q + one).scaled(Nearest { float: n.float - one, shifted: n.shifted - one })
}

/// `sinh x`; see [`super::Elementary::sinh`].
#[inline(always)]
pub(super) fn sinh<F: Hyperbolic>(x: F) -> F {
    let z = x * x;
    let near = x + x * (z * polynomial(z, F::NEAR));
    let half = half_exp(x.magnitude());
    let far = half - F::of(0.25) / half;
    select(x.magnitude() < F::of(1.0), near, far).signed_like(x)
}

/// `cosh x`; see [`super::Elementary::cosh`].
#[inline(always)]
pub(super) fn cosh<F: Hyperbolic>(x: F) -> F {
    let half = half_exp(x.magnitude());
    half + F::of(0.25) / half
}
