//! Edges of linear and bilinear ops and of composites.

use autodiff::op::composite::{cross_entropy, log_softmax, mean_squared_error};
use autodiff::{Arena, Real, with_tangents};

use super::{INF, NAN, assert_same, same, value_and_gradient};

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
