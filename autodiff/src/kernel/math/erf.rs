//! The error function and the normal distribution in f64: `erf`, `erfc`, `normal_cdf`, `normal_pdf`.
//!
//! For `z >= 0`, `erfc z = e^(-z^2) M(z)` with `M(z) (z + 3)` a polynomial in `t = (z - 3)/(z + 3)`, which takes the half-line
//! to `[-1, 1)`. The exponent is exact: `z^2` is split in two, so the relative accuracy holds down to underflow.

use super::exp::reduced;
use super::lane::{Lane, polynomial, select};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// The error function and the normal distribution in one width.
pub(super) trait ErrorFunction: Lane {
    /// See [`super::Elementary::erf`].
    fn erf(self) -> Self;
    /// See [`super::Elementary::erfc`].
    fn erfc(self) -> Self;
    /// See [`super::Elementary::normal_cdf`].
    fn normal_cdf(self) -> Self;
    /// See [`super::Elementary::normal_pdf`].
    fn normal_pdf(self) -> Self;
}

impl ErrorFunction for f64 {
    #[inline(always)]
    fn erf(self) -> f64 {
        // Beyond SWITCH erfc is the smaller one, and the difference loses nothing.
        let beyond = 1.0 - upper_tail(self.abs());
        select(self.abs() < SWITCH, near(self), beyond).copysign(self)
    }

    #[inline(always)]
    fn erfc(self) -> f64 {
        let tail = upper_tail(self.abs());
        let beyond = select(self < 0.0, 2.0 - tail, tail);
        // NUMERICS: near 0 the polynomial of the tail is at the end of its range, where its terms cancel; this also makes
        // erfc 0 = 1 exact.
        select(self.abs() < SWITCH, 1.0 - near(self), beyond)
    }

    #[inline(always)]
    fn normal_cdf(self) -> f64 {
        // NUMERICS: not erfc(-x/sqrt 2)/2: rounding x/sqrt 2 costs x^2/2 units in the tail. Here only the slowly varying
        // factor sees it.
        let y = at_most(self.abs(), VANISHED * SQRT_2);
        let z = y * FRAC_1_SQRT_2;
        let tail = gaussian(y, 0.5, 0.5 * mills(z));
        let beyond = select(self > 0.0, 1.0 - tail, tail);
        select(z < SWITCH, 0.5 + 0.5 * near(self * FRAC_1_SQRT_2), beyond)
    }

    #[inline(always)]
    fn normal_pdf(self) -> f64 {
        gaussian(at_most(self.abs(), VANISHED * SQRT_2), 0.5, INVERSE_SQRT_TAU)
    }
}

/// `1/sqrt(2 pi)`.
pub(super) const INVERSE_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

/// Below this magnitude `erf` is its own polynomial and `erfc` the rest to 1; above, the other way round.
const SWITCH: f64 = 0.75;

/// From here on `erfc` rounds to zero.
const VANISHED: f64 = 27.5;

/// The smaller of the two; NaN stays NaN.
#[inline(always)]
pub(super) fn at_most<F: Lane>(x: F, bound: F) -> F {
    select(x > bound, bound, x)
}

/// `erf x` for `|x| <= 3/4`.
#[inline(always)]
fn near(x: f64) -> f64 {
    x + x * polynomial(x * x, &NEAR)
}

/// `e^(z^2) erfc(z)` for `z >= 0`.
#[inline(always)]
fn mills(z: f64) -> f64 {
    let inverse = 1.0 / (z + 3.0);
    polynomial((z - 3.0) * inverse, &MILLS) * inverse
}

/// `factor * e^(-c x^2)` with a single rounding at underflow, for `c` a power of two.
#[inline(always)]
fn gaussian(x: f64, c: f64, factor: f64) -> f64 {
    // NUMERICS: an error of the exponent is a relative error of the result, so x^2 = high + low exactly: 26 of the 53 digits
    // have an exact square.
    let head = f64::from_bits(x.to_bits() & (u64::MAX << 27));
    let high = head * head;
    let low = (x - head) * (x + head);
    let (q, n) = reduced(-c * high, -c * low);
    (factor + factor * q).scaled(n)
}

/// `erfc z` for `z >= 0`.
#[inline(always)]
fn upper_tail(z: f64) -> f64 {
    let z = at_most(z, VANISHED);
    gaussian(z, 1.0, mills(z))
}

/// `erf(x)/x - 1` as a polynomial in `x^2`; `coefficients.py`, ERF_NEAR.
const NEAR: [f64; 11] = [
    0.1283791670955126,
    -0.37612638903183715,
    0.11283791670952596,
    -0.026866170644428485,
    0.005223977615420539,
    -0.0008548326188759752,
    0.00012055289567541706,
    -1.4924196305569617e-05,
    1.643068417974155e-06,
    -1.5940066854661717e-07,
    1.1472499701094691e-08,
];

/// `e^(z^2) erfc(z) (z + 3)` as a polynomial in `(z - 3)/(z + 3)`; `coefficients.py`, MILLS.
const MILLS: [f64; 24] = [
    1.0740069070883398,
    -0.8833944531698836,
    0.5902283571041004,
    -0.31046726190056895,
    0.11952776128737923,
    -0.026827234624444758,
    -0.0012124166293401592,
    0.0030340620007842096,
    -0.0005483096658230857,
    -0.00027677784236761167,
    0.00010756130541432936,
    3.0398131531705096e-05,
    -1.7469791783261855e-05,
    -4.7490449967214865e-06,
    2.7633121860981447e-06,
    9.982347111963357e-07,
    -4.044795167557508e-07,
    -2.3200952307384297e-07,
    4.258760629644634e-08,
    4.847499642982965e-08,
    7.494898005683233e-10,
    -6.678153558520387e-09,
    -1.0989118043482426e-09,
    1.970555337384127e-10,
];
