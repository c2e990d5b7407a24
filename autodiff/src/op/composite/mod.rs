//! Plain functions over the primitive ops. They have no rules of their own.
//!
//! Here are softmax and the losses; normalization, attention, the recurrent cell and complex numbers have a file each.

mod attention;
mod complex;
mod normalization;
mod recurrent;

use crate::error::{Error, Result};
use crate::real::Real;
use crate::tape::Var;

pub use attention::{Mask, attention};
pub use complex::Complex;
pub use normalization::{layer_norm, rms_norm};
pub use recurrent::rnn_cell;

/// `softmax(x)` over the last axis: exponentials that add up to 1.
///
/// # Shape
/// `[.., c] -> [.., c]`
///
/// # Errors
/// If `x` is a scalar.
pub fn softmax<'a, R: Real>(x: Var<'a, R>) -> Result<Var<'a, R>> {
    let (shifted, axis, classes) = shifted("softmax", x)?;
    let raised = shifted.exp();
    raised.over(raised.sum_axis(axis)?.broadcast(axis, classes)?)
}

/// `ln softmax(x)` over the last axis.
///
/// # Shape
/// `[.., c] -> [.., c]`
///
/// ```
/// use autodiff::{Arena, op::composite::log_softmax};
///
/// let mut arena = Arena::new();
/// let x = arena.tape().leaf(&[1000.0_f64, 1000.0], &[1, 2]).unwrap(); // whose exponentials would overflow
/// let y = log_softmax(x).unwrap();
/// assert!(y.value().iter().all(|y| (y + 2f64.ln()).abs() < 1e-15));
/// ```
///
/// # Errors
/// If `x` is a scalar.
pub fn log_softmax<'a, R: Real>(x: Var<'a, R>) -> Result<Var<'a, R>> {
    let (shifted, axis, classes) = shifted("log_softmax", x)?;
    let norm = shifted.exp().sum_axis(axis)?.ln();
    shifted.minus(norm.broadcast(axis, classes)?)
}

/// A value less the largest entry of each row of its last axis; that axis, and its size.
fn shifted<'a, R: Real>(op: &'static str, x: Var<'a, R>) -> Result<(Var<'a, R>, usize, usize)> {
    let Some((&classes, rows)) = x.shape().split_last() else {
        return Err(Error::Axis { op, axis: 0, shape: x.shape().into() });
    };
    // NUMERICS: softmax does not change when a constant is taken from a row, so the row's maximum is taken, as a
    // constant, and no exponential overflows. Its derivative would cancel.
    let tape = x.tape();
    let mut top = R::ZERO;
    let tops = tape.keep_with(x.value().len(), |i| {
        if i % classes == 0 {
            top = constant_maximum(&x.value()[i..i + classes]);
        }
        top
    });
    Ok((x.minus(tape.constant(tops, x.shape())?)?, rows.len(), classes))
}

/// The largest primal of a row, with no tangent.
fn constant_maximum<R: Real>(row: &[R]) -> R {
    let top = row.iter().fold(f64::NEG_INFINITY, |top, x| top.max(x.primal()));
    R::from_f64(if top.is_finite() { top } else { 0.0 })
}

/// Mean over samples of `-ln softmax(f)[label]`.
///
/// # Shape
/// `f: [n, c]`, a label below c for each sample `-> []`
///
/// ```
/// use autodiff::{Arena, op::composite::cross_entropy};
///
/// let mut arena = Arena::new();
/// let f = arena.tape().leaf(&[0.0_f64, 0.0, 0.0], &[1, 3]).unwrap();
/// assert!((cross_entropy(f, &[2]).unwrap().value()[0] - 3f64.ln()).abs() < 1e-15);
/// assert!(cross_entropy(f, &[3]).unwrap_err().to_string().ends_with("use 0..3"));
/// ```
///
/// # Errors
/// If there are not n labels, or one is not below c.
pub fn cross_entropy<'a, R: Real>(f: Var<'a, R>, labels: &[u32]) -> Result<Var<'a, R>> {
    Ok(log_softmax(f)?.pick(labels)?.mean().scale(-1.0))
}

/// `1/(2n)` times the sum over samples and outputs of `(f - y)^2`.
///
/// # Shape
/// `f: [n, o], y: [n, o] -> []`
///
/// ```
/// use autodiff::{Arena, op::composite::mean_squared_error};
///
/// let mut arena = Arena::new();
/// let tape = arena.tape();
/// let f = tape.leaf(&[1.0, 2.0], &[2, 1]).unwrap();
/// let y = tape.constant(&[0.0, 4.0], &[2, 1]).unwrap();
/// assert_eq!(mean_squared_error(f, y).unwrap().value(), [1.25]); // (1 + 4) / 4
/// ```
///
/// # Errors
/// If the shapes differ.
pub fn mean_squared_error<'a, R: Real>(f: Var<'a, R>, y: Var<'a, R>) -> Result<Var<'a, R>> {
    let samples = f.shape().first().copied().unwrap_or(1);
    if f.shape() != y.shape() {
        let (left, right) = (f.shape().into(), y.shape().into());
        return Err(Error::Shapes { op: "mean_squared_error", left, right, remedy: "give a target for each output" });
    }
    Ok(f.minus(y)?.powi(2).sum().scale(0.5 / samples as f64))
}
