use super::descent::start;
use super::network::{Param, Shape, samples};
use super::{grid, half_octaves};
use crate::array::Array;
use crate::contraction::{self, Observer, Outputs};
use crate::experiment::Lab;
use crate::loss::{Loss, Targets};
use crate::operator::{Curvature, Fit, Matrix, Point, Recordings, Settings};
use crate::spectral::dense::eigenvalues;
use crate::spectral::{Effort, End, lanczos};

#[test]
fn the_gauss_newton_matrix_has_the_kernels_eigenvalues_over_the_number_of_samples() {
    for shape in [Shape::Mlp { width: 24 }, Shape::Residual { width: 16, blocks: 3, layers: 2, exponent: 0.5 }] {
        let data = samples(&Lab::default(), "digits", 3, 8).unwrap();
        let model = shape.network(64, 10, Param::Mup);
        let weights = start::<f64>(&model, 1).unwrap().weights;
        let x = data.inputs.map(|x| f64::from(*x));
        let values = Array::full([8, 10], 0.5).unwrap();
        let fit = Fit { loss: Loss::MeanSquaredError, targets: Targets::Values(values) };
        let mut recordings = Recordings::default();
        let point = Point { network: &model, parameters: &weights, x: &x };
        let g = Curvature::new(Matrix::GaussNewton, point, &fit, &mut recordings, Settings::default()).unwrap();
        let found = lanczos(&g, 8, End::Top, &Effort { tolerance: 1e-10, ..Effort::default() }).unwrap().values;
        let asked = contraction::Settings { outputs: Outputs::Full, ..Default::default() };
        let theta = contraction::kernel(&model, &weights, &x, None, &asked, &Observer::default()).unwrap().kernel;
        // [n, n, o, o] as the matrix of all pairs (i, a), (j, b).
        let entry = |(i, a): (usize, usize), (j, b): (usize, usize)| theta.data[((i * 8 + j) * 10 + a) * 10 + b];
        let matrix: Vec<f64> =
            (0..6400).map(|at| entry((at / 80 / 10, at / 80 % 10), (at % 80 / 10, at % 80 % 10))).collect();
        let expected = eigenvalues(&matrix, 80).unwrap();
        for (g, theta) in found.iter().zip(&expected) {
            assert!((8.0 * g / theta - 1.0).abs() < 1e-8, "{g} {theta}");
        }
    }
}

#[test]
fn samples_have_no_mean_and_squares_as_large_as_their_numbers() {
    let data = samples(&Lab::default(), "digits", 0, 50).unwrap();
    assert_eq!(data.inputs.shape, [50, 64]);
    for row in data.inputs.data.chunks_exact(64) {
        assert!((row.iter().map(|x| x * x).sum::<f32>() - 64.0).abs() < 1e-3);
    }
    let Targets::Values(values) = data.targets else { panic!("values") };
    assert!(values.data.chunks_exact(10).all(|row| row.iter().sum::<f32>() == 1.0));
}

#[test]
fn a_grid_is_of_half_octaves_and_reaches_beyond_one_over_the_width() {
    let found = half_octaves(-3..=2);
    for (pair, k) in found.windows(2).zip(-3..) {
        assert!((pair[1] / pair[0] - std::f64::consts::SQRT_2).abs() < 1e-15);
        assert!((pair[0] - 2.0_f64.powf(f64::from(k) / 2.0)).abs() < 1e-15);
    }
    assert!(grid(Param::Sp)[0] <= 4.0 / 2048.0 && grid(Param::Mup).contains(&1.0));
}

#[test]
fn a_residual_network_without_its_branches_is_its_stem_and_read_out() {
    let shape = Shape::Residual { width: 6, blocks: 2, layers: 1, exponent: 0.5 };
    let model = shape.network(4, 3, Param::Ntp);
    let mut weights = start::<f64>(&model, 2).unwrap().weights;
    let x = Array::new([1, 4], vec![0.3, -1.0, 2.0, 0.5]).unwrap();
    let middle = 1..weights.len() - 1;
    assert_eq!(middle.len(), 2);
    weights[middle].iter_mut().for_each(|w| w.data.fill(0.0));
    let f = crate::predict::outputs(&model, &weights, &x).unwrap();
    for k in 0..3 {
        let unit = |u: usize| (0..4).map(|i| 0.5 * x.data[i] * weights[0].data[i * 6 + u]).sum::<f64>();
        let expected: f64 = (0..6).map(|u| unit(u) * weights[3].data[u * 3 + k] / 6.0_f64.sqrt()).sum();
        assert!((f.data[k] - expected).abs() < 1e-12);
    }
}
