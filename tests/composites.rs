//! Composites against what a page of loops makes of the same numbers.

use autodiff::op::composite::{Complex, Mask, attention, layer_norm, rms_norm, rnn_cell, softmax};
use autodiff::{Arena, Error, Tape, Var};

use crate::numbers::{Random, relative_error};

const TOLERANCE: f64 = 1e-12;

/// A random value and its numbers.
fn drawn<'a>(tape: &'a Tape<'a, f64>, shape: &[usize], random: &mut Random) -> (Var<'a, f64>, Vec<f64>) {
    let numbers = random.numbers(shape.iter().product());
    (tape.leaf(tape.keep(&numbers), shape).unwrap(), numbers)
}

fn assert_near(found: Var<'_, f64>, shape: &[usize], expected: &[f64], what: &str) {
    let error = relative_error(found.value(), expected);
    assert!(error <= TOLERANCE && found.shape() == shape, "{what}: {error:e}, {:?}", found.shape());
}

#[test]
fn softmax_is_a_quotient_of_exponentials() {
    let (mut arena, mut random) = (Arena::new(), Random::new(81));
    for [n, c] in [[1, 1], [2, 3], [5, 16], [3, 33]] {
        let tape = arena.tape();
        let (x, numbers) = drawn(tape, &[n, c], &mut random);
        let rows = numbers.chunks_exact(c);
        let expected: Vec<f64> = rows
            .flat_map(|row| {
                let total: f64 = row.iter().map(|x| x.exp()).sum();
                row.iter().map(move |x| x.exp() / total)
            })
            .collect();
        assert_near(softmax(x).unwrap(), &[n, c], &expected, "softmax");
    }
}

#[test]
fn normalized_rows_are_those_of_their_formulas() {
    let (mut arena, mut random) = (Arena::new(), Random::new(82));
    for d in [1, 2, 5, 16, 33] {
        let tape = arena.tape();
        let (x, numbers) = drawn(tape, &[2, 3, d], &mut random);
        let ((gain, g), (bias, b)) = (drawn(tape, &[d], &mut random), drawn(tape, &[d], &mut random));
        let (mut layer, mut root) = (Vec::new(), Vec::new());
        for row in numbers.chunks_exact(d) {
            let mean = row.iter().sum::<f64>() / d as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / d as f64;
            let square = row.iter().map(|x| x * x).sum::<f64>() / d as f64;
            layer.extend((0..d).map(|i| (row[i] - mean) / (variance + 1e-3).sqrt() * g[i] + b[i]));
            root.extend((0..d).map(|i| row[i] / (square + 1e-3).sqrt() * g[i]));
        }
        assert_near(layer_norm(x, gain, bias, 1e-3).unwrap(), &[2, 3, d], &layer, "layer norm");
        assert_near(rms_norm(x, gain, 1e-3).unwrap(), &[2, 3, d], &root, "rms norm");
    }
}

/// Attention by loops over queries, keys and components.
fn attention_by_loops(q: &[f64], k: &[f64], v: &[f64], [b, t, s, d, e]: [usize; 5], causal: bool) -> Vec<f64> {
    let mut out = vec![0.0; b * t * e];
    for (head, i) in (0..b).flat_map(|head| (0..t).map(move |i| (head, i))) {
        let seen = if causal { i + 1 } else { s };
        let score = |j: usize| {
            let products = (0..d).map(|c| q[(head * t + i) * d + c] * k[(head * s + j) * d + c]);
            (products.sum::<f64>() / (d as f64).sqrt()).exp()
        };
        let total: f64 = (0..seen).map(score).sum();
        for j in 0..seen {
            for c in 0..e {
                out[(head * t + i) * e + c] += score(j) / total * v[(head * s + j) * e + c];
            }
        }
    }
    out
}

#[test]
fn attention_is_that_of_its_loops() {
    let (mut arena, mut random) = (Arena::new(), Random::new(83));
    for sizes @ [b, t, s, d, e] in
        [[1, 1, 1, 1, 1], [2, 3, 5, 4, 2], [3, 5, 5, 2, 3], [2, 16, 16, 8, 5], [1, 33, 33, 3, 1]]
    {
        let tape = arena.tape();
        let (q, q_numbers) = drawn(tape, &[b, t, d], &mut random);
        let (k, k_numbers) = drawn(tape, &[b, s, d], &mut random);
        let (v, v_numbers) = drawn(tape, &[b, s, e], &mut random);
        for mask in [Mask::None, Mask::Causal] {
            let found = attention(q, k, v, mask);
            if mask == Mask::Causal && t != s {
                assert!(matches!(found, Err(Error::Shapes { op: "attention", .. })));
                continue;
            }
            let expected = attention_by_loops(&q_numbers, &k_numbers, &v_numbers, sizes, mask == Mask::Causal);
            assert_near(found.unwrap(), &[b, t, e], &expected, "attention");
        }
    }
}

#[test]
fn a_recurrent_cell_is_that_of_its_loops() {
    let (mut arena, mut random) = (Arena::new(), Random::new(84));
    let tape = arena.tape();
    let [n, i, d] = [3, 2, 4];
    let ((x, xs), (h, hs)) = (drawn(tape, &[n, i], &mut random), drawn(tape, &[n, d], &mut random));
    let ((w, ws), (u, us)) = (drawn(tape, &[i, d], &mut random), drawn(tape, &[d, d], &mut random));
    let (b, bs) = drawn(tape, &[d], &mut random);
    let entry = |row: usize, col: usize| {
        let input: f64 = (0..i).map(|k| xs[row * i + k] * ws[k * d + col]).sum();
        let state: f64 = (0..d).map(|k| hs[row * d + k] * us[k * d + col]).sum();
        (input + state + bs[col]).tanh()
    };
    let expected: Vec<f64> = (0..n * d).map(|at| entry(at / d, at % d)).collect();
    assert_near(rnn_cell(x, h, w, u, b).unwrap(), &[n, d], &expected, "a cell");
}

#[test]
fn complex_numbers_multiply_and_have_a_length() {
    let (mut arena, mut random) = (Arena::new(), Random::new(85));
    let tape = arena.tape();
    let parts: Vec<_> = (0..4).map(|_| drawn(tape, &[5], &mut random)).collect();
    let (x, y) = (Complex { re: parts[0].0, im: parts[1].0 }, Complex { re: parts[2].0, im: parts[3].0 });
    let [a, b, c, d] = [0, 1, 2, 3].map(|part| &parts[part].1);
    let each = |f: &dyn Fn(usize) -> f64| (0..5).map(f).collect::<Vec<_>>();
    let product = x.times(y).unwrap();
    assert_near(product.re, &[5], &each(&|i| a[i] * c[i] - b[i] * d[i]), "real part");
    assert_near(product.im, &[5], &each(&|i| a[i] * d[i] + b[i] * c[i]), "imaginary part");
    // |x y| = |x| |y|, x conj(x) = |x|^2, arg conj(x) = -arg x.
    assert_near(product.modulus().unwrap(), &[5], &each(&|i| a[i].hypot(b[i]) * c[i].hypot(d[i])), "modulus");
    let square = x.times(x.conjugate()).unwrap();
    assert_near(square.re, &[5], &each(&|i| a[i] * a[i] + b[i] * b[i]), "square");
    assert!(square.im.value().iter().all(|im| im.abs() < 1e-15));
    assert_near(x.conjugate().argument().unwrap(), &[5], &each(&|i| -b[i].atan2(a[i])), "argument");
}

#[test]
fn numbers_are_moved_to_where_they_are_said_to_go() {
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let x = tape.leaf(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &[2, 3]).unwrap();
    let shaped = |y: autodiff::Result<Var<'_, f64>>, shape: &[usize], expected: &[f64]| {
        let y = y.unwrap();
        assert_eq!((y.shape(), y.value()), (shape, expected), "{y:?}");
    };
    shaped(x.transposed(), &[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    shaped(x.flip(1), &[2, 3], &[2.0, 1.0, 0.0, 5.0, 4.0, 3.0]);
    shaped(x.slice(1, 1, 2), &[2, 2], &[1.0, 2.0, 4.0, 5.0]);
    shaped(x.pad(0, 1, 0), &[3, 3], &[0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    shaped(x.concat(&[x.scale(-1.0)], 1), &[2, 6], &[0.0, 1.0, 2.0, -0.0, -1.0, -2.0, 3.0, 4.0, 5.0, -3.0, -4.0, -5.0]);
    shaped(x.stack(&[x], 1), &[2, 2, 3], &[0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 3.0, 4.0, 5.0]);
    shaped(x.gather(&[1, 1, 0]), &[3, 3], &[3.0, 4.0, 5.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0]);
    shaped(x.tril(0), &[2, 3], &[0.0, 0.0, 0.0, 3.0, 4.0, 0.0]);
    shaped(x.triu(1), &[2, 3], &[0.0, 1.0, 2.0, 0.0, 0.0, 5.0]);
    shaped(x.cumulative_sum(1), &[2, 3], &[0.0, 1.0, 3.0, 3.0, 7.0, 12.0]);
    shaped(x.mean_axis(1), &[2], &[1.0, 4.0]);
    shaped(x.max_axis(0), &[3], &[3.0, 4.0, 5.0]);
    shaped(x.min_axis(1), &[2], &[0.0, 3.0]);
    shaped(x.maximum(x.scale(-1.0)), &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let zero = tape.leaf(&[-0.0], &[1]).unwrap();
    let joined = zero.concat(&[zero], 0).unwrap();
    assert!(joined.value().iter().all(|x| x.is_sign_negative()), "a concatenation keeps -0");
}

#[test]
fn a_sum_is_of_a_fixed_order_and_of_the_accuracy_of_many_lanes() {
    // 0.1 a million times: one running sum is off by 1e-6, sixteen by a sixteenth of that or less.
    let numbers = vec![0.1; 1_000_000];
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let sum = tape.leaf(&numbers, &[1_000_000]).unwrap().sum().value()[0];
    assert!((sum - 1e5).abs() < 1e-7, "{sum}");
    // The order stated: number i in lane i mod 16, the lanes added in halves.
    let mut random = Random::new(86);
    for len in [1, 2, 15, 16, 17, 33, 1000] {
        let numbers = random.numbers(len);
        let mut lanes = [0.0; 16];
        numbers.iter().enumerate().for_each(|(i, x)| lanes[i % 16] += x);
        for width in [8, 4, 2, 1] {
            (0..width).for_each(|i| lanes[i] += lanes[i + width]);
        }
        let mut arena = Arena::new();
        let found = arena.tape::<f64>().leaf(&numbers, &[len]).unwrap().sum().value()[0];
        assert_eq!(found.to_bits(), lanes[0].to_bits(), "{len}");
    }
}
