//! Matrix products over slices; the work is faer's, run on one thread inside our own tasks.

use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};

use crate::real::Real;

/// Whether an op overwrites its result or adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// `y = A x`. What was in `y` is not read.
    Replace,
    /// `y += A x`. Not the same as adding to zero, which would lose `-0`.
    Add,
}

/// A row-major matrix in a slice, or its transpose.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, R> {
    /// The numbers, row-major as stored.
    pub data: &'a [R],
    /// Rows as seen through the view.
    pub rows: usize,
    /// Columns as seen through the view.
    pub cols: usize,
    /// Whether the view is the transpose of what is stored.
    pub transposed: bool,
}

impl<'a, R> View<'a, R> {
    /// A stored `[rows, cols]` matrix.
    ///
    /// # Panics
    /// If the slice does not hold `rows * cols` numbers.
    pub fn new(data: &'a [R], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a [{rows}, {cols}] view of {} numbers", data.len());
        Self { data, rows, cols, transposed: false }
    }

    /// The transpose, without moving anything.
    pub fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, transposed: !self.transposed, ..self }
    }

    /// The same view of other numbers.
    pub(crate) fn over<'b, S>(&self, data: &'b [S]) -> View<'b, S> {
        View { data, rows: self.rows, cols: self.cols, transposed: self.transposed }
    }

    fn at(&self, row: usize, col: usize) -> R
    where
        R: Copy,
    {
        if self.transposed { self.data[col * self.rows + row] } else { self.data[row * self.cols + col] }
    }

    fn faer(&self) -> MatRef<'a, R> {
        if self.transposed {
            MatRef::from_row_major_slice(self.data, self.cols, self.rows).transpose()
        } else {
            MatRef::from_row_major_slice(self.data, self.rows, self.cols)
        }
    }
}

/// `out = alpha a b` or `out += alpha a b`, `out` row-major `[a.rows, b.cols]`.
///
/// # Cost
/// `a.rows a.cols b.cols` multiply-adds.
///
/// # Panics
/// If the sizes do not fit; recording has checked them.
pub(crate) fn product<R: ComplexField>(
    out: &mut [R],
    accumulate: Accumulate,
    alpha: R,
    a: View<'_, R>,
    b: View<'_, R>,
) {
    assert_eq!(a.cols, b.rows, "product of [{}, {}] and [{}, {}]", a.rows, a.cols, b.rows, b.cols);
    let out = MatMut::from_row_major_slice_mut(out, a.rows, b.cols);
    faer::linalg::matmul::matmul(out, accum(accumulate), a.faer(), b.faer(), alpha, Par::Seq);
}

/// The same product entry by entry, for numbers that faer does not know.
///
/// # Cost
/// `a.rows a.cols b.cols` multiply-adds, none of them vectorized.
pub(crate) fn by_entries<R: Real>(out: &mut [R], accumulate: Accumulate, alpha: f64, a: View<'_, R>, b: View<'_, R>) {
    for (at, slot) in out.iter_mut().enumerate() {
        let (row, col) = (at / b.cols, at % b.cols);
        let terms = (0..a.cols).map(|k| a.at(row, k) * b.at(k, col));
        let entry = terms.reduce(|sum, term| sum + term).unwrap_or(R::ZERO).scale(alpha);
        *slot = match accumulate {
            Accumulate::Replace => entry,
            Accumulate::Add => *slot + entry,
        };
    }
}

/// The lower triangle of `out = alpha a a^T` or `out += alpha a a^T`; above the diagonal `out` is left as it is.
///
/// # Cost
/// `a.rows (a.rows + 1) / 2 a.cols` multiply-adds.
///
/// # Panics
/// If `out` does not hold `a.rows^2` numbers.
pub fn lower_gram<R: ComplexField>(out: &mut [R], accumulate: Accumulate, alpha: R, a: View<'_, R>) {
    use faer::linalg::matmul::triangular::{BlockStructure, matmul};
    let out = MatMut::from_row_major_slice_mut(out, a.rows, a.rows);
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    matmul(out, lower, accum(accumulate), a.faer(), full, a.t().faer(), full, alpha, Par::Seq);
}

fn accum(accumulate: Accumulate) -> Accum {
    match accumulate {
        Accumulate::Replace => Accum::Replace,
        Accumulate::Add => Accum::Add,
    }
}
