//! The logarithm of the gamma function and its derivatives of every order, one number at a time.
//!
//! On the positive axis both `ln Gamma` and digamma are a polynomial times their zeros in the middle, recurrences below
//! and just above it, and Stirling's series from [`STIRLING_FROM`] on. Every further derivative is a sum of powers,
//! `(-1)^(n+1) n! sum over k of (x + k)^(-n-1)`, by Euler and Maclaurin. The negative axis is reflected.
//!
//! Results in f32 are those of f64, rounded. There are branches, so a slice of these is not vectorized.
//!
//! # Source
//! Abramowitz and Stegun, chapter 6: 6.1.40, 6.3.18, 6.4.7, 6.4.10; 23.1.30 for the summation.

use super::lane::polynomial;
use super::ln;
use super::trig::Trigonometric;
use std::f64::consts::PI;

/// From here on the asymptotic series have all digits.
const STIRLING_FROM: f64 = 10.0;

/// `ln |Gamma(x)|`; see [`super::Elementary::ln_gamma`].
pub(super) fn ln_gamma(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return f64::INFINITY;
    }
    if x < -0.5 {
        // Gamma(x) Gamma(1 - x) = pi / sin(pi x); at a pole the sine is 0.
        let sine = (PI * fraction(x)).sin_near().abs();
        return ln::ln(PI / sine) - ln_gamma(1.0 - x);
    }
    if x < 0.5 {
        // Gamma(x) = Gamma(1 + x) / x, with the zero of ln Gamma(1 + x) at x = 0 in sight.
        return x * (x - 1.0) * middle(1.0 + x) - ln::ln(x.abs());
    }
    if x < 3.0 {
        // The zeros are +0, as C has them.
        return (x - 1.0) * (x - 2.0) * middle(x) + 0.0;
    }
    if x < STIRLING_FROM {
        // Down to [2, 3), where ln Gamma is not negative, so the sum does not cancel.
        let (mut y, mut factor) = (x, 1.0);
        while y >= 3.0 {
            y -= 1.0;
            factor *= y;
        }
        return (y - 1.0) * (y - 2.0) * middle(y) + ln::ln(factor);
    }
    let inverse = 1.0 / x;
    let series = inverse * polynomial(inverse * inverse, &STIRLING);
    (x - 0.5) * (ln::ln(x) - 1.0) + (STIRLING_CONSTANT + series)
}

/// `ln Gamma(x) / ((x - 1)(x - 2))` on `[1/2, 3]`.
fn middle(x: f64) -> f64 {
    polynomial((x - 1.25) / (x + 1.25), &LN_GAMMA)
}

/// What `x` is away from the nearest integer, exactly.
fn fraction(x: f64) -> f64 {
    x - x.round_ties_even()
}

/// Derivative `n + 1` of `ln |Gamma(x)|`; see [`super::Elementary::polygamma`].
pub(super) fn polygamma(x: f64, n: u32) -> f64 {
    if x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x <= 0.0 && fraction(x) == 0.0 {
        // A pole: the odd derivatives of ln |Gamma| jump there, the even ones do not.
        return if n % 2 == 1 {
            f64::INFINITY
        } else if x == 0.0 {
            -f64::INFINITY.copysign(x)
        } else {
            f64::NAN
        };
    }
    if x < 0.0 {
        let mirrored = polygamma(1.0 - x, n);
        return (if n.is_multiple_of(2) { mirrored } else { -mirrored }) - cotangent_derivative(fraction(x), n);
    }
    if n == 0 { digamma(x) } else { sum_of_powers(x, n) }
}

/// The logarithmic derivative of the gamma function, for `x > 0`.
fn digamma(x: f64) -> f64 {
    if x < 1.0 {
        return digamma(1.0 + x) - 1.0 / x;
    }
    if x >= STIRLING_FROM {
        let z = 1.0 / (x * x);
        return ln::ln(x) - (0.5 / x + z * polynomial(z, &DIGAMMA_SERIES));
    }
    // Down to [2, 3), where digamma is positive, so the sum does not cancel.
    let (mut y, mut steps) = (x, 0.0);
    while y >= 3.0 {
        y -= 1.0;
        steps += 1.0 / y;
    }
    ((y - ROOT[0]) - ROOT[1]) * polynomial((y - 1.75) / (y + 1.75), &DIGAMMA) + steps
}

/// `(-1)^(n+1) n! sum over k >= 0 of (x + k)^(-n-1)`, for `n >= 1` and `x > 0`.
fn sum_of_powers(x: f64, n: u32) -> f64 {
    let s = n + 1;
    let power = |x: f64, s: u32| (1..s).fold(1.0 / x, |product, _| product / x);
    // The remainder after 10 terms of the series needs a start of some 10 + s.
    let explicit = (STIRLING_FROM + f64::from(s) - x).ceil().max(0.0) as u32;
    let start = x + f64::from(explicit);
    // integral + half the first term + sum of B_2k/(2k)! f^(2k-1)
    let (mut rising, mut corrections) = (f64::from(s) / start, 0.0);
    for (k, &bernoulli) in (1u32..).zip(&EULER_MACLAURIN) {
        corrections += bernoulli * rising;
        let next = f64::from(s + 2 * k);
        rising *= (next - 1.0) * next / (start * start);
    }
    let tail = power(start, n) / f64::from(n) + power(start, s) * (0.5 + corrections);
    // The smallest first.
    let sum = (0..explicit).rev().fold(tail, |sum, k| sum + power(x + f64::from(k), s));
    let factorial = (1..=n).fold(1.0, |product, k| product * f64::from(k));
    if n % 2 == 1 { factorial * sum } else { -factorial * sum }
}

/// Highest order of a derivative on the negative axis.
const HIGHEST_REFLECTED: usize = 15;

/// Derivative `n` of `pi cot(pi x)` for `|x| <= 1/2`; NaN above the order [`HIGHEST_REFLECTED`].
///
/// With `c = cot(pi x)`, `c' = -pi (1 + c^2)`, so derivative n is `pi^(n+1)` times a polynomial in c of degree `n + 1`.
fn cotangent_derivative(x: f64, n: u32) -> f64 {
    if n as usize > HIGHEST_REFLECTED {
        return f64::NAN;
    }
    let c = (PI * x).cos_near() / (PI * x).sin_near();
    let mut polynomial = [0.0; HIGHEST_REFLECTED + 2];
    polynomial[1] = 1.0;
    for _ in 0..n {
        let mut next = [0.0; HIGHEST_REFLECTED + 2];
        for (k, &p) in polynomial.iter().enumerate().skip(1) {
            next[k - 1] -= k as f64 * p;
            if let Some(above) = next.get_mut(k + 1) {
                *above -= k as f64 * p;
            }
        }
        polynomial = next;
    }
    let value = polynomial.iter().rev().fold(0.0, |value, p| value * c + p);
    (0..=n).fold(value, |value, _| value * PI)
}

/// `ln Gamma(x)/((x - 1)(x - 2))` as a polynomial in `(x - 5/4)/(x + 5/4)`; `coefficients.py`, LN_GAMMA.
const LN_GAMMA: [f64; 25] = [
    0.5241164609163369,
    -0.46139596109204023,
    0.12963990161427658,
    -0.15859622433235987,
    0.08634870698270797,
    -0.09697900090022875,
    0.06438030153980581,
    -0.06988500361517655,
    0.051249655878642754,
    -0.054626756084094126,
    0.04254998572539691,
    -0.04483772097381402,
    0.036372599967277056,
    -0.03800713663816965,
    0.03171174430900448,
    -0.03318383898318937,
    0.028620733708916567,
    -0.02772610619129748,
    0.022272015290453088,
    -0.033651458298175875,
    0.0367875165646995,
    0.0009047534567268214,
    -0.017018885781886317,
    -0.06385410023726414,
    0.07347457845579543,
];

/// `digamma(x)/(x - ROOT)` as a polynomial in `(x - 7/4)/(x + 7/4)`; `coefficients.py`, DIGAMMA.
const DIGAMMA: [f64; 20] = [
    0.8581832171262995,
    -1.1418911975383697,
    0.7828301910241726,
    -0.8204429354175472,
    0.7710375694482843,
    -0.7927003027613384,
    0.7752412670132177,
    -0.7871800410810181,
    0.7778905546118982,
    -0.7851330822335297,
    0.7792808428536734,
    -0.7841226035251785,
    0.7797936649746519,
    -0.7828513556979242,
    0.7854767245447462,
    -0.7932552067432213,
    0.7241884216403144,
    -0.6876622539904849,
    1.1286331653160397,
    -1.2502529763911916,
];

/// The positive zero of digamma, in two parts.
const ROOT: [f64; 2] = [1.4616321449683622, 9.549995429965697e-17];

/// `(ln(2 pi) - 1)/2`
const STIRLING_CONSTANT: f64 = 0.4189385332046727;

/// `B_2k/(2k (2k - 1))`
const STIRLING: [f64; 9] = [
    0.08333333333333333,
    -0.002777777777777778,
    0.0007936507936507937,
    -0.0005952380952380953,
    0.0008417508417508417,
    -0.0019175269175269176,
    0.00641025641025641,
    -0.029550653594771242,
    0.17964437236883057,
];

/// `B_2k/(2k)`
const DIGAMMA_SERIES: [f64; 9] = [
    0.08333333333333333,
    -0.008333333333333333,
    0.003968253968253968,
    -0.004166666666666667,
    0.007575757575757576,
    -0.021092796092796094,
    0.08333333333333333,
    -0.4432598039215686,
    3.0539543302701198,
];

/// `B_2k/(2k)!`
const EULER_MACLAURIN: [f64; 10] = [
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
];
