//! Moments of the kernel of a rectifier network at one input, exactly.
//!
//! `K_w = sum over l of A_{l-1} B_l`, with `A_{l-1}` the square of what enters layer l and `B_l` that of the output's
//! gradient by what leaves it. Masks are fair coins that are independent of the squares of the weights, so a hidden layer of
//! width n multiplies the second moment of a forward or a backward part by `1 + 5/n`. A layer that one part passes forwards
//! and the other backwards is shared: with `J` the Jacobian of the layers between and `a` what they are given,
//!
//! ```text
//! T = E |a|^2 |J|^2     T' = (1 + 1/n) T + 4/n U
//! U = E |J^T a|^2       U' = 2/n T + (1 + 3/n) U        from T = 1 + 1/n, U = 2/n at the first such layer.
//! ```
//!
//! As both grow, `T = (e^{5s} + 2 e^{-s}) / 3` after `s n` layers. Leaving U out, as if mask and weights of a shared layer
//! were independent, gives `e^s`, which is too small by `6 s^2` and from `s` of a quarter on visibly so.
//!
//! # Source
//! Hanin and Nica 2019, arXiv:1909.05989, theorem 3, has the moments to a constant factor; the recursion is derived above.

/// `E[K_w^2] / E[K_w]^2` of a network with `layers` layers of weights, the hidden ones of one width.
pub fn weights(width: usize, layers: usize) -> f64 {
    let n = width as f64;
    let (mut t, mut u) = (1.0 + 1.0 / n, 2.0 / n);
    let mut shared = vec![1.0];
    for _ in 1..layers {
        shared.push(t);
        (t, u) = ((1.0 + 1.0 / n) * t + 4.0 / n * u, 2.0 / n * t + (1.0 + 3.0 / n) * u);
    }
    over_pairs(width, &shared)
}

/// The same with mask and weights of a shared layer taken for independent: `1 + 1/n` for each.
pub fn weights_if_independent(width: usize, layers: usize) -> f64 {
    let factor = 1.0 + 1.0 / width as f64;
    let shared: Vec<f64> = (0..layers).map(|apart| factor.powi(apart as i32)).collect();
    over_pairs(width, &shared)
}

/// The mean over pairs of layers `l, m` of `(1 + 5/n)^(hidden layers outside) shared[|l - m|]`.
fn over_pairs(width: usize, shared: &[f64]) -> f64 {
    let layers = shared.len();
    let outside = 1.0 + 5.0 / width as f64;
    let pair = |apart: usize| outside.powi((layers - 1 - apart) as i32) * shared[apart];
    let sum = |apart: usize| pair(apart) * if apart == 0 { layers } else { 2 * (layers - apart) } as f64;
    (0..layers).map(sum).sum::<f64>() / (layers * layers) as f64
}

/// The limit of [`weights`] for many wide layers, `beta` the number of hidden layers over the width.
pub fn weights_limit(beta: f64) -> f64 {
    let c = 6.0 * beta;
    // NUMERICS: a series where the difference would cancel.
    let mean = if c < 1e-4 { 0.5 - c / 6.0 } else { ((-c).exp_m1() + c) / (c * c) };
    (5.0 * beta).exp() * (1.0 + 4.0 * mean) / 3.0
}

/// `E[K_b]`: a half for the biases of each hidden layer, 1 for that of the output.
pub fn biases_mean(layers: usize) -> f64 {
    (layers - 1) as f64 / 2.0 + 1.0
}

/// `E[K_b^2] / E[K_b]^2`
pub fn biases(width: usize, layers: usize) -> f64 {
    let hidden = layers - 1;
    let factor = 1.0 + 5.0 / width as f64;
    // Of two hidden layers, the later one counts; there are 2 k - 1 pairs with the k-th as the later.
    let pairs = (1..=hidden).map(|k| (2 * k - 1) as f64 * factor.powi((hidden + 1 - k) as i32) / 4.0).sum::<f64>();
    (pairs + hidden as f64 + 1.0) / biases_mean(layers).powi(2)
}

/// The limit of [`biases`] for many wide layers.
pub fn biases_limit(beta: f64) -> f64 {
    let c = 5.0 * beta;
    if c < 1e-4 { 1.0 + c / 3.0 } else { 2.0 * (c.exp_m1() - c) / (c * c) }
}

/// `E[N^4] / E[N^2]^2` of the output.
pub fn output(width: usize, layers: usize) -> f64 {
    3.0 * (1.0 + 5.0 / width as f64).powi(layers as i32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hidden_layer_has_three_over_the_width() {
        // E over pairs: (1 + 5/n) twice, (1 + 1/n) twice.
        assert_eq!(weights(16, 2), 1.1875);
        assert_eq!(weights_if_independent(16, 2), 1.1875);
        for n in [1, 5, 1000] {
            assert!((weights(n, 2) - 1.0 - 3.0 / n as f64).abs() < 1e-12);
        }
    }

    #[test]
    fn a_width_of_one_is_a_product_of_numbers() {
        // N = 2 s w_1 w_2 w_3 with s = 1(w_1 > 0) 1(w_2 > 0), so K_w = 4 s (w_2^2 w_3^2 + w_1^2 w_3^2 + w_1^2 w_2^2): its mean
        // is 3, the squares of its terms have means 16/4 * 9, their products 16/4 * 3.
        assert!((weights(1, 3) - (3.0 * 36.0 + 6.0 * 12.0) / 9.0).abs() < 1e-12);
        // K_b = 1 + s_2 w_3^2 + 2 s w_2^2 w_3^2 of mean 2: squares 1, 3/2, 4/4 * 9, products 1/2, 1/2, 2/4 * 3.
        assert!((biases(1, 3) - (1.0 + 1.5 + 9.0 + 2.0 * (0.5 + 0.5 + 1.5)) / 4.0).abs() < 1e-12);
    }

    #[test]
    fn many_wide_layers_approach_the_limits() {
        for beta in [0.05, 0.25, 1.0] {
            let (layers, width) = (2001, (2000.0 / beta) as usize);
            assert!((weights(width, layers) / weights_limit(beta) - 1.0).abs() < 1e-2, "{beta}");
            assert!((biases(width, layers) / biases_limit(beta) - 1.0).abs() < 1e-2, "{beta}");
        }
        // At small beta: 1 + 11/3 beta, and 1 + 5/3 beta for the biases.
        for (limit, slope) in [(weights_limit as fn(f64) -> f64, 11.0 / 3.0), (biases_limit, 5.0 / 3.0)] {
            for beta in [1e-6, 1e-4] {
                assert!(((limit(beta) - 1.0) / beta / slope - 1.0).abs() < 1e-3, "{beta}");
            }
        }
    }
}
