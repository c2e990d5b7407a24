//! Products of as many pairs of matrices as there are.

use super::{Bilinear, Matmul, Sizes};
use crate::error::{Error, Result};
use crate::kernel::gemm::{Accumulate, View};
use crate::op::linear::join;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape::{self, Shape};

/// `y = alpha op(a) op(b)` for each pair of matrices, where `op` transposes or not.
///
/// # Shape
/// `a: [.., n, k], b: [.., k, m] -> [.., n, m]`, the same leading axes on both sides; a transposed left operand is
/// `[.., k, n]`, a transposed right one `[.., m, k]`.
///
/// # Cost
/// `n k m` multiply-adds a pair forward, twice that in a pullback.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batched<'a> {
    /// The product of each pair. In the arena, as a node's op has few bytes.
    pub product: &'a Matmul,
}

/// `[n, k] [k, m]`, so many times.
#[derive(Clone, Copy)]
struct Dims {
    pairs: usize,
    n: usize,
    k: usize,
    m: usize,
}

impl Dims {
    fn left<'v, R>(&self, a: &'v [R], pair: usize, transposed: bool) -> View<'v, R> {
        part(a, pair, self.n, self.k, transposed)
    }

    fn right<'v, R>(&self, b: &'v [R], pair: usize, transposed: bool) -> View<'v, R> {
        part(b, pair, self.k, self.m, transposed)
    }

    fn result<'v, R>(&self, y: &'v [R], pair: usize) -> View<'v, R> {
        part(y, pair, self.n, self.m, false)
    }
}

/// Matrix `[rows, cols]` of a list of them, stored as it is or transposed.
fn part<R>(list: &[R], at: usize, rows: usize, cols: usize, transposed: bool) -> View<'_, R> {
    let matrix = &list[at * rows * cols..][..rows * cols];
    if transposed { View::new(matrix, cols, rows).t() } else { View::new(matrix, rows, cols) }
}

impl Batched<'_> {
    /// The sizes, or what to do where the operands do not fit.
    fn dims(&self, s: Sizes<'_>) -> std::result::Result<Dims, &'static str> {
        let ([a_lead @ .., a0, a1], [b_lead @ .., b0, b1]) = (s.a, s.b) else {
            return Err("give two axes or more on both sides");
        };
        if a_lead != b_lead {
            return Err("the leading axes must be the same on both sides");
        }
        let (n, k) = if self.product.transpose_a { (a1, a0) } else { (a0, a1) };
        let (inner, m) = if self.product.transpose_b { (b1, b0) } else { (b0, b1) };
        if k != inner {
            return Err("the inner sizes must agree: [.., n, k] times [.., k, m]");
        }
        Ok(Dims { pairs: shape::count(a_lead), n: *n, k: *k, m: *m })
    }

    fn checked(&self, s: Sizes<'_>) -> Dims {
        self.dims(s).unwrap_or_else(|remedy| unreachable!("recording checked the operands: {remedy}"))
    }
}

impl Bilinear for Batched<'_> {
    const NAME: &'static str = "batched_matmul";

    fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        let dims = self.dims(Sizes { a: a.shape, b: b.shape }).map_err(|remedy| Error::Shapes {
            op: Self::NAME,
            left: a.shape.into(),
            right: b.shape.into(),
            remedy,
        })?;
        let leading = a.shape.len() - 2;
        // Pairs are for themselves; a row of the result is made of one row of the left operand, a column of one column
        // of the right one.
        let kept = |samples: Samples, own: usize, to: usize| match samples {
            Samples::Axis { axis, .. } if (axis as usize) < leading => Some(samples),
            Samples::Axis { axis, group } if axis as usize == leading + own => {
                Some(Samples::Axis { axis: (leading + to) as u32, group })
            }
            Samples::Axis { .. } => None,
            other => Some(other),
        };
        let left = kept(a.samples, usize::from(self.product.transpose_a), 0);
        let right = kept(b.samples, usize::from(!self.product.transpose_b), 1);
        let shape = Shape::new(&a.shape[..leading]).with(leading, dims.n).with(leading + 1, dims.m);
        Ok(Signature { shape, samples: right.and_then(|right| join(left, right)) })
    }

    fn flops(&self, s: Sizes<'_>) -> usize {
        let d = self.checked(s);
        2 * d.pairs * d.n * d.k * d.m
    }

    fn apply<R: Real>(&self, s: Sizes<'_>, directions: usize, a: &[R], b: &[R], y: &mut [R], accumulate: Accumulate) {
        let (d, op) = (self.checked(s), self.product);
        let pairs = if y.is_empty() { 0 } else { directions * d.pairs };
        for at in 0..pairs {
            let y = &mut y[at * d.n * d.m..][..d.n * d.m];
            let (a, b) = (d.left(a, at, op.transpose_a), d.right(b, at % d.pairs, op.transpose_b));
            R::gemm(y, accumulate, op.alpha, a, b);
        }
    }

    fn pull_left<R: Real>(
        &self,
        s: Sizes<'_>,
        directions: usize,
        y_bar: &[R],
        b: &[R],
        a_bar: &mut [R],
        accumulate: Accumulate,
    ) {
        let (d, op) = (self.checked(s), self.product);
        let pairs = if a_bar.is_empty() { 0 } else { directions * d.pairs };
        for at in 0..pairs {
            let a_bar = &mut a_bar[at * d.n * d.k..][..d.n * d.k];
            let (y_bar, b) = (d.result(y_bar, at), d.right(b, at % d.pairs, op.transpose_b));
            if op.transpose_a {
                R::gemm(a_bar, accumulate, op.alpha, b, y_bar.t());
            } else {
                R::gemm(a_bar, accumulate, op.alpha, y_bar, b.t());
            }
        }
    }

    fn pull_right<R: Real>(&self, s: Sizes<'_>, a: &[R], y_bar: &[R], b_bar: &mut [R], accumulate: Accumulate) {
        let (d, op) = (self.checked(s), self.product);
        let pairs = if b_bar.is_empty() { 0 } else { d.pairs };
        for at in 0..pairs {
            let b_bar = &mut b_bar[at * d.k * d.m..][..d.k * d.m];
            let (a, y_bar) = (d.left(a, at, op.transpose_a), d.result(y_bar, at));
            if op.transpose_b {
                R::gemm(b_bar, accumulate, op.alpha, y_bar.t(), a);
            } else {
                R::gemm(b_bar, accumulate, op.alpha, a.t(), y_bar);
            }
        }
    }
}
