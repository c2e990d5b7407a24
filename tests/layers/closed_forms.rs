//! Layers against what they are by definition.

use autodiff::Arena;
use ntk::array::Array;
use ntk::network::Network;

use super::network;
use crate::contraction::{assert_close, parameters, samples};
use crate::numbers::Random;

/// The outputs of a network.
pub fn outputs(text: &str, p: &[Array<f64>], x: &Array<f64>) -> Vec<f64> {
    let mut arena = Arena::new();
    let tape = arena.tape();
    let x = tape.samples(&x.data, &x.shape).unwrap();
    let leaves: Vec<_> = p.iter().map(|p| tape.leaf(&p.data, &p.shape).unwrap()).collect();
    network(text).apply(x, &leaves).unwrap().value().to_vec()
}

/// A network's numbers and two samples.
pub fn given(text: &str) -> (Vec<Array<f64>>, Array<f64>) {
    let mut random = Random::new(7);
    let network = network(text);
    let p = parameters(&network, false, &mut random);
    let x = samples(2, &network.input, &mut random);
    (p, x)
}

/// `x W` for one sample, W stored row by row.
pub fn product(x: &[f64], w: &Array<f64>) -> Vec<f64> {
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

/// Entry `[i, j, c]` of an image `[h, w, channels]`, 0 outside.
fn entry(x: &[f64], [h, w, channels]: [usize; 3], i: isize, j: isize, c: usize) -> f64 {
    let inside = (0..h as isize).contains(&i) && (0..w as isize).contains(&j);
    if inside { x[(i as usize * w + j as usize) * channels + c] } else { 0.0 }
}

#[test]
fn a_convolution_is_a_sum_over_taps_and_channels() {
    // Padding, the first entry that the first window reads, and the windows along rows and columns.
    for (padding, before, rows, cols, stride, dilation) in [
        ("'VALID'", [0, 0], 3, 3, 1, 1),
        ("'SAME'", [1, 0], 5, 4, 1, 1),
        ("2", [2, 2], 4, 4, 2, 1),
        ("'VALID'", [0, 0], 1, 2, 1, 2),
        ("'SAME'", [1, 0], 3, 2, 2, 1),
    ] {
        let text = format!(
            "input = [5, 4, 2]\nlayers = [{{ kind = 'conv', kh = 3, kw = 2, out = 3, padding = {padding}, stride = {stride}, \
             dilation = {dilation}, W_std = 1.5, b_std = 0.5 }}, {{ kind = 'flatten' }}, {{ kind = 'dense', out = 2, param = 'standard' }}]"
        );
        let (p, x) = given(&text);
        let mut expected = Vec::new();
        for sample in 0..2 {
            let x = x.row(sample).unwrap();
            let mut features = Vec::new();
            for (i, j, k) in (0..rows).flat_map(|i| (0..cols).flat_map(move |j| (0..3).map(move |k| (i, j, k)))) {
                let mut sum = 0.0;
                for (a, b, c) in (0..3).flat_map(|a| (0..2).flat_map(move |b| (0..2).map(move |c| (a, b, c)))) {
                    let row = (i * stride + a * dilation) as isize - before[0];
                    let col = (j * stride + b * dilation) as isize - before[1];
                    sum += entry(x, [5, 4, 2], row, col, c) * p[0].data[((a * 2 + b) * 2 + c) * 3 + k];
                }
                features.push(1.5 / 12.0_f64.sqrt() * sum + 0.5 * p[1].data[k]);
            }
            expected.extend(product(&features, &p[2]));
        }
        assert_close(&outputs(&text, &p, &x), &expected, 1e-14, &text);
    }
}

#[test]
fn pools_take_the_mean_or_the_largest_of_each_window() {
    let of = |kind: &str, window: &[f64]| match kind {
        "max_pool" => window.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        _ => window.iter().sum::<f64>() / window.len() as f64,
    };
    for kind in ["max_pool", "avg_pool"] {
        let text = format!(
            "input = [5, 4, 2]\nlayers = [{{ kind = '{kind}', size = 2, stride = 2 }}, {{ kind = 'flatten' }}, \
             {{ kind = 'dense', out = 2, param = 'standard' }}]"
        );
        let (p, x) = given(&text);
        let mut expected = Vec::new();
        for sample in 0..2 {
            let x = x.row(sample).unwrap();
            let place = |i: isize, j: isize, c| {
                let window =
                    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(a, b)| entry(x, [5, 4, 2], 2 * i + a, 2 * j + b, c));
                of(kind, &window)
            };
            let features: Vec<f64> = (0..2)
                .flat_map(|i| (0..2).flat_map(move |j| (0..2).map(move |c| (i, j, c))))
                .map(|(i, j, c)| place(i, j, c))
                .collect();
            expected.extend(product(&features, &p[0]));
        }
        assert_close(&outputs(&text, &p, &x), &expected, 1e-15, kind);
    }
}

#[test]
fn a_polynomial_layer_multiplies_its_factors() {
    for skip in [true, false] {
        let text = format!(
            "input = [3]\nlayers = [{{ kind = 'polynomial', degree = 3, out = 4, activation = 'sin', skip = {skip}, W_std = 1.5, \
             b_std = 0.5 }}, {{ kind = 'dense', out = 2, param = 'standard' }}]"
        );
        let (p, x) = given(&text);
        let expected: Vec<f64> = (0..2)
            .flat_map(|i| {
                let mut y = vec![0.0; 4];
                for k in 0..3 {
                    let z = product(x.row(i).unwrap(), &p[2 * k]);
                    for (c, y) in y.iter_mut().enumerate() {
                        let factor = (1.5 / 3.0_f64.sqrt() * z[c] + 0.5 * p[2 * k + 1].data[c]).sin();
                        *y = if k == 0 { factor } else { factor * *y + if skip { *y } else { 0.0 } };
                    }
                }
                product(&y, &p[6])
            })
            .collect();
        assert_close(&outputs(&text, &p, &x), &expected, 1e-14, &text);
    }
}

#[test]
fn normalized_positions_have_the_statistics_that_they_are_named_for() {
    for kind in ["layer_norm", "rms_norm"] {
        let text = format!(
            "input = [2, 3]\nlayers = [{{ kind = '{kind}', eps = 0.25 }}, {{ kind = 'flatten' }}, \
             {{ kind = 'dense', out = 2, param = 'standard' }}]"
        );
        let (p, x) = given(&text);
        let (shift, read_out) = if kind == "layer_norm" { (p[1].data.clone(), &p[2]) } else { (vec![0.0; 3], &p[1]) };
        let expected: Vec<f64> = (0..2)
            .flat_map(|i| {
                let position = |x: &[f64]| {
                    let mean = if kind == "layer_norm" { x.iter().sum::<f64>() / 3.0 } else { 0.0 };
                    let square = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 3.0;
                    (0..3).map(|c| (x[c] - mean) / (square + 0.25).sqrt() * p[0].data[c] + shift[c]).collect::<Vec<_>>()
                };
                product(&x.row(i).unwrap().chunks(3).flat_map(position).collect::<Vec<_>>(), read_out)
            })
            .collect();
        assert_close(&outputs(&text, &p, &x), &expected, 1e-14, kind);
    }
}

#[test]
fn scales_start_at_one_and_shifts_at_zero() {
    let drawn =
        network("input = [3]\nlayers = [{ kind = 'layer_norm' }, { kind = 'dense', out = 1 }]").init(4).unwrap();
    assert_eq!((&drawn[0].0[..], &drawn[0].2[..]), ("W0", &[1.0; 3][..]));
    assert_eq!((&drawn[1].0[..], &drawn[1].2[..]), ("b0", &[0.0; 3][..]));
}

#[test]
fn concatenated_branches_stand_behind_one_another() {
    let text = "input = [2, 2]\nlayers = [{ kind = 'parallel', join = 'concat', branches = [[{ kind = 'sin' }], [], [{ kind = 'cos' }]] }, \
                { kind = 'flatten' }, { kind = 'dense', out = 2, param = 'standard' }]";
    let (p, x) = given(text);
    let expected: Vec<f64> = (0..2)
        .flat_map(|i| {
            let place = |x: &[f64]| [x[0].sin(), x[1].sin(), x[0], x[1], x[0].cos(), x[1].cos()];
            product(&x.row(i).unwrap().chunks(2).flat_map(place).collect::<Vec<_>>(), &p[0])
        })
        .collect();
    assert_close(&outputs(text, &p, &x), &expected, 1e-15, "concat");
}
