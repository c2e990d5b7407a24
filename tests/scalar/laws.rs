//! The laws for scalar variables, over the closed set and over arithmetic.

use autodiff::kernel::map;
use autodiff::op::ElementwiseOp;
use autodiff::scalar::{Var, gradient, hvp, jacobian, partials, taylor, value_and_gradient};
use autodiff::{Dual, Float, Real, derivative, directional};

use crate::laws::elementwise_ops;
use crate::numbers::Random;

/// An op on one number.
fn apply<R: Real>(op: ElementwiseOp, x: R) -> R {
    let mut y = [R::ZERO];
    map::primal(op, &[x], &mut y);
    y[0]
}

/// Value, slope and curvature as the op states them.
fn stated<F: Float>(op: ElementwiseOp, x: F) -> [F; 3] {
    let (y, mut out) = (apply(op, x), [F::ZERO; 2]);
    map::slope(op, &[x], &[y], &mut out[..1]);
    map::second(op, &[x], &[y], &mut out[1..]);
    [y, out[0], out[1]]
}

/// An op at an argument, to compare its derivatives by several roads.
#[derive(Clone, Copy)]
struct At<F> {
    op: ElementwiseOp,
    x: F,
}

impl<F: Float> At<F> {
    /// Equal to within so many units of rounding of the larger of `scale` and what is expected; NaN and infinities where
    /// the other has them.
    fn close(self, what: &str, found: F, expected: F, scale: f64, rounding: f64) {
        let (a, b) = (found.to_f64(), expected.to_f64());
        let same = a == b || (a.is_nan() && b.is_nan());
        let smallest = if F::NAME == "f32" { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
        let near = (a - b).abs() <= rounding * (F::EPSILON * b.abs().max(scale) + 1e3 * smallest);
        let (op, x) = (self.op.name(), self.x.to_f64());
        assert!(same || near, "{what} of {op} at {x:e} in {}: found {a:e}, expected {b:e}", F::NAME);
    }
}

/// The op's samples, numbers between them, and the edges of the format.
fn arguments(op: ElementwiseOp, random: &mut Random) -> Vec<f64> {
    let between: Vec<f64> = op.samples().windows(2).map(|w| w[0] + (w[1] - w[0]) * random.number().abs()).collect();
    let edges = [0.0, -0.0, 1e-40, 1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    [op.samples(), &between, &edges].concat()
}

fn every_op_on_every_number<F: Float>() {
    let mut random = Random::new(71);
    for op in elementwise_ops() {
        for x in arguments(op, &mut random).into_iter().map(F::from_f64) {
            let at = At { op, x };
            let [y, slope, curvature] = stated(op, x);
            let dual = derivative(|x| apply(op, x), x);
            let twice = derivative(|x| derivative(|x| apply(op, x), x).1, x).1;

            // Primal: the same bits in every mode.
            let (value, g) = value_and_gradient(|x| apply(op, x[0]), &[x]);
            let block = partials(|[x]| apply(op, x), [x]);
            let [c0, c1, c2, c3] = taylor(|x| apply(op, x), x);
            for found in [value, dual.0, block.0, c0] {
                at.close("primal", found, y, 0.0, 0.0);
            }
            // Slope: of a function that is one op, the stated one; a composite one differs by the rounding of its terms.
            let ordinary = (1e-3..=60.0).contains(&x.to_f64().abs());
            let terms = if ordinary { y.to_f64().abs() } else { 0.0 };
            at.close("cotangent", g[0], dual.1, terms, 4.0);
            at.close("tangent of a block", block.1[0], dual.1, 0.0, 0.0);
            let columns = jacobian(|x| vec![apply(op, x[0]); 2], &[x]);
            at.close("tangent on the tape", columns[1], g[0], terms, 4.0);
            // Curvature: forward over reverse, and the duals of duals.
            let over = hvp(|x| apply(op, x[0]), &[x], &[F::ONE]).unwrap()[0];
            at.close("forward over reverse", over, twice, terms, 16.0);

            // The rest has terms that cancel, or a 0 times infinity, where the argument is extreme.
            if !ordinary {
                continue;
            }
            let mut scale = y.to_f64().abs();
            at.close("stated slope", dual.1, slope, scale, 16.0);
            at.close("coefficient 1", c1, slope, scale, 16.0);
            scale = scale.max(slope.to_f64().abs());
            let reverse = gradient(|x| gradient(|y| apply(op, y[0]), x)[0], &[x])[0];
            at.close("reverse over reverse", reverse, twice, scale, 32.0);
            at.close("stated curvature", twice, curvature, scale, 32.0);
            at.close("coefficient 2", c2.scale(2.0), curvature, scale, 32.0);
            scale = scale.max(curvature.to_f64().abs());
            let third = derivative(|x| derivative(|x| derivative(|x| apply(op, x), x).1, x).1, x).1;
            at.close("coefficient 3", c3.scale(6.0), third, scale, 128.0);
        }
    }
}

#[test]
fn every_op_has_one_value_and_one_slope_on_every_number_in_f64() {
    every_op_on_every_number::<f64>();
}

#[test]
fn every_op_has_one_value_and_one_slope_on_every_number_in_f32() {
    every_op_on_every_number::<f32>();
}

/// Arithmetic as a number, so that one function is evaluated on all of them.
const ARITHMETIC: usize = 14;
fn arithmetic<R: Real>(which: usize, a: R, b: R) -> R {
    let c = R::from_f64(1.7);
    let mut sum = a;
    match which {
        0 => a + b,
        1 => a - b,
        2 => a * b,
        3 => a / b,
        4 => c + a * b,
        5 => a * b + c,
        6 => c - a * b,
        7 => a * b - c,
        8 => c * a,
        9 => c / a - b / c,
        // One operand in both places.
        10 => {
            let same = a;
            a * same + a / same - (a - same)
        }
        11 => -(a * b).scale(-0.3),
        12 => c * R::ONE + c / R::from_f64(0.3) - R::ONE,
        _ => {
            sum += b;
            sum *= a;
            sum -= b;
            sum
        }
    }
}

#[test]
fn arithmetic_on_the_tape_is_that_on_duals() {
    let mut random = Random::new(72);
    let edges = [0.0, -0.0, 1.0, -2.5, f64::INFINITY, f64::NAN, 1e300, 5e-324];
    let mut pairs: Vec<[f64; 2]> = edges.iter().flat_map(|&a| edges.map(|b| [a, b])).collect();
    pairs.extend((0..20).map(|_| [random.number(), random.number()]));
    for which in 0..ARITHMETIC {
        for pair in &pairs {
            let (value, g) = value_and_gradient(|x| arithmetic(which, x[0], x[1]), pair);
            let block = partials(|[a, b]| arithmetic(which, a, b), *pair);
            let primal = arithmetic(which, pair[0], pair[1]);
            assert!(value.to_bits() == primal.to_bits() || (value.is_nan() && primal.is_nan()));
            for (k, seed) in [[1.0, 0.0], [0.0, 1.0]].iter().enumerate() {
                let along = directional(|x| arithmetic(which, x[0], x[1]), pair, seed).1;
                assert!(block.1[k] == along || (block.1[k].is_nan() && along.is_nan()));
                // A dual's other tangent is a 0 that may meet an infinity; a tape has no such term.
                let ordinary = pair.iter().all(|x| x.is_finite() && x.abs() > 1e-9 && x.abs() < 1e9);
                let near = (g[k] - along).abs() <= 8.0 * f64::EPSILON * along.abs().max(1.0);
                assert!(near || !ordinary, "{which} by {k} at {pair:?}: {} and {along}", g[k]);
            }
        }
    }
}

/// A program of random ops, each on one or two earlier numbers, kept away from overflow.
fn random_program<R: Real>(ops: &[(usize, usize, usize)], x: &[R]) -> R {
    let smooth = [
        |x: R| x.sin(),
        |x: R| x.tanh(),
        |x: R| x.erf(),
        |x: R| x.sigmoid(),
        |x: R| x.cos(),
        |x: R| (x * x + R::ONE).ln(),
    ];
    let mut values = x.to_vec();
    for &(op, i, j) in ops {
        let (a, b) = (values[i % values.len()], values[j % values.len()]);
        values.push(match op % 10 {
            6 => a + b,
            7 => a - b.scale(0.5),
            8 => a.tanh() * b,
            9 => a / (b * b + R::ONE),
            op => smooth[op](a),
        });
    }
    values[values.len() - 1]
}

#[test]
fn random_programs_have_one_gradient_and_one_hessian_product() {
    let mut random = Random::new(73);
    let mut index = || (random.number().abs() * 1e6) as usize;
    for _ in 0..300 {
        let count = 1 + index() % 30;
        let ops: Vec<_> = (0..count).map(|_| (index(), index(), index())).collect();
        let [x, u, v] = [(); 3].map(|()| [(); 3].map(|()| index() as f64 / 5e5 - 1.0));
        let f = |x: &[f64]| random_program(&ops, x);
        let (value, g) = value_and_gradient(|x| random_program(&ops, x), &x);
        assert_eq!(value.to_bits(), f(&x).to_bits());
        // Adjoint: <g, u> is the tangent along u; <H u, v> = <u, H v>; and H by two tapes.
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let size = g.iter().fold(1.0_f64, |top, g| top.max(g.abs()));
        let along = directional(|x| random_program(&ops, x), &x, &u).1;
        assert!((dot(&g, &u) - along).abs() < 1e-13 * size);
        let product = |v: &[f64]| hvp(|x| random_program(&ops, x), &x, v).unwrap();
        let (hu, hv) = (product(&u), product(&v));
        let size = hu.iter().chain(&hv).fold(size, |top, h| top.max(h.abs()));
        assert!((dot(&hu, &v) - dot(&hv, &u)).abs() < 1e-12 * size);
        let tapes = gradient(
            |x| {
                let g = gradient(|y| random_program(&ops, y), x);
                g.iter().zip(u).fold(Var::ZERO, |sum, (&g, u)| sum + g * u)
            },
            &x,
        );
        assert!(tapes.iter().zip(&hu).all(|(a, b)| (a - b).abs() < 1e-12 * size), "{tapes:?} {hu:?}");
        // Differences, which know no rule.
        let h = 1e-3;
        let at = |t: f64| f(&[x[0] + t * u[0], x[1] + t * u[1], x[2] + t * u[2]]);
        let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
        let [_, c1, c2, _] = taylor(
            |t| {
                let line: [_; 3] = std::array::from_fn(|i| t * u[i] + x[i]);
                random_program(&ops, &line)
            },
            0.0,
        );
        assert!((c1 - along).abs() < 1e-12 * size);
        assert!((2.0 * c2 - dot(&hu, &u)).abs() < 1e-11 * size);
        assert!((difference - along).abs() < 1e-6 * (1.0 + size), "{difference} {along}");
    }
}

#[test]
fn a_dual_of_the_tape_and_a_tape_of_duals_agree() {
    let x = [0.4, -1.2];
    let f = |a: f64, b: f64| (a * b).sin() * a;
    let over = hvp(|x| (x[0] * x[1]).sin() * x[0], &x, &[1.0, 0.0]).unwrap();
    let under = derivative(
        |a| {
            let g = gradient(|x| (x[0] * x[1]).sin() * x[0], &[a, Dual::constant(x[1])]);
            g[0] + g[1].scale(10.0)
        },
        x[0],
    );
    assert!((over[0] + 10.0 * over[1] - under.1).abs() < 1e-13);
    assert!(f(x[0], x[1]).is_finite());
}
