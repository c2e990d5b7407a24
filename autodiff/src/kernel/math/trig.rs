//! Sine, cosine and tangent.
//!
//! `x = n pi/2 + r` with `|r| <= pi/4`; `sin r = r + r^3 S(r^2)`, `cos r = 1 - r^2/2 + r^4 C(r^2)`; `n` modulo 4 says which
//! of the two, and with which sign.
//!
//! Up to [`NEAR`] the reduction subtracts `pi/2` in parts and has no branch. Beyond it the product with `2/pi` is formed in
//! integers, one number at a time, in `far`; [`sin_slice`] and [`cos_slice`] give the same bits for a whole slice.

use super::far;
use super::lane::{Lane, Nearest, polynomial, select};

/// Arguments up to this magnitude are reduced without a branch: `n` times a part of `pi/2` is exact up to `2^20`.
pub const NEAR: f64 = 1_048_576.0;

/// `pi/2` in parts of 33 bits, the last one rounded.
const PARTS: [f64; 3] = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21];

/// An angle in `[-pi/4, pi/4]` as a sum, and the quarter turns (modulo `2^32`) that were taken off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reduced {
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) quarters: u64,
}

/// Sine and cosine in one width.
pub trait Trigonometric: Lane {
    /// `sin x` for `|x| <= NEAR`; no branch.
    fn sin_near(self) -> Self;
    /// `cos x` for `|x| <= NEAR`; no branch.
    fn cos_near(self) -> Self;
    /// `sin x` for any `x`.
    fn sin_any(self) -> Self;
    /// `cos x` for any `x`.
    fn cos_any(self) -> Self;
    /// `tan x` for any `x`.
    fn tan_any(self) -> Self;
    /// Whether `|x| <= NEAR`; false for NaN.
    fn is_near(self) -> bool;
}

/// `r = x - n pi/2` to some 100 bits.
#[inline(always)]
fn reduced(x: f64) -> Reduced {
    let Nearest { float: n, shifted } = (x * std::f64::consts::FRAC_2_PI).nearest();
    // NUMERICS: the first product and difference are exact; the second difference keeps its rounding error (the sum of
    // Knuth, which needs no order of magnitudes: near a multiple of pi/2 the two parts are of any size).
    let first = x - n * PARTS[0];
    let second = -(n * PARTS[1]);
    let sum = first + second;
    let virtual_second = sum - first;
    let lost = (first - (sum - virtual_second)) + (second - virtual_second);
    let rest = lost - n * PARTS[2];
    let high = sum + rest;
    Reduced { high, low: (sum - high) + rest, quarters: shifted.to_bits() }
}

/// `sin` and `cos` of the reduced angle, in f64.
#[inline(always)]
fn circle(angle: Reduced) -> [f64; 2] {
    let Reduced { high: r, low, .. } = angle;
    let z = r * r;
    // sin(r + low) = sin r + low cos r, and low is below half a unit of r.
    let sin_tail = polynomial(z, &SIN64);
    let sin = r + (r * (z * sin_tail) + low * (1.0 - 0.5 * z));
    // cos(r + low) = cos r - low sin r; 1 - z/2 loses bits, which the difference in parentheses recovers.
    let half = 0.5 * z;
    let lead = 1.0 - half;
    let cos = lead + (((1.0 - lead) - half) + (z * (z * polynomial(z, &COS64)) - r * low));
    [sin, cos]
}

/// `sin` of the reduced angle plus its quarter turns, in f64.
#[inline(always)]
pub(super) fn sine(angle: Reduced) -> f64 {
    turned(circle(angle), angle.quarters)
}

/// `tan` of the reduced angle plus its quarter turns, in f64.
#[inline(always)]
pub(super) fn tangent(angle: Reduced) -> f64 {
    slanted(circle(angle), angle.quarters)
}

/// The same for a result in f32: shorter polynomials, evaluated in f64.
#[inline(always)]
fn circle_single(angle: Reduced) -> [f64; 2] {
    let r = angle.high;
    let z = r * r;
    let sin = r * (1.0 + z * polynomial(z, &SIN32));
    let cos = 1.0 - z * (0.5 - z * polynomial(z, &COS32));
    [sin, cos]
}

/// Odd quarter turns exchange sine and cosine, half turns change the sign.
#[inline(always)]
fn turned([sin, cos]: [f64; 2], quarters: u64) -> f64 {
    let value = select(quarters & 1 == 1, cos, sin);
    f64::from_bits(value.to_bits() ^ ((quarters & 2) << 62))
}

/// Odd quarter turns make `-1/t` of a tangent `t`, half turns nothing.
#[inline(always)]
fn slanted([sin, cos]: [f64; 2], quarters: u64) -> f64 {
    let odd = quarters & 1 == 1;
    select(odd, -cos, sin) / select(odd, sin, cos)
}

/// One quarter turn more makes a sine of a cosine.
#[inline(always)]
pub(super) fn quarter_ahead(angle: Reduced) -> Reduced {
    Reduced { quarters: angle.quarters.wrapping_add(1), ..angle }
}

impl Trigonometric for f64 {
    #[inline(always)]
    fn sin_near(self) -> f64 {
        // The sum in the polynomial turns -0 into 0.
        select(self == 0.0, self, sine(reduced(self)))
    }

    #[inline(always)]
    fn cos_near(self) -> f64 {
        sine(quarter_ahead(reduced(self)))
    }

    #[inline(always)]
    fn sin_any(self) -> f64 {
        if self.is_near() { self.sin_near() } else { far::sin(self) }
    }

    #[inline(always)]
    fn cos_any(self) -> f64 {
        if self.is_near() { self.cos_near() } else { far::cos(self) }
    }

    #[inline(always)]
    fn tan_any(self) -> f64 {
        let near = select(self == 0.0, self, tangent(reduced(self)));
        if self.is_near() { near } else { far::tan(self) }
    }

    #[inline(always)]
    fn is_near(self) -> bool {
        self.abs() <= NEAR
    }
}

impl Trigonometric for f32 {
    // NUMERICS: 24 digits leave no room for a reduction by parts, so f32 goes through f64, where n pi/2 has digits to
    // spare: one part fewer and shorter polynomials.
    #[inline(always)]
    fn sin_near(self) -> f32 {
        let angle = reduced_single(self);
        turned(circle_single(angle), angle.quarters) as f32
    }

    #[inline(always)]
    fn cos_near(self) -> f32 {
        let angle = quarter_ahead(reduced_single(self));
        turned(circle_single(angle), angle.quarters) as f32
    }

    #[inline(always)]
    fn sin_any(self) -> f32 {
        if self.is_near() { self.sin_near() } else { far::sin(f64::from(self)) as f32 }
    }

    #[inline(always)]
    fn cos_any(self) -> f32 {
        if self.is_near() { self.cos_near() } else { far::cos(f64::from(self)) as f32 }
    }

    #[inline(always)]
    fn tan_any(self) -> f32 {
        let angle = reduced_single(self);
        let near = select(self == 0.0, self, slanted(circle_single(angle), angle.quarters) as f32);
        if self.is_near() { near } else { far::tan(f64::from(self)) as f32 }
    }

    #[inline(always)]
    fn is_near(self) -> bool {
        self.abs() <= NEAR as f32
    }
}

/// `r = x - n pi/2` to the 53 bits that a result in f32 needs.
#[inline(always)]
fn reduced_single(x: f32) -> Reduced {
    let x = f64::from(x);
    let Nearest { float: n, shifted } = (x * std::f64::consts::FRAC_2_PI).nearest();
    Reduced { high: (x - n * PARTS[0]) - n * PARTS[1], low: 0.0, quarters: shifted.to_bits() }
}

/// `y[i] = sin x[i]`, the same bits as one at a time.
///
/// Call it inside a vector dispatch: the first loop is free of branches, the second looks for arguments beyond [`NEAR`].
///
/// # Shape
/// `x: [n]`, `y: [n]`; of unequal lengths the shorter counts.
#[inline(always)]
pub fn sin_slice<F: Trigonometric>(x: &[F], y: &mut [F]) {
    slice(x, y, F::sin_near, F::sin_any);
}

/// `y[i] = cos x[i]`, as [`sin_slice`].
#[inline(always)]
pub fn cos_slice<F: Trigonometric>(x: &[F], y: &mut [F]) {
    slice(x, y, F::cos_near, F::cos_any);
}

#[inline(always)]
fn slice<F: Trigonometric>(x: &[F], y: &mut [F], near: impl Fn(F) -> F, any: impl Fn(F) -> F) {
    let mut all_near = true;
    for (y, &x) in y.iter_mut().zip(x) {
        *y = near(x);
        all_near &= x.is_near();
    }
    if !all_near {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = any(x);
        }
    }
}

// `coefficients.py`, SIN_TAIL and COS_TAIL.
const SIN32: [f64; 4] = [-0.16666666663844049, 0.008333331870341349, -0.00019840084376422702, 2.724962008007533e-06];
const COS32: [f64; 4] = [0.041666666664311826, -0.0013888887668370663, 2.480059840835012e-05, -2.730070403808665e-07];
const SIN64: [f64; 6] = [
    -0.16666666666666666,
    0.008333333333330936,
    -0.00019841269836740532,
    2.7557316093198404e-06,
    -2.5051129896450185e-08,
    1.5917988979397435e-10,
];
const COS64: [f64; 6] = [
    0.041666666666666664,
    -0.0013888888888887389,
    2.48015872987544e-05,
    -2.755731726587808e-07,
    2.087614504941318e-09,
    -1.138254464534925e-11,
];
