//! Closed forms against training step by step, singular kernels, ensembles, expansions.

use ntk::array::Array;
use ntk::model::Architecture;
use ntk::predict::{CrossEntropyFlow, Dynamics, Probabilities, Regression, Test, posterior, taylor};

use crate::numbers::{Random, relative_error};

fn random(shape: &[usize], random: &mut Random) -> Array<f64> {
    Array::new(shape, random.numbers(shape.iter().product())).unwrap()
}

/// `x x'^T / width`, of rank at most `width`.
fn gram(x: &Array<f64>, y: &Array<f64>) -> Array<f64> {
    let d = x.row_len();
    let entry = |i: usize, j: usize| (0..d).map(|k| x.data[i * d + k] * y.data[j * d + k]).sum::<f64>() / d as f64;
    let (n, m) = (x.rows(), y.rows());
    Array::new([n, m], (0..n * m).map(|at| entry(at / m, at % m)).collect()).unwrap()
}

fn apply(kernel: &Array<f64>, v: &[f64], o: usize) -> Vec<f64> {
    let (m, n) = (kernel.rows(), kernel.row_len());
    (0..m * o).map(|at| (0..n).map(|j| kernel.data[at / o * n + j] * v[j * o + at % o]).sum()).collect()
}

struct Problem {
    kernel: Array<f64>,
    test_kernel: Array<f64>,
    both: Array<f64>,
    start: Array<f64>,
    start_test: Array<f64>,
    targets: Array<f64>,
}

const O: usize = 3;

/// A kernel of 7 samples of which two are equal, and 4 test samples.
fn problem() -> Problem {
    let mut r = Random::new(11);
    let mut x = random(&[7, 12], &mut r);
    let twin = x.data[..12].to_vec();
    x.data[36..48].copy_from_slice(&twin);
    let z = random(&[4, 12], &mut r);
    Problem {
        kernel: gram(&x, &x),
        test_kernel: gram(&z, &x),
        both: gram(&z, &z),
        start: random(&[7, O], &mut r),
        start_test: random(&[4, O], &mut r),
        targets: random(&[7, O], &mut r),
    }
}

#[test]
fn descent_in_closed_form_is_descent_step_by_step() {
    let p = problem();
    let regression = Regression::new(&p.kernel, O, 0.0).unwrap();
    let limit = regression.max_learning_rate(0.0);
    for (rate, momentum) in [(0.1 * limit, 0.0), (0.95 * limit, 0.0), (0.5 * limit, 0.9)] {
        let steps = 200;
        let (mut f, mut g) = (p.start.data.clone(), p.start_test.data.clone());
        let (mut vf, mut vg) = (vec![0.0; f.len()], vec![0.0; g.len()]);
        for _ in 0..steps {
            let wrong: Vec<f64> = f.iter().zip(&p.targets.data).map(|(f, y)| (f - y) / 7.0).collect();
            let (df, dg) = (apply(&p.kernel, &wrong, O), apply(&p.test_kernel, &wrong, O));
            for (f, (v, d)) in f.iter_mut().zip(vf.iter_mut().zip(df)).chain(g.iter_mut().zip(vg.iter_mut().zip(dg))) {
                *v = momentum * *v - d;
                *f += rate * *v;
            }
        }
        let dynamics = Dynamics::Descent { learning_rate: rate, momentum };
        let test = Some(Test { start: &p.start_test, kernel: &p.test_kernel });
        let found = regression.predict(dynamics, &[f64::from(steps)], &p.start, &p.targets, test).unwrap();
        assert!(relative_error(&found.train.data, &f) < 1e-11, "{rate} {momentum}");
        assert!(relative_error(&found.test.unwrap().data, &g) < 1e-11, "{rate} {momentum}");
    }
}

#[test]
fn a_rate_above_the_highest_diverges_and_one_below_does_not() {
    let p = problem();
    let regression = Regression::new(&p.kernel, O, 0.0).unwrap();
    for momentum in [0.0, 0.9] {
        let limit = regression.max_learning_rate(momentum);
        let at = |rate: f64| {
            let dynamics = Dynamics::Descent { learning_rate: rate, momentum };
            let found = regression.predict::<f64>(dynamics, &[4000.0], &p.start, &p.targets, None).unwrap();
            found.train.data.iter().fold(0.0_f64, |top, x| top.max(x.abs()))
        };
        assert!(at(0.99 * limit) < 10.0 && at(1.01 * limit) > 1e6, "{momentum}");
    }
}

#[test]
fn a_singular_kernel_has_a_limit_without_nan() {
    let p = problem();
    let regression = Regression::new(&p.kernel, O, 0.0).unwrap();
    assert_eq!(regression.rank(), 6);
    let test = Some(Test { start: &p.start_test, kernel: &p.test_kernel });
    let times = [0.0, 1e7, f64::INFINITY];
    let found = regression.predict(Dynamics::Flow, &times, &p.start, &p.targets, test).unwrap();
    let (train, test) = (found.train.data, found.test.unwrap().data);
    assert_eq!(relative_error(&train[..21], &p.start.data), 0.0);
    assert_eq!(relative_error(&test[..12], &p.start_test.data), 0.0);
    assert!(relative_error(&train[21..42], &train[42..]) < 1e-9 && relative_error(&test[12..24], &test[24..]) < 1e-6);
    // What equal samples are told in common is learnt; how they differed at the start they still do.
    for a in 0..O {
        let (f, y, f0) = (&train[42..], &p.targets.data, &p.start.data);
        assert!((f[a] + f[3 * O + a] - y[a] - y[3 * O + a]).abs() < 1e-9);
        assert!((f[a] - f[3 * O + a] - f0[a] + f0[3 * O + a]).abs() < 1e-9);
    }
    let error = posterior(&p.kernel, &p.test_kernel, None, &p.targets, 0.0).unwrap_err();
    assert!(error.code() == 4 && error.to_string().contains("--ridge"), "{error}");
}

#[test]
fn a_kernel_with_a_negative_eigenvalue_is_refused() {
    let mut p = problem();
    p.kernel.data[0] -= 0.5;
    let error = Regression::new(&p.kernel, O, 0.0).unwrap_err();
    assert!(error.to_string().contains("not positive semidefinite") && error.to_string().contains("ridge"), "{error}");
    p.kernel.data[1] += 1.0;
    assert!(Regression::new(&p.kernel, O, 0.0).is_err());
}

#[test]
fn a_shared_kernel_predicts_as_its_full_form() {
    let p = problem();
    let spread = |k: &Array<f64>| {
        let (m, n) = (k.rows(), k.row_len());
        let entry = |at: usize| if at / O % O == at % O { k.data[at / (O * O)] } else { 0.0 };
        Array::new([m, n, O, O], (0..m * n * O * O).map(entry).collect()).unwrap()
    };
    let times = [0.3, 50.0, f64::INFINITY];
    let of = |kernel: &Array<f64>, test: &Array<f64>| {
        let test = Some(Test { start: &p.start_test, kernel: test });
        Regression::new(kernel, O, 1e-2).unwrap().predict(Dynamics::Flow, &times, &p.start, &p.targets, test).unwrap()
    };
    let (shared, full) = (of(&p.kernel, &p.test_kernel), of(&spread(&p.kernel), &spread(&p.test_kernel)));
    assert!(relative_error(&shared.train.data, &full.train.data) < 1e-11);
    assert!(relative_error(&shared.test.unwrap().data, &full.test.unwrap().data) < 1e-11);
}

#[test]
fn covariances_of_ensembles_are_those_of_the_map_that_training_is() {
    // The way from starting to trained outputs is linear: read it off unit starts, and push the prior through.
    let p = problem();
    let mut r = Random::new(5);
    let features = (random(&[7, 20], &mut r), random(&[4, 20], &mut r));
    let (nngp, nngp_test, nngp_both) =
        (gram(&features.0, &features.0), gram(&features.1, &features.0), gram(&features.1, &features.1));
    let times = [0.0, 30.0, f64::INFINITY];
    let zeros = |n: usize| Array::full([n, 1], 0.0).unwrap();
    for dynamics in [Dynamics::Flow, Dynamics::Descent { learning_rate: 0.7, momentum: 0.5 }] {
        let regression = Regression::new(&p.kernel, 1, 0.0).unwrap();
        let found = regression.covariance(dynamics, &times, &p.test_kernel, &nngp, &nngp_test, &nngp_both).unwrap();
        let columns: Vec<Array<f64>> = (0..7)
            .map(|j| {
                let mut start = zeros(7);
                start.data[j] = 1.0;
                let (start_test, targets) = (zeros(4), zeros(7));
                let test = Some(Test { start: &start_test, kernel: &p.test_kernel });
                regression.predict(dynamics, &times, &start, &targets, test).unwrap().test.unwrap()
            })
            .collect();
        for t in 0..3 {
            // f* = f0* + G f0
            let g = |i: usize, j: usize| columns[j].data[t * 4 + i];
            for i in 0..4 {
                for k in 0..4 {
                    let mut expected = nngp_both.data[i * 4 + k];
                    for j in 0..7 {
                        expected += g(i, j) * nngp_test.data[k * 7 + j] + g(k, j) * nngp_test.data[i * 7 + j];
                        expected += (0..7).map(|l| g(i, j) * nngp.data[j * 7 + l] * g(k, l)).sum::<f64>();
                    }
                    let found = found.data[(t * 4 + i) * 4 + k];
                    assert!((found - expected).abs() < 1e-10, "{dynamics:?} {t}: {found} and {expected}");
                }
            }
        }
    }
}

#[test]
fn training_the_read_out_ends_in_the_posterior() {
    let p = problem();
    let ridge = 1e-2;
    let exact = posterior(&p.kernel, &p.test_kernel, Some(&p.both), &p.targets, ridge).unwrap();
    let regression = Regression::new(&p.kernel, O, ridge).unwrap();
    let end = [f64::INFINITY];
    let (start, start_test) = (Array::full([7, O], 0.0).unwrap(), Array::full([4, O], 0.0).unwrap());
    let test = Some(Test { start: &start_test, kernel: &p.test_kernel });
    let mean = regression.predict(Dynamics::Flow, &end, &start, &p.targets, test).unwrap().test.unwrap();
    let covariance = regression.nngp_covariance(Dynamics::Flow, &end, &p.test_kernel, &p.both).unwrap();
    assert!(relative_error(&mean.data, &exact.mean.data) < 1e-11);
    assert!(relative_error(&covariance.data, &exact.covariance.unwrap().data) < 1e-11);
    // The same from the ensemble's formula, where there is no ridge to tell them apart.
    let regression = Regression::new(&p.kernel, O, 0.0).unwrap();
    let times = [2.0, 40.0];
    let a = regression.nngp_covariance(Dynamics::Flow, &times, &p.test_kernel, &p.both).unwrap();
    let b = regression.covariance(Dynamics::Flow, &times, &p.test_kernel, &p.kernel, &p.test_kernel, &p.both).unwrap();
    assert!(relative_error(&a.data, &b.data) < 1e-11);
}

#[test]
fn the_flow_of_cross_entropy_is_descent_in_small_steps() {
    let p = problem();
    let mut targets = Array::full([7, O], 0.0).unwrap();
    (0..7).for_each(|i| targets.data[i * O + i % O] = 1.0);
    let end = 12.0;
    // Halved steps show the order of the error, which is then taken off.
    let descend = |steps: usize| {
        let (mut f, mut g) = (p.start.data.clone(), p.start_test.data.clone());
        for _ in 0..steps {
            let mut wrong = Vec::new();
            for (f, y) in f.chunks_exact(O).zip(targets.data.chunks_exact(O)) {
                let sum: f64 = f.iter().map(|f| f.exp()).sum();
                wrong.extend(f.iter().zip(y).map(|(f, y)| (f.exp() / sum - y) / 7.0 * end / steps as f64));
            }
            let (df, dg) = (apply(&p.kernel, &wrong, O), apply(&p.test_kernel, &wrong, O));
            f.iter_mut().zip(df).chain(g.iter_mut().zip(dg)).for_each(|(f, d)| *f -= d);
        }
        [f, g]
    };
    let (coarse, fine) = (descend(20_000), descend(40_000));
    let test = Some(Test { start: &p.start_test, kernel: &p.test_kernel });
    let found = CrossEntropyFlow::default()
        .predict(&p.kernel, 0.0, &[0.0, 3.0, end], &p.start, Probabilities(&targets), test)
        .unwrap();
    let found = [found.train.data[42..].to_vec(), found.test.unwrap().data[24..].to_vec()];
    for (found, (coarse, fine)) in found.iter().zip(coarse.iter().zip(&fine)) {
        let expected: Vec<f64> = coarse.iter().zip(fine).map(|(c, f)| 2.0 * f - c).collect();
        let error = relative_error(found, &expected);
        assert!(error < 1e-6, "{error:.1e}");
    }
    let refused = |times: &[f64]| {
        CrossEntropyFlow::default()
            .predict::<f64>(&p.kernel, 0.0, times, &p.start, Probabilities(&targets), None)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&[f64::INFINITY]).contains("grow without end") && refused(&[2.0, 1.0]).contains("ascending"));
}

#[test]
fn expansions_of_a_network_miss_it_by_the_next_order() {
    let model = Architecture::parse("mlp:3-6x2-2:tanh").unwrap();
    let mut r = Random::new(3);
    let shapes: Vec<Vec<usize>> = model.parameters().unwrap().into_iter().map(|(_, shape)| shape).collect();
    let p: Vec<Array<f64>> = shapes.iter().map(|s| random(s, &mut r)).collect();
    let d: Vec<Array<f64>> = shapes.iter().map(|s| random(s, &mut r)).collect();
    let x = random(&[4, 3], &mut r);
    let terms = taylor(&model, &p, &d, &x, 3).unwrap();
    for order in 0..4 {
        assert_eq!(taylor(&model, &p, &d, &x, order).unwrap(), terms[..=order]);
        let off = |s: f64| {
            let moved: Vec<Array<f64>> = p
                .iter()
                .zip(&d)
                .map(|(p, d)| {
                    Array::new(p.shape.clone(), p.data.iter().zip(&d.data).map(|(p, d)| p + s * d).collect()).unwrap()
                })
                .collect();
            let exact = &taylor(&model, &moved, &d, &x, 0).unwrap()[0];
            let sum = |i: usize| terms[..=order].iter().rev().fold(0.0, |sum, term| sum * s + term.data[i]);
            (0..8).map(|i| (exact.data[i] - sum(i)).abs()).fold(0.0, f64::max)
        };
        let rate = (off(0.02) / off(0.01)).log2();
        assert!((rate - (order + 1) as f64).abs() < 0.2, "order {order}: {rate:.2}");
    }
}
