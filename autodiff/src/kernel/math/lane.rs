//! What the formulas of this folder need from a machine float: arithmetic, its bits, and selection without a branch.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `f32` or `f64`, seen as one lane of a vector register.
///
/// Every method compiles to a few instructions that exist for whole registers, so a loop over a slice whose body is built
/// from them is vectorized, and none of them rounds differently in a register than alone.
pub trait Lane:
    Copy
    + 'static
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// `ln 2` in two parts; the first has so few bits that its product with any exponent is exact.
    const LN2_HIGH: Self;
    /// The rest of `ln 2`.
    const LN2_LOW: Self;
    /// The smallest positive normal number.
    const TINY: Self;

    /// A literal in this width.
    fn of(x: f64) -> Self;
    /// The magnitude.
    fn magnitude(self) -> Self;
    /// This magnitude with the sign of `from`.
    fn signed_like(self, from: Self) -> Self;
    /// The nearest integer, ties to even, for magnitudes below a quarter of `2^mantissa`.
    fn nearest(self) -> Nearest<Self>;
    /// `2^n`, for `n` in the normal range of exponents.
    fn power_of_two(n: Nearest<Self>) -> Self;
    /// `self * 2^n` with a single rounding, for `n` in twice the normal range: it overflows to infinity and underflows
    /// gradually.
    fn scaled(self, n: Nearest<Self>) -> Self;
    /// A positive number as `2^k m` with `m` in `[sqrt(1/2), sqrt 2)`; anything else gives garbage but does not panic.
    fn split(self) -> Split<Self>;
}

/// An integer kept in the two forms that the formulas use.
#[derive(Clone, Copy, Debug)]
pub struct Nearest<F> {
    /// The integer as a float.
    pub float: F,
    /// The integer plus `1.5 * 2^mantissa`, whose low bits are the integer in two's complement.
    pub shifted: F,
}

/// A positive number taken apart: `2^k m`.
#[derive(Clone, Copy, Debug)]
pub struct Split<F> {
    /// The exponent as a float.
    pub k: F,
    /// The number brought into `[sqrt(1/2), sqrt 2)`.
    pub m: F,
    /// `2^(1 - k)`; zero where it would not be normal, so that a product with it vanishes.
    pub shrink: F,
}

/// Both values are known before the choice is made, so this is a select and not a branch.
#[inline(always)]
pub(super) fn select<F>(condition: bool, yes: F, no: F) -> F {
    if condition { yes } else { no }
}

/// `x` held within the bounds; NaN stays NaN.
#[inline(always)]
pub(super) fn clamp<F: Lane>(x: F, low: F, high: F) -> F {
    let x = select(x < low, low, x);
    select(x > high, high, x)
}

/// `c[0] + c[1] x + c[2] x^2 + ...`, by Horner's rule in `x^4` over groups of four terms.
///
/// The groups do not wait for each other, so the chain of dependent operations is a quarter as long as in plain Horner for
/// two more products; it saves a fifth of the time of `erfc` in f64. The loops have constant lengths and are unrolled before the
/// loop over the slice is vectorized.
#[inline(always)]
pub(super) fn polynomial<F: Lane>(x: F, c: &[F]) -> F {
    let square = x * x;
    let fourth = square * square;
    let whole = c.len() / 4 * 4;
    // NUMERICS: never `mul_add`: without the FMA instruction it is a library call, and with it the bits would differ.
    let group = |g: &[F]| match *g {
        [a, b, c, d] => (a + b * x) + (c + d * x) * square,
        [a, b, c] => (a + b * x) + c * square,
        [a, b] => a + b * x,
        _ => g[0],
    };
    let (mut total, mut end) =
        if whole < c.len() { (group(&c[whole..]), whole) } else { (group(&c[whole - 4..]), whole - 4) };
    while end > 0 {
        total = group(&c[end - 4..end]) + total * fourth;
        end -= 4;
    }
    total
}

macro_rules! lane {
    ($F:ident, $U:ident, mantissa: $mantissa:expr, sqrt_half: $sqrt_half:expr, ln2: ($high:expr, $low:expr)) => {
        impl Lane for $F {
            const LN2_HIGH: Self = $high;
            const LN2_LOW: Self = $low;
            const TINY: Self = $F::MIN_POSITIVE;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $F
            }

            #[inline(always)]
            fn magnitude(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn signed_like(self, from: Self) -> Self {
                self.copysign(from)
            }

            #[inline(always)]
            fn nearest(self) -> Nearest<Self> {
                // NUMERICS: 1.5 * 2^mantissa leaves no bits for a fraction, so adding it rounds; `round_ties_even`
                // would be a library call on a machine without the instruction.
                const ROUNDER: $F = ((3 as $U) << ($mantissa - 1)) as $F;
                let shifted = self + ROUNDER;
                Nearest { float: shifted - ROUNDER, shifted }
            }

            #[inline(always)]
            fn power_of_two(n: Nearest<Self>) -> Self {
                const BIAS: $U = (1 as $F).to_bits() >> $mantissa;
                $F::from_bits(n.shifted.to_bits().wrapping_add(BIAS) << $mantissa)
            }

            #[inline(always)]
            fn scaled(self, n: Nearest<Self>) -> Self {
                // NUMERICS: 2^n may not be a normal number, 2^(n/2) is. The first product is exact, the second rounds.
                const ROUNDER: $U = (((3 as $U) << ($mantissa - 1)) as $F).to_bits();
                const BIAS: $U = (1 as $F).to_bits() >> $mantissa;
                let sum = n.shifted.to_bits().wrapping_sub(ROUNDER).wrapping_add(2 * BIAS);
                let half = sum >> 1;
                let first = $F::from_bits(half << $mantissa);
                let second = $F::from_bits(sum.wrapping_sub(half) << $mantissa);
                self * first * second
            }

            #[inline(always)]
            fn split(self) -> Split<Self> {
                const ONE: $U = (1 as $F).to_bits();
                const SQRT_HALF: $U = ($sqrt_half as $F).to_bits();
                const MASK: $U = ((1 as $U) << $mantissa) - 1;
                const LIFT: $F = ((2 as $U) << $mantissa) as $F;
                // An integer below 2^mantissa becomes a float by being put under this exponent.
                const HOLDER: $F = ((1 as $U) << $mantissa) as $F;
                const BIAS: $U = ONE >> $mantissa;

                let subnormal = self < Self::TINY;
                let x = select(subnormal, self * LIFT, self);
                let lifted = select(subnormal, ($mantissa + 1) as $F, 0.0);
                // Counting from sqrt(1/2) instead of 1 carries into the exponent exactly where m would reach sqrt 2.
                let bits = x.to_bits().wrapping_add(ONE - SQRT_HALF);
                let field = bits >> $mantissa;
                Split {
                    k: $F::from_bits(field.wrapping_add(HOLDER.to_bits())) - (HOLDER + BIAS as $F) - lifted,
                    m: $F::from_bits((bits & MASK).wrapping_add(SQRT_HALF)),
                    shrink: $F::from_bits((2 * BIAS + 1).wrapping_sub(field) << $mantissa),
                }
            }
        }
    };
}

// `coefficients.py` splits ln 2 after 9 and 32 bits: with 10 and 11 bits of exponent the products stay below 24 and 53.
lane!(f32, u32, mantissa: 23, sqrt_half: std::f32::consts::FRAC_1_SQRT_2, ln2: (0.6933594, -0.00021219444));
lane!(f64, u64, mantissa: 52, sqrt_half: std::f64::consts::FRAC_1_SQRT_2, ln2: (0.6931471806019545, -4.2009150726810846e-11));
