//! The same draw in two parameterizations is the same training, with the learning rates converted.

use ntk::loss::Loss;
use ntk::model::{Architecture, Layer, Parameterization};
use ntk::train::{Optimizer, Settings, rates};

use super::{Case, losses};
use crate::numbers::relative_error;

/// The network with every dense layer in `param`, and the square of each array's multiplier in the first network.
fn converted(model: &Architecture, param: Parameterization) -> (Architecture, Vec<f64>) {
    fn walk(layers: &mut [Layer], param: Parameterization) {
        for layer in layers {
            match layer {
                Layer::Dense(dense) => dense.param = param,
                Layer::Residual { layers, .. } => walk(layers, param),
                _ => {}
            }
        }
    }
    let mut other = model.clone();
    other.gamma0 = 1.0;
    walk(&mut other.layers, param);
    let squares = model.sites().unwrap().into_iter().flat_map(|site| {
        let (w, b) = site.multipliers();
        std::iter::once(w * w).chain(site.dims.has_bias.then_some(b * b))
    });
    (other, squares.collect())
}

/// The trainings of a network and of its effective weights `m W`, `m b` in `standard`.
fn both(model: &str, optimizer: Optimizer, rate: f64, batch: usize) -> [Vec<f64>; 2] {
    let one = Case::new(model, Loss::MeanSquaredError, 24);
    let (other, squares) = converted(&one.model, Parameterization::Standard);
    let mut two = Case::of(other, Loss::MeanSquaredError, 24);
    for ((weight, first), square) in two.weights.iter_mut().zip(&one.weights).zip(&squares) {
        weight.data = first.data.iter().map(|w| square.sqrt() * w).collect();
    }
    let settings = |rates: Vec<f64>| Settings { optimizer, batch, rates, ..one.descent(rate) };
    // The rule that needs no multiplier of its own: what gradient descent's needs.
    let own = rates(&one.model, Optimizer::GRADIENT_DESCENT).unwrap();
    let effective = own.iter().zip(&squares).map(|(own, square)| own * square).collect();
    [losses(&mut one.trainer(settings(own)), 150), losses(&mut two.trainer(settings(effective)), 150)]
}

const HEAVY_BALL: Optimizer = Optimizer::Sgd { momentum: 0.9, nesterov: false };
const NESTEROV: Optimizer = Optimizer::Sgd { momentum: 0.8, nesterov: true };

#[test]
fn standard_with_converted_learning_rates_is_ntk() {
    for model in
        ["mlp:5-40x2-3:tanh,W_std=1.4,b_std=0.3", "resmlp:5-16x3-2:gelu,scale=0.5", "mlp:5-30x2-1:relu,b_std=0"]
    {
        for (optimizer, rate) in [(Optimizer::GRADIENT_DESCENT, 0.3), (HEAVY_BALL, 0.05), (NESTEROV, 0.05)] {
            for batch in [usize::MAX, 7] {
                let [ntk, standard] = both(model, optimizer, rate, batch);
                assert!(
                    relative_error(&ntk, &standard) < 1e-10,
                    "{model} {optimizer:?}: {:e}",
                    relative_error(&ntk, &standard)
                );
                assert!((ntk[149] - ntk[0]).abs() > 0.1 * ntk[0], "{model}: nothing was learnt");
            }
        }
    }
}

#[test]
fn mup_is_the_same_training_in_both_of_its_forms() {
    for model in ["mlp:5-40x2-3:tanh,param=mup,gamma0=0.7,b_std=0.3", "mlp:5-64x2-1:relu,param=mup,b_std=0"] {
        for (optimizer, rate) in [(Optimizer::GRADIENT_DESCENT, 0.3), (HEAVY_BALL, 0.03)] {
            let [mup, effective] = both(model, optimizer, rate, usize::MAX);
            assert!(relative_error(&mup, &effective) < 1e-10, "{model}: {:e}", relative_error(&mup, &effective));
            assert!(mup[149] < 0.9 * mup[0], "{model}: nothing was learnt");
        }
    }
}

#[test]
fn the_draw_itself_is_shared_by_the_parameterizations() {
    // So that the comparison is one of seeds and not of weights carried over.
    let ntk = Architecture::parse("mlp:5-40x2-3:tanh,W_std=1.4,b_std=0.3").unwrap();
    let (standard, squares) = converted(&ntk, Parameterization::Standard);
    let drawn = ntk.init(9).unwrap().into_iter().zip(standard.init(9).unwrap());
    for (((_, _, ntk), (_, _, standard)), square) in drawn.zip(squares) {
        let scaled: Vec<f64> = ntk.iter().map(|w| square.sqrt() * w).collect();
        assert!(relative_error(&scaled, &standard) < 1e-15);
    }
}

#[test]
fn adam_does_not_convert_and_is_refused_for_mup() {
    let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decoupled: false };
    let [ntk, standard] = both("mlp:5-40x2-3:tanh", adam, 0.01, usize::MAX);
    assert!(relative_error(&ntk, &standard) > 1e-3);
    let mup = Architecture::parse("mlp:5-40x2-3:tanh,param=mup").unwrap();
    assert_eq!(rates(&mup, adam).unwrap_err().code(), 2);
    assert_eq!(rates(&mup, HEAVY_BALL).unwrap(), vec![40.0_f64.sqrt().powi(2); 6]);
}
