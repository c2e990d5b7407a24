//! Normalization of rows.

use crate::error::{Error, Result};
use crate::real::Real;
use crate::tape::Var;

/// Each row (of the last axis) less its mean, over its deviation, times a gain, plus a bias.
///
/// `y = (x - mean x) / sqrt(mean (x - mean x)^2 + epsilon) gain + bias`
///
/// # Shape
/// `x: [.., d], gain: [d], bias: [d] -> [.., d]`
///
/// # Source
/// Ba et al., arXiv:1607.06450, equation 4.
///
/// # Errors
/// If `x` is a scalar, or the shapes do not fit.
pub fn layer_norm<'a, R: Real>(x: Var<'a, R>, gain: Var<'a, R>, bias: Var<'a, R>, epsilon: f64) -> Result<Var<'a, R>> {
    let (axis, len) = last("layer_norm", x)?;
    let centred = x.minus(x.mean_axis(axis)?.broadcast(axis, len)?)?;
    scaled(centred, axis, len, epsilon)?.times(gain)?.plus(bias)
}

/// Each row (of the last axis) over its root mean square, times a gain.
///
/// `y = x / sqrt(mean x^2 + epsilon) gain`
///
/// # Shape
/// `x: [.., d], gain: [d] -> [.., d]`
///
/// # Source
/// Zhang and Sennrich, arXiv:1910.07467, equation 4.
///
/// # Errors
/// If `x` is a scalar, or the shapes do not fit.
pub fn rms_norm<'a, R: Real>(x: Var<'a, R>, gain: Var<'a, R>, epsilon: f64) -> Result<Var<'a, R>> {
    let (axis, len) = last("rms_norm", x)?;
    scaled(x, axis, len, epsilon)?.times(gain)
}

/// `x / sqrt(mean x^2 + epsilon)`
fn scaled<'a, R: Real>(x: Var<'a, R>, axis: usize, len: usize, epsilon: f64) -> Result<Var<'a, R>> {
    let tape = x.tape();
    let epsilon = tape.constant(tape.keep(&[R::from_f64(epsilon)]), &[])?;
    let inverse = x.square().mean_axis(axis)?.plus(epsilon)?.rsqrt();
    x.times(inverse.broadcast(axis, len)?)
}

/// The last axis and its size.
fn last<R: Real>(op: &'static str, x: Var<'_, R>) -> Result<(usize, usize)> {
    match x.shape() {
        [rows @ .., len] => Ok((rows.len(), *len)),
        [] => Err(Error::Axis { op, axis: 0, shape: x.shape().into() }),
    }
}
