//! What every op gives at the edges of its domain: documented values, the same in every mode.
//!
//! A row is an argument and there the value, slope and curvature. Where JAX and PyTorch choose otherwise, the comment
//! says so; where it says nothing, all three agree. `NaN` in a row is a value too: it is `0 inf` or `inf - inf` and
//! is not hidden.

use autodiff::op::ElementwiseOp;
use autodiff::op::composite::{cross_entropy, log_softmax, mean_squared_error};
use autodiff::op::elementwise::*;
use autodiff::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use autodiff::{Arena, Dual, Float, Real, Tape, Var, with_tangents};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
/// Smaller than any normal number of either type once it is halved a few times; stands for "subnormal".
const TINY: f64 = 1e-40;

/// An argument; its value, slope and curvature.
type Row = (f64, [f64; 3]);

fn table(op: &ElementwiseOp) -> Vec<Row> {
    use std::f64::consts::{FRAC_2_SQRT_PI, LN_2};
    let density = 0.3989422804014327; // 1/sqrt(2 pi)
    match op {
        // PyTorch's slope at NaN is 1.
        ElementwiseOp::Relu(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-TINY, [0.0, 0.0, 0.0]),
            (-0.0, [0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN, 0.0, 0.0]),
        ],
        // JAX's slope at 0 is 1, the one from above; ours and PyTorch's is the one from below.
        ElementwiseOp::LeakyRelu(LeakyRelu(alpha)) => vec![
            (-INF, [alpha * -INF, *alpha, 0.0]),
            (-TINY, [alpha * -TINY, *alpha, 0.0]),
            (-0.0, [alpha * -0.0, *alpha, 0.0]),
            (0.0, [alpha * 0.0, *alpha, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN, *alpha, 0.0]),
        ],
        // JAX's slope at NaN is NaN.
        ElementwiseOp::Abs(_) => vec![
            (-INF, [INF, -1.0, 0.0]),
            (-TINY, [TINY, -1.0, 0.0]),
            (-0.0, [0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN, 0.0, 0.0]),
        ],
        ElementwiseOp::Tanh(_) => vec![
            (-INF, [-1.0, 0.0, 0.0]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, -2.0 * TINY]),
            (INF, [1.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Sigmoid(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-0.0, [0.5, 0.25, 0.0]),
            (TINY, [0.5, 0.25, 0.0]),
            (INF, [1.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Softplus(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-0.0, [LN_2, 0.5, 0.25]),
            (TINY, [LN_2, 0.5, 0.25]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        // The limit of the curvature is 0; e^(-x^2) = 0 times -2x is NaN, in JAX and PyTorch as here.
        ElementwiseOp::Erf(_) => vec![
            (-INF, [-1.0, 0.0, NAN]),
            (-0.0, [-0.0, FRAC_2_SQRT_PI, 0.0]),
            (0.0, [0.0, FRAC_2_SQRT_PI, 0.0]),
            (TINY, [FRAC_2_SQRT_PI * TINY, FRAC_2_SQRT_PI, -2.0 * FRAC_2_SQRT_PI * TINY]),
            (INF, [1.0, 0.0, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Erfc(_) => vec![
            (-INF, [2.0, 0.0, NAN]),
            (-0.0, [1.0, -FRAC_2_SQRT_PI, 0.0]),
            (TINY, [1.0, -FRAC_2_SQRT_PI, 2.0 * FRAC_2_SQRT_PI * TINY]),
            (INF, [0.0, 0.0, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::NormalCdf(_) => vec![
            (-INF, [0.0, 0.0, NAN]),
            (-0.0, [0.5, density, 0.0]),
            (TINY, [0.5, density, -density * TINY]),
            (INF, [1.0, 0.0, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::NormalPdf(_) => vec![
            (-INF, [0.0, NAN, NAN]),
            (-0.0, [density, 0.0, -density]),
            (TINY, [density, -density * TINY, -density]),
            (INF, [0.0, NAN, NAN]),
            (NAN, [NAN; 3]),
        ],
        // -inf Phi(-inf) = -inf 0, although the limit is -0: NaN in JAX and PyTorch too.
        ElementwiseOp::Gelu(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [-0.0, 0.5, 2.0 * density]),
            (0.0, [0.0, 0.5, 2.0 * density]),
            (TINY, [0.5 * TINY, 0.5, 2.0 * density]),
            (INF, [INF, NAN, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Exp(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-0.0, [1.0, 1.0, 1.0]),
            (TINY, [1.0, 1.0, 1.0]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Expm1(_) => vec![
            (-INF, [-1.0, 0.0, 0.0]),
            (-0.0, [-0.0, 1.0, 1.0]),
            (0.0, [0.0, 1.0, 1.0]),
            (TINY, [TINY, 1.0, 1.0]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        // Outside the domain the value is NaN and the slope is still 1/x.
        ElementwiseOp::Ln(_) => vec![
            (-INF, [NAN, 0.0, 0.0]),
            (-1.0, [NAN, -1.0, -1.0]),
            (-0.0, [-INF, -INF, -INF]),
            (0.0, [-INF, INF, -INF]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Ln1p(_) => vec![
            (-INF, [NAN, 0.0, 0.0]),
            (-1.0, [-INF, INF, -INF]),
            (-0.0, [-0.0, 1.0, -1.0]),
            (0.0, [0.0, 1.0, -1.0]),
            (TINY, [TINY, 1.0, -1.0]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Sin(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, -TINY]),
            (INF, [NAN; 3]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Cos(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [1.0, 0.0, -1.0]),
            (TINY, [1.0, -TINY, -1.0]),
            (INF, [NAN; 3]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Sqrt(_) => vec![
            (-INF, [NAN; 3]),
            (-1.0, [NAN; 3]),
            (-0.0, [-0.0, -INF, INF]),
            (0.0, [0.0, INF, -INF]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Recip(_) => vec![
            (-INF, [-0.0, 0.0, 0.0]),
            (-0.0, [-INF, -INF, -INF]),
            (0.0, [INF, -INF, INF]),
            (INF, [0.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Powi(Powi(3)) => vec![
            (-INF, [-INF, INF, -INF]),
            (-0.0, [-0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (TINY, [0.0, 0.0, 6.0 * TINY]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        // 1, even of NaN, as IEEE 754 has it.
        ElementwiseOp::Powi(Powi(0)) => [-INF, -0.0, 0.0, INF, NAN].map(|x| (x, [1.0, 0.0, 0.0])).to_vec(),
        ElementwiseOp::Powi(Powi(1)) => [-INF, -0.0, 0.0, TINY, INF, NAN].map(|x| (x, [x, 1.0, 0.0])).to_vec(),
        ElementwiseOp::Powi(Powi(2)) => vec![
            (-INF, [INF, -INF, 2.0]),
            (-0.0, [0.0, 0.0, 2.0]),
            (TINY, [0.0, 2.0 * TINY, 2.0]),
            (INF, [INF, INF, 2.0]),
            (NAN, [NAN, NAN, 2.0]),
        ],
        ElementwiseOp::Powi(Powi(-1)) => vec![
            (-INF, [-0.0, 0.0, 0.0]),
            (-0.0, [-INF, -INF, -INF]),
            (0.0, [INF, -INF, INF]),
            (INF, [0.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Powi(_) => vec![],
    }
}

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

#[test]
fn a_slope_of_zero_times_an_infinite_cotangent_is_nan() {
    let (_, gradient) = value_and_gradient(&[-1.0], &[1], |_, x| x.relu().sqrt());
    assert_same(&gradient, &[NAN], "relu'(-1) sqrt'(0) = 0 inf");
}

#[test]
fn zero_times_infinity_is_nan_in_linear_and_bilinear_ops() {
    let (value, gradient) = value_and_gradient(&[INF, 1.0], &[2], |_, x| x.scale(0.0));
    assert_same(&value, &[NAN, 0.0], "0 x");
    assert_same(&gradient, &[0.0, 0.0], "the slope of 0 x");
    let (value, gradient) =
        value_and_gradient(&[INF, 0.0], &[2], |tape, x| x.times(tape.constant(&[0.0, INF], &[2]).unwrap()).unwrap());
    assert_same(&value, &[NAN, NAN], "x c");
    assert_same(&gradient, &[0.0, INF], "the slope of x c");
}

#[test]
fn nan_stays_in_its_row() {
    let x = [1.0, NAN, 2.0, 3.0];
    let (value, gradient) = value_and_gradient(&x, &[2, 2], |_, x| x.pick(&[0, 1]).unwrap());
    assert_same(&value, &[1.0, 3.0], "pick");
    assert_same(&gradient, &[1.0, 0.0, 0.0, 1.0], "its transpose");
    let (value, gradient) = value_and_gradient(&x, &[2, 2], |_, x| x.sum_axis(1).unwrap());
    assert_same(&value, &[NAN, 5.0], "sum");
    assert_same(&gradient, &[1.0; 4], "its transpose");
}

#[test]
fn empty_axes_give_empty_values_and_zero_sums() {
    let (value, gradient) = value_and_gradient(&[], &[0, 3], |_, x| x.sum_axis(0).unwrap());
    assert_same(&value, &[0.0; 3], "a sum of nothing");
    assert_same(&gradient, &[], "nothing to differentiate by");
    let (value, _) = value_and_gradient(&[], &[0], |_, x| x.sum());
    assert_same(&value, &[0.0], "a sum of nothing");
    let (value, _) = value_and_gradient(&[], &[0], |_, x| x.mean());
    assert_same(&value, &[NAN], "a mean of nothing");
    let (value, gradient) = value_and_gradient(&[1.0, 2.0], &[2], |_, x| x.broadcast(0, 0).unwrap());
    assert_same(&value, &[], "no copies");
    assert_same(&gradient, &[0.0, 0.0], "of which none pulls back");
    let (value, gradient) =
        value_and_gradient(&[1.0, 2.0, 3.0], &[3], |tape, x| tape.constant(&[], &[0, 3]).unwrap().plus(x).unwrap());
    assert_same(&value, &[], "a bias of no rows");
    assert_same(&gradient, &[0.0; 3], "receives nothing");
    let (value, gradient) =
        value_and_gradient(&[], &[2, 0], |tape, x| x.matmul(tape.constant(&[], &[0, 3]).unwrap()).unwrap());
    assert_same(&value, &[0.0; 6], "a product over an empty inner size");
    assert_same(&gradient, &[], "nothing to differentiate by");
    let (value, gradient) =
        value_and_gradient(&[1.0; 6], &[2, 3], |tape, x| x.matmul(tape.constant(&[], &[3, 0]).unwrap()).unwrap());
    assert_same(&value, &[], "a product without columns");
    assert_same(&gradient, &[0.0; 6], "of which none pulls back");
    let (value, _) = value_and_gradient(&[], &[0, 3], |_, x| cross_entropy(x, &[]).unwrap());
    assert_same(&value, &[NAN], "the mean loss of no samples");
    let (value, _) = value_and_gradient(&[], &[0, 3], |_, x| mean_squared_error(x, x).unwrap());
    assert_same(&value, &[NAN], "the mean loss of no samples");
    let (value, _) = value_and_gradient(&[], &[2, 0], |_, x| log_softmax(x).unwrap());
    assert_same(&value, &[], "no classes");
}

#[test]
fn log_softmax_holds_at_ties_and_far_out() {
    let ln3 = 3f64.ln();
    let near = |found: &[f64], expected: &[f64], what: &str| {
        let close = found.iter().zip(expected).all(|(&a, &b)| same(a, b) || (a - b).abs() < 1e-15);
        assert!(close && found.len() == expected.len(), "{what}: {found:?}");
    };
    let picked = |x: &[f64]| value_and_gradient(x, &[1, x.len()], |_, x| log_softmax(x).unwrap().pick(&[0]).unwrap());
    for tie in [0.0, -0.0, 1e300, -1e300, f64::MAX] {
        let (value, gradient) = picked(&[tie; 3]);
        near(&value, &[-ln3], "a tie is shared");
        near(&gradient, &[2.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0], "a tie is shared");
    }
    let (value, gradient) = picked(&[1e300, 0.0]);
    near(&value, &[0.0], "a certain class");
    near(&gradient, &[0.0, 0.0], "a certain class");
    let (value, gradient) = picked(&[0.0, 800.0]);
    near(&value, &[-800.0], "a hopeless class keeps its gradient");
    near(&gradient, &[1.0, -1.0], "a hopeless class keeps its gradient");
    let (value, gradient) = picked(&[0.0, -INF]);
    near(&value, &[0.0], "a class that is masked out");
    near(&gradient, &[0.0, 0.0], "a class that is masked out");
    let (value, _) = picked(&[5.0]);
    near(&value, &[0.0], "one class");
    // As in JAX and PyTorch: inf - inf.
    near(&picked(&[-INF, -INF]).0, &[NAN], "all classes masked out");
    near(&picked(&[INF, 0.0]).0, &[NAN], "an infinite score");
    near(&picked(&[NAN, 0.0]).0, &[NAN], "no score");
}

#[test]
fn constant_factors_keep_an_infinite_primal_out_of_the_tangent() {
    let (value, tangent) = autodiff::derivative(|x| x.scale(2.0).recip(), f64::INFINITY);
    assert_eq!((value, tangent), (0.0, 0.0));
    with_tangents(&[f64::INFINITY], &[1.0], |x| {
        let mut arena = Arena::new();
        let y = arena.tape().leaf(&x, &[1]).unwrap().scale(2.0).tanh();
        assert_eq!((y.value()[0].re, y.value()[0].eps), (1.0, 0.0));
    });
}
