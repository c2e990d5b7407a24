//! What a step makes of a gradient.

use autodiff::Float;
use rayon::prelude::*;

use crate::array::Array;

/// How parameters move.
///
/// The letters: g the gradient of the loss, w the weights, h the learning rate of the step times the layer's multiplier,
/// d the weight decay. All follow the conventions of PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// `v = mu v + (g + d w)`, `w -= h v`; with Nesterov's look ahead `w -= h (g + d w + mu v)`. `mu` 0 is gradient
    /// descent.
    Sgd {
        /// `mu`
        momentum: f64,
        /// Whether the step looks ahead.
        nesterov: bool,
    },
    /// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `w -= h m' / (sqrt(v') + e)` with `m' = m / (1 - b1^t)` and
    /// `v' = v / (1 - b2^t)`.
    ///
    /// # Source
    /// Kingma and Ba 2015; decoupled: Loshchilov and Hutter 2019.
    Adam {
        /// `b1`
        beta1: f64,
        /// `b2`
        beta2: f64,
        /// `e`
        epsilon: f64,
        /// Whether the weights decay by themselves, `w -= h d w` (AdamW), or by way of the gradient, `g + d w`.
        decoupled: bool,
    },
    /// `dw/dt = -h (g + d w) / h_0`, followed over the time `h_0`, the learning rate of the step: where gradient descent
    /// of vanishing steps would go. Adaptive, see [`super::flow`].
    Flow {
        /// The error that a step of the integration may make, relative to `1 + |w|`.
        tolerance: f64,
    },
}

impl Optimizer {
    /// Gradient descent.
    pub const GRADIENT_DESCENT: Self = Self::Sgd { momentum: 0.0, nesterov: false };

    /// Vectors of the parameters' length that it remembers.
    pub fn moments(self) -> usize {
        match self {
            Self::Sgd { momentum, .. } => usize::from(momentum != 0.0),
            Self::Adam { .. } => 2,
            Self::Flow { .. } => 0,
        }
    }

    /// The sharpness beyond which a quadratic diverges: `2/h` for gradient descent, `2 (1 + mu)/h` for the heavy ball,
    /// `2 (1 + mu)/((1 + 2 mu) h)` with Nesterov's look ahead; none where the step is not linear in the gradient or has no
    /// length.
    ///
    /// # Source
    /// Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the edge of stability", appendix B.
    pub fn edge(self, rate: f64) -> Option<f64> {
        match self {
            Self::Sgd { momentum: mu, nesterov: false } => Some(2.0 * (1.0 + mu) / rate),
            Self::Sgd { momentum: mu, nesterov: true } => Some(2.0 * (1.0 + mu) / ((1.0 + 2.0 * mu) * rate)),
            Self::Adam { .. } | Self::Flow { .. } => None,
        }
    }

    /// Moves the weights; not for [`Optimizer::Flow`], which needs gradients on its way.
    ///
    /// `taken` counts the steps before this one, `rates` is a multiplier for each parameter array.
    pub(crate) fn step<R: Float>(self, at: &Step<'_, R>, weights: &mut [Array<R>], moments: &mut [Vec<R>]) {
        let mut from = 0;
        let mut moments: Vec<&mut [R]> = moments.iter_mut().map(Vec::as_mut_slice).collect();
        for (weight, rate) in weights.iter_mut().zip(at.rates) {
            let gradient = &at.gradient[from..from + weight.len()];
            from += weight.len();
            let own: Vec<&mut [R]> =
                moments.iter_mut().map(|m| m.split_off_mut(..weight.len()).expect("a moment for each")).collect();
            let h = at.rate * rate;
            match self {
                Self::Sgd { momentum, nesterov } => {
                    sgd(&mut weight.data, gradient, own, [h, at.decay, momentum], nesterov);
                }
                Self::Adam { beta1, beta2, epsilon, decoupled } => {
                    let t = i32::try_from(at.taken + 1).unwrap_or(i32::MAX);
                    let corrected = |beta: f64| 1.0 - autodiff::Real::powi(beta, t);
                    let constants = Adam {
                        h,
                        beta: [beta1, beta2],
                        corrections: [corrected(beta1), corrected(beta2)],
                        epsilon,
                        coupled: if decoupled { 0.0 } else { at.decay },
                        kept: if decoupled { 1.0 - h * at.decay } else { 1.0 },
                    };
                    constants.step(&mut weight.data, gradient, own);
                }
                Self::Flow { .. } => unreachable!("flow takes its own steps"),
            }
        }
    }
}

/// What a step is taken with.
pub(crate) struct Step<'s, R> {
    pub(crate) gradient: &'s [R],
    pub(crate) rate: f64,
    pub(crate) rates: &'s [f64],
    pub(crate) decay: f64,
    pub(crate) taken: u64,
}

/// Numbers that one task updates.
const BLOCK: usize = 1 << 14;

fn sgd<R: Float>(w: &mut [R], g: &[R], v: Vec<&mut [R]>, [h, decay, mu]: [f64; 3], nesterov: bool) {
    let cast = <R as autodiff::Real>::from_f64;
    let [h, decay, mu] = [h, decay, mu].map(cast);
    let Some(v) = v.into_iter().next() else {
        w.par_chunks_mut(BLOCK).zip(g.par_chunks(BLOCK)).for_each(|(w, g)| {
            w.iter_mut().zip(g).for_each(|(w, &g)| *w -= h * (g + decay * *w));
        });
        return;
    };
    w.par_chunks_mut(BLOCK).zip(g.par_chunks(BLOCK)).zip(v.par_chunks_mut(BLOCK)).for_each(|((w, g), v)| {
        for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
            let g = g + decay * *w;
            *v = mu * *v + g;
            *w -= h * if nesterov { g + mu * *v } else { *v };
        }
    });
}

/// The constants of a step of Adam.
struct Adam {
    h: f64,
    beta: [f64; 2],
    corrections: [f64; 2],
    epsilon: f64,
    /// The decay that goes through the gradient.
    coupled: f64,
    /// What decoupled decay leaves of a weight.
    kept: f64,
}

impl Adam {
    fn step<R: Float>(&self, w: &mut [R], g: &[R], moments: Vec<&mut [R]>) {
        let cast = <R as autodiff::Real>::from_f64;
        let Ok([m, v]) = <[&mut [R]; 2]>::try_from(moments) else { unreachable!("two moments") };
        let [beta1, beta2] = self.beta.map(cast);
        let [new1, new2] = self.beta.map(|beta| cast(1.0 - beta));
        // NUMERICS: the corrections are near 0 at first, so their inverses are made in f64.
        let [fix1, fix2] = self.corrections.map(|c| cast(1.0 / c));
        let (h, epsilon, coupled, kept) = (cast(self.h), cast(self.epsilon), cast(self.coupled), cast(self.kept));
        let chunks = w.par_chunks_mut(BLOCK).zip(g.par_chunks(BLOCK));
        chunks.zip(m.par_chunks_mut(BLOCK)).zip(v.par_chunks_mut(BLOCK)).for_each(|(((w, g), m), v)| {
            for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                let g = g + coupled * *w;
                *m = beta1 * *m + new1 * g;
                *v = beta2 * *v + new2 * g * g;
                let step = *m * fix1 / (autodiff::Real::sqrt(*v * fix2) + epsilon);
                *w = kept * *w - h * step;
            }
        });
    }
}
