//! Every kind of layer: the methods agree on it, closed forms hold, its keys are documented.

mod batch_norm;
mod closed_forms;
mod documentation;
mod faults;
mod sequences;

use ntk::contraction::{Method, Outputs};
use ntk::model::Architecture;
use ntk::network::Network;

use crate::contraction::{Given, METHODS, assert_close, folded};

/// Networks that use, between them, every kind of layer with every key.
const NETWORKS: &[&str] = &[
    "input = [5]
     layers = [
       { kind = 'dense', in = 5, out = 4, W_std = 1.5, b_std = 0.3, param = 'standard' }, { kind = 'relu' },
       { kind = 'residual', scale = 0.5, layers = [ { kind = 'tanh' }, { kind = 'dense', out = 4 } ] },
       { kind = 'leaky_relu', alpha = 0.2 }, { kind = 'dense', out = 3, param = 'mup', b_std = 0.1 },
     ]",
    "input = [4]
     layers = [
       { kind = 'parallel', join = 'sum', branches = [
         [ { kind = 'dense', out = 6, b_std = 0.2 }, { kind = 'erf' } ],
         [ { kind = 'gelu' }, { kind = 'dense', out = 6 } ],
         [ { kind = 'dense', out = 6 }, { kind = 'sigmoid' } ],
       ] },
       { kind = 'softplus' }, { kind = 'dense', out = 2 },
     ]",
    "input = [3]
     layers = [
       { kind = 'dense', out = 5, b_std = 0.2 },
       { kind = 'parallel', join = 'product', branches = [ [ { kind = 'sin' } ], [], [ { kind = 'cos' }, { kind = 'dense', out = 5 } ] ] },
       { kind = 'identity' }, { kind = 'dense', out = 2, b_std = 0.2 },
     ]",
    "input = [3]
     layers = [
       { kind = 'dense', out = 5, b_std = 0.2 }, { kind = 'rectified_monomial', degree = 3 }, { kind = 'dense', out = 4 },
       { kind = 'exp' }, { kind = 'dense', out = 4 }, { kind = 'monomial', degree = 2 }, { kind = 'dense', out = 2 },
     ]",
    "input = [3, 2]
     layers = [
       { kind = 'parallel', join = 'concat', branches = [ [ { kind = 'conv', kw = 2, out = 3 } ], [ { kind = 'tanh' } ], [] ] },
       { kind = 'tanh' }, { kind = 'gap' }, { kind = 'dense', out = 2 },
     ]",
    "input = [2, 3, 2]
     layers = [ { kind = 'tanh' }, { kind = 'flatten' }, { kind = 'dense', out = 3 }, { kind = 'tanh' }, { kind = 'dense', out = 2 } ]",
    "input = [3, 2, 4]
     layers = [ { kind = 'sin' }, { kind = 'gap' }, { kind = 'dense', out = 3, b_std = 1 }, { kind = 'tanh' }, { kind = 'dense', out = 2 } ]",
    "input = [5, 4, 2]
     layers = [
       { kind = 'conv', kh = 3, kw = 2, in = 2, out = 4, padding = 'SAME', stride = 2, W_std = 1.2, b_std = 0.3, param = 'standard' }, { kind = 'tanh' },
       { kind = 'conv', kh = 2, kw = 3, out = 6, dilation = 2, groups = 2, padding = 2, param = 'ntk' }, { kind = 'gelu' },
       { kind = 'avg_pool', size = 2, stride = 1, padding = 'SAME' },
       { kind = 'residual', layers = [ { kind = 'conv', kh = 3, kw = 3, out = 6, padding = 'CIRCULAR', b_std = 0.1 } ] },
       { kind = 'gap' }, { kind = 'dense', out = 2, b_std = 0.1, param = 'mup' },
     ]",
    "input = [5, 5, 1]
     layers = [
       { kind = 'conv', kh = 2, kw = 2, out = 3, padding = 'VALID', b_std = 0.3 },
       { kind = 'max_pool', size = 2, stride = 2, padding = 'VALID' }, { kind = 'sin' },
       { kind = 'flatten' }, { kind = 'dense', out = 3 },
     ]",
    "input = [7, 2]
     layers = [
       { kind = 'conv', kw = 3, out = 4, stride = 2, padding = 1, b_std = 0.3 }, { kind = 'erf' },
       { kind = 'avg_pool', size = 3, stride = 1, padding = 1 }, { kind = 'max_pool', size = 2 },
       { kind = 'conv', kw = 1, out = 4 }, { kind = 'flatten' }, { kind = 'dense', out = 2 },
     ]",
    "input = [3]
     layers = [
       { kind = 'dense', out = 5, b_std = 0.2 },
       { kind = 'polynomial', degree = 3, in = 5, out = 4, activation = 'tanh', skip = true, W_std = 1.2, b_std = 0.3, param = 'standard' },
       { kind = 'polynomial', degree = 2, out = 6, skip = false }, { kind = 'dense', out = 2, b_std = 0.2 },
     ]",
    "input = [4, 3]
     layers = [
       { kind = 'layer_norm', eps = 0.1, affine = true }, { kind = 'conv', kw = 2, out = 4, b_std = 0.1 },
       { kind = 'rms_norm', eps = 0.1, affine = true }, { kind = 'tanh' }, { kind = 'layer_norm', eps = 0.2, affine = false },
       { kind = 'flatten' }, { kind = 'dense', out = 3 }, { kind = 'rms_norm', eps = 0.1 }, { kind = 'dense', out = 2 },
     ]",
    "input = [3, 3, 2]
     layers = [
       { kind = 'batch_norm', eps = 0.01, mean = [0.2, -1], variance = [2, 0.5], affine = true },
       { kind = 'conv', kh = 2, kw = 2, out = 3 }, { kind = 'batch_norm', mean = [0, 0, 0.1], variance = [1.0, 1.0, 3.0], affine = false },
       { kind = 'gap' }, { kind = 'dense', out = 2 },
     ]",
    "input = [4, 3]
     layers = [
       { kind = 'rnn', out = 4, in = 3, activation = 'tanh', read_out = 'all', W_std = 1.1, U_std = 1.3, b_std = 0.2, param = 'standard' },
       { kind = 'rnn', out = 3, activation = 'erf', read_out = 'mean' }, { kind = 'dense', out = 2, b_std = 0.1 },
     ]",
    "input = [4, 3]
     layers = [
       { kind = 'attention', heads = 2, width = 4, out = 3, scaling = '1/sqrt(d)', W_std = 1.4, b_std = 0.2, param = 'standard' },
       { kind = 'residual', layers = [ { kind = 'attention', scaling = '1/d', tied = true } ] }, { kind = 'gap' }, { kind = 'dense', out = 2 },
     ]",
    "input = [6]
     layers = [
       { kind = 'complex_dense', in = 3, out = 4, W_std = 1.2, b_std = 0.4, param = 'ntk' }, { kind = 'tanh' },
       { kind = 'complex_dense', out = 3 }, { kind = 'polar', activation = 'tanh', shift = 0.1 },
       { kind = 'parallel', join = 'sum', branches = [ [ { kind = 'phase' } ], [ { kind = 'cardioid' } ] ] },
       { kind = 'parallel', join = 'sum', branches = [ [ { kind = 'modulus' } ], [ { kind = 'real_part' } ] ] },
       { kind = 'dense', out = 2 },
     ]",
];

/// As [`NETWORKS`], of inputs that are not any numbers.
const OF_TOKENS_AND_MASKS: &[&str] = &[
    "input = [4]
     layers = [
       { kind = 'embedding', tokens = 3, out = 2, W_std = 1.5, param = 'ntk' }, { kind = 'conv', kw = 2, out = 3 },
       { kind = 'tanh' }, { kind = 'flatten' }, { kind = 'dense', out = 2 },
     ]",
    "input = [4, 3]
     layers = [ { kind = 'rnn', out = 3, activation = 'tanh', masked = true, b_std = 0.3 }, { kind = 'dense', out = 2 } ]",
    "input = [4, 3]
     layers = [ { kind = 'rnn', out = 3, activation = 'tanh', read_out = 'mean', masked = true }, { kind = 'dense', out = 2 } ]",
];

#[track_caller]
fn network(text: &str) -> Architecture {
    Architecture::from_toml(text).unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn every_method_gives_the_kernel_of_the_definition() {
    for text in NETWORKS.iter().chain(OF_TOKENS_AND_MASKS) {
        let network = network(text);
        assert!(network.footprint().unwrap().splits, "{text}");
        for (n, m) in [(1, None), (3, None), (2, Some(3))] {
            let mut given = Given::of(network.clone(), false, n, m);
            if OF_TOKENS_AND_MASKS.contains(text) {
                for x in [Some(&mut given.x1), given.x2.as_mut()].into_iter().flatten() {
                    tokens_or_mask(x);
                }
            }
            let o = network.outputs().unwrap();
            let full = ntk::array::Array::new([n, m.unwrap_or(n), o, o], given.by_definition()).unwrap();
            for outputs in Outputs::ALL {
                for method in METHODS.into_iter().chain([Method::Auto]) {
                    let what = format!("{text}\n{n} {m:?} {outputs:?} {method:?}");
                    assert_close(&given.kernel(outputs, method).data, &folded(&full, outputs), 1e-12, &what);
                }
            }
        }
    }
}

/// Tokens from 0 to 2 in place of numbers; or a mask in the last channel, at lengths that differ, at either end.
fn tokens_or_mask(x: &mut ntk::array::Array<f64>) {
    let masked = x.shape.len() == 3;
    for (i, number) in x.data.iter_mut().enumerate() {
        let (sample, time) = (i / 12, i / 3 % 4);
        match (masked, i % 3) {
            (false, _) => *number = ((i * i + 1) % 3) as f64,
            (true, 2) => *number = f64::from(u8::from(if sample % 2 == 0 { time < 2 + sample % 3 } else { time >= 1 })),
            (true, _) => {}
        }
    }
}

#[test]
fn a_network_reads_back_as_it_was_written() {
    for text in NETWORKS.iter().chain(OF_TOKENS_AND_MASKS) {
        let network = network(text);
        let written = network.to_toml();
        assert_eq!(self::network(&written), network, "{written}");
        for (name, shape) in network.parameters().unwrap() {
            assert_eq!(written.matches(&format!("{name} {shape:?}")).count(), 1, "{name} in\n{written}");
        }
    }
}
