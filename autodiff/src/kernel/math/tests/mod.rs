//! Accuracy, edges, and the equality of bits that the folder promises.

mod accuracy;
mod arcs;
mod bits;
mod edges;

use super::Elementary;

/// A function and its name.
type Named<F> = (&'static str, fn(F) -> F);

/// The functions by name, in one width.
pub(super) fn table<F: Elementary>() -> [Named<F>; 22] {
    [
        ("exp", |x| F::exp(x)),
        ("expm1", |x| F::expm1(x)),
        ("ln", |x| F::ln(x)),
        ("ln_1p", |x| F::ln_1p(x)),
        ("sin", |x| F::sin(x)),
        ("cos", |x| F::cos(x)),
        ("tanh", |x| F::tanh(x)),
        ("sigmoid", |x| F::sigmoid(x)),
        ("softplus", |x| F::softplus(x)),
        ("erf", |x| F::erf(x)),
        ("erfc", |x| F::erfc(x)),
        ("normal_cdf", |x| F::normal_cdf(x)),
        ("normal_pdf", |x| F::normal_pdf(x)),
        ("tan", |x| F::tan(x)),
        ("atan", |x| F::atan(x)),
        ("asin", |x| F::asin(x)),
        ("acos", |x| F::acos(x)),
        ("sinh", |x| F::sinh(x)),
        ("cosh", |x| F::cosh(x)),
        ("ln_gamma", |x| F::ln_gamma(x)),
        ("digamma", |x| F::polygamma(x, 0)),
        ("trigamma", |x| F::polygamma(x, 1)),
    ]
}

/// Every `stride`-th bit pattern: all exponents, subnormals, infinities and NaNs included.
pub(super) fn patterns_f32(stride: usize) -> impl Iterator<Item = f32> {
    (0..=u32::MAX).step_by(stride).map(f32::from_bits)
}

/// As [`patterns_f32`], by a fixed multiplicative walk through the bits of f64.
pub(super) fn patterns_f64(count: u64) -> impl Iterator<Item = f64> {
    (0..count).map(|i| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}
