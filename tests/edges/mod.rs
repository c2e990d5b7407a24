//! What every op gives at the edges of its domain: documented values, the same in every mode.
//!
//! [`table`] has the rows of the ops of one operand, [`pairs`] those of two, [`composites`] what is made of them.

mod composites;
mod pairs;
mod table;

use autodiff::op::ElementwiseOp;
use autodiff::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use autodiff::{Arena, Dual, Float, Real, Tape, Var, with_tangents};

use table::table;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
/// Value, slope and curvature by the sweeps.
fn by_sweeps<F: Float>(op: ElementwiseOp, x: f64) -> [f64; 3] {
    let value = [F::from_f64(x)];
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let tape = arena.tape();
    let leaf = tape.leaf(&value, &[1]).unwrap();
    let y = leaf.map(op);
    let tangents = pushforward(tape, &[(leaf, &[F::ONE])], 1, &mut pool).unwrap();
    pullback_tangent(y, &[F::ONE], &tangents, &mut sink, &mut pool).unwrap();
    let (pushed, pulled) = (tangents.of(y).unwrap()[0], sink.of(0).unwrap()[0]);
    assert!(same(pushed.to_f64(), pulled.to_f64()), "{op:?} at {x:e}: tangent {pushed:?}, cotangent {pulled:?}");
    [y.value()[0].to_f64(), pulled.to_f64(), sink.tangent_of(0).unwrap()[0].to_f64()]
}

/// Value, slope and curvature by a tape of duals, and the slope that its forward pass carries.
fn by_duals<F: Float>(op: ElementwiseOp, x: f64) -> ([f64; 3], f64) {
    with_tangents(&[F::from_f64(x)], &[F::ONE], |value| {
        let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
        let y = arena.tape().leaf(&value, &[1]).unwrap().map(op);
        pullback(y, &[Dual::ONE], 1, &mut sink, &mut pool).unwrap();
        let (y, bar) = (y.value()[0], sink.of(0).unwrap()[0]);
        ([y.re.to_f64(), bar.re.to_f64(), bar.eps.to_f64()], y.eps.to_f64())
    })
}

/// Equal, or both NaN.
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Equal as numbers of `F`, give or take its rounding; a zero value keeps its sign.
fn agrees<F: Float>(found: [f64; 3], expected: [f64; 3]) -> bool {
    let near = |a: f64, b: f64| {
        let b = F::from_f64(b).to_f64();
        same(a, b) || (a - b).abs() <= 4.0 * F::EPSILON * b.abs() + 1e-44
    };
    let signed = found[0] != 0.0 || expected[0] != 0.0 || found[0].is_sign_negative() == expected[0].is_sign_negative();
    signed && found.iter().zip(expected).all(|(&found, expected)| near(found, expected))
}

fn every_row<F: Float>() {
    for op in crate::laws::elementwise_ops() {
        for (x, expected) in table(&op) {
            let found = by_sweeps::<F>(op, x);
            assert!(agrees::<F>(found, expected), "{op:?} at {x:e} in {}: {found:?}, documented {expected:?}", F::NAME);
            let (mut found, forward) = by_duals::<F>(op, x);
            if !expected[1].is_finite() {
                // A dual cotangent of tangent 0 meets the slope: 0 inf, 0 NaN. The sweeps know that nothing is there.
                found[2] = expected[2];
            }
            assert!(agrees::<F>(found, expected), "{op:?} at {x:e} on duals: {found:?}, documented {expected:?}");
            assert!(same(forward, found[1]), "{op:?} at {x:e}: slope {forward:e} forwards, {:e} backwards", found[1]);
        }
    }
}

#[test]
fn every_op_has_its_documented_edges_in_f64() {
    every_row::<f64>();
}

#[test]
fn every_op_has_its_documented_edges_in_f32() {
    every_row::<f32>();
}

#[test]
fn every_op_of_the_closed_set_has_a_table() {
    for op in ElementwiseOp::ALL {
        assert!(table(op).len() >= 5, "{op:?}");
    }
}

/// Value and gradient of a program of one leaf, seeded with ones.
fn value_and_gradient(
    x: &[f64],
    shape: &[usize],
    build: impl for<'a> Fn(&'a Tape<'a, f64>, Var<'a, f64>) -> Var<'a, f64>,
) -> (Vec<f64>, Vec<f64>) {
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let tape = arena.tape();
    let y = build(tape, tape.leaf(x, shape).unwrap());
    pullback(y, &vec![1.0; y.value().len()], 1, &mut sink, &mut pool).unwrap();
    (y.value().to_vec(), sink.of(0).unwrap().to_vec())
}

fn assert_same(found: &[f64], expected: &[f64], what: &str) {
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(|(&a, &b)| same(a, b)),
        "{what}: {found:?}"
    );
}
