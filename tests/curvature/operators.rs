//! Operators against dense matrices from explicit Jacobians, and against themselves in blocks, threads and memory.

use autodiff::sweep::{PerSample, Pool, pullback};
use autodiff::{Arena, Real, Var};
use ntk::array::Array;
use ntk::contraction::{self, Observer, Outputs};
use ntk::loss::{Loss, Targets};
use ntk::network::Network;
use ntk::operator::{
    Curvature, Fit, Kernel, LinearOperator, Matrix, Point, Recordings, Scaled, Scratch, Settings, Shifted, Sum,
};
use rayon::ThreadPoolBuilder;

use super::{Problem, dense, eigenvalues};
use crate::goldens::cases;
use crate::numbers::{Random, relative_error};

const ALL: [Matrix; 4] = [Matrix::Hessian, Matrix::GaussNewton, Matrix::Fisher, Matrix::EmpiricalFisher];

/// Presets with residual blocks, every kind of curvature, and samples that fill blocks unevenly.
fn problems() -> Vec<Problem> {
    vec![
        Problem::new("mlp:4-6x2-3:tanh", 9, Loss::CrossEntropy, 1),
        Problem::new("mlp:3-5x1-2:gelu,param=standard", 7, Loss::MeanSquaredError, 2),
        Problem::new("resmlp:3-5x2-3:relu", 5, Loss::CrossEntropy, 3),
        Problem::new("mlp:4-6x2-1:erf", 3, Loss::MeanSquaredError, 4),
        Problem::new("mlp:2-4x1-2:sigmoid", 1, Loss::CrossEntropy, 5),
    ]
}

/// Outputs `[n, o]` and the explicit Jacobian `[o, n, P]`.
fn jacobian(problem: &Problem) -> (Vec<f64>, Vec<f64>) {
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let x = tape.samples(&problem.x.data, &problem.x.shape).unwrap();
    let leaves: Vec<_> = problem.parameters.iter().map(|p| tape.leaf(&p.data, &p.shape).unwrap()).collect();
    let f = problem.network.apply(x, &leaves).unwrap();
    let (n, o) = (f.shape()[0], f.shape()[1]);
    let mut seeds = vec![0.0; o * n * o];
    (0..o).for_each(|a| (0..n).for_each(|i| seeds[(a * n + i) * o + a] = 1.0));
    let lengths: Vec<usize> = problem.parameters.iter().map(Array::len).collect();
    let mut sink = PerSample::new(&lengths);
    pullback(f, &seeds, o, &mut sink, &mut pool).unwrap();
    (f.value().to_vec(), sink.into_rows())
}

fn softmax(f: &[f64]) -> Vec<f64> {
    let sum: f64 = f.iter().map(|f| f.exp()).sum();
    f.iter().map(|f| f.exp() / sum).collect()
}

#[test]
fn hessian_vector_products_are_those_of_jax() {
    for mut case in cases() {
        let fit = match &case.labels {
            Some(labels) => Fit { loss: Loss::CrossEntropy, targets: Targets::Classes(labels.clone()) },
            None => Fit { loss: Loss::MeanSquaredError, targets: Targets::Values(case.y.clone()) },
        };
        let point = Point { network: &case.model, parameters: &case.parameters, x: &case.x1 };
        let (mut gradient, scratch) = (vec![0.0; point.count()], Scratch::default());
        let loss = point.gradient(&fit, &mut gradient, &scratch, &Settings::default()).unwrap();
        let mut product = vec![0.0; point.count()];
        let mut recordings = Recordings::default();
        let hessian = Curvature::new(Matrix::Hessian, point, &fit, &mut recordings, Settings::default()).unwrap();
        hessian.apply(&case.v.data, &mut product).unwrap();
        drop(hessian);
        case.agrees("loss", &[], &[loss], 1e-12);
        case.agrees("grad", &[gradient.len()], &gradient, 1e-10);
        case.agrees("hv", &[product.len()], &product, 1e-10);
    }
}

#[test]
fn gauss_newton_and_fisher_matrices_are_those_of_the_explicit_jacobian() {
    for problem in problems() {
        let (f, jacobian) = jacobian(&problem);
        let (n, p) = (problem.x.rows(), problem.count());
        let o = f.len() / n;
        let row = |i: usize, a: usize| &jacobian[(a * n + i) * p..][..p];
        let (mut gauss_newton, mut fisher, mut empirical) = (vec![0.0; p * p], vec![0.0; p * p], vec![0.0; p * p]);
        let outer = |to: &mut [f64], g: &[f64], h: &[f64], weight: f64| {
            for (to, g) in to.chunks_exact_mut(p).zip(g) {
                to.iter_mut().zip(h).for_each(|(to, h)| *to += weight * g * h);
            }
        };
        for i in 0..n {
            let f = &f[i * o..(i + 1) * o];
            // The gradient of a sample's loss by its outputs, were its label c, with the probability of that.
            let along =
                |slope: &[f64]| -> Vec<f64> { (0..p).map(|k| (0..o).map(|a| slope[a] * row(i, a)[k]).sum()).collect() };
            match &problem.fit.targets {
                Targets::Classes(labels) => {
                    let prob = softmax(f);
                    let slope =
                        |c: usize| -> Vec<f64> { (0..o).map(|a| prob[a] - f64::from(u8::from(a == c))).collect() };
                    for (c, p) in prob.iter().enumerate() {
                        let g = along(&slope(c));
                        outer(&mut fisher, &g, &g, p / n as f64);
                    }
                    for (a, b) in (0..o).flat_map(|a| (0..o).map(move |b| (a, b))) {
                        let h = if a == b { prob[a] } else { 0.0 } - prob[a] * prob[b];
                        outer(&mut gauss_newton, row(i, a), row(i, b), h / n as f64);
                    }
                    let g = along(&slope(labels[i] as usize));
                    outer(&mut empirical, &g, &g, 1.0 / n as f64);
                }
                Targets::Values(y) => {
                    for a in 0..o {
                        outer(&mut gauss_newton, row(i, a), row(i, a), 1.0 / n as f64);
                    }
                    fisher.clone_from(&gauss_newton);
                    let slope: Vec<f64> = (0..o).map(|a| f[a] - y.data[i * o + a]).collect();
                    let g = along(&slope);
                    outer(&mut empirical, &g, &g, 1.0 / n as f64);
                }
            }
        }
        for (matrix, expected) in
            [(Matrix::GaussNewton, gauss_newton), (Matrix::Fisher, fisher), (Matrix::EmpiricalFisher, empirical)]
        {
            let error = relative_error(&problem.dense(matrix), &expected);
            assert!(error < 1e-12, "{matrix:?} of {:?}: {error:.1e}", problem.fit.loss);
        }
    }
}

#[test]
fn gauss_newton_is_the_hessian_where_the_residuals_vanish_and_not_elsewhere() {
    let mut problem = Problem::new("mlp:4-7x2-3:tanh", 6, Loss::MeanSquaredError, 7);
    let apart = relative_error(&problem.dense(Matrix::GaussNewton), &problem.dense(Matrix::Hessian));
    assert!(apart > 1e-2, "{apart:.1e}");
    let (f, _) = jacobian(&problem);
    problem.fit.targets = Targets::Values(Array::new([6, 3], f).unwrap());
    let error = relative_error(&problem.dense(Matrix::GaussNewton), &problem.dense(Matrix::Hessian));
    assert!(error < 1e-13, "{error:.1e}");
}

#[test]
fn the_largest_gauss_newton_eigenvalue_of_a_squared_error_is_that_of_the_kernel_over_n() {
    let problem = Problem::new("mlp:4-8x2-2:relu", 6, Loss::MeanSquaredError, 9);
    let (n, p) = (6, problem.count());
    let mut recordings = Recordings::default();
    let kernel = dense(&Kernel::new(problem.point(), &mut recordings, Settings::default()).unwrap());
    let of_kernel = eigenvalues(&kernel, 2 * n);
    let of_parameters = eigenvalues(&problem.dense(Matrix::GaussNewton), p);
    for (large, small) in of_kernel.iter().zip(&of_parameters) {
        assert!((large / n as f64 - small).abs() < 1e-12 * of_kernel[0], "{large} {small}");
    }
}

#[test]
fn the_kernel_operator_is_the_kernel() {
    for problem in problems() {
        let mut recordings = Recordings::default();
        let found = dense(&Kernel::new(problem.point(), &mut recordings, Settings::default()).unwrap());
        let settings = contraction::Settings { outputs: Outputs::Full, ..contraction::Settings::default() };
        let (network, p) = (&problem.network, &problem.parameters);
        let kernel = contraction::kernel(network, p, &problem.x, None, &settings, &Observer::default()).unwrap().kernel;
        let (n, o) = (kernel.shape[0], kernel.shape[2]);
        let entry =
            |row: usize, column: usize| kernel.data[((row / o * n + column / o) * o + row % o) * o + column % o];
        let expected: Vec<f64> = (0..(n * o) * (n * o)).map(|ij| entry(ij / (n * o), ij % (n * o))).collect();
        assert!(relative_error(&found, &expected) < 1e-12);
    }
}

#[test]
fn products_have_the_same_bits_for_every_thread_count_and_memory() {
    // Enough samples for several blocks a part.
    let problem = Problem::new("mlp:5-16x2-3:gelu", 2600, Loss::CrossEntropy, 11);
    let v = Random::new(12).numbers(2 * problem.count());
    let mut expected: Option<Vec<Vec<u64>>> = None;
    for (threads, memory) in [(1, u64::MAX), (2, u64::MAX), (3, 0), (7, 600 << 10), (1, 0)] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found: Vec<Vec<u64>> = pool.install(|| {
            let settings = Settings { memory, ..Settings::default() };
            let mut all: Vec<Vec<u64>> = ALL
                .iter()
                .map(|&matrix| {
                    problem.with(matrix, settings, |operator| {
                        let (stay, blocks) = operator.resident();
                        assert!(
                            match memory {
                                0 => stay == 0,
                                u64::MAX => stay == blocks,
                                _ => stay > 0 && stay < blocks,
                            },
                            "{stay} of {blocks}"
                        );
                        let mut y = vec![0.0; v.len()];
                        operator.apply(&v, &mut y).unwrap();
                        // Again, in buffers that hold other numbers by now.
                        operator.apply(&v, &mut y).unwrap();
                        y.iter().map(|y| y.to_bits()).collect()
                    })
                })
                .collect();
            let mut recordings = Recordings::default();
            let kernel = Kernel::new(problem.point(), &mut recordings, settings).unwrap();
            let mut y = vec![0.0; kernel.dim()];
            kernel.apply(&Random::new(4).numbers(kernel.dim()), &mut y).unwrap();
            all.push(y.iter().map(|y| y.to_bits()).collect());
            let mut gradient = vec![0.0; problem.count()];
            let scratch = Scratch::default();
            problem.point().gradient(&problem.fit, &mut gradient, &scratch, &Settings::default()).unwrap();
            all.push(gradient.iter().map(|y| y.to_bits()).collect());
            all
        });
        assert!(*expected.get_or_insert_with(|| found.clone()) == found, "{threads} threads, {memory} bytes");
    }
}

#[test]
fn a_block_of_vectors_is_one_vector_after_another() {
    let problem = Problem::new("mlp:3-5x1-2:tanh", 6, Loss::CrossEntropy, 13);
    let p = problem.count();
    let v = Random::new(1).numbers(3 * p);
    problem.with(Matrix::Hessian, Settings::default(), |hessian| {
        let (mut together, mut apart) = (vec![0.0; 3 * p], vec![0.0; 3 * p]);
        hessian.apply(&v, &mut together).unwrap();
        for (v, y) in v.chunks(p).zip(apart.chunks_mut(p)) {
            hessian.apply(v, y).unwrap();
        }
        assert_eq!(together, apart);
        let refused = hessian.apply(&v[..p + 1], &mut together[..p + 1]).unwrap_err().to_string();
        assert!(refused.contains("parameters"), "{refused}");
    });
}

#[test]
fn a_matrix_of_some_layers_is_the_block_of_the_whole() {
    let problem = Problem::new("mlp:3-4x2-2:gelu", 5, Loss::CrossEntropy, 15);
    let p = problem.count();
    let mut at = 0;
    // The second layer's weights and the last bias.
    let kept: Vec<usize> = problem
        .parameters
        .iter()
        .enumerate()
        .flat_map(|(leaf, parameter)| {
            at += parameter.len();
            if leaf == 2 || leaf == 5 { (at - parameter.len()..at).collect() } else { Vec::new() }
        })
        .collect();
    for matrix in ALL {
        let whole = problem.dense(matrix);
        let mut recordings = Recordings::default();
        let chosen = |leaf: usize| leaf == 2 || leaf == 5;
        let (point, settings) = (problem.point(), Settings::default());
        let part = Curvature::of_layers(matrix, point, &problem.fit, &mut recordings, settings, chosen).unwrap();
        assert_eq!(part.dim(), kept.len());
        let expected: Vec<f64> =
            kept.iter().flat_map(|&i| kept.iter().map(move |&j| (i, j))).map(|(i, j)| whole[i * p + j]).collect();
        assert!(relative_error(&dense(&part), &expected) < 1e-13, "{matrix:?}");
    }
}

#[test]
fn sums_shifts_and_multiples_are_what_they_say() {
    let problem = Problem::new("mlp:2-3x1-2:tanh", 4, Loss::CrossEntropy, 17);
    let (hessian, gauss_newton) = (problem.dense(Matrix::Hessian), problem.dense(Matrix::GaussNewton));
    let p = problem.count();
    problem.with(Matrix::Hessian, Settings::default(), |h| {
        problem.with(Matrix::GaussNewton, Settings::default(), |g| {
            // The part of the Hessian that Gauss-Newton leaves out, and a damping.
            let rest = Shifted(Sum::new(h, Scaled(g, -1.0)).unwrap(), 0.5);
            assert!(!LinearOperator::<f64>::is_positive(&rest) && LinearOperator::<f64>::is_positive(&Shifted(g, 0.5)));
            let expected: Vec<f64> = (0..p * p)
                .map(|ij| hessian[ij] - gauss_newton[ij] + if ij / p == ij % p { 0.5 } else { 0.0 })
                .collect();
            assert!(relative_error(&dense(&rest), &expected) < 1e-14);
            assert!(Sum::new::<f64>(h, super::Stored { matrix: vec![1.0], n: 1 }).is_err());
        });
    });
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    let mut problem = Problem::new("mlp:3-4x1-2:relu", 9, Loss::CrossEntropy, 19);
    problem.x.data[3 * 4] = f64::NAN; // Sample 4, in the second block.
    for matrix in ALL {
        let mut recordings = Recordings::default();
        let made = Curvature::new(matrix, problem.point(), &problem.fit, &mut recordings, Settings::default());
        let error = made.err().unwrap();
        assert_eq!(error.code(), 4);
        assert!(error.to_string().contains("sample 4"), "{error}");
    }
}

/// A network that mixes its samples.
struct Centred;

impl Network for Centred {
    fn input(&self) -> ntk::Result<Vec<usize>> {
        Ok(vec![2])
    }
    fn parameters(&self) -> ntk::Result<Vec<Vec<usize>>> {
        Ok(vec![vec![2, 1]])
    }
    fn outputs(&self) -> ntk::Result<usize> {
        Ok(1)
    }
    fn apply<'a, R: Real>(&self, x: Var<'a, R>, p: &[Var<'a, R>]) -> autodiff::Result<Var<'a, R>> {
        let y = x.matmul(p[0])?;
        let n = y.shape()[0];
        y.minus(y.sum_axis(0)?.scale(1.0 / n as f64).broadcast(0, n)?)
    }
    fn footprint(&self) -> ntk::Result<ntk::network::Footprint> {
        Ok(ntk::network::Footprint { values: 4, ..Default::default() })
    }
}

#[test]
fn a_network_that_mixes_samples_is_refused_where_blocks_would_change_it() {
    let parameters = [Array::new([2, 1], vec![0.3, -0.4]).unwrap()];
    let x = Array::new([5, 2], Random::new(2).numbers(10)).unwrap();
    let targets = Targets::Values(Array::new([5, 1], vec![0.0; 5]).unwrap());
    let fit = Fit { loss: Loss::MeanSquaredError, targets };
    let point = Point { network: &Centred, parameters: &parameters, x: &x };
    let mut recordings = Recordings::default();
    let made = Curvature::new(Matrix::Hessian, point, &fit, &mut recordings, Settings::default());
    let error = made.err().unwrap().to_string();
    assert!(error.contains("samples"), "{error}");
}
