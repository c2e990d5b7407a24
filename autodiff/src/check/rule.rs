//! One rule against the laws, without a tape.

use super::{Bounds, Broken, Law, STENCIL, Witness, dot, five_point, largest};
use crate::dual::Dual;
use crate::kernel::gemm::Accumulate;
use crate::op::bilinear::{Bilinear, Sizes};
use crate::op::elementwise::{Elementwise, ElementwiseOp, Visitor};
use crate::op::linear::Linear;
use crate::op::{Operand, Samples};
use crate::real::{Float, Real};
use crate::shape::Shape;

/// Random arguments between two neighbours of [`Elementwise::SAMPLES`].
const BETWEEN: usize = 4;

/// Checks an elementwise rule at its samples and at random arguments between them: primal, slope and curvature.
///
/// Differences are taken in `f64`, with a step that stays clear of [`Elementwise::KINKS`]; at a kink itself the slope
/// is a choice, and must be the same on duals.
///
/// # Errors
/// The first law that does not hold.
pub fn elementwise<F: Float>(
    op: impl Elementwise,
    bounds: Bounds,
    numbers: &mut dyn FnMut() -> f64,
) -> Result<(), Broken> {
    for x in arguments(&op, numbers) {
        at(op, F::from_f64(x), bounds)?;
    }
    Ok(())
}

/// Checks a member of the closed set as [`elementwise`] does.
///
/// # Errors
/// The first law that does not hold.
pub fn elementwise_op<F: Float>(
    op: ElementwiseOp,
    bounds: Bounds,
    numbers: &mut dyn FnMut() -> f64,
) -> Result<(), Broken> {
    struct Check<'s, F>(Bounds, &'s mut dyn FnMut() -> f64, std::marker::PhantomData<F>);
    impl<F: Float> Visitor for Check<'_, F> {
        type Output = Result<(), Broken>;
        fn visit(self, op: impl Elementwise) -> Self::Output {
            elementwise::<F>(op, self.0, self.1)
        }
    }
    op.visit(Check::<F>(bounds, numbers, std::marker::PhantomData))
}

fn arguments<E: Elementwise>(_: &E, numbers: &mut dyn FnMut() -> f64) -> Vec<f64> {
    let mut arguments = E::SAMPLES.to_vec();
    for pair in E::SAMPLES.windows(2) {
        arguments.extend((0..BETWEEN).map(|_| pair[0] + (pair[1] - pair[0]) * numbers().abs()));
    }
    arguments
}

fn at<F: Float, E: Elementwise>(op: E, x: F, bounds: Bounds) -> Result<(), Broken> {
    let place = || format!("at {:e} in {}", x.to_f64(), F::NAME);
    let law = |law| Witness { law, op: E::NAME, place: &place };
    let y = op.primal(x);
    let slope = op.slope(x, y);
    // x + e1 + e2: its second-order part is f''.
    let once = op.primal(Dual::new(x, F::ONE));
    let twice = op.primal(Dual::new(Dual::new(x, F::ONE), Dual::constant(F::ONE)));
    let bent = op.slope(Dual::new(x, F::ONE), Dual::new(y, slope));
    law(Law::Primal).same_bits(&[once.re, twice.re.re], &[y, y])?;
    law(Law::Primal).same_bits(&[bent.re], &[slope])?;

    let wide = x.to_f64();
    let clear = E::KINKS.iter().map(|kink| (wide - kink).abs()).fold(f64::INFINITY, f64::min);
    let length = wide.abs().max(1.0).min(clear);
    if length == 0.0 {
        // At a kink the slope is a choice, and every mode must make the same one.
        law(Law::Slope).all_within(&[once.eps, twice.re.eps], &[slope, slope], 0.0)?;
        return law(Law::Curvature).all_within(&[twice.eps.eps], &[bent.eps], 0.0);
    }
    // NUMERICS: what was really added, not what was meant to be.
    let h = (wide + bounds.step * length) - wide;
    let points = STENCIL.map(|t| wide + t * h);
    let values = points.map(|x| op.primal(x));
    let slopes = points.map(|x| op.slope(x, op.primal(x)));
    let (first, second) = (five_point(values, h), five_point(slopes, h));
    let scale = first.abs().max(largest(&values) / length);
    law(Law::Slope).within(slope.to_f64(), first, bounds.slope * scale)?;
    law(Law::Slope).within(once.eps.to_f64(), first, bounds.slope * scale)?;
    law(Law::Slope).within(twice.re.eps.to_f64(), first, bounds.slope * scale)?;
    let scale = second.abs().max(scale.max(largest(&slopes)) / length);
    law(Law::Curvature).within(bent.eps.to_f64(), second, bounds.curvature * scale)?;
    law(Law::Curvature).within(twice.eps.eps.to_f64(), second, bounds.curvature * scale)
}

/// Checks a linear rule on operands of these shapes: it is linear, its transpose is the transpose, adding adds, and on
/// duals it acts on primal and tangent alike.
///
/// # Errors
/// The first law that does not hold.
pub fn linear<F: Float, L: Linear>(
    op: L,
    operands: &[&[usize]],
    bounds: Bounds,
    numbers: &mut dyn FnMut() -> f64,
) -> Result<(), Broken> {
    let seen: Vec<Operand<'_>> = operands.iter().map(|&shape| Operand { shape, samples: Samples::Free }).collect();
    let shapes = || format!("operands {:?} in {}", operands, F::NAME);
    let refused = Witness { law: Law::Refusal, op: L::NAME, place: &shapes };
    let y_shape = op.signature(&seen).map_err(|error| refused.broken("", error, "these operands to fit"))?.shape;
    for (i, &x_shape) in operands.iter().enumerate() {
        let place = || format!("operand {i} of {}", shapes());
        let law = |law| Witness { law, op: L::NAME, place: &place };
        let (n, m) = (x_shape.iter().product(), y_shape.len());
        let [x, u] = [(); 2].map(|()| draw::<F>(n, numbers));
        let [y_bar, v] = [(); 2].map(|()| draw::<F>(m, numbers));
        let apply = |x: &[F]| written(m, |y, to| op.apply(i, (x_shape, x), (&y_shape, y), to));
        let transpose = |y_bar: &[F]| written(n, |x_bar, to| op.transpose(i, (&y_shape, y_bar), (x_shape, x_bar), to));
        let (y, x_bar) = (apply(&x), transpose(&y_bar));

        for (x, y_bar) in [(&x, &y_bar), (&negative_zeros(n), &negative_zeros(m))] {
            let law = law(Law::Accumulation);
            accumulates(&law, m, bounds, numbers, |y, to| op.apply(i, (x_shape, x), (&y_shape, y), to))?;
            accumulates(&law, n, bounds, numbers, |x, to| op.transpose(i, (&y_shape, y_bar), (x_shape, x), to))?;
        }

        // A (x + 2 u) = A x + 2 A u, so the map is its own derivative; and the same through duals.
        let two = F::ONE + F::ONE;
        let moved = apply(&zip(&x, &u, |x, u| x + two * u));
        let expected = zip(&y, &apply(&u), |y, u| y + two * u);
        law(Law::Slope).all_within(&moved, &expected, bounds.adjoint * (largest(&y) + largest(&expected) + 1e-30))?;
        let dual = written(m, |y, to| op.apply(i, (x_shape, &duals(&x, &u)), (&y_shape, y), to));
        law(Law::Primal).same_bits(&parts(&dual).0, &y)?;
        law(Law::Slope).all_within(&parts(&dual).1, &apply(&u), bounds.adjoint * largest(&apply(&u)))?;

        adjoint(&law(Law::Adjoint), (&y_bar, &y), (&x_bar, &x), bounds)?;
        adjoint(&law(Law::Adjoint), (&v, &apply(&u)), (&transpose(&v), &u), bounds)?;
        if op.passes(i, x_shape, &y_shape) {
            law(Law::Adjoint).same_bits(&y, &x)?;
            law(Law::Adjoint).same_bits(&x_bar, &y_bar)?;
        }
        let dual = written(n, |x, to| op.transpose(i, (&y_shape, &duals(&y_bar, &v)), (x_shape, x), to));
        law(Law::Curvature).same_bits(&parts(&dual).0, &x_bar)?;
        law(Law::Curvature).all_within(&parts(&dual).1, &transpose(&v), bounds.adjoint * largest(&transpose(&v)))?;
    }
    Ok(())
}

/// Checks a bilinear rule on operands of these shapes: it is linear in each operand, its pulls are the transposes,
/// adding adds, on duals it obeys the product rule, and K left operands at once are K one at a time.
///
/// # Errors
/// The first law that does not hold.
pub fn bilinear<F: Float, B: Bilinear>(
    op: B,
    a_shape: &[usize],
    b_shape: &[usize],
    bounds: Bounds,
    numbers: &mut dyn FnMut() -> f64,
) -> Result<(), Broken> {
    let place = || format!("a: {a_shape:?}, b: {b_shape:?} in {}", F::NAME);
    let law = |law| Witness { law, op: B::NAME, place: &place };
    let [a, b] = [a_shape, b_shape].map(|shape| Operand { shape, samples: Samples::Free });
    let signature = op.signature(a, b);
    let shape: Shape = signature.map_err(|error| law(Law::Refusal).broken("", error, "these operands to fit"))?.shape;
    let (s, n, m) = (Sizes { a: a_shape, b: b_shape }, a_shape.iter().product(), b_shape.iter().product());
    let len = shape.len();
    let [a, a_dot] = [(); 2].map(|()| draw::<F>(n, numbers));
    let [b, b_dot] = [(); 2].map(|()| draw::<F>(m, numbers));
    let [y_bar, v] = [(); 2].map(|()| draw::<F>(len, numbers));
    let apply = |a: &[F], b: &[F]| written(len, |y, to| op.apply(s, 1, a, b, y, to));
    let left = |y_bar: &[F], b: &[F]| written(n, |a_bar, to| op.pull_left(s, 1, y_bar, b, a_bar, to));
    let right = |a: &[F], y_bar: &[F]| written(m, |b_bar, to| op.pull_right(s, a, y_bar, b_bar, to));
    let plus = |a: &[F], b: &[F]| zip(a, b, |a, b| a + b);
    for (a, y_bar) in [(&a, &y_bar), (&negative_zeros(n), &negative_zeros(len))] {
        let law = law(Law::Accumulation);
        accumulates(&law, len, bounds, numbers, |y, to| op.apply(s, 1, a, &b, y, to))?;
        accumulates(&law, n, bounds, numbers, |a_bar, to| op.pull_left(s, 1, y_bar, &b, a_bar, to))?;
        accumulates(&law, m, bounds, numbers, |b_bar, to| op.pull_right(s, a, y_bar, b_bar, to))?;
    }
    let y = apply(&a, &b);
    let near = |reference: &[F], scale: &[F]| bounds.adjoint * (largest(reference) + largest(scale) + 1e-30);

    // Linear in each operand, so that the product rule is its derivative.
    let (by_a, by_b) = (apply(&a_dot, &b), apply(&a, &b_dot));
    law(Law::Slope).all_within(&apply(&plus(&a, &a_dot), &b), &plus(&y, &by_a), near(&y, &by_a))?;
    law(Law::Slope).all_within(&apply(&a, &plus(&b, &b_dot)), &plus(&y, &by_b), near(&y, &by_b))?;
    let (da, db, dy) = (duals(&a, &a_dot), duals(&b, &b_dot), duals(&y_bar, &v));
    let dual = parts(&written(len, |y, to| op.apply(s, 1, &da, &db, y, to)));
    law(Law::Primal).same_bits(&dual.0, &y)?;
    law(Law::Slope).all_within(&dual.1, &plus(&by_a, &by_b), near(&by_a, &by_b))?;

    adjoint(&law(Law::Adjoint), (&y_bar, &by_a), (&left(&y_bar, &b), &a_dot), bounds)?;
    adjoint(&law(Law::Adjoint), (&y_bar, &by_b), (&right(&a, &y_bar), &b_dot), bounds)?;
    adjoint(&law(Law::Adjoint), (&v, &y), (&left(&v, &b), &a), bounds)?;
    adjoint(&law(Law::Adjoint), (&v, &y), (&right(&a, &v), &b), bounds)?;

    // The tangents of the pulls, by the product rule and on duals.
    let dual = parts(&written(n, |a_bar, to| op.pull_left(s, 1, &dy, &db, a_bar, to)));
    let (one, other) = (left(&v, &b), left(&y_bar, &b_dot));
    law(Law::Curvature).same_bits(&dual.0, &left(&y_bar, &b))?;
    law(Law::Curvature).all_within(&dual.1, &plus(&one, &other), near(&one, &other))?;
    let dual = parts(&written(m, |b_bar, to| op.pull_right(s, &da, &dy, b_bar, to)));
    let (one, other) = (right(&a, &v), right(&a_dot, &y_bar));
    law(Law::Curvature).same_bits(&dual.0, &right(&a, &y_bar))?;
    law(Law::Curvature).all_within(&dual.1, &plus(&one, &other), near(&one, &other))?;

    let block = |one: &[F], other: &[F]| [one, other, one].concat();
    let at_once = written(3 * len, |y, to| op.apply(s, 3, &block(&a, &a_dot), &b, y, to));
    law(Law::Blocks).all_within(&at_once, &block(&y, &by_a), near(&y, &by_a))?;
    let at_once = written(3 * n, |a_bar, to| op.pull_left(s, 3, &block(&y_bar, &v), &b, a_bar, to));
    let (one, other) = (left(&y_bar, &b), left(&v, &b));
    law(Law::Blocks).all_within(&at_once, &block(&one, &other), near(&one, &other))?;

    let (aa, yy, law) = (block(&a, &a_dot), block(&y_bar, &v), law(Law::Accumulation));
    accumulates(&law, 3 * len, bounds, numbers, |y, to| op.apply(s, 3, &aa, &b, y, to))?;
    accumulates(&law, 3 * n, bounds, numbers, |a_bar, to| op.pull_left(s, 3, &yy, &b, a_bar, to))?;
    Ok(())
}

/// `<y_bar, A x> = <A^T y_bar, x>`
fn adjoint<F: Float>(
    law: &Witness<'_>,
    above: (&[F], &[F]),
    below: (&[F], &[F]),
    bounds: Bounds,
) -> Result<(), Broken> {
    let ((found, one), (expected, other)) = (dot(below.0, below.1), dot(above.0, above.1));
    law.within(found, expected, bounds.adjoint * one.max(other).max(1e-30))
}

/// Replace does not read what was there; Add adds the same numbers; -0 and -0 make -0.
fn accumulates<F: Float>(
    law: &Witness<'_>,
    len: usize,
    bounds: Bounds,
    numbers: &mut dyn FnMut() -> f64,
    write: impl Fn(&mut [F], Accumulate),
) -> Result<(), Broken> {
    let fresh = written(len, &write);
    let mut again = vec![F::ONE; len];
    write(&mut again, Accumulate::Replace);
    law.same_bits(&fresh, &again)?;
    let start = draw::<F>(len, numbers);
    let mut sum = start.clone();
    write(&mut sum, Accumulate::Add);
    let expected = zip(&start, &fresh, |a, b| a + b);
    law.all_within(&sum, &expected, bounds.adjoint * (1.0 + largest(&fresh)))?;
    let mut zeros = negative_zeros::<F>(len);
    write(&mut zeros, Accumulate::Add);
    let negative = |x: &F| x.to_f64() == 0.0 && x.to_f64().is_sign_negative();
    let lost = fresh.iter().zip(&zeros).position(|(fresh, sum)| negative(fresh) && !negative(sum));
    lost.map_or(Ok(()), |i| Err(law.broken(&format!(", entry {i}: -0 added to -0"), zeros[i], -0.0)))
}

/// What Replace makes of a buffer of NaN.
fn written<R: Real>(len: usize, write: impl Fn(&mut [R], Accumulate)) -> Vec<R> {
    let mut out = vec![R::from_f64(f64::NAN); len];
    write(&mut out, Accumulate::Replace);
    out
}

fn draw<F: Float>(len: usize, numbers: &mut dyn FnMut() -> f64) -> Vec<F> {
    (0..len).map(|_| F::from_f64(numbers())).collect()
}

fn negative_zeros<F: Float>(len: usize) -> Vec<F> {
    vec![F::from_f64(-0.0); len]
}

fn zip<F: Float>(a: &[F], b: &[F], f: impl Fn(F, F) -> F) -> Vec<F> {
    a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()
}

fn duals<F: Float>(re: &[F], eps: &[F]) -> Vec<Dual<'static, F>> {
    re.iter().zip(eps).map(|(&re, &eps)| Dual::new(re, eps)).collect()
}

fn parts<F: Float>(duals: &[Dual<'_, F>]) -> (Vec<F>, Vec<F>) {
    duals.iter().map(|x| (x.re, x.eps)).unzip()
}
