//! Solvers against dense eigenvalues, closed forms and exact moments.

use std::f64::consts::PI;

use autodiff::Float;
use ntk::loss::Loss;
use ntk::operator::{Curvature, Kernel, LinearOperator, Matrix, Point, Recordings, Settings, Shifted};
use ntk::spectral::{
    Effort, Eigenpairs, End, cg, density, hutch_plus_plus, hutchinson, lanczos, lanczos_within, lobpcg, minres, power,
    xtrace,
};
use rayon::ThreadPoolBuilder;

use super::{Problem, Stored, dense, eigenvalues};
use crate::goldens::cases;
use crate::numbers::{Random, relative_error};

/// The second difference `2, -1`: eigenvalue k is `2 - 2 cos(k pi / (n + 1))`.
struct Difference(usize);

impl<R: Float> LinearOperator<R> for Difference {
    fn dim(&self) -> usize {
        self.0
    }
    fn apply(&self, x: &[R], y: &mut [R]) -> ntk::Result<()> {
        let n = self.0;
        for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
            for i in 0..n {
                let at = |j: usize| x.get(j).copied().unwrap_or(R::ZERO);
                y[i] = x[i] + x[i] - at(i + 1) - if i > 0 { x[i - 1] } else { R::ZERO };
            }
        }
        Ok(())
    }
}

impl Difference {
    fn eigenvalue(&self, k: usize) -> f64 {
        2.0 - 2.0 * (k as f64 * PI / (self.0 + 1) as f64).cos()
    }
}

/// A diagonal matrix.
struct Diagonal(Vec<f64>);

impl LinearOperator<f64> for Diagonal {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) -> ntk::Result<()> {
        let n = self.0.len();
        for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
            (0..n).for_each(|i| y[i] = self.0[i] * x[i]);
        }
        Ok(())
    }
}

fn tight() -> Effort<'static> {
    Effort { tolerance: 1e-11, products: 20_000, ..Effort::default() }
}

#[track_caller]
fn holds<R: Float>(operator: &impl LinearOperator<R>, found: &Eigenpairs<R>, expected: &[f64], tolerance: f64) {
    assert!(found.converged, "{:?} after {} products", found.residuals, found.products);
    let scale = expected.iter().fold(1e-30, |top, x| f64::max(top, x.abs()));
    assert_eq!(found.values.len(), expected.len());
    for (found, expected) in found.values.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance * scale, "{found} for {expected}");
    }
    // What is said of the residuals is so.
    for ((value, residual), v) in found.values.iter().zip(&found.residuals).zip(&found.vectors) {
        let mut image = vec![R::ZERO; v.len()];
        operator.apply(v, &mut image).unwrap();
        let off = image.iter().zip(v).map(|(a, v)| (a.to_f64() - value * v.to_f64()).powi(2)).sum::<f64>().sqrt();
        let length = v.iter().map(|v| v.to_f64().powi(2)).sum::<f64>();
        let rounding = 100.0 * R::EPSILON * scale;
        assert!((length - 1.0).abs() < 100.0 * R::EPSILON, "{length}");
        assert!((off - residual).abs() <= rounding + 0.01 * residual, "{off:.2e} and not {residual:.2e}");
    }
}

#[test]
fn every_solver_finds_the_eigenvalues_of_the_dense_hessian() {
    for problem in [
        Problem::new("mlp:4-6x2-3:tanh", 9, Loss::CrossEntropy, 1),
        Problem::new("mlp:3-5x1-2:gelu,param=standard", 7, Loss::MeanSquaredError, 2),
        Problem::new("resmlp:3-5x2-3:erf", 5, Loss::CrossEntropy, 3),
    ] {
        let p = problem.count();
        let exact = eigenvalues(&problem.dense(Matrix::Hessian), p);
        let bottom: Vec<f64> = exact.iter().rev().take(3).copied().collect();
        let both: Vec<f64> = exact[..3].iter().chain(&bottom).copied().collect();
        let mut magnitude = exact.clone();
        magnitude.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
        problem.with(Matrix::Hessian, Settings::default(), |hessian| {
            let close = 1e-8;
            holds(hessian, &lanczos(hessian, 3, End::Top, &tight()).unwrap(), &exact[..3], close);
            holds(hessian, &lanczos(hessian, 3, End::Bottom, &tight()).unwrap(), &bottom, close);
            holds(hessian, &lanczos(hessian, 3, End::Both, &tight()).unwrap(), &both, close);
            holds(hessian, &lanczos_within(hessian, 3, End::Both, 14, &tight()).unwrap(), &both, close);
            let effort = Effort { tolerance: 1e-9, ..tight() };
            holds(hessian, &lobpcg(hessian, 3, End::Top, None, &effort).unwrap(), &exact[..3], close);
            holds(hessian, &lobpcg(hessian, 3, End::Bottom, None, &effort).unwrap(), &bottom, close);
            holds(
                hessian,
                &power(hessian, 2, 0.0, &Effort { tolerance: 1e-8, ..tight() }).unwrap(),
                &magnitude[..2],
                1e-8,
            );
        });
    }
}

#[test]
fn eigenvalues_of_hessians_are_those_of_jax() {
    for mut case in cases() {
        let fit = match &case.labels {
            Some(labels) => {
                ntk::operator::Fit { loss: Loss::CrossEntropy, targets: ntk::loss::Targets::Classes(labels.clone()) }
            }
            None => {
                ntk::operator::Fit { loss: Loss::MeanSquaredError, targets: ntk::loss::Targets::Values(case.y.clone()) }
            }
        };
        let (mut recordings, settings) = (Recordings::default(), Settings::default());
        let point = Point { network: &case.model, parameters: &case.parameters, x: &case.x1 };
        let hessian = Curvature::new(Matrix::Hessian, point, &fit, &mut recordings, settings).unwrap();
        let found = lanczos(&hessian, 5, End::Both, &tight()).unwrap();
        assert!(found.converged);
        let (top, mut bottom) = (found.values[..5].to_vec(), found.values[5..].to_vec());
        bottom.sort_by(f64::total_cmp);
        drop(hessian);
        case.agrees("eig_top", &[5], &top, 1e-8);
        case.agrees("eig_bottom", &[5], &bottom, 1e-8);
    }
}

#[test]
fn a_users_operator_has_its_closed_form_in_both_numbers() {
    let operator = Difference(120);
    let top: Vec<f64> = (0..4).map(|k| operator.eigenvalue(120 - k)).collect();
    let bottom: Vec<f64> = (1..5).map(|k| operator.eigenvalue(k)).collect();
    let both: Vec<f64> = top.iter().chain(&bottom).copied().collect();
    let found: Eigenpairs<f64> = lanczos_within(&operator, 4, End::Both, 30, &tight()).unwrap();
    holds(&operator, &found, &both, 1e-9);
    assert!(found.products > 30, "it was restarted");
    let found: Eigenpairs<f64> = lobpcg(&operator, 4, End::Top, None, &Effort { tolerance: 1e-7, ..tight() }).unwrap();
    holds(&operator, &found, &top, 1e-9);
    let single = Effort { tolerance: 1e-5, products: 4000, ..Effort::default() };
    let found: Eigenpairs<f32> = lanczos(&operator, 4, End::Top, &single).unwrap();
    assert!(found.converged);
    found.values.iter().zip(&top).for_each(|(found, top)| assert!((found - top).abs() < 1e-5));
    // What f32 cannot hold is not claimed.
    let beyond: Eigenpairs<f32> =
        lanczos(&operator, 4, End::Top, &Effort { tolerance: 1e-12, products: 400, ..single }).unwrap();
    assert!(!beyond.converged || beyond.residuals.iter().all(|r| *r == 0.0), "{:?}", beyond.residuals);
}

#[test]
fn negative_eigenvalues_keep_their_sign() {
    let mut values: Vec<f64> = (0..40).map(|i| f64::from(i) / 40.0).collect();
    values[7] = -5.0;
    values[11] = -3.0;
    let operator = Diagonal(values);
    let found = power(&operator, 2, 0.0, &tight()).unwrap();
    holds(&operator, &found, &[-5.0, -3.0], 1e-9);
    let found = lanczos(&operator, 1, End::Top, &tight()).unwrap();
    holds(&operator, &found, &[39.0 / 40.0], 1e-9);
    let negative = Diagonal(vec![-4.0, -1.0, -2.0]);
    holds(&negative, &lanczos(&negative, 2, End::Top, &tight()).unwrap(), &[-1.0, -2.0], 1e-12);
}

#[test]
fn momentum_needs_fewer_products_and_finds_the_same() {
    let values: Vec<f64> = (0..200).map(|i| 1.0 - 0.003 * f64::from(i)).chain([1.02]).collect();
    let operator = Diagonal(values);
    let effort = Effort { tolerance: 1e-6, products: 100_000, ..Effort::default() };
    let plain = power(&operator, 1, 0.0, &effort).unwrap();
    let heavy = power(&operator, 1, 0.25, &effort).unwrap();
    holds(&operator, &plain, &[1.02], 1e-8);
    holds(&operator, &heavy, &[1.02], 1e-8);
    assert!(3 * heavy.products < plain.products, "{} and {}", heavy.products, plain.products);
}

#[test]
fn multiple_eigenvalues_are_found_by_a_block() {
    let mut values = vec![0.5; 60];
    values.iter_mut().enumerate().for_each(|(i, x)| *x -= i as f64 / 200.0);
    values[3] = 2.0;
    values[30] = 2.0;
    values[59] = 2.0;
    let operator = Diagonal(values);
    let found = lobpcg(&operator, 4, End::Top, None, &Effort { tolerance: 1e-8, ..tight() }).unwrap();
    holds(&operator, &found, &[2.0, 2.0, 2.0, 0.5], 1e-9);
    // A preconditioner helps at the bottom, and changes no answer.
    let operator = Diagonal((1..=400).map(f64::from).collect());
    let inverse = Diagonal((1..=400).map(|i| 1.0 / f64::from(i)).collect());
    let effort = Effort { tolerance: 1e-8, ..tight() };
    let plain = lobpcg(&operator, 3, End::Bottom, None, &effort).unwrap();
    let helped = lobpcg(&operator, 3, End::Bottom, Some(&inverse), &effort).unwrap();
    assert!(helped.converged && 2 * helped.products < plain.products, "{} {}", helped.products, plain.products);
    helped.values.iter().zip([1.0, 2.0, 3.0]).for_each(|(x, y)| assert!((x - y).abs() < 1e-7));
}

#[test]
fn small_and_degenerate_operators_have_answers() {
    let zero = Diagonal(vec![0.0; 9]);
    holds(&zero, &lanczos(&zero, 3, End::Top, &tight()).unwrap(), &[0.0; 3], 1e-12);
    let one = Diagonal(vec![-2.5]);
    holds(&one, &lanczos(&one, 5, End::Both, &tight()).unwrap(), &[-2.5], 1e-15);
    holds(&one, &power(&one, 5, 0.0, &tight()).unwrap(), &[-2.5], 1e-15);
    holds(&one, &lobpcg(&one, 1, End::Top, None, &tight()).unwrap(), &[-2.5], 1e-15);
    let identity = Diagonal(vec![3.0; 20]);
    holds(&identity, &lanczos(&identity, 4, End::Top, &tight()).unwrap(), &[3.0; 4], 1e-12);
    assert!(lanczos(&Diagonal(Vec::new()), 3, End::Top, &tight()).unwrap().values.is_empty());
    let two = Diagonal(vec![1.0, 2.0]);
    holds(&two, &lanczos(&two, 2, End::Both, &tight()).unwrap(), &[2.0, 1.0], 1e-12);
    for n in [3, 5, 33, 34, 64, 65] {
        let operator = Difference(n);
        let all: Vec<f64> = (0..n).map(|k| operator.eigenvalue(n - k)).collect();
        let found: Eigenpairs<f64> = lanczos(&operator, n, End::Top, &tight()).unwrap();
        holds(&operator, &found, &all, 1e-10);
    }
}

#[test]
fn too_few_products_are_said_not_to_have_converged() {
    let operator = Difference(500);
    let effort = Effort { tolerance: 1e-10, products: 7, ..Effort::default() };
    let found: Eigenpairs<f64> = lanczos(&operator, 2, End::Top, &effort).unwrap();
    assert!(!found.converged && found.products == 7 && found.vectors.len() == 2 && found.worst() > 1e-10);
    let found: Eigenpairs<f64> = power(&operator, 1, 0.0, &effort).unwrap();
    assert!(!found.converged && found.products == 7);
    let found: Eigenpairs<f64> = lobpcg(&operator, 2, End::Top, None, &effort).unwrap();
    assert!(!found.converged && found.products <= 8);
}

#[test]
fn a_product_that_is_not_finite_and_an_operator_that_is_not_symmetric_are_refused() {
    struct Skew;
    impl LinearOperator<f64> for Skew {
        fn dim(&self) -> usize {
            2
        }
        fn apply(&self, x: &[f64], y: &mut [f64]) -> ntk::Result<()> {
            (y[0], y[1]) = (x[1], -x[0]);
            Ok(())
        }
        fn is_symmetric(&self) -> bool {
            false
        }
    }
    let broken = Diagonal(vec![1.0, f64::NAN, 2.0]);
    for error in [
        lanczos(&broken, 1, End::Top, &tight()).unwrap_err(),
        power(&broken, 1, 0.0, &tight()).unwrap_err(),
        lobpcg(&broken, 1, End::Top, None, &tight()).unwrap_err(),
        hutchinson(&broken, &tight()).unwrap_err(),
        density(&broken, 1, 2, &tight()).unwrap_err(),
        cg(&broken, &[1.0, 2.0, 3.0], None, &tight()).unwrap_err(),
        minres(&broken, &[1.0, 2.0, 3.0], None, &tight()).unwrap_err(),
    ] {
        assert!(error.code() == 4 && error.to_string().contains("product 1"), "{error}");
    }
    for error in [
        lanczos(&Skew, 1, End::Top, &tight()).unwrap_err(),
        power(&Skew, 1, 0.0, &tight()).unwrap_err(),
        lobpcg(&Skew, 1, End::Top, None, &tight()).unwrap_err(),
        cg(&Skew, &[1.0, 2.0], None, &tight()).unwrap_err(),
        minres(&Skew, &[1.0, 2.0], None, &tight()).unwrap_err(),
    ] {
        assert!(error.code() == 2 && error.to_string().contains("symmetric"), "{error}");
    }
}

#[test]
fn quadrature_has_the_moments_of_its_probes_exactly_and_of_the_spectrum_within_its_errors() {
    let problem = Problem::new("mlp:4-6x2-3:tanh", 9, Loss::CrossEntropy, 1);
    let p = problem.count();
    let exact = eigenvalues(&problem.dense(Matrix::Hessian), p);
    problem.with(Matrix::Hessian, Settings::default(), |hessian| {
        // As many steps as there are eigenvalues leave no error but that of the probes.
        let whole = density(hessian, 24, p, &Effort::default()).unwrap();
        let few = density(hessian, 24, 6, &Effort::default()).unwrap();
        assert_eq!((few.dim, few.products), (p, 24 * 6));
        for power in 0..=11 {
            let of = |x: f64| x.powi(power);
            let (few, whole) = (few.sum(of), whole.sum(of));
            for (few, whole) in few.probes.iter().zip(&whole.probes) {
                assert!((few - whole).abs() <= 1e-10 * whole.abs(), "moment {power}: {few} and {whole}");
            }
            let moment: f64 = exact.iter().map(|&x| of(x)).sum();
            let allowed = 4.5 * few.error.unwrap() + 1e-9 * moment.abs();
            assert!((few.value - moment).abs() <= allowed, "moment {power}: {} and {moment}", few.value);
        }
        // Twice as many moments are not: the twelfth differs.
        let twelfth = |x: f64| x.powi(12);
        assert!((few.sum(twelfth).value / whole.sum(twelfth).value - 1.0).abs() > 1e-10);
        let curve = few.curve(400, 0.01);
        let step = curve.at[1] - curve.at[0];
        assert!((curve.density.iter().sum::<f64>() * step - 1.0).abs() < 1e-3);
        assert_eq!(curve.errors.len(), 400);
    });
}

#[test]
fn the_density_of_a_multiple_of_the_identity_is_one_line() {
    let found = density(&Diagonal(vec![-3.0; 50]), 3, 10, &Effort::default()).unwrap();
    for probe in &found.probes {
        assert!(probe.len() == 1 && (probe[0].0 + 3.0).abs() < 1e-14 && (probe[0].1 - 1.0).abs() < 1e-14);
    }
    let curve = found.curve(11, 0.05);
    assert!(curve.density.iter().all(|x| x.is_finite()));
}

#[test]
fn traces_lie_within_their_errors_and_are_not_biased() {
    // The spectrum of a Gauss-Newton matrix decays, so that sketches pay.
    let problem = Problem::new("mlp:4-6x2-3:tanh", 15, Loss::CrossEntropy, 1);
    let matrix = problem.dense(Matrix::GaussNewton);
    let p = problem.count();
    let trace: f64 = (0..p).map(|i| matrix[i * p + i]).sum();
    let operator = Stored { matrix, n: p };
    type Estimator = fn(&Stored, &Effort<'_>) -> ntk::Result<ntk::spectral::Estimate>;
    let estimators: [(&str, Estimator); 3] = [
        ("hutchinson", |a, effort| hutchinson(a, effort)),
        ("hutch++", |a, effort| hutch_plus_plus(a, effort)),
        ("xtrace", |a, effort| xtrace(a, effort)),
    ];
    let mut spread = Vec::new();
    for (name, estimate) in estimators {
        let all: Vec<f64> = (0..200)
            .map(|seed| {
                let found = estimate(&operator, &Effort { products: 36, seed, ..Effort::default() }).unwrap();
                assert!(found.products <= 36);
                let error = found.error.unwrap();
                assert!(
                    (found.value - trace).abs() < 8.0 * error + 1e-9 * trace,
                    "{name} {seed}: {} +- {error} for {trace}",
                    found.value
                );
                found.value
            })
            .collect();
        let mean = all.iter().sum::<f64>() / 200.0;
        let deviation = (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        assert!((mean - trace).abs() < 4.0 * deviation / 200_f64.sqrt(), "{name}: {mean} for {trace}");
        spread.push(deviation);
    }
    assert!(spread[1] < 0.5 * spread[0] && spread[2] < spread[1], "{spread:?}");
}

#[test]
fn a_sketch_of_all_there_is_gives_the_trace() {
    let mut values = vec![0.0; 300];
    values[3] = 2.0;
    values[100] = -7.5;
    values[255] = 1e-3;
    let operator = Diagonal(values);
    for found in [
        hutch_plus_plus(&operator, &Effort { products: 30, ..Effort::default() }).unwrap(),
        xtrace(&operator, &Effort { products: 30, ..Effort::default() }).unwrap(),
        xtrace(&Diagonal(vec![2.0, -7.5, 1e-3]), &Effort { products: 30, ..Effort::default() }).unwrap(),
    ] {
        assert!((found.value + 5.499).abs() < 1e-11, "{}", found.value);
    }
}

#[test]
fn systems_are_solved_and_the_residual_is_what_is_said() {
    let problem = Problem::new("mlp:3-6x1-2:tanh", 8, Loss::CrossEntropy, 4);
    let p = problem.count();
    let b = Random::new(6).numbers(p);
    let effort = Effort { tolerance: 1e-12, products: 2000, ..Effort::default() };
    let residual = |matrix: &[f64], shift: f64, x: &[f64]| -> Vec<f64> {
        (0..p).map(|i| b[i] - shift * x[i] - (0..p).map(|j| matrix[i * p + j] * x[j]).sum::<f64>()).collect()
    };
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let gauss_newton = problem.dense(Matrix::GaussNewton);
    problem.with(Matrix::GaussNewton, Settings::default(), |operator| {
        let damped = Shifted(operator, 0.1);
        for found in [cg(&damped, &b, None, &effort).unwrap(), minres(&damped, &b, None, &effort).unwrap()] {
            let left = norm(&residual(&gauss_newton, 0.1, &found.solution));
            assert!(found.converged && left < 1e-10 * norm(&b), "{left:.1e}");
            assert!(found.history.len() == found.iterations + 1 && found.products == found.iterations);
        }
    });
    // A Hessian is indefinite: CG says so, MINRES does not mind.
    let hessian = problem.dense(Matrix::Hessian);
    let values = eigenvalues(&hessian, p);
    assert!(values[p - 1] < -1e-3);
    problem.with(Matrix::Hessian, Settings::default(), |operator| {
        let shifted = Shifted(operator, 0.3 * values[p - 1].abs());
        let refused = cg(&shifted, &b, None, &effort).unwrap_err();
        assert!(refused.code() == 4 && refused.to_string().contains("MINRES"), "{refused}");
        let found = minres(&shifted, &b, None, &effort).unwrap();
        let left = norm(&residual(&hessian, 0.3 * values[p - 1].abs(), &found.solution));
        assert!(found.converged && left < 1e-9 * norm(&b), "{left:.1e}");
        assert!(found.history.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12)), "its residual never grows");
    });
}

#[test]
fn preconditioners_help_and_bad_ones_are_refused() {
    let n = 300;
    let operator = Diagonal((0..n).map(|i| 1.0 + f64::from(i * i)).collect());
    let inverse = Diagonal((0..n).map(|i| 1.0 / (1.0 + f64::from(i * i))).collect());
    let b = Random::new(3).numbers(n as usize);
    let effort = Effort { tolerance: 1e-10, products: 5000, ..Effort::default() };
    let expected: Vec<f64> = b.iter().zip(&operator.0).map(|(b, a)| b / a).collect();
    for solve in
        [cg::<f64>, minres::<f64>] as [fn(&Diagonal, &[f64], Option<&dyn LinearOperator<f64>>, &Effort<'_>) -> _; 2]
    {
        let (plain, helped) =
            (solve(&operator, &b, None, &effort).unwrap(), solve(&operator, &b, Some(&inverse), &effort).unwrap());
        assert!(plain.converged && helped.converged && 20 * helped.iterations < plain.iterations);
        assert!(relative_error(&helped.solution, &expected) < 1e-8);
        let negative = Diagonal(vec![-1.0; n as usize]);
        let refused = solve(&operator, &b, Some(&negative), &effort).unwrap_err().to_string();
        assert!(refused.contains("preconditioner"), "{refused}");
        assert!(solve(&operator, &b[1..], None, &effort).unwrap_err().to_string().contains("right-hand side"));
        let nothing = solve(&operator, &vec![0.0; n as usize], None, &effort).unwrap();
        assert!(nothing.converged && nothing.products == 0 && nothing.solution.iter().all(|x| *x == 0.0));
        let short = solve(&operator, &b, None, &Effort { products: 5, ..effort }).unwrap();
        assert!(!short.converged && short.products == 5 && short.residual <= short.history[0]);
    }
}

#[test]
fn solvers_have_the_same_bits_for_every_thread_count() {
    // Vectors of several pieces, samples of several blocks.
    let problem = Problem::new("mlp:20-90x2-3:tanh", 700, Loss::CrossEntropy, 21);
    assert!(problem.count() > 2 * 4096);
    let mut expected: Option<Vec<u64>> = None;
    for threads in [1, 2, 3, 7] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found: Vec<u64> = pool.install(|| {
            problem.with(Matrix::Hessian, Settings::default(), |hessian| {
                let effort = Effort { tolerance: 1e-4, products: 24, ..Effort::default() };
                let mut all = Vec::new();
                for found in [
                    lanczos(hessian, 2, End::Both, &effort).unwrap(),
                    lobpcg(hessian, 2, End::Top, None, &effort).unwrap(),
                    power(hessian, 1, 0.0, &effort).unwrap(),
                ] {
                    all.extend(found.values);
                    all.extend(found.residuals);
                    all.extend(found.vectors.concat());
                }
                let measure = density(hessian, 2, 5, &effort).unwrap();
                all.extend(measure.probes.concat().iter().flat_map(|&(x, w)| [x, w]));
                all.push(xtrace(hessian, &effort).unwrap().value);
                all.extend(minres(hessian, &vec![1.0; problem.count()], None, &effort).unwrap().solution);
                all.iter().map(|x| x.to_bits()).collect()
            })
        });
        assert!(*expected.get_or_insert_with(|| found.clone()) == found, "{threads} threads");
    }
}

#[test]
fn the_kernel_operator_has_the_largest_eigenvalue_of_the_kernel() {
    let problem = Problem::new("mlp:4-8x2-2:relu", 30, Loss::MeanSquaredError, 9);
    let mut recordings = Recordings::default();
    let kernel = Kernel::new(problem.point(), &mut recordings, Settings::default()).unwrap();
    let exact = eigenvalues(&dense(&kernel), 60);
    holds(&kernel, &lanczos(&kernel, 4, End::Top, &tight()).unwrap(), &exact[..4], 1e-10);
    let of_parameters = problem.with(Matrix::GaussNewton, Settings::default(), |gauss_newton| {
        lanczos(gauss_newton, 1, End::Top, &tight()).unwrap().values[0]
    });
    assert!((of_parameters * 30.0 / exact[0] - 1.0).abs() < 1e-10);
}
