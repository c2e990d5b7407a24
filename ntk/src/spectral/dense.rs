//! All eigenvalues of a symmetric matrix.

use faer::{MatRef, Par, Side};

use crate::error::{Error, Result};

/// The eigenvalues of a symmetric matrix, largest first.
///
/// The solver is faer's, on one thread, so that the bits do not depend on how many there are. Its result is checked
/// against two invariants, trace and Frobenius norm.
///
/// # Shape
/// `matrix: [n, n] -> [n]`; the lower triangle is read.
///
/// # Cost
/// About `4/3 n^3` multiply-adds, and a copy of the matrix.
///
/// # Errors
/// [`Error::Numerics`] if the solver fails or the invariants are off by more than rounding.
pub fn eigenvalues(matrix: &[f64], n: usize) -> Result<Vec<f64>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    faer::set_global_parallelism(Par::Seq);
    let view = MatRef::from_row_major_slice(matrix, n, n);
    let mut values = view.self_adjoint_eigenvalues(Side::Lower).map_err(|error| {
        Error::numerics(
            format!("the eigenvalues of a [{n}, {n}] matrix did not converge: {error:?}"),
            "use --spectrum top:16",
        )
    })?;
    values.reverse();
    let trace: f64 = (0..n).map(|i| matrix[i * n + i]).sum();
    let square: f64 = matrix.iter().map(|x| x * x).sum();
    let scale = square.sqrt();
    // NUMERICS: sums of n terms, each off by a few rounding errors of the largest eigenvalue.
    let allowed = 20.0 * n as f64 * f64::EPSILON * scale;
    let off = (values.iter().sum::<f64>() - trace).abs();
    let off_square = (values.iter().map(|x| x * x).sum::<f64>() - square).abs();
    if off > allowed || off_square > 2.0 * allowed * scale {
        return Err(Error::numerics(
            format!(
                "the eigenvalues of a [{n}, {n}] matrix miss its trace by {off:.1e} and its squared norm by {off_square:.1e}"
            ),
            "use --spectrum top:16, and report the matrix",
        ));
    }
    Ok(values)
}
