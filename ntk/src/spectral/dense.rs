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

/// The eigenvalues, largest first, and their vectors, each of norm 1 with its largest entry positive.
///
/// # Shape
/// `matrix: [n, n] -> [n], n vectors [n]`; the lower triangle is read.
///
/// # Cost
/// Some `9 n^3` multiply-adds, and two matrices of the size.
///
/// # Errors
/// [`Error::Numerics`] if the solver fails, or its vectors do not give back the matrix to rounding.
pub fn eigenvectors(matrix: &[f64], n: usize) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
    let found = crate::predict::symmetric::eigen(MatRef::from_row_major_slice(matrix, n, n))?;
    let vector = |i: usize| {
        let of: Vec<f64> = found.vectors.col(i).iter().copied().collect();
        let largest = of.iter().copied().fold(0.0_f64, |top, x| if x.abs() > top.abs() { x } else { top });
        of.into_iter().map(|x| x * largest.signum()).collect()
    };
    let values = found.values.iter().rev().copied().collect();
    Ok((values, (0..n).rev().map(vector).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_those_of_their_values_with_a_positive_largest_entry() {
        // [[2, 1], [1, 2]] has 3 along (1, 1) and 1 along (1, -1).
        let (values, vectors) = eigenvectors(&[2.0, 1.0, 1.0, 2.0], 2).unwrap();
        let half = 0.5_f64.sqrt();
        assert!((values[0] - 3.0).abs() < 1e-15 && (values[1] - 1.0).abs() < 1e-15);
        assert!((vectors[0][0] - half).abs() < 1e-15 && (vectors[0][1] - half).abs() < 1e-15);
        assert!((vectors[1][0] + vectors[1][1]).abs() < 1e-15 && (vectors[1][0].abs() - half).abs() < 1e-15);
        let skew = [4.0, -3.0, 0.0, -3.0, 1.0, 0.5, 0.0, 0.5, -2.0];
        let (values, vectors) = eigenvectors(&skew, 3).unwrap();
        for (value, v) in values.iter().zip(&vectors) {
            for i in 0..3 {
                let image: f64 = (0..3).map(|j| skew[3 * i + j] * v[j]).sum();
                assert!((image - value * v[i]).abs() < 1e-14);
            }
            assert!(
                v.iter().copied().fold(f64::NEG_INFINITY, f64::max) >= v.iter().map(|x| x.abs()).fold(0.0, f64::max)
            );
        }
    }
}
