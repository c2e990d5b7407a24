//! Layers over sequences and of complex numbers, against what they are by definition.

use ntk::array::Array;
use ntk::contraction::{Method, Outputs};

use super::closed_forms::{given, outputs, product};
use super::network;
use crate::contraction::{Given, assert_close};

fn array(shape: &[usize], numbers: Vec<f64>) -> Array<f64> {
    Array::new(shape, numbers).unwrap()
}

#[test]
fn a_recurrent_layer_is_its_recursion() {
    for read_out in ["last", "mean"] {
        let text = format!(
            "input = [3, 2]\nlayers = [{{ kind = 'rnn', out = 4, activation = 'sin', read_out = '{read_out}', W_std = 1.3, \
             U_std = 0.7, b_std = 0.5 }}, {{ kind = 'dense', out = 2, param = 'standard' }}]"
        );
        let (p, x) = given(&text);
        let [u, b, w, v] = &p[..] else { panic!("four arrays") };
        let mut expected = Vec::new();
        for sample in 0..2 {
            let (mut h, mut sum) = (vec![0.0; 4], vec![0.0; 4]);
            for x in x.row(sample).unwrap().chunks(2) {
                let (driven, kept) = (product(x, u), product(&h, w));
                for c in 0..4 {
                    let z = 0.7 / 2.0_f64.sqrt() * driven[c] + 0.5 * b.data[c] + 1.3 / 2.0 * kept[c];
                    h[c] = z.sin();
                    sum[c] += h[c] / 3.0;
                }
            }
            expected.extend(product(if read_out == "last" { &h } else { &sum }, v));
        }
        assert_close(&outputs(&text, &p, &x), &expected, 1e-14, read_out);
    }
}

#[test]
fn a_masked_sequence_has_the_outputs_and_the_kernel_of_the_short_one() {
    // Lengths 2 and 3 of the first channel, padded to 5 behind and before; what stands in the padding does not matter.
    let short = [vec![0.5, -1.0, 0.25, 2.0], vec![1.0, 0.75, -0.5, 0.3, 0.8, -1.5]];
    for read_out in ["last", "mean"] {
        let text = |times: usize, channels: usize, masked: bool| {
            format!(
                "input = [{times}, {channels}]\nlayers = [{{ kind = 'rnn', out = 3, activation = 'tanh', read_out = '{read_out}', \
                 masked = {masked}, b_std = 0.5 }}, {{ kind = 'dense', out = 2 }}]"
            )
        };
        let (p, _) = given(&text(5, 3, true));
        for before in [false, true] {
            let padded: Vec<f64> = short
                .iter()
                .flat_map(|x| {
                    let mut rows: Vec<[f64; 3]> = x.chunks(2).map(|x| [x[0], x[1], 1.0]).collect();
                    let empty = vec![[9.0, -9.0, 0.0]; 5 - rows.len()];
                    if before {
                        rows.splice(0..0, empty);
                    } else {
                        rows.extend(empty);
                    }
                    rows.concat()
                })
                .collect();
            let padded = array(&[2, 5, 3], padded);
            let together = outputs(&text(5, 3, true), &p, &padded);
            for (i, x) in short.iter().enumerate() {
                let alone = outputs(&text(x.len() / 2, 2, false), &p, &array(&[1, x.len() / 2, 2], x.clone()));
                assert_close(&together[2 * i..2 * i + 2], &alone, 1e-15, read_out);
            }
            let masked = Given { network: network(&text(5, 3, true)), parameters: p.clone(), x1: padded, x2: None };
            let kernel = masked.kernel(Outputs::Trace, Method::Products).data;
            for (i, x) in short.iter().enumerate() {
                let x1 = array(&[1, x.len() / 2, 2], x.clone());
                let network = network(&text(x.len() / 2, 2, false));
                let alone = Given { network, parameters: p.clone(), x1, x2: None };
                let expected = alone.kernel(Outputs::Trace, Method::Products).data;
                assert_close(&kernel[3 * i..=3 * i], &expected, 1e-13, read_out);
            }
        }
    }
}

#[test]
fn a_mask_or_a_token_that_is_none_is_refused_with_its_place() {
    for (text, shape, answer) in [
        (
            "input = [2, 2]\nlayers = [{ kind = 'rnn', out = 2, masked = true }, { kind = 'dense', out = 1 }]",
            vec![2, 2, 2],
            "the mask of sample 0 at time 0 is 0.5",
        ),
        (
            "input = [2]\nlayers = [{ kind = 'embedding', tokens = 3, out = 2 }, { kind = 'flatten' }, { kind = 'dense', out = 1 }]",
            vec![2, 2],
            "token 0 of sample 0 is 0.5; give whole numbers from 0 to 2",
        ),
    ] {
        let network = network(text);
        let count = shape.iter().product();
        let given = Given {
            parameters: Given::of(network.clone(), false, 1, None).parameters,
            network,
            x1: array(&shape, vec![0.5; count]),
            x2: None,
        };
        let refused = given.compute(Outputs::Trace, Method::Jacobian, u64::MAX).unwrap_err();
        assert_eq!(refused.code(), 2, "{refused}");
        assert!(refused.to_string().contains(answer), "{refused}");
    }
}

#[test]
fn attention_weighs_values_by_the_softmax_of_scores() {
    let text = "input = [3, 2]\nlayers = [{ kind = 'attention', width = 4, out = 3, heads = 2, W_std = 1.5, b_std = 0.5 }, \
                { kind = 'flatten' }, { kind = 'dense', out = 2, param = 'standard' }]";
    let (p, x) = given(text);
    let (wide, joined) = (1.5 / 2.0_f64.sqrt(), 1.5 / 4.0_f64.sqrt());
    let mut expected = Vec::new();
    for sample in 0..2 {
        let mut y = vec![vec![0.0; 3]; 3];
        let mut arrays = p.iter();
        for head in 0..2 {
            let mut projected = || -> Vec<Vec<f64>> {
                let (w, b) = (arrays.next().unwrap(), arrays.next().unwrap());
                let one = |x: &[f64]| product(x, w).iter().zip(&b.data).map(|(z, b)| wide * z + 0.5 * b).collect();
                x.row(sample).unwrap().chunks(2).map(one).collect()
            };
            let (q, k, v) = (projected(), projected(), projected());
            let w = arrays.next().unwrap();
            let bias = (head == 0).then(|| arrays.next().unwrap());
            for (q, y) in q.iter().zip(&mut y) {
                let score = |k: &Vec<f64>| (q.iter().zip(k).map(|(q, k)| q * k).sum::<f64>() / 2.0_f64.sqrt()).exp();
                let scores: Vec<f64> = k.iter().map(score).collect();
                let norm: f64 = scores.iter().sum();
                let mixed: Vec<f64> =
                    (0..2).map(|c| scores.iter().zip(&v).map(|(s, v)| s * v[c]).sum::<f64>() / norm).collect();
                for (c, z) in product(&mixed, w).into_iter().enumerate() {
                    y[c] += joined * z + bias.map_or(0.0, |b| 0.5 * b.data[c]);
                }
            }
        }
        expected.extend(product(&y.concat(), p.last().unwrap()));
    }
    assert_close(&outputs(text, &p, &x), &expected, 1e-13, "attention");
}

#[test]
fn an_embedding_picks_rows() {
    let text = "input = [2]\nlayers = [{ kind = 'embedding', tokens = 3, out = 2, W_std = 1.5 }, { kind = 'flatten' }, \
                { kind = 'dense', out = 1, param = 'standard' }]";
    let (p, _) = given(text);
    let x = array(&[2, 2], vec![2.0, 0.0, 1.0, 2.0]);
    let row = |t: usize| [1.5 * p[0].data[2 * t], 1.5 * p[0].data[2 * t + 1]];
    let expected = [(2, 0), (1, 2)].map(|(a, b)| product(&[row(a), row(b)].concat(), &p[1])[0]);
    assert_close(&outputs(text, &p, &x), &expected, 1e-15, "embedding");
    assert_eq!(network(text).init(1).unwrap()[0].1, [3, 2]);
}

/// Complex numbers as pairs.
type Complex = (f64, f64);

fn times((a, b): Complex, (c, d): Complex) -> Complex {
    (a * c - b * d, a * d + b * c)
}

#[test]
fn a_complex_dense_layer_is_a_complex_product() {
    let text = "input = [4]\nlayers = [{ kind = 'complex_dense', out = 3, W_std = 1.5, b_std = 0.5 }, { kind = 'identity' }, \
                { kind = 'dense', out = 2, param = 'standard' }]";
    let (p, x) = given(text);
    let [a, re, b, im, v] = &p[..] else { panic!("five arrays") };
    let mut expected = Vec::new();
    for sample in 0..2 {
        let x = x.row(sample).unwrap();
        let y: Vec<Complex> = (0..3)
            .map(|o| {
                let sum = (0..2).map(|i| times((x[i], x[2 + i]), (a.data[i * 3 + o], b.data[i * 3 + o])));
                let sum = sum.fold((0.0, 0.0), |s, z| (s.0 + z.0, s.1 + z.1));
                let (w, beta) = (1.5 / 4.0_f64.sqrt(), 0.5 / 2.0_f64.sqrt());
                (w * sum.0 + beta * re.data[o], w * sum.1 + beta * im.data[o])
            })
            .collect();
        let stacked: Vec<f64> = y.iter().map(|y| y.0).chain(y.iter().map(|y| y.1)).collect();
        expected.extend(product(&stacked, v));
    }
    assert_close(&outputs(text, &p, &x), &expected, 1e-14, "complex");
}

#[test]
fn maps_of_complex_numbers_are_what_they_are_named_for() {
    type Map = fn(Complex) -> Complex;
    let relu: Map = |(a, b)| {
        let r = a.hypot(b);
        let g = (r - 0.4).max(0.0) / r;
        (g * a, g * b)
    };
    let phase: Map = |(a, b)| (a / a.hypot(b), b / a.hypot(b));
    let cardioid: Map = |(a, b)| {
        let g = 0.5 * (1.0 + a / a.hypot(b));
        (g * a, g * b)
    };
    let modulus: Map = |(a, b)| (a.hypot(b), 0.0);
    let real: Map = |(a, _)| (a, 0.0);
    for (kind, real_valued, of) in [
        ("'polar', activation = 'relu', shift = -0.4", false, relu),
        ("'phase'", false, phase),
        ("'cardioid'", false, cardioid),
        ("'modulus'", true, modulus),
        ("'real_part'", true, real),
    ] {
        let text =
            format!("input = [6]\nlayers = [{{ kind = {kind} }}, {{ kind = 'dense', out = 2, param = 'standard' }}]");
        let (p, x) = given(&text);
        let expected: Vec<f64> = (0..2)
            .flat_map(|i| {
                let x = x.row(i).unwrap();
                let y: Vec<Complex> = (0..3).map(|c| of((x[c], x[3 + c]))).collect();
                let mut stacked: Vec<f64> = y.iter().map(|y| y.0).collect();
                if !real_valued {
                    stacked.extend(y.iter().map(|y| y.1));
                }
                product(&stacked, &p[0])
            })
            .collect();
        assert_close(&outputs(&text, &p, &x), &expected, 1e-14, kind);
    }
}
