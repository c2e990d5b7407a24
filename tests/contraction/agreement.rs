//! The methods agree with each other, with closed forms, and each mode with its part of the full kernel.

use ntk::array::Array;
use ntk::contraction::{Method, Observer, Outputs, Settings, kernel};
use ntk::model::{Activation, Architecture, Layer, Parameterization};
use ntk::network::{Footprint, Network};

use super::{Given, METHODS, Style, assert_close, folded};

const ACTIVATIONS: [Activation; 13] = Activation::ALL;

/// Shapes of networks and batches, every activation and style among them.
fn grid() -> Vec<(Style, [usize; 4], usize, Option<usize>)> {
    let mut grid = Vec::new();
    for depth in 1..=4 {
        for width in [1, 2, 7, 33] {
            for outputs in [1, 2, 5] {
                let at = grid.len();
                let style = Style {
                    activation: ACTIVATIONS[at % ACTIVATIONS.len()],
                    param: Parameterization::ALL[at / 3 % 2],
                    b_std: [Some(0.4), None, Some(0.0)][at / 2 % 3],
                    residual: [None, Some(1.0), Some(0.5)][at / 5 % 3],
                };
                let n = [1, 2, 5, 37, 130][at % 5];
                let m = [None, Some(1), Some(37), None, Some(6), Some(131), None][at % 7];
                grid.push((style, [1 + at % 6, width, depth, outputs], n, m));
            }
        }
    }
    grid
}

#[test]
fn three_methods_agree_on_every_mode_of_every_network() {
    for (style, sizes, n, m) in grid() {
        let given = Given::new(style, sizes, n, m);
        let full = given.kernel(Outputs::Full, Method::Jacobian);
        for outputs in Outputs::ALL {
            let expected = folded(&full, outputs);
            for method in METHODS {
                let what = format!("{style:?} {sizes:?} {n} {m:?} {outputs:?} {method:?}");
                assert_close(&given.kernel(outputs, method).data, &expected, 1e-12, &what);
            }
        }
    }
}

#[test]
fn the_reference_is_the_definition() {
    for (style, sizes, n, m) in grid().into_iter().filter(|(_, _, n, m)| n * m.unwrap_or(*n) < 400) {
        let given = Given::new(style, sizes, n, m);
        let what = format!("{style:?} {sizes:?} {n} {m:?}");
        assert_close(&given.kernel(Outputs::Full, Method::Jacobian).data, &given.by_definition(), 1e-13, &what);
    }
}

#[test]
fn a_kernel_of_samples_with_themselves_is_symmetric_to_the_bit() {
    for (n, sizes) in [(37, [3, 7, 3, 2]), (130, [3, 7, 2, 5]), (300, [2, 33, 1, 1])] {
        let given = Given::new(Style::PLAIN, sizes, n, None);
        for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
            let kernel = given.kernel(outputs, method);
            let entries = kernel.data.len() / (n * n);
            let o = if outputs == Outputs::Full { sizes[3] } else { 1 };
            let symmetric = (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).all(|(i, j)| {
                (0..entries).all(|entry| {
                    let mirrored = if outputs == Outputs::Full { entry % o * o + entry / o } else { entry };
                    let (x, y) =
                        (kernel.data[(i * n + j) * entries + entry], kernel.data[(j * n + i) * entries + mirrored]);
                    x.to_bits() == y.to_bits()
                })
            });
            assert!(symmetric, "{n} {outputs:?} {method:?}");
        }
    }
}

#[test]
fn single_precision_stays_within_1e_5_of_double() {
    for (at, activation) in ACTIVATIONS.into_iter().enumerate() {
        let style = Style { activation, residual: [None, Some(1.0)][at % 2], ..Style::PLAIN };
        // One layer of what grows from layer to layer: rounding would grow with it.
        let grows = matches!(activation, Activation::Exp | Activation::Monomial(_) | Activation::RectifiedMonomial(_));
        let given = Given::new(style, [6, 33, if grows { 1 } else { 4 }, 5], 37, [None, Some(5)][at / 2 % 2]);
        let single = |x: &Array<f64>| x.map(|&x| x as f32);
        let parameters: Vec<_> = given.parameters.iter().map(single).collect();
        let (x1, x2) = (single(&given.x1), given.x2.as_ref().map(single));
        // The same numbers in both: those that single precision can hold.
        let double = |x: &Array<f32>| x.map(|&x| f64::from(x));
        let given = Given {
            parameters: parameters.iter().map(double).collect(),
            x1: double(&x1),
            x2: x2.as_ref().map(double),
            ..given
        };
        for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
            let settings = Settings { outputs, method, ..Settings::default() };
            let observer = Observer::default();
            let found = kernel(&given.network, &parameters, &x1, x2.as_ref(), &settings, &observer).unwrap();
            let found: Vec<f64> = found.kernel.data.iter().map(|&x| f64::from(x)).collect();
            let what = format!("{activation:?} {outputs:?} {method:?}");
            assert_close(&found, &given.kernel(outputs, method).data, 1e-5, &what);
        }
    }
}

#[test]
fn a_linear_network_has_the_kernel_of_its_closed_form() {
    // f(x) = W_std/sqrt(d) x W + b_std b: the gradient of output a is (W_std/sqrt(d) x, b_std) in its own column.
    let style = Style { b_std: Some(0.3), ..Style::PLAIN };
    let Layer::Dense(read_out) = style.network(4, 1, 1, 3).layers.remove(2) else { panic!("a read-out") };
    let given = Given::of(Architecture::new([4], vec![Layer::Dense(read_out)]), false, 5, Some(3));
    let x2 = given.x2.as_ref().unwrap();
    let mut expected = Vec::new();
    for (i, j) in (0..5).flat_map(|i| (0..3).map(move |j| (i, j))) {
        let dot: f64 = given.x1.row(i).unwrap().iter().zip(x2.row(j).unwrap()).map(|(x, y)| x * y).sum();
        expected.extend((0..9).map(|ab| if ab / 3 == ab % 3 { 1.3 * 1.3 / 4.0 * dot + 0.3 * 0.3 } else { 0.0 }));
    }
    for method in METHODS {
        assert_close(&given.kernel(Outputs::Full, method).data, &expected, 1e-14, method.name());
    }
}

#[test]
fn a_mup_kernel_is_the_ntk_kernel_over_gamma_squared() {
    // Every parameter acts through the output, so the division passes through J J^T: gamma = gamma0 sqrt(7).
    let ntk = Given::new(Style::PLAIN, [4, 7, 2, 3], 5, Some(3));
    let network = Style { param: Parameterization::Mup, ..Style::PLAIN }.network(4, 7, 2, 3);
    let mup = Given::of(Architecture { gamma0: 0.5, ..network }, false, 5, Some(3));
    assert_eq!(mup.network.init(3).unwrap(), ntk.network.init(3).unwrap());
    for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
        let expected: Vec<f64> = ntk.kernel(outputs, method).data.iter().map(|k| k / (0.25 * 7.0)).collect();
        assert_close(&mup.kernel(outputs, method).data, &expected, 1e-14, method.name());
    }
}

#[test]
fn one_hidden_layer_has_the_kernel_written_by_hand() {
    // z = x W + b, f = sin(z) V + c:
    // Theta_ab = [a = b] (sin z . sin z' + 1) + (x . x' + 1) sum_k V_ka V_kb cos z_k cos z'_k.
    let style = Style { activation: Activation::Sin, param: Parameterization::Standard, ..Style::PLAIN };
    let given = Given::new(style, [3, 6, 1, 2], 5, Some(4));
    let [w, b, v, _] = given.parameters.as_slice() else { panic!("two layers") };
    let hidden = |x: &[f64]| -> Vec<f64> {
        (0..6).map(|k| b.data[k] + x.iter().enumerate().map(|(i, x)| x * w.data[i * 6 + k]).sum::<f64>()).collect()
    };
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let of = |z: &[f64], f: fn(f64) -> f64| z.iter().map(|&z| f(z)).collect::<Vec<_>>();
    let mut expected = Vec::new();
    for (i, j) in (0..5).flat_map(|i| (0..4).map(move |j| (i, j))) {
        let (x, y) = (given.x1.row(i).unwrap(), given.x2.as_ref().unwrap().row(j).unwrap());
        let (z, z2) = (hidden(x), hidden(y));
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let last = if a == b { dot(&of(&z, f64::sin), &of(&z2, f64::sin)) + 1.0 } else { 0.0 };
            let slopes = of(&z, f64::cos).into_iter().zip(of(&z2, f64::cos)).enumerate();
            let first: f64 = slopes.map(|(k, (s, t))| v.data[k * 2 + a] * v.data[k * 2 + b] * s * t).sum();
            expected.push(last + (dot(x, y) + 1.0) * first);
        }
    }
    for method in METHODS {
        assert_close(&given.kernel(Outputs::Full, method).data, &expected, 1e-14, method.name());
    }
}

/// Exact but for what passes by: the architecture counts a cotangent for each residual block around another, and whether
/// a recording holds all of them at once depends on what the blocks begin with.
fn assert_footprint(network: &Architecture) {
    let (counted, measured) = (Network::footprint(network).unwrap(), Footprint::measure(network).unwrap());
    let exact = |seen: &Footprint| Footprint { passing: 0, forming: 0, ..seen.clone() };
    assert_eq!(exact(&counted), exact(&measured), "{network:?}");
    let blocks = counted.passing / counted.widest.max(1) + 1;
    assert!(measured.passing <= counted.passing, "{network:?}: {measured:?}");
    assert!(counted.passing <= measured.passing + blocks * counted.widest, "{network:?}: {measured:?}");
}

#[test]
fn the_footprint_of_an_architecture_is_what_a_recording_measures() {
    for (style, [input, width, depth, outputs], ..) in grid() {
        let network = style.network(input, width, depth, outputs);
        assert_footprint(&network);
    }
    for text in [
        "input = [4]\nlayers = [{ kind = 'relu' }, { kind = 'dense', out = 3, b_std = 1 }, { kind = 'tanh' }]",
        "input = [3]\nlayers = [{ kind = 'residual', scale = 0.3, layers = [{ kind = 'residual', layers = [{ kind = 'dense', \
         out = 3 }, { kind = 'sin' }] }, { kind = 'dense', out = 3, b_std = 0.1 }] }]",
        "input = [2]\nlayers = [{ kind = 'dense', out = 5 }, { kind = 'residual', layers = [{ kind = 'erf' }] }, \
         { kind = 'dense', out = 5, b_std = 1 }, { kind = 'residual', layers = [{ kind = 'dense', out = 5 }] }]",
    ] {
        let network = Architecture::from_toml(text).unwrap();
        assert_footprint(&network);
        let given = Given::of(network, false, 5, None);
        let expected = given.by_definition();
        for method in METHODS {
            assert_close(&given.kernel(Outputs::Full, method).data, &expected, 1e-13, text);
        }
    }
}
