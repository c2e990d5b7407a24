//! Dense symmetric matrices of the size of a basis.

use faer::{Mat, Par, Side};

use crate::error::{Error, Result};

/// Eigenvalues, ascending, and vectors, `[k, k]` by columns, of a symmetric matrix of size k.
///
/// # Errors
/// [`Error::Numerics`] if the solver fails.
pub(super) fn eigen(k: usize, entry: impl Fn(usize, usize) -> f64) -> Result<(Vec<f64>, Mat<f64>)> {
    faer::set_global_parallelism(Par::Seq);
    let matrix = Mat::from_fn(k, k, &entry);
    let solved = matrix.self_adjoint_eigen(Side::Lower).map_err(|error| {
        Error::numerics(format!("the projected eigenproblem of size {k} failed: {error:?}"), "use f64")
    })?;
    Ok(((0..k).map(|i| solved.S()[i]).collect(), solved.U().to_owned()))
}
