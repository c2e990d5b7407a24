//! The loops of elementwise ops with two operands.

use crate::dual::Dual;
use crate::op::pairwise::{Pairwise, PairwiseOp, Visitor};
use crate::real::{Kernel, Real};

/// Which of an op's functions a loop evaluates.
#[derive(Clone, Copy)]
enum Part {
    Primal,
    /// By operand `i`.
    Slope(usize),
    /// By operands `i` and `j`.
    Second([usize; 2]),
}

struct Evaluate<'s, R> {
    part: Part,
    a: &'s [R],
    b: &'s [R],
    y: &'s [R],
    out: &'s mut [R],
}

struct EvaluateOp<'s, R, P> {
    op: P,
    of: Evaluate<'s, R>,
}

impl<R: Real> Visitor for Evaluate<'_, R> {
    type Output = ();
    fn visit(self, op: impl Pairwise) {
        R::vectorize(EvaluateOp { op, of: self });
    }
}

impl<R: Real, P: Pairwise> Kernel for EvaluateOp<'_, R, P> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Evaluate { part, a, b, y, out } = self.of;
        let operands = a.iter().zip(b);
        match part {
            Part::Primal => {
                for (out, (&a, &b)) in out.iter_mut().zip(operands) {
                    *out = self.op.primal(a, b);
                }
            }
            Part::Slope(i) => {
                for ((out, (&a, &b)), &y) in out.iter_mut().zip(operands).zip(y) {
                    *out = self.op.slopes(a, b, y)[i];
                }
            }
            Part::Second([i, j]) => {
                for ((out, (&a, &b)), &y) in out.iter_mut().zip(operands).zip(y) {
                    *out = second_at(self.op, [i, j], a, b, y);
                }
            }
        }
    }
}

/// `d^2 f / dx_i dx_j`, the tangent of slope i along operand j: the second derivative of the one stated rule.
#[inline(always)]
fn second_at<R: Real>(op: impl Pairwise, [i, j]: [usize; 2], a: R, b: R, y: R) -> R {
    let along = |operand: usize| if operand == j { R::ONE } else { R::ZERO };
    let y = Dual::new(y, op.slopes(a, b, y)[j]);
    op.slopes(Dual::new(a, along(0)), Dual::new(b, along(1)), y)[i].eps
}

/// `y = f(a, b)`
pub fn primal<R: Real>(op: PairwiseOp, a: &[R], b: &[R], y: &mut [R]) {
    op.visit(Evaluate { part: Part::Primal, a, b, y: &[], out: y });
}

/// `s = df/dx_i`, where `y = f(a, b)`
pub fn slope<R: Real>(op: PairwiseOp, i: usize, a: &[R], b: &[R], y: &[R], s: &mut [R]) {
    op.visit(Evaluate { part: Part::Slope(i), a, b, y, out: s });
}

/// `s = d^2 f / dx_i dx_j`, where `y = f(a, b)`
pub fn second<R: Real>(op: PairwiseOp, by: [usize; 2], a: &[R], b: &[R], y: &[R], s: &mut [R]) {
    op.visit(Evaluate { part: Part::Second(by), a, b, y, out: s });
}
