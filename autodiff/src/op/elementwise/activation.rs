//! The functions between the layers of a network.

use super::Elementwise;
use crate::real::Real;

/// `relu(x + h) = relu(x) + [x > 0] h`, for `h` small beside `x`
///
/// # At kinks
/// The slope at 0 is 0. `relu(-0) = 0` and `relu(NaN) = NaN`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relu;
impl Elementwise for Relu {
    const NAME: &'static str = "relu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        // NUMERICS: |x| is x at 0 and NaN, but on a dual its tangent is that of the stated slope, 0, and not that of x.
        let at_most_zero = if x < R::ZERO { R::ZERO } else { x.abs() };
        if x > R::ZERO { x } else { at_most_zero }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if x > R::ZERO { R::ONE } else { R::ZERO }
    }
}

/// `f(x + h) = f(x) + (1 or alpha) h`
///
/// # At kinks
/// The slope at 0 is `alpha`, the one from below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu(
    /// The slope below 0.
    pub f64,
);
impl Elementwise for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        if x > R::ZERO { x } else { x.scale(self.0) }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if x > R::ZERO { R::ONE } else { R::from_f64(self.0) }
    }
}

/// `sigmoid(x + h) = y + sigmoid(x) sigmoid(-x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigmoid;
impl Elementwise for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const SAMPLES: &'static [f64] = &[-30.0, -0.7, 0.0, 1e-9, 2.5, 30.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sigmoid()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, y: R) -> R {
        // NUMERICS: 1 - y would lose all digits where y is near 1.
        y * (-x).sigmoid()
    }
}

/// `softplus(x + h) = y + sigmoid(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softplus;
impl Elementwise for Softplus {
    const NAME: &'static str = "softplus";
    const SAMPLES: &'static [f64] = &[-30.0, -0.7, 0.0, 1e-9, 2.5, 30.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.softplus()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.sigmoid()
    }
}

/// `gelu(x + h) = x Phi(x) + (Phi(x) + x phi(x)) h`
///
/// Exact, not the tanh approximation. `Phi` keeps its relative accuracy in the tail, where `(1 + erf) / 2` would
/// cancel.
///
/// # Source
/// Hendrycks and Gimpel, arXiv:1606.08415, section 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gelu;
impl Elementwise for Gelu {
    const NAME: &'static str = "gelu";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x * x.normal_cdf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.normal_cdf() + x * x.normal_pdf()
    }
}

/// `gelu_tanh(x + h) = y + (s + x s (1 - s) u') h`, where `s = sigmoid(u)`, `u = sqrt(8/pi) (x + 0.044715 x^3)`
///
/// `y = x (1 + tanh(u / 2)) / 2 = x s`: the approximation of [`Gelu`] that many weights were trained with, off by up to
/// 5e-4.
///
/// # Source
/// Hendrycks and Gimpel, arXiv:1606.08415, section 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeluTanh;
impl Elementwise for GeluTanh {
    const NAME: &'static str = "gelu_tanh";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        // NUMERICS: (1 + tanh) / 2 would cancel in the left tail.
        x * Self::argument(x).sigmoid()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        let u = Self::argument(x);
        let (below, above) = (u.sigmoid(), (-u).sigmoid());
        let bend = R::ONE + (x * x).scale(3.0 * Self::CUBIC);
        below + x * (below * above) * bend.scale(Self::SCALE)
    }
}

impl GeluTanh {
    const CUBIC: f64 = 0.044715;
    /// `sqrt(8 / pi)`
    const SCALE: f64 = 1.5957691216057308;

    #[inline(always)]
    fn argument<R: Real>(x: R) -> R {
        (x + (x * x * x).scale(Self::CUBIC)).scale(Self::SCALE)
    }
}

/// `silu(x + h) = x s + (s + y (1 - s)) h`, where `s = sigmoid(x)`
///
/// Also known as swish.
///
/// # Source
/// Hendrycks and Gimpel, arXiv:1606.08415, section 2; Ramachandran et al., arXiv:1710.05941.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Silu;
impl Elementwise for Silu {
    const NAME: &'static str = "silu";
    const SAMPLES: &'static [f64] = &[-30.0, -0.7, 0.0, 1e-9, 2.5, 30.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x * x.sigmoid()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, y: R) -> R {
        x.sigmoid() + y * (-x).sigmoid()
    }
}

/// `elu(x + h) = y + (1 or alpha e^x) h`
///
/// # At kinks
/// The slope at 0 is `alpha`, the one from below, as in JAX and PyTorch; for `alpha = 1` it does not jump, and the
/// curvature there is that from below.
///
/// # Source
/// Clevert et al., arXiv:1511.07289, equation 14.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu(
    /// Minus the limit at minus infinity.
    pub f64,
);
impl Elementwise for Elu {
    const NAME: &'static str = "elu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        if x > R::ZERO { x } else { x.expm1().scale(self.0) }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        // NUMERICS: y + alpha would lose all digits where x is very negative.
        if x > R::ZERO { R::ONE } else { x.exp().scale(self.0) }
    }
}

/// `selu(x + h) = y + (lambda or lambda alpha e^x) h`
///
/// # At kinks
/// The slope at 0 is the one from below, `lambda alpha = 1.758`, as in JAX and PyTorch.
///
/// # Source
/// Klambauer et al., arXiv:1706.02515, equation 2 and appendix A1, where the fixed point gives both constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selu;
impl Elementwise for Selu {
    const NAME: &'static str = "selu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        if x > R::ZERO { x.scale(Self::LAMBDA) } else { x.expm1().scale(Self::LAMBDA_ALPHA) }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if x > R::ZERO { R::from_f64(Self::LAMBDA) } else { x.exp().scale(Self::LAMBDA_ALPHA) }
    }
}

impl Selu {
    const LAMBDA: f64 = 1.0507009873554805;
    const LAMBDA_ALPHA: f64 = Self::LAMBDA * 1.6732632423543772;
}

/// `hard_tanh(x + h) = y + [-1 < x < 1] h`
///
/// # At kinks
/// The slopes at -1 and 1 are 0, as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardTanh;
impl Elementwise for HardTanh {
    const NAME: &'static str = "hard_tanh";
    const SAMPLES: &'static [f64] = &[-20.0, -1.0, -0.7, 0.0, 1e-9, 1.0, 2.5];
    const KINKS: &'static [f64] = &[-1.0, 1.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        held(x, -1.0, 1.0)
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        inside(x, -1.0, 1.0)
    }
}

/// `relu6(x + h) = y + [0 < x < 6] h`
///
/// # At kinks
/// The slopes at 0 and 6 are 0, as in PyTorch.
///
/// # Source
/// Krizhevsky, Convolutional Deep Belief Networks on CIFAR-10, 2010.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relu6;
impl Elementwise for Relu6 {
    const NAME: &'static str = "relu6";
    const SAMPLES: &'static [f64] = &[-20.0, -1e-9, 0.0, 0.7, 5.0, 6.0, 9.5];
    const KINKS: &'static [f64] = &[0.0, 6.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        held(x, 0.0, 6.0)
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        inside(x, 0.0, 6.0)
    }
}

/// `x` held within the bounds; at a bound, and beyond it, a constant. NaN stays NaN.
#[inline(always)]
fn held<R: Real>(x: R, low: f64, high: f64) -> R {
    let (low, high) = (R::from_f64(low), R::from_f64(high));
    let at_least = if x <= low { low } else { x };
    if x >= high { high } else { at_least }
}

/// 1 between the bounds, 0 at them and beyond.
#[inline(always)]
fn inside<R: Real>(x: R, low: f64, high: f64) -> R {
    let above = if x <= R::from_f64(low) { R::ZERO } else { R::ONE };
    if x >= R::from_f64(high) { R::ZERO } else { above }
}
