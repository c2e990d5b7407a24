//! Gaussian-process regression: the end of training of the read-out alone (nngp), and kernel ridge regression.

use autodiff::Float;
use faer::Mat;

use super::matrix::{self, Coupling, append, outputs_of};
use super::regression::Ridge;
use super::symmetric::{Cholesky, times};
use crate::array::Array;
use crate::data::Element;
use crate::error::Result;

/// Mean and covariance of test outputs, given the training samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    /// `[m, o]`
    pub mean: Array<f64>,
    /// `[m, m]`, one for all outputs, if it was asked for.
    pub covariance: Option<Array<f64>>,
}

/// `K* (K + r)^-1 y`, and `K** - K* (K + r)^-1 K*^T`, by Cholesky, with the ridge `r` relative to the mean of the diagonal.
///
/// With a tangent kernel the mean is that of gradient flow at the end of time; the covariance is that of a process with
/// this kernel.
///
/// # Shape
/// `kernel: [n, n], test: [m, n]` (or `[n, n, o, o], [m, n, o, o]`), `both: [m, m], targets: [n, o]`
///
/// # Cost
/// `N^3/6 + N^2 o` multiply-adds, and `m N (N + m)` for the covariance.
///
/// # Errors
/// Shapes that do not fit; a kernel that is not symmetric, not finite, or not positive definite (with the ridge that would do);
/// factors that fail their check.
pub fn posterior<R: Float + Element>(
    kernel: &Array<R>,
    test: &Array<R>,
    both: Option<&Array<R>>,
    targets: &Array<f64>,
    ridge: f64,
) -> Result<Posterior> {
    let ridge = Ridge::checked(ridge)?;
    let outputs = targets.row_len();
    let (mut matrix, coupling, samples) = matrix::training(kernel, outputs)?;
    ridge.add(&mut matrix);
    let targets = outputs_of(targets, "the target", coupling, samples, outputs)?;
    let test = matrix::test(test, coupling, samples, outputs)?;
    let factors = Cholesky::new(matrix.as_ref())?;
    let mut mean = Vec::new();
    append(times(test.as_ref(), factors.solve(&targets).as_ref()).as_ref(), &mut mean);
    let m = mean.len() / outputs.max(1);
    let covariance = match both {
        None => None,
        Some(both) => {
            let both = matrix::test(both, coupling, m, outputs)?;
            let explained = times(test.as_ref(), factors.solve(&test.transpose().to_owned()).as_ref());
            let left = Mat::from_fn(both.nrows(), both.nrows(), |i, j| {
                both[(i, j)] - 0.5 * (explained[(i, j)] + explained[(j, i)])
            });
            let mut values = Vec::new();
            append(left.as_ref(), &mut values);
            let size = if coupling == Coupling::Shared { m } else { m * outputs };
            Some(Array::new([size, size], values)?)
        }
    };
    Ok(Posterior { mean: Array::new([m, outputs], mean)?, covariance })
}
