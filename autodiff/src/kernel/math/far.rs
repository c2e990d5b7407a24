//! Sine and cosine of large arguments, one number at a time.
//!
//! A float beyond `2^20` is `m 2^e` with integer `m < 2^53`. Of `m 2^e 2/pi` only the value modulo 4 matters: bits of `2/pi`
//! that weigh 4 or more after the product are skipped, the next 192 decide (Payne and Hanek's reduction). No double lies
//! closer to a multiple of `pi/2` than about `2^-62`, so at least 70 bits remain, and the result is the same on every machine.

use super::trig::{Reduced, quarter_ahead, sine, tangent};

/// `sin x` for `|x| > NEAR`; NaN for the infinities and NaN.
#[cold]
#[inline(never)]
pub(super) fn sin(x: f64) -> f64 {
    let value = sine(reduced(x.abs()));
    if x < 0.0 { -value } else { value }
}

/// `cos x` for `|x| > NEAR`; NaN for the infinities and NaN.
#[cold]
#[inline(never)]
pub(super) fn cos(x: f64) -> f64 {
    sine(quarter_ahead(reduced(x.abs())))
}

/// `tan x` for `|x| > NEAR`; NaN for the infinities and NaN.
#[cold]
#[inline(never)]
pub(super) fn tan(x: f64) -> f64 {
    let value = tangent(reduced(x.abs()));
    if x < 0.0 { -value } else { value }
}

fn reduced(x: f64) -> Reduced {
    if !x.is_finite() {
        return Reduced { high: f64::NAN, low: 0.0, quarters: 0 };
    }
    let bits = x.to_bits();
    let m = (bits & ((1 << 52) - 1)) | (1 << 52);
    // x = m 2^e, e >= 20 - 52. Bit j of 2/pi (weight 2^-j) is bit 63 + j of the table, counted from its top; bits with
    // e - j >= 2 are multiples of 4, so the window starts at j = e - 1.
    let e = (bits >> 52) as i64 - 1075;
    let start = (e - 1 + 63).max(0) as usize;
    let [w2, w1, w0] = [0, 64, 128].map(|ahead| word_at(start + ahead));

    // product = m * window modulo 2^192 = 4 in units of 2^-190.
    let wide = |w: u64| u128::from(m) * u128::from(w);
    let low = wide(w0);
    let middle = wide(w1) + (low >> 64);
    let p1 = middle as u64;
    let p2 = m.wrapping_mul(w2).wrapping_add((middle >> 64) as u64);

    // The two top bits count quarters; the rest, read as a signed fraction, is in [-1/2, 1/2) quarters.
    let p0 = low as u64;
    let fraction = (u128::from(p2 << 2 | p1 >> 62) << 64 | u128::from(p1 << 2 | p0 >> 62)) as i128;
    let quarters = (p2 >> 62) + u64::from(fraction < 0);

    // r = fraction 2^-128 pi/2: the leading 64 bits of the fraction times pi/2 with 63 bits after the point, of which the
    // upper word is kept, split where a float's 53 bits end.
    let size = fraction.unsigned_abs();
    let zeros = size.leading_zeros().min(127);
    let leading = (size << zeros >> 64) as u64;
    let top = ((u128::from(leading) * u128::from(PI_HALF)) >> 64) as u64;
    let unit = f64::from_bits((1023 - 63 - u64::from(zeros)) << 52);
    let signed = if fraction < 0 { -unit } else { unit };
    Reduced { high: (top & !0x7ff) as f64 * signed, low: (top & 0x7ff) as f64 * signed, quarters }
}

/// The 64 bits of the table that start at bit `start` from its top.
fn word_at(start: usize) -> u64 {
    let (word, shift) = (start / 64, start % 64);
    let pair = u128::from(TWO_OVER_PI[word]) << 64 | u128::from(TWO_OVER_PI[word + 1]);
    ((pair << shift) >> 64) as u64
}

/// `pi/2 * 2^63`, rounded.
const PI_HALF: u64 = 0xc90f_daa2_2168_c235;

/// A word of zeros, then the bits of `2/pi` after the binary point, printed by `coefficients.py`.
const TWO_OVER_PI: [u64; 21] = [
    0,
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_6bab,
    0xf0cf_bc20_9af4_361d,
];
