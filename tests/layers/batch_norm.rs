//! Batch normalization: in training it mixes samples, frozen it does not.

use ntk::array::Array;
use ntk::contraction::Outputs;
use ntk::error::Kind;
use ntk::model::Architecture;

use super::network;
use crate::contraction::{Given, METHODS, assert_close, parameters, samples};
use crate::numbers::Random;

const TRAINING: &str = "input = [2, 2]
    layers = [ { kind = 'conv', kw = 1, out = 3, b_std = 1 }, { kind = 'batch_norm', eps = 0.5 }, { kind = 'tanh' },
               { kind = 'residual', layers = [{ kind = 'batch_norm', eps = 0.25, affine = false }] },
               { kind = 'flatten' }, { kind = 'dense', out = 2 } ]";

fn applied(network: &Architecture, p: &[Array<f64>], x: &Array<f64>) -> Vec<f64> {
    use ntk::network::Network;
    let mut arena = autodiff::Arena::new();
    let tape = arena.tape();
    let x = tape.samples(&x.data, &x.shape).unwrap();
    let leaves: Vec<_> = p.iter().map(|p| tape.leaf(&p.data, &p.shape).unwrap()).collect();
    network.apply(x, &leaves).unwrap().value().to_vec()
}

#[test]
fn in_training_it_has_no_kernel_and_the_refusal_names_it() {
    let given = Given::of(network(TRAINING), false, 3, None);
    for method in METHODS {
        let refused = given.compute(Outputs::Trace, method, u64::MAX).unwrap_err();
        assert_eq!(refused.kind(), Kind::Usage);
        let text = refused.to_string();
        assert!(text.contains("layers[1] (batch_norm) mixes samples"), "{text}");
        assert!(text.ends_with("give `mean` and `variance` in the model file"), "{text}");
    }
}

#[test]
fn in_training_each_channel_has_mean_0_and_variance_1_over_samples_and_positions() {
    // Two samples of two positions, one channel: numbers 1, 2, 3, 6 have mean 3 and variance 3.5.
    let text = "input = [2, 1]\nlayers = [{ kind = 'batch_norm', eps = 0.5 }, { kind = 'flatten' }, { kind = 'dense', out = 1, param = 'standard' }]";
    let array = |shape: &[usize], numbers: &[f64]| Array::new(shape, numbers.to_vec()).unwrap();
    let p = [array(&[1], &[4.0]), array(&[1], &[0.25]), array(&[2, 1], &[1.0, 10.0])];
    let x = array(&[2, 2, 1], &[1.0, 2.0, 3.0, 6.0]);
    // x -> 4 (x - 3) / 2 + 0.25 = -3.75, -1.75, 0.25, 6.25
    assert_close(&applied(&network(text), &p, &x), &[-3.75 - 17.5, 0.25 + 62.5], 1e-15, "training");
}

#[test]
fn frozen_at_its_own_samples_it_gives_what_it_gave_in_training() {
    let training = network(TRAINING);
    let mut random = Random::new(3);
    let (p, x) = (parameters(&training, false, &mut random), samples(5, &[2, 2], &mut random));
    let frozen = training.freeze(&p, &x).unwrap();
    assert_close(&applied(&frozen, &p, &x), &applied(&training, &p, &x), 1e-14, "the same samples");
    // One sample alone: frozen statistics do not depend on it, those of training do.
    let one = Array::new([1, 2, 2], x.row(0).unwrap().to_vec()).unwrap();
    assert_close(&applied(&frozen, &p, &one), &applied(&frozen, &p, &x)[..2], 1e-14, "one of them");
    assert!((applied(&training, &p, &one)[0] - applied(&training, &p, &x)[0]).abs() > 1e-3);
    assert_eq!(network(&frozen.to_toml()), frozen);
    // And it has a kernel.
    let given = Given { network: frozen, parameters: p, x1: x, x2: None };
    for method in &METHODS[1..] {
        assert_close(&given.kernel(Outputs::Full, *method).data, &given.by_definition(), 1e-12, method.name());
    }
}

#[test]
fn statistics_that_do_not_fit_are_refused_with_what_would() {
    for (keys, answer) in [
        ("mean = [0, 0]", "`mean` without `variance`"),
        ("variance = [1, 1]", "`variance` without `mean`"),
        ("mean = [0], variance = [1]", "give 2 of each"),
        ("mean = [0, 0], variance = [1, -1]", "variances of at least 0"),
        ("mean = 3, variance = [1, 1]", "not a list of numbers"),
        ("mean = [0, nan], variance = [1, 1]", "`mean` is out of range"),
        ("eps = 0", "`eps` is out of range"),
        ("affine = 1", "not true or false"),
    ] {
        let text = format!("input = [2]\nlayers = [{{ kind = 'batch_norm', {keys} }}, {{ kind = 'dense', out = 1 }}]");
        let refused = Architecture::from_toml(&text).unwrap_err().to_string();
        assert!(refused.contains(answer), "{keys}: {refused}");
    }
}
