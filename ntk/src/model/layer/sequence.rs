//! What layers over sequences share: single positions of a value, and numbers for each sample that are not differentiated.
//!
//! A position is taken, and put back, by a batched product with a constant unit row, so it needs no op of its own; it
//! costs as many multiply-adds as the value has numbers.

use autodiff::{Real, Var};

/// The position `t` of `x`.
///
/// # Shape
/// `[n, T, c] -> [n, c]`
pub(super) fn at<'a, R: Real>(x: Var<'a, R>, t: usize) -> autodiff::Result<Var<'a, R>> {
    let (samples, positions, channels) = sizes(x)?;
    let row = constant(x, samples * positions, |i| f64::from(u8::from(i % positions == t)), &[samples, 1, positions])?;
    row.batched_matmul(x)?.reshape(&[samples, channels])
}

/// `y` at position `t` of a value that is 0 elsewhere.
///
/// # Shape
/// `[n, c] -> [n, T, c]`
pub(super) fn only_at<'a, R: Real>(y: Var<'a, R>, t: usize, positions: usize) -> autodiff::Result<Var<'a, R>> {
    let (samples, channels) = (y.shape()[0], y.shape()[1]);
    let column =
        constant(y, samples * positions, |i| f64::from(u8::from(i % positions == t)), &[samples, positions, 1])?;
    column.batched_matmul(y.reshape(&[samples, 1, channels])?)
}

/// Constants, the same for every sample or repeated by the caller, on the tape of `of`.
pub(super) fn constant<'a, R: Real>(
    of: Var<'a, R>,
    count: usize,
    number: impl Fn(usize) -> f64,
    shape: &[usize],
) -> autodiff::Result<Var<'a, R>> {
    let tape = of.tape();
    tape.constant(tape.keep_with(count, |i| R::from_f64(number(i))), shape)
}

/// Numbers that belong to samples, as the input does.
pub(super) fn of_samples<'a, R: Real>(
    x: Var<'a, R>,
    count: usize,
    number: impl Fn(usize) -> f64,
    shape: &[usize],
) -> autodiff::Result<Var<'a, R>> {
    let tape = x.tape();
    tape.samples(tape.keep_with(count, |i| R::from_f64(number(i))), shape)
}

/// Samples, positions and channels.
pub(super) fn sizes<R: Real>(x: Var<'_, R>) -> autodiff::Result<(usize, usize, usize)> {
    match *x.shape() {
        [samples, positions, channels] => Ok((samples, positions, channels)),
        _ => Err(autodiff::Error::Axis { op: "sequence", axis: 2, shape: x.shape().into() }),
    }
}
