//! The elementwise loops, each written once and instantiated for every instruction set at run time.

use crate::dual::Dual;
use crate::kernel::gemm::Accumulate;
use crate::op::elementwise::{Elementwise, ElementwiseOp, Visitor};
use crate::real::{Kernel, Real};

pub mod pair;

/// Declares a loop as a [`Kernel`] and the function that dispatches it.
macro_rules! kernel {
    ($(#[$doc:meta])* $visibility:vis fn $name:ident / $kernel:ident ($($field:ident: $type:ty),*) $body:block) => {
        struct $kernel<'s, R> { $($field: $type),* , lifetime: std::marker::PhantomData<&'s R> }
        impl<'s, R: Real> Kernel for $kernel<'s, R> {
            type Output = ();
            #[inline(always)]
            fn run(self) {
                let Self { $($field),*, lifetime: _ } = self;
                $body
            }
        }
        $(#[$doc])*
        $visibility fn $name<'s, R: Real>($($field: $type),*) {
            R::vectorize($kernel { $($field),*, lifetime: std::marker::PhantomData });
        }
    };
}

kernel! {
    /// `y *= s`
    pub(crate) fn multiply / Multiply(s: &'s [R], y: &'s mut [R]) {
        for (y, &s) in y.iter_mut().zip(s) {
            *y *= s;
        }
    }
}

kernel! {
    /// `y += s x`
    pub(crate) fn multiply_add / MultiplyAdd(s: &'s [R], x: &'s [R], y: &'s mut [R]) {
        for ((y, &s), &x) in y.iter_mut().zip(s).zip(x) {
            *y += s * x;
        }
    }
}

kernel! {
    /// `y = s x`
    pub(crate) fn product / Product(s: &'s [R], x: &'s [R], y: &'s mut [R]) {
        for ((y, &s), &x) in y.iter_mut().zip(s).zip(x) {
            *y = s * x;
        }
    }
}

kernel! {
    /// `y = s x` or `y += s x` for each row of x and y, which are as long as s.
    pub(crate) fn rows_product / RowsProduct(s: &'s [R], x: &'s [R], y: &'s mut [R], accumulate: Accumulate) {
        if let [s] = *s {
            match accumulate {
                Accumulate::Replace => for (y, &x) in y.iter_mut().zip(x) {
                    *y = s * x;
                },
                Accumulate::Add => for (y, &x) in y.iter_mut().zip(x) {
                    *y += s * x;
                },
            }
            return;
        }
        for (x, y) in x.chunks_exact(s.len().max(1)).zip(y.chunks_exact_mut(s.len().max(1))) {
            match accumulate {
                Accumulate::Replace => for ((y, &s), &x) in y.iter_mut().zip(s).zip(x) {
                    *y = s * x;
                },
                Accumulate::Add => for ((y, &s), &x) in y.iter_mut().zip(s).zip(x) {
                    *y += s * x;
                },
            }
        }
    }
}

kernel! {
    /// `s = x y` or `s += x y`, summed over the rows of x and y, which are as long as s.
    pub(crate) fn sum_of_products / SumOfProducts(x: &'s [R], y: &'s [R], s: &'s mut [R], accumulate: Accumulate) {
        let len = s.len().max(1);
        let mut rows = x.chunks_exact(len).zip(y.chunks_exact(len));
        if accumulate == Accumulate::Replace {
            match rows.next() {
                Some((x, y)) => for ((s, &x), &y) in s.iter_mut().zip(x).zip(y) {
                    *s = x * y;
                },
                None => s.fill(R::ZERO),
            }
        }
        for (x, y) in rows {
            for ((s, &x), &y) in s.iter_mut().zip(x).zip(y) {
                *s += x * y;
            }
        }
    }
}

kernel! {
    /// `y += x`
    pub(crate) fn add / AddTo(x: &'s [R], y: &'s mut [R]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y += x;
        }
    }
}

kernel! {
    /// `y = c x` or `y += c x`
    pub(crate) fn scale / Scale(accumulate: Accumulate, c: f64, x: &'s [R], y: &'s mut [R]) {
        match accumulate {
            // NUMERICS: 1 x is x to the bit, so no branch on c is needed.
            Accumulate::Replace => for (y, &x) in y.iter_mut().zip(x) {
                *y = x.scale(c);
            },
            Accumulate::Add => for (y, &x) in y.iter_mut().zip(x) {
                *y += x.scale(c);
            },
        }
    }
}

/// How many sums a row is spread over: a fixed number, so that the order of additions is that of every machine.
const LANES: usize = 16;

/// The sum of a row: number i goes to lane `i mod 16`, and the lanes are added in halves.
#[inline(always)]
fn row_sum<R: Real>(row: &[R]) -> R {
    let mut lanes = [R::ZERO; LANES];
    let whole = row.chunks_exact(LANES);
    let rest = whole.remainder();
    for part in whole {
        lanes.iter_mut().zip(part).for_each(|(lane, &x)| *lane += x);
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, &x)| *lane += x);
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        let (low, high) = lanes.split_at_mut(width);
        low.iter_mut().zip(high).for_each(|(low, &mut high)| *low += high);
    }
    lanes[0]
}

kernel! {
    /// `y_r = sum of x[r, ..]` or `+=`, rows of `len` numbers.
    pub(crate) fn row_sums / RowSums(accumulate: Accumulate, len: usize, x: &'s [R], y: &'s mut [R]) {
        for (row, y) in x.chunks_exact(len).zip(y) {
            match accumulate {
                Accumulate::Replace => *y = row_sum(row),
                Accumulate::Add => *y += row_sum(row),
            }
        }
    }
}

kernel! {
    /// `y[r, ..] = x_r` or `+=`, rows of `len` numbers.
    pub(crate) fn repeat / Repeat(accumulate: Accumulate, len: usize, x: &'s [R], y: &'s mut [R]) {
        for (row, &x) in y.chunks_exact_mut(len).zip(x) {
            match accumulate {
                Accumulate::Replace => row.fill(x),
                Accumulate::Add => row.iter_mut().for_each(|y| *y += x),
            }
        }
    }
}

/// Which of an op's functions a loop evaluates.
#[derive(Clone, Copy)]
enum Part {
    Primal,
    Slope,
    Curvature,
}

struct Evaluate<'s, R> {
    part: Part,
    x: &'s [R],
    y: &'s [R],
    out: &'s mut [R],
}

struct EvaluateOp<'s, R, E> {
    op: E,
    of: Evaluate<'s, R>,
}

impl<R: Real> Visitor for Evaluate<'_, R> {
    type Output = ();
    fn visit(self, op: impl Elementwise) {
        R::vectorize(EvaluateOp { op, of: self });
    }
}

impl<R: Real, E: Elementwise> Kernel for EvaluateOp<'_, R, E> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Evaluate { part, x, y, out } = self.of;
        match part {
            Part::Primal => self.op.primals(x, out),
            Part::Slope => self.op.slopes(x, y, out),
            Part::Curvature => {
                for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
                    *out = curvature(self.op, x, y);
                }
            }
        }
    }
}

/// `f''(x)`, the tangent of `slope(x + e, y + s e)`: the second derivative of the one stated rule.
#[inline(always)]
fn curvature<R: Real>(op: impl Elementwise, x: R, y: R) -> R {
    op.slope(Dual::new(x, R::ONE), Dual::new(y, op.slope(x, y))).eps
}

/// `y = f(x)`
pub fn primal<R: Real>(op: ElementwiseOp, x: &[R], y: &mut [R]) {
    op.visit(Evaluate { part: Part::Primal, x, y: &[], out: y });
}

/// `s = f'(x)`, where `y = f(x)`
pub fn slope<R: Real>(op: ElementwiseOp, x: &[R], y: &[R], s: &mut [R]) {
    op.visit(Evaluate { part: Part::Slope, x, y, out: s });
}

/// `s = f''(x)`, where `y = f(x)`
pub fn second<R: Real>(op: ElementwiseOp, x: &[R], y: &[R], s: &mut [R]) {
    op.visit(Evaluate { part: Part::Curvature, x, y, out: s });
}
