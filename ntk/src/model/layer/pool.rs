//! From positions to features: pooling, the global average, flattening.

use autodiff::{Real, Var};

use super::Described;

/// The mean over all positions, as [`super::Layer::GlobalAverage`] records it.
pub(super) const GLOBAL_AVERAGE: Described =
    Described { name: "gap", shape: "[.., c] -> [c]", about: "mean over all positions", keys: &[] };

/// As [`super::Layer::Flatten`] records it.
pub(super) const FLATTEN: Described =
    Described { name: "flatten", shape: "[..] -> [c]", about: "all axes as one, row-major", keys: &[] };

/// `[n, .., c] -> [n, c]`
pub(super) fn global_average<'a, R: Real>(x: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    let (samples, channels) = ends(x.shape());
    let positions = x.value().len() / (samples * channels).max(1);
    if x.shape().len() == 2 {
        return Ok(x);
    }
    Ok(x.reshape(&[samples, positions, channels])?.sum_axis(1)?.scale(1.0 / positions as f64))
}

/// `[n, ..] -> [n, c]`
pub(super) fn flatten<'a, R: Real>(x: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    let samples = x.shape().first().copied().unwrap_or(1);
    match x.shape() {
        [_, _] => Ok(x),
        _ => x.reshape(&[samples, x.value().len() / samples.max(1)]),
    }
}

fn ends(shape: &[usize]) -> (usize, usize) {
    (shape.first().copied().unwrap_or(1), shape.last().copied().unwrap_or(1))
}
