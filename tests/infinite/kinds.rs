//! Polynomial, recurrent, complex layers and attention against published numbers and slow references.

use ntk::array::Array;
use ntk::contraction::Observer;
use ntk::infinite::{Get, kernel};
use ntk::model::Architecture;

use super::infinite;
use crate::numbers::Random;

fn of(shape: &[usize], data: &[f64]) -> Array<f64> {
    Array::new(shape, data.to_vec()).unwrap()
}

fn network(text: &str) -> Architecture {
    Architecture::from_toml(text).unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn polynomials_have_the_kernels_of_their_closed_form() {
    // From a separate program, checked there against networks of width 20,000: relu, no biases, f = sqrt(2/m) w . y_N with entries
    // of variance 1, x = (1, 0), x' = (0.6, 0.8).
    let (x, y) = (of(&[1, 2], &[1.0, 0.0]), of(&[1, 2], &[0.6, 0.8]));
    for (degree, skip, expected) in [
        (1, false, 1.100447227),
        (2, false, 0.516069989),
        (3, false, 0.223366194),
        (5, false, 0.036775766),
        (1, true, 1.100447227),
        (2, true, 2.494547067),
        (3, true, 5.636108117),
        (5, true, 28.525578070),
    ] {
        let root = std::f64::consts::SQRT_2;
        let model = network(&format!(
            "input=[2]\nlayers=[{{kind='polynomial',degree={degree},out=3,activation='relu',skip={skip},W_std={root}}},\
             {{kind='dense',out=1,W_std={root}}}]"
        ));
        let found = infinite(&model, &x, Some(&y)).ntk.unwrap().data[0];
        assert!((found - expected).abs() < 1e-9, "degree {degree}, skip {skip}: {found}");
    }
}

#[test]
fn gaps_of_polynomials_keep_digits_for_a_rectifier_behind_them() {
    // Nearly parallel samples: 1 - c of the polynomial's kernel is known from its expansion, and relu's kernel is as
    // sqrt(1 - c). A subtraction would leave nothing of 1e-18.
    let layers = "{kind='polynomial',degree=3,out=3,activation='relu',skip=SKIP},{kind='dense',out=3},{kind='relu'},\
                  {kind='dense',out=1}";
    for skip in ["true", "false"] {
        let model = network(&format!("input=[2]\nlayers=[{}]", layers.replace("SKIP", skip)));
        let x = of(&[1, 2], &[0.8, -0.6]);
        let lack = |step: f64| {
            let y = of(&[1, 2], &[0.8 + 0.6 * step, -0.6 + 0.8 * step]);
            let found = infinite(&model, &x, Some(&y)).ntk.unwrap().data[0];
            let own = [&x, &y].map(|x| infinite(&model, x, None).ntk.unwrap().data[0]);
            // The tangent kernel falls off linearly in the angle.
            1.0 - found / (own[0] * own[1]).sqrt()
        };
        // Steps that a subtraction still tells, and ones that it does not: the ratio to the angle must be one.
        let (coarse, fine) = (lack(1e-5) / 1e-5, lack(1e-9) / 1e-9);
        assert!((fine / coarse - 1.0).abs() < 1e-4, "skip {skip}: {coarse} and {fine}");
    }
}

#[test]
fn recurrent_layers_have_the_kernels_of_a_separate_program() {
    // relu, W_std 1.4, U_std 1, b_std 0.3, one read-out for the mean of all states, x = (1, -0.5, 2), x' = (0.3, 0.8).
    let text = "input=[3,2]\nlayers=[{kind='rnn',out=3,activation='relu',read_out='mean',masked=true,W_std=1.4,b_std=0.3},\
                {kind='dense',out=1}]";
    let x = of(&[2, 3, 2], &[1.0, 1.0, -0.5, 1.0, 2.0, 1.0, 0.3, 1.0, 0.8, 1.0, 9.0, 0.0]);
    let found = infinite(&network(text), &x, None).ntk.unwrap();
    // Their diagonal goes through the angle between a sample and itself.
    for (at, expected, tolerance) in [(0, 1.536105861, 1e-8), (3, 0.444904625, 1e-8), (1, 0.638542986, 1e-9)] {
        assert!((found.data[at] - expected).abs() < tolerance, "{at}: {}", found.data[at]);
    }
    // Padding at the start says the same.
    let x = of(&[2, 3, 2], &[1.0, 1.0, -0.5, 1.0, 2.0, 1.0, 9.0, 0.0, 0.3, 1.0, 0.8, 1.0]);
    let turned = infinite(&network(text), &x, None).ntk.unwrap();
    assert!(found.data.iter().zip(&turned.data).all(|(a, b)| (a - b).abs() < 1e-14), "{found:?} {turned:?}");
}

#[test]
fn a_recurrent_layer_of_one_time_is_a_dense_layer_and_its_activation() {
    let rnn =
        network("input=[1,4]\nlayers=[{kind='rnn',out=3,activation='gelu',U_std=1.3,b_std=0.2},{kind='dense',out=1}]");
    let dense =
        network("input=[4]\nlayers=[{kind='dense',out=3,W_std=1.3,b_std=0.2},{kind='gelu'},{kind='dense',out=1}]");
    let x = Random::new(3).numbers(20);
    let (a, b) = (infinite(&rnn, &of(&[5, 1, 4], &x), None), infinite(&dense, &of(&[5, 4], &x), None));
    for (a, b) in [(a.ntk, b.ntk), (a.nngp, b.nngp)] {
        let (a, b) = (a.unwrap().data, b.unwrap().data);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-13), "{a:?} {b:?}");
    }
}

#[test]
fn complex_networks_have_the_kernels_of_a_separate_program() {
    // Split relu, z = (1 + 0.5 i, -0.3 + i) and (0.2 - i, 1 + i), W_std^2 = 2; its kernel of complex outputs is twice that of a real
    // part.
    let z = of(&[2, 4], &[1.0, -0.3, 0.5, 1.0, 0.2, 1.0, -1.0, 1.0]);
    for (depth, own, pair) in [(1, 2.34, 0.638854053), (2, 3.51, 1.125435024), (3, 4.68, 1.618059612)] {
        let hidden = format!("{{kind='complex_dense',out=3,W_std={}}},{{kind='relu'}},", std::f64::consts::SQRT_2);
        let model = network(&format!(
            "input=[4]\nlayers=[{}{{kind='complex_dense',out=1}},{{kind='real_part'}}]",
            hidden.repeat(depth)
        ));
        let found = infinite(&model, &z, None).ntk.unwrap();
        assert!((2.0 * found.data[0] - own).abs() < 1e-12, "depth {depth}: {}", found.data[0]);
        assert!((2.0 * found.data[1] - pair).abs() < 1e-9, "depth {depth}: {}", found.data[1]);
    }
}

#[test]
fn attention_is_the_mean_of_values_by_the_softmax_of_their_covariances() {
    let (positions, channels, w, b) = (4, 3, 1.3f64, 0.4f64);
    let x = Random::new(11).numbers(2 * positions * channels);
    let input = of(&[2, positions, channels], &x);
    // Before attention: values v = x W + b, and the tangent kernel of that layer, the same in numbers.
    let values = |i: usize, j: usize, t: usize, s: usize| {
        let row = |i: usize, t: usize| &x[(i * positions + t) * channels..][..channels];
        let dot: f64 = row(i, t).iter().zip(row(j, s)).map(|(a, b)| a * b).sum();
        w * w * dot / channels as f64 + b * b
    };
    for tied in [true, false] {
        let weights = |i: usize, t: usize, s: usize| match tied {
            true => {
                let all: f64 = (0..positions).map(|s| values(i, i, t, s).exp()).sum();
                values(i, i, t, s).exp() / all
            }
            false => 1.0 / positions as f64,
        };
        let mixed = |i: usize, j: usize, t: usize, s: usize| {
            let pairs = (0..positions).flat_map(|p| (0..positions).map(move |q| (p, q)));
            pairs.map(|(p, q)| weights(i, t, p) * values(i, j, p, q) * weights(j, s, q)).sum::<f64>()
        };
        let model = network(&format!(
            "input=[4,3]\nlayers=[{{kind='attention',width=6,heads=2,out=5,scaling='1/d',tied={tied},W_std={w},b_std={b}}},\
             {{kind='flatten'}},{{kind='dense',out=1}}]"
        ));
        let found = kernel(&model, &input, None, Get::Both, u64::MAX, &Observer::default()).unwrap();
        let (nngp, ntk) = (found.nngp.unwrap(), found.ntk.unwrap());
        for (i, j) in [(0, 0), (0, 1), (1, 1)] {
            let mean = |f: &dyn Fn(usize) -> f64| (0..positions).map(f).sum::<f64>() / positions as f64;
            let k = mean(&|t| w * w * mixed(i, j, t, t) + b * b);
            // The output's weights, those of the values behind them, and the read-out.
            let theta = k + mean(&|t| w * w * mixed(i, j, t, t) + b * b + w * w * mixed(i, j, t, t));
            let at = 2 * i + j;
            assert!((nngp.data[at] - k).abs() < 1e-13, "{tied} {i} {j}: {} and {k}", nngp.data[at]);
            assert!((ntk.data[at] - theta).abs() < 1e-13, "{tied} {i} {j}: {} and {theta}", ntk.data[at]);
        }
    }
}

#[test]
fn branches_side_by_side_have_the_mean_of_their_kernels_by_their_channels() {
    let layers = |inner: &str| network(&format!("input=[4]\nlayers=[{inner},{{kind='dense',out=1}}]"));
    let x = of(&[3, 4], &Random::new(5).numbers(12));
    let nngp = |model: &Architecture| infinite(model, &x, None).nngp.unwrap().data;
    let a = nngp(&layers("{kind='dense',out=6,b_std=0.3},{kind='relu'}"));
    let b = nngp(&layers("{kind='dense',out=2,W_std=1.5},{kind='tanh'}"));
    let both = nngp(&layers(
        "{kind='parallel',join='concat',branches=[[{kind='dense',out=6,b_std=0.3},{kind='relu'}],\
         [{kind='dense',out=2,W_std=1.5},{kind='tanh'}]]}",
    ));
    for i in 0..9 {
        assert!((both[i] - (6.0 * a[i] + 2.0 * b[i]) / 8.0).abs() < 1e-14);
    }
}

#[test]
fn tokens_and_masks_that_are_none_are_refused_with_their_place() {
    let of_tokens = "input=[3]\nlayers=[{kind='embedding',tokens=4,out=3},{kind='gap'},{kind='dense',out=1}]";
    let masked = "input=[2,2]\nlayers=[{kind='rnn',out=3,masked=true},{kind='dense',out=1}]";
    for (text, x, says) in [
        (of_tokens, of(&[1, 3], &[0.0, 4.0, 1.0]), "token 1 of sample 0 is 4"),
        (masked, of(&[1, 2, 2], &[0.3, 1.0, 0.2, 0.5]), "the mask of sample 0 at time 1 is 0.5"),
    ] {
        let error = kernel(&network(text), &x, None, Get::Ntk, u64::MAX, &Observer::default()).unwrap_err();
        assert!(error.to_string().contains(says) && error.to_string().contains("--normalize none"), "{error}");
    }
}
