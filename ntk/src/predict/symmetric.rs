//! Symmetric matrices taken apart, and the results checked.
//!
//! The solvers are faer's, on one thread, so that the bits do not depend on how many there are. A factorization that does not
//! give back its matrix, on vectors that it has not seen, is an error and not a result.

use faer::linalg::matmul::matmul;
use faer::prelude::Solve;
use faer::{Accum, Mat, MatRef, Par, Side};

use crate::error::{Error, Result};

/// Scaled residuals beyond this are refused: backward-stable solvers stay below some units.
const ALLOWED: f64 = 20.0;
/// Vectors that a factorization is tried on.
const PROBES: usize = 4;

/// `V diag(values) V^T`, values ascending.
#[derive(Clone, Debug)]
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    pub(crate) vectors: Mat<f64>,
}

/// `a b` on one thread.
pub(crate) fn times(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// Numbers without structure: the fractional parts of a quadratic form times an irrational number.
fn scattered(i: usize, j: usize) -> f64 {
    ((i * i * 7 + i * j * 5 + j * j * 3 + i + 11 * j + 1) as f64 * 0.618_033_988_749_894_9).fract() - 0.5
}

fn probes(n: usize) -> Mat<f64> {
    Mat::from_fn(n, PROBES, scattered)
}

fn largest(matrix: MatRef<'_, f64>) -> f64 {
    matrix.col_iter().flat_map(|column| column.iter()).fold(0.0, |top, x| if x.abs() > top { x.abs() } else { top })
}

/// `max|a - b|` over what `scale` and rounding of size `n` allow; infinite where a number is NaN.
fn residual(a: &Mat<f64>, b: &Mat<f64>, scale: f64, n: usize) -> f64 {
    let off = largest((a - b).as_ref());
    let nan = a.col_iter().flat_map(|column| column.iter()).any(|x| x.is_nan());
    if nan {
        f64::INFINITY
    } else if off == 0.0 {
        0.0
    } else {
        off / (scale * n as f64 * f64::EPSILON)
    }
}

/// The eigenvalues and eigenvectors of a symmetric matrix; the lower triangle is read.
///
/// # Cost
/// Some `9 n^3` multiply-adds.
///
/// # Errors
/// [`Error::Numerics`] if the solver fails, or its result does not give back the matrix to rounding.
pub(crate) fn eigen(matrix: MatRef<'_, f64>) -> Result<Eigen> {
    let n = matrix.nrows();
    if n == 0 {
        return Ok(Eigen { values: Vec::new(), vectors: Mat::zeros(0, 0) });
    }
    faer::set_global_parallelism(Par::Seq);
    let found = matrix.self_adjoint_eigen(Side::Lower).map_err(|error| {
        Error::numerics(
            format!("the eigenvectors of a [{n}, {n}] kernel did not converge: {error:?}"),
            "check the kernel for entries that are not finite, or use fewer samples",
        )
    })?;
    let vectors = found.U().to_owned();
    let values: Vec<f64> = found.S().column_vector().iter().copied().collect();
    let x = probes(n);
    let mut y = times(vectors.transpose(), x.as_ref());
    let back = times(vectors.as_ref(), y.as_ref());
    let norm = values.iter().fold(0.0_f64, |top, value| top.max(value.abs()));
    for (i, &value) in values.iter().enumerate() {
        y.row_mut(i).iter_mut().for_each(|y| *y *= value);
    }
    let found = times(vectors.as_ref(), y.as_ref());
    let expected = times(matrix, x.as_ref());
    for (what, off) in
        [("each other", residual(&back, &x, 1.0, n)), ("the kernel", residual(&found, &expected, norm, n))]
    {
        if off > ALLOWED {
            return Err(Error::numerics(
                format!("the eigenvectors of a [{n}, {n}] kernel miss {what} by {off:.1e} times rounding"),
                "report the kernel; a ridge (--ridge) or one sample more or less may avoid the fault",
            ));
        }
    }
    Ok(Eigen { values, vectors })
}

/// A Cholesky factorization `L L^T`.
pub(crate) struct Cholesky(faer::linalg::solvers::Llt<f64>);

impl Cholesky {
    /// Factors a symmetric matrix; the lower triangle is read.
    ///
    /// # Cost
    /// `n^3 / 6` multiply-adds; the eigenvalues too where it fails, to say which ridge would do.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] with the pivot, its row, samples that are equal, and the ridge that would do;
    /// [`Error::Numerics`] if the factors do not give back the matrix to rounding.
    pub(crate) fn new(matrix: MatRef<'_, f64>) -> Result<Self> {
        use faer::linalg::cholesky::llt::factor::LltError;
        faer::set_global_parallelism(Par::Seq);
        let n = matrix.nrows();
        let factors = match matrix.llt(Side::Lower) {
            Ok(factors) => factors,
            Err(LltError::NonPositivePivot { index }) => return Err(not_positive(matrix, index)),
        };
        let x = probes(n);
        let lower = factors.L();
        // NUMERICS: of a singular matrix rounding may leave a pivot that is positive by chance.
        let rounding = n as f64 * f64::EPSILON * largest(matrix);
        if let Some(index) = (0..n).find(|&i| lower[(i, i)] * lower[(i, i)] <= rounding) {
            return Err(not_positive(matrix, index));
        }
        let found = times(lower, times(lower.transpose(), x.as_ref()).as_ref());
        let off = residual(&found, &times(matrix, x.as_ref()), largest(matrix), n);
        if off > ALLOWED {
            return Err(Error::numerics(
                format!("the Cholesky factors of a [{n}, {n}] kernel miss it by {off:.1e} times rounding"),
                "add a ridge (--ridge), and report the kernel",
            ));
        }
        Ok(Self(factors))
    }

    /// `A^-1 b`
    pub(crate) fn solve(&self, b: &Mat<f64>) -> Mat<f64> {
        self.0.solve(b)
    }
}

/// Describes what keeps a matrix from being positive definite at a pivot.
fn not_positive(matrix: MatRef<'_, f64>, index: usize) -> Error {
    let n = matrix.nrows();
    let index = index.min(n.saturating_sub(1));
    let diagonal = |i: usize| matrix[(i, i)];
    let mean = (0..n).map(diagonal).sum::<f64>() / n as f64;
    // What is left of a diagonal entry when the rows before it are taken out.
    let pivot = match matrix.submatrix(0, 0, index, index).llt(Side::Lower) {
        Ok(before) => {
            let row = matrix.submatrix(index, 0, 1, index).transpose().to_owned();
            let solved = before.solve(&row);
            diagonal(index) - (0..index).map(|j| row[(j, 0)] * solved[(j, 0)]).sum::<f64>()
        }
        Err(_) => diagonal(index),
    };
    let near = |a: f64, b: f64| (a - b).abs() <= 8.0 * f64::EPSILON * a.abs().max(b.abs());
    let twin = (0..index).find(|&j| {
        near(diagonal(j), diagonal(index)) && near(matrix[(index, j)], diagonal(index)) && diagonal(index) > 0.0
    });
    let least = matrix.self_adjoint_eigenvalues(Side::Lower).ok().and_then(|values| values.first().copied());
    let rounding = n as f64 * f64::EPSILON * largest(matrix);
    let ridge = if mean > 0.0 { (10.0 * rounding - least.unwrap_or(0.0).min(0.0)) / mean } else { 0.0 };
    Error::NotPositiveDefinite { pivot, index, twins: twin.map(|j| (j, index)), ridge }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gram(n: usize) -> Mat<f64> {
        let x = Mat::from_fn(n, n + 3, scattered);
        times(x.as_ref(), x.transpose())
    }

    #[test]
    fn factors_of_every_awkward_size_give_back_the_matrix() {
        for n in [0, 1, 2, 3, 5, 10, 16, 31, 32, 33, 34, 315, 316, 317] {
            let a = gram(n);
            let Eigen { values, vectors } = eigen(a.as_ref()).unwrap();
            assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
            let scaled = Mat::from_fn(n, n, |i, j| vectors[(i, j)] * values[j]);
            let off = residual(&times(scaled.as_ref(), vectors.transpose()), &a, largest(a.as_ref()), n.max(1));
            assert!(off < ALLOWED, "n = {n}: {off}");
            if n > 0 {
                let x = Cholesky::new(a.as_ref()).unwrap().solve(&a);
                let off = largest((x - Mat::<f64>::identity(n, n)).as_ref());
                assert!(off < 1e-6, "n = {n}: {off:.1e}");
            }
        }
    }

    #[test]
    fn equal_samples_are_named_with_the_pivot_and_a_ridge_that_does() {
        let mut a = gram(9);
        for i in 0..9 {
            let row = a[(2, i)];
            a[(6, i)] = row;
            a[(i, 6)] = row;
        }
        a[(6, 6)] = a[(2, 2)];
        let Err(Error::NotPositiveDefinite { pivot, index, twins, ridge }) = Cholesky::new(a.as_ref()) else {
            panic!("a singular matrix was factored")
        };
        assert!(pivot.abs() < 1e-12 && index == 6 && twins == Some((2, 6)), "{pivot:.1e} {index} {twins:?}");
        let mean = (0..9).map(|i| a[(i, i)]).sum::<f64>() / 9.0;
        (0..9).for_each(|i| a[(i, i)] += ridge * mean);
        assert!(ridge < 1e-10 && Cholesky::new(a.as_ref()).is_ok());
    }
}
