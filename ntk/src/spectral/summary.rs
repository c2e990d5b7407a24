//! What the spectrum of a kernel says.

use autodiff::Float;

use super::found::{Effort, End};
use super::{StoredKernel, dense, lanczos};
use crate::array::Array;
use crate::data::Element;
use crate::error::{Error, Result};

/// Which eigenvalues are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spectrum {
    /// All of them.
    Full,
    /// The largest few.
    Top(usize),
    /// None.
    None,
}

impl Spectrum {
    /// All up to 4000 rows, the 16 largest beyond.
    pub fn usual(rows: usize) -> Self {
        if rows <= 4000 { Self::Full } else { Self::Top(16) }
    }

    /// Bytes that [`Summary::of`] takes at most beside the kernel, of `n` samples and so many rows; `coupled` where the
    /// outputs interact.
    ///
    /// A full spectrum has the matrix and the solver's copy of it in f64, one output after another where outputs are
    /// apart; the largest few have a basis of as many vectors as there are steps.
    pub fn bytes(self, n: usize, rows: usize, coupled: bool) -> u64 {
        let dim = if coupled { rows } else { n } as u64;
        match self {
            Self::None => 0,
            Self::Full => 16u64.saturating_mul(dim).saturating_mul(dim),
            Self::Top(count) => {
                8u64.saturating_mul(rows as u64).saturating_mul(rows.min(lanczos::vectors(count, rows)) as u64)
            }
        }
    }
}

/// Products that the largest few eigenvalues may take.
fn products(count: usize) -> usize {
    count.saturating_mul(40).saturating_add(200)
}

/// Scalars of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The eigenvalues that were asked for, largest first.
    pub eigenvalues: Vec<f64>,
    /// Their residuals, where they were found by iteration.
    pub residuals: Option<Vec<f64>>,
    /// Rows of the matrix.
    pub rows: usize,
    /// Sum of the diagonal.
    pub trace: f64,
    /// Square root of the sum of squares.
    pub frobenius: f64,
    /// `rows epsilon lambda_1`: eigenvalues below it are not known to any digit.
    pub floor: Option<f64>,
    /// Largest eigenvalue over the smallest positive one; all are needed.
    pub condition: Option<f64>,
    /// `exp(-sum p ln p)`, p the positive eigenvalues over their sum; all are needed.
    pub effective_rank: Option<f64>,
    /// With the targets.
    pub alignment: Option<f64>,
}

impl Summary {
    /// Computes what is asked for.
    ///
    /// # Cost
    /// For a full spectrum `4/3 rows^3` multiply-adds and two copies of the matrix in f64; for the largest few some
    /// ten products with the kernel for each.
    ///
    /// # Errors
    /// A kernel that is not symmetric or not finite; eigenvalues that do not converge.
    pub fn of<R: Float + Element>(kernel: &Array<R>, targets: Option<&Array<f64>>, asked: Spectrum) -> Result<Self> {
        Self::of_stored(&StoredKernel::new(kernel)?, targets, asked)
    }

    /// The same of a kernel wherever it is.
    ///
    /// # Cost
    /// Of one in a file every product reads it once.
    ///
    /// # Errors
    /// As [`Summary::of`], and what reading refuses.
    pub fn of_stored<R: Float + Element>(
        kernel: &StoredKernel<'_, R>,
        targets: Option<&Array<f64>>,
        asked: Spectrum,
    ) -> Result<Self> {
        let rows = kernel.rows();
        let mut residuals = None;
        let eigenvalues = match asked {
            Spectrum::None => Vec::new(),
            Spectrum::Full => {
                let mut all = Vec::with_capacity(rows);
                for matrix in kernel.matrices() {
                    let matrix = matrix?;
                    let n = matrix.len().isqrt();
                    all.extend(dense::eigenvalues(&matrix, n)?);
                }
                all.sort_by(|a, b| b.total_cmp(a));
                all
            }
            Spectrum::Top(count) => {
                let effort = Effort { tolerance: 1e-10, products: products(count), ..Effort::default() };
                let found = lanczos::lanczos(kernel, count, End::Top, &effort)?;
                if !found.converged {
                    let worst = found.residuals.iter().fold(0.0_f64, |top, r| top.max(*r));
                    return Err(Error::numerics(
                        format!(
                            "the {count} largest eigenvalues did not converge in {} products: residual {worst:.1e}",
                            found.products
                        ),
                        "ask for fewer, or use --spectrum full",
                    ));
                }
                residuals = Some(found.residuals);
                found.values
            }
        };
        let floor = eigenvalues.first().map(|top| rows as f64 * R::EPSILON * top.abs());
        let positive = || eigenvalues.iter().copied().filter(|x| *x > 0.0);
        let all = asked == Spectrum::Full;
        Ok(Self {
            rows,
            trace: kernel.trace(),
            frobenius: kernel.frobenius(),
            floor,
            condition: if all {
                positive().next().zip(positive().next_back()).map(|(top, low)| top / low)
            } else {
                None
            },
            effective_rank: if all { effective_rank(positive) } else { None },
            alignment: targets.map(|targets| kernel.alignment(targets)).transpose()?.flatten(),
            eigenvalues,
            residuals,
        })
    }
}

fn effective_rank<I: Iterator<Item = f64>>(positive: impl Fn() -> I) -> Option<f64> {
    let sum: f64 = positive().sum();
    if sum <= 0.0 {
        return None;
    }
    let entropy: f64 = positive().map(|x| x / sum).map(|p| -p * p.ln()).sum();
    Some(entropy.exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;

    /// `Q diag(values) Q^T` with Q the reflection along (1, 2, .., n).
    fn with_eigenvalues(values: &[f64]) -> Array<f64> {
        let n = values.len();
        let norm: f64 = (1..=n).map(|i| (i * i) as f64).sum();
        let q = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * ((i + 1) * (j + 1)) as f64 / norm;
        let entry = |i, j| (0..n).map(|k| q(i, k) * values[k] * q(j, k)).sum();
        Array::new([n, n], (0..n * n).map(|at| entry(at / n, at % n)).collect::<Vec<f64>>()).unwrap()
    }

    #[test]
    fn eigenvalues_are_those_the_matrix_was_made_of_at_every_size() {
        for n in [1, 2, 3, 5, 10, 16, 31, 32, 33, 34, 315, 316, 317] {
            let values: Vec<f64> = (0..n).map(|i| (n - i) as f64 / n as f64 + 0.5).collect();
            let matrix = with_eigenvalues(&values);
            let full = Summary::of(&matrix, None, Spectrum::Full).unwrap();
            let worst = full.eigenvalues.iter().zip(&values).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs()));
            assert!(worst < 1e-12, "n = {n}: {worst:e}");
            assert!((full.condition.unwrap() - values[0] / values[n - 1]).abs() < 1e-10);
            let top = Summary::of(&matrix, None, Spectrum::Top(3)).unwrap();
            for (a, b) in top.eigenvalues.iter().zip(&values) {
                assert!((a - b).abs() < 1e-9, "n = {n}: {a} for {b}");
            }
            assert_eq!(top.eigenvalues.len(), n.min(3));
        }
    }

    #[test]
    fn the_identity_has_full_rank_and_one_direction_has_rank_one() {
        let identity = with_eigenvalues(&[2.0; 7]);
        let summary = Summary::of(&identity, None, Spectrum::Full).unwrap();
        assert!((summary.effective_rank.unwrap() - 7.0).abs() < 1e-10);
        let mut values = [0.0; 7];
        values[0] = 3.0;
        let summary = Summary::of(&with_eigenvalues(&values), None, Spectrum::Full).unwrap();
        assert!((summary.effective_rank.unwrap() - 1.0).abs() < 1e-10);
        assert!((summary.trace - 3.0).abs() < 1e-12 && (summary.frobenius - 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_kernel_that_is_the_targets_aligns_fully_in_every_shape() {
        let y = Array::new([3, 2], vec![1.0, -0.5, 0.25, 2.0, -1.5, 0.75]).unwrap();
        let at = |i: usize, a: usize| y.data[i * 2 + a];
        let pairs = || (0..9).map(|ij| (ij / 3, ij % 3));
        let summed = pairs().map(|(i, j)| at(i, 0) * at(j, 0) + at(i, 1) * at(j, 1)).collect::<Vec<f64>>();
        let apart = pairs().flat_map(|(i, j)| [at(i, 0) * at(j, 0), at(i, 1) * at(j, 1)]).collect::<Vec<f64>>();
        let coupled = pairs()
            .flat_map(|(i, j)| (0..4).map(move |ab| (i, j, ab / 2, ab % 2)))
            .map(|(i, j, a, b)| at(i, a) * at(j, b))
            .collect::<Vec<f64>>();
        for (shape, values) in [(vec![3, 3], summed), (vec![3, 3, 2], apart), (vec![3, 3, 2, 2], coupled)] {
            let kernel = Array::new(shape.clone(), values).unwrap();
            let summary = Summary::of(&kernel, Some(&y), Spectrum::Full).unwrap();
            assert!((summary.alignment.unwrap() - 1.0).abs() < 1e-14, "{shape:?}: {:?}", summary.alignment);
            // Frobenius norm and trace do not depend on the shape they are read from.
            let square: f64 = summary.eigenvalues.iter().map(|x| x * x).sum();
            assert!((square.sqrt() - summary.frobenius).abs() < 1e-12);
            let top = Summary::of(&kernel, None, Spectrum::Top(1)).unwrap();
            assert!((top.eigenvalues[0] - summary.eigenvalues[0]).abs() < 1e-12);
        }
    }

    #[test]
    fn a_kernel_that_is_not_symmetric_is_refused_with_the_samples_named() {
        let mut kernel = with_eigenvalues(&[3.0, 2.0, 1.0]);
        kernel.data[2] += 0.1;
        let error = Summary::of(&kernel, None, Spectrum::Full).unwrap_err().to_string();
        assert!(error.contains("samples 2 and 0"), "{error}");
    }
}
