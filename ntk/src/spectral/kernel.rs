//! A stored kernel as a symmetric matrix.

use autodiff::Float;
use rayon::prelude::*;

use crate::array::Array;
use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// A symmetric kernel in one of the shapes that are stored.
///
/// | shape | matrix |
/// |---|---|
/// | `[n, n]` | itself |
/// | `[n, n, o]` | o blocks `[n, n]`, one for each output: `[n o, n o]` with zeros between outputs |
/// | `[n, n, o, o]` | `[n o, n o]`, samples major |
#[derive(Clone, Copy, Debug)]
pub struct StoredKernel<'k, R> {
    values: &'k [R],
    /// Samples.
    pub n: usize,
    /// Outputs kept apart; 1 where there is no such axis.
    pub outputs: usize,
    /// Whether outputs interact.
    coupled: bool,
}

impl<'k, R: Float> StoredKernel<'k, R> {
    /// Takes an array for a symmetric kernel.
    ///
    /// # Errors
    /// Another shape; an entry that differs from its mirror image by more than rounding; an entry that is not finite.
    pub fn new(array: &'k Array<R>) -> Result<Self> {
        let (n, outputs, coupled) = match array.shape[..] {
            [n, m] if n == m => (n, 1, false),
            [n, m, o] if n == m => (n, o, false),
            [n, m, o, p] if n == m && o == p => (n, o, true),
            _ => {
                return Err(Error::Shape {
                    what: "a symmetric kernel".into(),
                    expected: vec![array.rows(), array.rows()],
                    found: array.shape.clone(),
                    remedy: "give [n, n], [n, n, o] or [n, n, o, o]; a kernel of two data sets has no eigenvalues"
                        .into(),
                });
            }
        };
        let kernel = Self { values: &array.data, n, outputs, coupled };
        kernel.check()?;
        Ok(kernel)
    }

    fn check(&self) -> Result<()> {
        if let Some(at) = self.values.iter().position(|x| !Float::is_finite(*x)) {
            let per_row = self.values.len() / self.n.max(1);
            return Err(Error::numerics(
                format!("entry {at} of the kernel (row {}) is not finite", at / per_row.max(1)),
                "compute the kernel again",
            ));
        }
        let scale = self.values.iter().fold(0.0_f64, |top, x| top.max(x.to_f64().abs()));
        let worst = (0..self.n)
            .into_par_iter()
            .map(|i| {
                let mut worst = (0.0_f64, i, i);
                for j in 0..i {
                    for (a, b) in self.pairs() {
                        let gap = (self.entry(i, j, a, b) - self.entry(j, i, b, a)).abs();
                        if gap > worst.0 {
                            worst = (gap, i, j);
                        }
                    }
                }
                worst
            })
            .reduce(|| (0.0, 0, 0), |a, b| if (b.0, a.1, a.2) > (a.0, b.1, b.2) { b } else { a });
        // NUMERICS: kernels that others computed entry by entry differ from their mirror image by rounding.
        let allowed = 1e4 * R::EPSILON * scale;
        if worst.0 > allowed {
            return Err(Error::numerics(
                format!(
                    "the kernel is not symmetric: samples {} and {} differ by {:.3e} of at most {allowed:.1e}",
                    worst.1, worst.2, worst.0
                ),
                "give a kernel of a data set with itself, or its symmetric part",
            ));
        }
        Ok(())
    }

    /// Pairs of outputs that are stored.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<R> {
        let (outputs, coupled) = (self.outputs, self.coupled);
        (0..outputs).flat_map(move |a| if coupled { 0..outputs } else { a..a + 1 }.map(move |b| (a, b)))
    }

    fn entry(&self, i: usize, j: usize, a: usize, b: usize) -> f64 {
        let at = i * self.n + j;
        let at = if self.coupled { (at * self.outputs + a) * self.outputs + b } else { at * self.outputs + a };
        self.values[at].to_f64()
    }

    /// Rows of the matrix.
    pub fn rows(&self) -> usize {
        self.n * self.outputs
    }

    /// The matrices whose eigenvalues are the kernel's: one, or one for each output, `[dim, dim]` each.
    pub fn matrices(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        let (blocks, o) = if self.coupled { (1, self.outputs) } else { (self.outputs, 1) };
        (0..blocks).map(move |block| {
            let dim = self.n * o;
            let mut matrix = vec![0.0; dim * dim];
            matrix.par_chunks_mut(dim.max(1)).enumerate().for_each(|(row, to)| {
                for (column, to) in to.iter_mut().enumerate() {
                    let (a, b) = if self.coupled { (row % o, column % o) } else { (block, block) };
                    *to = self.entry(row / o, column / o, a, b);
                }
            });
            matrix
        })
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        (0..self.n).map(|i| (0..self.outputs).map(|a| self.entry(i, i, a, a)).sum::<f64>()).sum()
    }

    /// Square root of the sum of squares.
    pub fn frobenius(&self) -> f64 {
        self.values.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt()
    }

    /// `<Theta, y y^T> / (|Theta| |y y^T|)`: the cosine between the kernel and the one that knows the targets.
    ///
    /// # Shape
    /// `targets: [n, o]`. A kernel with outputs takes one target for each; a kernel without takes any number, and
    /// `y y^T` is summed over them.
    ///
    /// # Source
    /// Cristianini, Shawe-Taylor, Elisseeff, Kandola, NIPS 2001, definition 1.
    pub fn alignment(&self, targets: &Array<f64>) -> Option<f64> {
        let width = targets.row_len();
        if width == 0 || targets.rows() != self.n || (self.outputs > 1 && width != self.outputs) {
            return None;
        }
        let y = &targets.data;
        let target = |i: usize, c: usize| y[i * width + c];
        let rows: Vec<f64> = (0..self.n)
            .into_par_iter()
            .map(|i| {
                let mut sum = 0.0;
                for j in 0..self.n {
                    if self.outputs == 1 {
                        let agreement: f64 = (0..width).map(|c| target(i, c) * target(j, c)).sum();
                        sum += self.entry(i, j, 0, 0) * agreement;
                    } else {
                        sum += self
                            .pairs()
                            .map(|(a, b)| self.entry(i, j, a, b) * target(i, a) * target(j, b))
                            .sum::<f64>();
                    }
                }
                sum
            })
            .collect();
        let product: f64 = rows.iter().sum();
        let norm = if self.outputs == 1 {
            // |Y Y^T| = |Y^T Y|
            let gram = |c: usize, d: usize| (0..self.n).map(|i| target(i, c) * target(i, d)).sum::<f64>();
            (0..width)
                .flat_map(|c| (0..width).map(move |d| (c, d)))
                .map(|(c, d)| gram(c, d).powi(2))
                .sum::<f64>()
                .sqrt()
        } else if self.coupled {
            y.iter().map(|y| y * y).sum::<f64>()
        } else {
            // One block for each output.
            let norm = |a: usize| (0..self.n).map(|i| target(i, a).powi(2)).sum::<f64>();
            (0..width).map(|a| norm(a).powi(2)).sum::<f64>().sqrt()
        };
        let scale = self.frobenius() * norm;
        (scale > 0.0).then(|| product / scale)
    }
}

impl<R: Float> LinearOperator<f64> for StoredKernel<'_, R> {
    fn dim(&self) -> usize {
        self.rows()
    }

    fn apply(&self, x: &[f64], y: &mut [f64]) -> Result<()> {
        let (o, rows) = (self.outputs.max(1), self.rows().max(1));
        for (x, y) in x.chunks_exact(rows).zip(y.chunks_exact_mut(rows)) {
            y.par_chunks_mut(o).enumerate().for_each(|(i, y)| {
                y.fill(0.0);
                for (j, x) in x.chunks_exact(o).enumerate() {
                    for (a, b) in self.pairs() {
                        y[a] += self.entry(i, j, a, b) * x[b];
                    }
                }
            });
        }
        Ok(())
    }
}
