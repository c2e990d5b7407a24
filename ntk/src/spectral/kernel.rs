//! A stored kernel, in memory or in a file, as a symmetric matrix.
//!
//! Both are read by rows and summed in one order, so where a kernel is changes no bit of what is found of it.

use std::ops::Range;

use autodiff::Float;
use rayon::prelude::*;

use crate::array::Array;
use crate::data::{Element, Rows};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;

/// A symmetric kernel in one of the shapes that are stored.
///
/// | shape | matrix |
/// |---|---|
/// | `[n, n]` | itself |
/// | `[n, n, o]` | o blocks `[n, n]`, one for each output: `[n o, n o]` with zeros between outputs |
/// | `[n, n, o, o]` | `[n o, n o]`, samples major |
#[derive(Debug)]
pub struct StoredKernel<'k, R> {
    values: Rows<'k, R>,
    /// Samples.
    pub n: usize,
    /// Outputs kept apart; 1 where there is no such axis.
    pub outputs: usize,
    /// Whether outputs interact.
    coupled: bool,
    seen: Seen,
}

/// What one pass over the rows tells.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    trace: f64,
    squares: f64,
    largest: f64,
}

/// Samples a side of the squares that are held against their mirror images.
const SQUARE: usize = 128;

impl<'k, R: Float + Element> StoredKernel<'k, R> {
    /// Takes an array for a symmetric kernel.
    ///
    /// # Errors
    /// Another shape; an entry that differs from its mirror image by more than rounding; an entry that is not finite.
    pub fn new(values: impl Into<Rows<'k, R>>) -> Result<Self> {
        let kernel = Self::own(values)?;
        kernel.check()?;
        Ok(kernel)
    }

    /// As [`StoredKernel::new`], of a kernel that was written with its mirror image and needs no comparison.
    ///
    /// # Errors
    /// Another shape; an entry that is not finite.
    pub fn own(values: impl Into<Rows<'k, R>>) -> Result<Self> {
        let values = values.into();
        let (n, outputs, coupled) = match values.shape()[..] {
            [n, m] if n == m => (n, 1, false),
            [n, m, o] if n == m => (n, o, false),
            [n, m, o, p] if n == m && o == p => (n, o, true),
            _ => {
                return Err(Error::Shape {
                    what: "a symmetric kernel".into(),
                    expected: vec![values.count(), values.count()],
                    found: values.shape().to_vec(),
                    remedy: "give [n, n], [n, n, o] or [n, n, o, o]; a kernel of two data sets has no eigenvalues"
                        .into(),
                });
            }
        };
        let mut kernel = Self { values, n, outputs, coupled, seen: Seen::default() };
        kernel.seen = kernel.pass()?;
        Ok(kernel)
    }

    /// What `work` makes of each row, in order.
    fn rows_map<T: Send>(&self, work: impl Fn(usize, &[R]) -> T + Sync) -> Result<Vec<T>> {
        let (size, n) = (self.values.at_once(), self.n);
        let parts: Vec<Vec<T>> = (0..n.div_ceil(size))
            .into_par_iter()
            .map(|part| {
                let rows = part * size..((part + 1) * size).min(n);
                let mut made = Vec::with_capacity(rows.len());
                self.values.each(rows, |i, row| made.push(work(i, row)))?;
                Ok(made)
            })
            .collect::<Result<_>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    fn pass(&self) -> Result<Seen> {
        let rows = self.rows_map(|i, row| {
            if let Some(at) = row.iter().position(|x| !Float::is_finite(*x)) {
                return Err(Error::numerics(
                    format!("entry {} of the kernel (row {i}) is not finite", i * row.len() + at),
                    "compute the kernel again",
                ));
            }
            let largest = row.iter().fold(0.0_f64, |top, &x| top.max(Float::to_f64(x).abs()));
            let trace = (0..self.outputs).map(|a| Float::to_f64(row[self.at(i, a, a)])).sum();
            Ok(Seen { trace, squares: dot(row, row), largest })
        })?;
        rows.into_iter().try_fold(Seen::default(), |all, row| {
            let row = row?;
            Ok(Seen {
                trace: all.trace + row.trace,
                squares: all.squares + row.squares,
                largest: all.largest.max(row.largest),
            })
        })
    }

    fn check(&self) -> Result<()> {
        let blocks = self.n.div_ceil(SQUARE);
        let pairs: Vec<(usize, usize)> = (0..blocks).flat_map(|i| (0..=i).map(move |j| (i, j))).collect();
        let range = |block: usize| block * SQUARE..((block + 1) * SQUARE).min(self.n);
        let entries = self.values.row_len() / self.n.max(1);
        let part = |rows: &Range<usize>, columns: &Range<usize>| {
            self.values.part(rows.clone(), columns.start * entries..columns.end * entries)
        };
        let worst: Vec<(f64, usize, usize)> = pairs
            .into_par_iter()
            .map(|(i, j)| {
                let (rows, columns) = (range(i), range(j));
                let (square, mirror) = (part(&rows, &columns)?, part(&columns, &rows)?);
                let mut worst = (0.0_f64, 0, 0);
                for (i, j) in rows.clone().flat_map(|i| columns.clone().map(move |j| (i, j))).filter(|(i, j)| j < i) {
                    let (to_i, to_j) = (i - rows.start, j - columns.start);
                    let row = &square[to_i * columns.len() * entries..];
                    let column = &mirror[to_j * rows.len() * entries..];
                    for (a, b) in self.pairs() {
                        let [x, y] = [row[self.at(to_j, a, b)], column[self.at(to_i, b, a)]].map(Float::to_f64);
                        if (x - y).abs() > worst.0 {
                            worst = ((x - y).abs(), i, j);
                        }
                    }
                }
                Ok(worst)
            })
            .collect::<Result<_>>()?;
        let worst = worst.into_iter().fold((0.0, 0, 0), |a, b| if b.0 > a.0 { b } else { a });
        // NUMERICS: kernels that others computed entry by entry differ from their mirror image by rounding.
        let allowed = 1e4 * R::EPSILON * self.seen.largest;
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

    /// Where a row has the entry of a sample and a pair of outputs.
    fn at(&self, j: usize, a: usize, b: usize) -> usize {
        if self.coupled { (j * self.outputs + a) * self.outputs + b } else { j * self.outputs + a }
    }

    /// The lengths of the axes, as it is stored.
    pub fn shape(&self) -> &[usize] {
        self.values.shape()
    }

    /// Rows of the matrix.
    pub fn rows(&self) -> usize {
        self.n * self.outputs
    }

    /// The matrices whose eigenvalues are the kernel's: one, or one for each output, `[dim, dim]` each.
    ///
    /// # Errors
    /// [`Error::Read`] of a kernel in a file.
    pub fn matrices(&self) -> impl Iterator<Item = Result<Vec<f64>>> + '_ {
        let (blocks, o) = if self.coupled { (1, self.outputs) } else { (self.outputs, 1) };
        (0..blocks).map(move |block| {
            let dim = self.n * o;
            let mut matrix = vec![0.0; dim * dim];
            let size = self.values.at_once();
            matrix.par_chunks_mut((size * o * dim).max(1)).enumerate().try_for_each(|(part, to)| {
                let rows = part * size..((part + 1) * size).min(self.n);
                let mut to = to.chunks_exact_mut(dim.max(1));
                self.values.each(rows, |_, row| {
                    for (a, to) in to.by_ref().take(o).enumerate() {
                        for (column, to) in to.iter_mut().enumerate() {
                            let (a, b) = if self.coupled { (a, column % o) } else { (block, block) };
                            *to = Float::to_f64(row[self.at(column / o, a, b)]);
                        }
                    }
                })
            })?;
            Ok(matrix)
        })
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> f64 {
        self.seen.trace
    }

    /// Square root of the sum of squares.
    pub fn frobenius(&self) -> f64 {
        self.seen.squares.sqrt()
    }

    /// `<Theta, y y^T> / (|Theta| |y y^T|)`: the cosine between the kernel and the one that knows the targets.
    ///
    /// # Shape
    /// `targets: [n, o]`. A kernel with outputs takes one target for each; a kernel without takes any number, and
    /// `y y^T` is summed over them.
    ///
    /// # Errors
    /// [`Error::Read`] of a kernel in a file.
    ///
    /// # Source
    /// Cristianini, Shawe-Taylor, Elisseeff, Kandola, NIPS 2001, definition 1.
    pub fn alignment(&self, targets: &Array<f64>) -> Result<Option<f64>> {
        let width = targets.row_len();
        if width == 0 || targets.rows() != self.n || (self.outputs > 1 && width != self.outputs) {
            return Ok(None);
        }
        let y = &targets.data;
        let target = |i: usize, c: usize| y[i * width + c];
        let rows = self.rows_map(|i, row| {
            let mut sum = 0.0;
            for j in 0..self.n {
                if self.outputs == 1 {
                    let agreement: f64 = (0..width).map(|c| target(i, c) * target(j, c)).sum();
                    sum += Float::to_f64(row[self.at(j, 0, 0)]) * agreement;
                } else {
                    let entry = |(a, b)| Float::to_f64(row[self.at(j, a, b)]) * target(i, a) * target(j, b);
                    sum += self.pairs().map(entry).sum::<f64>();
                }
            }
            sum
        })?;
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
        Ok((scale > 0.0).then(|| product / scale))
    }
}

/// Sums run in so many lanes, added in order at the end.
const LANES: usize = 16;

/// `<a, b>` in f64.
fn dot<R: Float, S: Float>(a: &[R], b: &[S]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += Float::to_f64(a[lane]) * Float::to_f64(b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[lane] += Float::to_f64(a) * Float::to_f64(b);
    }
    sums.iter().sum()
}

impl<R: Float + Element> LinearOperator<f64> for StoredKernel<'_, R> {
    fn dim(&self) -> usize {
        self.rows()
    }

    fn apply(&self, x: &[f64], y: &mut [f64]) -> Result<()> {
        let (o, dim) = (self.outputs.max(1), self.rows().max(1));
        let vectors: Vec<&[f64]> = x.chunks_exact(dim).collect();
        // `[vectors, o]` of each row.
        let rows = self.rows_map(|_, row| {
            let mut found = vec![0.0; vectors.len() * o];
            for (x, y) in vectors.iter().zip(found.chunks_exact_mut(o)) {
                if o == 1 {
                    y[0] = dot(row, x);
                    continue;
                }
                for (j, x) in x.chunks_exact(o).enumerate() {
                    for (a, b) in self.pairs() {
                        y[a] += Float::to_f64(row[self.at(j, a, b)]) * x[b];
                    }
                }
            }
            found
        })?;
        for (k, y) in y.chunks_exact_mut(dim).enumerate() {
            y.chunks_exact_mut(o).zip(&rows).for_each(|(y, row)| y.copy_from_slice(&row[k * o..][..o]));
        }
        Ok(())
    }
}
