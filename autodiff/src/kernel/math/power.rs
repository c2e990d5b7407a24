//! `x^y` for real exponents, and `sqrt(x^2 + y^2)`.
//!
//! `x^y = e^(y ln x)`, where an error of the exponent is a relative error of the result: the logarithm and its product
//! with `y` are carried as sums of two doubles. In f32 plain doubles have digits to spare.

use super::exp::{Exponential, reduced};
use super::lane::{Lane, polynomial, select};
use super::ln;

/// Powers and distances in one width.
pub(super) trait Power: Lane {
    /// See [`super::Elementary::pow`].
    fn pow(self, y: Self) -> Self;
    /// See [`super::Elementary::hypot`].
    fn hypot(self, y: Self) -> Self;
}

/// A number as the sum of two, the second below half a unit of the first.
#[derive(Clone, Copy)]
struct Twice {
    high: f64,
    low: f64,
}

/// `a + b` exactly, for `|a| >= |b|` (Dekker).
#[inline(always)]
fn sum(a: f64, b: f64) -> Twice {
    let high = a + b;
    Twice { high, low: b - (high - a) }
}

/// `a b` exactly, away from overflow and underflow (Veltkamp's split, Dekker's product).
#[inline(always)]
fn product(a: f64, b: f64) -> Twice {
    // NUMERICS: a fused multiply-add would give the error at once, but not on every machine.
    let halves = |x: f64| {
        let head = f64::from_bits(x.to_bits() & (u64::MAX << 27));
        (head, x - head)
    };
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    let high = a * b;
    Twice { high, low: ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2 }
}

/// `ln x` for positive finite `x`, to some 66 bits.
#[inline(always)]
fn logarithm(x: f64) -> Twice {
    let parts = x.split();
    let f = parts.m - 1.0;
    // s = f/(2 + f), and what its rounding and that of 2 + f left.
    let d = sum(2.0, f);
    let s = f / d.high;
    let back = product(s, d.high);
    let s_low = (((f - back.high) - back.low) - s * d.low) / d.high;
    // z = s^2, w = z/3 + z^2 P(z), ln m = 2 s (1 + w).
    let square = product(s, s);
    let z = square.high;
    let third = product(z, THIRD[0]);
    let tail = third.low + (square.low + 2.0 * s * s_low) * THIRD[0] + z * THIRD[1] + z * z * polynomial(z, &TAIL);
    let w = sum(third.high, tail);
    let bent = product(s, w.high);
    let ln_m = sum(s, bent.high);
    let low = ln_m.low + (bent.low + s * w.low + s_low * (1.0 + w.high));
    // k ln 2: the product with the first part is exact.
    let (k, high) = (parts.k, 2.0 * ln_m.high);
    let whole = k * f64::LN2_HIGH;
    // Knuth's sum, as k may be 0.
    let total = whole + high;
    let of_high = total - whole;
    let lost = (whole - (total - of_high)) + (high - of_high);
    sum(total, lost + (2.0 * low + k * f64::LN2_LOW))
}

/// `|x|^y`, and the sign of `x^y` that IEEE 754 gives.
#[inline(always)]
fn finish(x: f64, y: f64, magnitude: f64) -> f64 {
    // Beyond 2^53 every number is even.
    let counted = y.abs() < 9_007_199_254_740_992.0;
    let whole = !counted || y as i64 as f64 == y;
    let odd = counted && y as i64 & 1 == 1 && whole;
    let signed = select(odd, magnitude.copysign(x), magnitude);
    // A root of a negative number, but minus infinity and -0 are their magnitudes.
    let value = select(x < 0.0 && !whole && x != f64::NEG_INFINITY, f64::NAN, signed);
    select(y == 0.0 || x == 1.0, 1.0, value)
}

impl Power for f64 {
    #[inline(always)]
    fn pow(self, y: f64) -> f64 {
        let base = self.abs();
        let usual = base > 0.0 && base < f64::INFINITY;
        let ln = logarithm(select(usual, base, 1.0));
        // NUMERICS: beyond 1e20 every power overflows or vanishes, and splitting y would overflow first.
        let held = select(y.abs() > 1e20, 1e20f64.copysign(y), y);
        let exact = product(held, ln.high);
        let exponent = exact.high + held * ln.low;
        // The exponent at the ends of the range; ln 0 and ln inf are infinite, and 1^inf is 1.
        let infinite = select(base == 0.0, -f64::INFINITY, f64::INFINITY) * y;
        let exponent = select(usual, exponent, select(base.is_nan(), base, infinite));
        let (low, high) = (f64::LOWEST, f64::HIGHEST);
        let inside = exponent > low && exponent < high;
        let bound = select(exponent < low, low, select(exponent > high, high, exponent));
        let (head, tail) = (select(inside, exact.high, bound), select(inside, exact.low + held * ln.low, 0.0));
        let (q, n) = reduced(head, tail);
        let magnitude = (q + 1.0).scaled(n);
        finish(self, y, select(y.is_nan(), y, select(base == 1.0, 1.0, magnitude)))
    }

    #[inline(always)]
    fn hypot(self, y: f64) -> f64 {
        let (a, b) = (self.abs(), y.abs());
        let large = select(a > b, a, b);
        // Powers of two that keep the squares within the range.
        let (down, up) = (f64::from_bits((1023 - 600) << 52), f64::from_bits((1023 + 600) << 52));
        let (scale, back) = select(large > up.sqrt(), (down, up), select(large < down.sqrt(), (up, down), (1.0, 1.0)));
        let (a, b) = (a * scale, b * scale);
        let length = (a * a + b * b).sqrt() * back;
        select(self.abs() == f64::INFINITY || y.abs() == f64::INFINITY, f64::INFINITY, length)
    }
}

impl Power for f32 {
    #[inline(always)]
    fn pow(self, y: f32) -> f32 {
        let (x, y) = (f64::from(self), f64::from(y));
        let base = x.abs();
        let power = super::exp::exp(y * ln::ln(base));
        finish(x, y, select(base == 1.0 && !y.is_nan(), 1.0, power)) as f32
    }

    #[inline(always)]
    fn hypot(self, y: f32) -> f32 {
        let (a, b) = (f64::from(self), f64::from(y));
        let length = (a * a + b * b).sqrt() as f32;
        select(self.abs() == f32::INFINITY || y.abs() == f32::INFINITY, f32::INFINITY, length)
    }
}

/// `1/3` in two parts.
const THIRD: [f64; 2] = [0.3333333333333333, 1.850371707708594e-17];

/// `P` in `ln((1+s)/(1-s)) = 2 s (1 + z/3 + z^2 P(z))`; `coefficients.py`, POWER_TAIL.
const TAIL: [f64; 8] = [
    0.2,
    0.14285714285714682,
    0.11111111110828116,
    0.09090909167657202,
    0.07692297485447729,
    0.06667402119112673,
    0.05853124270461193,
    0.058615255140488765,
];
