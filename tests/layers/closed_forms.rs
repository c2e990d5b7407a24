//! Layers against what they are by definition.

use autodiff::Arena;
use ntk::array::Array;
use ntk::network::Network;

use super::network;
use crate::contraction::{assert_close, parameters, samples};
use crate::numbers::Random;

/// The outputs of a network.
fn outputs(text: &str, p: &[Array<f64>], x: &Array<f64>) -> Vec<f64> {
    let mut arena = Arena::new();
    let tape = arena.tape();
    let x = tape.samples(&x.data, &x.shape).unwrap();
    let leaves: Vec<_> = p.iter().map(|p| tape.leaf(&p.data, &p.shape).unwrap()).collect();
    network(text).apply(x, &leaves).unwrap().value().to_vec()
}

/// A network's numbers and two samples.
fn given(text: &str) -> (Vec<Array<f64>>, Array<f64>) {
    let mut random = Random::new(7);
    let network = network(text);
    let p = parameters(&network, false, &mut random);
    let x = samples(2, &network.input, &mut random);
    (p, x)
}

/// `x W` for one sample, W stored row by row.
fn product(x: &[f64], w: &Array<f64>) -> Vec<f64> {
    let out = w.shape[1];
    (0..out).map(|j| x.iter().enumerate().map(|(i, x)| x * w.data[i * out + j]).sum()).collect()
}

#[test]
fn branches_are_added_or_multiplied() {
    for (join, of) in [("sum", (|a, b| a + b) as fn(f64, f64) -> f64), ("product", |a, b| a * b)] {
        let text = format!(
            "input = [3]\nlayers = [{{ kind = 'parallel', join = '{join}', branches = [
             [{{ kind = 'dense', out = 3, param = 'standard' }}, {{ kind = 'sin' }}], [] ] }},
             {{ kind = 'dense', out = 2, param = 'standard' }}]"
        );
        let (p, x) = given(&text);
        let expected: Vec<f64> = (0..2)
            .flat_map(|i| {
                let x = x.row(i).unwrap();
                let joined: Vec<f64> = product(x, &p[0]).iter().zip(x).map(|(z, &x)| of(z.sin(), x)).collect();
                product(&joined, &p[1])
            })
            .collect();
        assert_close(&outputs(&text, &p, &x), &expected, 1e-15, join);
    }
}

#[test]
fn a_global_average_is_the_mean_over_positions_of_each_channel() {
    let text = "input = [2, 3, 4]\nlayers = [{ kind = 'gap' }, { kind = 'dense', out = 2, param = 'standard' }]";
    let (p, x) = given(text);
    let expected: Vec<f64> = (0..2)
        .flat_map(|i| {
            let x = x.row(i).unwrap();
            let mean: Vec<f64> = (0..4).map(|c| x.iter().skip(c).step_by(4).sum::<f64>() / 6.0).collect();
            product(&mean, &p[0])
        })
        .collect();
    assert_close(&outputs(text, &p, &x), &expected, 1e-15, "gap");
}

#[test]
fn flattening_keeps_the_order_of_rows() {
    let text = "input = [2, 1, 3]\nlayers = [{ kind = 'flatten' }, { kind = 'dense', out = 2, param = 'standard' }]";
    let (p, x) = given(text);
    let expected: Vec<f64> = (0..2).flat_map(|i| product(x.row(i).unwrap(), &p[0])).collect();
    assert_close(&outputs(text, &p, &x), &expected, 1e-15, "flatten");
}
