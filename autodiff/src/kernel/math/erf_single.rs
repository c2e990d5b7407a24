//! The error function and the normal distribution in f32.
//!
//! `erf` is two polynomials in f32. The tails take the formula of [`super::erf`] in f64, with polynomials as short as f32
//! permits: there the square of the argument is exact, nothing cancels, and underflow is the conversion's.

use super::erf::{ErrorFunction, INVERSE_SQRT_TAU, at_most};
use super::lane::{Lane, polynomial, select};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E};

impl ErrorFunction for f32 {
    #[inline(always)]
    fn erf(self) -> f32 {
        // No exponential and no division: up to 5/4 the polynomial in x^2, beyond it erfc x = w^16 with a polynomial w
        // in x - 5/2. NUMERICS: erf rounds to 1 from 3.92 on, and so does 1 - w^16.
        let near = self + self * polynomial(self * self, &NEAR);
        let root = polynomial(at_most(self.abs(), 3.95) - 2.5, &ROOT);
        let square = root * root;
        let fourth = square * square;
        let eighth = fourth * fourth;
        select(self.abs() < 1.25, near, (1.0 - eighth * eighth).copysign(self))
    }

    #[inline(always)]
    fn erfc(self) -> f32 {
        let x = f64::from(self);
        let z = at_most(x.abs(), VANISHED);
        let tail = gaussian(z * z) * mills(z);
        select(x < 0.0, 2.0 - tail, tail) as f32
    }

    #[inline(always)]
    fn normal_cdf(self) -> f32 {
        let x = f64::from(self);
        let z = at_most(x.abs() * FRAC_1_SQRT_2, VANISHED);
        let tail = gaussian(z * z) * (0.5 * mills(z));
        select(x > 0.0, 1.0 - tail, tail) as f32
    }

    #[inline(always)]
    fn normal_pdf(self) -> f32 {
        let x = f64::from(self);
        let z = at_most(x.abs() * FRAC_1_SQRT_2, VANISHED);
        (gaussian(z * z) * INVERSE_SQRT_TAU) as f32
    }
}

/// From here on `erfc` rounds to zero.
const VANISHED: f64 = 10.5;

/// `e^-s` for `0 <= s <= VANISHED^2`.
#[inline(always)]
fn gaussian(s: f64) -> f64 {
    let n = (s * -LOG2_E).nearest();
    // One part of ln 2 is enough here: n ln 2 is wrong by 2^-46 at most.
    polynomial(-s - n.float * LN_2, &EXP) * f64::power_of_two(n)
}

/// `e^(z^2) erfc(z)` for `z >= 0`.
#[inline(always)]
fn mills(z: f64) -> f64 {
    let inverse = 1.0 / (z + 2.0);
    polynomial((z - 2.0) * inverse, &MILLS) * inverse
}

/// `erf(x)/x - 1` as a polynomial in `x^2`, for `|x| <= 5/4`; `coefficients.py`, ERF_NEAR.
const NEAR: [f32; 9] = [
    0.12837917,
    -0.37612638,
    0.11283785,
    -0.026865732,
    0.005222512,
    -0.0008520608,
    0.00011743128,
    -1.2820797e-05,
    8.306594e-07,
];

/// `erfc(x)^(1/16)` as a polynomial in `x - 5/2`, for `5/4 <= x <= 3.95`; `coefficients.py`, ERFC_ROOT.
const ROOT: [f32; 9] = [
    0.61389834,
    -0.2053751,
    -0.0018625581,
    0.007868238,
    -0.0004155407,
    -0.00019542397,
    2.3715378e-05,
    1.5270598e-06,
    -3.2044701e-07,
];

/// `e^r` for `|r| <= ln 2 / 2`; `coefficients.py`, EXP.
const EXP: [f64; 7] = [
    1.0,
    1.000000037716214,
    0.5000000047117757,
    0.16666415514653277,
    0.04166635289677516,
    0.008375126398153335,
    0.0013941108433972674,
];

/// `e^(z^2) erfc(z) (z + 2)` as a polynomial in `(z - 2)/(z + 2)`; `coefficients.py`, MILLS.
const MILLS: [f64; 12] = [
    1.021582705078246,
    -0.6871606880229624,
    0.2794721026604558,
    -0.03644208339137736,
    -0.021510670581484995,
    0.006477532989674809,
    0.0030891769247729513,
    -0.0008302705849681326,
    -0.0006527061935954848,
    2.401465882063923e-05,
    0.0001185287063573427,
    3.063105167695825e-05,
];
