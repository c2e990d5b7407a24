//! Metrics against what they are defined as, computed by other means.

use ntk::contraction::{Method, Observer, Outputs, Settings as KernelSettings, kernel};
use ntk::loss::Loss;
use ntk::train::{Batch, Trainer};

use super::repetition::metrics;
use super::{Case, NEVER, flat, losses};
use crate::numbers::relative_error;

type Training<'c> = Trainer<'c, ntk::model::Architecture, f64>;

/// The columns of some metrics after each of two stretches of steps.
fn measured(case: &Case, names: &[&str], trainer: &mut Training<'_>) -> impl Fn(usize, &str) -> Option<f64> + use<> {
    let mut metrics = metrics(case, names);
    let columns = metrics.columns();
    let mut rows = vec![metrics.measure(trainer).unwrap()];
    for _ in 0..2 {
        losses(trainer, 5);
        rows.push(metrics.measure(trainer).unwrap());
    }
    move |row, column| rows[row].values[columns.iter().position(|c| c == column).unwrap()]
}

#[test]
fn gradient_norm_is_that_of_differences_and_accuracy_a_count() {
    let case = Case::new("mlp:4-6x1-3:tanh", Loss::CrossEntropy, 40);
    let mut trainer = case.trainer(case.descent(0.5));
    let at = measured(&case, &["loss", "accuracy", "gradient-norm"], &mut trainer);
    let weights = trainer.state().weights.clone();
    let task = case.task();
    let loss = |weights: &[ntk::array::Array<f64>]| task.value(weights, Batch::All, &NEVER).unwrap();
    assert_eq!(at(2, "loss").unwrap(), loss(&weights).loss);
    let h = 1e-4;
    let mut square = 0.0;
    for leaf in 0..weights.len() {
        for i in 0..weights[leaf].len() {
            let moved = |by: f64| {
                let mut weights = weights.clone();
                weights[leaf].data[i] += by;
                loss(&weights).loss
            };
            let slope = (8.0 * (moved(h) - moved(-h)) - moved(2.0 * h) + moved(-2.0 * h)) / (12.0 * h);
            square += slope * slope;
        }
    }
    assert!((at(2, "gradient_norm").unwrap() / square.sqrt() - 1.0).abs() < 1e-8);
    let right = (0..40).filter(|&i| {
        let rows = [i];
        task.value(&weights, Batch::Rows { rows: &rows, augment: None }, &NEVER).unwrap().correct == Some(1)
    });
    assert_eq!(at(2, "accuracy").unwrap(), right.count() as f64 / 40.0);
    assert!(at(0, "accuracy").unwrap() < at(2, "accuracy").unwrap());
}

#[test]
fn gradient_noise_is_the_trace_of_a_covariance() {
    let case = Case::new("mlp:4-6x1-3:tanh", Loss::CrossEntropy, 40);
    let mut trainer = case.trainer(case.descent(0.5));
    let at = measured(&case, &["gradient-noise"], &mut trainer);
    let task = case.task();
    let of = |rows: &[usize]| {
        task.gradient(&trainer.state().weights, Batch::Rows { rows, augment: None }, &NEVER).unwrap().gradient
    };
    let each: Vec<Vec<f64>> = (0..40).map(|i| of(&[i])).collect();
    let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    let mean: Vec<f64> = (0..each[0].len()).map(|k| each.iter().map(|g| g[k]).sum::<f64>() / 40.0).collect();
    // tr C = (sum |g_i|^2 - n |g|^2) / (n - 1)
    let trace = (each.iter().map(|g| square(g)).sum::<f64>() - 40.0 * square(&mean)) / 39.0;
    assert!((at(2, "gradient_variance").unwrap() / trace - 1.0).abs() < 1e-10);
    assert!((at(2, "gradient_noise_scale").unwrap() / (trace / square(&mean)) - 1.0).abs() < 1e-10);
}

#[test]
fn distances_of_weights_and_kernels_are_from_the_first_and_velocity_from_the_last() {
    let case = Case::new("mlp:4-6x1-3:tanh,param=standard", Loss::CrossEntropy, 40);
    let mut trainer = case.trainer(case.descent(0.5));
    let at = measured(&case, &["weight-distance", "kernel"], &mut trainer);
    let now = trainer.state().weights.clone();
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let moved = distance(&flat(&now), &flat(&case.weights));
    assert!((at(2, "weight_distance").unwrap() / moved - 1.0).abs() < 1e-13);
    let norm = distance(&case.weights[0].data, &[0.0; 24]);
    let relative = distance(&now[0].data, &case.weights[0].data) / norm;
    assert!((at(2, "weight_change_W0").unwrap() / relative - 1.0).abs() < 1e-13);
    assert_eq!((at(0, "weight_distance"), at(0, "kernel_distance")), (Some(0.0), Some(0.0)));

    // Kernels from the explicit Jacobian.
    let rows: Vec<usize> = (0..6).collect();
    let x = case.samples.inputs.select_rows(&rows).unwrap();
    let explicit = |weights: &[ntk::array::Array<f64>]| {
        let settings = KernelSettings { outputs: Outputs::Full, method: Method::Jacobian, ..Default::default() };
        kernel(&case.model, weights, &x, None, &settings, &Observer::default()).unwrap().kernel
    };
    let mut again = case.trainer(case.descent(0.5));
    losses(&mut again, 5);
    let [first, middle, last] = [&case.weights, &again.state().weights, &now].map(|w| explicit(w));
    let cosine = |a: &[f64], b: &[f64]| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let s = 1.0 - cosine(&first.data, &last.data);
    assert!(s > 1e-3 && (at(2, "kernel_distance").unwrap() / s - 1.0).abs() < 1e-9, "{s}");
    let v = (1.0 - cosine(&middle.data, &last.data)) / 5.0;
    assert!((at(2, "kernel_velocity").unwrap() / v - 1.0).abs() < 1e-7);
    assert_eq!((at(2, "kernel_velocity_dt"), at(0, "kernel_velocity")), (Some(5.0), None));

    // The matrix is [(i, a), (j, b)]; its trace is the sum of its eigenvalues.
    let matrix = faer::Mat::from_fn(18, 18, |row, column| {
        last.data[((row / 3 * 6 + column / 3) * 3 + row % 3) * 3 + column % 3]
    });
    let found = matrix.self_adjoint_eigen(faer::Side::Lower).unwrap();
    let mut values: Vec<f64> = (0..18).map(|i| found.S()[i]).collect();
    values.reverse();
    let top: Vec<f64> = (1..=3).map(|k| at(2, &format!("kernel_eigenvalue_{k}")).unwrap()).collect();
    assert!(relative_error(&top, &values[..3]) < 1e-12);
    let sum: f64 = values.iter().sum();
    let entropy: f64 = values.iter().filter(|v| **v > 0.0).map(|v| -(v / sum) * (v / sum).ln()).sum();
    assert!((at(2, "kernel_rank").unwrap() / entropy.exp() - 1.0).abs() < 1e-10);
    let labels = case.samples.labels.as_ref().unwrap();
    let ideal: Vec<f64> = (0..6 * 6 * 9)
        .map(|at| {
            let (i, j, a, b) = (at / 54, at / 9 % 6, at / 3 % 3, at % 3);
            f64::from(u8::from(labels[i] as usize == a && labels[j] as usize == b))
        })
        .collect();
    assert!((at(2, "kernel_alignment").unwrap() - cosine(&last.data, &ideal)).abs() < 1e-12);
}

/// The eigenvalues of a symmetric matrix given by its columns, ascending.
fn eigenvalues(columns: &[Vec<f64>]) -> Vec<f64> {
    let n = columns.len();
    let matrix = faer::Mat::from_fn(n, n, |i, j| 0.5 * (columns[j][i] + columns[i][j]));
    let found = matrix.self_adjoint_eigen(faer::Side::Lower).unwrap();
    (0..n).map(|i| found.S()[i]).collect()
}

#[test]
fn curvature_is_that_of_the_hessian_by_differences_and_of_the_kernel() {
    let case = Case::new("mlp:4-6x1-3:tanh,param=mup,gamma0=0.5", Loss::MeanSquaredError, 40);
    let rates: Vec<f64> = (0..case.weights.len()).map(|leaf| 1.0 + leaf as f64).collect();
    let settings = ntk::train::Settings { rates: rates.clone(), ..case.descent(0.2) };
    let mut trainer = case.trainer(settings);
    let names = ["sharpness", "preconditioned-sharpness", "hessian-trace", "gauss-newton"];
    let at = measured(&case, &names, &mut trainer);
    let weights = &trainer.state().weights;
    let task = case.task();
    let gradient = |leaf: usize, i: usize, by: f64| {
        let mut weights = weights.clone();
        weights[leaf].data[i] += by;
        task.gradient(&weights, Batch::All, &NEVER).unwrap().gradient
    };
    let h = 1e-3;
    let places: Vec<(usize, usize)> =
        (0..weights.len()).flat_map(|leaf| (0..weights[leaf].len()).map(move |i| (leaf, i))).collect();
    let hessian: Vec<Vec<f64>> = places
        .iter()
        .map(|&(leaf, i)| {
            let [a, b, c, d] = [h, -h, 2.0 * h, -2.0 * h].map(|by| gradient(leaf, i, by));
            (0..a.len()).map(|k| (8.0 * (a[k] - b[k]) - c[k] + d[k]) / (12.0 * h)).collect()
        })
        .collect();
    let top = |columns: &[Vec<f64>]| *eigenvalues(columns).last().unwrap();
    let close = |name: &str, expected: f64| {
        let found = at(2, name).unwrap();
        assert!((found / expected - 1.0).abs() < 1e-5, "{name}: {found} {expected}");
    };
    close("sharpness", top(&hessian));
    let scaled: Vec<Vec<f64>> = hessian
        .iter()
        .zip(&places)
        .map(|(column, (j, _))| {
            column.iter().zip(&places).map(|(x, (i, _))| (rates[*i] * rates[*j]).sqrt() * x).collect()
        })
        .collect();
    close("preconditioned_sharpness", top(&scaled));
    assert!(at(2, "sharpness_residual").unwrap() <= 1e-3 * at(2, "sharpness").unwrap());
    assert_eq!(at(2, "edge"), Some(2.0 / 0.2));
    let trace: f64 = (0..hessian.len()).map(|i| hessian[i][i]).sum();
    let (found, error) = (at(2, "hessian_trace").unwrap(), at(2, "hessian_trace_error").unwrap());
    assert!((found - trace).abs() < 5.0 * error && error < 0.5 * trace, "{found} +- {error}, {trace}");

    // Of squared errors, G = J^T J / n has the eigenvalues of the kernel over n.
    let settings = KernelSettings { outputs: Outputs::Full, method: Method::Jacobian, ..Default::default() };
    let theta =
        kernel(&case.model, weights, &case.samples.inputs, None, &settings, &Observer::default()).unwrap().kernel;
    let entry =
        |row: usize, column: usize| theta.data[((row / 3 * 40 + column / 3) * 3 + row % 3) * 3 + column % 3] / 40.0;
    close("gauss_newton", top(&(0..120).map(|j| (0..120).map(|i| entry(i, j)).collect()).collect::<Vec<_>>()));
    // R = H - G, G from the Jacobian by differences of the outputs.
    let outputs = |leaf: usize, i: usize, by: f64| -> Vec<f64> {
        let mut weights = weights.clone();
        weights[leaf].data[i] += by;
        let mut arena = autodiff::Arena::new();
        let tape = arena.tape::<f64>();
        let x = tape.samples(&case.samples.inputs.data, &[40, 4]).unwrap();
        let leaves: Vec<_> = weights.iter().map(|w| tape.leaf(&w.data, &w.shape).unwrap()).collect();
        ntk::network::Network::apply(&case.model, x, &leaves).unwrap().value().to_vec()
    };
    let jacobian: Vec<Vec<f64>> = places
        .iter()
        .map(|&(leaf, i)| {
            let [a, b, c, d] = [h, -h, 2.0 * h, -2.0 * h].map(|by| outputs(leaf, i, by));
            (0..a.len()).map(|k| (8.0 * (a[k] - b[k]) - c[k] + d[k]) / (12.0 * h)).collect()
        })
        .collect();
    let residual: Vec<Vec<f64>> = hessian
        .iter()
        .zip(&jacobian)
        .map(|(column, of_j)| {
            let g = |of_i: &Vec<f64>| of_i.iter().zip(of_j).map(|(a, b)| a * b).sum::<f64>() / 40.0;
            column.iter().zip(&jacobian).map(|(x, of_i)| x - g(of_i)).collect()
        })
        .collect();
    close("residual_part", top(&residual));
}

#[test]
fn a_metric_that_is_none_and_accuracy_without_classes_are_refused() {
    let case = Case::new("mlp:4-6x1-3:tanh", Loss::MeanSquaredError, 10);
    let options = ntk::metric::Options {
        start: &case.weights,
        names: &case.names,
        classes: false,
        test: false,
        eigenvalues: 1,
        seed: 0,
        tolerance: 1e-3,
        products: 100,
        memory: 1 << 30,
    };
    let probe = ntk::metric::Probe {
        inputs: case.samples.inputs.clone(),
        targets: ntk::array::Array::full([10, 3], 1.0).unwrap(),
    };
    let refused = |name: &str| {
        ntk::metric::Metrics::<ntk::model::Architecture, f64>::new(&[name], &options, None, probe.clone())
            .err()
            .unwrap()
    };
    assert!(refused("sharpnes").to_string().contains("did you mean `sharpness`?"));
    assert!(refused("accuracy").to_string().contains("no classes"));
}
