//! Kernels of infinitely wide networks: against neural-tangents, finite networks, and themselves.

mod kinds;
mod properties;
mod widths;

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::Observer;
use ntk::infinite::{Get, Kernels, kernel};
use ntk::model::{Architecture, Layer};

use crate::goldens::cases;
use crate::numbers::relative_error;

pub fn infinite<R: Float>(model: &Architecture, x1: &Array<R>, x2: Option<&Array<R>>) -> Kernels<R> {
    kernel(model, x1, x2, Get::Both, u64::MAX, &Observer::default()).unwrap()
}

/// Makes tokens of numbers for a network that begins with an embedding, or a mask of their last channel, of lengths that differ.
pub fn tokens_or_mask(model: &Architecture, x: &mut Array<f64>) {
    match model.layers.first() {
        Some(Layer::Embedding(embedding)) => {
            let tokens = embedding.tokens as f64;
            x.data.iter_mut().for_each(|x| *x = (x.abs() * 7.0).floor() % tokens);
        }
        Some(Layer::Recurrent(rnn)) if rnn.masked => {
            let (times, channels) = (model.input[0], model.input[1]);
            for (sample, x) in x.data.chunks_exact_mut(times * channels).enumerate() {
                for (t, x) in x.chunks_exact_mut(channels).enumerate() {
                    // Short at the end, or padded at the start.
                    let there = if sample % 2 == 0 { t < times - sample % 3 } else { t >= sample % times };
                    x[channels - 1] = f64::from(u8::from(there));
                }
            }
        }
        _ => {}
    }
}

#[test]
fn infinite_kernels_are_those_of_neural_tangents() {
    let mut seen = 0;
    for mut case in cases() {
        // Theirs is a quadrature for these, and not symmetric; `manifest.json` says by how much.
        let tolerance = if case.asymmetry > 0.0 { (10.0 * case.asymmetry).max(1e-7) } else { 1e-10 };
        // Their diagonal of relu goes through the angle between a sample and itself, and is off by up to 1.1e-8 where 50 digits
        // agree with ours to the last; that of tanh by 2.8e-6 at the sample of most variance, where a grid of 441^2 points
        // agrees with ours.
        let diagonal = match (case.name.contains("relu"), case.asymmetry > 0.0) {
            (true, _) => 2e-8,
            (_, true) => 5e-6,
            _ => 1e-10,
        };
        for (pair, x2) in [("11", None), ("12", case.x2.clone())] {
            if pair == "12" && x2.is_none() {
                continue;
            }
            let found = infinite(&case.model, &case.x1, x2.as_ref());
            for (name, found) in [("nngp", found.nngp.unwrap()), ("ntk", found.ntk.unwrap())] {
                let key = format!("{name}_inf_{pair}");
                let (mut found, shape) = (found.data, found.shape);
                if pair == "11" {
                    let expected = case.value(&key).data;
                    for i in 0..shape[0] {
                        let at = i * (shape[0] + 1);
                        assert!((found[at] / expected[at] - 1.0).abs() < diagonal, "{} {key}", case.name);
                        found[at] = expected[at];
                    }
                }
                case.agrees(&key, &shape, &found, tolerance);
                seen += 1;
            }
        }
    }
    assert!(seen >= 34, "{seen}");
}

#[test]
fn single_precision_is_within_1e_5_of_double() {
    for case in cases() {
        let narrow = |x: &Array<f64>| x.map(|&x| x as f32);
        let wide = infinite(&case.model, &narrow(&case.x1).map(|&x| f64::from(x)), None);
        let found = infinite(&case.model, &narrow(&case.x1), None);
        for (found, expected) in [(found.nngp, wide.nngp), (found.ntk, wide.ntk)] {
            let found: Vec<f64> = found.unwrap().data.iter().map(|&x| f64::from(x)).collect();
            let error = relative_error(&found, &expected.unwrap().data);
            assert!(error <= 2e-6, "{}: {error:.1e}", case.name);
        }
    }
}
