//! Verbs against derivatives that were written down by hand.

use autodiff::op::composite::{cross_entropy, log_softmax};
use autodiff::verb::{Inputs, Workspace};
use autodiff::{Real, Result, Tensor, Var, derivative, ggn_vp, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp};

use crate::numbers::{Random, relative_error};

/// `x^T A x / 2 + b^T x` for a column x.
fn quadratic<'a>(x: Inputs<'a, '_, f64>, a: &Tensor<f64>, b: &Tensor<f64>) -> Result<Var<'a, f64>> {
    let tape = x.tape();
    let (a, b) = (tape.constant(tape.keep(a.numbers()), a.shape())?, tape.constant(tape.keep(b.numbers()), b.shape())?);
    a.matmul(x[0])?.times(x[0])?.sum().combine(0.5, b.times(x[0])?.sum(), 1.0)
}

#[test]
fn a_quadratic_has_its_gradient_and_its_symmetric_part_as_hessian() {
    let mut random = Random::new(1);
    let n = 7;
    let a = Tensor::new(&[n, n], random.numbers(n * n)).unwrap();
    let b = Tensor::new(&[n, 1], random.numbers(n)).unwrap();
    let x = [Tensor::new(&[n, 1], random.numbers(n)).unwrap()];
    let v = [Tensor::new(&[n, 1], random.numbers(n)).unwrap()];
    let symmetric = |i: usize, j: usize| 0.5 * (a.numbers()[i * n + j] + a.numbers()[j * n + i]);
    let times = |x: &[f64], i: usize| (0..n).map(|j| symmetric(i, j) * x[j]).sum::<f64>();
    let expected: Vec<f64> = (0..n).map(|i| times(x[0].numbers(), i) + b.numbers()[i]).collect();
    let g = grad(|x| quadratic(x, &a, &b), &x).unwrap();
    assert!(relative_error(g[0].numbers(), &expected) < 1e-14);
    let h = hessian(|x| quadratic(x, &a, &b), &x).unwrap();
    assert_eq!(h[0][0].shape(), [n, 1, n, 1]);
    let expected: Vec<f64> = (0..n * n).map(|at| symmetric(at / n, at % n)).collect();
    assert!(relative_error(h[0][0].numbers(), &expected) < 1e-14);
    let hv = hvp(|x| quadratic(x, &a, &b), &x, &v).unwrap();
    let expected: Vec<f64> = (0..n).map(|i| times(v[0].numbers(), i)).collect();
    assert!(relative_error(hv[0].numbers(), &expected) < 1e-14);
}

/// Rosenbrock's function of a vector: the two halves of every valley are picked by constant matrices.
fn rosenbrock<'a, R: Real>(x: Inputs<'a, '_, R>) -> Result<Var<'a, R>> {
    let (tape, n) = (x.tape(), x[0].value().len());
    let shift = |by: usize| {
        let entry = |at: usize| if at / (n - 1) == at % (n - 1) + by { R::ONE } else { R::ZERO };
        tape.constant(tape.keep_with(n * (n - 1), entry), &[n, n - 1])
    };
    let row = x[0].reshape(&[1, n])?;
    let (here, next) = (row.matmul(shift(0)?)?, row.matmul(shift(1)?)?);
    let one = tape.constant(tape.keep(&[R::ONE]), &[])?;
    let valley = next.minus(here.powi(2))?.powi(2).sum().scale(100.0);
    valley.plus(one.minus(here)?.powi(2).sum())
}

#[test]
fn rosenbrocks_function_has_the_hessian_of_the_textbook() {
    for n in [2, 3, 5, 33] {
        let x: Vec<f64> = (0..n).map(|i| (0.7 * i as f64).sin() + 0.2).collect();
        let at = [Tensor::vector(x.clone())];
        let mut g = vec![0.0; n];
        let mut h = vec![0.0; n * n];
        for i in 0..n - 1 {
            let (a, b) = (x[i], x[i + 1]);
            g[i] += -400.0 * a * (b - a * a) - 2.0 * (1.0 - a);
            g[i + 1] += 200.0 * (b - a * a);
            h[i * n + i] += 1200.0 * a * a - 400.0 * b + 2.0;
            h[i * n + i + 1] -= 400.0 * a;
            h[(i + 1) * n + i] -= 400.0 * a;
            h[(i + 1) * n + i + 1] += 200.0;
        }
        let (value, gradient) = value_and_grad(rosenbrock, &at).unwrap();
        let expected: f64 = x.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum();
        assert!((value - expected).abs() < 1e-13 * expected);
        assert!(relative_error(gradient[0].numbers(), &g) < 1e-13);
        assert!(relative_error(hessian(rosenbrock, &at).unwrap()[0][0].numbers(), &h) < 1e-13, "{n}");
    }
}

#[test]
fn softmax_regression_has_the_hessian_that_its_probabilities_say() {
    let (n, d, c) = (6, 4, 3);
    let mut random = Random::new(2);
    let (x, labels) = (random.numbers(n * d), [0, 2, 1, 1, 0, 2]);
    let w = [Tensor::new(&[d, c], random.numbers(d * c)).unwrap()];
    // d^2 loss / dW_ja dW_kb = mean over samples of x_j x_k (p_a [a = b] - p_a p_b)
    let mut expected = vec![0.0; d * c * d * c];
    for row in x.chunks(d) {
        let logit = |a: usize| (0..d).map(|j| row[j] * w[0].numbers()[j * c + a]).sum::<f64>();
        let norm: f64 = (0..c).map(|a| logit(a).exp()).sum();
        let p: Vec<f64> = (0..c).map(|a| logit(a).exp() / norm).collect();
        for (j, a, k, b) in (0..d * c * d * c).map(|at| (at / (c * d * c), at / (d * c) % c, at / c % d, at % c)) {
            let same = if a == b { p[a] } else { 0.0 };
            expected[((j * c + a) * d + k) * c + b] += row[j] * row[k] * (same - p[a] * p[b]) / n as f64;
        }
    }
    fn model<'a>(w: Inputs<'a, '_, f64>, x: &'a [f64], rows: usize) -> Result<Var<'a, f64>> {
        w.tape().samples(x, &[rows, x.len() / rows])?.matmul(w[0])
    }
    let h = hessian(|w| cross_entropy(model(w, &x, n)?, &labels), &w).unwrap();
    assert_eq!(h[0][0].shape(), [d, c, d, c]);
    assert!(relative_error(h[0][0].numbers(), &expected) < 1e-13);

    // The model is linear in W, so the Gauss-Newton matrix is the Hessian.
    let v = [Tensor::new(&[d, c], random.numbers(d * c)).unwrap()];
    let gauss_newton = ggn_vp(|w| model(w, &x, n), |f| cross_entropy(f[0], &labels), &w, &v).unwrap();
    let product: Vec<f64> =
        expected.chunks(d * c).map(|row| row.iter().zip(v[0].numbers()).map(|(h, v)| h * v).sum()).collect();
    assert!(relative_error(gauss_newton[0].numbers(), &product) < 1e-13);
}

#[test]
fn the_gauss_newton_matrix_leaves_out_the_residuals_curvature() {
    // f = sin w entry by entry, loss = sum (f - y)^2 / 2: J = diag(cos w), so J^T J = diag(cos^2 w); the Hessian has
    // -(f - y) sin w beside it.
    let w = [Tensor::vector([0.3_f64, -1.1, 2.0])];
    let y = [0.5, 0.25, -1.0];
    let v = [Tensor::vector([1.0, -2.0, 0.5])];
    let g =
        ggn_vp(|w| Ok(w[0].sin()), |f| Ok(f[0].minus(f.tape().constant(&y, &[3])?)?.powi(2).sum().scale(0.5)), &w, &v)
            .unwrap();
    let expected: Vec<f64> = w[0].numbers().iter().zip(v[0].numbers()).map(|(w, v)| w.cos() * w.cos() * v).collect();
    assert!(relative_error(g[0].numbers(), &expected) < 1e-15);
}

#[test]
fn a_jacobian_by_rows_and_one_by_columns_are_what_softmax_says() {
    // d ln softmax(x)_i / dx_j = [i = j] - softmax(x)_j; wide and tall by a linear map before or after.
    let x: Vec<f64> = vec![0.2, -0.4, 1.0, 0.1];
    let norm: f64 = x.iter().map(|x| x.exp()).sum();
    let expected: Vec<f64> = (0..16).map(|at| f64::from(u8::from(at / 4 == at % 4)) - x[at % 4].exp() / norm).collect();
    let square = jacobian(|x| log_softmax(x[0]), &[Tensor::vector(x.clone())]).unwrap();
    assert!(relative_error(square[0].numbers(), &expected) < 1e-14);
    // Forty copies of the four rows: more rows than columns, in blocks that do not divide.
    let tall = jacobian(|x| log_softmax(x[0])?.broadcast(0, 10), &[Tensor::vector(x.clone())]).unwrap();
    assert_eq!(tall[0].shape(), [10, 4, 4]);
    assert!(tall[0].numbers().chunks(16).all(|copy| relative_error(copy, &expected) < 1e-14));
    // Forty columns on four rows.
    let wide = Tensor::new(&[10, 4], x.repeat(10)).unwrap();
    let wide = jacobian(|x| log_softmax(x[0].sum_axis(0)?.scale(0.1)), &[wide]).unwrap();
    assert_eq!(wide[0].shape(), [4, 10, 4]);
    for (at, entry) in wide[0].numbers().iter().enumerate() {
        assert!((entry - 0.1 * expected[at / 40 * 4 + at % 4]).abs() < 1e-15);
    }
}

/// The derivative of `e^x sin x`, on a tape of whatever number.
fn slope<R: Real>(x: R) -> R {
    grad(|x| x[0].sin().times(x[0].exp()), &[Tensor::scalar(x)]).unwrap()[0].item().unwrap()
}

/// Its second derivative, by the tangent of the pullback.
fn curvature<R: Real>(x: R) -> R {
    let (at, one) = ([Tensor::scalar(x)], [Tensor::scalar(R::ONE)]);
    hvp(|x| x[0].sin().times(x[0].exp()), &at, &one).unwrap()[0].item().unwrap()
}

#[test]
fn gradients_of_gradients_of_gradients_equal_closed_forms() {
    let x = 0.7_f64;
    let expected = [
        x.exp() * (x.sin() + x.cos()),
        2.0 * x.exp() * x.cos(),
        2.0 * x.exp() * (x.cos() - x.sin()),
        -4.0 * x.exp() * x.sin(),
    ];
    let (second, third) = derivative(|x| derivative(|x| slope(x), x).1, x);
    assert!(relative_error(&[slope(x), second, third], &expected[..3]) < 1e-15);
    let (third, fourth) = derivative(|x| derivative(|x| curvature(x), x).1, x);
    assert!(relative_error(&[curvature(x), third, fourth], &expected[1..]) < 1e-15);
}

#[test]
fn a_recording_answers_for_many_blocks_of_directions() {
    let mut random = Random::new(5);
    let at = [Tensor::new(&[2, 3], random.numbers(6)).unwrap(), Tensor::new(&[3, 2], random.numbers(6)).unwrap()];
    let mut workspace = Workspace::new();
    let mut product = workspace.linearize(|x| x[0].matmul(x[1]), &at).unwrap();
    let matmul = |a: &[f64], b: &[f64]| -> Vec<f64> {
        (0..4).map(|at| (0..3).map(|k| a[at / 2 * 3 + k] * b[k * 2 + at % 2]).sum()).collect()
    };
    for k in [1, 4, 2] {
        let along = [
            Tensor::new(&[k, 2, 3], random.numbers(6 * k)).unwrap(),
            Tensor::new(&[k, 3, 2], random.numbers(6 * k)).unwrap(),
        ];
        let found = product.jvp(&along).unwrap();
        assert_eq!(found.shape(), [k, 2, 2]);
        for (i, found) in found.numbers().chunks(4).enumerate() {
            let (a_dot, b_dot) = (&along[0].numbers()[6 * i..6 * i + 6], &along[1].numbers()[6 * i..6 * i + 6]);
            let (left, right) = (matmul(a_dot, at[1].numbers()), matmul(at[0].numbers(), b_dot));
            let expected: Vec<f64> = left.iter().zip(&right).map(|(l, r)| l + r).collect();
            assert!(relative_error(found, &expected) < 1e-14);
        }
    }
}

#[test]
fn what_the_value_does_not_depend_on_has_zeros() {
    let at = [Tensor::vector([1.0, 2.0]), Tensor::scalar(3.0)];
    let (value, g) = value_and_grad(|x| Ok(x[0].sum()), &at).unwrap();
    assert_eq!((value, g[0].numbers(), g[1].numbers()), (3.0, &[1.0, 1.0][..], &[0.0][..]));
    let (y, y_dot) = jvp(|x| x[0].tape().constant(&[5.0], &[]), &at, &at).unwrap();
    assert_eq!((y.item(), y_dot.item()), (Some(5.0), Some(0.0)));
    let (_, bars) = vjp(|x| x[0].tape().constant(&[5.0], &[]), &at, &Tensor::scalar(1.0)).unwrap();
    assert!(bars.iter().flat_map(|bar| bar.numbers()).all(|&x| x == 0.0));
    // No numbers at all.
    let empty = [Tensor::<f64>::zeros(&[0, 3])];
    assert_eq!(grad(|x| Ok(x[0].sum()), &empty).unwrap()[0].shape(), [0, 3]);
    assert_eq!(hessian(|x| Ok(x[0].sum()), &empty).unwrap()[0][0].shape(), [0, 3, 0, 3]);
    assert_eq!(jacobian(|x| Ok(x[0].exp()), &empty).unwrap()[0].shape(), [0, 3, 0, 3]);
}
