//! Matrices that can be written down.

use ntk::array::Array;
use ntk::loss::{Loss, Targets};
use ntk::operator::{LinearOperator, Matrix, Settings};

use super::Problem;
use crate::numbers::{Random, relative_error};

const TOLERANCE: f64 = 1e-13;

/// `y = x W` with so many inputs and outputs.
fn linear(inputs: usize, outputs: usize, n: usize, loss: Loss) -> Problem {
    let mut problem = Problem::new("mlp:1-1x1-1:identity", 1, Loss::MeanSquaredError, 3);
    let toml = format!(
        "input = [{inputs}]\nlayers = [{{ kind = \"dense\", out = {outputs}, W_std = 1.0, param = \"standard\" }}]\n"
    );
    problem.network = ntk::model::Architecture::from_toml(&toml).unwrap();
    let mut random = Random::new(5);
    problem.parameters = vec![Array::new([inputs, outputs], random.numbers(inputs * outputs)).unwrap()];
    problem.x = Array::new([n, inputs], random.numbers(n * inputs)).unwrap();
    problem.fit.loss = loss;
    problem.fit.targets = match loss {
        Loss::CrossEntropy => Targets::Classes((0..n).map(|i| (i % outputs) as u32).collect()),
        Loss::MeanSquaredError => Targets::Values(Array::new([n, outputs], random.numbers(n * outputs)).unwrap()),
    };
    problem
}

#[test]
fn the_hessian_of_linear_regression_is_the_covariance_of_the_inputs() {
    let (n, d) = (11, 6);
    let problem = linear(d, 1, n, Loss::MeanSquaredError);
    let x = &problem.x.data;
    let expected: Vec<f64> =
        (0..d * d).map(|ij| (0..n).map(|s| x[s * d + ij / d] * x[s * d + ij % d]).sum::<f64>() / n as f64).collect();
    for matrix in [Matrix::Hessian, Matrix::GaussNewton, Matrix::Fisher] {
        let error = relative_error(&problem.dense(matrix), &expected);
        assert!(error < TOLERANCE, "{matrix:?}: {error:.1e}");
    }
}

#[test]
fn the_hessian_of_softmax_regression_is_written_down() {
    // Two outputs are logistic regression in the difference of the logits.
    for (n, d, o) in [(9, 4, 3), (10, 5, 2)] {
        let problem = linear(d, o, n, Loss::CrossEntropy);
        let (x, w) = (&problem.x.data, &problem.parameters[0].data);
        let mut expected = vec![0.0; (d * o) * (d * o)];
        for s in 0..n {
            let f: Vec<f64> = (0..o).map(|c| (0..d).map(|i| x[s * d + i] * w[i * o + c]).sum()).collect();
            let sum: f64 = f.iter().map(|f: &f64| f.exp()).sum();
            let p: Vec<f64> = f.iter().map(|f| f.exp() / sum).collect();
            for (row, column) in (0..d * o).flat_map(|row| (0..d * o).map(move |column| (row, column))) {
                let (i, a, j, b) = (row / o, row % o, column / o, column % o);
                let delta = if a == b { p[a] } else { 0.0 };
                expected[row * d * o + column] += x[s * d + i] * x[s * d + j] * (delta - p[a] * p[b]) / n as f64;
            }
        }
        for matrix in [Matrix::Hessian, Matrix::GaussNewton, Matrix::Fisher] {
            let error = relative_error(&problem.dense(matrix), &expected);
            assert!(error < TOLERANCE, "{matrix:?}: {error:.1e}");
        }
    }
}

/// `a b` or with transposes, of row-major matrices.
fn product(a: &[f64], b: &[f64], [n, k, m]: [usize; 3]) -> Vec<f64> {
    (0..n * m).map(|ij| (0..k).map(|l| a[ij / m * k + l] * b[l * m + ij % m]).sum()).collect()
}

fn transpose(a: &[f64], n: usize, m: usize) -> Vec<f64> {
    (0..n * m).map(|ij| a[ij % n * m + ij / n]).collect()
}

#[test]
fn the_hessian_of_a_two_layer_linear_network_is_written_down() {
    // L = |X A B - Y|^2 / 2n; with R = X A B - Y and dF = X (dA B + A dB):
    // (H v)_A = X^T (dF B^T + R dB^T) / n, (H v)_B = (A^T X^T dF + dA^T X^T R) / n.
    let (n, d, h, o) = (13, 5, 4, 3);
    let mut problem = linear(d, o, n, Loss::MeanSquaredError);
    let toml = format!(
        "input = [{d}]\nlayers = [{{ kind = \"dense\", out = {h}, W_std = 1.0, param = \"standard\" }}, \
         {{ kind = \"dense\", out = {o}, W_std = 1.0, param = \"standard\" }}]\n"
    );
    problem.network = ntk::model::Architecture::from_toml(&toml).unwrap();
    let mut random = Random::new(8);
    let (a, b) = (random.numbers(d * h), random.numbers(h * o));
    let v = random.numbers(d * h + h * o);
    let (da, db) = v.split_at(d * h);
    problem.parameters = vec![Array::new([d, h], a.clone()).unwrap(), Array::new([h, o], b.clone()).unwrap()];
    let x = &problem.x.data;
    let Targets::Values(y) = &problem.fit.targets else { unreachable!() };
    let (xa, xda) = (product(x, &a, [n, d, h]), product(x, da, [n, d, h]));
    let residual: Vec<f64> = product(&xa, &b, [n, h, o]).iter().zip(&y.data).map(|(f, y)| f - y).collect();
    let df: Vec<f64> =
        product(&xda, &b, [n, h, o]).iter().zip(product(&xa, db, [n, h, o])).map(|(p, q)| p + q).collect();
    let inner: Vec<f64> = product(&df, &transpose(&b, h, o), [n, o, h])
        .iter()
        .zip(product(&residual, &transpose(db, h, o), [n, o, h]))
        .map(|(p, q)| p + q)
        .collect();
    let mut expected = product(&transpose(x, n, d), &inner, [d, n, h]);
    expected.extend(
        product(&transpose(&xa, n, h), &df, [h, n, o])
            .iter()
            .zip(product(&transpose(&xda, n, h), &residual, [h, n, o]))
            .map(|(p, q)| p + q),
    );
    expected.iter_mut().for_each(|x| *x /= n as f64);
    let mut found = vec![0.0; v.len()];
    problem.with(Matrix::Hessian, Settings::default(), |hessian| hessian.apply(&v, &mut found).unwrap());
    let error = relative_error(&found, &expected);
    assert!(error < TOLERANCE, "{error:.1e}");
}
