//! Rows of the ops of two operands: a pair and there the value and both slopes.
//!
//! Where JAX (version 0.10.2) chooses otherwise, the comment says so; where it says nothing, both agree. `NaN` in a row is a
//! value too.

use autodiff::op::PairwiseOp;
use autodiff::sweep::{Gradient, Pool, pullback, pushforward};
use autodiff::{Arena, Dual, Float, Real, with_tangents};

use super::{INF, NAN, same};

/// A pair; its value and slopes.
type Row = ([f64; 2], [f64; 3]);

fn table(op: &PairwiseOp) -> Vec<Row> {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4, PI};
    match op {
        PairwiseOp::Div(_) => vec![
            ([0.0, 0.0], [NAN, INF, NAN]),
            ([1.0, 0.0], [INF, INF, -INF]),
            ([-1.0, -0.0], [INF, -INF, INF]),
            ([0.0, 1.0], [0.0, 1.0, 0.0]),
            ([-0.0, 1.0], [-0.0, 1.0, 0.0]),
            ([INF, INF], [NAN, 0.0, NAN]),
            ([1.0, INF], [0.0, 0.0, 0.0]),
            ([INF, 1.0], [INF, 1.0, -INF]),
            ([NAN, 1.0], [NAN, 1.0, NAN]),
        ],
        // JAX's slopes at the origin are 1/2; its slopes at (1e300, 1e300) are 1.06, as their formula overflows.
        PairwiseOp::Hypot(_) => vec![
            ([0.0, 0.0], [0.0, 0.0, 0.0]),
            ([-0.0, 0.0], [0.0, 0.0, 0.0]),
            ([-1.0, 0.0], [1.0, -1.0, 0.0]),
            ([1e-40, 0.0], [1e-40, 1.0, 0.0]),
            ([1e30, 1e30], [1e30 / FRAC_1_SQRT_2, FRAC_1_SQRT_2, FRAC_1_SQRT_2]),
            ([INF, 1.0], [INF, NAN, 0.0]),
            ([INF, NAN], [INF, NAN, NAN]),
            ([NAN, 1.0], [NAN, NAN, NAN]),
        ],
        // JAX's slopes at the origin are NaN.
        PairwiseOp::Atan2(_) => vec![
            ([0.0, 0.0], [0.0, 0.0, 0.0]),
            ([-0.0, 0.0], [-0.0, 0.0, 0.0]),
            ([0.0, -0.0], [PI, 0.0, 0.0]),
            ([-0.0, -0.0], [-PI, 0.0, 0.0]),
            ([1.0, 0.0], [FRAC_PI_2, 0.0, -1.0]),
            ([0.0, 1.0], [0.0, 1.0, 0.0]),
            ([0.0, -1.0], [PI, -1.0, 0.0]),
            ([-0.0, -1.0], [-PI, -1.0, 0.0]),
            ([1e30, 1e30], [FRAC_PI_4, 5e-31, -5e-31]),
            ([INF, INF], [FRAC_PI_4, NAN, NAN]),
            ([1.0, INF], [0.0, NAN, 0.0]),
            ([NAN, 1.0], [NAN, NAN, NAN]),
        ],
        // JAX's slope by a at (0, 0) is NaN, as is its slope by b at (0, -1) and (inf, -1).
        PairwiseOp::Pow(_) => vec![
            ([0.0, 0.0], [1.0, 0.0, 0.0]),
            ([0.0, 2.0], [0.0, 0.0, 0.0]),
            ([0.0, 1.0], [0.0, 1.0, 0.0]),
            ([0.0, 0.5], [0.0, INF, 0.0]),
            ([0.0, -1.0], [INF, -INF, -INF]),
            ([-2.0, 2.0], [4.0, -4.0, NAN]),
            ([-2.0, 0.5], [NAN, NAN, NAN]),
            ([1.0, NAN], [1.0, NAN, 0.0]),
            ([NAN, 0.0], [1.0, NAN, NAN]),
            ([INF, 1.0], [INF, 1.0, INF]),
            ([2.0, INF], [INF, INF, INF]),
            ([INF, 0.0], [1.0, 0.0, INF]),
            ([INF, -1.0], [0.0, 0.0, 0.0]),
        ],
    }
}

/// Value and slopes: pulled back, pushed forward, and on duals.
fn modes<F: Float>(op: PairwiseOp, x: [f64; 2]) -> [[f64; 3]; 3] {
    let x = x.map(F::from_f64);
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let tape = arena.tape();
    let leaves = [0, 1].map(|i| tape.leaf(&x[i..=i], &[1]).unwrap());
    let y = leaves[0].map_with(leaves[1], op).unwrap();
    pullback(y, &[F::ONE], 1, &mut sink, &mut pool).unwrap();
    let pulled = [0, 1].map(|leaf| sink.of(leaf).unwrap()[0].to_f64());
    let pushed = leaves.map(|leaf| {
        let tangents = pushforward(tape, &[(leaf, &[F::ONE])], 1, &mut pool).unwrap();
        tangents.of(y).unwrap()[0].to_f64()
    });
    let dual = with_tangents(&x, &[F::ZERO; 2], |x: Vec<Dual<'_, F>>| {
        let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
        let tape = arena.tape();
        let leaves = [0, 1].map(|i| tape.leaf(&x[i..=i], &[1]).unwrap());
        let y = leaves[0].map_with(leaves[1], op).unwrap();
        pullback(y, &[Dual::ONE], 1, &mut sink, &mut pool).unwrap();
        let [a, b] = [0, 1].map(|leaf| sink.of(leaf).unwrap()[0].re.to_f64());
        [y.value()[0].re.to_f64(), a, b]
    });
    let y = y.value()[0].to_f64();
    [[y, pulled[0], pulled[1]], [y, pushed[0], pushed[1]], dual]
}

fn every_row<F: Float>() {
    for op in PairwiseOp::ALL {
        for (x, expected) in table(op) {
            for found in modes::<F>(*op, x) {
                let near = |a: f64, b: f64| {
                    let b = F::from_f64(b).to_f64();
                    same(a, b) || (a - b).abs() <= 4.0 * F::EPSILON * b.abs() + 1e-44
                };
                let close = found.iter().zip(expected).all(|(&found, expected)| near(found, expected));
                let sign = found[0] != 0.0 || found[0].is_sign_negative() == expected[0].is_sign_negative();
                assert!(close && sign, "{op:?} at {x:?} in {}: {found:?}, documented {expected:?}", F::NAME);
            }
        }
    }
}

#[test]
fn every_op_of_two_operands_has_its_documented_edges_in_f64() {
    every_row::<f64>();
}

#[test]
fn every_op_of_two_operands_has_its_documented_edges_in_f32() {
    every_row::<f32>();
}
