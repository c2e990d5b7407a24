//! A rule of two operands against the laws, without a tape.

use super::{Bounds, Broken, Law, STENCIL, Witness, five_point, largest};
use crate::dual::Dual;
use crate::op::pairwise::{Pairwise, PairwiseOp, Visitor};
use crate::real::Float;

/// Random pairs between two neighbours of [`Pairwise::SAMPLES`].
const BETWEEN: usize = 4;

/// Checks a rule of two operands at its samples and at random pairs between them: primal, both slopes, all curvatures.
///
/// Differences are taken in `f64`, within [`Pairwise::clearance`]; where that is 0 a slope is a choice, and must be the
/// same on duals.
///
/// # Errors
/// The first law that does not hold.
pub fn pairwise<F: Float>(op: impl Pairwise, bounds: Bounds, numbers: &mut dyn FnMut() -> f64) -> Result<(), Broken> {
    for [a, b] in arguments(&op, numbers) {
        at(op, [F::from_f64(a), F::from_f64(b)], bounds)?;
    }
    Ok(())
}

/// Checks a member of the closed set as [`pairwise`] does.
///
/// # Errors
/// The first law that does not hold.
pub fn pairwise_op<F: Float>(op: PairwiseOp, bounds: Bounds, numbers: &mut dyn FnMut() -> f64) -> Result<(), Broken> {
    struct Check<'s, F>(Bounds, &'s mut dyn FnMut() -> f64, std::marker::PhantomData<F>);
    impl<F: Float> Visitor for Check<'_, F> {
        type Output = Result<(), Broken>;
        fn visit(self, op: impl Pairwise) -> Self::Output {
            pairwise::<F>(op, self.0, self.1)
        }
    }
    op.visit(Check::<F>(bounds, numbers, std::marker::PhantomData))
}

fn arguments<P: Pairwise>(_: &P, numbers: &mut dyn FnMut() -> f64) -> Vec<[f64; 2]> {
    let mut arguments = P::SAMPLES.to_vec();
    for pair in P::SAMPLES.windows(2) {
        let between = |i: usize, t: f64| pair[0][i] + (pair[1][i] - pair[0][i]) * t.abs();
        arguments.extend((0..BETWEEN).map(|_| [between(0, numbers()), between(1, numbers())]));
    }
    arguments
}

fn at<F: Float, P: Pairwise>(op: P, x: [F; 2], bounds: Bounds) -> Result<(), Broken> {
    let wide = x.map(|x| x.to_f64());
    let place = || format!("at {wide:?} in {}", F::NAME);
    let law = |law| Witness { law, op: P::NAME, place: &place };
    let y = op.primal(x[0], x[1]);
    let slopes = op.slopes(x[0], x[1], y);
    let clear = op.clearance(wide[0], wide[1]);
    for (i, &slope) in slopes.iter().enumerate() {
        let along = |operand: usize| if operand == i { F::ONE } else { F::ZERO };
        let moving = [0, 1].map(|operand| Dual::new(x[operand], along(operand)));
        let once = op.primal(moving[0], moving[1]);
        law(Law::Primal).same_bits(&[once.re], &[y])?;
        let bent = op.slopes(moving[0], moving[1], Dual::new(y, slope));
        law(Law::Primal).same_bits(&bent.map(|slope| slope.re), &slopes)?;
        if clear == 0.0 {
            law(Law::Slope).all_within(&[once.eps], &[slope], 0.0)?;
            continue;
        }
        let length = wide[i].abs().max(1.0).min(clear);
        // NUMERICS: what was really added, not what was meant to be.
        let h = (wide[i] + bounds.step * length) - wide[i];
        let points = STENCIL.map(|t| {
            let mut point = wide;
            point[i] += t * h;
            point
        });
        let values = points.map(|[a, b]| op.primal(a, b));
        let first = five_point(values, h);
        let scale = first.abs().max(largest(&values) / length);
        law(Law::Slope).within(slope.to_f64(), first, bounds.slope * scale)?;
        law(Law::Slope).within(once.eps.to_f64(), first, bounds.slope * scale)?;
        for (j, bent) in bent.iter().enumerate() {
            let slopes = points.map(|[a, b]| op.slopes(a, b, op.primal(a, b))[j]);
            let second = five_point(slopes, h);
            let scale = second.abs().max(scale.max(largest(&slopes)) / length);
            law(Law::Curvature).within(bent.eps.to_f64(), second, bounds.curvature * scale)?;
        }
    }
    Ok(())
}
