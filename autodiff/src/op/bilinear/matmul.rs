//! Products of matrices.

use super::{Bilinear, Sizes};
use crate::error::{Error, Result};
use crate::kernel::gemm::{Accumulate, View};
use crate::kernel::grouped::Rows;
use crate::op::linear::join;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape::Shape;

/// `y = alpha op(a) op(b)`, where `op` transposes or not.
///
/// # Shape
/// `a: [.., n, k], b: [k, m] -> [.., n, m]`; a transposed left operand is `[k, n]`, a transposed right one `[m, k]`.
///
/// # Cost
/// `n k m` multiply-adds forward, twice that in a pullback.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matmul {
    /// Whether the left operand is stored as `[k, n]`.
    pub transpose_a: bool,
    /// Whether the right operand is stored as `[m, k]`.
    pub transpose_b: bool,
    /// The factor `alpha`: it costs nothing here, a node of its own elsewhere.
    pub alpha: f64,
}

/// `[n, k] [k, m]`, leading axes of the left operand merged into n.
struct Dims {
    n: usize,
    k: usize,
    m: usize,
}

impl Matmul {
    fn dims(&self, s: Sizes<'_>) -> Dims {
        let (k, n) = match (self.transpose_a, s.a) {
            (false, [rows @ .., k]) => (*k, rows.iter().product()),
            (true, [k, n]) => (*k, *n),
            _ => unreachable!("recording checked the left operand's rank"),
        };
        let m = if self.transpose_b { s.b[0] } else { s.b[1] };
        Dims { n, k, m }
    }

    /// The left operand (of `directions` merged ones) as `[n, k]`.
    fn left<'v, R: Real>(&self, d: &Dims, directions: usize, a: &'v [R]) -> View<'v, R> {
        if self.transpose_a { View::new(a, d.k, d.n).t() } else { View::new(a, directions * d.n, d.k) }
    }

    /// The right operand as `[k, m]`.
    fn right<'v, R: Real>(&self, d: &Dims, b: &'v [R]) -> View<'v, R> {
        if self.transpose_b { View::new(b, d.m, d.k).t() } else { View::new(b, d.k, d.m) }
    }
}

impl Bilinear for Matmul {
    const NAME: &'static str = "matmul";

    fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        let refused =
            |remedy| Err(Error::Shapes { op: Self::NAME, left: a.shape.into(), right: b.shape.into(), remedy });
        let [b0, b1] = *b.shape else {
            return refused("the right operand must be a matrix");
        };
        let (b_inner, m) = if self.transpose_b { (b1, b0) } else { (b0, b1) };
        let (a_inner, rows): (usize, &[usize]) = match (self.transpose_a, a.shape) {
            (false, [rows @ .., k]) if !rows.is_empty() => (*k, rows),
            (true, [k, n]) => (*k, std::slice::from_ref(n)),
            (false, _) => return refused("the left operand must have rows: two axes or more"),
            (true, _) => return refused("a transposed left operand must be a matrix"),
        };
        if a_inner != b_inner {
            return refused("the inner sizes must agree: [n, k] times [k, m]");
        }
        let left = match a.samples {
            // A row of the result is made of one row of the left operand.
            Samples::Axis { axis, group } if !self.transpose_a && (axis as usize) < rows.len() => {
                Some(Samples::Axis { axis, group })
            }
            Samples::Axis { axis: 1, group } if self.transpose_a => Some(Samples::Axis { axis: 0, group }),
            Samples::Axis { .. } => None,
            other => Some(other),
        };
        let right = match b.samples {
            Samples::Axis { axis, group } if (axis == 0) == self.transpose_b => {
                Some(Samples::Axis { axis: rows.len() as u32, group })
            }
            Samples::Axis { .. } => None,
            other => Some(other),
        };
        let samples = right.and_then(|right| join(left, right));
        Ok(Signature { shape: Shape::new(rows).with(rows.len(), m), samples })
    }

    fn flops(&self, s: Sizes<'_>) -> usize {
        let d = self.dims(s);
        2 * d.n * d.k * d.m
    }

    fn apply<R: Real>(&self, s: Sizes<'_>, directions: usize, a: &[R], b: &[R], y: &mut [R], accumulate: Accumulate) {
        let d = self.dims(s);
        if self.transpose_a && directions > 1 {
            for k in 0..directions {
                let y = &mut y[k * d.n * d.m..][..d.n * d.m];
                self.apply(s, 1, &a[k * d.k * d.n..][..d.k * d.n], b, y, accumulate);
            }
        } else {
            R::gemm(y, accumulate, self.alpha, self.left(&d, directions, a), self.right(&d, b));
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
        let d = self.dims(s);
        let b = self.right(&d, b);
        if self.transpose_a {
            // a is stored as [k, n]: its cotangent is alpha b y_bar^T, one direction at a time.
            for k in 0..directions {
                let y_bar = View::new(&y_bar[k * d.n * d.m..][..d.n * d.m], d.n, d.m);
                R::gemm(&mut a_bar[k * d.k * d.n..][..d.k * d.n], accumulate, self.alpha, b, y_bar.t());
            }
        } else {
            // The cotangents of one row have passed the same relus and share their zeros.
            let y_bar = Rows { numbers: y_bar, members: directions, groups: d.n, width: d.m };
            R::gemm_of_groups(a_bar, accumulate, self.alpha, y_bar, b.t());
        }
    }

    fn pull_right<R: Real>(&self, s: Sizes<'_>, a: &[R], y_bar: &[R], b_bar: &mut [R], accumulate: Accumulate) {
        let d = self.dims(s);
        let (a, y_bar) = (self.left(&d, 1, a), View::new(y_bar, d.n, d.m));
        if self.transpose_b {
            R::gemm(b_bar, accumulate, self.alpha, y_bar.t(), a);
        } else {
            R::gemm(b_bar, accumulate, self.alpha, a.t(), y_bar);
        }
    }
}
